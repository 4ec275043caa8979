"""Which drug was measured at which target, by which kind of assay, and where no number was found.

A binding constant, an EC50, an IC50 and the block of one state of a channel are kept apart: they are not one quantity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from analgesia.evidence.library import Library
from analgesia.evidence.numbers import Number
from analgesia.evidence.schema import Drug

SECTIONS = {"affinity": "binding", "potency": "half effect", "functional_inhibition": "half inhibition"}
"""Section of a drug file -> what its number at a target is, in words."""

STATES = ("resting", "inactivated", "open")
"""States of a sodium channel whose block a drug file may give under `nerve`."""


@dataclass(frozen=True)
class Measure:
    """One number of a drug at a target: what it is, how well it is known, from how many measurements and in which systems."""

    kind: str
    value: float
    unit: str
    status: str
    pooled: int
    beside: int
    systems: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """A drug at a target; no measure means that no number was found."""

    drug: str
    target: str
    measures: tuple[Measure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def coverage(library: Library) -> tuple[Cell, ...]:
    """Every drug at every receptor, transporter, enzyme and blocked channel of the library, found or not."""
    channels = [
        name
        for name in library.channels
        if any(_states(drug.nerve.get(name)) for drug in library.drugs.values())
    ]
    return tuple(
        Cell(drug.name, target, tuple(_measures(drug, target)))
        for drug in library.drugs.values()
        for target in (*library.receptors, *channels)
    )


def _measures(drug: Drug, target: str) -> Iterator[Measure]:
    for section, kind in SECTIONS.items():
        number = getattr(drug, section).get(target)
        if number is not None:
            yield _measure(kind, number)
    for state, number in _states(drug.nerve.get(target)):
        yield _measure(f"block, {state}", number)


def _states(table: object) -> list[tuple[str, Number]]:
    if not isinstance(table, dict):
        return []
    return [(state, table[state]) for state in STATES if isinstance(table.get(state), Number)]


def _measure(kind: str, number: Number) -> Measure:
    members = number.measured or (number,)
    pooled = [member for member in members if member.not_pooled is None and member.limit is None]
    systems = dict.fromkeys(
        ", ".join(part for part in (member.species, member.system) if part) for member in pooled
    )
    return Measure(
        kind=kind,
        value=number.value,
        unit=number.unit,
        status=number.status,
        pooled=len(pooled),
        beside=len(members) - len(pooled),
        systems=tuple(system for system in systems if system),
    )
