"""Kinetics against closed forms and conservation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analgesia import evidence
from analgesia.engine import Doses, solve, units
from analgesia.errors import ModelError
from analgesia.pharmacokinetics import TypicalPeople, administration, analyse, parameters_for, system
from analgesia.pharmacokinetics.structure import (
    BODY_STATES,
    DRUG_PARAMETERS,
    WAYS,
    Structure,
    absolute_tolerances,
)

LIBRARY = evidence.load()
FLAT = {
    "molar_mass": 0.4,
    "dissolution_rate": 3.0,
    "absorption_rate": 1.1,
    "absorption_saturation": 0.0,
    "gut_loss_rate": 0.3,
    "depot_absorption_rate": 0.7,
    "gut_intrinsic_clearance": 0.0,
    "cyp3a_intrinsic_clearance": 0.0,
    "other_intrinsic_clearance": 0.0,
    "renal_clearance": 0.0,
    "extrahepatic_clearance": 0.0,
    "plasma_conversion_rate": 0.0,
    "formation_yield": 0.0,
    "central_volume": 20.0,
    "peripheral_volume": 1.0,
    "peripheral_flow": 0.0,
    "deep_volume": 1.0,
    "deep_flow": 0.0,
    "unbound_fraction": 0.1,
    "cyp3a_inactivation_rate": 0.0,
    "cyp3a_inactivation_constant": 1.0,
    "brain_partition": 0.5,
    "spinal_cord_partition": 0.5,
    "nociceptor_partition": 1.0,
    "brain_equilibration_rate": 2.0,
    "spinal_cord_equilibration_rate": 2.0,
    "nociceptor_equilibration_rate": 8.0,
}
BODY = {
    "body.hepatic_flow": 90.0,
    "body.gut_flow": 18.0,
    "body.plasma_volume": 3.0,
    "body.cyp3a_liver_turnover": 0.02,
    "body.cyp3a_gut_turnover": 0.03,
}
TIMES = np.array([0.0, 0.5, 1, 2, 4, 8, 12, 24, 48])


def run(drugs: list[Structure], values: dict[str, dict[str, float]], doses: Doses, times: np.ndarray = TIMES):
    assert set(FLAT) == set(DRUG_PARAMETERS)
    parameters = dict(BODY)
    for drug in drugs:
        parameters |= {
            f"{drug.name}.{key}": value for key, value in (FLAT | values.get(drug.name, {})).items()
        }
    return solve(
        system(drugs),
        parameters,
        times=times,
        doses=doses,
        patients=1,
        rtol=1e-8,
        atol=absolute_tolerances(drugs),
    ).raise_for_status()


def dose(compartment: str, amount: float = 1000.0, time: float = 0.0) -> Doses:
    return Doses.from_columns(patient=0, time=time, amount=amount, compartment=compartment)


def test_every_equation_has_consistent_units() -> None:
    units.check(system([Structure("parent"), Structure("child", "parent"), Structure("grandchild", "child")]))
    for by in WAYS:
        units.check(system([Structure("parent"), Structure("child", "parent", by)]))


def test_one_compartment_oral_is_bateman() -> None:
    found = run([Structure("x")], {"x": {"extrahepatic_clearance": 4.0}}, dose("x.lumen")).output("x.total")[
        0
    ]
    ka, kl, ke = 1.1, 0.3, 4.0 / 20.0
    total = ka + kl
    expected = 0.4 * 1000 / 20 * ka / (total - ke) * (np.exp(-ke * TIMES) - np.exp(-total * TIMES))
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_well_stirred_liver_and_gut_wall_give_the_availability_of_the_textbook() -> None:
    values = {"gut_intrinsic_clearance": 6.0, "other_intrinsic_clearance": 45.0}
    far = np.array([0.0, 2000.0])
    swallowed = run([Structure("x")], {"x": values}, dose("x.lumen"), far)
    area = 1000 * 1.1 / 1.4 * 18 / 24 / 45.0  # oral: Fa Fg dose / CLint
    urine = run([Structure("x")], {"x": values | {"renal_clearance": 1e-6}}, dose("x.lumen"), far).state(
        "x.urine"
    )[0, -1]
    assert urine / 1e-6 == pytest.approx(area, rel=1e-4)
    assert swallowed.state("x.eliminated")[0, -1] == pytest.approx(1000.0, rel=1e-6)
    injected = run([Structure("x")], {"x": values | {"renal_clearance": 1e-6}}, dose("x.central"), far)
    assert injected.state("x.urine")[0, -1] / 1e-6 == pytest.approx(1000 / (90 * 45 / (90 + 45)), rel=1e-4)


def test_nothing_is_lost_or_made() -> None:
    values = {
        "cyp3a_intrinsic_clearance": 30.0,
        "other_intrinsic_clearance": 12.0,
        "gut_intrinsic_clearance": 4.0,
        "renal_clearance": 2.0,
        "plasma_conversion_rate": 0.4,
        "peripheral_flow": 30.0,
        "peripheral_volume": 90.0,
        "deep_flow": 9.0,
        "deep_volume": 400.0,
        "cyp3a_inactivation_rate": 4.0,
        "cyp3a_inactivation_constant": 40.0,
    }
    drugs = [Structure("x"), Structure("y", "x")]
    child = {"formation_yield": 0.4, "other_intrinsic_clearance": 20.0}
    solution = run(drugs, {"x": values, "y": child}, dose("x.solid"))
    held = ("solid", "lumen", "depot", "central", "peripheral", "deep", "urine", "eliminated")
    total = sum(solution.state(f"x.{state}")[0] for state in held)
    assert np.allclose(total[1:], 1000.0, rtol=1e-6)
    made = sum(solution.state(f"y.{state}")[0] for state in held)
    assert np.all(np.diff(made) >= -1e-9)
    assert made[-1] < 0.4 * 1000
    for state in BODY_STATES:
        active = solution.state(f"body.{state}")[0]
        assert np.all((active > 0) & (active <= 1 + 1e-9))
        assert active.min() < 0.9


def test_what_plasma_converts_is_what_arrives() -> None:
    """A parent that plasma alone removes: the metabolite follows Bateman, and every molecule that leaves the one is in the other."""
    drugs = [Structure("x"), Structure("y", "x", "plasma")]
    values = {
        "x": {"plasma_conversion_rate": 0.8, "central_volume": 12.0},
        "y": {"formation_yield": 1.0, "extrahepatic_clearance": 6.0, "central_volume": 30.0},
    }
    solution = run(drugs, values, dose("x.central"))
    out, away, later = 0.8 * 3.0 / 12.0, 6.0 / 30.0, TIMES[1:]
    assert out == pytest.approx(away)
    left = 1000.0 * np.exp(-out * later)
    assert np.allclose(solution.state("x.central")[0, 1:], left, rtol=1e-5, atol=1e-4)
    assert np.allclose(solution.state("y.central")[0, 1:], out * later * left, rtol=1e-5, atol=1e-4)
    both = sum(solution.state(f"{name}")[0, 1:] for name in ("x.central", "y.central", "y.eliminated"))
    assert np.allclose(both, 1000.0, rtol=1e-6)


def test_nothing_is_lost_between_a_drug_and_what_plasma_makes_of_it() -> None:
    drugs = [Structure("m"), Structure("x", "m"), Structure("y", "x", "plasma")]
    values = {
        "m": {"cyp3a_intrinsic_clearance": 30.0, "gut_intrinsic_clearance": 5.0, "renal_clearance": 1.0},
        "x": {
            "formation_yield": 1.0,
            "plasma_conversion_rate": 0.4,
            "cyp3a_intrinsic_clearance": 40.0,
            "peripheral_flow": 20.0,
            "peripheral_volume": 60.0,
        },
        "y": {
            "formation_yield": 1.0,
            "other_intrinsic_clearance": 50.0,
            "deep_flow": 4.0,
            "deep_volume": 90.0,
        },
    }
    grid = np.linspace(0.0, 60.0, 2401)
    solution = run(drugs, values, dose("m.solid"), grid)
    held = ("solid", "lumen", "depot", "central", "peripheral", "deep", "urine", "eliminated")

    def whole(name: str) -> np.ndarray:
        return np.asarray(sum(solution.state(f"{name}.{state}")[0] for state in held))

    assert np.allclose(whole("m")[1:], 1000.0, rtol=1e-6)
    central = solution.state("x.central")[0]
    converted = (
        0.4
        * 3.0
        / 20.0
        * np.concatenate([[0.0], np.cumsum(np.diff(grid) * (central[1:] + central[:-1]) / 2)])
    )
    assert np.allclose(whole("y"), converted, rtol=2e-3, atol=1e-3)
    assert 0.0 < whole("y")[-1] < whole("x")[-1] < 1000.0
    # the same without the conversion: what then does not become y leaves x by the liver
    kept = run(drugs, values | {"x": values["x"] | {"plasma_conversion_rate": 0.0}}, dose("m.solid"), grid)
    assert not np.any(kept.state("y.central"))


def test_sites_come_to_partition_times_unbound_plasma() -> None:
    infused = Doses.from_columns(patient=0, time=0.0, amount=1e6, rate=1000.0, compartment="x.central")
    solution = run([Structure("x")], {"x": {"extrahepatic_clearance": 5.0}}, infused, np.array([0.0, 100.0]))
    unbound = 0.1 * 1000 / 5
    assert solution.output("x.plasma")[0, -1] == pytest.approx(unbound, rel=1e-5)
    assert solution.output("x.brain")[0, -1] == pytest.approx(0.5 * unbound, rel=1e-5)
    assert solution.output("x.nociceptor")[0, -1] == pytest.approx(unbound, rel=1e-5)


def test_kinetics_without_saturation_superpose() -> None:
    values = {
        "x": {
            "extrahepatic_clearance": 4.0,
            "cyp3a_intrinsic_clearance": 20.0,
            "deep_flow": 3.0,
            "deep_volume": 80.0,
        }
    }
    drugs = [Structure("x"), Structure("y", "x")]
    values["y"] = {"formation_yield": 0.5, "cyp3a_intrinsic_clearance": 30.0}
    grid = np.arange(0.0, 49.0, 3.0)
    one = run(drugs, values, dose("x.solid", 300.0), grid)
    late = run(drugs, values, dose("x.lumen", 700.0, 6.0), grid)
    both = Doses.from_columns(
        patient=[0, 0], time=[0.0, 6.0], amount=[300.0, 700.0], compartment=["x.solid", "x.lumen"]
    )
    together = run(drugs, values, both, grid)
    for name in ("x.total", "y.total", "y.brain"):
        assert np.allclose(together.output(name), one.output(name) + late.output(name), rtol=1e-5, atol=1e-6)


def test_gabapentin_is_absorbed_less_from_more() -> None:
    drug = LIBRARY.drugs["gabapentin"].parameters
    ka, kl = (drug[key].to("1/h") for key in ("absorption_rate", "gut_loss_rate"))
    half = drug["half_saturating_amount"].to("mg")
    people = TypicalPeople(1)
    for milligrams in (100, 300, 600, 1200, 1600):
        regimen = administration("drug", "gabapentin", f"{milligrams} mg", "oral", None, 1, LIBRARY)
        flat = {**parameters_for(people, regimen.drugs, 1, library=LIBRARY)}
        mass = regimen.drugs[0].molar_mass
        flat["gabapentin.absorption_saturation"] = np.full(1, mass / 1e6 / half)
        solution = solve(
            system(regimen.drugs),
            flat,
            times=[0.0, 400.0],
            doses=regimen.doses_for(people, 1),
            rtol=1e-8,
            patients=1,
        )
        absorbed = solution.state("gabapentin.urine")[0, -1] / regimen.drugs[0].nanomoles(milligrams)
        closed = ka * half / (kl * milligrams) * math.log1p(kl * milligrams / half / (ka + kl))
        assert absorbed == pytest.approx(closed, rel=2e-3)
        assert absorbed == pytest.approx(823 / (1120 + milligrams), abs=0.03)


def test_dose_becomes_amount_once() -> None:
    regimen = administration("product", "tea", "39 mg mitragynine", "oral", "8 h", 3, LIBRARY)
    people = TypicalPeople(2)
    given = regimen.given(people, 1)["mitragynine"]
    product = LIBRARY.products["tea"]
    share = product.extraction["mitragynine"].to("1") * product.relative_bioavailability["mitragynine"].to(
        "1"
    )
    assert np.median(regimen.given(TypicalPeople(2000), 1)["mitragynine"]) == pytest.approx(
        39e6 / 398.5 * share, rel=0.03
    )
    doses = regimen.doses_for(people, 1)
    mine = doses.amount[(doses.patient == 0) & (doses.compartment == "mitragynine.lumen")]
    assert mine.tolist() == [given[0]] * 3
    assert sorted(set(doses.time)) == [0.0, 8.0, 16.0]


def test_milligrams_of_a_tablet_name_their_alkaloid() -> None:
    """A tablet of half a gram is sold by the 20 mg of what it holds: "20 mg" alone would be a twentieth of that."""
    with pytest.raises(ModelError, match="20 mg 7-hydroxymitragynine"):
        administration("product", "7_oh_tablet", "20 mg", "oral", None, 1, LIBRARY)
    named = administration("product", "7_oh_tablet", "20 mg 7-hydroxymitragynine", "oral", None, 1, LIBRARY)
    weighed = administration("product", "7_oh_tablet", "0.5 g", "oral", None, 1, LIBRARY)
    people = TypicalPeople(200)
    amounts = [np.median(one.given(people, 1)["7-hydroxymitragynine"]) for one in (named, weighed)]
    assert amounts[1] / amounts[0] == pytest.approx(500 * 0.0406 / 20, rel=0.1)


def test_intravenous_bolus_area_is_dose_over_clearance() -> None:
    grid = np.concatenate([np.linspace(0, 2, 81), np.linspace(2.1, 40, 200)])
    solution = run([Structure("x")], {"x": {"extrahepatic_clearance": 6.0}}, dose("x.central"), grid)
    found = analyse(grid[1:], solution.output("x.total")[:, 1:], bolus=True)
    assert found.auc_inf[0] == pytest.approx(0.4 * 1000 / 6.0, rel=1e-4)
