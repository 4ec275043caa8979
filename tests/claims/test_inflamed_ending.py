"""The claim on inflammation asks the nerve: prostaglandin apart from opioid receptors, comparators beside kratom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analgesia import evidence
from analgesia.claims.experiment import Size, check
from analgesia.claims.judge import Judgement

CLAIM = "anti_inflammatory"
KRATOM, IBUPROFEN, CELECOXIB = (
    "leaf capsules, 4 g three times a day",
    "ibuprofen, 400 mg three times a day",
    "celecoxib, 200 mg twice a day",
)


def judged(library: evidence.Library) -> Judgement:
    return check([CLAIM], library=library, size=Size(patients=8, replicates=5))[0]


@pytest.fixture(scope="module")
def found() -> Judgement:
    return judged(evidence.load())


@pytest.fixture(scope="module")
def answer(found: Judgement) -> dict[str, Any]:
    return found.to_dict()["prediction"]


def test_the_ending_is_asked_and_the_word_stays_the_evidence_s(
    found: Judgement, answer: dict[str, Any]
) -> None:
    assert answer["endpoint"] == "ending_prostaglandin_change"
    assert found.verdict.level == "animal"
    assert str(found.verdict.word) in (
        "not reached at documented human exposure",
        "supported in the laboratory only",
    )
    assert "guess between the concentrations tested" in found.paragraph
    assert found.numbers == judged(evidence.load()).numbers


def test_documented_anti_inflammatories_do_more_and_none_more_than_full_inhibition(
    answer: dict[str, Any],
) -> None:
    medians = {arm["arm"]: arm["median"] for arm in answer["arms"]}
    assert max(medians[IBUPROFEN], medians[CELECOXIB]) < 10.0 * medians[KRATOM] < 0.0
    assert medians[KRATOM] > -0.5
    assert medians[IBUPROFEN] > answer["context"]["change_percent_without_inflammation"]["median"]
    context = answer["context"]
    assert context["firing_hz"]["healthy"]["median"] < context["firing_hz"]["inflamed"]["median"]
    assert context["c_fibre_threshold_nA"]["inflamed"] < context["c_fibre_threshold_nA"]["healthy"]


def test_the_two_ways_are_told_apart(answer: dict[str, Any]) -> None:
    ways = {arm: one["change_percent"] for arm, one in answer["context"]["arms"].items()}
    for arm in (IBUPROFEN, CELECOXIB):
        assert ways[arm]["opioid"] == {"median": 0.0, "interval90": [0.0, 0.0]}
        assert ways[arm]["both"] == ways[arm]["prostaglandin"]
    assert ways[KRATOM]["opioid"]["median"] < ways[KRATOM]["prostaglandin"]["median"]


def test_curves_are_finite_and_in_order(found: Judgement) -> None:
    curves = found.series["curves"]
    assert set(curves) >= {"healthy", "inflamed", KRATOM, IBUPROFEN, CELECOXIB}
    for bands in curves.values():
        assert np.isfinite(bands).all()
    assert np.all(curves["healthy"][1] <= curves["inflamed"][1] + 1e-12)


def overlay(folder: Path, text: str) -> evidence.Library:
    (folder / "drugs").mkdir()
    (folder / "drugs" / "x.toml").write_text(text)
    return evidence.load([folder])


def test_a_miracle_changes_no_word(found: Judgement, tmp_path: Path) -> None:
    """The prior a million times stronger: the prediction becomes that of full inhibition, the verdict stays."""
    strong = judged(
        overlay(tmp_path, 'name = "mitragynine"\n[effects.prostaglandin_half_in_cells]\nmultiply = 1e-6\n')
    )
    prediction = strong.to_dict()["prediction"]
    full = prediction["context"]["change_percent_without_inflammation"]["median"]
    assert prediction["median"] == pytest.approx(full, rel=0.1)
    assert strong.verdict == found.verdict


def test_an_unknown_endpoint_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    from analgesia.errors import EvidenceError

    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "x.toml").write_text(
        f'name = "{CLAIM}"\n[experiment]\nendpoint = "ending_hue_change"\n'
    )
    with pytest.raises(EvidenceError, match="ending_prostaglandin_change"):
        judged(evidence.load([tmp_path]))
