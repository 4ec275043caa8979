"""analgesia: from a dose of a drug to felt pain and harm.

The public names load what they need when they are first used, so importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analgesia.api import check, drug, exposure, placebo, population, product, simulate
    from analgesia.errors import AnalgesiaError, EvidenceError, ModelError, UnitError

__version__ = "0.1.0"

_HOME = {
    "population": "analgesia.api",
    "product": "analgesia.api",
    "drug": "analgesia.api",
    "placebo": "analgesia.api",
    "simulate": "analgesia.api",
    "exposure": "analgesia.api",
    "check": "analgesia.api",
    "AnalgesiaError": "analgesia.errors",
    "EvidenceError": "analgesia.errors",
    "UnitError": "analgesia.errors",
    "ModelError": "analgesia.errors",
}
"""Public name -> the module that defines it. No public function may bear the name of a module of the package."""

__all__ = [
    "population",
    "product",
    "drug",
    "placebo",
    "simulate",
    "exposure",
    "check",
    "AnalgesiaError",
    "EvidenceError",
    "UnitError",
    "ModelError",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'analgesia' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Show the public names to completion before they are loaded."""
    return sorted({*globals(), *__all__})
