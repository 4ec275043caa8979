"""The rule that picks the word of a verdict. One function, shared by every claim.

1. Human evidence decides first: direct human studies at or above the level the claim needs.
   The best level present wins; opposite findings at that level give "cannot tell".
2. Without them, direct laboratory evidence counts. It can support "in the laboratory only"; it can contradict
   only a claim that such a level may decide.
3. A mechanism can only lower or explain: when not even the upper end of the 90 % interval of every essential
   exposure margin reaches the threshold, laboratory support becomes "not reached at documented human exposure".
4. A prediction is not an argument of the function, so no prediction can change the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from analgesia.evidence.claim_schema import HUMAN_LEVELS, LEVELS


class Word(StrEnum):
    """The six words a verdict may have."""

    SUPPORTED = "supported in humans"
    LABORATORY = "supported in the laboratory only"
    UNTESTED = "untested in humans"
    NOT_REACHED = "not reached at documented human exposure"
    CONTRADICTED = "contradicted"
    CANNOT_TELL = "cannot tell"


class Evidence(Protocol):
    """What the rule reads of an evidence item."""

    @property
    def level(self) -> str:
        """Kind of study, one of LEVELS."""
        ...

    @property
    def directness(self) -> str:
        """Either direct or indirect."""
        ...

    @property
    def direction(self) -> str:
        """One of supports, contradicts, neutral."""
        ...


@dataclass(frozen=True)
class Reach:
    """One exposure margin as the rule sees it: the upper end of its 90 % interval, None where it cannot be computed."""

    upper: float | None
    essential: bool = True


@dataclass(frozen=True)
class Verdict:
    """The word, the best level of direct evidence ("none" without any), why, and the level of what gave the word."""

    word: Word
    level: str
    because: str
    decided_at: str


def rank(level: str) -> int:
    """Place of a level among LEVELS; -1 for "none"."""
    return LEVELS.index(level) if level in LEVELS else -1


def best_level(items: Sequence[Evidence]) -> str:
    """The highest level among the items, "none" without any."""
    return max((item.level for item in items), key=rank, default="none")


def _directions(items: Sequence[Evidence]) -> tuple[str, frozenset[str]]:
    """Best level among items that point somewhere, and the directions found at that level."""
    pointing = [item for item in items if item.direction != "neutral"]
    level = best_level(pointing)
    return level, frozenset(item.direction for item in pointing if item.level == level)


def verdict(
    items: Sequence[Evidence], margins: Sequence[Reach] = (), *, decided_by: str, reached_above: float = 0.1
) -> Verdict:
    """Pick the word from evidence items and exposure margins; see the module text for the rule."""
    direct = [item for item in items if item.directness == "direct"]
    level = best_level(direct)
    human = [item for item in direct if item.level in HUMAN_LEVELS and rank(item.level) >= rank(decided_by)]
    if human:
        found, directions = _directions(human)
        if directions == {"supports"}:
            return Verdict(
                Word.SUPPORTED, level, f"direct human evidence ({found}) supports the claim", found
            )
        if directions == {"contradicts"}:
            return Verdict(
                Word.CONTRADICTED, level, f"direct human evidence ({found}) contradicts the claim", found
            )
        because = (
            "direct human evidence points both ways" if directions else "direct human evidence is neutral"
        )
        return Verdict(Word.CANNOT_TELL, level, because, level)
    laboratory = [item for item in direct if item.level not in HUMAN_LEVELS]
    found, directions = _directions(laboratory)
    if directions == {"supports", "contradicts"}:
        return Verdict(
            Word.CANNOT_TELL, level, f"direct laboratory evidence ({found}) points both ways", found
        )
    if directions == {"contradicts"} and rank(found) >= rank(decided_by):
        because = f"direct evidence at the deciding level ({found}) contradicts the claim"
        return Verdict(Word.CONTRADICTED, level, because, found)
    if directions == {"supports"}:
        return _lowered(level, found, margins, reached_above)
    if decided_by in HUMAN_LEVELS:
        because = f"no direct human study at the level that could decide it ({decided_by})"
        return Verdict(Word.UNTESTED, level, because, level)
    return Verdict(Word.CANNOT_TELL, level, "no direct evidence that points one way", level)


def _lowered(level: str, found: str, margins: Sequence[Reach], reached_above: float) -> Verdict:
    """Laboratory support, lowered when no essential target can be reached at documented human exposure."""
    essential = [margin.upper for margin in margins if margin.essential]
    supported = Verdict(
        Word.LABORATORY, level, f"direct laboratory evidence ({found}) supports the claim", found
    )
    if not essential or any(upper is not None and upper >= reached_above for upper in essential):
        return supported
    if any(upper is None for upper in essential):
        because = "laboratory support, but the exposure at the target cannot be computed"
        return Verdict(Word.CANNOT_TELL, level, because, found)
    return Verdict(
        Word.NOT_REACHED,
        level,
        f"laboratory support ({found}), but every essential target stays below {reached_above:g} of its potency",
        found,
    )
