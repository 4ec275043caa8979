"""Every verdict the rule can give has its sentence, and no sentence advises anybody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from tests.claims.test_verdict_rule import bodies, deciding, reaches

from analgesia import evidence
from analgesia.claims.certainty import certainty
from analgesia.claims.margins import Margin
from analgesia.claims.prediction import ArmPrediction, Prediction
from analgesia.claims.sentences import (
    AGAINST,
    LEADING,
    OPENINGS,
    RESULT_WORDS,
    SHORT,
    opening,
    paragraph,
    share,
    signed,
    study_words,
)
from analgesia.claims.verdict import Word, verdict

ADVICE = re.compile(r"\b(should|recommend\w*|advis\w*|you|your|must|try|safe to|consult)\b", re.IGNORECASE)
LIBRARY = evidence.load()
CLAIMS = list(LIBRARY.claims.values())


@settings(max_examples=300)
@given(bodies, deciding, reaches)
def test_every_verdict_has_an_opening(body, decided_by, margins) -> None:  # type: ignore[no-untyped-def]
    found = verdict(body, margins, decided_by=decided_by)
    assert opening(found.word, found.decided_at)


def test_every_word_has_short_words() -> None:
    assert set(SHORT) == set(Word)
    assert {word for word, _ in OPENINGS} == set(Word)


@pytest.mark.parametrize("text", [*OPENINGS.values(), *SHORT.values()])
def test_no_table_entry_advises(text: str) -> None:
    assert not ADVICE.search(text)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_paragraph_is_plain_and_advises_nobody(claim: evidence.Library) -> None:
    word = verdict(claim.evidence, decided_by=claim.rule.decided_by)
    margin = Margin(
        "mitragynine",
        "mu_opioid",
        "brain",
        "affinity",
        "an arm",
        True,
        300.0,
        "recalled",
        (),
        0.02,
        (0.003, 0.15),
        0.0,
        5.0,
    )
    prediction = Prediction(
        "pain_change", "NRS", "change", (ArmPrediction("an arm", False, -0.1, (-0.4, 0.0), None, 0),)
    )
    rated = certainty(claim.evidence, decided_by=claim.rule.decided_by)
    names = {item.source: LIBRARY.sources[item.source].short for item in claim.evidence}
    text = paragraph(claim, word, [margin], prediction, rated, names)
    assert claim.plain_statement in text
    for item in claim.evidence:
        assert item.says not in text
        assert not item.limits or item.limits not in text
    assert "a calculation, not an observation" in text
    assert not ADVICE.search(text)
    assert 40 < len(text.split()) < 220


def test_a_study_is_named_by_its_fields_alone() -> None:
    named = {}
    for claim in CLAIMS:
        for item in claim.evidence:
            named[item.source] = study_words(item, {item.source: LIBRARY.sources[item.source].short})
    assert named["vicknasingam2020"] == (
        "Vicknasingam 2020 (randomised trial, n = 26; seconds with the hand in ice water, one hour after the drink: "
        "24.9\u00a0s against 12\u00a0s)"
    )
    assert named["tanna2023"].endswith("exposure to midazolam: 1.39 times, 1.23 to 1.57)")
    assert named["brown2025"].endswith("22 to 75\u00a0mg/g)")
    assert named["wilson2020"] == "Wilson 2020 (animals: mouse)"
    assert named["naltrexone_case2023"] == "Naltrexone case 2023 (observations in people, n = 1)"
    assert not [text for text in named.values() if "{" in text]


@pytest.mark.parametrize("text", [*LEADING.values(), AGAINST, *RESULT_WORDS.values()])
def test_no_sentence_on_a_study_advises(text: str) -> None:
    assert not ADVICE.search(text)


def test_numbers_in_words() -> None:
    assert (share(0.0213), share(1e-7), share(3.21)) == ("2.1\u00a0%", "under 0.01\u00a0%", "3.2\u00a0times")
    assert (signed(-0.123), signed(0.5), signed(-0.0001)) == ("\u22120.12", "+0.50", "0.00")
    assert (signed(-3.09), signed(-24.6), signed(-9.97)) == ("\u22123.1", "\u221225", "\u221210")
