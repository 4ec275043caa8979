"""Claims judged on the real pathway, as far as the receptors: exposures are computed, not faked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence
from analgesia.claims.experiment import Size, check
from analgesia.claims.judge import NO_ARM, Judgement

SMALL = Size(8, 5, 2)


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    names = [
        "acts_on_opioid_receptors",
        "blocks_sodium_channels",
        "anti_inflammatory",
        "forms_are_interchangeable",
    ]
    return {one.claim.name: one for one in check(names, library=evidence.load(), size=SMALL)}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_word_that_hangs_on_the_end_of_an_interval_is_the_same_for_other_draws(seed: int) -> None:
    size = Size(10, 100, seed)  # with 20 draws the end of this interval fell on either side of the threshold
    found = check(["anti_inflammatory"], library=evidence.load(), size=size)[0]
    assert str(found.verdict.word) == "supported in the laboratory only"


def test_what_cannot_arrive_is_not_reached(judged: dict[str, Judgement]) -> None:
    word = judged["blocks_sodium_channels"].verdict.word
    assert str(word) == "not reached at documented human exposure"
    nerve = [m for m in judged["blocks_sodium_channels"].margins if m.target == "nerve_conduction_block"]
    assert nerve
    assert all(m.interval90 is not None and m.interval90[1] < 1e-3 for m in nerve)


def test_forms_differ_in_what_reaches_the_blood(judged: dict[str, Judgement]) -> None:
    arms = {arm.arm: arm for arm in judged["forms_are_interchangeable"].prediction.arms}
    peaks = [arm.median or 0.0 for arm in arms.values()]
    assert min(peaks) > 0.0
    assert max(peaks) > 2.0 * min(peaks)


def test_margins_are_finite_counted_and_sourced(judged: dict[str, Judgement]) -> None:
    for one in judged.values():
        assert one.numbers and one.sources
        for margin in one.margins:
            if margin.arm == NO_ARM:
                continue
            assert margin.interval90 is not None
            assert np.all(np.isfinite([margin.median, *margin.interval90]))


def test_a_claim_rests_on_its_own_part_of_the_run_it_shares(judged: dict[str, Judgement]) -> None:
    """The receptor reserve was fitted to trials of pain: what asks no opioid receptor may not list them among its fits."""
    trials = {trial.source for name, trial in evidence.load().trials.items() if name.endswith("_pain")}
    for name, one in judged.items():
        fitted = {source for leaf in one.provenance.leaves for source in leaf.fitted_to}
        assert "tanna2022" in fitted
        assert bool(fitted & trials) == (name == "acts_on_opioid_receptors"), name
        assert not any("perception" in file for file, _ in one.provenance.numbers)


def test_a_hundredfold_weaker_affinity_divides_the_margin_by_a_hundred(
    judged: dict[str, Judgement], tmp_path: Path
) -> None:
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "weaker.toml").write_text(
        'name = "mitragynine"\n[affinity.mu_opioid]\nmultiply = 100\n'
    )
    (weaker,) = check(["acts_on_opioid_receptors"], library=evidence.load(overlays=[tmp_path]), size=SMALL)
    for before, after in zip(judged["acts_on_opioid_receptors"].margins, weaker.margins, strict=True):
        factor = 100.0 if (before.compound, before.target) == ("mitragynine", "mu_opioid") else 1.0
        assert np.isclose((after.median or 0.0) * factor, before.median or 0.0, rtol=1e-6)


def test_nothing_is_fitted_to_what_is_held_back(judged: dict[str, Judgement]) -> None:
    library = evidence.load()
    held = {trial.source for trial in library.trials.values() if trial.role == "validate"}
    held |= {name for name, source in library.sources.items() if source.role == "validate"}
    assert held
    for one in judged.values():
        validation = one.prediction.validation
        if validation is not None:
            assert validation.fitted_to
            assert not held & set(validation.fitted_to)
