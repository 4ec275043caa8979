"""Unit conversion for numbers as papers print them; pint is imported at the first conversion, never before.

`convert(value, from, to)` is exact up to rounding. A mass is turned into an amount of substance only when the
molar mass is given. Equations carry no units: what leaves here is a plain float in the unit asked for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from analgesia.errors import UnitError
from analgesia.evidence import plain_units

_MICRO_AND_DOTS = str.maketrans({"μ": "µ", "·": "*", "⋅": "*", "×": "*", "−": "-", "∙": "*"})
_SUPERSCRIPTS = (("⁻¹", "^-1"), ("⁻²", "^-2"), ("⁻³", "^-3"), ("²", "^2"), ("³", "^3"))
_ALLOWED = re.compile(r"[A-Za-zµΩΩ°%0-9_*/^(). \-]{1,60}")
_POWER = re.compile(
    r"(?<!\))\^(?:-?\d(?:\.\d{1,6})?)(?![\d.^])"
)  # small and never a tower: 9^9^9 would not end
_DEFINITIONS = ("pain_rating = [pain_rating] = NRS", "action_potential = [] = spike", "tablet = [] = tablet")


@lru_cache(maxsize=1)
def registry() -> Any:
    """The one pint registry, with the units pain research adds: NRS (0-10 pain rating), spike, tablet."""
    import pint

    ureg: Any = pint.UnitRegistry()
    for definition in _DEFINITIONS:
        ureg.define(definition)
    return ureg


def normalise(unit: str) -> str:
    """One spelling for one unit: both micro signs, both kinds of dot and minus, `**` and `^` become the same text."""
    if not isinstance(unit, str):
        raise UnitError(f'a unit is a text such as "L/h", not {unit!r}; a dimensionless number has unit "1"')
    text = unit.strip().translate(_MICRO_AND_DOTS).replace("**", "^")
    for pretty, plain in _SUPERSCRIPTS:
        text = text.replace(pretty, plain)
    text = re.sub(r"\s*\^\s*", "^", text)
    text = re.sub(r"(?<=[A-Za-zµ])([2-9])(?![\d.^A-Za-z])", r"^\1", text)  # papers print cm2 for cm^2
    if not text:
        raise UnitError('the unit is empty; write unit = "1" for a dimensionless number')
    powers = text.count("^")
    if not _ALLOWED.fullmatch(text) or powers != len(_POWER.findall(text)):
        raise UnitError(
            f'unit {unit!r} cannot be read; write it like "mL/min", "nM", "1/s", "mg/g", "S/cm^2" or "1"'
        )
    return text


@lru_cache(maxsize=2048)
def _parsed(unit: str) -> Any:
    text = normalise(unit)
    ureg = registry()
    try:
        return ureg.parse_units("dimensionless" if text == "1" else text.replace("^", "**"))
    except Exception as error:  # noqa: BLE001  pint raises a dozen kinds for one cause: text that is no unit
        raise UnitError(
            f'unknown unit {unit!r} ({error}); write it like "mL/min", "nM", "1/s", "mg/g" or "1"'
        ) from None


def check(unit: str) -> None:
    """Raise UnitError unless `unit` is a unit."""
    if not plain_units.exists(normalise(unit)):
        _parsed(unit)


def same_dimension(first: str, second: str) -> bool:
    """True when the two units differ by a factor only."""
    return bool(_parsed(first).dimensionality == _parsed(second).dimensionality)


def _mass_balance(unit: Any) -> float:
    return float(unit.dimensionality.get("[substance]", 0.0))


@lru_cache(maxsize=4096)
def _factor(source: str, target: str, molar_mass: float | None) -> float | None:
    """The factor from source to target, or None where an offset (degC) makes a factor impossible."""
    quick = plain_units.factor_between(normalise(source), normalise(target), molar_mass)
    if quick is not None:
        return quick
    ureg = registry()
    have, want = _parsed(source), _parsed(target)
    if have.dimensionality != want.dimensionality:
        missing = _mass_balance(want) - _mass_balance(have)
        if missing and _bridges(have, want, missing):
            if molar_mass is None:
                raise UnitError(
                    f"cannot turn {source!r} into {target!r} without the molar mass of the substance; give molar_mass"
                )
            grams_per_mole = ureg.Quantity(molar_mass, "g/mol")
            bridged = ureg.Quantity(1.0, have) / grams_per_mole**missing
            return float(bridged.to(want).magnitude)
        raise UnitError(
            f"cannot turn {source!r} ({have.dimensionality}) into {target!r} ({want.dimensionality}): "
            "the dimensions differ"
        )
    if not (ureg.Quantity(0.0, have)._is_multiplicative and ureg.Quantity(0.0, want)._is_multiplicative):
        return None
    return float(ureg.Quantity(1.0, have).to(want).magnitude)


def _bridges(have: Any, want: Any, substance: float) -> bool:
    """True when mass traded for substance at one mole per molar mass is the only difference."""
    ureg = registry()
    trade = (ureg.mole / ureg.gram) ** substance
    return bool((have * trade).dimensionality == want.dimensionality)


def convert(value: float, source: str, target: str, molar_mass: float | None = None) -> float:
    """`value` in unit `source` expressed in unit `target`; `molar_mass` in g/mol bridges mass and amount."""
    if source == target:
        return value
    factor = _factor(source, target, molar_mass)
    if factor is None:
        ureg = registry()
        return float(ureg.Quantity(value, _parsed(source)).to(_parsed(target)).magnitude)
    return value * factor
