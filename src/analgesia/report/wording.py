"""Keys, amounts and ratios as people read them."""

from __future__ import annotations

import re

from analgesia.claims.sentences import NBSP, SMALL, plain
from analgesia.report.figures import SUPERSCRIPT

_ACRONYMS = re.compile(r"\b(cyp\w+|ugt\w+|cox\d|auc)\b")
_CHANNELS = re.compile(r"\b(nav|kv|kir|cav)(\d+)_(\d+)")
_WORDS = {"lloq": "limit of quantification", "cmax": "peak"}

MOLAR = ((1e6, "mM"), (1e3, "\u00b5M"), (1.0, "nM"), (0.0, "pM"))
"""Smallest concentration (nM) that is written in a unit."""


def spoken(key: str) -> str:
    """A key of a file: `parameters.cyp3a_inactivation_rate` -> `parameters, CYP3A inactivation rate`."""
    words = _CHANNELS.sub(lambda found: f"{found[1].capitalize()}{found[2]}#{found[3]}", key)
    words = words.replace("_", " ").replace(".", ", ").replace("#", ".")
    words = _ACRONYMS.sub(lambda found: found[0].upper(), words)
    return re.sub(r"\w+", lambda found: _WORDS.get(found[0], found[0]), words)


def concentration(nanomolar: float) -> str:
    """An amount of substance per volume in the unit in which it is short."""
    least, unit = next(one for one in MOLAR if nanomolar >= one[0])
    return f"{plain(nanomolar / least if least else nanomolar * 1e3)}{NBSP}{unit}"


def ratio(value: float) -> str:
    """A ratio; a very small one as a power of ten."""
    if not 0.0 < value < SMALL:
        return plain(value)
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}\u00d710{str(int(power)).translate(SUPERSCRIPT)}"
