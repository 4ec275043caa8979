"""What must hold of breathing whatever the numbers: more opioid, less breath; no drug, no change; who is beside whom does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import evidence
from analgesia.ventilation import exposure, receptor_form, rescue, simulate
from analgesia.ventilation.regimens import Regimen
from analgesia.ventilation.scoring import first_at_or_below, of_two_hundred, on_grid, wilson

LIBRARY = evidence.load()
HOURS = np.linspace(0.0, 4.0, 49)


def area(values: np.ndarray, times: np.ndarray) -> float:
    return float(((values[1:] + values[:-1]) / 2 * np.diff(times)).sum())


def test_no_drug_changes_nothing() -> None:
    course = simulate("fentanyl", 0.0, hours=0.5, library=LIBRARY)
    np.testing.assert_allclose(course.ventilation, 6.7644, atol=1e-3)
    assert np.ptp(course.ventilation) < 2e-4
    assert not course.arrested[0]


def test_more_opioid_breathes_less_at_first() -> None:
    lowest = [
        simulate("fentanyl", dose, with_arrest=False, hours=0.1, library=LIBRARY).ventilation.min()
        for dose in (0.02, 0.1, 0.4, 1.6)
    ]
    assert np.all(np.diff(lowest) < 0)


def test_antagonist_never_lowers_breathing() -> None:
    plain = simulate("fentanyl", 0.35, with_arrest=False, hours=0.5, library=LIBRARY)
    rescued = simulate(
        "fentanyl",
        0.35,
        antagonists=["naloxone 2 mg im at 60 s"],
        with_arrest=False,
        hours=0.5,
        library=LIBRARY,
    )
    before = plain.times <= 60
    np.testing.assert_allclose(rescued.ventilation[0, before], plain.ventilation[0, before], atol=1e-4)
    assert np.all(rescued.occupancy[0] <= plain.occupancy[0] + 1e-5)
    assert rescued.ventilation[0, -1] > plain.ventilation[0, -1]


def test_a_person_is_the_same_in_any_company() -> None:
    few = simulate("fentanyl", 1.625, subject="chronic", patients=3, hours=0.15, library=LIBRARY)
    many = simulate("fentanyl", 1.625, subject="chronic", patients=19, hours=0.15, library=LIBRARY, threads=2)
    np.testing.assert_array_equal(few.ventilation, many.ventilation[:3])
    np.testing.assert_array_equal(few.arrested, many.arrested[:3])


@given(
    dose=st.floats(0.01, 60.0),
    more=st.floats(1.01, 5.0),
    drug=st.sampled_from(["morphine", "buprenorphine", "fentanyl"]),
)
@settings(max_examples=25)
def test_receptor_form_is_monotone_and_bounded(dose: float, more: float, drug: str) -> None:
    low = receptor_form.respond(drug, HOURS, exposure.bolus(LIBRARY, drug, dose, HOURS), library=LIBRARY)
    high = receptor_form.respond(
        drug, HOURS, exposure.bolus(LIBRARY, drug, dose * more, HOURS), library=LIBRARY
    )
    assert np.all(high.share <= low.share + 1e-12)
    assert np.all((low.share >= 0) & (low.share <= 1) & (low.occupancy >= 0) & (low.occupancy <= 1))
    ceiling = 1.0 - min(LIBRARY.harms[f"ventilation_receptor_{drug}"].parameters["alpha"].value, 1.0)
    assert np.all(high.share >= ceiling - 1e-12)


def test_ceiling_only_where_efficacy_gives_one() -> None:
    flood = np.full(HOURS.size, 1e6)
    assert receptor_form.respond("morphine", HOURS, flood, library=LIBRARY).share[0, -1] < 0.01
    assert receptor_form.respond("buprenorphine", HOURS, flood, library=LIBRARY).share[
        0, -1
    ] == pytest.approx(0.33, abs=0.01)
    mitragynine = receptor_form.respond("mitragynine", HOURS, flood, library=LIBRARY).share[0, -1]
    hydroxy = receptor_form.respond("7-hydroxymitragynine", HOURS, flood, library=LIBRARY).share[0, -1]
    assert 0.0 < hydroxy < mitragynine < 1.0


def test_effect_site_is_exact_for_a_constant_and_for_a_ramp() -> None:
    rate = np.array([0.7])
    constant = receptor_form.equilibrated(HOURS, np.full(HOURS.size, 3.0), rate)[0]
    np.testing.assert_allclose(constant, 3.0 * (1 - np.exp(-0.7 * HOURS)), rtol=1e-12)
    ramp = receptor_form.equilibrated(HOURS, 2.0 * HOURS, rate)[0]
    np.testing.assert_allclose(ramp, 2.0 * (HOURS - (1 - np.exp(-0.7 * HOURS)) / 0.7), rtol=1e-10, atol=1e-12)


def test_other_depressants_add_up() -> None:
    course = np.full(HOURS.size, 1.0)
    alone = receptor_form.respond("fentanyl", HOURS, course, library=LIBRARY)
    both = receptor_form.respond(
        "fentanyl",
        HOURS,
        course,
        library=LIBRARY,
        depressants=[receptor_form.propofol(lambda t: np.full(t.size, 0.5), LIBRARY)],
    )
    np.testing.assert_allclose(alone.share - both.share, 0.5 * 0.443, atol=1e-9)


def test_extrapolated_drugs_say_so_and_are_wide() -> None:
    answer = receptor_form.respond(
        "7-hydroxymitragynine", HOURS, np.full(HOURS.size, 20.0), library=LIBRARY, replicates=300
    )
    low, high = np.percentile(answer.share[:, -1], [2.5, 97.5])
    assert answer.translations
    assert high - low > 0.3


def test_moments_of_the_published_grid() -> None:
    assert [on_grid(t) for t in (0.0, 0.01, 0.1, 152.34)] == pytest.approx([0.0, 0.1, 0.1, 152.4], abs=1e-9)


def test_first_crossing_is_interpolated() -> None:
    times = np.array([0.0, 1.0, 2.0])
    found = first_at_or_below(times, np.array([[4.0, 2.0, 0.0], [4.0, 4.0, 4.0], [0.5, 1.0, 1.0]]), 1.0)
    assert found[0] == pytest.approx(1.5)
    assert np.isnan(found[1])
    assert found[2] == 0.0


@given(events=st.integers(0, 50), of=st.integers(50, 400))
def test_wilson_interval_holds_the_proportion(events: int, of: int) -> None:
    low, high = wilson(events, of)
    assert 0.0 <= low <= 100 * events / of + 1e-9
    assert 100 * events / of - 1e-9 <= high <= 100.0


def test_published_convention_of_intervals() -> None:
    arrested = np.zeros(2000, dtype=bool)
    arrested[:1042] = True
    middle, low, high = of_two_hundred(arrested)
    assert middle == pytest.approx(52.0, abs=0.5)
    assert low == pytest.approx(45.0, abs=1.0)
    assert high == pytest.approx(59.0, abs=1.0)


@pytest.mark.parametrize(
    ("text", "highest", "when"),
    [
        ("naloxone 2 mg im at 0 s", 6.855, 702),
        ("naloxone 2 mg im-syringe at 0 s", 2.937, 827),
        ("naloxone 4 mg in at 0 s", 4.461, 843),
    ],
)
def test_closed_form_of_the_antagonist_has_the_published_peaks(text: str, highest: float, when: int) -> None:
    plasma = rescue.course(LIBRARY, Regimen.parse(text, LIBRARY), np.arange(1801) / 3600.0)
    assert plasma.max() == pytest.approx(highest, abs=6e-4)
    assert plasma.argmax() == when


def test_later_sprays_bring_less() -> None:
    hours = np.linspace(0.0, 24.0, 1441)
    one, four = (
        area(rescue.course(LIBRARY, Regimen.parse(text, LIBRARY), hours), hours)
        for text in ("naloxone 4 mg in at 0 s", "naloxone 4 mg in at 0 s, repeat 3 every 600 min")
    )
    early = area(
        rescue.course(
            LIBRARY, Regimen.parse("naloxone 4 mg in at 0 s, repeat 3 every 150 s", LIBRARY), hours
        ),
        hours,
    )
    assert 3.0 * one < early < 3.9 * one
    assert four < 4.0 * one


def test_all_opioids_of_a_run_together() -> None:
    brain = {"mitragynine": np.full((5, 49), 20.0), "7-hydroxymitragynine": np.full((5, 49), 10.0)}
    plasma = {name: values * 50 for name, values in brain.items()}
    kratom = receptor_form.together(HOURS, plasma, brain, library=LIBRARY)
    with_morphine = receptor_form.together(
        HOURS,
        plasma | {"morphine": np.full((5, 49), 20.0)},
        brain | {"morphine": np.full((5, 49), 10.0), "gabapentin": np.full((5, 49), 1e4)},
        library=LIBRARY,
    )
    nothing = receptor_form.together(HOURS, {}, {"gabapentin": np.full((5, 49), 1e4)}, library=LIBRARY)
    assert kratom.shape == with_morphine.shape == (5, 49)
    assert np.all(with_morphine[:, 1:] < kratom[:, 1:])
    np.testing.assert_array_equal(nothing, 1.0)
