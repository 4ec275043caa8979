"""A library that contradicts itself is refused by name; conflicts, searches and values left out are shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analgesia import evidence, show
from analgesia.commands import sources as sources_command
from analgesia.errors import AnalgesiaError, EvidenceError, UnitError
from analgesia.evidence.conflicts import THRESHOLD, conflicts
from analgesia.evidence.coverage import SECTIONS, STATES, coverage
from analgesia.evidence.library import walk_numbers
from analgesia.evidence.schema import REASONS

SOURCE = 'name = "mine"\ntitle = "Mine"\nyear = 2020\n'
DRUG = """name = "exampline"
class = "opioid"
[identifiers]
pubchem = "{pubchem}"
[molar_mass]
value = 300
unit = "g/mol"
assumed = "test"
{more}
"""


@pytest.fixture(scope="module")
def library() -> evidence.Library:
    return evidence.load()


def laid(folder: Path, **files: str) -> Path:
    for path, text in files.items():
        file = folder / path.replace("__", "/")
        file = file.with_suffix(".toml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, error: type[AnalgesiaError], *words: str) -> None:
    with pytest.raises(error) as caught:
        evidence.load([folder])
    for word in words:
        assert word in str(caught.value)


def test_a_source_that_cannot_be_found_is_refused(tmp_path: Path) -> None:
    refused(laid(tmp_path, sources__mine=SOURCE), EvidenceError, "sources/mine.toml", "doi, pmid")


def test_one_paper_twice_is_refused(tmp_path: Path) -> None:
    doi = evidence.load().sources["kruegel2016"].doi
    text = SOURCE + f'doi = "{str(doi).upper()}"\n'
    refused(laid(tmp_path, sources__mine=text), EvidenceError, "sources/mine.toml", "kruegel2016", "doi")


def test_one_compound_under_two_names_is_refused(tmp_path: Path) -> None:
    text = DRUG.format(pubchem=evidence.load().drugs["morphine"].identifiers["pubchem"], more="")
    refused(
        laid(tmp_path, drugs__exampline=text), EvidenceError, "exampline", "morphine", "identifiers.pubchem"
    )


def test_one_receptor_under_two_names_is_refused(tmp_path: Path) -> None:
    accession = evidence.load().receptors["mu_opioid"].identifiers["uniprot"]
    text = f'name = "mine"\nfamily = "gpcr_opioid"\n[identifiers]\nuniprot = "{accession}"\n'
    refused(laid(tmp_path, receptors__mine=text), EvidenceError, "mine", "mu_opioid", "identifiers.uniprot")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('nobody = ["pubchem"]', ("nobody", "no file in evidence/sources")),
        ('unii_names = ["unni"]', ("identifiers_checked.unii_names", "'unni'")),
    ],
)
def test_where_an_identifier_was_checked_must_exist(
    tmp_path: Path, line: str, words: tuple[str, ...]
) -> None:
    text = DRUG.format(pubchem="1", more=f"[identifiers_checked]\n{line}\n")
    refused(laid(tmp_path, drugs__exampline=text), EvidenceError, "exampline", *words)


def test_every_identifier_was_checked_against_a_stored_copy(library: evidence.Library) -> None:
    """The formula needs none: it is checked against the molar mass."""
    for record in (*library.drugs.values(), *library.receptors.values(), *library.channels.values()):
        checked = {field for fields in record.identifiers_checked.values() for field in fields}
        assert set(record.identifiers) - {"formula"} == checked - {"formula"}, record.name


ATOMIC_WEIGHTS = {"C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "S": 32.06, "F": 18.998}


def test_the_molar_mass_follows_from_the_formula(library: evidence.Library) -> None:
    for drug in library.drugs.values():
        atoms = re.findall(r"([A-Z][a-z]?)(\d*)", drug.identifiers["formula"])
        mass = sum(ATOMIC_WEIGHTS[atom] * int(count or 1) for atom, count in atoms)
        assert drug.molar_mass._convert(drug.molar_mass.value, "g/mol") == pytest.approx(mass, rel=2e-3), (
            drug.name
        )


def test_every_gene_of_a_target_is_identified(library: evidence.Library) -> None:
    for record in (*library.receptors.values(), *library.channels.values()):
        if record.gene is not None:
            assert {"hgnc", "uniprot"} <= set(record.identifiers), record.name


def test_a_paper_with_neither_doi_nor_pmid_is_flagged(tmp_path: Path) -> None:
    text = SOURCE + 'citation = "A thesis"\n'
    changed = evidence.load([laid(tmp_path, sources__mine=text)])
    assert "no DOI or PMID" in show.source_flags(changed, "mine")


def test_a_correction_of_a_paper_is_flagged_and_the_paper_kept(tmp_path: Path) -> None:
    text = 'name = "kruegel2016"\nnotice = "Table 1 corrected"\n'
    changed = evidence.load([laid(tmp_path, sources__mine=text)])
    assert "notice: Table 1 corrected" in show.source_flags(changed, "kruegel2016")


def test_a_retracted_paper_that_is_used_is_refused(tmp_path: Path) -> None:
    refused(
        laid(tmp_path, sources__mine='name = "kruegel2016"\nretracted = true\n'),
        EvidenceError,
        "kruegel2016",
        "retracted",
        "mitragynine",
    )


def test_a_retracted_paper_that_nothing_rests_on_is_flagged(tmp_path: Path) -> None:
    text = SOURCE + 'doi = "10.1234/mine"\nretracted = true\n'
    changed = evidence.load([laid(tmp_path, sources__mine=text)])
    assert "RETRACTED" in show.source_flags(changed, "mine")


@pytest.mark.parametrize(
    ("section", "unit"),
    [("affinity.mu_opioid", "L/h"), ("efficacy.mu_opioid", "nM"), ("fraction_unbound.plasma", "h")],
)
def test_a_unit_of_another_dimension_is_refused(tmp_path: Path, section: str, unit: str) -> None:
    more = f'[{section}]\nvalue = 0.5\nunit = "{unit}"\nassumed = "test"\n'
    folder = laid(tmp_path, drugs__exampline=DRUG.format(pubchem="1", more=more))
    refused(folder, UnitError, "exampline", section, unit)


def test_a_search_names_sources_that_exist(tmp_path: Path) -> None:
    text = 'name = "mine"\nquestion = "?"\ndate = "November 2026"\nwhere = ["here"]\nterms = ["x"]\nfound = "y"\nincluded = ["nobody"]\n'
    refused(laid(tmp_path, searches__mine=text), EvidenceError, "searches/mine.toml", "nobody")


def test_a_value_left_out_has_a_known_reason(tmp_path: Path) -> None:
    text = 'name = "mine"\n[[groups]]\nreason = "boring"\ncited = "x"\nquantities = ["y"]\n'
    refused(laid(tmp_path, left_out__mine=text), EvidenceError, "left_out/mine.toml", "boring")


def test_conflicts_are_all_and_only_those_above_threefold(library: evidence.Library) -> None:
    found = conflicts(library)
    for conflict in found:
        values = [member.value for member in conflict.members]
        assert conflict.ratio == pytest.approx(max(values) / min(values))
        assert conflict.ratio > THRESHOLD
        assert conflict.handling
    wide = 0
    for number in library.numbers():
        sizes = [m._convert(m.value, number.unit) for m in number.measured if m.limit is None and m.value > 0]
        wide += len(sizes) > 1 and max(sizes) > THRESHOLD * min(sizes)
    assert wide == len(found)
    assert ("7-hydroxymitragynine", "affinity.mu_opioid") in {(c.name, c.key) for c in found}


def test_coverage_holds_every_number_at_a_target_and_no_other(library: evidence.Library) -> None:
    cells = {(cell.drug, cell.target): cell for cell in coverage(library)}
    assert len(cells) == len(coverage(library))
    for drug in library.drugs.values():
        for section, kind in SECTIONS.items():
            for target, number in getattr(drug, section).items():
                shown = [m for m in cells[drug.name, target].measures if m.kind == kind]
                assert [m.value for m in shown] == [number.value]
    total = sum(len(cell.measures) for cell in cells.values())
    states = sum(
        isinstance(number, evidence.Number) and state in STATES
        for drug in library.drugs.values()
        for channel, table in drug.nerve.items()
        if channel in library.channels
        for state, number in table.items()
    )
    assert total == states + sum(
        len(getattr(drug, section)) for drug in library.drugs.values() for section in SECTIONS
    )
    assert not cells["pregabalin", "mu_opioid"].measures


@pytest.mark.parametrize("option", ["--conflicts", "--coverage", "--searches", "--unused"])
def test_ledgers_as_data_and_as_text(option: str) -> None:
    run = CliRunner().invoke
    data = json.loads(run(sources_command.command, [option, "--json"]).output)
    assert data
    shown = run(sources_command.command, [option], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    first = data["left_out"][0]["cited"] if option == "--unused" else data[0].get("name", data[0].get("drug"))
    text = str(data[0].get("title") or first) if option == "--searches" else first
    assert text.split()[0] in shown.output


def test_every_reason_for_leaving_out_is_explained(library: evidence.Library) -> None:
    groups = show.list_left_out(library)
    assert {group["reason"] for group in groups} <= set(REASONS)
    assert all(group["quantities"] and group["meaning"] for group in groups)


def test_every_value_collected_is_used_or_left_out_with_a_reason(library: evidence.Library) -> None:
    counted = {entry["collection"]: entry for entry in show.list_collections(library)}
    assert {name: entry["collected"] for name, entry in counted.items()} == {
        "comparators": 569,
        "electrophys": 358,
        "kratom_pd": 307,
        "kratom_pk": 231,
    }
    for entry in counted.values():
        assert entry["used"] + entry["left_out"] == entry["collected"]
        assert 0 < entry["left_out"] < entry["collected"]


def test_more_values_left_out_than_collected_is_refused(tmp_path: Path) -> None:
    text = (
        'name = "mine"\ncollected = 1\n[[groups]]\nreason = "outside"\ncited = "x"\nquantities = ["y", "z"]\n'
    )
    refused(
        laid(tmp_path, left_out__mine=text), EvidenceError, "left_out/mine.toml", "2 values", "1 collected"
    )


def test_the_ten_trials_that_fit_and_no_other(library: evidence.Library) -> None:
    """The list of what may calibrate is closed; exposure studies have their own."""
    fitting = {
        t.name
        for t in library.trials.values()
        if t.role == "calibrate" and t.design.get("kind") != "kinetics"
    }
    assert fitting == {
        "algera2020_ventilation",
        "cepeda2012_placebo",
        "duloxetine_60mg_pooled",
        "dworkin2003_pain",
        "gimbel2003_pain",
        "lesser2004_pain",
        "plan2012_placebo",
        "raja2002_pain",
        "rowbotham1998_pain",
        "siddall2006_pain",
    }


def test_nothing_is_fitted_to_a_trial_that_validates(library: evidence.Library) -> None:
    held = {t.source for t in library.trials.values() if t.role == "validate"}
    held -= {t.source for t in library.trials.values() if t.role == "calibrate"}
    for number in walk_numbers(
        {kind: [dict(library.table(kind, n)) for n in library.folder(kind)] for kind in ("drugs", "circuits")}
    ):
        assert not held & set(number.fitted_to), number.place
