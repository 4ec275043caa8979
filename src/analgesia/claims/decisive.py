"""The one measurement that would change the verdict most, computed by asking the verdict's own rule.

Two kinds of candidate:

    a study  (each level without a direct study):  value = share of its three outcomes - supports, contradicts, neither - with
                                                   which the rule gives another word
    a number (potency of a target; free exposure):  value = P(another word | number known exactly), over what is thought possible

A number is drawn from its own ignorance while the rest of the ignorance stays: a potency from its prior with exposures as they
are, a free exposure from the draws of kinetic ignorance with potencies as they are; people go on differing. So

    potency:   upper(z) = q95[peak over people and draws] / (potency * exp(sd * z)),      z at even quantiles of the normal
    exposure:  upper(r) = q95[peak of draw r over people / (potency * exp(sd * z))]

and every margin that rests on the number moves with it. This is the expected value of perfect information with the loss "wrong
word". Rule of the ranking, a convention: the larger value first; among equals the cheaper kind, in the order of `CHEAPNESS`. Every
outcome of a study counts alike, because nobody knows which is likelier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims.margins import INTERVAL, Margin
from analgesia.claims.sentences import SITE_WORDS, percent, target_words
from analgesia.claims.verdict import Evidence, Reach, Word, verdict
from analgesia.evidence.claim_schema import HUMAN_LEVELS, LEVELS, Rule
from analgesia.results import by_lane

Array = NDArray[np.float64]

QUANTILES = 199
"""Even quantiles that stand for the prior of a potency."""

CHEAPNESS = (
    "potency", "in_vitro", "ex_vivo", "product_assay", "exposure", "animal", "observational", "rct",
)  # fmt: skip
"""Kinds of measurement from cheap to dear, for ties only."""

OUTCOMES = ("supports", "contradicts", "neutral")

STUDY_WORDS = {
    "in_vitro": "a study in cells",
    "ex_vivo": "a study of isolated tissue",
    "product_assay": "an analysis of products",
    "animal": "a study in animals",
    "observational": "a study in people without random allocation",
    "rct": "a randomised trial in people",
}
NUMBER_WORDS = {
    "potency": "the potency of {compound} ({target})",
    "exposure": "the free concentration of {compound} in {site}",
}
OUTCOME_WORDS = {
    "supports": "if it supports the claim, the word {becomes}",
    "contradicts": "if it contradicts it, the word {becomes}",
    "neutral": "if it points neither way, the word {becomes}",
}
SENTENCES = {
    "study": "What would change the word most is {what} that tests the claim itself: {outcomes}.",
    "number": "What would change the word most is {what}, known exactly: {outcomes}.",
    "nothing": "No single study or number would change the word.",
    "runner": "Of the numbers, {what} matters most: {outcomes}.",
}
"""Every sentence about the decisive measurement."""

IDLE = {
    Word.LABORATORY: "No single number of the mechanism, known exactly, would put it out of reach.",
    Word.NOT_REACHED: "No single number of the mechanism, known exactly, would bring it within reach.",
}
"""Word -> what is said when no number would change it."""

ASIDE = "Numbers of the mechanism cannot change this word: they count only where the laboratory alone speaks for a claim."
"""The same for the words that no number touches."""


@dataclass(frozen=True)
class Lanes:
    """What a margin was made from: unbound peaks [replicate, patient] in nM, and the SD of ln(potency) from ignorance."""

    margin: Margin
    peak: Array
    sd_log: float


@dataclass(frozen=True)
class Measurement:
    """One candidate: its kind, what it measures, the words it may lead to with their shares, and the share that differs."""

    kind: str
    what: str
    outcomes: Mapping[str, float]
    value: float
    by_outcome: Mapping[str, Word] | None = None

    @property
    def is_study(self) -> bool:
        """True for a study, False for a number."""
        return self.by_outcome is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "what": self.what,
            "value": self.value,
            "words": dict(self.outcomes),
            "by_outcome": None
            if self.by_outcome is None
            else {k: str(v) for k, v in self.by_outcome.items()},
        }


@dataclass(frozen=True)
class Decisive:
    """All candidates, the most decisive first, and the word as it is now."""

    word: Word
    ranked: tuple[Measurement, ...]

    @property
    def best(self) -> Measurement | None:
        """The measurement that would change the word most; None when nothing would."""
        return self.ranked[0] if self.ranked and self.ranked[0].value > 0.0 else None

    @property
    def number(self) -> Measurement | None:
        """The number that would change the word most; None when no number would."""
        return next((one for one in self.ranked if not one.is_study and one.value > 0.0), None)

    @property
    def sentence(self) -> str:
        """Which measurement it is and what each outcome would do; and the same for the numbers."""
        best, number = self.best, self.number
        if best is None:
            return SENTENCES["nothing"]
        kind = "study" if best.is_study else "number"
        said = SENTENCES[kind].format(what=best.what, outcomes=outcome_words(best, self.word))
        if number is None:
            return f"{said} {IDLE.get(self.word, ASIDE)}"
        if number is best:
            return said
        runner = SENTENCES["runner"].format(what=number.what, outcomes=outcome_words(number, self.word))
        return f"{said} {runner}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "sentence": self.sentence,
            "best": None if self.best is None else self.best.to_dict(),
            "ranked": [one.to_dict() for one in self.ranked],
            "rule": "largest share of outcomes with another word; among equals the cheaper kind",
            "order_of_cheapness": list(CHEAPNESS),
        }


def outcome_words(one: Measurement, now: Word) -> str:
    """What each outcome of a measurement does to the word."""
    if one.by_outcome is not None:
        return "; ".join(
            OUTCOME_WORDS[outcome].format(becomes="stays" if word is now else f"becomes \u201c{word}\u201d")
            for outcome, word in one.by_outcome.items()
        )
    changed = [(word, part) for word, part in one.outcomes.items() if word != str(now)]
    return "; ".join(
        f"in {percent(part)} of what is thought possible the word becomes \u201c{word}\u201d"
        for word, part in changed
    )


def lanes_of(one: Margin, exposed: Any, sd_log: float) -> Lanes | None:
    """The lanes behind a margin in a run of the pathway; None where there is no distribution."""
    if one.interval90 is None:
        return None
    unbound = exposed.concentration.sel(arm=one.arm, analyte=one.compound, site=one.site)
    peak = by_lane(unbound).max(axis=-1)
    return Lanes(one, peak, sd_log)


@dataclass(frozen=True)
class _Hypothetical:
    level: str
    direction: str
    directness: str = "direct"


def decisive(
    items: Sequence[Evidence], margins: Sequence[Margin], lanes: Sequence[Lanes], rule: Rule
) -> Decisive:
    """Rank every missing kind of study and every uncertain number by how much of it would change the word."""
    reaches = [one.reach for one in margins]
    now = _word(items, reaches, rule)
    candidates = _studies(items, reaches, rule, now)
    candidates += _numbers(items, margins, lanes, rule, now)
    candidates.sort(key=lambda one: (-one.value, CHEAPNESS.index(one.kind), one.what))
    return Decisive(now, tuple(candidates))


def _word(items: Sequence[Evidence], reaches: Sequence[Reach], rule: Rule) -> Word:
    found = verdict(items, reaches, decided_by=rule.decided_by, reached_above=rule.reached_above)
    return found.word


def _kinds(items: Sequence[Evidence], rule: Rule) -> list[str]:
    """Levels without a direct study that could test the claim.

    Products are assayed only for a claim about products, and that claim is not tested in cells or animals; what only people can
    decide is not tested outside a body.
    """
    unfit = {"product_assay"}
    if rule.decided_by == "product_assay":
        unfit = {"in_vitro", "ex_vivo", "animal"}
    elif rule.decided_by in HUMAN_LEVELS:
        unfit = {"product_assay", "in_vitro", "ex_vivo"}
    present = {item.level for item in items if item.directness == "direct"}
    return [level for level in LEVELS if level in STUDY_WORDS and level not in present | unfit]


def _studies(items: Sequence[Evidence], reaches: Sequence[Reach], rule: Rule, now: Word) -> list[Measurement]:
    found = []
    for level in _kinds(items, rule):
        words = {
            outcome: _word([*items, _Hypothetical(level, outcome)], reaches, rule) for outcome in OUTCOMES
        }
        shares = {str(word): count / len(OUTCOMES) for word, count in Counter(words.values()).items()}
        found.append(Measurement(level, STUDY_WORDS[level], shares, 1.0 - shares.get(str(now), 0.0), words))
    return found


def _numbers(
    items: Sequence[Evidence], margins: Sequence[Margin], lanes: Sequence[Lanes], rule: Rule, now: Word
) -> list[Measurement]:
    """Potencies and exposures behind the essential margins; a number whose ignorance nobody stated is no candidate."""
    used = [one for one in lanes if one.margin.essential]
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    normal = np.array([NormalDist().inv_cdf(float(level)) for level in levels])
    groups: dict[tuple[str, ...], list[Lanes]] = {}
    for one in used:
        m = one.margin
        if one.sd_log > 0.0:
            groups.setdefault(("potency", m.compound, m.kind, m.target), []).append(one)
        if one.peak.shape[0] > 1:
            groups.setdefault(("exposure", m.compound, m.site), []).append(one)
    found = []
    for key, group in groups.items():
        if key[0] == "potency":
            uppers = {id(one.margin): _by_potency(one, normal) for one in group}
            what = NUMBER_WORDS["potency"].format(compound=key[1], target=target_words(key[3]))
        else:
            uppers = {id(one.margin): _by_exposure(one, normal) for one in group}
            what = NUMBER_WORDS["exposure"].format(compound=key[1], site=SITE_WORDS[key[2]])
        counts: Counter[str] = Counter()
        whole = np.isfinite(np.stack(list(uppers.values()))).all(axis=0)
        for draw in np.flatnonzero(whole):
            reaches = [
                Reach(float(uppers[id(one)][draw]), one.essential) if id(one) in uppers else one.reach
                for one in margins
            ]
            counts[str(_word(items, reaches, rule))] += 1
        if not counts:  # no draw in which every margin of the number could be computed
            continue
        shares = {word: count / counts.total() for word, count in counts.items()}
        found.append(Measurement(key[0], what, shares, 1.0 - shares.get(str(now), 0.0)))
    return found


def _by_potency(one: Lanes, normal: Array) -> Array:
    """Upper end of the margin for each potency of the prior, exposures as uncertain as they are."""
    peak = one.peak[np.isfinite(one.peak)]
    return np.asarray(np.quantile(peak, INTERVAL[1]) / (one.margin.potency * np.exp(one.sd_log * normal)))


def _by_exposure(one: Lanes, normal: Array) -> Array:
    """Upper end of the margin for each draw of kinetic ignorance, the potency as uncertain as it is; nan where a draw failed."""
    potency = one.margin.potency * np.exp(one.sd_log * normal)
    uppers = []
    for row in one.peak:
        peak = row[np.isfinite(row)]
        whole = np.quantile(np.divide.outer(peak, potency), INTERVAL[1]) if peak.size else np.nan
        uppers.append(float(whole))
    return np.array(uppers)
