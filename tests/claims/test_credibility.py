"""The card of a claim: computed or traced, and plain about what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from analgesia import evidence
from analgesia.calibration import Comparison, PainComparison
from analgesia.claims.credibility import NOT_RATED, Card, Checks, card, influence
from analgesia.claims.experiment import Size, check
from analgesia.claims.judge import Judgement
from analgesia.claims.prediction import Prediction
from analgesia.claims.verdict import Word

SMALL = Size(6, 4, 3)


@pytest.fixture
def judged(library: evidence.Library, faked: None) -> dict[str, Judgement]:
    return {one.claim.name: one for one in check([], library=library, size=SMALL)}


def pain_row(role: str, inside: bool | None, trial: str, source: str) -> PainComparison:
    return PainComparison(
        trial=trial,
        source=source,
        role=role,
        title=trial,
        arm="a",
        published=-1.0,
        se=0.3,
        simulated=None if inside is None else -1.1,
        interval90=None,
        trial_interval90=None,
        inside=inside,
        missing=None,
        status="secondary",
        at="abstract",
    )


def exposure_row(role: str, inside: bool, source: str) -> Comparison:
    return Comparison(
        study=source,
        source=source,
        title=source,
        role=role,
        analyte="mitragynine",
        statistic="cmax",
        summary="median",
        published=1.0,
        published_low=None,
        published_high=None,
        simulated=1.0,
        ratio=1.0,
        interval90=(0.5, 2.0),
        inside=inside,
        unit="nM",
        status="secondary",
        at="abstract",
    )


def cards(
    judged: dict[str, Judgement], library: evidence.Library, checks: Checks | None = None
) -> dict[str, Card]:
    return {name: card(one, library, checks) for name, one in judged.items()}


def test_every_claim_has_ten_rows_and_eight_kinds(
    judged: dict[str, Judgement], library: evidence.Library
) -> None:
    for one in cards(judged, library).values():
        assert len(one.rows) == 10
        assert len(one.kinds) == 8
        assert one.sources <= set(library.sources)
        assert all(words for _text, _rating, words in one.rows)
        json.dumps(one.to_dict(), allow_nan=False)


def test_the_word_validated_stands_nowhere(judged: dict[str, Judgement], library: evidence.Library) -> None:
    for one in cards(judged, library).values():
        assert "validated" not in json.dumps(one.to_dict())


def test_what_is_missing_is_none(judged: dict[str, Judgement], library: evidence.Library) -> None:
    for name, one in cards(judged, library).items():
        for kind in one.kinds:
            plain = kind.to_dict()
            assert (plain["none"] is None) == bool(plain["found"])
        assert not one.kind("population").proofs, name
    assert not any(kind.proofs for kind in cards(judged, library)["improves_quality_of_life"].kinds)


def test_influence_follows_what_the_model_does_to_the_word(judged: dict[str, Judgement]) -> None:
    decided = judged["blocks_sodium_channels"]
    assert decided.verdict.word is Word.NOT_REACHED
    assert influence(decided).rating == "high"
    without = replace(decided, margins=(), verdict=replace(decided.verdict, word=Word.LABORATORY))
    assert influence(replace(without, prediction=Prediction("none"))).rating == "low"
    assert influence(judged["relieves_diabetic_neuropathy"]).rating == "high"
    assert influence(judged["acts_on_opioid_receptors"]).rating == "medium"
    assert influence(judged["improves_quality_of_life"]).rating == "low"


def test_risk_is_the_matrix_of_the_two(judged: dict[str, Judgement], library: evidence.Library) -> None:
    cells = {
        (cell.influence, cell.consequence): cell.risk
        for record in library.credibility.values()
        for cell in record.risks
    }
    for name, one in cards(judged, library).items():
        asked = (one.row("influence")[0], one.row("consequence")[0])
        if name == "improves_quality_of_life":
            assert one.row("risk") == ("low", "The model takes no part in what is said of this claim.")
        else:
            assert one.row("risk")[0] == cells[asked], name


def test_a_held_back_trial_counts_only_once_it_was_predicted(
    judged: dict[str, Judgement], library: evidence.Library
) -> None:
    one = judged["relieves_diabetic_neuropathy"]
    waiting = library.trials["watson2003_pain"]
    before = card(one, library, Checks(pain=[pain_row("validate", None, waiting.name, waiting.source)]))
    assert waiting.title in (before.kind("in_vivo").waiting or "")
    assert "no number of its kind" in before.row("outcome")[1]
    rows = [
        pain_row("validate", True, waiting.name, waiting.source),
        pain_row("validate", False, waiting.name, waiting.source),
        pain_row("calibrate", True, "lesser2004_pain", "lesser2004"),
    ]
    after = card(one, library, Checks(pain=rows))
    assert waiting.title not in (after.kind("in_vivo").waiting or "")
    said = [proof for proof in after.kind("in_vivo").proofs if proof.test is None]
    assert [proof.says for proof in said] == [
        "1 of 2 held-back results lie inside the simulated 90 % interval"
    ]
    assert said[0].sources == (waiting.source,)
    assert after.row("outcome")[1].startswith("1 of 2 held-back results")


def test_kinetics_count_for_exposure_alone(judged: dict[str, Judgement], library: evidence.Library) -> None:
    checks = Checks(kinetics=[exposure_row("validate", True, "tanna2023")])
    found = {
        name: [proof for proof in one.kind("in_vivo").proofs if proof.test is None]
        for name, one in cards(judged, library, checks).items()
    }
    assert [name for name, proofs in found.items() if proofs] == ["forms_are_interchangeable"]


def test_what_was_fitted_is_calibration_and_never_validation(library: evidence.Library) -> None:
    """On the real pathway, whose numbers carry what they were fitted to."""
    (one,) = check(["forms_are_interchangeable"], library=library, size=Size(3, 2, 1))
    rows = [exposure_row("calibrate", True, "tanna2022"), exposure_row("calibrate", False, "huestis2024")]
    found = card(one, library, Checks(kinetics=rows))
    calibration = found.kind("calibration").proofs
    fitted = {name for proof in calibration for name in proof.sources}
    assert {"tanna2022", "huestis2024"} <= fitted
    assert "1 of 2 values of exposure" in calibration[-1].says
    assert not fitted & {name for proof in found.kind("in_vivo").proofs for name in proof.sources}


def test_a_claim_of_ones_own_is_not_rated(library: evidence.Library, faked: None, tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    origin = Path(evidence.__file__).parent / "claims" / "acts_on_opioid_receptors.toml"
    text = origin.read_text("utf-8").replace('name = "acts_on_opioid_receptors"', 'name = "mine"', 1)
    (tmp_path / "claims" / "mine.toml").write_text(text)
    mine = evidence.load(overlays=[tmp_path])
    (one,) = check(["mine"], library=mine, size=SMALL)
    made = card(one, mine)
    assert made.row("consequence")[0] == NOT_RATED
    assert made.row("risk")[0] == NOT_RATED
