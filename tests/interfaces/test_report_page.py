"""The page: well-formed, alone in the world, accessible, complete, and honest about every weak number."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from tests.claims import fake
from tests.interfaces.page_checks import (
    check_accessible,
    check_csl,
    check_ids,
    check_it_loads_nothing,
    parsed,
    words,
)

import analgesia.report.build as building
from analgesia import evidence
from analgesia.calibration import Comparison, Course, PainComparison
from analgesia.calibration.check import ExposureCheck
from analgesia.claims import experiment
from analgesia.claims.experiment import Size
from analgesia.claims.landscape import Landscape, landscape
from analgesia.cli import main
from analgesia.report import nerve_runs
from analgesia.report.build import Report, build
from analgesia.report.checks import kinetics_row
from analgesia.report.markup import Markup, element, text
from analgesia.report.markup import words as markup_words
from analgesia.report.wording import spoken

KINETICS = [
    Comparison(
        study="tanna2022_kinetics",
        source="tanna2022",
        title="tea",
        role="calibrate",
        analyte="mitragynine",
        statistic="cmax",
        summary="median",
        published=81.9,
        published_low=50.1,
        published_high=177.0,
        simulated=70.0,
        ratio=70.0 / 81.9,
        interval90=(40.0, 130.0),
        inside=True,
        unit="nM",
        status="secondary",
        at="Table 3",
    )
]

COURSE = Course(
    "tanna2022_kinetics",
    "mitragynine",
    "39 mg mitragynine",
    False,
    np.array([0.0, 0.5, 1.0, 4.0, 24.0]),
    np.array([0.0, 9.0, 20.0, 8.0, 0.2]) * np.array([[0.5], [1.0], [2.0]]),
    0.2,
)
CHECKED = ExposureCheck(tuple(KINETICS), (COURSE,))

PAIN = [
    PainComparison(
        trial="lesser2004_pain",
        source="lesser2004",
        role="calibrate",
        title="pregabalin in diabetic neuropathy",
        arm=arm,
        published=published,
        se=0.3,
        simulated=simulated,
        interval90=None if simulated is None else (-1.9, -0.7),
        trial_interval90=None if simulated is None else (-2.8, -0.2),
        inside=None if simulated is None else True,
        missing=missing,
        status="secondary",
        at="abstract",
    )
    for arm, published, simulated, missing in (
        ("pregabalin 300 mg/d", -1.26, -1.3, None),
        ("another drug", -0.5, None, "no kinetics of another drug"),
    )
]


@pytest.fixture(scope="module")
def reach() -> Landscape:
    return landscape(evidence.load(), size=4, draws=3, compounds=["mitragynine", "morphine"])


@pytest.fixture(scope="module", autouse=True)
def short_runs_of_the_nerve() -> Iterator[None]:
    """Few pulses and guesses: what the pictures show is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nerve_runs, "PULSES", 4)
        patch.setattr(nerve_runs, "GUESSES", 3)
        yield


@pytest.fixture(scope="module")
def made(reach: Landscape) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment.pathway, "simulate", fake.simulate)
        patch.setattr(experiment.patients, "population", fake.population)
        return build(
            (),
            evidence.load(),
            size=Size(6, 4, 1),
            command="analgesia report --html report.html",
            version="0",
            made="2026-11-25",
            kinetics=KINETICS,
            pain=PAIN,
            reach=reach,
        )


@pytest.fixture(scope="module")
def tree(made: Report) -> ElementTree.Element:
    return parsed(made.html)


def test_it_loads_nothing(made: Report, tree: ElementTree.Element) -> None:
    check_it_loads_nothing(made.html, tree)


def test_ids_are_unique_and_every_inner_link_has_its_target(tree: ElementTree.Element) -> None:
    check_ids(tree)


def test_headings_tables_and_pictures_are_accessible(tree: ElementTree.Element) -> None:
    check_accessible(tree)
    assert len(list(tree.iter("svg"))) >= 15


def test_it_says_first_what_it_is_not(made: Report) -> None:
    start = made.html.index("The verdicts</h2>")
    for said in (
        "not medical advice",
        "names no dose for anybody",
        "No trial of kratom",
        "searched November 2026",
    ):
        assert made.html.index(said, made.html.index("<main>")) < start


def test_every_claim_has_paragraph_three_parts_limits_and_counts(
    made: Report, tree: ElementTree.Element
) -> None:
    sections = {node.get("id"): node for node in tree.iter("section")}
    for one in made.judgements:
        section = sections[one.claim.name]
        said = words(section)
        assert " ".join(one.paragraph.split()) in said
        for part in ("1. Evidence", "2. Mechanism", "3. Prediction", "What may not be said", "Not found:"):
            assert part in said
        assert str(one.verdict.word) in said
        assert "extrapolation" in said if one.prediction.arms else "The model is not asked" in said
        assert "Rests on" in said or "No number of the model" in said
        for count, status in ((n, s) for s, n in one.numbers.items()):
            assert f"{count} {status}" in said


def test_every_source_is_linked_and_weak_findings_are_marked(
    made: Report, reach: Landscape, tree: ElementTree.Element
) -> None:
    library = evidence.load()
    links = {node.get("href") for node in tree.iter("a")}
    sections = {node.get("id"): node for node in tree.iter("section")}
    for one in made.judgements:
        assert {library.sources[name].link for name in one.sources} <= links
        rows = [words(row) for row in sections[one.claim.name].iter("tr")]
        for item in one.claim.evidence:
            (row,) = [row for row in rows if " ".join(item.says.split()) in row]
            assert (item.status in row) == (item.status != "read") or item.status == "read"
    listed = words(sections["assumptions"])
    weak = [
        leaf
        for one in (*(judgement.provenance for judgement in made.judgements), reach.used)
        for leaf in one.leaves
        if leaf.status in ("assumed", "recalled")
    ]
    assert weak
    assert all(leaf.key in listed for leaf in weak)


def test_the_landscape_is_on_the_page_and_in_the_data(
    made: Report, reach: Landscape, tree: ElementTree.Element
) -> None:
    (section,) = [node for node in tree.iter("section") if node.get("id") == "landscape"]
    assert len(made.data["landscape"]["points"]) == len(reach.furthest)
    assert len(list(section.iter("svg"))) == 1
    said = words(section)
    for one in reach.not_known:
        assert one.reason in said


def test_every_claim_has_its_card_and_what_is_missing_is_said(
    made: Report, tree: ElementTree.Element
) -> None:
    sections = {node.get("id"): words(node) for node in tree.iter("section")}
    for one in made.data["claims"]:
        said = sections[one["claim"]]
        assert "Credibility of the model for this question" in said
        assert len(one["credibility"]["evidence"]) == 8
        for kind in one["credibility"]["evidence"]:
            assert kind["title"] in said
            assert (kind["none"] is not None) == (not kind["found"])
            assert kind["none"] is None or kind["none"] in said
        for row in one["credibility"]["assessment"]:
            assert row["says"] in said


def test_data_says_the_same_as_the_page(made: Report) -> None:
    assert [one["claim"] for one in made.data["claims"]] == [one.claim.name for one in made.judgements]
    assert all(one["link"] is None or one["link"] in made.html for one in made.data["sources"])
    assert [one["id"] for one in made.data["references"]] == [one["name"] for one in made.data["sources"]]


def test_disagreements_and_trials_of_pain_are_on_the_page(made: Report, tree: ElementTree.Element) -> None:
    sections = {node.get("id"): node for node in tree.iter("section")}
    rows = [words(row) for row in sections["conflicts"].iter("tr")]
    assert len(rows) == len(made.data["conflicts"]) + 1 > 20
    for row, one in zip(rows[1:], made.data["conflicts"], strict=True):
        assert row.startswith(f"{spoken(one['name'])}: {spoken(one['key'])}")
        assert f"{len(one['members'])} values" in row
    pain = words(sections["pain-trials"])
    assert "validates nothing" in pain
    assert "none of them was of kratom" in pain
    assert "no kinetics of another drug" in pain
    assert len(list(sections["pain-trials"].iter("svg"))) == 1


def test_what_the_page_cites_can_be_taken_away(made: Report, tree: ElementTree.Element) -> None:
    files = {node.get("download"): node for node in tree.iter("a") if node.get("download")}
    assert set(files) == {"references.json", "analgesia.json"}
    taken = {
        name: json.loads(base64.b64decode(str(node.get("href")).split(",", 1)[1]))
        for name, node in files.items()
    }
    check_csl(made.data["references"])
    check_csl([made.data["cite"]["csl"]])
    assert taken["references.json"] == made.data["references"]
    assert taken["analgesia.json"] == [made.data["cite"]["csl"]]
    said = words(next(node for node in tree.iter("section") if node.get("id") == "reproduce"))
    for part in (made.data["evidence"], "seed 1", "2026", "@software{analgesia", made.data["cite"]["text"]):
        assert part in said
    assert all(
        one["plain"] == j.paragraph for one, j in zip(made.data["claims"], made.judgements, strict=True)
    )


def luminance(colour: str) -> float:
    channels = [int(colour.lstrip("#")[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_of_text_in_light_dark_and_print(made: Report) -> None:
    palettes = re.findall(r":root\s*{([^}]*)}", made.html)
    assert len(palettes) == 3
    for palette in palettes:
        named = dict(re.findall(r"--([a-z0-9]+):\s*(#[0-9a-fA-F]{3,6})", palette))
        named = {k: v if len(v) == 7 else "#" + "".join(c * 2 for c in v[1:]) for k, v in named.items()}
        for ground in ("paper", "panel"):
            for name in ("ink", "soft", "link", "good", "lab", "open", "low", "bad", "unsure"):
                high, low = sorted((luminance(named[name]), luminance(named[ground])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def test_markup_escapes_what_is_not_markup() -> None:
    assert element("p", "a < b & c", Markup("<b>x</b>"), title='say "x"') == (
        '<p title="say &quot;x&quot;">a &lt; b &amp; c<b>x</b></p>'
    )
    assert text([None, "<", ["a", Markup("<br/>")]]) == "&lt;a<br/>"
    assert markup_words(["a ", element("a", "b < c", href="https://x")]) == "a b < c"


@pytest.fixture
def faked(reach: Landscape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)
    monkeypatch.setattr(building, "exposure_check", lambda _library, **_settings: CHECKED)
    monkeypatch.setattr(building, "pain_check", lambda _library, **_settings: PAIN)
    monkeypatch.setattr(building, "landscape", lambda _library, **_settings: reach)


@pytest.fixture
def two_claims(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let commands believe that these are all claims there are: a page of twelve takes long to draw."""
    names = ["relieves_diabetic_neuropathy", "blocks_sodium_channels"]
    chosen = experiment.chosen
    monkeypatch.setattr(experiment, "chosen", lambda asked, library: chosen(asked or names, library))
    return names


def test_a_run_writes_whole_files_and_is_not_repeated_without_need(
    faked: None, two_claims: list[str], tmp_path: Path
) -> None:
    def run() -> str:
        result = CliRunner().invoke(
            main, ["run", "--output", str(tmp_path / "out"), "--patients", "4", "--draws", "2"]
        )
        assert result.exit_code == 0, result.output
        return result.output

    first = run()
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'id="kinetics-tanna2022-kinetics-title"' in page
    assert "hours after the dose" in page
    for claim in two_claims:
        assert claim in first
        assert f'id="{claim}"' in page
    assert "nothing has changed" in run()
    (tmp_path / "out" / "report.html").write_text("edited")
    assert "nothing has changed" not in run()
    assert (tmp_path / "out" / "report.html").read_text() == page


def test_report_and_check_say_the_same(faked: None) -> None:
    small = ["blocks_sodium_channels", "--patients", "4", "--draws", "2", "--json"]
    report, claims = (
        CliRunner().invoke(main, [*words, *small]) for words in (["report"], ["report", "claims"])
    )
    check = CliRunner().invoke(main, ["check", *small])
    said = json.loads(report.stdout)["claims"]
    assert all(one.pop("credibility") for one in said)
    assert said == json.loads(check.stdout)
    assert claims.stdout == report.stdout


def test_a_folder_of_evidence_may_stand_before_or_after_the_command(faked: None, tmp_path: Path) -> None:
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "weaker.toml").write_text(
        'name = "mitragynine"\n[affinity.mu_opioid]\nmultiply = 100\n'
    )
    asked = ["check", "acts_on_opioid_receptors", "--json", "--patients", "4", "--draws", "2"]
    laid = ["--evidence", str(tmp_path)]
    plain, before, after = (
        json.loads(CliRunner().invoke(main, words).stdout)
        for words in (asked, [*laid, *asked], [*asked, *laid])
    )
    assert before == after != plain


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "no_such_claim"],
        ["report", "no_such_claim", "--html", "x.html"],
        ["report"],
        ["report", "--html", "no/such/folder/x.html"],
        ["report", "claims"],
        ["report", "morphine", "--html", "x.html"],
        ["report", "tea", "--html", "x.html"],
        ["report", "--html", "x.html", "drug", "morphine"],
        ["check", "--patients", "0"],
        ["check", "--evidence", "no/such/folder"],
        ["run", "--seed", "-1"],
    ],
)
def test_bad_input_is_one_message_and_nothing_written(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Error" in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_printed_range_is_shown_as_the_range_and_not_as_its_middle() -> None:
    ranged = replace(
        KINETICS[0], summary="range_of_cohort_medians", published=1.47, published_low=1.2, published_high=1.8
    )
    for one, said in ((KINETICS[0], "82"), (ranged, "1.2\u00a0to\u00a01.8")):
        (shown, _mark) = kinetics_row(one, evidence.load())[2]
        assert shown == f"{said}\u00a0nM"
