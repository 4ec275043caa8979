"""Factors of the everyday units (mL/min, nM, mg/g, 1/h, ...) without pint, whose registry takes half a second to build.

`read(unit)` -> (factor to SI, exponents of m, kg, s, A, K, mol) or None, which means: ask pint. What is read here is what pint reads,
to the last digits; a test compares the two over every unit of the evidence.
"""

from __future__ import annotations

import re
from functools import lru_cache

Dimension = tuple[float, ...]
"""Exponents of metre, kilogram, second, ampere, kelvin, mole."""

_NONE: Dimension = (0, 0, 0, 0, 0, 0)
_PREFIXED: dict[str, tuple[float, Dimension]] = {
    "g": (1e-3, (0, 1, 0, 0, 0, 0)),
    "L": (1e-3, (3, 0, 0, 0, 0, 0)),
    "m": (1.0, (1, 0, 0, 0, 0, 0)),
    "s": (1.0, (0, 0, 1, 0, 0, 0)),
    "A": (1.0, (0, 0, 0, 1, 0, 0)),
    "mol": (1.0, (0, 0, 0, 0, 0, 1)),
    "M": (1e3, (-3, 0, 0, 0, 0, 1)),
    "V": (1.0, (2, 1, -3, -1, 0, 0)),
    "S": (1.0, (-2, -1, 3, 2, 0, 0)),
    "F": (1.0, (-2, -1, 4, 2, 0, 0)),
    "ohm": (1.0, (2, 1, -3, -2, 0, 0)),
    "N": (1.0, (1, 1, -2, 0, 0, 0)),
    "J": (1.0, (2, 1, -2, 0, 0, 0)),
    "C": (1.0, (0, 0, 1, 1, 0, 0)),
    "K": (1.0, (0, 0, 0, 0, 1, 0)),
    "Hz": (1.0, (0, 0, -1, 0, 0, 0)),
    "Pa": (1.0, (-1, 1, -2, 0, 0, 0)),
}
_PLAIN: dict[str, tuple[float, Dimension]] = {
    "1": (1.0, _NONE),
    "%": (1e-2, _NONE),
    "min": (60.0, (0, 0, 1, 0, 0, 0)),
    "h": (3600.0, (0, 0, 1, 0, 0, 0)),
    "hour": (3600.0, (0, 0, 1, 0, 0, 0)),
    "d": (86400.0, (0, 0, 1, 0, 0, 0)),
    "day": (86400.0, (0, 0, 1, 0, 0, 0)),
    "week": (604800.0, (0, 0, 1, 0, 0, 0)),
    "year": (31557600.0, (0, 0, 1, 0, 0, 0)),
    "mmHg": (133.322387415, (-1, 1, -2, 0, 0, 0)),
    "delta_degC": (1.0, (0, 0, 0, 0, 1, 0)),
}
_PREFIXES = {
    "": 1.0,
    "k": 1e3,
    "d": 1e-1,
    "c": 1e-2,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
    "f": 1e-15,
}
_WITHOUT_FACTOR = frozenset({"NRS", "spike", "tablet", "degC"})
"""Units that exist but are left to pint to convert."""

_TOKEN = re.compile(r"([A-Za-zµ%_]+|1)(?:\^(-?\d(?:\.\d+)?))?")
_KNOWN = dict(_PLAIN)
for _base, (_size, _dimension) in _PREFIXED.items():
    for _prefix, _factor in _PREFIXES.items():
        _KNOWN.setdefault(_prefix + _base, (_factor * _size, _dimension))


_BRACKETS = re.compile(r"/\(([^()/]+)\)")


def _without_brackets(unit: str) -> str:
    """`1/(ms*mV)` written as `1/ms/mV`; other brackets are left for pint."""
    return _BRACKETS.sub(lambda match: "/" + match[1].replace("*", "/"), unit)


@lru_cache(maxsize=1024)
def read(unit: str) -> tuple[float, Dimension] | None:
    """Factor to SI and dimension of a normalised unit text, or None when pint must be asked."""
    parts = re.split(r"\s*([*/])\s*", _without_brackets(unit))
    factor, exponents = 1.0, [0.0] * 6
    for index in range(0, len(parts), 2):
        match = _TOKEN.fullmatch(parts[index])
        if match is None or match[1] not in _KNOWN:
            return None
        size, dimension = _KNOWN[match[1]]
        power = float(match[2] or 1)
        if index and parts[index - 1] == "/":
            power = -power
        factor *= size**power
        exponents = [e + power * d for e, d in zip(exponents, dimension, strict=True)]
    return factor, tuple(round(exponent, 9) for exponent in exponents)


def exists(unit: str) -> bool:
    """True when every part of a normalised unit text is known here; False means: ask pint."""
    matches = [_TOKEN.fullmatch(part) for part in re.split(r"\s*[*/]\s*", _without_brackets(unit))]
    return all(match and (match[1] in _KNOWN or match[1] in _WITHOUT_FACTOR) for match in matches)


def factor_between(source: str, target: str, molar_mass: float | None) -> float | None:
    """Factor from `source` to `target` (normalised texts), bridging mass and amount with `molar_mass` in g/mol; else None."""
    have, want = read(source), read(target)
    if have is None or want is None:
        return None
    if have[1] == want[1]:
        return have[0] / want[0]
    moles = want[1][5] - have[1][5]
    traded = (*have[1][:1], round(have[1][1] - moles, 9), *have[1][2:5], round(have[1][5] + moles, 9))
    if molar_mass is None or moles == 0.0 or traded != want[1]:
        return None
    return float(have[0] / want[0] / (molar_mass * 1e-3) ** moles)
