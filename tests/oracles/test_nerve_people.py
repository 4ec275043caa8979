"""Fibres of many people in the lanes of one run: each equals the same fibre alone, and their spread is the one recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.cli import main
from analgesia.errors import ModelError
from analgesia.nerve.conduction import conduct
from analgesia.nerve.injury import injured, severities
from analgesia.nerve.membranes import fibre
from analgesia.nerve.people import conduct_people, drawn
from analgesia.nerve.states import NerveState

LIBRARY = evidence.load()


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", LIBRARY)


def test_each_person_is_the_fibre_alone(c_fibre):
    severity = severities("painful_diabetic_neuropathy", LIBRARY, 5, 1)
    state = injured("painful_diabetic_neuropathy", LIBRARY, "c_fibre", severity)
    many = conduct_people(
        c_fibre, [0.0, 30.0], LIBRARY, patients=5, length=6.0, state=state, severities=severity
    )
    for index in (0, 3):
        own = injured("painful_diabetic_neuropathy", LIBRARY, "c_fibre", float(severity[index]))
        alone = conduct(c_fibre, [0.0, 30.0], diameter=float(many.diameters[index]), length=6.0, state=own)
        assert many.found[index].velocity == pytest.approx(alone.velocity, rel=0.01)
        assert many.found[index].slowing[1] == pytest.approx(alone.slowing[1], abs=0.5)


def test_nobody_depends_on_how_many_there_are(c_fibre):
    few, more = (conduct_people(c_fibre, [0.0], LIBRARY, patients=n, length=5.0) for n in (4, 9))
    assert np.array_equal(few.diameters, more.diameters[:4])
    assert [f.velocity for f in few.found] == pytest.approx([f.velocity for f in more.found[:4]], rel=0.01)


def test_diameters_spread_so_that_velocities_do_as_recorded():
    """Velocity 0.86 (0.17) m/s over C fibres of several people (vanhees1981), velocity as the root of the diameter."""
    number = LIBRARY.neurons["c_fibre"].parameters["cable"]["diameter"]
    velocity = np.sqrt(drawn(number, "um", "x", 20_000, 1))
    assert velocity.std() / velocity.mean() == pytest.approx(0.17 / 0.86, rel=0.05)


def test_a_run_that_leaves_the_finite_numbers_is_a_status(c_fibre):
    factors = np.array([1.0, 1e9, 1.0, 1.0])
    many = conduct_people(
        c_fibre, [0.0], LIBRARY, patients=4, length=5.0, state=NerveState({"nav1_7": factors})
    )
    data = many.to_dict()
    assert data["per_patient"][0]["status"] == "ok"
    assert data["per_patient"][0]["conducted"] == [True]
    failed = [one for one in data["per_patient"] if one["status"] != "ok"]
    assert data["summary"]["failed"] == len(failed)
    assert all(not any(one["conducted"]) for one in failed)


def test_densities_differ_where_a_source_says_by_how_much(tmp_path: Path, c_fibre):
    from analgesia.nerve.people import densities

    assert not densities(c_fibre, LIBRARY, 8, 1).factors
    (tmp_path / "neurons").mkdir()
    (tmp_path / "neurons" / "x.toml").write_text(
        'name = "c_fibre"\n[parameters.conductance]\n'
        'nav1_7 = { value = 0.1, unit = "S/cm2", iiv = 0.3, source = "tigerholm2014", assumed = "test" }\n'
    )
    own = evidence.load([tmp_path])
    factors = densities(fibre("c_fibre", own), own, 4000, 1).factors["nav1_7"]
    assert np.log(factors).std() == pytest.approx(np.sqrt(np.log1p(0.3**2)), rel=0.05)


def test_too_much_is_refused(c_fibre):
    with pytest.raises(ModelError, match="ask for fewer"):
        conduct_people(c_fibre, 100.0 * np.arange(500), LIBRARY, patients=100, length=5.0)


def test_the_command_answers_for_people(tmp_path: Path):
    picture = tmp_path / "people.png"
    words = ["nerve", "--patients", "5", "--length", "5mm", "--plot", str(picture)]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["per_patient"]) == found["patients"] == 5
    assert found["summary"]["conducting_share"] == [1.0]
    assert found["summary"]["conduction_velocity_m_per_s"]["mean"] == pytest.approx(
        np.mean([one["conduction_velocity_m_per_s"] for one in found["per_patient"]])
    )
    assert any("densities do not vary" in note for note in found["notes"])
    assert picture.stat().st_size > 5_000
    spoken = CliRunner().invoke(main, words)
    assert spoken.exit_code == 0
    assert "over people" in spoken.output


def test_a_kymograph_alone(tmp_path: Path):
    picture = tmp_path / "kymograph.svg"
    result = CliRunner().invoke(main, ["nerve", "--length", "4mm", "--kymograph", str(picture)])
    assert result.exit_code == 0, result.output
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--patients", "3", "--kymograph", "x.png"], "leave out --patients"),
        (["--fibre", "a_delta", "--patients", "100", "--pulses", "100"], "fewer"),
        (["--fibre", "a_delta", "--pulses", "1001", "--kymograph", "x.png"], "delay line"),
        (["--patients", "0"], "patients"),
        (["--patients", "1000", "--pulses", "1000"], "fewer"),
        (["--patients", "3", "--diameter", "100um"], "diameter"),
        (["--kymograph", "x.doc"], "cannot draw"),
    ],
)
def test_bad_input_is_one_message_and_no_file(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["nerve", *words])
    assert not list(tmp_path.iterdir())
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
