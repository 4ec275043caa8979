"""When blood is drawn, and from which concentration on it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.quantities import Quantity, parse_positive

if TYPE_CHECKING:
    from analgesia.pharmacokinetics.dosing import Administration

Floats = NDArray[np.float64]

SCHEDULE = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 24, 36, 48, 72, 96, 120)
"""Usual sampling times after a dose (h); beyond the last one sample a day."""

USUAL_WINDOW = 120.0
"""Hours sampled where nothing is said: the longest of the studies the kinetics were fitted to."""

A_DAY = 24.0

LONGEST = 24.0 * 366 * 10
"""Hours after a dose beyond which nobody draws blood."""


def sampling_times(sampling: str | None, sample_until: str | None) -> Floats:
    """Hours after the (last) dose at which blood is drawn; time 0, just before the dose, is always among them."""
    until = USUAL_WINDOW if sample_until is None else parse_positive(sample_until, "h", "sampling time")
    if until > LONGEST:
        raise ModelError(f"sampling until {sample_until}: at most {LONGEST / A_DAY:g} days after the dose")
    if sampling is None:
        days = np.arange(SCHEDULE[-1] + A_DAY, until, A_DAY)
        planned = np.array([*[t for t in SCHEDULE if t < until], *days, until], dtype=np.float64)
        return np.unique(planned)
    if sample_until is not None:
        raise ModelError("give either explicit sampling times or a time until which to sample, not both")
    words = sampling.replace(",", " ").split()
    unit = words.pop() if words and not _is_number(words[-1]) else "h"
    if not words or not all(_is_number(word) for word in words):
        raise ModelError(f'sampling {sampling!r}: write times and a unit, such as "0.25, 0.5, 1, 2, 4 h"')
    hours = np.array([Quantity.parse(f"{word} {unit}").to("h") for word in words])
    if not np.all(np.isfinite(hours)) or np.any(hours < 0) or np.any(np.diff(hours) <= 0):
        raise ModelError(f"sampling {sampling!r}: times must not be negative and must increase")
    if hours[-1] > LONGEST:
        raise ModelError(f"sampling {sampling!r}: at most {LONGEST / A_DAY:g} days after the dose")
    return np.unique(np.concatenate([[0.0], hours]))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def limits_of_quantification(lloq: str | None, regimen: Administration) -> dict[str, float]:
    """Limit of quantification of each analyte, ng/mL."""
    if lloq is None:
        return {
            drug.name: drug.numbers["assay_lloq"].to("ng/mL") if "assay_lloq" in drug.numbers else 0.0
            for drug in regimen.drugs
        }
    quantity = Quantity.parse(lloq)
    if quantity.of is not None or quantity.value < 0:
        raise ModelError(
            f'limit of quantification {lloq!r}: give a concentration that is not negative, such as "0.5 ng/mL"'
        )
    return {drug.name: quantity.to("ng/mL", drug.molar_mass) for drug in regimen.drugs}
