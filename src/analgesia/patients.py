"""Virtual people: covariates, genotype, condition and severity, state of the cord, baseline pain, placebo.

Every quantity is drawn by `engine.draws`, keyed by seed, its own name and the number of the person: person i is the
same in a population of 10 or of 10,000, and a new covariate reshuffles nobody. A spread in the evidence is read as
lognormal (weight, clearances, rates) or normal (age, severity, baseline pain, E_Cl), cut to the range `within` by
inversion.

E_Cl: normal between people, its mean placed so that the share above the allodynia threshold of the cord is the
condition's share with dynamic allodynia (unless the condition states its mean). Firing: rate at full severity x
severity x surviving fibres x own excitability. Baseline pain and severity share a correlation (Gaussian copula).
Placebo: a person's greatest fraction of relief is logit-normal (Plan 2012), its centre solved so that the mean
change at the time of observation is that of the condition (Cepeda 2012).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence.numbers import Number
from analgesia.joint import deviates
from analgesia.neurons import ongoing_rate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """One array per property, one entry per person; `index` is the person's number and keys all their luck.

    `numbers` are the facts their bodies were drawn from, `felt_numbers` those of their condition and pain, for the tally of a run.
    """

    population: str
    seed: int
    condition: str | None
    index: NDArray[np.int64]
    weight: Annotated[Floats, "kg"]
    age: Annotated[Floats, "year"]
    female: NDArray[np.bool_]
    creatinine_clearance: Annotated[Floats, "mL/min"]
    cyp3a_activity: Annotated[Floats, "1"]
    cyp2d6_phenotype: NDArray[np.str_]
    cyp2d6_activity: Annotated[Floats, "1"]
    severity: Annotated[Floats, "1"]
    c_fibre_rate: Annotated[Floats, "1/s"]
    a_delta_rate: Annotated[Floats, "1/s"]
    a_beta_rate: Annotated[Floats, "1/s"]
    chloride_reversal: Annotated[Floats, "mV"]
    alpha2delta_upregulation: Annotated[Floats, "1"]
    baseline_pain: Annotated[Floats, "NRS"]
    placebo_maximum: Annotated[Floats, "1"]
    placebo_half_time: Annotated[Floats, "day"]
    numbers: tuple[Number, ...] = ()
    felt_numbers: tuple[Number, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    def select(self, indices: Any) -> People:
        """The people at these positions (in this order, repeats allowed), each with their own number and luck."""
        chosen = np.asarray(indices)
        arrays = {
            f.name: getattr(self, f.name)[chosen]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        return replace(self, **arrays)

    def units(self) -> dict[str, str]:
        """Property -> unit."""
        return evidence.declared_units(type(self))


def population(name: str, size: int, seed: int, library: evidence.Library) -> People:
    """`size` people of a population of the library. Raises EvidenceError for an unknown name, ModelError for a negative size."""
    if size < 0:
        raise ModelError(f"population {name}: size {size} must not be negative")
    with evidence.tally() as used:
        people = _drawn(name, size, seed, library)
    felt = {(one.file, one.key) for one in people.felt_numbers}
    return replace(people, numbers=tuple(one for key, one in used.numbers.items() if key not in felt))


def _drawn(name: str, size: int, seed: int, library: evidence.Library) -> People:
    record = library.populations[name]
    condition = library.conditions[record.condition] if record.condition is not None else None
    luck = _Luck(seed, size)
    place = ", ".join(record.files)

    def covariate(name: str) -> Number:
        return _need(record.covariates, name, f"{place}: covariates")

    phenotype, activity = _genotype(record.genotypes, luck, place)
    with evidence.tally() as felt:
        severity = _severity(condition, luck)
        baseline = _baseline(record.pain, severity, luck)
        maximum, half_time = _placebo(condition, baseline, record.pain, library, luck)
        cord = _cord(condition, severity, library, luck)
    return People(
        population=name,
        seed=seed,
        condition=record.condition,
        index=np.arange(size),
        weight=luck.lognormal("weight", covariate("weight"), "kg"),
        age=luck.normal("age", covariate("age"), "year"),
        female=luck.uniform("female") < covariate("female").to("1"),
        creatinine_clearance=luck.lognormal(
            "creatinine_clearance", covariate("creatinine_clearance"), "mL/min"
        ),
        cyp3a_activity=luck.lognormal("cyp3a_activity", covariate("cyp3a_activity"), "1"),
        cyp2d6_phenotype=phenotype,
        cyp2d6_activity=activity,
        severity=severity,
        baseline_pain=baseline,
        placebo_maximum=maximum,
        placebo_half_time=half_time,
        felt_numbers=tuple(felt.numbers.values()),
        **cord,
    )


UNCERTAIN = ("c_fibre_rate", "a_delta_rate", "a_beta_rate", "alpha2delta_upregulation")
"""What a number of the condition, known badly, scales for everybody."""
SPREAD = "chloride_reversal_spread"


def under_ignorance(
    people: People, library: evidence.Library, seed: int, replicate: NDArray[np.int64] | None
) -> People:
    """The same people in the world of their draw of ignorance: what we do not know of the condition moves for all
    alike.

    Firing rates and alpha2delta up-regulation are scaled by exp(sd z), z keyed by `ignorance/<condition>.<name>` and
    `replicate` [patient], and kept `within` what the number allows. Nothing else of a person changes, so their
    differences stay their own. None leaves everyone as they are.
    """
    if replicate is None or people.condition is None or not len(replicate):
        return people
    numbers = library.conditions[people.condition].parameters
    count = int(np.max(replicate)) + 1
    moved = {}
    for name in UNCERTAIN:
        key = f"{people.condition}.{name}"
        luck = deviates(library, f"conditions.{key}", key, seed, count)[replicate]
        scaled = getattr(people, name) * np.exp(numbers[name].uncertainty_sd_log * luck)
        moved[name] = np.clip(scaled, *_within(numbers[name], people.units()[name]))
    return replace(people, **moved)


@dataclass(frozen=True)
class _Luck:
    """Draws of one population: one number per person and name."""

    seed: int
    size: int

    def uniform(self, name: str) -> Floats:
        return draws.uniform(self.seed, f"person/{name}", self.size)

    def deviate(self, name: str) -> Floats:
        return draws.normal(self.seed, f"person/{name}", self.size)

    def normal(self, name: str, number: Number, unit: str) -> Floats:
        """Normal about the value with the number's spread, cut to `within`."""
        middle = number.to(unit)
        return _cut(self.uniform(name), middle, abs(middle) * (number.iiv or 0.0), _within(number, unit))

    def lognormal(self, name: str, number: Number, unit: str) -> Floats:
        """Lognormal with the value as its median and the number's spread, cut to `within`."""
        middle = float(np.log(_positive(number, unit)))
        low, high = _within(number, unit)
        with np.errstate(divide="ignore"):
            bounds = float(np.log(max(low, 0.0))), float(np.log(high))
        return np.exp(_cut(self.uniform(name), middle, number.diversity_sd_log, bounds))


def _need(numbers: Mapping[str, Number], name: str, place: str) -> Number:
    """The number called `name`, or an EvidenceError that says where it is missing."""
    if name not in numbers:
        raise EvidenceError(f"{place}.{name} is missing; virtual people need it")
    return numbers[name]


def _positive(number: Number, unit: str) -> float:
    value = number.to(unit)
    if not value > 0.0:
        raise EvidenceError(f"{number.place}: must be above 0, got {value:g} {unit}")
    return value


def _within(number: Number, unit: str) -> tuple[float, float]:
    if number.within is None:
        return -np.inf, np.inf
    low, high = (evidence.units.convert(bound, number.unit, unit) for bound in number.within)
    return low, high


def _cut(u: Floats, middle: float, spread: float, bounds: tuple[float, float]) -> Floats:
    """Truncated normal by inversion of uniform numbers."""
    from scipy.special import ndtr, ndtri

    if spread == 0.0:
        return np.full(u.shape, middle)
    low, high = (ndtr((bound - middle) / spread) for bound in bounds)
    return np.asarray(middle + spread * ndtri(low + u * (high - low)))


def _genotype(
    genotypes: Mapping[str, Mapping[str, Number]], luck: _Luck, place: str
) -> tuple[NDArray[np.str_], Floats]:
    """CYP2D6 phenotype of each person by the shares of the population, and its relative activity."""
    shares, activities = genotypes.get("cyp2d6", {}), genotypes.get("cyp2d6_activity", {})
    names = sorted(shares)
    edges = np.cumsum([shares[n].to("1") for n in names])
    if not names or abs(edges[-1] - 1.0) > 1e-3 or set(names) != set(activities):
        raise EvidenceError(
            f"{place}: genotypes.cyp2d6 must be shares that sum to 1, each with an entry in genotypes.cyp2d6_activity"
        )
    drawn = np.minimum(np.searchsorted(edges, luck.uniform("cyp2d6"), side="right"), len(names) - 1)
    return np.array(names)[drawn], np.array([activities[n].to("1") for n in names])[drawn]


def _severity(condition: Any, luck: _Luck) -> Floats:
    if condition is None or condition.severity is None:
        return np.zeros(luck.size)
    return luck.normal("severity", condition.severity, "1")


def _baseline(pain: Mapping[str, Number], severity: Floats, luck: _Luck) -> Floats:
    """Rating before treatment, NRS; correlated with severity through its rank."""
    from scipy.special import ndtr

    if "baseline" not in pain:
        return np.zeros(luck.size)
    r = pain["severity_correlation"].to("1") if "severity_correlation" in pain else 0.0
    mixed = r * luck.deviate("severity") + np.sqrt(1.0 - r * r) * luck.deviate("baseline_pain")
    number = pain["baseline"]
    middle = number.to("NRS")
    return _cut(np.asarray(ndtr(mixed)), middle, middle * (number.iiv or 0.0), _within(number, "NRS"))


def _cord(condition: Any, severity: Floats, library: evidence.Library, luck: _Luck) -> dict[str, Any]:
    """Firing, E_Cl and alpha2delta of each person."""
    chloride = library.circuits["dorsal_horn"].parameters["chloride"]
    if condition is None:
        nothing = np.zeros(luck.size)
        healthy = np.full(luck.size, chloride["healthy_reversal"].to("mV"))
        rates = dict.fromkeys(("c_fibre_rate", "a_delta_rate", "a_beta_rate"), nothing)
        return rates | {"chloride_reversal": healthy, "alpha2delta_upregulation": nothing}
    place = f"{', '.join(condition.files)}: parameters"
    numbers = {
        name: _need(condition.parameters, name, place) for name in (*UNCERTAIN, "surviving_c_fibres", SPREAD)
    }
    for number in numbers.values():
        if number.value < 0.0:
            raise EvidenceError(f"{number.place}: must not be negative, got {number.value:g} {number.unit}")
    lost = (1.0 - numbers["surviving_c_fibres"].to("1")) * severity
    surviving = {"c_fibre_rate": 1.0 - lost, "a_delta_rate": 1.0, "a_beta_rate": 1.0}
    found = {
        name: np.asarray(
            ongoing_rate(
                numbers[name].to("1/s"),
                severity,
                share,
                np.exp(numbers[name].diversity_sd_log * luck.deviate(name)),
            )
        )
        for name, share in surviving.items()
    }
    up = numbers["alpha2delta_upregulation"]
    own = np.exp(up.diversity_sd_log * luck.deviate("alpha2delta_upregulation"))
    found["alpha2delta_upregulation"] = np.clip(up.to("1") * severity * own, *_within(up, "1"))
    spread = numbers[SPREAD].to("mV")
    middle = _chloride_middle(condition, chloride["allodynia_threshold"].to("mV"), spread)
    found["chloride_reversal"] = middle + spread * luck.deviate("chloride_reversal")
    return found


def _chloride_middle(condition: Any, threshold: float, spread: float) -> float:
    """Mean E_Cl of a condition, mV: stated, or such that the share above `threshold` is the share with dynamic allodynia."""
    from scipy.special import ndtri

    if "chloride_reversal" in condition.parameters:
        return float(condition.parameters["chloride_reversal"].to("mV"))
    number = _need(condition.phenotypes, "dynamic_allodynia", f"{', '.join(condition.files)}: phenotypes")
    share = number.to("1")
    if not 0.0 < share < 1.0:
        raise EvidenceError(
            f"{number.place}: a share of patients strictly between 0 and 1 is needed, got {share:g}"
        )
    return float(threshold + spread * ndtri(share))


def _placebo(
    condition: Any, baseline: Floats, pain: Mapping[str, Number], library: evidence.Library, luck: _Luck
) -> tuple[Floats, Floats]:
    """Greatest placebo fraction and half-time (day) of each person."""
    numbers = library.circuits["perception"].parameters
    half = numbers["placebo_half_time"]
    half_time = half.to("day") * np.exp(half.diversity_sd_log * luck.deviate("placebo_half_time"))
    if condition is None or "change" not in condition.placebo:
        return np.zeros(luck.size), half_time
    spread = numbers["placebo_maximum_spread"].to("1")
    reached = _mean_reached(half, numbers["placebo_observed_at"].to("day"))
    baseline_number = _need(pain, "baseline", f"population of {condition.name}: pain")
    wanted = -condition.placebo["change"].to("NRS") / _positive(baseline_number, "NRS") / reached
    centre = _logit_centre(wanted, spread, ", ".join(condition.files))
    return _logistic(centre + spread * luck.deviate("placebo_maximum")), half_time


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def _logistic(x: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _mean_reached(half: Number, at: float) -> float:
    """Mean over people of 1 - 2^(-at / half-time)."""
    times = half.to("day") * np.exp(half.diversity_sd_log * _NODES)
    return float(_WEIGHTS @ (1.0 - 2.0 ** (-at / times)))


def _logit_centre(mean: float, spread: float, place: str) -> float:
    """Centre of a logit-normal with that spread and mean."""
    from scipy.optimize import brentq

    if not 0.0 < mean < 1.0:
        raise EvidenceError(
            f"{place}: placebo.change asks for a mean placebo fraction of {mean:.2f}; it must lie in 0..1"
        )
    return float(brentq(lambda c: _WEIGHTS @ _logistic(c + spread * _NODES) - mean, -30.0, 30.0))
