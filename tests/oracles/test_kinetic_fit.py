"""The fit of kinetics: gives back what made the data, rests on nothing but priors and data, and knows how a study was done."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest

from analgesia import evidence, joint, patients
from analgesia.calibration import exposure_check, fit, free_numbers
from analgesia.calibration.problem import Problem
from analgesia.calibration.studies import Study, read_study, simulate_study, summarised
from analgesia.pharmacokinetics import Plan

fitting = importlib.import_module("analgesia.calibration.fit")
LIBRARY = evidence.load()
MINOR = ("speciogynine", "paynantheine", "speciociliatine", "mitraciliatine", "isopaynantheine")
TRUTH = {
    "central_volume": 35.0,
    "peripheral_volume": 90.0,
    "peripheral_flow": 14.0,
    "other_intrinsic_clearance": 11.0,
    "absorption_rate": 0.8,
}


def made_up(name: str, people: int) -> Study:
    """The tea study as if one alkaloid had the kinetics `TRUTH` and 400 people had been sampled."""
    study = read_study("tanna2022_kinetics", LIBRARY).only([name])

    def change(plan: Plan) -> Plan:
        numbers = {
            f"{name}.{key}": replace(plan.regimen.drugs[0].numbers[key], value=value, status="assumed")
            for key, value in TRUTH.items()
        }
        return replace(plan, regimen=plan.regimen.with_numbers(numbers))

    findings = simulate_study(
        study, patients.population(study.population, people, 7, LIBRARY), 7, LIBRARY, change
    )
    printed = [summarised(result, study, findings) for result in study.results]
    return replace(
        study,
        results=tuple(
            replace(result, value=value, spread=spread, n=400)
            for result, (value, spread) in zip(study.results, printed, strict=True)
        ),
    )


def test_a_fit_gives_back_what_made_the_data() -> None:
    free = [
        one for one in free_numbers("minor", LIBRARY) if one.drug == "speciogynine" and one.kind != "designs"
    ]
    study = made_up("speciogynine", 1500)
    problem = Problem(free, [study], LIBRARY, 200, 1)
    found = fitting._fitted("minor", problem, {one.key: one.prior for one in free}, None)
    for one in free:
        if one.kind == "values":
            true = TRUTH[one.name.partition(".")[2]]
            off = np.log(found.value(one) / true)
            assert abs(off) < 2.5 * found.error(one), one.name
            assert found.error(one) < 0.8 * one.sd, one.name
    clearance = next(one for one in free if one.key == "values.speciogynine.other_intrinsic_clearance")
    assert found.value(clearance) == pytest.approx(TRUTH["other_intrinsic_clearance"], rel=0.15)
    assert found.error(clearance) < 0.15


def test_a_fit_from_the_priors_does_not_see_what_the_evidence_holds_now() -> None:
    free = [one for one in free_numbers("minor", LIBRARY) if one.drug == "speciogynine"]
    study = read_study("tanna2022_kinetics", LIBRARY).only(["speciogynine"])
    here = Problem(free, [study], LIBRARY, 40, 1)
    numbers = {
        f"speciogynine.{key}": replace(number, value=3.0 * number.value, iiv=0.9)
        for key, number in study.plans[0].regimen.drugs[0].numbers.items()
        if f"speciogynine.{key}" in {one.name for one in free if one.kind == "values"}
    }
    moved = tuple(replace(plan, regimen=plan.regimen.with_numbers(numbers)) for plan in study.plans)
    there = Problem(free, [replace(study, plans=moved)], LIBRARY, 40, 1)
    x = np.zeros(len(free))
    assert np.array_equal(here.rows(x)[1], there.rows(x)[1])


def test_drugs_that_are_not_formed_from_each_other_are_fitted_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = fitting.apart(free_numbers("minor", LIBRARY), LIBRARY)
    assert [drugs for _, drugs in groups] == [(name,) for name in MINOR]
    (whole,) = fitting.apart(free_numbers("mitragynine", LIBRARY), LIBRARY)
    assert whole[1] == ("mitragynine", "7-hydroxymitragynine")
    study = read_study("tanna2022_kinetics", LIBRARY)
    assert [drug.name for drug in study.only(whole[1]).plans[0].regimen.drugs] == list(whole[1])
    monkeypatch.setattr(fitting, "MOST_STEPS", 1)
    found = fit("minor", LIBRARY, size=20)
    assert len(found.rows) == 7 * len(MINOR)
    assert found.x.size == len(free_numbers("minor", LIBRARY))
    at = [one.drug for one in found.free]
    elsewhere = np.array([[one != other for other in at] for one in at])
    assert not found.covariance[elsewhere].any()


def test_leaving_out_what_cannot_matter_changes_nothing() -> None:
    """Fitted alone or among the other alkaloids of the same tea, people have the same concentrations."""
    study = read_study("tanna2022_kinetics", LIBRARY)
    people = patients.population(study.population, 20, 1, LIBRARY)
    (whole,) = simulate_study(study, people, 1, LIBRARY)
    for names in (["speciociliatine"], ["7-hydroxymitragynine"]):
        (alone,) = simulate_study(study.only(names), people, 1, LIBRARY)
        for key in ("cmax", "auc_last"):
            assert np.allclose(alone.values[names[0]][key], whole.values[names[0]][key], rtol=1e-4)


def test_what_another_fit_left_behind_changes_no_draw() -> None:
    names = list(LIBRARY.fits["kinetic_correlations"].parameters)
    both = joint.joint_ignorance(LIBRARY, "kinetic_correlations")
    assert both is not None
    assert any(name.startswith("speciogynine.") for name in names)
    old = tuple(
        (one, other, number.value)
        for one, others in LIBRARY.fits["kinetic_correlations"].parameters.items()
        for other, number in others.items()
        if "mitragynine" in one
    )
    alone = joint._joint(old)
    rows = [both.names.index(name) for name in alone.names]
    assert np.array_equal(both.factor[np.ix_(rows, rows)], alone.factor)
    matrix = both.factor @ both.factor.T
    assert np.allclose(np.diag(matrix), 1.0)
    i, j = (both.names.index(f"speciogynine.{key}") for key in ("absorption_rate", "central_volume"))
    assert matrix[i, j] == pytest.approx(
        LIBRARY.fits["kinetic_correlations"]
        .parameters["speciogynine.absorption_rate"]["speciogynine.central_volume"]
        .value,
        abs=0.1,
    )


def test_a_half_life_follows_sampling_and_limit_of_quantification() -> None:
    study = read_study("tanna2022_kinetics", LIBRARY).only(["mitragynine", "mitraciliatine"])
    people = patients.population(study.population, 80, 1, LIBRARY)

    def half_life(drug: str, until: float, factor: float = 1.0) -> float:
        def change(plan: Plan) -> Plan:
            limits = {name: factor * limit for name, limit in plan.limits.items()}
            return replace(plan, samples=plan.samples[plan.samples <= until], limits=limits)

        (found,) = simulate_study(study, people, 1, LIBRARY, change)
        return float(np.nanmedian(found.values[drug]["half_life"]))

    for drug in ("mitragynine", "mitraciliatine"):
        assert half_life(drug, 24.0) < half_life(drug, 48.0) < half_life(drug, 120.0)
        assert half_life(drug, 120.0, 30.0) < half_life(drug, 120.0)


def test_the_seven_analytes_of_the_tea_are_met() -> None:
    """Calibration, not validation: each printed median was fitted, and lies in the interval of a simulated study of its size."""
    found = [
        one for one in exposure_check(LIBRARY, size=100, repetitions=40) if one.study == "tanna2022_kinetics"
    ]
    assert {one.analyte for one in found} == {"mitragynine", "7-hydroxymitragynine", *MINOR}
    assert {one.statistic for one in found} == {"cmax", "tmax", "auc_inf", "half_life"}
    assert len(found) == 28
    outside = [(one.analyte, one.statistic) for one in found if not one.inside]
    assert len(outside) <= 1, outside
    assert all(1 / 1.6 < one.ratio < 1.6 for one in found)
