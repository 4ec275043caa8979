"""Quantities as a person types them: "4 g", "25 mg mitragynine", "8 h", "0.5 ng/mL"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from analgesia.errors import UnitError

_QUANTITY = re.compile(
    r"""\s*(?P<value>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)  # the number
        \s*(?P<unit>(?:1/)?[^\W\d_][^\s]*)                           # the unit: one word, such as mg, ng/mL, 1/h
        (?:\s+(?P<of>\S(?:.*\S)?))?\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Quantity:
    """A finite value, its unit as typed and, where named, the substance it is an amount `of`."""

    value: float
    unit: str
    of: str | None = None

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Read "VALUE UNIT [SUBSTANCE]". Raises `UnitError` for anything else and for values that are not finite."""
        match = _QUANTITY.fullmatch(text)
        value = float(match["value"]) if match else math.nan
        if match is None or not math.isfinite(value):
            raise UnitError(f'{text!r} is not a quantity: write a number and a unit, such as "4 g" or "8 h"')
        return cls(value, match["unit"], match["of"])

    def to(self, unit: str, molar_mass: float | None = None) -> float:
        """Return the value in `unit`; `molar_mass` in g/mol turns a mass into an amount of substance.

        Raises `UnitError` where the dimensions differ or the unit is unknown.
        """
        from analgesia.evidence.units import convert

        return float(convert(self.value, self.unit, unit, molar_mass))

    def __str__(self) -> str:
        """Write the quantity as it is typed."""
        return f"{self.value:g} {self.unit}" + (f" {self.of}" if self.of else "")


def parse_positive(text: str, unit: str, what: str) -> float:
    """Return the quantity `text` in `unit`, refusing zero, negative values and a named substance; `what` names it."""
    quantity = Quantity.parse(text)
    if quantity.of is not None:
        raise UnitError(
            f"{what}: {text!r} names {quantity.of!r} after the unit; only a number and a unit belong here"
        )
    value = quantity.to(unit)
    if not value > 0:
        raise UnitError(f"{what} must be greater than 0, not {text!r}")
    return value
