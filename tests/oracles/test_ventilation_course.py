"""Courses of breathing against the published program: tables, reference trajectories, antagonists, collapse, arrests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence
from analgesia.ventilation import simulate
from analgesia.ventilation.course import Course
from analgesia.ventilation.subjects import steady_start

DATA = Path(__file__).parent / "data"
LIBRARY = evidence.load()
BASELINE = 6.7644

START = {  # last column of the published table of states
    "alveolar_CO2": 38.66069, "alveolar_O2": 100.67413, "brain_CO2": 0.6127098, "brain_O2": 1.0020056e-3, "tissue_CO2": 0.6105611,
    "tissue_O2": 1.2287666e-3, "flow_CO2": -0.09344463, "flow_O2": 6.698704e-4, "peripheral_drive": -0.1996826 / 60,
    "central_drive": 0.3440503 / 60, "hypoxic_gain": 0.8776860, "circulation": 1.0,
}  # fmt: skip

NAIVE_0_35 = """
0 6.7644 92.795 38.587 0.00000 0.000 4.9313
10 5.7467 92.443 38.949 0.12699 30.538 4.9338
60 2.2825 76.182 44.374 0.91621 19.994 5.1463
120 2.6436 56.429 46.578 0.96473 12.516 5.4301
300 3.7591 59.228 49.612 0.96751 4.459 5.5216
600 4.5570 76.954 50.611 0.95526 2.287 5.4005
1800 5.2217 86.209 44.957 0.88435 1.023 5.2353
"""
NAIVE_1_625 = """
10 3.9736 91.750 39.647 0.39055 141.785 4.9387
60 0.7792 59.961 47.544 0.98644 92.829 5.3186
120 1.2019 26.959 50.551 0.99033 73.457 7.5425
300 1.0461 10.157 60.721 0.99327 41.391 9.6601
600 1.2977 11.369 66.396 0.99163 21.230 9.6672
1800 4.7043 80.721 59.598 0.97115 4.751 5.4567
"""
COLLAPSE = """
390 1.059 11.33 62.66 15.39 5.895
410 1.071 13.69 62.97 14.62 3.350
430 1.082 16.71 62.76 13.96 1.903
450 1.096 20.37 61.94 13.38 1.085
470 0.683 23.33 61.17 12.87 0.623
480 0.000 23.74 61.22 12.64 0.470
560 0.000 19.72 63.90 11.17 0.049
"""
GRAMS_F, GRAMS_N = 336.4, 327.27


def rows(text: str) -> np.ndarray:
    return np.array([[float(cell) for cell in line.split()] for line in text.strip().splitlines()])


@pytest.fixture(scope="module")
def deep() -> Course:
    """1.625 mg in a naive subject whose circulation goes on."""
    return simulate("fentanyl", 1.625, with_arrest=False, hours=1.0, library=LIBRARY)


def test_state_before_the_dose() -> None:
    start = steady_start(LIBRARY)
    for name, value in START.items():
        assert start[name] == pytest.approx(value, rel=2e-5), name


@pytest.mark.parametrize(("dose", "table"), [(0.35, NAIVE_0_35), (1.625, NAIVE_1_625)])
def test_tables_of_the_typical_subject(dose: float, table: str, deep: Course) -> None:
    course = (
        deep if dose == 1.625 else simulate("fentanyl", dose, with_arrest=False, hours=0.6, library=LIBRARY)
    )
    wanted = rows(table)
    at = wanted[:, 0].astype(int)
    got = np.array(
        [
            course.ventilation[0, at],
            course.arterial_oxygen[0, at],
            course.arterial_carbon_dioxide[0, at],
            course.occupancy[0, at],
            course.opioid_plasma[0, at] * GRAMS_F / 1e3,
            course.blood_flow[0, at],
        ]
    ).T
    for column, allowed in enumerate((0.0015, 0.003, 0.003, 2e-5, 0.003, 0.0005)):
        np.testing.assert_allclose(
            got[:, column], wanted[:, column + 1], atol=allowed, err_msg=f"column {column}"
        )


def test_collapse_of_the_circulation() -> None:
    course = simulate("fentanyl", 1.625, hours=0.2, library=LIBRARY)
    assert course.arrested[0]
    assert course.collapse_time[0] == pytest.approx(372.4, abs=0.05)
    wanted = rows(COLLAPSE)
    at = wanted[:, 0].astype(int)
    np.testing.assert_allclose(course.ventilation[0, at], wanted[:, 1], atol=0.003)
    np.testing.assert_allclose(course.arterial_oxygen[0, at], wanted[:, 2], atol=0.02)
    np.testing.assert_allclose(course.arterial_carbon_dioxide[0, at], wanted[:, 3], atol=0.02)
    np.testing.assert_allclose(course.opioid_plasma[0, at] * GRAMS_F / 1e3, wanted[:, 4], atol=0.01)
    np.testing.assert_allclose(course.blood_flow[0, at], wanted[:, 5], atol=0.006)


@pytest.mark.parametrize("dose", [0.05, 0.1, 0.2, 0.35, 1.625])
def test_reference_trajectories(dose: float, deep: Course) -> None:
    course = (
        deep if dose == 1.625 else simulate("fentanyl", dose, with_arrest=False, hours=1.0, library=LIBRARY)
    )
    with (DATA / "fda_ventilation_reference.csv").open() as file:
        wanted = [row for row in csv.DictReader(file) if float(row["fentanyl_mg"]) == dose]
    assert wanted
    for row in wanted:
        i = round(float(row["t_min"]) * 60)
        assert course.ventilation[0, i] == pytest.approx(float(row["VE_L_min"]), abs=0.0003 * BASELINE)
        assert course.arterial_oxygen[0, i] == pytest.approx(float(row["PaO2"]), abs=0.003)
        assert course.arterial_carbon_dioxide[0, i] == pytest.approx(float(row["PaCO2"]), abs=0.003)
        assert course.occupancy[0, i] == pytest.approx(float(row["CAR_opioid"]), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "highest", "when"),
    [
        ("naloxone 2 mg im at 0 s", 6.855, 702),
        ("naloxone 2 mg im-syringe at 0 s", 2.937, 827),
        ("naloxone 4 mg in at 0 s", 4.461, 843),
    ],
)
def test_antagonist_alone(text: str, highest: float, when: float) -> None:
    course = simulate("fentanyl", 0.0, antagonists=[text], hours=0.5, library=LIBRARY)
    plasma = course.antagonist_plasma[0] * GRAMS_N / 1e3
    assert plasma.max() == pytest.approx(highest, abs=0.001)
    assert course.times[plasma.argmax()] == pytest.approx(when, abs=2.0)
    np.testing.assert_allclose(course.ventilation, BASELINE, atol=1e-3)
    assert not course.arrested[0]
    if "im at" in text:
        np.testing.assert_allclose(plasma[[300, 600, 1800]], [3.881, 6.731, 4.482], atol=0.001)
        np.testing.assert_allclose(
            course.antagonist_occupancy[0, [300, 600, 1800]], [0.7349, 0.9082, 0.9429], atol=1e-4
        )


@pytest.mark.parametrize(("dose", "crossing"), [(0.35, 38.22), (1.625, 14.02)])
def test_ventilation_crosses_two_fifths(dose: float, crossing: float) -> None:
    course = simulate(
        "fentanyl",
        dose,
        antagonists=["naloxone 2 mg im, 60 s after ventilation < 40 %"],
        hours=0.1,
        library=LIBRARY,
    )
    assert course.crossing[0] == pytest.approx(crossing, abs=0.01)
    assert course.given[0] == pytest.approx((crossing + 60.0,), abs=0.01)


@pytest.mark.parametrize("dose", [0.05, 0.1, 0.2])
def test_a_shallow_dose_needs_no_antagonist(dose: float) -> None:
    course = simulate(
        "fentanyl",
        dose,
        antagonists=["naloxone 2 mg im, 60 s after ventilation < 40 %"],
        hours=0.3,
        library=LIBRARY,
    )
    assert np.isnan(course.crossing[0])
    assert course.given == ((),)


def test_arrests_in_the_virtual_population() -> None:
    """52 % (45-59) of chronic users arrest after 1.625 mg without treatment; the oracle finds 1,042 of the 2,000."""
    course = simulate("fentanyl", 1.625, subject="chronic", patients=2000, hours=0.25, library=LIBRARY)
    assert 100 * course.arrested.mean() == pytest.approx(52.1, abs=0.25)
