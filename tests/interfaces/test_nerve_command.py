"""`analgesia nerve` and `analgesia ectopia`: what they answer, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analgesia.cli import main


def ask(*words: str) -> Any:
    return CliRunner().invoke(main, list(words))


def answer(*words: str) -> dict[str, Any]:
    result = ask(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_one_pulse() -> None:
    found = answer("nerve", "--fibre", "c", "--diameter", "1um", "--length", "10mm")
    assert found["conduction_velocity_m_per_s"] == pytest.approx(0.70, abs=0.01)
    assert found["conducted"] == [True]
    assert found["slowing_percent"] == [0.0]
    assert found["latency_ms"][0] == pytest.approx(9.0 / 0.70, rel=0.05)


def test_recovery_cycle_and_picture(tmp_path: Path) -> None:
    picture = tmp_path / "latency.png"
    found = answer("nerve", "--pulses", "2", "--interval", "8ms", "--length", "10mm", "--plot", str(picture))
    assert found["slowing_percent"][1] > 5.0
    assert picture.stat().st_size > 10_000
    assert answer("nerve", "--pulses", "2", "--interval", "2ms", "--length", "10mm")["conducted"] == [
        True,
        False,
    ]


def test_drugs_and_injury_change_the_answer() -> None:
    healthy = answer("nerve", "--length", "8mm")["conduction_velocity_m_per_s"]
    slowed = answer("nerve", "--length", "8mm", "--drug", "lidocaine 0.1 mM")
    assert slowed["conduction_velocity_m_per_s"] < 0.9 * healthy
    blocked = answer("nerve", "--length", "8mm", "--drug", "lidocaine 2 mM")
    assert blocked["conducted"] == [False]
    assert blocked["conduction_velocity_m_per_s"] is None
    injured = answer(
        "nerve", "--length", "8mm", "--condition", "painful_diabetic_neuropathy", "--severity", "1"
    )
    assert injured["conduction_velocity_m_per_s"] != pytest.approx(healthy, rel=1e-3)


def test_kratom_alkaloids_block_nothing_unless_the_guess_is_asked_for() -> None:
    plain = answer("nerve", "--length", "8mm", "--drug", "mitragynine 5 mM")
    assert plain["conducted"] == [True]
    assert "no sodium channel was ever clamped" in plain["notes"][0]
    assert answer("nerve", "--length", "8mm", "--drug", "mitragynine 5 mM", "--prior")["conducted"] == [False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--diameter", "0um"], "zero"),
        (["--diameter", "500um"], "diameter"),
        (["--length", "0mm"], "zero"),
        (["--length", "5kg"], "kg"),
        (["--fibre", "z"], "fibre"),
        (["--drug", "gabapentin 1 uM"], "no block"),
        (["--drug", "lidocaine"], "concentration"),
        (["--drug", "lidocaine -1 mM"], "concentration"),
        (["--drug", "lidocain 1 mM"], "did you mean"),
        (["--condition", "gout"], "gout"),
        (["--condition", "painful_diabetic_neuropathy", "--severity", "2"], "severity"),
        (["--interval", "8ms", "--stimulate", "2Hz"], "either"),
        (["--pulses", "3", "--interval", "0.5ms"], "ascend"),
        (["--plot", "picture.doc"], "cannot draw"),
    ],
)
def test_bad_input_is_one_message(words: list[str], message: str) -> None:
    result = ask("nerve", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_ectopia(tmp_path: Path) -> None:
    picture = tmp_path / "raster.png"
    found = answer(
        "ectopia", "--condition", "painful_diabetic_neuropathy", "--patients", "40", "--plot", str(picture)
    )
    assert found["share_of_active_units"] == pytest.approx(0.29, abs=0.12)
    assert sum(row["units"] for row in found["rate_distribution"]) == 160
    assert 0.1 <= found["rate_of_active_units_hz"]["50%"] <= 5.0
    assert picture.stat().st_size > 5_000
    healthy = answer("ectopia", "--patients", "40")
    assert healthy["share_of_active_units"] < 0.06
    numbed = answer(
        "ectopia",
        "--condition",
        "painful_diabetic_neuropathy",
        "--patients",
        "40",
        "--drug",
        "lidocaine 20 uM",
    )
    assert numbed["share_of_active_units"] < found["share_of_active_units"]


def test_people_do_not_depend_on_how_many_there_are() -> None:
    from analgesia import evidence
    from analgesia.nerve.ectopia import ectopia

    few, more = (ectopia("spinal_cord_injury_pain", n, evidence.load()).rates for n in (3, 6))
    assert (few == more[:3]).all()


def test_a_condition_that_says_nothing_is_refused() -> None:
    assert ask("ectopia", "--condition", "gout").exit_code == 2
    assert ask("ectopia", "--patients", "0").exit_code == 2
