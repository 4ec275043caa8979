"""Kinetics: what must hold for any people and any dose."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import evidence, patients
from analgesia.engine import solve
from analgesia.pharmacokinetics import absolute_tolerances, administration, parameters_for, system

LIBRARY = evidence.load()
PEOPLE = patients.population("healthy_volunteer", 40, 3, LIBRARY)


def courses(dose: str, people: patients.People, item: str = "leaf_capsule") -> np.ndarray:
    regimen = administration("product", item, dose, "oral", None, 1, LIBRARY)
    solution = solve(
        system(regimen.drugs),
        parameters_for(people, regimen.drugs, 3, library=LIBRARY),
        times=[0.0, 1.0, 3.0, 12.0],
        doses=regimen.doses_for(people, 3),
        patients=len(people),
        atol=absolute_tolerances(regimen.drugs),
    )
    return np.stack([solution.output("mitragynine.total"), solution.output("7-hydroxymitragynine.brain")])


@given(st.permutations(range(6)))
@settings(max_examples=8)
def test_people_who_change_places_keep_their_course(order: list[int]) -> None:
    straight = courses("20 mg mitragynine", PEOPLE.select(np.arange(6)))
    assert np.array_equal(courses("20 mg mitragynine", PEOPLE.select(order)), straight[:, order])


@given(st.integers(1, 40))
@settings(max_examples=8)
def test_a_person_does_not_depend_on_how_many_there_are(count: int) -> None:
    few = parameters_for(PEOPLE.select(np.arange(count)), _drugs(), 3, library=LIBRARY)
    all_of_them = parameters_for(PEOPLE, _drugs(), 3, library=LIBRARY)
    assert all(np.array_equal(few[key], all_of_them[key][:count]) for key in few)


@given(st.floats(0.5, 60), st.floats(1.01, 3))
@settings(max_examples=12)
def test_a_larger_dose_never_gives_less(milligrams: float, factor: float) -> None:
    people = PEOPLE.select(np.arange(5))
    less, more = (courses(f"{dose:.9f} mg mitragynine", people) for dose in (milligrams, milligrams * factor))
    assert np.all(more[..., 1:] > less[..., 1:])


def test_no_dose_leaves_exactly_nothing() -> None:
    assert np.all(courses("0 mg mitragynine", PEOPLE.select(np.arange(4))) == 0.0)


def test_ignorance_and_diversity_are_drawn_apart() -> None:
    same = np.zeros(40, dtype=np.int64)
    certain = parameters_for(PEOPLE, _drugs(), 3, library=LIBRARY)
    once = parameters_for(PEOPLE, _drugs(), 3, same, library=LIBRARY)
    for key in ("mitragynine.central_volume", "mitragynine.brain_partition", "body.hepatic_flow"):
        ratio = once[key] / certain[key]
        assert np.allclose(ratio, ratio[0])
        assert abs(np.log(ratio[0])) > 1e-6
    many = parameters_for(PEOPLE, _drugs(), 3, np.arange(40), library=LIBRARY)
    assert np.std(np.log(many["mitragynine.brain_partition"])) > 0.1
    assert np.std(certain["mitragynine.brain_partition"]) == 0.0


def test_errors_of_numbers_fitted_together_go_together() -> None:
    many = patients.population("healthy_volunteer", 4000, 3, LIBRARY)
    drawn = parameters_for(many, _drugs(), 3, np.arange(4000), library=LIBRARY)
    certain = parameters_for(many, _drugs(), 3, library=LIBRARY)
    pair = ("7-hydroxymitragynine.cyp3a_intrinsic_clearance", "7-hydroxymitragynine.formation_yield")
    one, other = (np.log(drawn[key] / certain[key]) for key in pair)
    stated = {
        frozenset((a, b)): number.value
        for a, others in LIBRARY.fits["kinetic_correlations"].parameters.items()
        for b, number in others.items()
    }
    assert abs(np.corrcoef(one, other)[0, 1] - stated[frozenset(pair)]) < 0.15


def _drugs():
    return administration("product", "leaf_capsule", "1 g", "oral", None, 1, LIBRARY).drugs
