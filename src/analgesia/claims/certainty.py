"""How certain the evidence from people is (GRADE): computed from the evidence items of a claim, every step with its reason.

The body of evidence is the one the verdict's rule reads: direct studies in people at or above the level that decides; without
them direct studies in people of any level; without those, indirect ones; of these the items of the best level that points
somewhere. Then

    certainty = start(design) - risk of bias - inconsistency - indirectness - imprecision - publication bias + upgrades

on the ladder very low, low, moderate, high. Trials start high, observations low (Balshem 2011). A property of single studies
(risk of bias, indirectness) costs as much as it does for at least half of the studies. Evidence about something else is never
better than very low for the claim itself. Conventions that GRADE leaves to judgement stand below as constants, each with its
reason. Nothing here is typed by hand into a claim: its file gives facts, this module gives the words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from analgesia.claims.certainty_words import BELOW, NEARBY, NONE, REASONS, STATEMENTS
from analgesia.claims.verdict import best_level, rank
from analgesia.evidence.bias import CONCERN, JUDGEMENT_WORDS, RiskOfBias
from analgesia.evidence.claim_schema import HUMAN_LEVELS, CertaintyInputs

LADDER = ("very low", "low", "moderate", "high")
DIRECTIONS = ("supports", "contradicts", "both", "neutral")

START = {"systematic_review": "high", "rct": "high", "observational": "low"}
"""Level of a study -> where its certainty starts."""

ENOUGH_PEOPLE = 400
"""People below which a result counts as imprecise: GRADE's rule of thumb for a continuous outcome (Guyatt 2011)."""

FAR_TOO_FEW = ENOUGH_PEOPLE // 10
"""People below which it counts as very imprecise: a tenth of enough (our convention)."""

SOURCES = ("balshem2011grade", "guyatt2011imprecision", "guyatt2011up", "santesso2020statements")
"""The papers the rule follows."""

LARGE_RATIO, VERY_LARGE_RATIO = 2.0, 5.0
"""Ratio of risks (or its inverse) from which an effect is large, and very large (Guyatt 2011, rating up)."""


class Item(Protocol):
    """What is read of an evidence item."""

    @property
    def level(self) -> str: ...
    @property
    def directness(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def n(self) -> int | None: ...
    @property
    def differs_in(self) -> Sequence[str]: ...
    @property
    def risk_of_bias(self) -> RiskOfBias | None: ...


@dataclass(frozen=True)
class Step:
    """One step of the rating: the domain, by how much it moves the certainty, and why."""

    domain: str
    change: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"domain": self.domain, "change": self.change, "reason": self.reason}


@dataclass(frozen=True)
class Certainty:
    """The certainty of the evidence from people for one claim, its direction, and how it came about.

    standing: deciding (of the level the claim asks for), below (direct, of a lower one), indirect, or none.
    """

    level: str
    direction: str
    standing: str
    start: str
    kind: str
    studies: tuple[str, ...]
    people: int | None
    steps: tuple[Step, ...]

    @property
    def statement(self) -> str:
        """The sentence for certainty, direction and standing of the evidence."""
        if self.standing == "indirect":
            return NEARBY[self.direction]
        if self.standing == "below":
            return BELOW[self.direction].format(level=self.level)
        return STATEMENTS[(self.level, self.direction)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "certainty": self.level,
            "direction": self.direction,
            "standing": self.standing,
            "statement": self.statement,
            "start": self.start,
            "kind": self.kind,
            "studies": list(self.studies),
            "people": self.people,
            "steps": [step.to_dict() for step in self.steps],
            "method": list(SOURCES),
        }


def body_of(items: Sequence[Item], decided_by: str) -> tuple[str, list[Item]]:
    """The standing of the body and the items that the certainty is about: the best level that points somewhere, among those that count."""
    human = [item for item in items if item.level in HUMAN_LEVELS]
    direct = [item for item in human if item.directness == "direct"]
    deciding = [item for item in direct if rank(item.level) >= rank(decided_by)]
    counted = deciding or direct or human
    if not counted:
        return NONE, []
    level = best_level([item for item in counted if item.direction != "neutral"] or counted)
    standing = "deciding" if deciding else "below" if direct else "indirect"
    return standing, [item for item in counted if item.level == level]


def certainty(
    items: Sequence[Item],
    *,
    decided_by: str,
    assessed: Mapping[str, RiskOfBias] | None = None,
    inputs: CertaintyInputs | None = None,
    names: Mapping[str, str] | None = None,
) -> Certainty:
    """Rate the evidence from people.

    assessed: risk of bias by source, used where an item has none of its own. names: how a source is called in a reason.
    """
    inputs, names = inputs or CertaintyInputs(), names or {}
    standing, body = body_of(items, decided_by)
    if not body:
        step = Step("design", 0, REASONS[("design", NONE)])
        return Certainty(NONE, NONE, NONE, NONE, NONE, (), None, (step,))
    level, start = body[0].level, START[body[0].level]
    sources = tuple(dict.fromkeys(item.source for item in body))
    people = _people(body)
    down = [
        _bias(body, assessed or {}, names),
        _inconsistency(body),
        _indirectness(body, standing),
        _imprecision(people),
        _publication(inputs, names),
    ]
    up = _upgrades(inputs, names, allowed=start == "low" and not any(step.change for step in down))
    number = f"{len(sources)} {'study' if len(sources) == 1 else 'studies'}"
    design = Step("design", 0, REASONS[("design", start)].format(studies=number))
    place = LADDER.index(start) + sum(step.change for step in (*down, *up))
    reached = LADDER[min(max(place, 0), len(LADDER) - 1)]
    if standing == "indirect":
        reached = LADDER[0]
    return Certainty(
        reached, direction_of(body), standing, start, level, sources, people, (design, *down, *up)
    )


def direction_of(body: Sequence[Item]) -> str:
    """Where a body of evidence points: supports, contradicts, both or neutral."""
    found = {item.direction for item in body} - {"neutral"}
    if len(found) > 1:
        return "both"
    return found.pop() if found else "neutral"


def _people(body: Sequence[Item]) -> int | None:
    known: dict[str, int] = {}
    for item in body:
        if item.n is not None:
            known[item.source] = max(item.n, known.get(item.source, 0))
    return sum(known.values()) if known else None


def _of_half(sizes: Sequence[int]) -> int:
    """The size that at least half of the studies reach."""
    return sorted(sizes, reverse=True)[math.ceil(len(sizes) / 2) - 1]


def _bias(body: Sequence[Item], assessed: Mapping[str, RiskOfBias], names: Mapping[str, str]) -> Step:
    found: dict[str, str] = {}
    for item in body:
        own = item.risk_of_bias or assessed.get(item.source)
        found[item.source] = own.overall if own else "no_information"
    size = _of_half([CONCERN[one] for one in found.values()])
    said = ", ".join(f"{names.get(source, source)}: {JUDGEMENT_WORDS[one]}" for source, one in found.items())
    return Step("risk_of_bias", -size, REASONS[("risk_of_bias", str(size))].format(overalls=said))


def _inconsistency(body: Sequence[Item]) -> Step:
    counts = {
        way: sum(item.direction == way for item in body) for way in ("supports", "contradicts", "neutral")
    }
    if len(body) == 1:
        return Step("inconsistency", 0, REASONS[("inconsistency", "alone")])
    pointing = min(counts["supports"], 1) + min(counts["contradicts"], 1)
    size = 2 if pointing == 2 else 1 if pointing == 1 and counts["neutral"] else 0
    return Step("inconsistency", -size, REASONS[("inconsistency", str(size))].format(**counts))


def _indirectness(body: Sequence[Item], standing: str) -> Step:
    differs = ", ".join(dict.fromkeys(what for item in body for what in item.differs_in))
    if standing == "indirect":
        said = REASONS[("indirectness", "other")].format(differs=differs or "what they measured")
        return Step("indirectness", -2, said)
    size = _of_half([min(len(item.differs_in), 2) for item in body])
    return Step("indirectness", -size, REASONS[("indirectness", str(size))].format(differs=differs))


def _imprecision(people: int | None) -> Step:
    if people is None:
        return Step("imprecision", -1, REASONS[("imprecision", "unknown")])
    size = 2 if people < FAR_TOO_FEW else 1 if people < ENOUGH_PEOPLE else 0
    said = REASONS[("imprecision", str(size))].format(people=people, enough=ENOUGH_PEOPLE)
    return Step("imprecision", -size, said)


def _publication(inputs: CertaintyInputs, names: Mapping[str, str]) -> Step:
    sign = inputs.publication_bias
    if sign is None:
        return Step("publication_bias", 0, REASONS[("publication_bias", "0")])
    said = REASONS[("publication_bias", sign.because)]
    source = names.get(sign.source or "", sign.source or "")
    return Step("publication_bias", -1, said.format(registry=sign.registry, source=source))


def _upgrades(inputs: CertaintyInputs, names: Mapping[str, str], *, allowed: bool) -> list[Step]:
    steps = []
    for one in inputs.upgrades:
        size = 1
        if one.ratio is not None:
            away = max(one.ratio, 1.0 / one.ratio)
            size = 2 if away >= VERY_LARGE_RATIO else 1 if away >= LARGE_RATIO else 0
        said = REASONS[(one.domain, str(size))].format(
            ratio=one.ratio, source=names.get(one.source, one.source)
        )
        if not allowed:
            size, said = 0, f"{said} {REASONS[('upgrade', 'refused')]}"
        steps.append(Step(one.domain, size, said))
    return steps
