"""analgesia exposure: what it answers, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from analgesia import cli
from analgesia.exposures import exposure
from analgesia.pharmacokinetics import study

STATISTICS = (
    "cmax",
    "tmax",
    "auc_last",
    "auc_inf",
    "half_life",
    "accumulation",
    "ratio_to_parent",
    "urine_fraction",
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["exposure", *arguments])


def test_json_has_the_promised_shape() -> None:
    done = run(
        "leaf_capsule",
        "--dose",
        "25 mg mitragynine",
        "--every",
        "24 h",
        "--doses",
        "3",
        "--patients",
        "30",
        "--json",
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    followed = {"mitragynine", "7-hydroxymitragynine", "mitragynine_pseudoindoxyl"}
    assert set(found["analytes"]) == followed == set(found["molar"])
    for block, unit in (("analytes", "ng/mL"), ("molar", "nM")):
        for statistics in found[block].values():
            for name in STATISTICS:
                assert {"mean", "sd", "median", "interval90", "unit"} <= set(statistics[name])
            assert statistics["cmax"]["unit"] == unit
            assert statistics["auc_inf"]["unit"] == f"{unit}*h"
            assert statistics["tmax"]["unit"] == statistics["half_life"]["unit"] == "h"
    one, other = (found[block]["mitragynine"]["cmax"]["median"] for block in ("analytes", "molar"))
    assert other == pytest.approx(one * 1e3 / 398.5, rel=1e-3)
    ratio = found["analytes"]["7-hydroxymitragynine"]["ratio_to_parent"]["median"]
    assert 0.05 < ratio < 0.6
    assert found["analytes"]["mitragynine"]["ratio_to_parent"]["median"] is None
    assert found["analytes"]["mitragynine"]["accumulation"]["median"] > 1
    low, high = found["analytes"]["mitragynine"]["cmax"]["interval90"]
    assert low < found["analytes"]["mitragynine"]["cmax"]["median"] < high
    assert sum(found["numbers"].values()) > 30


def test_tables_say_what_they_rest_on_and_what_they_are_not(tmp_path: Path) -> None:
    picture = tmp_path / "tea.svg"
    done = run("tea", "--dose", "2 g", "--patients", "20", "--plot", str(picture), "--log")
    assert done.exit_code == 0, done.output
    for words in ("Cmax", "half-life", "90 % of people", "not medical advice", "assumed"):
        assert words in done.output
    assert picture.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kratom", "--dose", "4 g"), "unknown product or drug"),
        (("tea", "--dose", "-4 g"), "negative"),
        (("tea", "--dose", "4"), "not a quantity"),
        (("tea", "--dose", "4 h"), "not a mass"),
        (("tea", "--dose", "25 mg morphine"), "no stated content"),
        (("tea", "--dose", "0 g"), "nothing"),
        (("morphine", "--dose", "10 mg", "--route", "nasal"), "no route"),
        (("morphine", "--dose", "10 mg gabapentin"), "name morphine or nothing"),
        (("tea", "--dose", "4 g", "--doses", "3"), "no interval"),
        (("tea", "--dose", "4 g", "--every", "-1 h", "--doses", "3"), "greater than 0"),
        (("tea", "--dose", "4 g", "--sample-until", "3 mg"), "mg"),
        (("tea", "--dose", "4 g", "--sampling", "3, 1 h"), "increase"),
        (("tea", "--dose", "4 g", "--sampling", "soon"), "write times"),
        (("tea", "--dose", "4 g", "--lloq", "-1 ng/mL"), "not negative"),
        (("tea", "--dose", "4 g", "--population", "martians"), "martians"),
        (("tea", "--dose", "4 g", "--plot", "x.doc"), "end the name"),
    ],
)
def test_mistakes_get_one_clear_message(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, "--patients", "5")
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output


def test_the_same_people_answer_the_same_however_they_are_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exposure("tea", "2 g", size=12, sample_until="24 h")
    monkeypatch.setattr(study, "CHUNK", 5)
    assert exposure("tea", "2 g", size=12, sample_until="24 h").to_dict() == whole.to_dict()


def test_a_longer_study_sees_a_longer_half_life() -> None:
    short, long = (
        exposure("leaf_capsule", "25 mg mitragynine", size=40, sample_until=until, lloq="0.01 ng/mL")
        for until in ("24 h", "120 h")
    )
    assert (
        short.analytes["mitragynine"]["half_life"]["median"]
        < 0.75 * long.analytes["mitragynine"]["half_life"]["median"]
    )


def test_explicit_samples_are_the_only_ones_taken() -> None:
    found = exposure("tea", "2 g", size=20, sampling="0.7, 1.4, 3, 6 h")
    assert found.regimen["sampling"]["times"] == [0.0, 0.7, 1.4, 3.0, 6.0]
    assert set(np.round(found.analytes["mitragynine"]["tmax"]["interval90"], 6)) <= {0.7, 1.4, 3.0}


def test_ignorance_only_widens() -> None:
    found = exposure("leaf_capsule", "25 mg mitragynine", size=400, sample_until="24 h")
    cmax = found.analytes["mitragynine"]["cmax"]
    low, high = cmax["interval90"]
    wide_low, wide_high = cmax["interval90_with_ignorance"]
    assert np.log(wide_high / wide_low) > 0.95 * np.log(high / low)


def test_a_metabolite_dosed_alone_has_no_parent() -> None:
    found = exposure("7-hydroxymitragynine", "10 mg", size=10, sample_until="24 h")
    assert set(found.analytes) == {"7-hydroxymitragynine", "mitragynine_pseudoindoxyl"}
    assert found.analytes["7-hydroxymitragynine"]["ratio_to_parent"]["median"] is None
    assert 0.0 < found.analytes["mitragynine_pseudoindoxyl"]["ratio_to_parent"]["median"] < 0.2
