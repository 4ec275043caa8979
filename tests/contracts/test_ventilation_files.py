"""Every opioid, antagonist product and receptor form in the folder of harms runs, stays finite and says what it rests on."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.ventilation import exposure, receptor_form, simulate
from analgesia.ventilation.regimens import names

LIBRARY = evidence.load()
PRODUCTS = [
    (drug, product)
    for drug in names(LIBRARY, "antagonist")
    for product in LIBRARY.harms[f"ventilation_{drug}"].parameters["products"]
]
HOURS = np.linspace(0.0, 6.0, 73)


@pytest.mark.parametrize("drug", names(LIBRARY, "opioid"))
def test_opioid_lowers_breathing_at_a_dose_that_was_studied(drug: str) -> None:
    dose = LIBRARY.harms[f"ventilation_{drug}"].parameters["studied"]["bolus"].to("mg")
    course = simulate(drug, dose, with_arrest=False, hours=0.3, library=LIBRARY)
    for values in (
        course.ventilation,
        course.arterial_oxygen,
        course.arterial_carbon_dioxide,
        course.occupancy,
    ):
        assert np.isfinite(values).all()
    assert course.ventilation.min() < course.ventilation[0, 0] - 0.1
    assert not course.out_of_range
    assert "mann2022" in course.sources


@pytest.mark.parametrize(("drug", "product"), PRODUCTS)
def test_antagonist_frees_receptors(drug: str, product: str) -> None:
    numbers = LIBRARY.harms[f"ventilation_{drug}"].parameters["products"][product]
    text = f"{drug} {numbers['highest'].to('mg'):g} mg {product} at 60 s"
    plain = simulate("fentanyl", 0.2, with_arrest=False, hours=0.3, library=LIBRARY)
    rescued = simulate("fentanyl", 0.2, antagonists=[text], with_arrest=False, hours=0.3, library=LIBRARY)
    assert rescued.occupancy[0, -1] < plain.occupancy[0, -1] - 0.02
    assert rescued.ventilation[0, -1] > plain.ventilation[0, -1]
    assert not rescued.out_of_range


@pytest.mark.parametrize("drug", names(LIBRARY, "receptor_form"))
def test_receptor_form_runs(drug: str) -> None:
    form = LIBRARY.harms[f"ventilation_receptor_{drug}"]
    if form.identifiers["basis"] == "brain_unbound":
        course = np.full(HOURS.size, 20.0)
    elif "V1" in form.parameters:
        course = exposure.bolus(LIBRARY, drug, form.parameters["studied"]["bolus"].to("mg"), HOURS)
    else:
        course = exposure.oral(LIBRARY, drug, form.parameters["studied"]["oral"].to("mg"), HOURS)
    answer = receptor_form.respond(drug, HOURS, course, library=LIBRARY, replicates=20)
    assert np.isfinite(answer.share).all()
    assert answer.share[0].min() < 0.99
    assert answer.share.min() >= 0.0
    nothing = receptor_form.respond(drug, HOURS, np.zeros(HOURS.size), library=LIBRARY, replicates=20)
    np.testing.assert_array_equal(nothing.share, 1.0)


def test_extrapolations_carry_their_rule() -> None:
    for drug in ("mitragynine", "7-hydroxymitragynine"):
        answer = receptor_form.respond(drug, HOURS, np.full(HOURS.size, 20.0), library=LIBRARY)
        assert answer.translations
        assert answer.assumptions
