"""Certainty of the evidence from people: worked examples by hand, then what must hold for every body of evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.claims.test_claim_sentences import ADVICE
from tests.claims.test_verdict_rule import deciding, levels

from analgesia import evidence
from analgesia.claims.certainty import DIRECTIONS, LADDER, certainty
from analgesia.claims.certainty_words import BELOW, NEARBY, NONE, REASONS, STATEMENTS
from analgesia.claims.saying import MAY_OF_EVIDENCE
from analgesia.claims.sentences import opening
from analgesia.claims.verdict import Word, verdict
from analgesia.evidence.bias import TOOLS, Domain, RiskOfBias
from analgesia.evidence.claim_schema import HUMAN_LEVELS, CertaintyInputs

LIBRARY = evidence.load()


def bias(judgement: str, tool: str = "rob2") -> RiskOfBias:
    """Every domain judged the same."""
    known = {key: Domain(judgement=judgement, reason="for the test") for key in TOOLS[tool].domains}
    return RiskOfBias(tool=tool, basis=("full text",), domains=known)


GOOD = bias("low")


@dataclass(frozen=True)
class Item:
    level: str = "rct"
    directness: str = "direct"
    direction: str = "supports"
    source: str = "a2020"
    n: int | None = 500
    differs_in: tuple[str, ...] = ()
    risk_of_bias: RiskOfBias | None = GOOD


def rated(*items: Item, decided_by: str = "rct", **inputs: Any):
    return certainty(items, decided_by=decided_by, inputs=CertaintyInputs.model_validate(inputs))


def steps(found) -> dict[str, int]:
    return {one.domain: one.change for one in found.steps}


def test_nothing_in_people_is_none():
    found = rated(Item(level="animal"), Item(level="in_vitro"))
    assert (found.level, found.direction, found.standing) == (NONE, NONE, NONE)
    assert found.statement == "No study in people was found."


def test_a_large_trial_without_bias_is_high():
    assert rated(Item()).level == "high"
    assert rated(Item(direction="contradicts")).level == "high"


@pytest.mark.parametrize(
    ("change", "domain", "step"),
    [
        ({"risk_of_bias": bias("some_concerns")}, "risk_of_bias", -1),
        ({"risk_of_bias": bias("high")}, "risk_of_bias", -1),
        ({"risk_of_bias": None}, "risk_of_bias", -1),
        ({"risk_of_bias": bias("critical", "robins_i")}, "risk_of_bias", -2),
        ({"differs_in": ("outcome",)}, "indirectness", -1),
        ({"differs_in": ("outcome", "population", "comparison")}, "indirectness", -2),
        ({"n": 399}, "imprecision", -1),
        ({"n": 39}, "imprecision", -2),
        ({"n": None}, "imprecision", -1),
    ],
)
def test_each_downgrade_alone(change, domain, step):
    found = rated(replace(Item(), **change))
    assert steps(found)[domain] == step
    assert sum(one.change for one in found.steps) == step
    assert found.level == LADDER[3 + step]


def test_two_studies_that_disagree_lose_two_steps_and_one_that_is_silent_one():
    other = Item(source="b2021", direction="contradicts")
    assert rated(Item(), other).level == "low"
    assert rated(Item(), other).direction == "both"
    assert rated(Item(), replace(other, direction="neutral")).level == "moderate"


def test_a_missing_study_costs_one_step_and_says_which():
    sign = {"because": "registered_without_results", "registry": "NCT1", "at": "registry"}
    found = rated(Item(), publication_bias=sign)
    assert found.level == "moderate"
    assert any("NCT1" in one.reason for one in found.steps)


def up(domain="large_effect", ratio=2.5):
    return {"domain": domain, "source": "a2020", "at": "text", "status": "read"} | (
        {"ratio": ratio} if domain == "large_effect" else {}
    )


@pytest.mark.parametrize(
    ("upgrade", "level"),
    [
        (up(ratio=1.5), "low"),
        (up(ratio=2.5), "moderate"),
        (up(ratio=0.4), "moderate"),
        (up(ratio=5.0), "high"),
        (up("dose_response"), "moderate"),
    ],
)
def test_sound_observations_can_be_rated_up(upgrade, level):
    item = Item(level="observational", risk_of_bias=bias("low", "robins_i"))
    assert rated(item, decided_by="observational", upgrades=[upgrade]).level == level


def test_nothing_is_rated_up_after_it_was_rated_down_and_no_trial_ever():
    weak = Item(level="observational", n=100, risk_of_bias=bias("low", "robins_i"))
    found = rated(weak, decided_by="observational", upgrades=[up(ratio=9.0)])
    assert found.level == "very low"
    assert "Not counted" in found.steps[-1].reason
    assert rated(Item(), upgrades=[up()]).level == "high"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"publication_bias": {"because": "registered_without_results", "at": "registry"}}, "registry"),
        ({"publication_bias": {"because": "paid_by_seller", "at": "note"}}, "source"),
        ({"publication_bias": {"because": "a feeling", "at": "none"}}, "few_small_studies"),
        (
            {"upgrades": [{"domain": "large_effect", "source": "a2020", "at": "text", "status": "read"}]},
            "ratio",
        ),
        ({"upgrades": [up("dose_response") | {"ratio": 2.0}]}, "ratio"),
        ({"upgrades": [up(ratio=-1.0)]}, "greater than 0"),
        ({"level": "high"}, "level"),
    ],
)
def test_wrong_inputs_are_refused(table, says):
    with pytest.raises(ValidationError, match=says):
        CertaintyInputs.model_validate(table)


def test_evidence_about_something_else_is_very_low_however_good():
    found = rated(Item(directness="indirect"))
    assert (found.level, found.standing, found.direction) == ("very low", "indirect", "supports")


def test_the_body_is_what_the_verdict_reads():
    survey = Item(level="observational", direction="contradicts", source="s2020")
    assert rated(Item(), survey).studies == ("a2020",)
    assert rated(survey).standing == "below"
    assert rated(survey, decided_by="observational").standing == "deciding"
    silent = Item(level="rct", direction="neutral", source="silent2020")
    assert rated(silent, survey, decided_by="observational").studies == ("s2020",)


def test_half_of_the_studies_set_the_step():
    good, poor = Item(source="g"), Item(source="p", risk_of_bias=bias("high"))
    assert steps(rated(good, poor))["risk_of_bias"] == -1
    assert steps(rated(good, replace(good, source="h"), poor))["risk_of_bias"] == 0


tools = {"rct": "rob2", "observational": "robins_i", "systematic_review": "robis"}
generated = st.builds(
    Item,
    levels,
    st.sampled_from(["direct", "indirect"]),
    st.sampled_from(["supports", "contradicts", "neutral"]),
    st.sampled_from(["a2020", "b2021", "c2022"]),
    st.one_of(st.none(), st.integers(0, 2000)),
    st.lists(st.sampled_from(["population", "outcome"]), unique=True, max_size=2).map(tuple),
    st.sampled_from([None, GOOD, bias("high"), bias("critical", "robins_i")]),
)
bodies = st.lists(generated, max_size=6)
upgrades = st.lists(
    st.builds(up, st.sampled_from(["large_effect", "dose_response"]), st.floats(0.1, 10.0)), max_size=3
)


@settings(max_examples=400)
@given(bodies, deciding, upgrades)
def test_every_reachable_verdict_has_its_sentences_and_they_agree(body, decided_by, ups):
    """(word, level, certainty, direction): each has a sentence, and its direction never contradicts the word."""
    inputs = CertaintyInputs.model_validate({"upgrades": ups})
    found = verdict(body, decided_by=decided_by)
    rating = certainty(body, decided_by=decided_by, inputs=inputs)
    assert opening(found.word, found.decided_at)
    assert rating.statement
    assert MAY_OF_EVIDENCE[(rating.standing, rating.direction)]
    if found.word is Word.SUPPORTED:
        assert (rating.direction, rating.standing) == ("supports", "deciding")
    if rating.standing == "deciding":
        expected = {
            "supports": Word.SUPPORTED,
            "contradicts": Word.CONTRADICTED,
            "both": Word.CANNOT_TELL,
            "neutral": Word.CANNOT_TELL,
        }
        assert found.word is expected[rating.direction]
        if rating.direction in ("supports", "contradicts"):
            assert found.decided_at == rating.kind
    if rating.standing in ("below", "indirect", NONE):
        assert found.word is not Word.SUPPORTED
        assert rating.statement not in STATEMENTS.values() or rating.level == NONE
    if found.word is Word.UNTESTED:
        assert rating.standing != "deciding"
    assert (rating.level == NONE) == (not any(item.level in HUMAN_LEVELS for item in body))


@settings(max_examples=300)
@given(bodies, deciding)
def test_the_rating_keeps_to_the_ladder(body, decided_by):
    rating = certainty(body, decided_by=decided_by)
    if rating.level == NONE:
        return
    total = LADDER.index(rating.start) + sum(step.change for step in rating.steps)
    reached = LADDER[min(max(total, 0), 3)]
    assert rating.level == ("very low" if rating.standing == "indirect" else reached)
    if rating.kind == "observational":
        assert LADDER.index(rating.level) <= LADDER.index("low")
    assert all(step.reason and "{" not in step.reason for step in rating.steps)


@settings(max_examples=200)
@given(bodies, deciding)
def test_order_and_what_is_not_human_change_nothing(body, decided_by):
    rating = certainty(body, decided_by=decided_by)
    turned = certainty(body[::-1], decided_by=decided_by)
    human = certainty([item for item in body if item.level in HUMAN_LEVELS], decided_by=decided_by)
    assert (rating.level, rating.direction, rating.standing) == (
        turned.level,
        turned.direction,
        turned.standing,
    )
    assert rating == human


def test_tables_hold_every_direction_and_no_advice():
    assert set(BELOW) == set(NEARBY) == set(DIRECTIONS)
    for text in (
        *STATEMENTS.values(),
        *BELOW.values(),
        *NEARBY.values(),
        *REASONS.values(),
        *MAY_OF_EVIDENCE.values(),
    ):
        assert not ADVICE.search(text), text


@pytest.mark.parametrize("claim", LIBRARY.claims.values(), ids=lambda claim: claim.name)
def test_the_claims_as_they_stand(claim):
    assessed = {name: source.risk_of_bias for name, source in LIBRARY.sources.items() if source.risk_of_bias}
    found = certainty(
        claim.evidence, decided_by=claim.rule.decided_by, assessed=assessed, inputs=claim.certainty
    )
    assert found.level in ("none", "very low")
