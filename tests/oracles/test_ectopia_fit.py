"""The fit of ectopic discharge, with a cell whose rate is a known function of drive and damage, against people drawn one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import binomtest

from analgesia import evidence
from analgesia.calibration import ectopia
from analgesia.calibration.ectopia_write import write
from analgesia.cli import main
from analgesia.errors import ModelError
from analgesia.nerve.ectopia import ACTIVE, RECORDED, design_effect, scattered, wilson
from analgesia.nerve.injury import severities

LIBRARY = evidence.load()


def spikes(damage, drive, seed):
    """Rates of a Poisson cell that drive and damage push over a soft threshold."""
    mean = 1.6 * np.log1p(np.exp((drive + 130.0 * damage - 150.0) / 22.0))
    return np.random.default_rng(seed).poisson(RECORDED * mean) / RECORDED


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(
        ectopia, "_rates", lambda _, damage, drive, seed, first, __: spikes(damage, drive, [seed, first])
    )


def drawn(drive, spread, people=200_000):
    """Share of active units and share of fast ones among them, one unit of each of many people."""
    rng = np.random.default_rng(5)
    severity = severities(ectopia.CONDITION, LIBRARY, people, 7)
    damage = scattered(severity, spread, rng.standard_normal(people))
    rates = spikes(damage, drive + 25.0 * np.clip(rng.standard_normal(people), -3.0, 3.0), 6)
    active = np.mean(rates >= ACTIVE)
    return active, np.mean(rates >= ectopia.FAST) / active


@pytest.mark.usefixtures("known")
def test_the_fit_gives_what_was_counted_over_people():
    found = ectopia.fit(LIBRARY)
    active, fast = drawn(found.drive, found.damage_spread)
    assert active == pytest.approx(0.286, abs=0.012)
    assert fast == pytest.approx(0.05, abs=0.006)
    assert found.share == pytest.approx(0.286, abs=1e-3)
    assert 0.1 < found.drive_monte_carlo < 2.0


@pytest.mark.usefixtures("known")
def test_what_105_units_cannot_tell_becomes_the_error_of_the_drive():
    found = ectopia.fit(LIBRARY)
    low, high = (drawn(drive, found.damage_spread)[0] for drive in found.drive95)
    assert low == pytest.approx(0.208, abs=0.025)
    assert high == pytest.approx(0.378, abs=0.025)
    assert found.drive_monte_carlo < 0.2 * (found.drive95[1] - found.drive95[0])


def test_a_cell_that_never_fires_cannot_be_fitted(monkeypatch):
    monkeypatch.setattr(ectopia, "_rates", lambda _, damage, *__: np.zeros(damage.size))
    with pytest.raises(ModelError, match="no mean drive"):
        ectopia.fit(LIBRARY)


@pytest.mark.usefixtures("known")
def test_a_fit_is_written_as_evidence_that_reads_back(tmp_path):
    found = ectopia.fit(LIBRARY)
    write(found, tmp_path, "analgesia calibrate ectopia")
    population = evidence.load([tmp_path]).neurons["drg_soma"].parameters["population"]
    for name, value, bounds in (
        ("drive", found.drive, found.drive95),
        ("damage_spread", found.damage_spread, found.damage_spread95),
    ):
        number = population[name]
        assert number.value == pytest.approx(value, abs=0.01)
        assert number.interval() == pytest.approx(bounds, abs=0.01)
        assert number.status == "fitted"
        assert number.fitted_to == ("schmidt2012",)


@pytest.mark.usefixtures("known")
def test_the_command_tells_the_fit():
    data = json.loads(CliRunner().invoke(main, ["calibrate", "ectopia", "--json"]).output)
    assert [row["name"] for row in data["numbers"]] == ["drive", "damage_spread"]
    assert data["results"][0]["published"] == pytest.approx(0.286)
    assert data["recordings"] == 483 + 1600
    told = CliRunner().invoke(main, ["calibrate", "ectopia", "--people", "100"])
    assert told.exit_code == 0
    assert "damage_spread" in told.output
    refused = CliRunner().invoke(main, ["calibrate", "ectopia", "--from-priors"])
    assert refused.exit_code == 2
    assert "no priors" in refused.output


@pytest.mark.parametrize(("events", "of"), [(30, 105), (0, 40), (40, 40), (1, 3)])
def test_the_interval_of_a_share_is_that_of_wilson(events, of):
    expected = binomtest(events, of).proportion_ci(method="wilson")
    assert wilson(events / of, of) == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_units_of_one_person_count_for_what_they_tell():
    """Four units that always do the same tell as much as one; four that share nothing, as much as four."""
    one = np.random.default_rng(1).random((500, 1)) < 0.3
    assert design_effect(np.repeat(one, 4, axis=1)) == pytest.approx(4.0)
    assert design_effect(np.random.default_rng(2).random((4000, 4)) < 0.3) < 1.15
    own = np.random.default_rng(3).beta(1.0, 2.0, (8000, 1))  # intraclass correlation 1 / (1 + 1 + 2)
    found = design_effect(np.random.default_rng(4).random((8000, 4)) < own)
    assert found == pytest.approx(1.0 + 3.0 / 4.0, abs=0.1)
    assert design_effect(np.array([[True, False, False, False]])) == 4.0
    assert design_effect(np.zeros((50, 4), bool)) == 4.0
