"""A number as text with the mark of its status, and what the marks mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analgesia.evidence import MARKS, MEANINGS, STATUSES


def significant(value: float, digits: int) -> str:
    """`value` to so many significant digits, without an exponent where it is of ordinary size."""
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e" in text and 1.0 <= abs(value) < 1e9 else text


def marked(value: float, unit: str, status: str, digits: int = 4) -> str:
    """`value unit` with the mark of its status: `258.2 nM†`."""
    text = significant(value, digits)
    shown = text if unit == "1" else f"{text}%" if unit == "%" else f"{text} {unit}"
    return shown + MARKS[status]


def legend(statuses: Sequence[str]) -> str:
    """What the marks of `statuses` mean, one line; empty when everything was read in its paper."""
    return "   ".join(f"{MARKS[s]} {s}: {MEANINGS[s]}" for s in STATUSES if MARKS[s] and s in statuses)


def rests_on(counts: Mapping[str, int]) -> str:
    """How many numbers of each status a result rests on, as a sentence."""
    parts = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"Rests on {sum(counts.values())} numbers: {parts}."
