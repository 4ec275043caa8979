"""What happens to the subjects, and when: the opioid, an antagonist at a time or after breathing has fallen, the arrest rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import Kind, Scheduled, Trigger
from analgesia.engine.actions import ActionTable
from analgesia.ventilation.equations import system
from analgesia.ventilation.regimens import Regimen

Array = NDArray[np.float64]

INJECTION = 10.0
"""Seconds over which a dose enters a vein."""


@dataclass(frozen=True)
class Falls:
    """The share of a spray that is absorbed: from the third single dose on, from the second double one on, and the single dose (nmol)."""

    third: float = np.nan
    second_double: float = np.nan
    single: float = np.nan

    def at(self, regimen: Regimen) -> tuple[int, float]:
        """Number of the dose (from 0) with which the share falls, and to what; -1 where it stays."""
        if not np.isfinite(self.third):
            return -1, np.nan
        doubled = regimen.amount >= 2.0 * self.single * (1.0 - 1e-9)
        return (1, self.second_double) if doubled else (2, self.third)


@dataclass(frozen=True)
class Arrest:
    """The arrest rule: oxygen at or below `threshold` (mmHg), and so again `duration` (s) later."""

    threshold: float
    duration: float


def steps(regimen: Regimen, falls: Falls) -> list[tuple[float, Kind, str, float]]:
    """A regimen as (seconds after its first dose, kind, state or parameter, value)."""
    lowered_at, lowered = falls.at(regimen)
    found: list[tuple[float, Kind, str, float]] = []
    for number, offset in enumerate(regimen.offsets):
        if regimen.product == "iv":
            speed = regimen.amount / INJECTION
            found += [
                (offset, Kind.RATE, "antagonist_vein", speed),
                (offset + INJECTION, Kind.RATE, "antagonist_vein", -speed),
            ]
            continue
        found.append((offset, Kind.ADD, "antagonist_depot", regimen.amount))
        if number == lowered_at:
            found.append((offset, Kind.SET_PARAMETER, "F", lowered))
    return found


def actions(
    patients: int, bolus: float, regimens: Sequence[Regimen], falls: Falls, collapse: float | None = None
) -> ActionTable:
    """What comes at fixed times, the same for everybody: the bolus (nmol) at t = 0, regimens without a trigger, a collapse."""
    rows = [(0.0, Kind.ADD, "opioid_central", bolus)] if bolus else []
    for regimen in regimens:
        if regimen.share is None:
            rows += [
                (regimen.wait + after, kind, name, value)
                for after, kind, name, value in steps(regimen, falls)
            ]
    if collapse is not None:
        rows.append((collapse, Kind.SET_PARAMETER, "collapsing", 1.0))
    if not rows:
        return ActionTable.empty(patients)
    times, kinds, names, values = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    targets = [_target(kind, name) for kind, name in zip(kinds, names, strict=True)]
    who = np.repeat(np.arange(patients), len(rows))

    def everybody(column: object) -> NDArray[np.float64]:
        return np.tile(np.asarray(column, dtype=float), patients)

    return ActionTable.build(
        patients,
        who,
        everybody(times),
        everybody([int(k) for k in kinds]),
        everybody(targets),
        everybody(values),
    )


def triggers(
    regimens: Sequence[Regimen], falls: Falls, baseline: float, arrest: Arrest | None
) -> list[Trigger]:
    """Regimens that wait for ventilation (L/s, `baseline` at the start) to fall, in their order, then the arrest rule."""
    found = [
        Trigger(
            "ventilation",
            regimen.share * baseline,
            "falling",
            [
                Scheduled(kind, name, value, after=regimen.wait + after)
                for after, kind, name, value in steps(regimen, falls)
            ],
        )
        for regimen in regimens
        if regimen.share is not None
    ]
    if arrest is not None:
        collapse = Scheduled(Kind.SET_PARAMETER, "collapsing", 1.0, after=arrest.duration, still=True)
        found.append(Trigger("arterial_O2", arrest.threshold, "falling", [collapse]))
    return found


def _target(kind: Kind, name: str) -> int:
    model = system()
    return model.parameter_index(name) if kind is Kind.SET_PARAMETER else model.index(name)
