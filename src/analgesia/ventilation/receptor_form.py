"""The lighter form: breathing at therapeutic doses from a concentration, a receptor and an intrinsic activity.

    effect site     dC_e/dt = ke0 (C - C_e)
    receptor        kinetic      d rho/dt = kon C_e (1 - rho)(1 - b) - koff rho        (Yassen 2007 buprenorphine, Olofsen 2010 morphine)
                    equilibrium  rho = C_e^h / (C50^h + C_e^h)                         (Yassen 2007 fentanyl)
                    library      rho_i = (C_i/K_i) / (1 + sum C_j/K_j), C unbound in the brain, K and tau of `agonism`  (kratom alkaloids)
    transduction    linear       E = alpha rho
                    operational  E = [S/(1 + S)] / [r tau_m/(1 + r tau_m)],  S = r sum tau_i rho_i   (m: morphine, r: reserve)
    ventilation     V = V0 max(0, 1 - E - sum of other depressants)

b is the share of free receptors that naloxone holds. A ceiling appears only where alpha or tau gives one. Ventilation is that of
volunteers breathing CO2 held constant, which a person who breathes freely does not do: the reflexes of `equations` are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.agonism import efficacy, working
from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library, Number
from analgesia.evidence.schema import Harm
from analgesia.ventilation.regimens import names

Array = NDArray[np.float64]
Depressant = Callable[[Array], Array]
"""Times (h) -> share of the ventilation at the start that something else takes away (0 to 1), of the same shape."""

MU = "mu_opioid"
MAXIMUM_STEP = 1.0 / 60.0
"""Hours; the receptor is stepped at most this far at a time with its rates held at mid-step."""


@dataclass(frozen=True)
class Response:
    """Breathing [draw, time] under one drug; `times` in h, ventilation in L/min at constant CO2 and as a share of its start."""

    drug: str
    times: Array
    concentration: Array
    occupancy: Array
    effect: Array
    share: Array
    ventilation: Array
    translations: tuple[str, ...]
    assumptions: tuple[str, ...]


def record(library: Library, drug: str) -> Harm:
    """The evidence on the lighter form of a drug; an unknown one is an error that lists those there are."""
    found = library.harms.get(f"ventilation_receptor_{drug}")
    if found is None:
        raise EvidenceError(
            f"no receptor form of breathing under {drug!r}; there are {', '.join(names(library, 'receptor_form'))}"
        )
    return found


def respond(
    drug: str,
    times: Array,
    concentration: Array,
    *,
    subject: str = "naive",
    library: Library | None = None,
    partners: Mapping[str, Array] | None = None,
    naloxone: Array | None = None,
    depressants: Sequence[Depressant] = (),
    replicates: int = 1,
    guesses: NDArray[np.int64] | None = None,
    seed: int = 1,
) -> Response:
    """Breathing for a concentration course.

    `concentration` [time] or [draw, time] at `times` (h, increasing): total in plasma, ng/mL, or, for the kratom alkaloids, unbound in
    the brain, nM; linear between times. `partners` are other agonists of the library that compete with it, in the same form as a kratom
    alkaloid. `naloxone` is its plasma course in ng/mL. With `replicates` > 1 every number is drawn from what is not known
    about it and from how people differ; the first row then holds the central values. With
    `guesses` [draw] rows of one guess share what is not known and differ as people do; then no row is central.
    """
    library = library or evidence.load()
    form = record(library, drug)
    times, concentration = np.asarray(times, dtype=float), np.asarray(concentration, dtype=float)
    numbers = _Numbers(library, form, replicates, seed, guesses)
    site = _rows(times, concentration, replicates)
    if form.identifiers["receptor"] == "library":
        if naloxone is not None or subject != "naive":
            raise ModelError(f"neither naloxone nor tolerance is known for breathing under {drug}")
        others = {name: _rows(times, values, replicates) for name, values in (partners or {}).items()}
        occupancy, effect = _competing(numbers, {drug: site, **others})
    else:
        if partners:
            raise ModelError(
                f"{drug} is followed in plasma alone; other agonists cannot compete with it in this form"
            )
        site = equilibrated(times, site, numbers.rate("ke0", "half_life"))
        occupancy = _occupancy(form, numbers, times, site, _blocked(form, numbers, times, naloxone), subject)
        effect = np.minimum(numbers("alpha", "1"), 1.0)[:, None] * occupancy
    other = sum((np.clip(d(times), 0.0, 1.0) for d in depressants), np.zeros_like(times))
    share = np.maximum(1.0 - effect - other, 0.0)
    return Response(
        drug=drug,
        times=times,
        concentration=concentration,
        occupancy=occupancy,
        effect=effect,
        share=share,
        ventilation=numbers("baseline", "L/min")[:, None] * share,
        translations=numbers.translations,
        assumptions=numbers.assumptions,
    )


def together(
    times: Array,
    plasma: Mapping[str, Array],
    brain: Mapping[str, Array],
    *,
    library: Library | None = None,
    guesses: NDArray[np.int64] | None = None,
    seed: int = 1,
) -> Array:
    """Ventilation [lane, time] as a share of its start under every opioid of a run, each by its own form, effects added.

    `plasma` (total, ng/mL) and `brain` (unbound, nM) are courses [lane, time] by drug at `times` (h), one lane per person and guess; drugs
    without a receptor form, such as gabapentin, are passed over. The kratom alkaloids compete with each other. `guesses` [lane] says which
    lanes share what is not known (by default each has its own, the first the central values).
    """
    library = library or evidence.load()
    forms = {drug: library.harms.get(f"ventilation_receptor_{drug}") for drug in brain}
    competing = [
        drug for drug, form in forms.items() if form is not None and form.identifiers["receptor"] == "library"
    ]
    lanes = len(next(iter(brain.values()))) if brain else 1
    effect = np.zeros((lanes, np.size(times)))
    if competing:
        first, *rest = sorted(competing)
        partners = {drug: brain[drug] for drug in rest}
        effect += respond(
            first,
            times,
            brain[first],
            library=library,
            partners=partners,
            replicates=lanes,
            guesses=guesses,
            seed=seed,
        ).effect
    for drug, form in forms.items():
        if form is not None and drug not in competing:
            effect += respond(
                drug, times, plasma[drug], library=library, replicates=lanes, guesses=guesses, seed=seed
            ).effect
    return np.maximum(1.0 - effect, 0.0)


def propofol(concentration: Callable[[Array], Array], library: Library | None = None) -> Depressant:
    """Propofol as a second depressant: `concentration` maps times (h) to ug/mL; the loss is linear up to the highest one measured."""
    numbers = (library or evidence.load()).harms["ventilation_depressant_propofol"].parameters
    slope, highest = numbers["loss"].to("mL/ug"), numbers["highest"].to("ug/mL")

    def loss(times: Array) -> Array:
        level = concentration(times)
        if np.any(level > highest * (1 + 1e-9)):
            raise ModelError(f"propofol above {highest:g} ug/mL was not measured together with breathing")
        return slope * level

    return loss


def equilibrated(times: Array, concentration: Array, rate: Array) -> Array:
    """Effect site [draw, time] of dC_e/dt = rate (C - C_e), C [time] or [draw, time] linear between times: exact. `rate` [draw] in 1/h."""
    rows = np.broadcast_to(concentration, (rate.size, times.size))
    site = np.zeros((rate.size, times.size))
    for i in range(1, times.size):
        step = times[i] - times[i - 1]
        slope = (rows[:, i] - rows[:, i - 1]) / step
        steady = rows[:, i - 1] - slope / rate
        site[:, i] = steady + slope * step + (site[:, i - 1] - steady) * np.exp(-rate * step)
    return site


class _Numbers:
    """The numbers of one form, drawn once per replicate (another person under another guess); notes what is assumed or translated."""

    def __init__(
        self,
        library: Library,
        form: Harm,
        replicates: int,
        seed: int,
        guesses: NDArray[np.int64] | None = None,
    ) -> None:
        self.guesses = guesses
        self.library, self.form, self.replicates, self.seed = library, form, replicates, seed
        self._noted: dict[str, Number] = {}

    def __call__(self, name: str, unit: str) -> Array:
        """[draw] values of a parameter (dots reach into tables)."""
        value: Any = self.form.parameters
        for part in name.split("."):
            if part not in value:
                raise EvidenceError(f"{', '.join(self.form.files)}: parameters.{name} is missing")
            value = value[part]
        return self.draw(value, unit, f"{self.form.name}.{name}")

    def draw(self, number: Number, unit: str, key: str) -> Array:
        """[draw] values of any number: the central one first, then moved by what is not known and by how people differ."""
        self._noted[key] = number
        central = number.to(unit)
        moved = np.zeros(self.replicates)
        alone = self.replicates == 1 and self.guesses is None
        if number.uncertainty_sd_log > 0.0 and not alone:
            which = np.arange(self.replicates) if self.guesses is None else self.guesses
            normal = np.asarray(draws.normal(self.seed, f"ignorance/{key}", int(which.max()) + 1))
            moved += number.uncertainty_sd_log * normal[which]
        if number.diversity_sd_log > 0.0 and not alone:
            moved += number.diversity_sd_log * np.asarray(
                draws.normal(self.seed, f"diversity/{key}", self.replicates)
            )
        if self.guesses is None:
            moved[0] = 0.0
        return np.asarray(central * np.exp(moved))

    def rate(self, rate: str, half_life: str, table: str = "") -> Array:
        """[draw] rate constant in 1/h, given as such or as a half-life."""
        found = self.form.parameters[table] if table else self.form.parameters
        prefix = f"{table}." if table else ""
        if rate in found:
            return self(prefix + rate, "1/h")
        return np.log(2.0) / self(prefix + half_life, "h")

    @property
    def translations(self) -> tuple[str, ...]:
        """The rules by which numbers of animals or cells were carried over."""
        return tuple(dict.fromkeys(n.translation for n in self._noted.values() if n.translation))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed, by parameter."""
        return tuple(f"{key}: {n.assumed}" for key, n in self._noted.items() if n.assumed)


def _rows(times: Array, concentration: Array, replicates: int) -> Array:
    """A course as [draw, time], checked."""
    if times.ndim != 1 or times.size < 2 or np.any(np.diff(times) <= 0.0):
        raise ModelError("times must be one increasing row of at least two")
    values = np.asarray(concentration, dtype=float)
    if values.shape not in ((times.size,), (replicates, times.size)):
        raise ModelError(
            f"one concentration for each of {times.size} times (and {replicates} draws), not {values.shape}"
        )
    if not np.all(np.isfinite(values)) or np.any(values < 0.0):
        raise ModelError("concentrations must be finite and not negative")
    return np.array(np.broadcast_to(values, (replicates, times.size)))


def _blocked(form: Harm, numbers: _Numbers, times: Array, naloxone: Array | None) -> Array:
    """Share of free receptors held by naloxone, [draw, time]."""
    if naloxone is None:
        return np.zeros((numbers.replicates, times.size))
    if "naloxone" not in form.parameters:
        raise ModelError(
            f"the receptor form of {form.identifiers['drug']} has no naloxone in it; use the overdose model"
        )
    site = equilibrated(
        times, np.asarray(naloxone, dtype=float), numbers.rate("ke0", "half_life", "naloxone")
    )
    half = numbers("naloxone.C50", "ng/mL")[:, None]
    held = site / (half + site)
    if "gamma" in form.parameters["naloxone"]:
        held = held ** numbers("naloxone.gamma", "1")[:, None]
    return held


def _occupancy(
    form: Harm, numbers: _Numbers, times: Array, site: Array, blocked: Array, subject: str
) -> Array:
    factor = _tolerance(form, numbers, subject)
    kind = form.identifiers["receptor"]
    if kind == "kinetic":
        return _bound(times, site, blocked, numbers("kon", "mL/ng/h") / factor, numbers("koff", "1/h"))
    half, hill = numbers("C50", "ng/mL") * factor, numbers("hill", "1")
    ratio = (np.maximum(site, 0.0) / half[:, None]) ** hill[:, None]
    return ratio / (1.0 + ratio)


def _tolerance(form: Harm, numbers: _Numbers, subject: str) -> Array:
    if subject == "naive":
        return np.ones(numbers.replicates)
    if subject != "chronic":
        raise ModelError(f"no subject {subject!r}; there are naive, chronic")
    if "tolerance" not in form.parameters:
        raise ModelError(
            f"how tolerance moves breathing under {form.identifiers['drug']} was not found; only naive subjects"
        )
    return numbers("tolerance", "1")


def _bound(times: Array, site: Array, blocked: Array, kon: Array, koff: Array) -> Array:
    """Occupancy [draw, time]: each step exact for rates held at its middle, no longer than `MAXIMUM_STEP`."""
    occupancy = np.zeros_like(site)
    for i in range(1, times.size):
        parts = max(int(np.ceil((times[i] - times[i - 1]) / MAXIMUM_STEP)), 1)
        step = (times[i] - times[i - 1]) / parts
        bound = occupancy[:, i - 1]
        for k in range(parts):
            weight = (k + 0.5) / parts
            drug = site[:, i - 1] + weight * (site[:, i] - site[:, i - 1])
            held = blocked[:, i - 1] + weight * (blocked[:, i] - blocked[:, i - 1])
            on = kon * drug * (1.0 - held)
            total = on + koff
            bound = on / total + (bound - on / total) * np.exp(-total * step)
        occupancy[:, i] = bound
    return occupancy


def _competing(numbers: _Numbers, sites: Mapping[str, Array]) -> tuple[Array, Array]:
    """Occupancy by all agonists together and the effect of their joint stimulus, [draw, time], on the working scale of `agonism`."""
    reserve = numbers("reserve", "1")
    ratios: dict[str, Array] = {}
    pushes: dict[str, Array] = {}
    for drug, site in sites.items():
        constants = working(drug, MU, numbers.library, numbers.draw)
        ratios[drug] = site / constants.affinity[:, None]
        pushes[drug] = (reserve * constants.efficacy)[:, None]
    total = 1.0 + sum(ratios.values())
    stimulus = sum(pushes[drug] * ratio / total for drug, ratio in ratios.items())
    full = reserve * efficacy(numbers.form.identifiers["reference"], MU, numbers.library, numbers.draw)
    effect = stimulus / (1.0 + stimulus) * ((1.0 + full) / full)[:, None]
    return np.asarray(1.0 - 1.0 / total), np.minimum(effect, 1.0)
