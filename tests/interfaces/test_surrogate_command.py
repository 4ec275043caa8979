"""`analgesia nerve --surrogate`: answers with the stated error, refusals with the reason; learning itself is tested with the cable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analgesia.cli import main
from analgesia.errors import ModelError
from analgesia.nerve import long_runs

STORED = Path(__file__).parents[1] / "oracles" / "data" / "surrogate_c_fibre.json"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What `derive` is asked for, by its words; it answers with the stored surrogate, and lidocaine is refused."""
    words: list[str] = []

    def derive(fibre: Any, *, state: Any, diameter: float, words_: list[str] = words, **more: str) -> Any:
        words_.append(more["words"])
        if "lidocaine" in more["words"]:
            raise ModelError("the cable of c_fibre loses most pulses: run the cable")
        return long_runs.from_text(STORED.read_text())

    monkeypatch.setattr(long_runs, "derive", derive)
    monkeypatch.setenv("ANALGESIA_CACHE", str(tmp_path / "cache"))
    return words


def ask(*words: str) -> Any:
    return CliRunner().invoke(main, ["nerve", "--surrogate", *words])


def test_a_long_train_is_answered_with_its_error(asked: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "long.png"
    result = ask("--stimulate", "1Hz", "--pulses", "12000", "--plot", str(picture), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["latency_ms"]) == len(found["conducted"]) == 12_000
    assert found["slowing_percent"][0] == pytest.approx(0.0, abs=1e-9)
    assert 5.0 < found["slowing_percent"][-1] < 25.0
    assert 0.0 < found["stated_error"]["latency_rms_percent"] < 1.0
    assert found["stated_error"]["wrong_pulses"] == 0
    assert found["learned_within"]["temperature_degC"] == 37.0
    assert any("% rms" in note for note in found["notes"])
    assert picture.stat().st_size > 5_000


def test_bursts_from_a_file_and_pulses_of_which_nothing_is_said(asked: list[str], tmp_path: Path) -> None:
    times = tmp_path / "bursts.txt"
    times.write_text("0\n25\n50\n75\n3000\n3001.1\n6000\n")
    found = json.loads(ask("--times", str(times), "--json").stdout)
    assert found["outside"] == [0, 0, 0, 0, 0, 1, 0]
    assert found["latency_ms"][5] is None
    assert found["conducted"] == [True, True, True, True, True, False, True]
    assert found["outside_pulses"] == {"nearer to the pulse before than any pulse learned from": 1}
    text = ask("--times", str(times)).output
    assert "of 7 pulses nothing is said about 1" in text


def test_the_answer_tells_what_was_run(asked: list[str]) -> None:
    found = json.loads(ask("--condition", "painful_diabetic_neuropathy", "--json").stdout)
    assert 0.0 < found["severity"] < 1.0  # the typical one, which was not given
    assert found["concentrations_uM"] == {}
    assert found["diameter_um"] == 1.0


def test_learned_once_for_each_fibre_and_state_and_refused_once(asked: list[str]) -> None:
    for _ in range(2):
        assert ask("--pulses", "2").exit_code == 0
        assert ask("--condition", "painful_diabetic_neuropathy", "--severity", "1").exit_code == 0
        refused = ask("--drug", "lidocaine 0.3 mM")
        assert refused.exit_code == 2
        assert "run the cable" in refused.output
        assert "Traceback" not in refused.output
    assert asked == ["healthy", "painful_diabetic_neuropathy", "lidocaine 0.3 mM"]
    assert ask("--condition", "painful_diabetic_neuropathy", "--severity", "0.5").exit_code == 0
    assert len(asked) == 4  # another severity is another membrane


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fibre", "a_delta"], "no surrogate"),
        (["--patients", "3"], "one fibre"),
        (["--kymograph", "x.png"], "one fibre"),
        (["--precision", "single"], "leave out --precision"),
        (["--length", "300mm"], "5 to 50 mm"),
        (["--times", "TIMES", "--pulses", "3"], "leave out"),
        (["--times", "TIMES"], "in ms, one a line"),
    ],
)
def test_bad_input_is_one_message(asked: list[str], tmp_path: Path, words: list[str], message: str) -> None:
    times = tmp_path / "times.txt"
    times.write_text("0\nsoon\n")
    result = ask(*(str(times) if word == "TIMES" else word for word in words))
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_cable_takes_no_more_pulses_than_it_can() -> None:
    result = CliRunner().invoke(main, ["nerve", "--pulses", "20000"])
    assert result.exit_code == 2
    assert "--surrogate" in result.output
