"""`analgesia margins` and the landscape on a page: one answer as text, data and picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.claims.landscape import Landscape, landscape
from analgesia.cli import main
from analgesia.report.landscape import (
    CLASSES,
    drawable,
    landscape_section,
    ranked,
    target_short,
    volcano_figure,
)
from analgesia.report.markup import element

SMALL = ("--patients", "5", "--draws", "3")


def ask(*words: str) -> Any:
    return CliRunner().invoke(main, ["margins", *words], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def opioids() -> Landscape:
    return landscape(
        evidence.load(), size=5, draws=3, compounds=["morphine", "mitragynine", "isopaynantheine"]
    )


def test_text_and_data_say_the_same() -> None:
    data = json.loads(ask("morphine", *SMALL, "--json").stdout)
    assert {point["compound"] for point in data["points"]} == {"morphine"}
    assert data["patients"] == 5
    assert set(data["numbers"]) <= set(evidence.STATUSES)
    text = ask("morphine", *SMALL).stdout
    for point in data["points"]:
        low, high = point["interval90"]
        assert f"{point['median']:.2g}" in text
        assert f"{low:.2g} to {high:.2g}" in text
    assert "† recalled" in text
    assert "not medical advice" in text


def test_every_regimen_is_more_than_the_furthest() -> None:
    few = json.loads(ask("morphine", *SMALL, "--json").stdout)["points"]
    all_of_them = json.loads(ask("morphine", *SMALL, "--every-regimen", "--json").stdout)["points"]
    assert len(all_of_them) > len(few)
    assert [point for point in few if point not in all_of_them] == []


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture(tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"landscape.{ending}"
    result = ask("mitragynine", *SMALL, "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert picture.stat().st_size > 5_000
    if ending == "svg":
        assert not re.search("#0[1-9a-e]0[1-4]0[1-4]", picture.read_text("utf-8")), "a placeholder was left"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("morphin",), "did you mean|unknown drug"),
        (("morphine", "--population", "martians"), "martians"),
        (("morphine", "--plot", "landscape.doc"), "cannot draw"),
        (("morphine", "--patients", "20000", "--draws", "20000"), "fewer --patients"),
        (("oxcarbazepine", *SMALL, "--plot", "landscape.png"), "no ratio to draw"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_message(
    words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = ask(*words)
    assert result.exit_code != 0
    assert re.search(says, result.output)
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())


def test_the_picture_holds_every_point_once_and_nothing_that_is_not_finite(opioids: Landscape) -> None:
    svg = volcano_figure(opioids)
    assert svg is not None
    assert "nan" not in svg
    assert "inf" not in re.sub("anti-inf|inflam|infor", "", svg)
    assert len(drawable(opioids)) == len(opioids.nearest)
    tree = ElementTree.fromstring(svg)  # noqa: S314 (our own picture)
    assert tree.get("role") == "img"
    said = next(node.text or "" for node in tree.iter() if node.tag.endswith("desc"))
    for point in opioids.nearest:
        assert f"{point.margin.compound} at {target_short(point.margin.target)}: " in said


def test_hollow_is_what_is_recalled_or_assumed(opioids: Landscape) -> None:
    weak = sum(point.margin.potency_status in ("recalled", "assumed") for point in opioids.nearest)
    svg = volcano_figure(opioids) or ""
    signs = re.findall(r'<use [^>]*style="([^"]*)"', svg)
    hollow = [style for style in signs if "fill-opacity: 0" in style]
    assert 0 < weak < len(opioids.nearest)
    assert len(hollow) == weak + 1  # and the one of the legend


def test_classes_are_told_apart_without_colour() -> None:
    signs = {words: sign for words, sign, _ in CLASSES.values()}
    assert len(set(signs.values())) == len(signs)
    known = {drug.drug_class for drug in evidence.load().drugs.values()}
    assert known <= set(CLASSES)


def test_kratom_is_named_first(opioids: Landscape) -> None:
    order = ranked(opioids.nearest)
    assert order[0].drug_class == "kratom_alkaloid"
    assert {point.where for point in order} <= {point.where for point in opioids.nearest}
    assert {point.margin.compound for point in order} == {"morphine", "mitragynine"}


def test_the_section_shows_ratios_and_gaps(opioids: Landscape) -> None:
    library = evidence.load()
    for drug in (None, "morphine", "isopaynantheine"):
        section = landscape_section(opioids, library, drug=drug)
        tree = ElementTree.fromstring(element("body", section))  # noqa: S314
        words = " ".join("".join(tree.itertext()).split())
        part = opioids if drug is None else opioids.of([drug])
        assert len(list(tree.iter("tr"))) >= len(part.furthest)
        assert ("ratios that are not known" in words) == bool(part.not_known)
        assert "nan" not in words.split()
