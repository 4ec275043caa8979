"""Breathing under opioids and their antagonists: the harm that kills.

`simulate` runs the mechanistic overdose model (kinetic binding, chemoreflexes, gas stores, blood flow, arrest); `receptor_form`
holds the lighter one for therapeutic doses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analgesia.ventilation.course import Course, simulate
    from analgesia.ventilation.regimens import Regimen

_HOMES = {"Course": "course", "simulate": "course", "Regimen": "regimens"}

__all__ = ["Course", "Regimen", "simulate"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"analgesia.ventilation.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
