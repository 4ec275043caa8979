"""Ectopic discharge: which share of units fires on its own, and how often.

Each person has UNITS cells. A cell's drive is drawn for it (bounded at three standard deviations), a person's severity is drawn once; the
condition then moves rest, conductances, noise and drive in proportion to severity. A unit that fires at least ACTIVE times a second over
the recording is active. The drives were set so that the shares come out as counted (see the evidence): the share is fitted, the
distribution of rates is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library
from analgesia.nerve.drugs import block_at
from analgesia.nerve.soma import PER_DENSITY, Firing, Soma, balance, fire, resting_gates, soma
from analgesia.nerve.states import NerveState

Array = NDArray[np.float64]

UNITS = 4
"""Cells recorded in each person."""
RECORDED = 20.0
"""s of recording."""
ACTIVE = 0.1
"""Spikes per second from which a unit counts as active on its own."""
CHUNK = 256
STEP = 0.1
"""ms; rates at 0.05 ms are the same within the noise."""
FIBRE = "drg_soma"


@dataclass(frozen=True)
class Ectopia:
    """What the units of many people do; `rates`: Hz [person, unit]; `drives`: pA; numbers by status."""

    condition: str | None
    patients: int
    rates: Array
    firing: Firing
    severity: Array
    numbers: Mapping[str, int]
    drugs: tuple[str, ...]

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which units fire on their own."""
        return self.rates >= ACTIVE

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia ectopia --json` prints it."""
        active = self.active
        share = float(active.mean())
        by_person = active.mean(axis=1)
        spread = float(by_person.std(ddof=1) / np.sqrt(self.patients)) if self.patients > 1 else float("nan")
        rates = self.rates[active]
        quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
        edges = np.array([0.0, ACTIVE, 0.2, 0.5, 1.0, 2.0, 5.0, np.inf])
        counts = np.histogram(self.rates, edges)[0]
        intervals = [np.diff(s) for s in self.firing.spikes if len(s) > 1]
        doublets = np.mean([np.any(i <= 0.1) for i in intervals]) if intervals else float("nan")
        return {
            "condition": self.condition,
            "patients": self.patients,
            "units_per_patient": UNITS,
            "recorded_s": self.firing.duration,
            "active_from_hz": ACTIVE,
            "share_of_active_units": share,
            "share_interval95": [max(0.0, share - 1.96 * spread), min(1.0, share + 1.96 * spread)],
            "rate_of_active_units_hz": {
                f"{q:.0%}": float(np.quantile(rates, q)) if rates.size else None for q in quantiles
            },
            "mean_rate_hz": float(self.rates.mean()),
            "rate_distribution": [
                {"from_hz": float(a), "to_hz": float(b) if np.isfinite(b) else None, "units": int(n)}
                for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
            ],
            "share_of_units_with_intervals_below_100_ms": float(doublets),
            "severity_median": float(np.median(self.severity)),
            "drugs": list(self.drugs),
            "numbers": dict(self.numbers),
        }


def ectopia(
    condition: str | None,
    patients: int,
    library: Library,
    *,
    seed: int = 1,
    concentrations: Mapping[str, float] | None = None,
    prior: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Ectopia:
    """Record UNITS cells of each person for RECORDED s; `concentrations` in uM, unbound, at the cell.

    People and units are the same for any number of people and in every condition. Raises `ModelError` for a condition that says nothing
    about the cell.
    """
    with evidence.tally() as used:
        cell = soma(library)
        severity = _severity(condition, library, patients, seed)
        parameters = _parameters(cell, condition, library, severity, seed)
        if concentrations:
            parameters |= _blocked(
                cell, block_at(concentrations, library, channels=("nav1_7", "nav1_8"), prior=prior)
            )
    lanes = patients * UNITS
    parts = []
    for first in range(0, lanes, CHUNK):
        some = slice(first, min(first + CHUNK, lanes))
        own = {k: v[some] if np.ndim(v) else v for k, v in parameters.items()}
        parts.append(fire(cell, own, RECORDED * 1e3, seed=seed, step=STEP, first=first))
        if progress is not None:
            progress(some.stop // UNITS, patients)
    firing = Firing(
        tuple(s for part in parts for s in part.spikes),
        RECORDED,
        np.concatenate([part.finite for part in parts]),
        np.concatenate([part.voltage[:, ::20] for part in parts]),
    )
    return Ectopia(
        condition,
        patients,
        firing.rates.reshape(patients, UNITS),
        firing,
        severity,
        dict(used.counts),
        tuple(concentrations or ()),
    )


def _severity(condition: str | None, library: Library, patients: int, seed: int) -> Array:
    """One severity for each person, the condition's own distribution; 0 without a condition."""
    number = None if condition is None else library.conditions[condition].severity
    if condition is None:
        return np.zeros(patients)
    if number is None:
        return np.ones(patients)
    number.to("1")
    z = draws.normal(seed, "nerve.severity", patients)
    return np.clip(np.array([float(number.draw(0.0, float(each))) for each in z]), 0.0, 1.0)


def _parameters(
    cell: Soma, condition: str | None, library: Library, severity: Array, seed: int
) -> dict[str, Any]:
    population = library.neurons[FIBRE].parameters["population"]
    patients = len(severity)
    z = np.clip(draws.normal(seed, "nerve.drive", patients * UNITS), -3.0, 3.0)
    drive = float(population["drive"].to("pA")) + float(population["drive_spread"].to("pA")) * z
    s = np.repeat(severity, UNITS)
    parameters: dict[str, Any] = dict(cell.parameters)
    if condition is not None:
        changes = library.conditions[condition].changes.get("nerve", {}).get(FIBRE)
        if changes is None:
            raise ModelError(
                f"{condition} says nothing about ganglion cells: write [changes.nerve.{FIBRE}] in its file"
            )
        for name, number in changes.items():
            if name == "drive":
                drive = drive + s * float(number.to("pA"))
            elif name == "depolarisation":
                drive = drive + s * _current_to_depolarise(cell, float(number.to("mV")))
            elif name == "strength" or (name.startswith("conductance_") and name in parameters):
                parameters[name] = parameters[name] * (1.0 + s * (float(number.to("1")) - 1.0))
            elif name in parameters:
                parameters[name] = s * float(number.to(cell.network.parameters[name]))
            else:
                raise EvidenceError(
                    f"condition {condition}: changes.nerve.{FIBRE}.{name} is not a parameter of the cell"
                )
    return parameters | {"drive": drive}


def _current_to_depolarise(cell: Soma, shift: float) -> float:
    """pA that move the resting cell by `shift` mV."""
    moved = Soma(cell.channels, cell.network, cell.parameters, cell.rest + shift)
    extra = balance(moved, cell.parameters) - cell.parameters["balance"]
    return extra * cell.parameters["area"] / PER_DENSITY


def _blocked(cell: Soma, state: NerveState) -> dict[str, Any]:
    """Share of channels bound at rest: K_app of the resting cell. Persistent current is blocked as an inactivated channel."""
    gates = resting_gates(cell, cell.rest)
    found: dict[str, Any] = {}
    for key, own in (("nav1_7", "nav1_7"), ("nav1_8", "nav1_8_soma")):
        if key in state.blocks:
            names = cell.channels[own].gates
            a = cell.channels[own].flow("available", **{gate: gates[f"{own}.{gate}"] for gate in names})
            block = state.blocks[key]
            x = a * block.resting + (1.0 - a) * block.inactivated
            found[f"block_{own}"] = x / (1.0 + x)
    if "nav1_7" in state.blocks:
        x = state.blocks["nav1_7"].inactivated
        found["block_nav_persistent"] = x / (1.0 + x)
    return found
