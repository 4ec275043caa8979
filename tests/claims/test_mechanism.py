"""Margins over all targets and sites: a number in a drug file for a target of a claim becomes a margin, and changes no word alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.claims import fake

from analgesia import evidence
from analgesia.claims import experiment
from analgesia.claims.experiment import Size, check
from analgesia.claims.judge import NO_ARM
from analgesia.claims.mechanism import PREFERENCE, margins_of
from analgesia.errors import EvidenceError

LIBRARY = evidence.load()
CLAIMS = list(LIBRARY.claims.values())
WITHOUT_TARGET = {"improves_quality_of_life"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_number_for_a_target_of_the_claim_is_a_margin(claim):
    """The contract: a claim on a class of drugs lists every substance of the class with a number for one of its targets."""
    assert bool(claim.mechanism) == (claim.name not in WITHOUT_TARGET)
    known = {(one.compound, one.target, one.site) for one in margins_of(claim, LIBRARY)}
    assert len(known) == len(margins_of(claim, LIBRARY))
    for group in claim.mechanism:
        assert group.drug_class in {drug.drug_class for drug in LIBRARY.drugs.values()}
        for drug in LIBRARY.drugs.values():
            for target in group.targets:
                if drug.drug_class == group.drug_class and any(
                    target in getattr(drug, kind) for kind in PREFERENCE
                ):
                    assert {(drug.name, target, site) for site in group.sites} <= known


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_what_is_listed_belongs_to_the_mechanism(claim):
    targets = {target for group in claim.mechanism for target in group.targets}
    assert {one.target for one in claim.margins} <= targets
    listed = len(claim.margins)
    assert margins_of(claim, LIBRARY)[:listed] == claim.margins
    assert not [one for one in margins_of(claim, LIBRARY)[listed:] if one.essential]


def test_a_target_is_known_to_the_library():
    named = {target for claim in CLAIMS for group in claim.mechanism for target in group.targets}
    effects = {effect for drug in LIBRARY.drugs.values() for effect in drug.effects}
    assert named <= set(LIBRARY.receptors) | effects


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'drug_class = "kratom_alkaloid"',
            'drug_class = "wine"',
            r"mechanism\[1\].drug_class: no drug is of class 'wine'",
        ),
        ('targets = ["mu_opioid"]', 'targets = ["mu_opoid"]', r"mechanism\[1\].targets.*mu_opioid"),
        ('sites = ["spinal_cord", "brain"]', 'sites = ["elbow"]', "mechanism.*sites"),
        ('sites = ["spinal_cord", "brain"]', "sites = []", "mechanism.*sites"),
    ],
)
def test_a_wrong_mechanism_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, says: str):
    origin = Path(evidence.__file__).parent / "claims" / "mu_modulates_pain_signals.toml"
    written = origin.read_text().replace('name = "mu_modulates_pain_signals"', 'name = "broken"', 1)
    assert old in written
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.toml").write_text(written.replace(old, new))
    with pytest.raises(EvidenceError, match=says) as refused:
        check(["broken"], library=evidence.load([tmp_path]), size=Size(2, 2, 1))
    assert "broken.toml" in str(refused.value)


def test_a_new_number_appears_by_itself_and_changes_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "new.toml").write_text(
        'name = "7-hydroxymitragynine"\n[affinity.cox2]\nvalue = 0.001\nunit = "nM"\nassumed = "for the test"\n'
    )
    with_number = evidence.load([tmp_path])
    (before,) = check(["anti_inflammatory"], library=LIBRARY, size=Size(6, 4, 3))
    (after,) = check(["anti_inflammatory"], library=with_number, size=Size(6, 4, 3))
    new = [one for one in after.margins if (one.compound, one.target) == ("7-hydroxymitragynine", "cox2")]
    assert new
    assert all(one.interval90 is not None and one.interval90[0] > 1.0 for one in new)
    assert not [
        one for one in before.margins if one.target == "cox2" and one.compound == "7-hydroxymitragynine"
    ]
    assert before.verdict == after.verdict


def test_a_substance_that_no_regimen_holds_is_shown_and_silent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)
    (found,) = check(["mu_modulates_pain_signals"], library=LIBRARY, size=Size(6, 4, 3))
    absent = [one for one in found.margins if one.arm == NO_ARM]
    assert {"corynantheidine", "mitragynine_pseudoindoxyl"} <= {one.compound for one in absent}
    assert all(one.unavailable and not one.essential and one.median is None for one in absent)


def test_a_mechanism_alone_gives_margins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A claim that lists no margin still shows those that follow from its mechanism; its word is that of the evidence alone."""
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)
    origin = (Path(evidence.__file__).parent / "claims" / "mu_modulates_pain_signals.toml").read_text()
    head, *tables = re.split(r"(?m)^(?=\[)", origin)
    written = head.replace('name = "mu_modulates_pain_signals"', 'name = "unlisted"', 1)
    written += "".join(table for table in tables if not table.startswith("[[margins]]"))
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "unlisted.toml").write_text(written)
    library = evidence.load([tmp_path])
    assert not library.claims["unlisted"].margins
    listed, unlisted = check(["mu_modulates_pain_signals", "unlisted"], library=library, size=Size(6, 4, 3))
    assert unlisted.margins
    assert {(one.compound, one.target, one.site) for one in unlisted.margins} == {
        (one.compound, one.target, one.site) for one in listed.margins
    }
    assert not any(one.essential for one in unlisted.margins)
