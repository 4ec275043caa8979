"""Where sources disagree: every quantity measured several times whose largest and smallest value differ more than threefold.

Nothing is settled here. The members stay in their files; the table says which of them enter the pooled value, which are kept
beside it and why, and how wide the pooled value is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from analgesia.evidence.library import Library
from analgesia.evidence.numbers import Number
from analgesia.evidence.schema import FOLDERS

THRESHOLD = 3.0
"""Ratio of the largest to the smallest value from which sources are said to disagree."""


def short(value: float) -> str:
    """Three significant digits, without an exponent for numbers of ordinary size."""
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e" in text and 1.0 <= abs(value) < 1e9 else text


@dataclass(frozen=True)
class Member:
    """One of the disagreeing values, in the unit of the quantity; `beside` says why it does not enter the pooled value."""

    value: float
    source: str | None
    status: str
    system: str | None
    species: str | None
    beside: str | None


@dataclass(frozen=True)
class Conflict:
    """A quantity on which sources disagree, and what is done about it."""

    kind: str
    name: str
    key: str
    unit: str
    ratio: float
    used: float
    interval: tuple[float, float]
    members: tuple[Member, ...]

    @property
    def handling(self) -> str:
        """What is done, in a sentence."""
        pooled = sum(member.beside is None for member in self.members)
        beside = list(dict.fromkeys(member.beside for member in self.members if member.beside is not None))
        low, high = self.interval
        said = f"{pooled} pooled" if pooled > 1 else "one used"
        unit = "" if self.unit == "1" else f" {self.unit}"
        if high > low:
            said += f", drawn from {short(low)} to {short(high)}{unit} (95 %)"
        else:
            said += " as if it were exact: no spread is stated"
        return said + (f"; kept beside: {'; '.join(beside)}" if beside else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**asdict(self), "handling": self.handling}


def conflicts(library: Library, threshold: float = THRESHOLD) -> tuple[Conflict, ...]:
    """Every conflict of the library, the largest first; a limit ("< 0.1") and a value of 0 have no ratio and are not compared."""
    found = [
        conflict
        for kind in FOLDERS
        for name in library.folder(kind)
        for number in library.numbers(kind, name)
        for conflict in _of(kind, name, number, threshold)
    ]
    return tuple(
        sorted(found, key=lambda conflict: (-conflict.ratio, conflict.kind, conflict.name, conflict.key))
    )


def _of(kind: str, name: str, number: Number, threshold: float) -> Iterator[Conflict]:
    values = [(member, member._convert(member.value, number.unit)) for member in number.measured]
    compared = [(member, value) for member, value in values if member.limit is None and value > 0.0]
    if len(compared) < 2:
        return
    sizes = [value for _, value in compared]
    ratio = max(sizes) / min(sizes)
    if not math.isfinite(ratio) or ratio <= threshold:
        return
    low, high = number.interval()
    yield Conflict(
        kind=kind,
        name=name,
        key=number.key,
        unit=number.unit,
        ratio=ratio,
        used=number.value,
        interval=(low, high),
        members=tuple(
            Member(value, member.source, member.status, member.system, member.species, member.not_pooled)
            for member, value in compared
        ),
    )
