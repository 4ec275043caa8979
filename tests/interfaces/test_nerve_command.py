"""`analgesia nerve` and `analgesia ectopia`: what they answer, what they refuse."""

from __future__ import annotations

import json
from functools import cache
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


def test_myelinated_fibres_answer_with_the_same_keys() -> None:
    thin = answer("nerve", "--length", "4mm")
    found = answer("nerve", "--fibre", "a_beta", "--length", "10mm", "--pulses", "2", "--interval", "3ms")
    assert found.keys() == thin.keys()
    assert 45.0 < found["conduction_velocity_m_per_s"] < 55.0
    assert found["slowing_percent"][1] > 10.0
    assert found["diameter_um"] == pytest.approx(9.4)
    people = answer("nerve", "--fibre", "a_delta", "--length", "5mm", "--patients", "3")
    speeds = [one["conduction_velocity_m_per_s"] for one in people["per_patient"]]
    assert 5.0 < min(speeds) < max(speeds) < 25.0
    assert any("assumed" in note for note in people["notes"])


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


def test_trains_past_the_branch() -> None:
    """Two pulses are followed faster than twenty (Gemes 2013); lidocaine that stops the fibre leaves nothing to follow."""
    found = answer("nerve", "--branch", "--pulses", "2")
    assert 120.0 < found["following_frequency_hz"] <= 200.0
    assert found["straight"]["following_frequency_hz"] >= found["following_frequency_hz"]
    assert found["pulses"] == 2
    passed = [row["rate_hz"] for row in found["tried"] if row["arrived_share"] == 1.0]
    assert max(passed) <= found["following_frequency_hz"]
    text = ask("nerve", "--branch", "--pulses", "1", "--drug", "lidocaine 2 mM").output
    assert "past the branch: below 2 Hz" in text
    assert "without it: below 2 Hz" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--diameter", "0um"], "zero"),
        (["--diameter", "500um"], "diameter"),
        (["--length", "0mm"], "zero"),
        (["--length", "5kg"], "kg"),
        (["--fibre", "z"], "fibre"),
        (["--fibre", "a_beta", "--diameter", "2um"], "5.7 to 16 um"),
        (["--fibre", "a_beta", "--length", "2mm"], "nodes"),
        (["--fibre", "a_delta", "--precision", "single"], "double"),
        (["--fibre", "a_beta", "--condition", "painful_diabetic_neuropathy"], "says nothing"),
        (["--fibre", "a_beta", "--drug", "gabapentin 1 uM"], "no block"),
        (["--drug", "gabapentin 1 uM"], "no block"),
        (["--drug", "lidocaine"], "concentration"),
        (["--drug", "lidocaine -1 mM"], "concentration"),
        (["--drug", "lidocain 1 mM"], "did you mean"),
        (["--condition", "gout"], "gout"),
        (["--condition", "painful_diabetic_neuropathy", "--severity", "2"], "severity"),
        (["--interval", "8ms", "--stimulate", "2Hz"], "either"),
        (["--pulses", "3", "--interval", "0.5ms"], "ascend"),
        (["--plot", "picture.doc"], "cannot draw"),
        (["--branch", "--diameter", "1um"], "leave out --diameter"),
        (["--branch", "--length", "20mm"], "leave out --length"),
        (["--branch", "--stimulate", "5Hz"], "leave out --stimulate"),
        (["--branch", "--patients", "3"], "leave out --patients"),
        (["--branch", "--plot", "x.png"], "leave out --plot"),
        (["--branch", "--fibre", "a_delta"], "that of a C fibre"),
        (["--branch", "--pulses", "500"], "200"),
        (["--branch", "--severity", "1"], "--condition"),
    ],
)
def test_bad_input_is_one_message(words: list[str], message: str) -> None:
    result = ask("nerve", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_ectopia(tmp_path: Path) -> None:
    """30 of 105 C units active in painful neuropathy (schmidt2012), most of them below 5 Hz; healthy cells nearly silent."""
    picture = tmp_path / "raster.png"
    found = answer(
        "ectopia", "--condition", "painful_diabetic_neuropathy", "--patients", "30", "--plot", str(picture)
    )
    assert found["share_of_active_units"] == pytest.approx(0.286, abs=0.09)
    low, high = found["share_interval95"]
    assert (
        low
        <= found["share_binomial95"][0]
        < found["share_of_active_units"]
        < found["share_binomial95"][1]
        <= high
    )
    assert 1.0 <= found["design_effect"] <= 4.0
    assert found["share_counted"]["share"] == pytest.approx(30 / 105, abs=1e-3)
    assert sum(row["units"] for row in found["rate_distribution"]) == 120
    assert 0.1 <= found["rate_of_active_units_hz"]["5%"] <= found["rate_of_active_units_hz"]["50%"] <= 1.0
    assert found["rate_of_active_units_hz"]["95%"] < 7.0
    assert 0.5 < found["mean_rate_of_active_units_hz"] < 2.0
    assert picture.stat().st_size > 5_000
    assert found["a_beta_units"]["class"] == "a_beta"
    assert found["a_delta_units"]["class"] == "a_delta"
    assert found["seed"] == 1
    text = ask("ectopia", "--patients", "1").output
    assert "healthy; 1 person\n" in text
    assert "active C units" in text
    assert "active A-beta units" in text
    assert "active A-delta units" in text


@cache
def units(
    condition: str | None, people: int, unit: str = "c", opioid: float = 0.0, lidocaine: float = 0.0
) -> Any:
    """Recorded once for all tests of a process."""
    from analgesia import evidence
    from analgesia.nerve.ectopia import ectopia

    amounts = {"lidocaine": lidocaine} if lidocaine else {}
    return ectopia(condition, people, evidence.load(), unit=unit, opioid=opioid, concentrations=amounts)


def test_healthy_cells_are_nearly_silent_and_lidocaine_silences_others() -> None:
    assert units(None, 15).active.mean() < 0.03
    assert units(None, 15, "a_delta").active.mean() < 0.12
    plain, numbed = (units("painful_diabetic_neuropathy", 10, lidocaine=amount) for amount in (0.0, 20.0))
    assert numbed.active.mean() < plain.active.mean()


def test_axotomised_c_units_are_silent_and_a_units_fire() -> None:
    """snl_afferents2001: after a spinal nerve is cut only A units discharge, four to six times as much as before."""
    c = units("postherpetic_neuralgia", 15)
    cut = c.axotomised
    assert 0.1 < cut.mean() < 0.35
    assert not c.active[cut].any()
    assert c.active[~cut].any()
    injured, healthy = (units(name, 15, "a_delta") for name in ("postherpetic_neuralgia", None))
    assert injured.rates.mean() > 2.0 * healthy.rates.mean()
    assert injured.active.mean() > healthy.active.mean()


def test_opioids_silence_some_units() -> None:
    plain, opened = (units("painful_diabetic_neuropathy", 10, opioid=stimulus) for stimulus in (0.0, 1.0))
    assert opened.rates.sum() < plain.rates.sum()
    assert (opened.rates == plain.rates).mean() > 0.5  # most cells have no such channel


def test_people_do_not_depend_on_how_many_there_are() -> None:
    few, more = (units("painful_diabetic_neuropathy", n).rates for n in (3, 10))
    assert (few == more[:3]).all()


def test_a_condition_that_says_nothing_is_refused() -> None:
    assert ask("ectopia", "--condition", "gout").exit_code == 2
    assert ask("ectopia", "--patients", "0").exit_code == 2
    assert ask("ectopia", "--opioid", "2").exit_code == 2
