"""What must hold of the path from dose to pain whatever the numbers are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence, pathway, patients, spinal
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Footing

LEAF = pathway.Arm("leaf", "product", "leaf_capsule", "4 g")
MORPHINE = pathway.Arm("morphine", "drug", "morphine", "30 mg")
GABAPENTIN = pathway.Arm("gabapentin", "drug", "gabapentin", "600 mg")
TIMES = [0.0, 1.0, 4.0]


@pytest.fixture(scope="module")
def library() -> evidence.Library:
    return evidence.load()


@pytest.fixture(scope="module")
def people(library: evidence.Library) -> patients.People:
    return patients.population("painful_diabetic_neuropathy", 6, 1, library)


def run(people, arms, library, **settings):
    return pathway.simulate(people, arms, library=library, times=TIMES, **settings)


@pytest.mark.parametrize("arm", [LEAF, MORPHINE, GABAPENTIN], ids=lambda arm: arm.name)
def test_a_dose_of_nothing_is_placebo_to_the_last_bit(arm, people, library):
    nothing = pathway.Arm("nothing", arm.kind, arm.item, "0 g")
    result = run(people, [nothing], library)
    assert np.all(result.concentration.sel(arm="nothing") == 0.0)
    assert np.array_equal(result.pain.sel(arm="nothing"), result.pain.sel(arm="placebo"))
    assert np.all(result.pain_change.sel(arm="nothing") == 0.0)


def test_switching_off_every_node_of_a_class_leaves_placebo(people, library):
    opioid = [n for n in spinal.NODES if n.startswith(("mu_", "delta_", "kappa_"))]
    result = run(people, [MORPHINE, GABAPENTIN], library, nodes_off=opioid)
    assert np.array_equal(result.pain.sel(arm="morphine"), result.pain.sel(arm="placebo"))
    assert np.any(result.pain.sel(arm="gabapentin") < result.pain.sel(arm="placebo"))
    result = run(people, [MORPHINE, GABAPENTIN], library, nodes_off=["alpha2delta"])
    assert np.array_equal(result.pain.sel(arm="gabapentin"), result.pain.sel(arm="placebo"))
    assert np.any(result.pain.sel(arm="morphine") < result.pain.sel(arm="placebo"))


def test_a_receptor_name_switches_off_all_its_nodes(people, library):
    by_receptor = run(people, [LEAF], library, nodes_off=["mu_opioid"])
    by_node = run(people, [LEAF], library, nodes_off=list(library.receptors["mu_opioid"].couplings))
    assert np.array_equal(by_receptor.pain, by_node.pain)


def test_an_arm_does_not_change_another(people, library):
    alone = run(people, [LEAF], library, seed=3, replicates=2)
    beside = run(people, [MORPHINE, LEAF], library, seed=3, replicates=2)
    for name in ("pain", "plasma", "stimulus"):
        first, second = alone.dataset[name].sel(arm="leaf"), beside.dataset[name].sel(arm="leaf")
        if name == "plasma":
            second = second.sel(analyte=first.analyte)
        assert np.array_equal(first, second), name


def test_people_may_stand_in_any_order(people, library):
    order = np.array([4, 0, 5, 2, 1, 3])
    straight, mixed = run(people, [LEAF], library), run(people.select(order), [LEAF], library)
    assert np.array_equal(mixed.patient, straight.patient[order])
    assert np.array_equal(mixed.plasma, straight.plasma[:, :, order])
    np.testing.assert_allclose(mixed.pain, straight.pain[:, :, order], rtol=1e-12)


def test_more_people_leave_the_first_ones_alone(library, people):
    more = patients.population("painful_diabetic_neuropathy", 9, 1, library)
    assert np.array_equal(run(more, [LEAF], library).plasma[:, :, :6], run(people, [LEAF], library).plasma)


def test_the_parts_of_a_run_make_up_the_whole_and_do_not_depend_on_its_other_arms(people, library):
    both, alone = Footing(), Footing()
    result = run(people, [GABAPENTIN, LEAF], library, footing=both)
    run(people, [LEAF], library, footing=alone)
    assert both.of().counts == result.numbers()
    for name in (("kinetics", "leaf"), ("receptors", "leaf"), ("people",), ("sensation",)):
        assert set(both.of(*name).numbers) == set(alone.of(*name).numbers) != set()
    assert not any("gabapentin" in file for file, _ in both.of("kinetics", "leaf").numbers)
    assert not set(both.of("people").numbers) & set(both.of("sensation").numbers)


def test_a_run_without_the_cord_does_not_rest_on_pain(people, library):
    footing = Footing()
    run(people, [LEAF], library, cord=False, footing=footing)
    assert not footing.of("sensation").numbers
    assert not any("conditions" in file for file, _ in footing.of().numbers)


def test_the_numbers_a_result_rests_on_do_not_depend_on_what_ran_before(people, library):
    first, second = run(people, [MORPHINE], library), run(people, [MORPHINE], library)
    assert first.numbers() == second.numbers()
    assert first.sources() == second.sources()
    assert sum(first.numbers().values()) > 100


def test_renaming_the_files_of_drugs_changes_no_number(people, library, tmp_path: Path):
    """The same facts of mitragynine from files of other names, laid over the package's, give the same bytes."""
    source = Path(evidence.__file__).parent / "drugs"
    (tmp_path / "drugs").mkdir()
    text = (source / "mitragynine.toml").read_text(encoding="utf-8")
    assert 'name = "mitragynine"' in text
    for index, path in enumerate(sorted(source.glob("mitragynine*.toml"))):
        shutil.copy(path, tmp_path / "drugs" / f"another_name_{index}.toml")
    again = run(people, [LEAF], evidence.load([tmp_path]))
    before = run(people, [LEAF], library)
    assert np.array_equal(again.pain, before.pain)
    assert np.array_equal(again.plasma, before.plasma)


def test_more_of_an_agonist_is_never_more_pain(people, library):
    arms = [pathway.Arm(f"{mg}", "drug", "morphine", f"{mg} mg") for mg in (1, 3, 10, 30, 100)]
    pain = run(people, arms, library).pain.sel(arm=[a.name for a in arms], time=[1.0, 4.0])
    assert np.all(np.diff(pain.values, axis=0) <= 1e-9)


@pytest.mark.parametrize(
    ("arms", "settings", "message"),
    [
        ([LEAF, LEAF], {}, "two arms"),
        ([LEAF], {"nodes_off": ["mu"]}, "neither a node"),
        ([LEAF], {"times": [2.0, 1.0]}, "ascend"),
        ([LEAF], {"replicates": 0}, "replicates"),
        ([pathway.Arm("x", "herb", "leaf_capsule", "4 g")], {}, "neither product"),
    ],
)
def test_what_cannot_be_run_is_said(arms, settings, message, people, library):
    with pytest.raises(ModelError, match=message):
        pathway.simulate(people, arms, library=library, **{"times": TIMES, **settings})


def test_an_unknown_drug_is_named(people, library):
    with pytest.raises(EvidenceError, match="mitragynin"):
        run(people, [pathway.Arm("x", "drug", "mitragynin", "4 mg")], library)
