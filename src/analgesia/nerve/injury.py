"""What a condition does to a fibre: factors and shifts on named parameters, scaled by severity.

    factor = 1 + severity (factor at 1 - 1)          shift = severity (shift at 1)

The numbers stand in the condition's file under `changes.nerve.FIBRE`: `conductance_CHANNEL` (a factor), `activation_shift_CHANNEL` (mV)
and `depolarisation` (mV).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library
from analgesia.nerve.membranes import SHIFT
from analgesia.nerve.states import HEALTHY, NerveState

Array = NDArray[np.float64]

CONDUCTANCE, DEPOLARISATION = "conductance_", "depolarisation"


def severities(condition: str | None, library: Library, patients: int, seed: int) -> Array:
    """One severity for each person, drawn from the condition's own distribution; 0 without a condition, 1 where it gives none."""
    if condition is None:
        return np.zeros(patients)
    return severity_at(condition, library, draws.normal(seed, "nerve.severity", patients))


def severity_at(condition: str, library: Library, z: Array) -> Array:
    """Severity of people by their standard normal deviates z, from 0 to 1; 1 where the condition gives none."""
    number = library.conditions[condition].severity
    if number is None:
        return np.ones(len(z))
    number.to("1")
    return np.clip(np.array([float(number.draw(0.0, float(each))) for each in z]), 0.0, 1.0)


def typical(condition: str, library: Library) -> float:
    """The severity of a condition of which nothing else is said: that of its file, 1 where it gives none."""
    number = library.conditions[condition].severity
    return 1.0 if number is None else float(number.to("1"))


def injured(
    condition: str | None, library: Library, fibre: str, severity: float | Array | None = None
) -> NerveState:
    """State of a fibre's membrane in a condition; without `severity` (one, or one per lane), the condition's typical one.

    Raises `ModelError` for a severity outside 0 to 1 and for a condition that says nothing about the nerve.
    """
    if condition is None:
        return HEALTHY
    record = library.conditions[condition]
    if severity is None:
        severity = typical(condition, library)
    if not np.all((np.asarray(severity) >= 0.0) & (np.asarray(severity) <= 1.0)):
        raise ModelError(f"severity {severity}: give 0 to 1")
    changes = record.changes.get("nerve", {}).get(fibre)
    if changes is None:
        raise ModelError(
            f"{condition} says nothing about the membrane of {fibre}: write [changes.nerve.{fibre}] in its file"
        )
    factors: dict[str, Any] = {}
    shifts: dict[str, Any] = {}
    depolarisation: Any = 0.0
    for name, number in changes.items():
        if name == DEPOLARISATION:
            depolarisation = severity * float(number.to("mV"))
        elif name.startswith(SHIFT):
            shifts[name.removeprefix(SHIFT)] = severity * float(number.to("mV"))
        elif name.startswith(CONDUCTANCE):
            factors[name.removeprefix(CONDUCTANCE)] = 1.0 + severity * (float(number.to("1")) - 1.0)
        else:
            raise EvidenceError(
                f"condition {condition}: changes.nerve.{fibre}.{name} is not known; write {CONDUCTANCE}CHANNEL, {SHIFT}CHANNEL or "
                f"{DEPOLARISATION}"
            )
    return NerveState(factors, shifts, depolarisation)
