"""What a condition does to a fibre: factors and shifts on named parameters, scaled by severity.

    factor = 1 + severity (factor at 1 - 1)          shift = severity (shift at 1)

The numbers stand in the condition's file under `changes.nerve.FIBRE`: `conductance_CHANNEL` (a factor), `activation_shift_CHANNEL` (mV)
and `depolarisation` (mV).
"""

from __future__ import annotations

from typing import Any

from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library
from analgesia.nerve.membranes import SHIFT
from analgesia.nerve.states import HEALTHY, NerveState

CONDUCTANCE, DEPOLARISATION = "conductance_", "depolarisation"


def injured(condition: str | None, library: Library, fibre: str, severity: float | None = None) -> NerveState:
    """State of a fibre's membrane in a condition; without `severity`, the condition's typical one.

    Raises `ModelError` for a severity outside 0 to 1 and for a condition that says nothing about the nerve.
    """
    if condition is None:
        return HEALTHY
    record = library.conditions[condition]
    if severity is None:
        severity = 1.0 if record.severity is None else float(record.severity.to("1"))
    if not 0.0 <= severity <= 1.0:
        raise ModelError(f"severity {severity:g}: give 0 to 1")
    changes = record.changes.get("nerve", {}).get(fibre)
    if changes is None:
        raise ModelError(
            f"{condition} says nothing about the membrane of {fibre}: write [changes.nerve.{fibre}] in its file"
        )
    factors: dict[str, Any] = {}
    shifts: dict[str, Any] = {}
    depolarisation = 0.0
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
