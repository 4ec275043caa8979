"""The claim files: complete, consistent with the rest of the evidence, and judged as their evidence says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.claims import fake

from analgesia import evidence
from analgesia.claims import experiment
from analgesia.claims.experiment import Size, check, verify
from analgesia.errors import EvidenceError, ModelError

NAMES = {
    "relieves_diabetic_neuropathy": ("untested in humans", "none"),
    "relieves_postherpetic_neuralgia": ("untested in humans", "none"),
    "relieves_spinal_cord_injury_pain": ("untested in humans", "none"),
    "acts_on_opioid_receptors": ("supported in humans", "observational"),
    "mu_modulates_pain_signals": ("supported in the laboratory only", "animal"),
    "inhibits_pain_neurotransmitters": ("cannot tell", "none"),
    "blocks_sodium_channels": ("not reached at documented human exposure", "ex_vivo"),
    "anti_inflammatory": ("not reached at documented human exposure", "animal"),
    "no_typical_opioid_side_effects": ("contradicted", "observational"),
    "alternative_or_adjunct": ("untested in humans", "observational"),
    "improves_quality_of_life": ("untested in humans", "observational"),
    "forms_are_interchangeable": ("contradicted", "product_assay"),
}
"""Claim -> the word its evidence and the exposures of the stand-in give, and the best direct level."""

SMALL = Size(6, 4, 3)


def test_there_are_twelve_in_the_order_of_the_list(library: evidence.Library) -> None:
    assert [claim.name for claim in experiment.chosen([], library)] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_everything_a_claim_names_exists(library: evidence.Library, name: str) -> None:
    claim = library.claims[name]
    verify(claim, library)
    assert claim.evidence
    assert claim.searched
    assert claim.may_not_say
    for item in claim.evidence:
        assert library.sources[item.source].link, item.source
        if item.status == "recalled":
            assert "memory" in item.at
    assert all(search.date == "November 2026" for search in claim.searched)


def test_words_and_levels_follow_from_the_evidence(library: evidence.Library, faked: None) -> None:
    found = {
        one.claim.name: (str(one.verdict.word), one.verdict.level)
        for one in check([], library=library, size=SMALL)
    }
    assert found == NAMES


def test_a_dramatic_prediction_changes_no_word(
    library: evidence.Library, faked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miracle(*args: Any, **settings: Any) -> Any:
        result = fake.simulate(*args, **settings)
        if "pain_change" in result.dataset:
            result.dataset["pain_change"][:] = -9.0
        return result

    before = check([], library=library, size=SMALL)
    monkeypatch.setattr(experiment.pathway, "simulate", miracle)
    after = check([], library=library, size=SMALL)
    assert [one.verdict for one in before] == [one.verdict for one in after]
    first = after[0].prediction.first
    assert first is not None
    assert first.median == -9.0


def test_json_has_the_promised_shape(library: evidence.Library, faked: None) -> None:
    for one in json.loads(json.dumps([j.to_dict(library) for j in check([], library=library, size=SMALL)])):
        assert {"claim", "verdict", "evidence", "mechanism", "prediction", "numbers"} <= set(one)
        assert {"level", "items"} <= set(one["evidence"])
        assert {"certainty", "direction", "standing", "statement", "steps", "method"} <= set(one["certainty"])
        assert {"sentence", "best", "ranked"} <= set(one["decisive"])
        assert one["may_say"]
        assert one["may_not_say"]
        for item in one["evidence"]["items"]:
            assert item["source"]
            assert {"tool", "overall", "domains", "basis"} <= set(item["risk_of_bias"])
            assert item["link"].startswith("https://")
        for margin in one["mechanism"]["margins"]:
            assert {"target", "site", "compound", "median", "interval90"} <= set(margin)
            assert (margin["interval90"] is None) == (margin["unavailable"] is not None)
            if margin["interval90"] is None:
                continue
            assert margin["interval90"][0] <= margin["median"] <= margin["interval90"][1]
        assert {"endpoint", "median", "interval90", "validation"} <= set(one["prediction"])
        assert one["prediction"]["median"] is not None or one["prediction"]["reason"]
        assert set(one["numbers"]) <= set(evidence.STATUSES)


def test_a_hundredfold_weaker_affinity_divides_the_margin_by_a_hundred(
    library: evidence.Library, faked: None, tmp_path: Path
) -> None:
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "weaker.toml").write_text(
        'name = "mitragynine"\n[affinity.mu_opioid]\nmultiply = 100\n'
    )
    weaker = evidence.load(overlays=[tmp_path])

    def margins(of: evidence.Library) -> dict[tuple[str, str, str], float]:
        (one,) = check(["acts_on_opioid_receptors"], library=of, size=SMALL)
        return {(m.compound, m.target, m.site, m.arm): m.median or 0.0 for m in one.margins}

    before, after = margins(library), margins(weaker)
    assert before.keys() == after.keys()
    for key, value in before.items():
        factor = 100.0 if key[:2] == ("mitragynine", "mu_opioid") else 1.0
        assert np.isclose(after[key] * factor, value, rtol=1e-9), key


def test_failed_runs_are_counted_and_left_out(
    library: evidence.Library, faked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: Any, **settings: Any) -> Any:
        result = fake.simulate(*args, **settings)
        for name in ("concentration", "plasma", "stimulus"):
            result.dataset[name][:, 0, 0] = np.nan
        return result

    monkeypatch.setattr(experiment.pathway, "simulate", failing)
    (one,) = check(["acts_on_opioid_receptors"], library=library, size=SMALL)
    assert one.prediction.arms[0].failed == 1
    medians = [margin.median for margin in one.margins if margin.unavailable is None]
    assert medians
    assert all(median is not None and np.isfinite(median) for median in medians)


@pytest.mark.parametrize("asked", ["blocks_sodium_chanels", "kratom_blocks_sodium", "x"])
def test_an_unknown_claim_is_refused_with_a_suggestion(library: evidence.Library, asked: str) -> None:
    with pytest.raises(EvidenceError, match="no claim") as refused:
        check([asked], library=library)
    assert "blocks_sodium_channels" in str(refused.value)


def test_aliases_and_repeats_name_one_claim(library: evidence.Library) -> None:
    chosen = experiment.chosen(
        ["kratom_relieves_diabetic_neuropathy", "relieves_diabetic_neuropathy"], library
    )
    assert [claim.name for claim in chosen] == ["relieves_diabetic_neuropathy"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'endpoint = "stimulus.mu_opioid.brain"',
            'endpoint = "happiness"',
            "experiment.endpoint: no such endpoint",
        ),
        ('endpoint = "stimulus.mu_opioid.brain"', 'endpoint = "stimulus.mu.brain"', "no such receptor"),
        (
            'population = "healthy_volunteer"',
            'population = "everybody"',
            "experiment.population: no such population",
        ),
        ('product = "leaf_capsule"', 'product = "cookie"', "no such product"),
        ('dose = "4 g"', 'dose = "4 parsecs"', "experiment.arms: 'leaf capsules"),
        ('dose = "79 mg mitragynine"', 'dose = "79 mg sugar"', "experiment.arms: 'tea"),
        ('dose = "4 g"', 'dose = "-4 g"', "experiment.arms"),
        ('every = "8 h"', 'every = "8 kg"', "experiment.arms"),
        ('duration = "24 h"', 'duration = "soon"', "experiment.duration"),
        ('target = "mu_opioid"', 'target = "nmda"', r"no \[affinity.nmda\]"),
        ('level = "in_vitro"', 'level = "rumour"', "level"),
        ('species = "rat"', 'species = "human"', "contradict each other"),
        ('decided_by = "in_vitro"', 'decided_by = "systematic_review"', "decided_by"),
        ('directness = "direct"', 'directness = "sideways"', "directness"),
    ],
)
def test_a_broken_claim_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    origin = Path(evidence.__file__).parent / "claims" / "acts_on_opioid_receptors.toml"
    written = origin.read_text().replace('name = "acts_on_opioid_receptors"', 'name = "broken"', 1)
    assert old in written
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.toml").write_text(written.replace(old, new))
    with pytest.raises(EvidenceError, match=says) as refused:
        check(["broken"], library=evidence.load(overlays=[tmp_path]))
    assert "broken.toml" in str(refused.value)


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(
    library: evidence.Library, faked: None
) -> None:
    def answer(seed: int) -> Any:
        return [
            one.to_dict(library)
            for one in check(["acts_on_opioid_receptors"], library=library, size=Size(6, 4, seed))
        ]

    assert answer(3) == answer(3)
    assert answer(3) != answer(4)


def test_more_people_than_memory_holds_are_refused(library: evidence.Library) -> None:
    with pytest.raises(ModelError, match="fewer --patients or --draws"):
        check(["acts_on_opioid_receptors"], library=library, size=Size(1_000_000, 20, 1))
