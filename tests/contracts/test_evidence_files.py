"""Every file in every evidence folder: valid, converted, with source and status. A new file arrives with its tests."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from analgesia import evidence
from analgesia.evidence import STATUSES, Library, Number, units
from analgesia.evidence.layers import read_toml
from analgesia.evidence.library import ROOT, walk_numbers
from analgesia.evidence.schema import FOLDERS

FILES = sorted(ROOT.glob("*/*.toml"))


@pytest.fixture(scope="module")
def library() -> Library:
    return evidence.load()


def table_of(library: Library, path: Path) -> dict[str, object]:
    return dict(library.table(path.parent.name, read_toml(path, str(path))["name"]))


def test_every_folder_of_the_schema_exists_and_no_other() -> None:
    assert {path.parent.name for path in FILES} <= set(FOLDERS)
    assert {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"} <= set(
        FOLDERS
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file(library: Library, path: Path) -> None:
    for number in walk_numbers(table_of(library, path)):
        check_number(library, number)


def check_number(library: Library, number: Number) -> None:
    place = number.place
    units.check(number.unit)
    assert number.status in STATUSES, place
    assert math.isfinite(number.value), place
    assert number.measured or number.assumed or number.cited or number.note, place
    assert all(source in library.sources for source in number.cited), place
    low, high = number.interval()
    assert low <= number.value * (1 + 1e-12) or number.value <= 0, place
    assert high >= number.value * (1 - 1e-12) or number.value <= 0, place
    assert number._convert(number.value, number.unit) == number.value, place
    assert number.uncertainty_sd_log >= 0.0, place
    assert number.diversity_sd_log >= 0.0, place
    for member in number.measured:
        check_number(library, member)
    used = [m for m in number.measured if m.not_pooled is None and m.limit is None]
    if used:
        values = [m._convert(m.value, number.unit) for m in used]
        assert min(values) * (1 - 1e-9) <= number.value <= max(values) * (1 + 1e-9), place


def test_no_two_sources_are_the_same_paper(library: Library) -> None:
    for field in ("doi", "pmid", "pmcid"):
        counted = Counter(
            str(getattr(s, field)).lower() for s in library.sources.values() if getattr(s, field)
        )
        assert not [key for key, count in counted.items() if count > 1], field


def test_no_two_drugs_share_an_identifier(library: Library) -> None:
    counted = Counter(
        (kind, key)
        for drug in library.drugs.values()
        for kind, key in drug.identifiers.items()
        if kind not in ("formula",)
    )
    assert not [key for key, count in counted.items() if count > 1]


def test_no_retracted_paper_is_cited(library: Library) -> None:
    cited = library.cited()
    assert not [name for name, source in library.sources.items() if source.retracted and name in cited]


def test_drugs_speak_the_units_of_the_scales(library: Library) -> None:
    for drug in library.drugs.values():
        molar_mass = drug.molar_mass._convert(drug.molar_mass.value, "g/mol")
        assert 50.0 < molar_mass < 5000.0, drug.name
        for section in (drug.affinity, drug.potency, drug.functional_inhibition, drug.effects):
            for number in section.values():
                assert number._convert(number.value, "nM", molar_mass) > 0.0, number.place
        for number in drug.efficacy.values():
            assert number._convert(number.value, "1") >= 0.0, number.place
        for number in drug.fraction_unbound.values():
            assert 0.0 < number._convert(number.value, "1") <= 1.0, number.place


def test_every_affinity_of_a_receptor_that_couples_has_an_efficacy(library: Library) -> None:
    for drug in library.drugs.values():
        for receptor in drug.affinity:
            record = library.receptors[receptor]
            if record.couplings and record.binding == "agonism":
                assert receptor in drug.efficacy, f"{drug.name}: efficacy.{receptor}"


def test_products_hold_alkaloids_per_gram(library: Library) -> None:
    for product in library.products.values():
        total = sum(n._convert(n.value, "mg/g") for n in product.contents.values())
        assert 0.0 < total < 1000.0, product.name


def test_an_antagonist_has_no_efficacy(library: Library) -> None:
    for receptor in ("mu_opioid", "delta_opioid", "kappa_opioid"):
        assert library.drugs["naloxone"].efficacy[receptor].value == 0.0


def test_the_scatter_between_laboratories_is_kept(library: Library) -> None:
    """Mitragynine at the human mu receptor spreads over 161 to 709 nM, 7-hydroxymitragynine over 7 to 78 nM."""
    for drug, lowest, highest in (("mitragynine", 161.0, 709.0), ("7-hydroxymitragynine", 7.16, 77.9)):
        number = library.drugs[drug].affinity["mu_opioid"]
        human = [m.value for m in number.measured if m.not_pooled is None]
        assert (min(human), max(human)) == (lowest, highest)
        low, high = number.interval("nM")
        assert low < lowest
        assert high > highest


def test_loading_needs_no_unit_library() -> None:
    """Reading everything must stay quick: pint, which builds a registry, is left for unusual units."""
    import subprocess
    import sys

    code = "import sys; from analgesia import evidence; evidence.load(); print('pint' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
