"""The shared rule: human evidence first, a mechanism only lowers, a prediction cannot enter."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from analgesia.claims.verdict import Reach, Word, rank, verdict
from analgesia.evidence.claim_schema import HUMAN_LEVELS, LEVELS


@dataclass(frozen=True)
class Item:
    level: str
    directness: str
    direction: str


levels = st.sampled_from(LEVELS)
deciding = st.sampled_from(LEVELS[:-1])
items = st.builds(
    Item,
    levels,
    st.sampled_from(["direct", "indirect"]),
    st.sampled_from(["supports", "contradicts", "neutral"]),
)
bodies = st.lists(items, max_size=8)
reaches = st.lists(st.builds(Reach, st.one_of(st.none(), st.floats(1e-9, 1e3)), st.booleans()), max_size=5)
STRENGTH = {
    Word.SUPPORTED: 2,
    Word.LABORATORY: 1,
    Word.UNTESTED: 0,
    Word.CANNOT_TELL: 0,
    Word.NOT_REACHED: -1,
    Word.CONTRADICTED: -2,
}


def test_a_prediction_is_not_an_argument() -> None:
    assert set(inspect.signature(verdict).parameters) == {"items", "margins", "decided_by", "reached_above"}


@given(bodies, deciding)
def test_supported_in_humans_needs_direct_deciding_human_support(body: list[Item], decided_by: str) -> None:
    decisive = [
        i
        for i in body
        if i.directness == "direct" and i.level in HUMAN_LEVELS and rank(i.level) >= rank(decided_by)
    ]
    if verdict(body, decided_by=decided_by).word is Word.SUPPORTED:
        assert any(i.direction == "supports" for i in decisive)
        best = max((i.level for i in decisive if i.direction != "neutral"), key=rank)
        assert not any(i.direction == "contradicts" and i.level == best for i in decisive)


@given(bodies, deciding, reaches)
def test_human_evidence_decides_before_laboratory_and_mechanism(
    body: list[Item], decided_by: str, margins: list[Reach]
) -> None:
    human = [i for i in body if i.level in HUMAN_LEVELS]
    if any(i.directness == "direct" and rank(i.level) >= rank(decided_by) for i in human):
        assert (
            verdict(body, margins, decided_by=decided_by).word is verdict(human, decided_by=decided_by).word
        )


@given(bodies, deciding, reaches)
def test_a_mechanism_never_raises_a_verdict(body: list[Item], decided_by: str, margins: list[Reach]) -> None:
    without = verdict(body, decided_by=decided_by)
    with_margins = verdict(body, margins, decided_by=decided_by)
    assert STRENGTH[with_margins.word] <= STRENGTH[without.word]
    if without.word is not Word.LABORATORY:
        assert with_margins == without


@given(bodies, deciding, reaches, st.floats(1e-3, 1.0))
def test_lower_exposure_never_raises_a_verdict(
    body: list[Item], decided_by: str, margins: list[Reach], factor: float
) -> None:
    lower = [replace(m, upper=None if m.upper is None else m.upper * factor) for m in margins]
    before, after = (verdict(body, m, decided_by=decided_by).word for m in (margins, lower))
    assert STRENGTH[after] <= STRENGTH[before]


@given(bodies, deciding, reaches)
def test_indirect_and_neutral_items_and_order_decide_nothing(
    body: list[Item], decided_by: str, margins: list[Reach]
) -> None:
    word = verdict(body, margins, decided_by=decided_by).word
    assert verdict(body[::-1], margins, decided_by=decided_by).word is word
    direct = [i for i in body if i.directness == "direct"]
    assert verdict(direct, margins, decided_by=decided_by).word is word


@given(bodies, deciding)
def test_the_level_is_the_best_direct_one(body: list[Item], decided_by: str) -> None:
    direct = [i.level for i in body if i.directness == "direct"]
    assert verdict(body, decided_by=decided_by).level == max(direct, key=rank, default="none")


def test_nothing_found_is_untested_for_outcomes_and_cannot_tell_for_mechanisms() -> None:
    assert verdict([], decided_by="rct").word is Word.UNTESTED
    assert verdict([], decided_by="in_vitro").word is Word.CANNOT_TELL


def test_a_trial_overrules_a_survey() -> None:
    body = [Item("rct", "direct", "contradicts"), Item("observational", "direct", "supports")]
    assert verdict(body, decided_by="observational").word is Word.CONTRADICTED


def test_not_reached_needs_every_essential_margin_below_the_threshold() -> None:
    body = [Item("ex_vivo", "direct", "supports")]
    below, above, unknown = Reach(1e-6), Reach(0.3), Reach(None)
    aside = Reach(50.0, essential=False)
    assert verdict(body, [below, aside], decided_by="in_vitro").word is Word.NOT_REACHED
    assert verdict(body, [below, above], decided_by="in_vitro").word is Word.LABORATORY
    assert verdict(body, [below, unknown], decided_by="in_vitro").word is Word.CANNOT_TELL
    assert verdict(body, [unknown, above], decided_by="in_vitro").word is Word.LABORATORY
    assert verdict(body, [aside], decided_by="in_vitro").word is Word.LABORATORY


def test_a_laboratory_finding_contradicts_only_what_a_laboratory_may_decide() -> None:
    body = [Item("animal", "direct", "contradicts")]
    assert verdict(body, decided_by="animal").word is Word.CONTRADICTED
    assert verdict(body, decided_by="rct").word is Word.UNTESTED
