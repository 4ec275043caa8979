"""Receptors: what must hold for any ligands at any concentrations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analgesia.receptors import occupancies, occupancy, stimulus

CONCENTRATION = st.floats(0, 1e6)
AFFINITY = st.floats(1e-2, 1e5)
EFFICACY = st.floats(0, 100)
LIGAND = st.tuples(CONCENTRATION, AFFINITY, EFFICACY)


@given(st.lists(LIGAND, min_size=1, max_size=5), st.floats(0, 10))
def test_occupancy_and_stimulus_lie_between_nothing_and_everything(
    ligands: list[tuple[float, float, float]], density: float
) -> None:
    concentrations, affinities, efficacies = zip(*ligands, strict=True)
    assert 0 <= occupancy(concentrations, affinities) < 1
    assert 0 <= stimulus(concentrations, affinities, efficacies, density) < 1
    assert sum(occupancies(concentrations, affinities)) == pytest.approx(
        occupancy(concentrations, affinities)
    )


@given(st.lists(LIGAND, min_size=1, max_size=4), st.floats(1, 100))
def test_more_of_a_ligand_never_holds_fewer_receptors(
    ligands: list[tuple[float, float, float]], factor: float
) -> None:
    concentrations, affinities, _ = zip(*ligands, strict=True)
    more = (concentrations[0] * factor, *concentrations[1:])
    assert occupancy(more, affinities) >= occupancy(concentrations, affinities) * (1 - 1e-12)
    assert occupancies(more, affinities)[0] >= occupancies(concentrations, affinities)[0] * (1 - 1e-12)


@given(LIGAND, st.floats(1, 100))
def test_more_of_a_lone_agonist_never_pushes_less(ligand: tuple[float, float, float], factor: float) -> None:
    c, k, tau = ligand
    assert stimulus([c * factor], [k], [tau]) >= stimulus([c], [k], [tau]) * (1 - 1e-12)


@given(LIGAND, CONCENTRATION, AFFINITY)
def test_an_antagonist_never_raises_the_stimulus(
    agonist: tuple[float, float, float], concentration: float, affinity: float
) -> None:
    c, k, tau = agonist
    with_antagonist = stimulus([c, concentration], [k, affinity], [tau, 0.0])
    assert with_antagonist <= stimulus([c], [k], [tau]) * (1 + 1e-12)


@given(st.lists(st.tuples(AFFINITY, EFFICACY), min_size=1, max_size=5))
def test_nothing_present_gives_exactly_nothing(ligands: list[tuple[float, float]]) -> None:
    affinities, efficacies = zip(*ligands, strict=True)
    none = [0.0] * len(ligands)
    assert occupancy(none, affinities) == 0.0
    assert stimulus(none, affinities, efficacies) == 0.0
    assert occupancies(none, affinities) == none


@given(LIGAND)
def test_one_ligand_is_the_operational_model(ligand: tuple[float, float, float]) -> None:
    c, k, tau = ligand
    assert stimulus([c], [k], [tau]) == pytest.approx(tau * c / (k + c * (1 + tau)), rel=1e-12, abs=1e-300)


def test_floats_and_arrays_agree() -> None:
    c = np.array([0.0, 1.0, 30.0])
    many = stimulus([c, 2 * c], [10.0, 5.0], [0.5, 2.0])
    assert many.tolist() == [stimulus([x, 2 * x], [10.0, 5.0], [0.5, 2.0]) for x in c.tolist()]
    held = occupancies([c, 2 * c], [10.0, 5.0])
    assert np.allclose(held[0] + held[1], occupancy([c, 2 * c], [10.0, 5.0]))
