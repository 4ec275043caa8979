"""What the page and the command say about certainty, risk of bias, the decisive measurement and what may be said."""

from __future__ import annotations

import json
import re
from importlib import resources
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from tests.claims import fake

from analgesia import evidence
from analgesia.claims import experiment
from analgesia.claims.experiment import Size, check
from analgesia.cli import main
from analgesia.evidence.bias import JUDGEMENT_WORDS
from analgesia.report import figures
from analgesia.report.judging import SIGNS
from analgesia.report.parts import claim_section

LIBRARY = evidence.load()


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)


def section(name: str):
    (judged,) = check([name], library=LIBRARY, size=Size(6, 4, 3))
    return judged, ElementTree.fromstring(claim_section(judged, LIBRARY))  # noqa: S314 (our own page)


def words(node: ElementTree.Element) -> str:
    return " ".join("".join(node.itertext()).split())


@pytest.mark.parametrize("name", ["relieves_postherpetic_neuralgia", "no_typical_opioid_side_effects"])
def test_the_page_shows_how_certain_and_why(faked: None, name: str) -> None:
    judged, tree = section(name)
    said = words(tree)
    assert judged.certainty.statement in said
    for step in judged.certainty.steps:
        assert " ".join(step.reason.split()) in said
    assert " ".join(judged.decisive.sentence.split()) in said
    assert judged.claim.would_change in said
    for line in (*judged.may_say, *judged.may_not_say):
        assert line in said


def test_every_sign_has_a_shape_and_a_word_and_the_style_knows_it(faked: None) -> None:
    _, tree = section("relieves_postherpetic_neuralgia")
    signs = [node for node in tree.iter("span") if (node.get("class") or "").startswith("sign ")]
    assert len(signs) > 20
    assert {words(node) for node in signs} <= set(JUDGEMENT_WORDS.values())
    style = resources.files("analgesia.report").joinpath("style.css").read_text("utf-8")
    shapes = {kind: re.search(rf"\.sign\.{kind}::before {{([^}}]*)}}", style) for kind in set(SIGNS.values())}
    assert {kind for kind, shape in shapes.items() if shape is None} == {"high"}  # the plain square
    assert set(SIGNS) == set(JUDGEMENT_WORDS)


def test_every_study_stands_in_a_table_of_its_tool_with_its_overall(faked: None) -> None:
    judged, tree = section("acts_on_opioid_receptors")
    tables = [node for node in tree.iter("table") if node.get("class") == "bias"]
    heads = [words(cell) for table in tables for cell in table.iter("th") if cell.get("scope") == "col"]
    assert {judged.names[item.source] for item in judged.claim.evidence} <= set(heads)
    assert all("overall" in words(list(table.iter("tr"))[-1]) for table in tables)


def test_the_picture_draws_the_essential_margins_and_says_how_many_it_leaves_out(faked: None) -> None:
    judged, tree = section("relieves_diabetic_neuropathy")
    shown = figures.margins_shown(judged)
    known = [one for one in judged.margins if one.interval90 is not None]
    assert {id(one) for one in known if one.essential} <= {id(one) for one in shown}
    assert len(shown) < len(known)
    assert f"{len(known) - len(shown)} more" in words(tree)


def test_the_command_prints_and_counts_the_same(faked: None) -> None:
    asked = ["check", "mu_modulates_pain_signals", "--patients", "6", "--draws", "4", "--seed", "3"]
    shown = CliRunner().invoke(main, asked)
    assert shown.exit_code == 0, shown.output
    told = " ".join(shown.output.split())
    (plain,) = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert f"Certainty of the evidence from people (GRADE): {plain['certainty']['certainty']}" in told
    assert " ".join(plain["decisive"]["sentence"].split()) in told
    for line in (*plain["may_say"], *plain["may_not_say"]):
        assert " ".join(line.split()) in told
    for item in plain["evidence"]["items"]:
        assert item["risk_of_bias"]["overall"]
    assert "Wilson 2020: no information (SYRCLE)" in told
    assert set(plain["certainty"]["method"]) <= set(plain["sources"])
