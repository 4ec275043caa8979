"""The landscape of exposure over potency: equal to the margins of claims, nothing dropped, nothing that is not finite."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence
from analgesia.claims import landscape as module
from analgesia.claims import regimens as regimen_module
from analgesia.claims.experiment import Size, check
from analgesia.claims.landscape import Landscape, landscape
from analgesia.claims.regimens import documented
from analgesia.claims.sites import SECTIONS, TOTAL, groups_by_target, targets
from analgesia.errors import EvidenceError, ModelError
from analgesia.report.landscape import drawable

PEOPLE, DRAWS, SEED = 6, 4, 3


@pytest.fixture(scope="module")
def whole() -> Landscape:
    return landscape(evidence.load(), size=PEOPLE, draws=DRAWS, seed=SEED)


def of(found: Landscape, compound: str, kind: str, target: str, site: str, arm: str) -> float:
    (one,) = [
        point.margin.median
        for point in found.points
        if point.where == (compound, kind, target, site) and point.margin.arm == arm
    ]
    assert one is not None
    return one


def test_margins_are_those_of_the_claims(whole: Landscape) -> None:
    """Two ways to one number: the claims run their arms together and cut the result, the landscape follows each regimen alone."""
    library = evidence.load()
    names = ["acts_on_opioid_receptors", "forms_are_interchangeable"]
    compared = 0
    for one in check(names, library=library, size=Size(PEOPLE, DRAWS, SEED)):
        documented_arms = {arm.name for arm in one.claim.experiment.arms if arm.documented_by}
        for margin in one.margins:
            if margin.arm not in documented_arms:
                continue
            (point,) = [
                point
                for point in whole.points
                if point.where == (margin.compound, margin.kind, margin.target, margin.site)
                and point.margin.arm == margin.arm
            ]
            assert point.margin.median == pytest.approx(margin.median, rel=1e-9)
            assert point.margin.interval90 == pytest.approx(margin.interval90, rel=1e-9)
            assert point.margin.share_above_one == margin.share_above_one
            compared += 1
    assert compared >= 10


def test_every_number_of_a_target_is_shown_or_listed_with_its_reason(whole: Landscape) -> None:
    library = evidence.load()
    shown = {point.where[:3] for point in whole.points}
    listed = {(one.compound, one.section, one.target): one.reason for one in whole.not_known}
    for name, drug in library.drugs.items():
        for section in SECTIONS:
            for number in library.numbers("drug", name):
                if number.key.startswith(f"{section}."):
                    place = (name, section, number.key.removeprefix(f"{section}.").replace('"', ""))
                    assert (place in shown) != (place in listed), (place, number.place)
                    assert place in shown or len(listed[place]) > 5
        assert drug.name == name


def test_every_compound_and_every_receptor_is_accounted_for(whole: Landscape) -> None:
    library = evidence.load()
    spoken = {point.margin.compound for point in whole.points} | {one.compound for one in whole.not_known}
    assert set(library.drugs) <= spoken
    targeted = {point.margin.target for point in whole.points} | {one.target for one in whole.not_known}
    assert set(library.receptors) <= targeted


def test_the_sites_of_claims_and_couplings_are_among_the_sites_of_the_rule() -> None:
    library = evidence.load()
    groups = groups_by_target(library)
    for claim in library.claims.values():
        for spec in claim.margins:
            assert spec.site in groups[spec.target].sites, f"{claim.name}: {spec.target} at {spec.site}"
        for mechanism in claim.mechanism:
            for target in mechanism.targets:
                assert set(mechanism.sites) <= set(groups[target].sites), f"{claim.name}: {target}"
    for receptor in library.receptors.values():
        assert receptor.name in groups, receptor.name
        for node, coupling in receptor.couplings.items():
            assert coupling.site in groups[receptor.name].sites, f"{receptor.name}.{node}"


def test_nothing_that_is_not_finite(whole: Landscape) -> None:
    for point in whole.points:
        margin = point.margin
        assert margin.interval90 is not None
        assert 0.0 < margin.interval90[0] <= (margin.median or 0.0) <= margin.interval90[1]
        assert all(
            math.isfinite(value) for value in (point.log_median, point.distance, margin.exposure_median)
        )
        assert point.distance >= 0.0


def test_the_furthest_is_the_furthest(whole: Landscape) -> None:
    best = {point.where: point.margin.median for point in whole.furthest}
    assert len(best) == len(whole.furthest)
    for point in whole.points:
        assert (point.margin.median or 0.0) <= (best[point.where] or 0.0)
    assert {point.where[:3] for point in whole.nearest} == {point.where[:3] for point in whole.points}


def arm_of(library: evidence.Library, name: str) -> regimen_module.Documented:
    return next(one for one in documented(library) if one.arm.name == name)


def test_more_is_never_less_and_none_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    library = evidence.load()
    base = arm_of(library, "leaf capsules, 4 g three times a day")
    doses = ["0 g", "1 g", "2 g", "4 g", "8 g"]
    ladder = tuple(replace(base, arm=replace(base.arm, name=dose, dose=dose)) for dose in doses)
    monkeypatch.setattr(module, "documented", lambda _library: ladder)
    found = landscape(library, size=4, draws=3, seed=1)
    assert not [point for point in found.points if point.margin.arm == "0 g"]
    for where in {point.where for point in found.points}:
        ordered = [
            point.margin.median or 0.0
            for dose in doses[1:]
            for point in found.points
            if point.where == where and point.margin.arm == dose
        ]
        assert len(ordered) == 4
        assert all(low < high for low, high in pairwise(ordered))


def test_the_distance_is_that_of_a_lognormal() -> None:
    """By hand: median 0.1, 90 % interval a factor 10^0.5 each way: 1 over an SD of 0.5 / 1.645."""
    library = evidence.load()
    found = landscape(library, size=PEOPLE, draws=DRAWS, seed=SEED, compounds=["mitragynine"])
    point = found.points[0]
    made = replace(
        point,
        margin=replace(point.margin, median=0.1, interval90=(0.1 / math.sqrt(10.0), 0.1 * math.sqrt(10.0))),
    )
    assert made.distance == pytest.approx(1.6448536 / 0.5, rel=1e-6)
    assert made.log_median == pytest.approx(-1.0)
    open_below = replace(made, margin=replace(made.margin, interval90=(0.0, 1.0)))
    assert open_below.distance == 0.0
    single = replace(made, margin=replace(made.margin, interval90=(0.1, 0.1)))
    assert single.distance == math.inf
    assert drawable(replace(found, points=(made, open_below))) == [made]
    assert drawable(replace(found, points=(single,))) == []


def test_one_compound_is_a_part_of_the_whole(whole: Landscape) -> None:
    alone = landscape(evidence.load(), size=PEOPLE, draws=DRAWS, seed=SEED, compounds=["morphine"])
    assert {point.margin.compound for point in alone.points} == {"morphine"}
    assert [point.to_dict() for point in alone.points] == [
        point.to_dict() for point in whole.points if point.margin.compound == "morphine"
    ]


def test_potencies_of_whole_blood_meet_total_concentration(whole: Landscape) -> None:
    library = evidence.load()
    marked = {
        (name, number.key.partition(".")[2])
        for name in library.drugs
        for number in library.numbers("drug", name)
        if "total concentration" in (number.system or "")
    }
    found = [point for point in whole.points if point.basis == TOTAL]
    assert {(point.margin.compound, point.margin.target) for point in found} == marked
    # 400 mg of ibuprofen give a peak near 30 mg/L in published studies, 145 uM
    assert found[0].margin.compound == "ibuprofen"
    assert 5e4 < (found[0].margin.exposure_median or 0.0) < 3e5


def test_every_number_of_ours_has_a_place_and_every_exception_a_number(whole: Landscape) -> None:
    library = evidence.load()
    assert not [one for one in whole.not_known if "evidence/targets" in one.reason]
    for group in library.targets.values():
        for one in (*group.total, *group.set_aside):
            assert one.target in getattr(library.drugs[one.compound], one.section), f"{group.name}: {one}"


def test_what_is_injected_peaks_between_the_half_hours() -> None:
    library = evidence.load()
    fentanyl = next(one for one in documented(library) if one.arm.item == "fentanyl")
    grid = module._grid(fentanyl)
    assert np.min(np.diff(grid)) == pytest.approx(module.FINE_STEP_H)
    assert np.all(np.isin(np.round(np.arange(0.0, fentanyl.hours, 0.5), 6), grid))


def test_no_two_regimens_are_the_same_and_every_one_is_documented() -> None:
    library = evidence.load()
    found = documented(library)
    assert len({one.key for one in found}) == len(found)
    assert len({one.arm.name for one in found}) == len(found)
    assert all(one.source in library.sources for one in found)
    items = {one.arm.item for one in found}
    assert {"leaf_capsule", "tea", "leaf_powder", "7_oh_tablet", "extract", "morphine", "gabapentin"} <= items


def overlay(folder: Path, kind: str, text: str) -> evidence.Library:
    (folder / kind).mkdir()
    (folder / kind / "mine.toml").write_text(text)
    return evidence.load(overlays=[folder])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('drug = "morphine"\ndose = "3 parsecs"', "dose"),
        ('drug = "morphine"\ndose = "3 mg"\nroute = "rectal"', "no route"),
        ('drug = "morphine"\ndose = "3 mg"\ndoses = 2', "no interval"),
        ('drug = "morphin"\ndose = "3 mg"', "morphin"),
    ],
)
def test_a_regimen_that_cannot_be_taken_is_refused_by_file(tmp_path: Path, change: str, says: str) -> None:
    library = overlay(
        tmp_path,
        "regimens",
        f'name = "mine"\n{change}\nsource = "morphine_label_x"\nat = "page 1"\nstatus = "read"\n'.replace(
            "morphine_label_x", "finnerup2015"
        ),
    )
    with pytest.raises(EvidenceError, match=says) as refused:
        documented(library)
    assert "mine.toml" in str(refused.value)


def test_a_regimen_names_one_thing(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="one of the two"):
        overlay(
            tmp_path,
            "regimens",
            'name = "mine"\ndose = "3 mg"\nsource = "finnerup2015"\nat = "page 1"\nstatus = "read"\n',
        )


def test_a_target_in_two_groups_is_refused(tmp_path: Path) -> None:
    library = overlay(
        tmp_path,
        "targets",
        'name = "mine"\ntargets = ["mu_opioid"]\nsites = ["brain"]\nreason = "because"\n',
    )
    with pytest.raises(EvidenceError, match="'mu_opioid' is in"):
        targets("morphine", library)


def test_a_number_without_a_group_is_listed(tmp_path: Path) -> None:
    library = overlay(
        tmp_path,
        "drugs",
        'name = "morphine"\n[effects.sneezing]\nvalue = 3\nunit = "nM"\nassumed = "a test"\n',
    )
    _found, left = targets("morphine", library)
    assert [(one.target, one.reason) for one in left] == [
        ("sneezing", "no file of evidence/targets says where it acts")
    ]


def test_too_many_runs_are_refused() -> None:
    with pytest.raises(ModelError, match="fewer --patients or --draws"):
        landscape(evidence.load(), size=20_000, draws=2)
