"""Overlays: what replaces, adds and scales; what contradicts itself is refused with file, key and cure."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from analgesia import evidence
from analgesia.errors import AnalgesiaError, EvidenceError, UnitError

NUMBER = 'value = 2\nunit = "nM"\nassumed = "test"\n'
Write = Callable[[str, str], Path]
X = "drugs/x.toml"
MU = 'name = "mitragynine"\n[affinity.mu_opioid]\n'
CITED = 'value = 2\nunit = "nM"\nsource = "kruegel2016"\n'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def save(path: str, text: str) -> Path:
        file = tmp_path / "mine" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path / "mine"

    return save


def mu(library: evidence.Library, drug: str = "mitragynine") -> evidence.Number:
    number: evidence.Number = library.drugs[drug].affinity["mu_opioid"]
    return number


def test_multiply_scales_value_and_keeps_the_relative_spread(write: Write) -> None:
    base = mu(evidence.load())
    scaled = mu(evidence.load([write(X, MU + "multiply = 100\n")]))
    assert scaled.to("nM") == pytest.approx(100 * base.to("nM"), rel=1e-12)
    assert scaled.uncertainty_sd_log == pytest.approx(base.uncertainty_sd_log)
    assert scaled.status == "assumed"
    assert "multiplied by 100" in (scaled.assumed or "")
    assert {member.status for member in scaled.measured} == {"assumed"}


def test_multiply_leaves_everything_else_alone(write: Write) -> None:
    base = evidence.load()
    changed = evidence.load([write(X, MU + "multiply = 100\n")])
    assert changed.hash != base.hash
    assert changed.drugs["morphine"] == base.drugs["morphine"]
    assert changed.drugs["mitragynine"].molar_mass == base.drugs["mitragynine"].molar_mass


def test_a_value_replaces_the_number_whole(write: Write) -> None:
    library = evidence.load([write(X, f"{MU}{NUMBER}")])
    assert mu(library).to("nM") == 2.0
    assert mu(library).measured == ()
    assert mu(library).status == "assumed"


def test_measurements_are_added_and_pooled(write: Write) -> None:
    base = mu(evidence.load())
    added = mu(
        evidence.load(
            [
                write(
                    "drugs/x.toml",
                    f'name = "mitragynine"\n[[affinity.mu_opioid.measured]]\n{NUMBER.replace("2", "5000", 1)}',
                )
            ]
        )
    )
    assert len(added.measured) == len(base.measured) + 1
    assert added.value > base.value
    assert added.pooled is not None
    assert base.pooled is not None
    assert added.pooled.count == base.pooled.count + 1


def test_adding_the_same_measurement_twice_counts_it_once(write: Write) -> None:
    text = f'name = "mitragynine"\n[[affinity.mu_opioid.measured]]\n{NUMBER}'
    folder = write("drugs/x.toml", text)
    once, twice = evidence.load([folder]), evidence.load([folder, folder])
    assert mu(once).value == mu(twice).value
    assert len(mu(once).measured) == len(mu(twice).measured)


def test_measurements_added_to_a_single_value_keep_it(write: Write) -> None:
    text = f'name = "gabapentin"\n[[affinity.alpha2delta.measured]]\n{NUMBER.replace("2", "140", 1)}'
    number = evidence.load([write("drugs/x.toml", text)]).drugs["gabapentin"].affinity["alpha2delta"]
    assert [member.value for member in number.measured] == [59, 140]
    assert number.value == pytest.approx(math.sqrt(59 * 140), rel=0.3)


def test_later_overlays_win(write: Write, tmp_path: Path) -> None:
    first = write(X, f"{MU}{NUMBER}")
    second = tmp_path / "second" / "drugs"
    second.mkdir(parents=True)
    (second / "any.toml").write_text(
        'name = "mitragynine"\n[affinity.mu_opioid]\nmultiply = 10\n', encoding="utf-8"
    )
    assert mu(evidence.load([first, second.parent])).value == 20.0


def test_a_new_drug_needs_no_code(write: Write) -> None:
    mass = '[molar_mass]\nvalue = 300\nunit = "g/mol"\nassumed = "test"\n'
    text = f'name = "newdrug"\nclass = "opioid"\n{mass}[affinity.mu_opioid]\n{NUMBER}'
    library = evidence.load([write("drugs/whatever.toml", text)])
    assert library.drugs["newdrug"].affinity["mu_opioid"].to("pM") == pytest.approx(2000.0)


def test_the_name_of_a_file_means_nothing(tmp_path: Path) -> None:
    """Every drug file renamed: not one number moves, and the hash stays."""
    import shutil

    from analgesia.evidence.layers import read_layer
    from analgesia.evidence.library import ROOT, Library

    copy = tmp_path / "evidence"
    for folder in sorted(p for p in ROOT.iterdir() if p.is_dir() and p.name != "__pycache__"):
        shutil.copytree(folder, copy / folder.name)
    for index, path in enumerate(sorted((copy / "drugs").glob("*.toml"))):
        path.rename(path.with_name(f"z{index}.toml"))
    assert Library(read_layer(copy, "evidence", overlay=False)).hash == evidence.load().hash


BAD = {
    "value and multiply": (X, MU + 'multiply = 2\nvalue = 3\n', "contradict"),
    "multiply nothing": ("drugs/x.toml", 'name = "mitragynine"\n[affinity.sigma]\nmultiply = 2\n', "multiply needs a number"),
    "multiply by zero": (X, MU + 'multiply = 0\n', "above 0"),
    "multiply by text": (X, MU + 'multiply = "2"\n', "must be a number"),
    "no source": (X, MU + 'value = 2\nunit = "nM"\nstatus = "recalled"\n', "source is missing"),
    "unknown source": (X, MU + 'value = 2\nunit = "nM"\nsource = "kruegel"\nat = "x"\nstatus = "read"\n', "kruegel"),
    "no status": (X, MU + CITED, "status is missing"),
    "no place": (X, MU + CITED + 'status = "read"\n', "at is missing"),
    "no unit": (X, MU + 'value = 2\nassumed = "x"\n', "unit is missing"),
    "assumed and status": (X, f'{MU}{NUMBER}status = "read"\n', "contradicts"),
    "assumed without reason": (X, MU + 'value = 2\nunit = "nM"\nstatus = "assumed"\n', "reason"),
    "unknown status": (X, MU + CITED + 'status = "reed"\n', 'did you mean "read"'),
    "unknown key in a number": (X, f'{MU}{NUMBER}speceis = "rat"\n', 'did you mean "species"'),
    "unknown key in a file": ("drugs/x.toml", 'name = "mitragynine"\nafinity = "x"\n', 'did you mean "affinity"'),
    "two spreads": (X, f'{MU}{NUMBER}se = 1\ngsd = 2\n', "twice"),
    "interval elsewhere": (X, f'{MU}{NUMBER}ci95 = [3, 4]\n', "does not contain"),
    "percent as CV": (X, f'{MU}{NUMBER}iiv = 28\n', "fraction"),
    "not finite": (X, MU + 'value = nan\nunit = "nM"\nassumed = "x"\n', "finite"),
    "true for a number": (X, MU + 'value = true\nunit = "nM"\nassumed = "x"\n', "must be a number"),
    "bare number": ("drugs/x.toml", 'name = "mitragynine"\n[routes]\noral = 0.3\n', "bare number"),
    "text for a number": ("drugs/x.toml", 'name = "mitragynine"\nmolar_mass = "heavy"\n', "molar_mass"),
    "new drug incomplete": ("drugs/x.toml", 'name = "newdrug"\n', "is missing"),
    "unknown receptor": ("drugs/x.toml", f'name = "mitragynine"\n[affinity.mu_opiod]\n{NUMBER}', 'did you mean "mu_opioid"'),
    "no name": ("drugs/x.toml", 'title = "x"\n', "name is missing"),
    "bad name": ("drugs/x.toml", 'name = "New Drug"\nclass = "x"\n', "not a name"),
    "broken TOML": ("drugs/x.toml", 'name = "mitragynine\n', "not valid TOML"),
    "unknown folder": ("drug/x.toml", 'name = "x"\n', 'did you mean "drugs"'),
    "file beside the folders": ("x.toml", 'name = "x"\n', "subfolder"),
    "source that cannot be found": ("sources/x.toml", 'name = "x"\ntitle = "x"\n', "doi"),
    "bad DOI": ("sources/x.toml", 'name = "x"\ndoi = "https://doi.org/10.1/x"\n', "not a DOI"),
    "date": ("sources/x.toml", 'name = "x"\nurl = "x"\nnote = 2024-01-01\n', "dates as text"),
    "text over a table": ("drugs/x.toml", 'name = "mitragynine"\naffinity = "none"\n', "table"),
    "plain table over a number": (X, MU + 'unit = "nM"\n', "lies over a number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_overlay(write: Write, case: str) -> None:
    path, text, expected = BAD[case]
    with pytest.raises(AnalgesiaError) as caught:
        evidence.load([write(path, text)])
    message = str(caught.value)
    assert expected in message
    assert (Path(path).name if case != "unknown folder" else "mine/drug") in message
    assert "\n" not in message


def test_wrong_dimension_names_file_key_and_both_units(write: Write) -> None:
    text = f'name = "mitragynine"\n[affinity.mu_opioid]\n{NUMBER.replace("nM", "mL/min")}'
    with pytest.raises(UnitError, match=r"x\.toml: affinity\.mu_opioid.*mL/min.*nM"):
        mu(evidence.load([write("drugs/x.toml", text)])).to("nM")


def test_wrong_dimension_among_measurements(write: Write) -> None:
    text = f'name = "mitragynine"\n[[affinity.mu_opioid.measured]]\n{NUMBER.replace("nM", "h")}'
    with pytest.raises(UnitError, match=r"x\.toml: affinity\.mu_opioid\.measured\[1\]"):
        evidence.load([write("drugs/x.toml", text)])


def test_unknown_unit(write: Write) -> None:
    text = f'name = "mitragynine"\n[affinity.mu_opioid]\n{NUMBER.replace("nM", "parsec/fortnite")}'
    with pytest.raises(UnitError, match="unknown unit"):
        mu(evidence.load([write("drugs/x.toml", text)])).to("nM")


def test_two_files_that_contradict_each_other_in_one_overlay(write: Write) -> None:
    write(X, f"{MU}{NUMBER}")
    folder = write("drugs/y.toml", 'name = "mitragynine"\n[affinity.mu_opioid]\nmultiply = 2\n')
    with pytest.raises(EvidenceError, match=r"x\.toml.*y\.toml.*affinity\.mu_opioid is written twice"):
        evidence.load([folder])


def test_a_missing_folder() -> None:
    with pytest.raises(EvidenceError, match="no such folder"):
        evidence.load([Path("no/such/place")])


def test_unknown_names_suggest_the_nearest() -> None:
    library = evidence.load()
    with pytest.raises(EvidenceError, match="unknown drug 'mitragynin'; did you mean \"mitragynine\""):
        library.drugs["mitragynin"]
    with pytest.raises(EvidenceError, match="unknown kind of evidence 'drog'"):
        library.folder("drog")
    assert "nothing" not in library.drugs
    assert library.drugs.get("nothing") is None
