"""Calibration: what it may open, what it writes, what the check says."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.calibration import Fit, exposure_check, free_numbers, kinetic_studies
from analgesia.calibration.problem import Problem
from analgesia.calibration.studies import read_study
from analgesia.calibration.write import write
from analgesia.commands.calibrate import command
from analgesia.errors import EvidenceError, ModelError

fitting = importlib.import_module("analgesia.calibration.fit")
LIBRARY = evidence.load()


def test_a_study_held_back_cannot_be_opened_by_the_fitter() -> None:
    free = free_numbers("mitragynine", LIBRARY)
    held = replace(read_study("tanna2022_kinetics", LIBRARY), role="validate")
    with pytest.raises(EvidenceError, match="held back"):
        Problem(free, [held], LIBRARY, 20, 1)


def test_a_compound_without_priors_is_refused() -> None:
    with pytest.raises(ModelError, match="no priors for caffeine"):
        fitting.fit("caffeine", LIBRARY)


def test_what_was_fitted_is_met() -> None:
    """At the fitted numbers no printed result of the tea study lies further than 2.5 standard errors away."""
    free = free_numbers("mitragynine", LIBRARY)
    problem = Problem(free, [read_study("tanna2022_kinetics", LIBRARY)], LIBRARY, 60, 1)
    rows, residuals = problem.rows(fitting._beginning(problem, None))
    assert len(residuals) == len(rows) + len(free)
    assert max(abs(row.distance) for row in rows) < 2.5
    worse, _ = problem.rows(
        fitting._beginning(problem, {"values.mitragynine.cyp3a_intrinsic_clearance": 300.0})
    )
    assert sum(row.distance**2 for row in worse) > 2 * sum(row.distance**2 for row in rows)


def test_a_fit_is_written_as_evidence_that_reads_back(tmp_path: Path) -> None:
    free = free_numbers("mitragynine", LIBRARY)
    shift = np.linspace(-0.1, 0.1, len(free))
    covariance = 0.04 * (0.5 * np.eye(len(free)) + 0.5)
    made = Fit("mitragynine", free, shift, covariance, (), 0.0, 1, ("tanna2022",))
    assert len(write(made, LIBRARY, tmp_path)) == 5
    again = evidence.load(overlays=[tmp_path])
    for one in free:
        if one.kind == "values" and one.name.startswith("mitragynine."):
            number = again.drugs["mitragynine"].parameters[one.name.partition(".")[2]]
            assert number.value == pytest.approx(made.value(one), rel=1e-3)
            assert number.status == "fitted"
            assert number.uncertainty_sd_log == pytest.approx(0.2, abs=0.01)
    tea = again.products["tea"].relative_bioavailability
    assert tea["mitragynine"].value == tea["7-hydroxymitragynine"].value
    pairs = again.fits["kinetic_correlations"].parameters
    assert pairs["mitragynine.peripheral_volume"]["mitragynine.central_volume"].value == pytest.approx(0.5)


def test_check_compares_each_study_with_its_own_kind(tmp_path: Path) -> None:
    found = exposure_check(LIBRARY, size=60, repetitions=8)
    assert len(found) == sum(len(study.results) for study in kinetic_studies(LIBRARY))
    assert {each.study for each in found.of_role("validate")} == {
        "oxycodone_30mg_kinetics",
        "oxycodone_repeated_kinetics",
    }
    assert all(0.4 < each.ratio < 2.5 for each in found)
    assert sum(each.inside for each in found) >= 0.7 * len(found)
    for one in found.courses:
        assert one.bands.shape == (3, one.times.size)
        assert one.times[0] >= 0.0
        assert np.all(np.diff(one.bands, axis=0) >= 0.0)
    assert {(one.study, one.analyte) for one in found.courses} == {(one.study, one.analyte) for one in found}
    assert found.to_dict()[0].keys() >= {
        "study",
        "published",
        "simulated",
        "ratio",
        "interval90",
        "role",
        "status",
    }


def test_check_shows_one_study_as_table_data_and_picture(tmp_path: Path) -> None:
    asked = ["check", "--study", "oxycodone_30mg_kinetics", "--people", "20"]
    told = CliRunner().invoke(
        command, [*asked, "--plot", str(tmp_path / "study.svg")], env={"COLUMNS": "200"}
    )
    assert told.exit_code == 0, told.output
    assert "oxycodone_30mg" in told.output
    assert "this tests the model" in told.output
    drawn = (tmp_path / "study.svg").read_text("utf-8")
    assert "Held back: tests the model" in drawn
    assert "half-life (mean)" in drawn
    assert "#0a0101" not in drawn
    data = json.loads(CliRunner().invoke(command, [*asked, "--json"]).output)
    assert [one["statistic"] for one in data] == ["cmax", "tmax", "half_life", "auc_inf"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["check", "--plot", "x.svg"], "--study"),
        (["check", "--write", "folder"], "fits nothing"),
        (["minor", "--study", "tanna2022_kinetics"], "belong to check"),
        (["check", "--study", "nothing"], "tanna2022_kinetics"),
        (["check", "--study", "tanna2022_kinetics", "--plot", "x.bmp"], ".svg"),
    ],
)
def test_a_check_that_cannot_be_made_says_why(asked: list[str], words: str) -> None:
    told = CliRunner().invoke(command, asked)
    assert told.exit_code != 0
    assert words in (told.output + str(told.exception))
