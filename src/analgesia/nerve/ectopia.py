"""Ectopic discharge: which share of units fires on its own, and how often.

Each person has UNITS cells of a class. A cell's drive is drawn for it (bounded at three standard deviations), a person's severity is drawn
once, and the damage of each cell scatters about it:

    damage = severity exp(w z - w^2/2), at most MOST          w^2 = ln(1 + damage_spread^2)

The condition then moves rest, conductances, noise and drive in proportion to damage. Where it also says what axotomy does
(`changes.nerve.CELL_axotomised`), as many C cells as it takes fibres away have that instead. A unit that fires at least ACTIVE times a
second over the recording is active. What was fitted to what stands in the neurons' files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library, Number
from analgesia.evidence.numbers import NORMAL_95
from analgesia.nerve.drugs import block_as, told
from analgesia.nerve.injury import severities
from analgesia.nerve.soma import PER_DENSITY, Firing, Soma, balance, fire, resting_gates, soma
from analgesia.nerve.states import Block

Array = NDArray[np.float64]

UNITS = 4
"""Cells of a class recorded in each person."""
RECORDED = 20.0
"""s of recording."""
SETTLED = 3.0
"""s before it, in which slow inactivation comes to rest."""
ACTIVE = 0.1
"""Spikes per second from which a unit counts as active on its own."""
MOST = 2.0
"""Greatest damage of a cell, in severities: beyond it nothing in the evidence says what the changes would be."""
CHUNK = 256
CLASSES: Mapping[str, tuple[str, float]] = {
    "c": ("drg_soma", 0.1), "a_beta": ("drg_soma_a", 0.1), "a_delta": ("drg_soma_a_delta", 0.1),
}  # fmt: skip
"""Class of unit -> its file and the time step (ms); halving it moves rates within the noise (c) and by some five per cent (a)."""
LABELS: Mapping[str, str] = {"c": "C", "a_beta": "A-beta", "a_delta": "A-delta"}
AS: Mapping[str, tuple[str, ...]] = {
    "nav1_7": ("nav1_7",), "nav1_3": ("nav1_3", "nav1_7"), "nav1_8_soma": ("nav1_8",), "nav_persistent": ("nav1_7",),
    "nav_fast_a": ("nav1_7",), "nav_intermediate_a": ("nav1_7",), "nav_late_a": ("nav1_7",), "nav_resurgent": ("nav1_6", "nav1_7"),
}  # fmt: skip
"""Sodium channels of the cells -> the channels as which drugs block them: the first on which a drug was tried."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EDGES = np.array([0.0, ACTIVE, 0.2, 0.5, 1.0, 2.0, 5.0, np.inf])


@dataclass(frozen=True)
class Ectopia:
    """What the units of one class do in many people; `rates`: Hz [person, unit].

    `measured`: counted share, if there is one; `fitted`: whether the cell's numbers were fitted to it.
    """

    condition: str | None
    unit: str
    patients: int
    rates: Array
    firing: Firing
    severity: Array
    axotomised: NDArray[np.bool_]
    measured: Number | None
    fitted: bool
    numbers: Mapping[str, int]
    drugs: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which units fire on their own."""
        return self.rates >= ACTIVE

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia ectopia --json` prints it."""
        active = self.active
        share = float(active.mean())
        effect = design_effect(active)
        rates = self.rates[active]
        intervals = [np.diff(s) for s in self.firing.spikes if len(s) > 1]
        doublets = np.mean([np.any(i <= 0.1) for i in intervals]) if intervals else float("nan")
        cut = self.axotomised
        return {
            "condition": self.condition,
            "class": self.unit,
            "patients": self.patients,
            "units_per_patient": UNITS,
            "recorded_s": self.firing.duration,
            "active_from_hz": ACTIVE,
            "share_of_active_units": share,
            "share_interval95": wilson(share, active.size / effect),
            "share_interval95_is": "over people: Wilson, the number of units divided by the design effect",
            "design_effect": effect,
            "share_binomial95": wilson(share, active.size),
            "share_counted": _counted(self.measured, self.fitted),
            "share_of_axotomised_units": float(cut.mean()),
            "share_of_active_axotomised_units": float(active[cut].mean()) if cut.any() else None,
            "rate_of_active_units_hz": {
                f"{q:.0%}": float(np.quantile(rates, q)) if rates.size else None for q in QUANTILES
            },
            "mean_rate_of_active_units_hz": float(rates.mean()) if rates.size else None,
            "mean_rate_hz": float(self.rates.mean()),
            "rate_distribution": [
                {"from_hz": float(a), "to_hz": float(b) if np.isfinite(b) else None, "units": int(n)}
                for a, b, n in zip(EDGES[:-1], EDGES[1:], np.histogram(self.rates, EDGES)[0], strict=True)
            ],
            "share_of_units_with_intervals_below_100_ms": float(doublets),
            "severity_median": float(np.median(self.severity)),
            "drugs": list(self.drugs),
            "numbers": dict(self.numbers),
            "notes": list(self.notes),
        }


def wilson(share: float, n: float) -> list[float]:
    """Wilson's 95 % interval of a share of n, which need not be whole."""
    z = NORMAL_95
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
    low, high = float(middle - reach), float(middle + reach)
    return [0.0 if share == 0.0 else low, 1.0 if share == 1.0 else high]


def design_effect(active: NDArray[np.bool_]) -> float:
    """How many units [person, unit] tell as much as one that shares its person with no other: 1 + (m - 1) r, from 1 to m.

    r is the intraclass correlation of the m units of a person by analysis of variance, within 0 and 1. With one person, or where all units
    do the same, nothing tells what people share, and m is returned.
    """
    people, m = active.shape
    shares = active.mean(axis=1)
    if people < 2 or active.all() or not active.any():
        return float(m)
    between = m * float(shares.var(ddof=1))
    within = float(np.sum(shares * (1.0 - shares)) * m / (people * (m - 1)))
    r = (between - within) / (between + (m - 1) * within)
    return 1.0 + (m - 1) * min(max(r, 0.0), 1.0)


def _counted(number: Number | None, fitted: bool) -> dict[str, Any] | None:
    """What was counted, with its status and species, and whether it may judge the model."""
    if number is None:
        return None
    low, high = number.interval("1")
    return {
        "share": number._convert(number.value, "1"),
        "interval": [low, high],
        "status": number.status,
        "source": number.source,
        "species": number.species or "human",
        "fitted_to": fitted,
    }


def ectopia(
    condition: str | None,
    patients: int,
    library: Library,
    *,
    unit: str = "c",
    seed: int = 1,
    concentrations: Mapping[str, float] | None = None,
    prior: bool = False,
    opioid: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Ectopia:
    """Record UNITS cells of class `unit` of each person for RECORDED s; `concentrations` in uM, unbound, at the cell.

    `opioid`: stimulus of mu receptors on the cell, 0 to 1; it opens potassium channels of those cells that have them. People and units are
    the same for any number of people and in every condition. Raises `ModelError` for a condition that says nothing about the cell.
    """
    if unit not in CLASSES:
        raise ModelError(f"there are no {unit!r} units; choose {', '.join(CLASSES)}")
    if not 0.0 <= opioid <= 1.0:
        raise ModelError(f"a stimulus of opioid receptors of {opioid:g}: give 0 to 1")
    name, step = CLASSES[unit]
    notes: list[str] = []
    with evidence.tally() as used:
        cell = soma(library, name)
        severity = severities(condition, library, patients, seed)
        parameters, axotomised = _parameters(cell, name, condition, library, severity, seed)
        if opioid and "girk" in cell.added:
            share = float(library.neurons[name].parameters["population"]["opioid_responders"].to("1"))
            responds = draws.uniform(seed, "nerve.opioid", patients * UNITS) < share
            parameters["conductance_girk"] = np.where(responds, opioid * cell.added["girk"], 0.0)
        if concentrations:
            stands = {key: AS[key] for key, found in cell.channels.items() if found.kind == "sodium"}
            each = [
                block_as(concentrations, library, (key,), alike, prior=prior) for key, alike in stands.items()
            ]
            parameters |= _blocked(cell, {key: block for one in each for key, block in one.blocks.items()})
            notes = told(concentrations, library, stands, prior=prior)
    firing = record(
        cell,
        parameters,
        patients * UNITS,
        step=step,
        seed=seed,
        progress=None if progress is None else lambda done, of: progress(done // UNITS, of // UNITS),
    )
    shape = (patients, UNITS)
    measured = (
        None if condition is None else library.conditions[condition].phenotypes.get(f"active_{unit}_units")
    )
    population = library.neurons[name].parameters["population"]
    fitted = measured is not None and any(
        measured.source in number.fitted_to for number in population.values()
    )
    return Ectopia(
        condition, unit, patients, firing.rates.reshape(shape), firing, severity, axotomised.reshape(shape), measured, fitted,
        dict(used.counts), tuple(concentrations or ()), tuple(notes),
    )  # fmt: skip


def record(
    cell: Soma,
    parameters: Mapping[str, Any],
    lanes: int,
    *,
    step: float,
    seed: int,
    first: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Firing:
    """RECORDED s of `lanes` cells, one or an array of each parameter; `first`: number of the first cell, which its noise goes by."""
    parts = []
    for start in range(0, lanes, CHUNK):
        some = slice(start, min(start + CHUNK, lanes))
        own = {k: v[some] if np.ndim(v) else v for k, v in parameters.items()}
        parts.append(
            fire(cell, own, RECORDED * 1e3, seed=seed, settle=SETTLED * 1e3, step=step, first=first + start)
        )
        if progress is not None:
            progress(some.stop, lanes)
    return Firing(
        tuple(s for part in parts for s in part.spikes),
        RECORDED,
        np.concatenate([part.finite for part in parts]),
        np.concatenate([part.voltage[:, ::20] for part in parts]),
    )


def injured_cell(
    cell: Soma, name: str, condition: str, library: Library, drive: Array, damage: Array
) -> dict[str, Any]:
    """Parameters of cells of file `name` with a drive (pA) and a damage each, in a condition that has not axotomised them."""
    parameters: dict[str, Any] = {**cell.parameters, "drive": drive}
    _change(cell, parameters, changes_of(condition, library, name)[name], damage, condition, name)
    return parameters


def changes_of(condition: str, library: Library, name: str) -> Mapping[str, Mapping[str, Number]]:
    """What a condition says of the nerve, by cell and fibre. Raises `ModelError` where it says nothing about cell `name`."""
    found: Mapping[str, Mapping[str, Number]] = library.conditions[condition].changes.get("nerve", {})
    if name not in found:
        raise ModelError(f"{condition} says nothing about {name}: write [changes.nerve.{name}] in its file")
    return found


def scattered(severity: Array, spread: float, z: Array) -> Array:
    """Damage of cells: the severity of their people, scattered log-normally by standard normal deviates z (bounded at 3)."""
    w = np.sqrt(np.log1p(spread**2))
    return np.minimum(severity * np.exp(w * np.clip(z, -3.0, 3.0) - 0.5 * w * w), MOST)


def _parameters(
    cell: Soma, name: str, condition: str | None, library: Library, severity: Array, seed: int
) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """Parameters of every lane, and which cells are axotomised."""
    population = library.neurons[name].parameters["population"]
    lanes = len(severity) * UNITS
    z = np.clip(draws.normal(seed, "nerve.drive", lanes), -3.0, 3.0)
    drive = float(population["drive"].to("pA")) + float(population["drive_spread"].to("pA")) * z
    parameters: dict[str, Any] = {**cell.parameters, "drive": drive}
    cut = np.zeros(lanes, bool)
    if condition is None:
        return parameters, cut
    changes = changes_of(condition, library, name)
    own = np.repeat(severity, UNITS)
    spread = float(population["damage_spread"].to("1"))
    damage = scattered(own, spread, draws.normal(seed, "nerve.damage", lanes))
    if f"{name}_axotomised" in changes:
        kept = library.conditions[condition].parameters.get("surviving_c_fibres")
        if kept is None:
            raise EvidenceError(
                f"condition {condition}: changes.nerve.{name}_axotomised needs parameters.surviving_c_fibres, whose rest it is"
            )
        lost = own * (1.0 - float(kept.to("1")))
        cut = draws.uniform(seed, "nerve.axotomised", lanes) < lost
        _change(
            cell,
            parameters,
            changes[f"{name}_axotomised"],
            np.where(cut, 1.0, 0.0),
            condition,
            f"{name}_axotomised",
        )
    _change(cell, parameters, changes[name], np.where(cut, 0.0, damage), condition, name)
    return parameters, cut


def _change(
    cell: Soma,
    parameters: dict[str, Any],
    changes: Mapping[str, Number],
    s: Array,
    condition: str,
    table: str,
) -> None:
    """Apply a table of changes, in proportion to `s`, to the parameters of every lane."""
    for name, number in changes.items():
        opened = name.removeprefix("opened_")
        if name == "drive":
            parameters["drive"] = parameters["drive"] + s * float(number.to("pA"))
        elif name == "depolarisation":
            parameters["drive"] = parameters["drive"] + s * _current_to_depolarise(
                cell, float(number.to("mV"))
            )
        elif name == "strength" or (name.startswith("conductance_") and name in parameters):
            factor = np.maximum(1.0 + s * (float(number.to("1")) - 1.0), 0.0)
            parameters[name] = parameters[name] * factor
        elif name != opened and opened in cell.added:
            key = f"conductance_{opened}"
            parameters[key] = parameters[key] + s * float(number.to("1")) * cell.added[opened]
        elif name in parameters:
            parameters[name] = parameters[name] + s * float(number.to(cell.network.parameters[name]))
        else:
            raise EvidenceError(
                f"condition {condition}: changes.nerve.{table}.{name} is not a parameter of the cell"
            )


def _current_to_depolarise(cell: Soma, shift: float) -> float:
    """pA that move the resting cell by `shift` mV."""
    moved = replace(cell, rest=cell.rest + shift)
    extra = balance(moved, cell.parameters) - cell.parameters["balance"]
    return extra * cell.parameters["area"] / PER_DENSITY


def _blocked(cell: Soma, blocks: Mapping[str, Block]) -> dict[str, Any]:
    """Share of channels bound at rest: K_app of the resting cell. Persistent current is blocked as an inactivated channel."""
    gates = resting_gates(cell, cell.rest)
    found: dict[str, Any] = {}
    for own, block in blocks.items():
        channel = cell.channels[own]
        a = channel.flow("available", **{gate: gates[f"{own}.{gate}"] for gate in channel.moving})
        a = 0.0 if own == "nav_persistent" else a
        x = a * block.resting + (1.0 - a) * block.inactivated
        found[f"block_{own}"] = x / (1.0 + x)
    return found
