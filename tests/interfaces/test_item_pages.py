"""Every drug and every product has a page: complete, finite, alone in the world, and the same as its data."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.interfaces.page_checks import (
    check_accessible,
    check_csl,
    check_ids,
    check_it_loads_nothing,
    parsed,
    sections,
    words,
)

import analgesia.report.item as gathering
from analgesia import evidence, pathway, patients
from analgesia.calibration import exposure_check
from analgesia.claims.landscape import landscape
from analgesia.claims.margins import margin
from analgesia.claims.regimens import Documented
from analgesia.cli import main
from analgesia.commands._common import names_of, to_plain
from analgesia.evidence.claim_schema import MarginSpec
from analgesia.evidence.conflicts import conflicts
from analgesia.pharmacokinetics import administration
from analgesia.report import citing
from analgesia.report.document import Run
from analgesia.report.exposed import POPULATION, Size, follow, times_of
from analgesia.report.item import Item, gather
from analgesia.report.pages import item_page
from analgesia.report.reach import margins
from analgesia.report.regimens import ASKED, KINDS, chosen, record_kind, regimens_of
from analgesia.report.wording import concentration, ratio, spoken

LIBRARY = evidence.load()
ITEMS = [*(("drug", name) for name in LIBRARY.drugs), *(("product", name) for name in LIBRARY.products)]
SMALL = Size(3, 2, 1)


def made(kind: str, name: str, size: Size = SMALL, **asked: Any) -> Item:
    return gather(
        kind,
        name,
        LIBRARY,
        asked=asked,
        size=size,
        command=f"analgesia report {kind} {name}",
        version="0",
        made="2026-11-25",
    )


def asked_for(name: str, dose: str) -> Documented:
    regimen = chosen([], "drug", name, {"dose": dose})
    assert regimen is not None
    return regimen


def numbers_in(item: Any) -> Iterator[float]:
    if isinstance(item, bool | str) or item is None:
        return
    if isinstance(item, int | float):
        yield item
    else:
        for part in item.values() if isinstance(item, dict) else item:
            yield from numbers_in(part)


@pytest.fixture(autouse=True, scope="module")
def checked_once() -> Iterator[None]:
    """The comparison with published kinetics is the same for every page of one size: compute it once."""
    with pytest.MonkeyPatch.context() as patch:
        known: dict[Any, Any] = {}

        def check(library: evidence.Library, **size: int) -> Any:
            key = tuple(sorted(size.items()))
            if key not in known:
                known[key] = exposure_check(library, **size)
            return known[key]

        patch.setattr(gathering, "exposure_check", check)
        yield


@pytest.mark.parametrize(("kind", "name"), ITEMS)
def test_everything_known_is_data(kind: str, name: str) -> None:
    item = made(kind, name)
    data = json.loads(json.dumps(to_plain(item.to_dict(LIBRARY)), allow_nan=False))
    assert all(math.isfinite(number) for number in numbers_in(data))
    assert (data["exposure"] is None) == (data["no_exposure"] is not None)
    assert data["record"]["name"] == name
    check_csl(data["references"])
    assert [one["id"] for one in data["references"]] == [one["name"] for one in data["sources"]]
    known = {one["name"] for one in data["sources"]}
    assert {one["documented_by"] for one in data["regimens"]} <= known
    assert {one["name"] for one in data["record"]["sources"]} <= known
    assert kind == "product" or set(LIBRARY.drugs[name].identifiers_checked) <= known
    assert {
        member["source"] for one in data["conflicts"] for member in one["members"] if member["source"]
    } <= known
    if item.exposed is not None:
        assert item.exposed.failed == 0
        for bands in item.exposed.free.values():
            assert np.isfinite(bands).all()
            assert (bands[0] <= bands[1]).all()
            assert (bands[1] <= bands[2]).all()
            assert (bands >= 0.0).all()
    medians = [one["median"] for one in data["margins"]]
    assert medians == sorted(medians, reverse=True)


@pytest.fixture(
    scope="module",
    params=[("drug", "mitragynine"), ("drug", "lidocaine"), ("drug", "oxcarbazepine"), ("product", "tea")],
)
def page(request: pytest.FixtureRequest) -> tuple[Item, str]:
    item = made(*request.param)
    return item, item_page(item, LIBRARY)


def test_a_page_is_whole_and_alone(page: tuple[Item, str]) -> None:
    item, html = page
    tree = parsed(html)
    check_it_loads_nothing(html, tree)
    check_ids(tree)
    check_accessible(tree)
    assert item.run.command in html
    assert "not medical advice" in html
    assert "nan" not in words(tree.find("body")).lower().split()
    for key in ("href", "class", "id"):
        assert all("None" not in node.get(key, "") for node in tree.iter())


def test_a_page_says_what_its_data_say(page: tuple[Item, str]) -> None:
    item, html = page
    part = sections(parsed(html))
    data = item.to_dict(LIBRARY)
    everything = words(parsed(html).find("body"))
    assert all(one["name"] in everything for one in data["regimens"])
    assert all(one["link"] is None or one["link"] in html for one in data["sources"])
    rows = [len(list(table.iter("tr"))) - 1 for table in part["reach"].iter("table")]
    assert rows == [len(one) for one in (item.margins, item.not_compared) if one]
    assert len(list(part["published"].iter("tr"))) == (len(item.published) + 1 if item.published else 0)
    assert all(one.what in words(part["left-out"]) for one in item.left_out)
    assert all(one.title in words(part["claims"]) for one in item.mentions)
    for one in item.conflicts:
        assert f"{spoken(one.name)}: {spoken(one.key)}" in words(part["conflicts"])
    for leaf in item.leaves:
        if leaf.status in ("assumed", "recalled"):
            assert leaf.key in words(part["assumptions"])
    taken = next(node for node in part["sources"].iter("a") if node.get("download"))
    listed = json.loads(base64.b64decode(str(taken.get("href")).split(",", 1)[1]))
    assert listed == data["references"]


def test_every_number_of_the_record_is_on_the_page(page: tuple[Item, str]) -> None:
    item, html = page
    said = words(parsed(html).find("body"))
    sources = {
        leaf.source for n in LIBRARY.numbers(item.kind, item.name) for leaf in (*n.measured, n) if leaf.source
    }
    assert sources <= set(item.cited)
    for number in LIBRARY.numbers(item.kind, item.name):
        for one in (number, *number.measured):
            assert not one.assumed or " ".join(one.assumed.split()) in said
            assert not one.not_pooled or one.not_pooled in said
            assert not one.system or one.system in said


def test_without_a_documented_dose_the_page_says_so_and_takes_one_that_is_asked_for() -> None:
    silent = made("drug", "oxcarbazepine")
    assert silent.exposed is None
    assert "No amount of oxcarbazepine" in item_page(silent, LIBRARY)
    asked = made("drug", "oxcarbazepine", dose="300 mg", every="12 h", doses=2)
    assert asked.exposed is not None
    assert asked.exposed.regimen.origin == ASKED
    assert asked.exposed.regimen.arm.name == "oxcarbazepine, 300 mg, oral, 2 doses, one every 12 h"


def test_a_patch_is_not_read_as_local_exposure(page: tuple[Item, str]) -> None:
    item, html = page
    transdermal = item.exposed is not None and item.exposed.regimen.arm.route == "transdermal"
    assert ("The concentration under a patch" in html) == transdermal


@pytest.mark.parametrize(("kind", "name"), ITEMS)
def test_every_documented_regimen_can_be_given(kind: str, name: str) -> None:
    found = regimens_of(kind, name, LIBRARY)
    assert len({one.key for one in found}) == len(found)
    for one in found:
        assert record_kind(one, LIBRARY) in KINDS
        assert one.source in LIBRARY.sources
        given = administration(
            one.arm.kind, one.arm.item, one.arm.dose, one.arm.route, one.arm.every, one.arm.doses, LIBRARY
        )
        assert name in [drug.name for drug in given.drugs] or one.arm.item == name
        assert times_of(one.arm)[-1] >= 24.0
    own = [one.arm.item == name for one in found]
    assert own == sorted(own, reverse=True)


def test_a_margin_is_that_of_the_claims() -> None:
    regimen = regimens_of("drug", "morphine", LIBRARY)[0]
    exposed = follow(regimen, LIBRARY, Size(5, 3, 2))
    found, _ = margins(exposed, ["morphine"], LIBRARY, 2)
    people = patients.population(POPULATION, 5, 2, LIBRARY)
    run = pathway.simulate(
        people,
        [regimen.arm],
        library=LIBRARY,
        times=times_of(regimen.arm),
        seed=2,
        replicates=3,
        cord=False,
    )
    claim = next(iter(LIBRARY.claims.values()))
    for one in found:
        spec = MarginSpec(compound="morphine", target=one.target, site=one.site, kind=one.kind)
        other = margin(spec, claim, regimen.arm.name, run, LIBRARY, 2)
        assert other is not None
        assert one.median == pytest.approx(other.median, rel=1e-9)
        assert one.interval90 == pytest.approx(other.interval90, rel=1e-9)
        assert one.potency == other.potency
    assert len(found) >= 5


def test_a_margin_is_that_of_the_landscape_but_for_the_grid() -> None:
    regimen = regimens_of("drug", "mexiletine", LIBRARY)[0]
    exposed = follow(regimen, LIBRARY, Size(20, 4, 3))
    found, _ = margins(exposed, ["mexiletine"], LIBRARY, 3)
    points = landscape(LIBRARY, size=20, draws=4, seed=3, compounds=["mexiletine"]).points
    other = {point.where: point.margin.median for point in points if point.regimen.key == regimen.key}
    assert len(found) == len(other) > 3
    for one in found:
        assert one.median == pytest.approx(other[one.compound, one.kind, one.target, one.site], rel=0.05)


def test_more_is_never_less() -> None:
    little, much = (follow(asked_for("morphine", dose), LIBRARY, SMALL) for dose in ("10 mg", "20 mg"))
    for key, bands in little.free.items():
        assert (much.free[key] >= bands * (1 - 1e-6)).all()


def test_disagreements_say_what_is_done() -> None:
    for one in conflicts(LIBRARY):
        assert "e+" not in one.handling
        low, high = one.interval
        assert ("no spread is stated" in one.handling) == (low == high)


def test_the_citation_is_that_of_the_repository() -> None:
    file = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    for said in (
        f'title: "{citing.TITLE}"',
        f"license: {citing.LICENSE}",
        *(f'name: "{one}"' for one in citing.AUTHORS),
    ):
        assert said in file
    run = Run("analgesia report drug a_b --html x", "1", 3, "many & more", "feed", made="2026-11-25")
    check_csl([citing.csl(run)])
    assert citing.csl(run)["issued"] == {"date-parts": [[2026, 11, 25]]}
    assert r"a\_b" in citing.bibtex(run)
    assert r"many \& more" in citing.bibtex(run)
    for said in (citing.plain(run), citing.data(run)["text"]):
        assert "feed" in said
        assert "seed 3" in said
        assert "2026-11-25" in said


def test_words() -> None:
    assert spoken("parameters.cyp3a_inactivation_rate") == "parameters, CYP3A inactivation rate"
    assert spoken("nav1_7_inactivated") == "Nav1.7 inactivated"
    assert concentration(5_018_821.0) == "5\u00a0mM"
    assert concentration(0.3) == "300\u00a0pM"
    assert ratio(9.99e-5) == "1.0\u00d710\u207b\u2074"
    assert ratio(0.25) == "0.25"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def test_a_page_and_its_data_are_written(tmp_path: Path) -> None:
    small = ["--patients", "3", "--draws", "2", "--html", str(tmp_path / "x.html"), "--json"]
    done = run("report", "product", "leaf_powder", *small)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["name"] == "leaf_powder"
    assert data["cite"]["command"] == (
        "analgesia report product leaf_powder --html leaf_powder.html --patients 3 --draws 2 --seed 1"
    )
    assert data["cite"]["command"].replace("&", "&amp;") in (tmp_path / "x.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drug", "morphin"], "morphine"),
        (["product", "te"], "tea"),
        (["drug", "no_such_drug_at_all"], "unknown drug"),
        (["drug"], "NAME"),
        (["morphine"], "analgesia report drug morphine"),
        (["drug", "morphine", "--dose", "10 bananas"], "10 bananas"),
        (["drug", "morphine", "--dose", "-10 mg"], "negative"),
        (["drug", "morphine", "--dose", "0 mg"], "nothing"),
        (["drug", "morphine", "--dose", "10 mg", "--route", "rectal"], "rectal"),
        (["drug", "morphine", "--dose", "10 mg", "--doses", "3"], "interval"),
        (["drug", "morphine", "--every", "8 h"], "without a dose"),
        (["drug", "morphine", "--dose", "10 mg", "--every", "24 h", "--doses", "900"], "fewer doses"),
        (["drug", "morphine", "--patients", "100000"], "fewer --patients"),
        (["product", "tea", "--html", "no/such/folder/x.html"], "no folder"),
    ],
)
def test_bad_input_is_one_message_and_nothing_written(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = [] if "--html" in arguments else ["--html", "x.html"]
    done = run("report", *arguments, *page)
    assert done.exit_code == 2, done.output
    assert done.output.count("Error") == 1
    assert said in done.output
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_page_nowhere_is_refused_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analgesia.report.item.follow", lambda *_: pytest.fail("computed"))
    done = run("report", "drug", "morphine")
    assert done.exit_code == 2
    assert "--html FILE" in done.output


def test_names_are_offered_to_the_shell() -> None:
    assert names_of("drug", "morph") == ["morphine", "morphine_6_glucuronide"]
    assert names_of("product", "t") == ["tea"]
    assert "acts_on_opioid_receptors" in names_of("claim", "")


def test_all_sources_as_csl_json() -> None:
    done = run("sources", "--csl")
    assert done.exit_code == 0
    items = json.loads(done.stdout)
    check_csl(items)
    assert [one["id"] for one in items] == list(LIBRARY.sources)
    for one in items:
        source = LIBRARY.sources[one["id"]]
        assert one.get("DOI") == source.doi
        assert source.title_status == "read" or "title" in one["note"]
        assert source.doi is None or source.doi_status == "read" or "DOI" in one["note"]
        assert "and others" not in json.dumps(one.get("author", []))
    assert run("sources", "--csl", "--unused").exit_code == 2
