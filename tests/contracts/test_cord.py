"""What the cord promises to those above and below it."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence, patients, perception, spinal
from analgesia.engine import System, units
from analgesia.errors import ModelError

TIMES = np.linspace(0.0, 24.0, 5)


def population(size: int = 6, name: str = "painful_diabetic_neuropathy") -> patients.People:
    """A few people."""
    return patients.population(name, size, 1, evidence.load())


def course(size: int, peak: float = 0.6) -> np.ndarray:
    """A stimulus that rises and falls, [patient, time]."""
    return np.tile(peak * np.array([0.0, 0.5, 1.0, 0.4, 0.1]), (size, 1))


def test_units_of_every_equation() -> None:
    """Each equation of the dorsal horn is consistent in dimension and scale."""
    network, _ = spinal.cord(evidence.load())
    units.check(
        System(
            network.name,
            network.states,
            network.parameters,
            network.derivatives,
            network.outputs,
            network.observe,
            time_unit=network.time_unit,
            initial=network.initial,
        )
    )


def test_receptors_and_nodes_fit() -> None:
    """Every coupling of a receptor names a node of the cord, and every node is reached by one receptor."""
    reached = [node for receptor in evidence.load().receptors.values() for node in receptor.couplings]
    assert sorted(reached) == sorted(spinal.NODES)


def test_no_drug_is_named_below_its_receptors() -> None:
    """No number of terminal, circuit, condition or population belongs to a drug."""
    library = evidence.load()
    places = [("neurons", None), ("conditions", None), ("populations", None)]
    for kind, name in [*places, ("circuits", "dorsal_horn"), ("circuits", "perception")]:
        for number in library.numbers(kind, name):
            assert not set(number.key.split(".")) & set(library.drugs), number.place


def test_a_node_that_is_zero_is_a_node_that_is_absent() -> None:
    """Dose 0 and placebo give the same drive and the same pain to the last bit."""
    people, library = population(), evidence.load()
    zeros = {node: np.zeros((len(people), TIMES.size)) for node in spinal.NODES}
    all_off = spinal.drive(people, zeros, library)
    one_off = spinal.drive(people, {"mu_presynaptic": zeros["mu_presynaptic"]}, library)
    for field in ("projection", "wide_dynamic_range", "resting_projection"):
        np.testing.assert_array_equal(getattr(all_off, field), getattr(one_off, field))
    np.testing.assert_array_equal(
        all_off.projection, np.tile(all_off.resting_projection[:, None], TIMES.size)
    )
    np.testing.assert_array_equal(
        perception.pain(all_off, people, library, times=TIMES),
        perception.pain(one_off, people, library, times=TIMES),
    )


def test_pain_without_drug_and_expectation_is_the_rating_at_the_start() -> None:
    """The perception curve of each person is inverted to their baseline."""
    people, library = population(), evidence.load()
    off = spinal.drive(people, {"alpha2delta": np.zeros((len(people), TIMES.size))}, library)
    pain = perception.pain(off, people, library, times=TIMES, expectation=0.0)
    np.testing.assert_allclose(pain, np.tile(people.baseline_pain[:, None], TIMES.size), rtol=1e-12)


@pytest.mark.parametrize("node", spinal.NODES)
def test_each_class_enters_at_its_own_node(node: str) -> None:
    """Every node alone lowers the pain of people with neuropathic pain, and does nothing where it is 0."""
    people, library = population(), evidence.load()
    drive = spinal.drive(people, {node: course(len(people))}, library)
    assert drive.settled.all()
    np.testing.assert_array_equal(drive.projection[:, 0], drive.resting_projection)
    assert (drive.projection[:, 2] < drive.resting_projection).all()


def test_interpolated_states_are_close_to_solved_ones() -> None:
    """The measured error of interpolation is small, and the true one is of that size."""
    people, library = population(4), evidence.load()
    times = np.linspace(0.0, 24.0, 25)
    stimulus = np.tile(0.5 * np.exp(-(((times - 6.0) / 5.0) ** 2)), (len(people), 1))
    nodes = {"mu_presynaptic": stimulus, "mu_postsynaptic": stimulus, "mu_descending": 0.8 * stimulus}
    quick = spinal.drive(people, nodes, library)
    direct = spinal.drive(people, nodes, library, resolution=0.0)
    assert direct.interpolation_error == 0.0
    assert 0.0 < quick.interpolation_error < 0.02
    np.testing.assert_allclose(quick.projection, direct.projection, rtol=0.02)


def test_a_failed_person_disturbs_nobody() -> None:
    """A modulation that is not a number becomes a status and NaN for that person alone."""
    people, library = population(3), evidence.load()
    stimulus = course(3)
    broken = stimulus.copy()
    broken[1, 2] = np.nan
    whole = spinal.drive(people, {"mu_presynaptic": stimulus}, library)
    part = spinal.drive(people, {"mu_presynaptic": broken}, library)
    assert np.isnan(part.projection[1, 2])
    assert list(part.status) == ["ok", "the cord found no steady state", "ok"]
    np.testing.assert_array_equal(part.projection[[0, 2]], whole.projection[[0, 2]])


def test_bad_modulation_is_refused() -> None:
    """Unknown node, wrong shape, value outside 0..1, different lengths: one sentence each."""
    people, library = population(3), evidence.load()
    for nodes, words in (
        ({"mu_presynaptc": course(3)}, "no node mu_presynaptc"),
        ({"mu_presynaptic": course(2)}, "3 patients"),
        ({"mu_presynaptic": course(3, 2.0)}, "outside 0..1"),
        ({"mu_presynaptic": course(3), "mu_descending": course(3)[:, :2]}, "different numbers of times"),
    ):
        with pytest.raises(ModelError, match=words):
            spinal.drive(people, nodes, library)


def test_ignorance_moves_the_world_and_not_the_people() -> None:
    """Under draws of ignorance cord, condition and perception change; the rating at the start and dose 0 = placebo do not."""
    library = evidence.load()
    people = population(3).select(np.tile(np.arange(3), 4))
    replicate = np.repeat(np.arange(4), 3)
    world = patients.under_ignorance(people, library, 7, replicate)
    assert not np.allclose(world.c_fibre_rate[:3], world.c_fibre_rate[3:6])
    np.testing.assert_allclose(
        world.c_fibre_rate[:3] / people.c_fibre_rate[:3], world.c_fibre_rate[0] / people.c_fibre_rate[0]
    )
    np.testing.assert_array_equal(world.baseline_pain, people.baseline_pain)
    nodes = {"mu_presynaptic": course(12)}
    drive = spinal.drive(world, nodes, library, seed=7, replicate=replicate)
    pain = perception.pain(drive, world, library, times=TIMES, expectation=0.0, seed=7, replicate=replicate)
    np.testing.assert_allclose(pain[:, 0], people.baseline_pain, rtol=1e-9)
    assert (pain[:, 2] < pain[:, 0]).all()
    assert np.ptp(pain[::3, 2]) > 0.0
    off = spinal.drive(world, {"mu_presynaptic": np.zeros((12, 5))}, library, seed=7, replicate=replicate)
    np.testing.assert_array_equal(off.projection[:, 0], drive.resting_projection)


def test_one_draw_does_not_depend_on_how_many_there_are() -> None:
    """Replicate 2 of four is replicate 2 of ten."""
    library = evidence.load()
    nodes = {"mu_presynaptic": course(1)}
    person = population(1)
    drives = []
    for count in (4, 10):
        crowd = person.select(np.zeros(count, dtype=int))
        replicate = np.arange(count)
        world = patients.under_ignorance(crowd, library, 7, replicate)
        tiled = {"mu_presynaptic": np.repeat(nodes["mu_presynaptic"], count, axis=0)}
        drives.append(spinal.drive(world, tiled, library, seed=7, replicate=replicate).projection[2])
    np.testing.assert_array_equal(*drives)
