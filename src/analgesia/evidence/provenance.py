"""Which numbers a computation rested on, and how well each is known.

    with tally() as used:
        clearance = number.to("L/h")        # noted
    used.counts                             # {"read": 1}

A pooled number counts once for every measurement in it. Nesting is allowed: an inner tally also fills the outer one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analgesia.evidence.numbers import Number

STATUSES = ("read", "secondary", "computed", "simulated", "fitted", "recalled", "assumed")
"""From best to least known. `recalled` waits to be checked against the paper and is never shown as cited."""

MARKS = {
    "read": "",
    "secondary": "*",
    "computed": "ᶜ",
    "simulated": "ˢ",
    "fitted": "ᶠ",
    "recalled": "†",
    "assumed": "‡",
}
"""The sign set behind every shown number whose status is not `read`."""

MEANINGS = {
    "read": "read in the paper itself",
    "secondary": "taken from somebody else's summary or transcription",
    "computed": "computed from other numbers",
    "simulated": "from our run of a published model",
    "fitted": "fitted to data named beside it",
    "recalled": "from memory, waiting to be checked against the paper",
    "assumed": "assumed, for the reason given",
}

_active: ContextVar[tuple[Tally, ...]] = ContextVar("analgesia_tally", default=())


@dataclass
class Tally:
    """Collects the numbers a computation used, each once (by file and key)."""

    numbers: dict[tuple[str, str], Number] = field(default_factory=dict)

    def note(self, number: Number) -> None:
        """Add one number; the same number added again changes nothing."""
        self.numbers.setdefault((number.file, number.key), number)

    def merge(self, other: Tally) -> None:
        """Add everything another tally has noted."""
        for number in other.numbers.values():
            self.note(number)

    @property
    def leaves(self) -> tuple[Number, ...]:
        """The single measurements and assumptions behind the noted numbers."""
        found: list[Number] = []
        for number in self.numbers.values():
            found.extend(number.leaves)
        return tuple(found)

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers of each status, in the order of STATUSES; statuses that do not occur are left out."""
        tallied = dict.fromkeys(STATUSES, 0)
        for leaf in self.leaves:
            tallied[leaf.status] += 1
        return {status: count for status, count in tallied.items() if count}

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, sorted, each once."""
        return tuple(sorted({name for leaf in self.leaves for name in leaf.cited}))


@contextmanager
def tally() -> Iterator[Tally]:
    """Every number converted inside the block is noted in the yielded Tally."""
    used = Tally()
    token = _active.set((*_active.get(), used))
    try:
        yield used
    finally:
        _active.reset(token)


def note(*numbers: Number) -> None:
    """Tell every open tally that `numbers` were used."""
    for used in _active.get():
        for number in numbers:
            used.note(number)


@dataclass
class Footing:
    """What each part of a run rested on, so that a reader of one part need not name the numbers of the others.

    A part is named by words from the general to the special, such as ("receptors", "tea", "mu_opioid").
    """

    parts: dict[tuple[str, ...], Tally] = field(default_factory=dict)

    @contextmanager
    def part(self, *name: str) -> Iterator[None]:
        """Numbers converted inside the block are noted under `name`, and as ever in the tallies around it."""
        with tally() as used:
            yield
        self.add(used, *name)

    def add(self, used: Tally, *name: str) -> None:
        """Note under `name` what a tally has noted already."""
        self.parts.setdefault(name, Tally()).merge(used)

    def of(self, *name: str) -> Tally:
        """Everything noted under names that begin with `name`; without a name, everything."""
        found = Tally()
        for part, used in self.parts.items():
            if part[: len(name)] == name:
                found.merge(used)
        return found
