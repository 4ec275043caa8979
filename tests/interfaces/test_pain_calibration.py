"""Calibration of pain: what it may open, what it writes, what the check says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.calibration import pain, pain_check, pain_trials, pain_write
from analgesia.claims.prediction import _of_trials
from analgesia.cli import main
from analgesia.errors import EvidenceError

LIBRARY = evidence.load()
RAJA = pain_trials.read_trial("raja2002_pain", LIBRARY)


def test_a_trial_held_back_cannot_be_opened_by_the_fit() -> None:
    with pytest.raises(EvidenceError, match="held back"):
        pain.fit(LIBRARY, trials=[RAJA, replace(RAJA, role="validate")])


def test_only_trials_that_may_fit_are_opened_and_no_source_does_both() -> None:
    opened = pain_trials.pain_trials(LIBRARY, "calibrate")
    assert {trial.role for trial in opened} == {"calibrate"}
    held = {trial.source for trial in LIBRARY.trials.values() if trial.role == "validate"}
    assert not held & {trial.source for trial in opened}


@pytest.fixture(scope="module")
def found() -> pain.PainFit:
    return pain.fit(LIBRARY, trials=[RAJA], size=4, replicates=4)


def test_the_fit_comes_nearer_than_its_priors(found: pain.PainFit) -> None:
    problem = pain.Problem([RAJA], LIBRARY, 4, 1, 4)
    start, _ = problem.residuals(np.zeros(len(found.free)))
    assert found.cost < float(start @ start)
    for target in found.targets:
        assert 0.0 < found.error(target) <= found.prior_sd(target) * (1 + 1e-9)


def test_a_fit_is_written_as_evidence_that_reads_back(found: pain.PainFit, tmp_path: Path) -> None:
    pain_write.write(found, LIBRARY, tmp_path)
    again = evidence.load([tmp_path])
    for target in found.targets:
        number = target.number(again)
        assert number.value == pytest.approx(found.value(target), rel=1e-3)
        assert number.uncertainty_sd_log == pytest.approx(found.error(target), abs=0.01)
        assert number.iiv == target.number(LIBRARY).iiv
        assert number.fitted_to == ("raja2002",)


def test_what_is_in_the_evidence_was_fitted_to_trials_that_may_fit() -> None:
    allowed = {trial.source for trial in pain_trials.pain_trials(LIBRARY, "calibrate")}
    for target in pain.targets_of(pain.free_numbers(LIBRARY), LIBRARY):
        number = target.number(LIBRARY)
        assert number.status == "fitted"
        assert set(number.fitted_to) <= allowed


def test_the_check_lists_every_result_with_its_two_intervals() -> None:
    rows = pain_check(LIBRARY, role="calibrate", size=4, replicates=3)
    assert len(rows) == sum(len(t.results) for t in pain_trials.pain_trials(LIBRARY, "calibrate"))
    for row in rows:
        if row.missing is None:
            assert row.interval90 is not None
            assert row.trial_interval90 is not None
            width, wider = (b - a for a, b in (row.interval90, row.trial_interval90))
            assert wider > max(width, 2 * 1.6 * 0.3)


def test_a_trial_differs_from_its_like() -> None:
    """The interval of a trial is that of a normal scatter where nothing else is unknown, and wider where something is."""
    low, high = _of_trials(np.full(50, -1.0), 0.45)
    assert (low, high) == pytest.approx((-1.0 - 1.645 * 0.45, -1.0 + 1.645 * 0.45), abs=0.03)
    wide_low, wide_high = _of_trials(np.linspace(-2.0, 0.0, 50), 0.45)
    assert wide_low < low
    assert high < wide_high


def test_the_shared_placebo_arm_correlates_the_arms() -> None:
    trial = pain_trials.read_trial("lesser2004_pain", LIBRARY)
    covariance = trial.sampling_covariance()
    assert np.sqrt(np.diag(covariance)) == pytest.approx([row.se for row in trial.results])
    assert covariance[0, 1] == pytest.approx(trial.placebo_se**2)


def test_what_a_trial_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "mine.toml").write_text(
        'name = "mine"\nrole = "calibrate"\nsource = "raja2002"\npopulation = "postherpetic_neuralgia"\n'
        '[design]\nkind = "pain"\nobserved_at = "42 day"\n[[arms]]\nname = "morphine"\nitem = "morphine"\n'
    )
    done = CliRunner().invoke(main, ["--evidence", str(tmp_path), "calibrate", "pain", "--json"])
    assert done.exit_code == 2
    assert "mine.toml" in done.output
    assert "dose" in done.output or "every" in done.output
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.output)
