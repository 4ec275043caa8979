"""Every verdict the rule can give has its sentence, and no sentence advises anybody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from tests.claims.test_verdict_rule import bodies, deciding, reaches

from analgesia import evidence
from analgesia.claims.margins import Margin
from analgesia.claims.prediction import ArmPrediction, Prediction
from analgesia.claims.sentences import OPENINGS, SHORT, opening, paragraph, share, signed
from analgesia.claims.verdict import Word, verdict

ADVICE = re.compile(r"\b(should|recommend\w*|advis\w*|you|your|must|try|safe to|consult)\b", re.IGNORECASE)
CLAIMS = list(evidence.load().claims.values())


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
    text = paragraph(claim, word, [margin], prediction)
    assert claim.plain_statement in text
    assert "a calculation, not an observation" in text
    assert not ADVICE.search(text)
    assert 40 < len(text.split()) < 220


def test_numbers_in_words() -> None:
    assert (share(0.0213), share(1e-7), share(3.21)) == ("2.1\u00a0%", "under 0.01\u00a0%", "3.2\u00a0times")
    assert (signed(-0.123), signed(0.5), signed(-0.0001)) == ("\u22120.12", "+0.50", "0.00")
    assert (signed(-3.09), signed(-24.6)) == ("\u22123.1", "\u221225")
