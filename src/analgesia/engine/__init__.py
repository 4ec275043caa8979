"""Equations written once become ensembles of patients: record, check, compile, solve."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analgesia.engine import draws, units
    from analgesia.engine.actions import ActionTable, Kind
    from analgesia.engine.doses import Doses
    from analgesia.engine.ensemble import solve, stream
    from analgesia.engine.sensitivities import with_sensitivities
    from analgesia.engine.solution import Solution, Status
    from analgesia.engine.symbols import (
        absolute,
        exp,
        expm1,
        log,
        log1p,
        logistic,
        maximum,
        minimum,
        power,
        sqrt,
        tanh,
        where,
    )
    from analgesia.engine.system import Delay, System
    from analgesia.engine.triggers import Scheduled, Trigger

_HOMES = {
    **dict.fromkeys(
        (
            "exp",
            "log",
            "log1p",
            "expm1",
            "sqrt",
            "tanh",
            "logistic",
            "power",
            "minimum",
            "maximum",
            "absolute",
            "where",
        ),
        "symbols",
    ),
    "System": "system",
    "Delay": "system",
    "solve": "ensemble",
    "Solution": "solution",
    "Status": "solution",
    "Doses": "doses",
    "Trigger": "triggers",
    "Scheduled": "triggers",
    "stream": "ensemble",
    "with_sensitivities": "sensitivities",
    "Kind": "actions",
    "ActionTable": "actions",
}
_MODULES = ("draws", "units")

__all__ = [
    "ActionTable",
    "Delay",
    "Doses",
    "Kind",
    "Scheduled",
    "Solution",
    "Status",
    "System",
    "Trigger",
    "absolute",
    "draws",
    "exp",
    "expm1",
    "log",
    "log1p",
    "logistic",
    "maximum",
    "minimum",
    "power",
    "solve",
    "sqrt",
    "stream",
    "tanh",
    "units",
    "where",
    "with_sensitivities",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"analgesia.engine.{name}")
    if name in _HOMES:
        return getattr(import_module(f"analgesia.engine.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
