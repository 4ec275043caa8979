"""The decisive measurement: closed forms for the numbers, the verdict's own rule for the studies."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.claims.test_claim_sentences import ADVICE
from tests.claims.test_verdict_rule import Item, bodies, deciding

from analgesia import evidence
from analgesia.claims.decisive import (
    ASIDE,
    CHEAPNESS,
    IDLE,
    NUMBER_WORDS,
    OUTCOME_WORDS,
    SENTENCES,
    STUDY_WORDS,
    Lanes,
    decisive,
)
from analgesia.claims.experiment import Size, check
from analgesia.claims.margins import INTERVAL, Margin
from analgesia.claims.sentences import percent
from analgesia.claims.verdict import Word, verdict
from analgesia.evidence.claim_schema import Rule

RULE = Rule(decided_by="animal", reached_above=0.1, reason="for the test")
MICE = [Item("animal", "direct", "supports")]
POTENCY = 100.0


def lanes(
    peak, sd: float, *, essential: bool = True, compound: str = "mitragynine", site: str = "brain"
) -> Lanes:
    """A margin whose interval is that of its lanes, the potency drawn at even quantiles."""
    peak = np.atleast_2d(np.asarray(peak, dtype=float))
    levels = (np.arange(199) + 0.5) / 199
    potency = POTENCY * np.exp(sd * np.array([NormalDist().inv_cdf(level) for level in levels]))
    ratio = np.divide.outer(peak.ravel(), potency)
    low, median, high = np.quantile(ratio, (INTERVAL[0], 0.5, INTERVAL[1]))
    one = Margin(
        compound, "mu_opioid", site, "affinity", "an arm", essential, POTENCY, "read", (), float(median),
        (float(low), float(high)),
    )  # fmt: skip
    return Lanes(one, peak, sd)


def asked(items, *known: Lanes, rule: Rule = RULE):
    return decisive(items, [one.margin for one in known], known, rule)


def candidate(found, kind: str):
    return next(one for one in found.ranked if one.kind == kind)


@pytest.mark.parametrize("sd", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("peak", [3.0, 8.0, 15.0, 40.0])
def test_a_potency_known_exactly_is_a_normal_probability(sd, peak):
    """One person, one draw: reached when peak / (K exp(sd z)) >= 0.1, so P(reached) = Phi(ln(peak / (0.1 K)) / sd)."""
    found = asked(MICE, lanes([[peak]], sd))
    reached = NormalDist().cdf(math.log(peak / (0.1 * POTENCY)) / sd)
    expected = 1.0 - reached if found.word is Word.LABORATORY else reached
    assert candidate(found, "potency").value == pytest.approx(expected, abs=1.0 / 199)


def test_an_exposure_known_exactly_is_a_share_of_draws():
    """Potency known: three of ten draws of the exposure fall short of the threshold, so three of ten change the word."""
    peak = np.array([[5.0]] * 3 + [[20.0]] * 7)
    found = asked(MICE, lanes(peak, 0.0))
    assert found.word is Word.LABORATORY
    assert candidate(found, "exposure").value == pytest.approx(0.3)
    assert not [one for one in found.ranked if one.kind == "potency"]


def test_potency_and_exposure_are_told_apart():
    """What varies between people alone is ignorance of neither: no exposure candidate moves."""
    people = np.exp(np.linspace(-1.0, 1.0, 41))[None, :] * 10.0
    found = asked(MICE, lanes(np.repeat(people, 8, axis=0), 0.8))
    assert candidate(found, "exposure").value == 0.0
    assert candidate(found, "potency").value > 0.1


def test_a_number_behind_several_margins_moves_them_together():
    brain, cord = lanes([[12.0]], 0.7), lanes([[12.0]], 0.7, site="spinal_cord")
    together = candidate(asked(MICE, brain, cord), "potency")
    alone = candidate(asked(MICE, brain), "potency")
    assert together.value == pytest.approx(alone.value)
    other = lanes([[12.0]], 0.7, compound="7-hydroxymitragynine")
    assert candidate(asked(MICE, brain, other), "potency").value == 0.0


def test_failed_draws_are_left_out():
    peak = np.array([[5.0], [20.0], [np.nan], [20.0], [20.0]])
    known = lanes(peak[np.isfinite(peak)][:, None], 0.0)
    found = asked(MICE, Lanes(known.margin, peak, 0.0))
    assert candidate(found, "exposure").value == pytest.approx(0.25)


def test_aside_margins_and_silent_numbers_are_no_candidates():
    assert not [one for one in asked(MICE, lanes([[5.0]], 1.0, essential=False)).ranked if not one.is_study]
    assert not [one for one in asked(MICE, lanes([[5.0]], 0.0)).ranked if not one.is_study]


def test_a_trial_settles_what_only_trials_can():
    found = decisive([], [], [], replace_rule("rct"))
    assert found.best is not None
    assert (found.best.kind, found.best.value) == ("rct", 1.0)
    assert candidate(found, "observational").value == 0.0
    assert "supported in humans" in found.sentence
    assert ASIDE in found.sentence


def replace_rule(decided_by: str) -> Rule:
    return RULE.model_copy(update={"decided_by": decided_by})


def test_ties_go_to_the_cheaper_kind():
    found = decisive([], [], [], replace_rule("in_vitro"))
    assert found.best is not None
    assert found.best.kind == "in_vitro"
    assert [one.value for one in found.ranked] == sorted((one.value for one in found.ranked), reverse=True)


@settings(max_examples=150)
@given(bodies, deciding, st.floats(1.0, 100.0), st.floats(0.05, 1.5))
def test_the_ranking_is_the_rule_asked_again(body, decided_by, peak, sd):
    known = lanes([[peak, 2.0 * peak], [0.5 * peak, peak]], sd)
    rule = replace_rule(decided_by)
    found = decisive(body, [known.margin], [known], rule)
    now = verdict(body, [known.margin.reach], decided_by=decided_by, reached_above=0.1).word
    assert found.word is now
    present = {item.level for item in body if item.directness == "direct"}
    for one in found.ranked:
        assert sum(one.outcomes.values()) == pytest.approx(1.0)
        assert one.value == pytest.approx(
            sum(part for word, part in one.outcomes.items() if word != str(now))
        )
        if one.by_outcome is not None:
            assert one.kind not in present
            for direction, word in one.by_outcome.items():
                items = [*body, Item(one.kind, "direct", direction)]
                assert (
                    word
                    is verdict(items, [known.margin.reach], decided_by=decided_by, reached_above=0.1).word
                )
    keys = [(-one.value, CHEAPNESS.index(one.kind)) for one in found.ranked]
    assert keys == sorted(keys)
    assert found.sentence
    assert not ADVICE.search(found.sentence)
    if now not in (Word.LABORATORY, Word.NOT_REACHED):
        assert found.number is None or any(item.level == "animal" for item in body)


def test_no_entry_of_a_table_advises():
    for table in (STUDY_WORDS, NUMBER_WORDS, OUTCOME_WORDS, SENTENCES, IDLE):
        assert not [text for text in table.values() if ADVICE.search(text)]
    assert set(STUDY_WORDS) | set(NUMBER_WORDS) == set(CHEAPNESS)


@pytest.mark.parametrize(
    ("part", "text"), [(0.0, "0"), (0.001, "1"), (0.284, "28"), (0.997, "99"), (1.0, "100")]
)
def test_shares_in_percent(part, text):
    assert percent(part) == f"{text}\u00a0%"


def test_a_claim_on_the_real_pathway_names_its_measurement():
    (found,) = check(["mu_modulates_pain_signals"], library=evidence.load(), size=Size(6, 6, 2))
    kinds = {one.kind for one in found.decisive.ranked}
    assert {"observational", "rct", "potency", "exposure"} <= kinds
    assert found.decisive.best is not None
    assert found.decisive.best.kind == "observational"
    assert found.to_dict()["decisive"]["best"]["kind"] == "observational"
    assert found.decisive.word is found.verdict.word


def test_a_wider_prior_makes_the_potency_matter_more():
    narrow, wide = (candidate(asked(MICE, lanes([[30.0]], sd)), "potency").value for sd in (0.3, 1.2))
    assert wide > narrow
