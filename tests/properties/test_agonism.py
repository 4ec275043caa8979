"""Agonism: what must hold of the working scale, and of the path from dose to stimulus at doses people take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analgesia import agonism, evidence, pathway, patients, receptors

LIBRARY = evidence.load()
MU = "mu_opioid"
POSITIVE = st.floats(1e-3, 1e6)
EFFICACY = st.floats(1e-3, 1e3)


@given(POSITIVE, EFFICACY)
def test_the_inversion_is_an_inversion(affinity: float, efficacy: float) -> None:
    assert agonism.affinity_of(agonism.half_effect_of(affinity, efficacy), efficacy) == pytest.approx(
        affinity
    )
    assert agonism.efficacy_of(agonism.maximum_of(efficacy)) == pytest.approx(efficacy, rel=1e-9)


@given(POSITIVE, EFFICACY, st.floats(0, 1e3))
def test_function_never_binds_tighter_than_binding(binding: float, efficacy: float, shift: float) -> None:
    assert agonism.shifted(binding, efficacy, shift) >= binding


@given(st.integers(1, 40), st.integers(0, 1000))
def test_a_draw_does_not_depend_on_the_others(count: int, seed: int) -> None:
    few = receptors.constants_for(MU, ["morphine"], LIBRARY, seed, np.arange(count))
    more = receptors.constants_for(MU, ["morphine", "naloxone"], LIBRARY, seed, np.arange(count + 3))
    np.testing.assert_array_equal(few.affinities["morphine"], more.affinities["morphine"][:count])
    np.testing.assert_array_equal(few.reserve, more.reserve[:count])


@pytest.mark.parametrize("drug", ["mitragynine", "7-hydroxymitragynine", "morphine", "naloxone"])
@pytest.mark.parametrize(("kind", "factor"), [("affinity", 100), ("affinity", 0.01), ("potency", 100)])
def test_a_constant_that_is_multiplied_moves_the_stimulus_its_way(
    drug: str, kind: str, factor: float, tmp_path: Path
) -> None:
    """Weaker binding, or a higher EC50, is less stimulus; of an antagonist, less antagonism."""
    if not getattr(LIBRARY.drugs[drug], kind).get(MU):
        pytest.skip(f"{drug} has no {kind} there")
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "mine.toml").write_text(f'name = "{drug}"\n[{kind}.{MU}]\nmultiply = {factor}\n')
    changed = evidence.load([tmp_path])
    present = {"morphine": 10.0, drug: 10.0}
    before, after = (
        receptors.constants_for(MU, list(present), each, 1).stimulus(present)[0]
        for each in (LIBRARY, changed)
    )
    sign = -1.0 if drug == "naloxone" else 1.0
    assert sign * (before - after) * (factor - 1.0) > 0.0


def test_therapeutic_doses_lie_on_the_slope() -> None:
    """Morphine from 10 to 100 mg by mouth: the stimulus rises with every dose, and is neither nothing nor everything at 30 mg."""
    people = patients.population("painful_diabetic_neuropathy", 8, 1, LIBRARY)
    arms = [pathway.Arm(f"{mg}", "drug", "morphine", f"{mg} mg") for mg in (10, 30, 100)]
    run = pathway.simulate(people, arms, library=LIBRARY, times=[0.0, 1.0, 2.0, 4.0, 8.0])
    peak = run.stimulus.sel(receptor=MU, site="spinal_cord").max("time").mean("patient")
    low, middle, high = (float(peak.sel(arm=arm.name).squeeze()) for arm in arms)
    assert low * 1.3 < middle < high / 1.1
    assert 0.1 < middle < 0.85
    pain = run.pain_change.min("time").mean("patient")
    felt = [float(pain.sel(arm=arm.name).squeeze()) for arm in arms]
    assert felt[0] > felt[1] > felt[2]
    assert felt[2] < 1.3 * felt[1]


def test_naloxone_reverses_morphine_at_its_clinical_concentration() -> None:
    """Plasma as after 0.4 mg into a vein (about 5 ng/mL, 8 nM unbound) takes back most of the stimulus of therapeutic morphine."""
    found = receptors.constants_for(MU, ["morphine", "naloxone"], LIBRARY, 1)
    alone = found.stimulus({"morphine": 6.0, "naloxone": 0.0})[0]
    reversed_ = found.stimulus({"morphine": 6.0, "naloxone": 8.0})[0]
    assert reversed_ < 0.3 * alone
    apparent = found.stimulus({"morphine": 6.0, "naloxone": 1.0})[0]
    assert 0.3 * alone < apparent < 0.9 * alone


def test_naloxone_takes_pain_relief_back_through_the_whole_path() -> None:
    """The stimulus under both drugs, put into the cord, gives less relief than morphine alone and no less than none."""
    from analgesia import perception, spinal

    people = patients.population("painful_diabetic_neuropathy", 4, 1, LIBRARY)
    found = receptors.constants_for(MU, ["morphine", "naloxone"], LIBRARY, 1)
    times = np.array([0.0, 1.0])
    felt = []
    for naloxone in (0.0, 1.0, 8.0, 1e6):
        level = float(found.stimulus({"morphine": 10.0, "naloxone": naloxone})[0])
        nodes = {node: np.full((4, 2), level) for node in LIBRARY.receptors[MU].couplings}
        drive = spinal.drive(people, nodes, LIBRARY)
        felt.append(float(perception.pain(drive, people, LIBRARY, times=times, expectation=0.0).mean()))
    assert felt[0] < felt[1] < felt[2] < felt[3]
    assert felt[3] == pytest.approx(float(people.baseline_pain.mean()), abs=1e-2)


def test_what_was_fitted_together_errs_together() -> None:
    """Deviates of fitted numbers are standard normal and correlated as the fit says; others have a luck of their own."""
    from analgesia import joint

    names = ("receptors.mu_opioid.reserve", "circuits.perception.exponent")
    one, other = (joint.deviates(LIBRARY, name, "x", 1, 4000) for name in names)
    expected = {
        frozenset((a, b)): number.value
        for a, others in LIBRARY.fits[joint.PAIN].parameters.items()
        for b, number in others.items()
    }[frozenset(names)]
    assert np.std(one) == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(expected, abs=0.05)
    np.testing.assert_array_equal(one[:10], joint.deviates(LIBRARY, names[0], "x", 1, 10))
    alone = joint.deviates(LIBRARY, "receptors.mu_opioid.binding_shift", "y", 1, 4000)
    assert abs(np.corrcoef(one, alone)[0, 1]) < 0.05
