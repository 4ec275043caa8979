"""The ventilation command: what it answers, what it refuses, and the words it uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analgesia.cli import main


def ask(*words: str) -> Any:
    return CliRunner().invoke(main, ["ventilation", *words])


def answer(*words: str) -> dict[str, Any]:
    result = ask(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_series_of_the_typical_subject() -> None:
    found = answer(
        "--opioid", "fentanyl", "--bolus", "0.2mg", "--subject", "naive", "--without-arrest", "--hours", "0.1"
    )
    names = ("ventilation_L_per_min", "PaO2_mmHg", "PaCO2_mmHg", "occupancy")
    assert {len(found[name]) for name in names} == {len(found["time_s"])}
    assert found["time_s"][:2] == [0.0, 1.0]
    assert found["ventilation_L_per_min"][0] == pytest.approx(6.7644, abs=1e-3)
    assert found["ventilation_L_per_min"][60] == pytest.approx(3.2381, abs=0.01)
    assert found["out_of_range"] is False


def test_population_has_a_percentage_with_its_interval() -> None:
    found = answer(
        "--opioid",
        "fentanyl",
        "--bolus",
        "1.625mg",
        "--subject",
        "chronic",
        "--patients",
        "40",
        "--hours",
        "0.25",
    )
    low, high = found["interval95"]
    assert 0 <= low <= found["arrest_percent"] <= high <= 100


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("naloxone 2 mg im at 120 s", [120.0]),
        ("naloxone 2 mg im-syringe at 2 min", [120.0]),
        (
            "naloxone 4 mg in, 60 s after ventilation < 40 %, repeat 3 every 150 s",
            [74.02, 224.02, 374.02, 524.02],
        ),
        ("naloxone 0.4 mg iv after ventilation < 40 %", [14.02]),
        ("nalmefene 3 mg in 60 s after ventilation < 40 %", [74.02]),
    ],
)
def test_antagonist_as_written(text: str, given: list[float]) -> None:
    found = answer("--opioid", "fentanyl", "--bolus", "1.625mg", "--antagonist", text, "--hours", "0.16")
    assert found["antagonist_given_s"] == pytest.approx(given, abs=0.02)
    assert max(found["antagonist_occupancy"]) > 0.01


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "naloxone 2 mg"), "product"),
        (("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "naloxone 2 mg im"), "when"),
        (
            ("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "naloxone 2 mg po at 3 s"),
            "im-syringe",
        ),
        (
            ("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "caffeine 2 mg im at 3 s"),
            "nalmefene, naloxone",
        ),
        (
            ("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "nalmefene 1 mg im at 3 s"),
            "no absorption from muscle",
        ),
        (("--opioid", "fentanyl", "--bolus", "0.2mg", "--antagonist", "naloxone 2 mL im at 3 s"), "mg"),
        (
            (
                "--opioid",
                "fentanyl",
                "--bolus",
                "0.2mg",
                "--antagonist",
                "naloxone 2 mg im after ventilation < 140 %",
            ),
            "100 %",
        ),
        (("--opioid", "heroin", "--bolus", "2mg"), "fentanyl"),
        (("--opioid", "fentanyl", "--bolus", "2 L"), "dimensions"),
        (("--opioid", "fentanyl"), "--bolus"),
        (("--opioid", "fentanyl", "--bolus", "0.2mg", "--hours", "-1"), "hours"),
        (("--opioid", "fentanyl", "--bolus", "0.2mg", "--hours", "nan"), "hours"),
        (("--opioid", "remifentanil", "--bolus", "0.03mg", "--patients", "9"), "typical subject"),
        (
            ("--opioid", "oxycodone", "--oral", "20mg", "--antagonist", "naloxone 2 mg im at 3 s"),
            "no naloxone in it",
        ),
        (("--opioid", "morphine", "--bolus", "9mg", "--patients", "9"), "kinetic"),
        (("--opioid", "mitragynine", "--bolus", "9mg"), "--oral"),
    ],
)
def test_what_is_refused_says_why(words: tuple[str, ...], hint: str) -> None:
    result = ask(*words)
    assert result.exit_code == 2
    assert hint in result.output
    assert "Traceback" not in result.output


def test_two_antagonists_do_not_fit_one_subject() -> None:
    both = ("--antagonist", "naloxone 2 mg im at 9 s", "--antagonist", "nalmefene 3 mg in at 9 s")
    result = ask("--opioid", "fentanyl", "--bolus", "0.2mg", *both)
    assert result.exit_code == 2
    assert "one antagonist at a time" in result.output


def test_doses_without_data_are_flagged() -> None:
    found = answer("--opioid", "fentanyl", "--bolus", "30mg", "--hours", "0.02")
    assert found["out_of_range"] is True
    assert "2.965" in found["out_of_range_because"][0]
    found = answer(
        "--opioid",
        "fentanyl",
        "--bolus",
        "0.2mg",
        "--antagonist",
        "naloxone 50 mg im at 9 s",
        "--hours",
        "0.02",
    )
    assert "naloxone 50 mg im" in found["out_of_range_because"][0]


def test_words_for_an_emergency_and_no_advice() -> None:
    result = ask("--opioid", "morphine", "--bolus", "10mg", "--hours", "1")
    assert result.exit_code == 0
    assert "call emergency services" in result.output
    assert "Naloxone reverses opioid effects and may have to be repeated" in result.output
    for word in ("recommend", "should take", "safe dose", "you can take"):
        assert word not in result.output.lower()


def test_extrapolations_are_named() -> None:
    found = answer("--opioid", "oxycodone", "--oral", "20mg", "--hours", "2")
    assert found["assumptions"]
    assert found["PaCO2_mmHg"] is None


def test_figures(tmp_path: Path) -> None:
    for words in (("fentanyl", "--bolus", "0.2mg", "--hours", "0.02"), ("morphine", "--bolus", "10mg")):
        path = tmp_path / f"{words[0]}.svg"
        result = ask("--opioid", *words, "--plot", str(path))
        assert result.exit_code == 0, result.output
        assert path.stat().st_size > 1000


def test_naloxone_in_the_receptor_form() -> None:
    words = ("--opioid", "morphine", "--bolus", "10mg", "--hours", "2")
    plain = answer(*words)
    reversed_ = answer(*words, "--antagonist", "naloxone 0.4 mg iv at 30 min")
    before, after = slice(0, 30), 45
    assert reversed_["ventilation_percent_of_start"][before] == plain["ventilation_percent_of_start"][before]
    assert reversed_["ventilation_percent_of_start"][after] > plain["ventilation_percent_of_start"][after] + 2


def test_kratom_alkaloid_by_mouth() -> None:
    found = answer("--opioid", "mitragynine", "--oral", "40mg", "--hours", "3")
    low, high = (
        found["ventilation_percent_interval95"]["2.5"],
        found["ventilation_percent_interval95"]["97.5"],
    )
    assert min(found["ventilation_percent_of_start"]) < 100
    assert max(h - x for h, x in zip(high, low, strict=True)) > 20
    assert found["translations"]
    assert found["out_of_range"] is True


def test_evidence_of_ones_own_changes_the_course(tmp_path: Path) -> None:
    (tmp_path / "harms").mkdir()
    (tmp_path / "harms" / "mine.toml").write_text(
        'name = "ventilation_fentanyl"\n[parameters.V_F]\nmultiply = 10\nnote = "a test"\n'
    )
    words = ("--opioid", "fentanyl", "--bolus", "0.2mg", "--hours", "0.02")
    plain, mine = answer(*words), answer(*words, "--evidence", str(tmp_path))
    assert min(mine["ventilation_L_per_min"]) > min(plain["ventilation_L_per_min"]) + 0.5


def test_more_people_than_the_virtual_population_has() -> None:
    words = ("--opioid", "fentanyl", "--bolus", "0mg", "--hours", "0.01")
    found = answer(*words, "--patients", "2003")
    assert found["arrest_percent"] == 0
    result = ask(*words, "--patients", "60000")
    assert result.exit_code == 2
    assert "50,000" in result.output
