"""The fit of A cells, with a cell whose rate is exp(drive / k): the fold of the mean rate over people has a closed form."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.calibration import ectopia_a
from analgesia.calibration.ectopia_write import write
from analgesia.cli import main
from analgesia.errors import ModelError
from analgesia.nerve.ectopia import RECORDED, scattered
from analgesia.nerve.injury import severities

LIBRARY = evidence.load()
K = 150.0
"""pA in which the rate of the synthetic cell grows e-fold: half the spread of drive between A-beta cells."""


def rate(drive):
    """Of a cell at a drive (pA), Hz; about one at the mean drive."""
    return np.exp((drive + 735.0) / K)


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(ectopia_a, "_rates", lambda _, __, drive, *___: rate(drive))


def counts(_, __, drive, seed, first, ___):
    """Rates of a Poisson cell of that mean."""
    return np.random.default_rng([seed, first]).poisson(RECORDED * rate(drive)) / RECORDED


def laid(folder, name, text):
    """The evidence with one more file laid over it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return evidence.load([folder])


@pytest.mark.usefixtures("known")
def test_cells_of_one_damage_take_the_logarithm_of_the_fold(tmp_path):
    """M(D) / M(0) = exp(D s / k), whatever the spread of drive, so D = k ln(fold) / s."""
    laid(
        tmp_path,
        "conditions/one.toml",
        'name = "postherpetic_neuralgia"\nseverity = { value = 0.8, unit = "1", sd = 0, assumed = "a test" }\n',
    )
    same = laid(
        tmp_path,
        "neurons/one.toml",
        'name = "drg_soma_a"\n'
        '[parameters.population]\ndamage_spread = { value = 0, unit = "1", assumed = "a test" }\n',
    )
    found = ectopia_a.fit(same, "a_beta", size=20)
    drives = (found.drive, *found.range)
    assert drives == pytest.approx(K * np.log([5.0, 4.0, 6.0]) / 0.8, rel=2e-3)
    assert found.fold == pytest.approx(5.0, abs=1e-3)
    assert found.injured == pytest.approx(5.0 * found.healthy, rel=1e-3)
    # the mean over a normal spread of drive, bounded at 3: exp(spread^2 / 2 k^2), of which 2.5 % lies beyond
    assert found.healthy == pytest.approx(np.exp(2.0), rel=0.16)
    assert found.drive_monte_carlo == pytest.approx(0.0, abs=1e-9)


@pytest.mark.usefixtures("known")
def test_the_fold_is_that_of_people_drawn_one_by_one():
    found = ectopia_a.fit(LIBRARY, "a_beta", size=20)
    people = 400_000
    severity = severities(ectopia_a.CONDITION, LIBRARY, people, 7)
    spread = float(LIBRARY.neurons["drg_soma_a"].parameters["population"]["damage_spread"].to("1"))
    damage = scattered(severity, spread, np.random.default_rng(5).standard_normal(people))
    for drive, fold in zip((found.range[0], found.drive, found.range[1]), (4.0, 5.0, 6.0), strict=True):
        assert np.exp(drive * damage / K).mean() == pytest.approx(fold, rel=0.02)


def test_the_monte_carlo_error_is_the_scatter_of_fits(monkeypatch):
    monkeypatch.setattr(ectopia_a, "_rates", counts)
    fits = [ectopia_a.fit(LIBRARY, "a_beta", size=20, seed=seed) for seed in range(1, 9)]
    told = np.mean([each.drive_monte_carlo for each in fits])
    assert told > 0.1
    assert np.std([each.drive for each in fits], ddof=1) == pytest.approx(told, rel=0.7)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (lambda drive: np.zeros(drive.size), "no healthy A-beta unit fires"),
        (lambda drive: np.ones(drive.size), "no change of drive between 0 and 600 pA"),
    ],
)
def test_a_cell_that_cannot_rise_so_far_is_refused(monkeypatch, cell, message):
    monkeypatch.setattr(ectopia_a, "_rates", lambda _, __, drive, *___: cell(drive))
    with pytest.raises(ModelError, match=message):
        ectopia_a.fit(LIBRARY, "a_beta", size=20)


def test_what_this_fit_cannot_follow_is_refused(tmp_path):
    with pytest.raises(ModelError, match="choose a_beta, a_delta"):
        ectopia_a.fit(LIBRARY, "c")
    changed = laid(
        tmp_path,
        "conditions/more.toml",
        'name = "postherpetic_neuralgia"\n'
        '[changes.nerve.drg_soma_a]\nconductance_km = { value = 0.5, unit = "1", assumed = "a test" }\n',
    )
    with pytest.raises(ModelError, match=r"drg_soma_a\.conductance_km changes more than the drive"):
        ectopia_a.fit(changed, "a_beta")


@pytest.mark.usefixtures("known")
def test_the_fit_is_written_as_evidence_that_reads_back(tmp_path):
    found = ectopia_a.fit(LIBRARY, "a_beta", size=20)
    write(found, tmp_path, "analgesia calibrate ectopia --unit a_beta")
    number = evidence.load([tmp_path]).conditions[ectopia_a.CONDITION].changes["nerve"]["drg_soma_a"]["drive"]
    assert number.value == pytest.approx(found.drive, abs=0.5)
    assert number.interval() == pytest.approx(found.range, abs=0.5)
    assert number.status == "fitted"
    assert number.fitted_to == ("snl_afferents2001",)


@pytest.mark.usefixtures("known")
def test_the_command_tells_the_fit():
    asked = ["calibrate", "ectopia", "--unit", "a_beta", "--people", "20"]
    data = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert data["unit"] == "a_beta"
    assert data["results"][0]["range"] == [4.0, 6.0]
    assert data["results"][0]["simulated"] == pytest.approx(5.0, abs=1e-3)
    assert data["recordings"] == 402 + 80
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 0
    assert f"{data['numbers'][0]['value']:.0f}" in told.output
    refused = CliRunner().invoke(main, ["calibrate", "pain", "--unit", "a_beta"])
    assert refused.exit_code == 2
    assert "--unit belongs to ectopia" in refused.output


@pytest.mark.parametrize("unit", ectopia_a.A_UNITS)
def test_the_other_conditions_hold_half_of_what_was_fitted(unit):
    """As their files say: a new fit must reach them too."""
    name = ectopia_a.CLASSES[unit][0]
    drives = {key: each.changes["nerve"][name]["drive"] for key, each in LIBRARY.conditions.items()}
    fitted = drives.pop(ectopia_a.CONDITION)
    assert fitted.fitted_to == (LIBRARY.fits[ectopia_a.TARGETS].parameters[ectopia_a.TARGET].source,)
    assert len(drives) == 2
    for number in drives.values():
        assert number.status == "assumed"
        assert number.to("pA") == pytest.approx(fitted.to("pA") / 2.0, abs=0.6)
