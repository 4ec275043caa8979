"""Every drug and product with kinetics runs, by every route it names, and every exposure study can be simulated."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.calibration import kinetic_studies
from analgesia.engine import solve, units
from analgesia.pharmacokinetics import (
    TypicalPeople,
    absolute_tolerances,
    administration,
    parameters_for,
    system,
)
from analgesia.pharmacokinetics.study import observe

LIBRARY = evidence.load()
DRUGS = [(name, route) for name, drug in LIBRARY.drugs.items() if drug.parameters for route in drug.routes]
PRODUCTS = [(name, product.route) for name, product in LIBRARY.products.items()]


@pytest.mark.parametrize(
    ("kind", "item", "route"), [("drug", *d) for d in DRUGS] + [("product", *p) for p in PRODUCTS]
)
def test_it_runs_and_reaches_every_site(kind: str, item: str, route: str) -> None:
    dose = "100 mg" if kind == "drug" else "0.1 g"  # milligrams of a tablet name their alkaloid
    regimen = administration(kind, item, dose, route, None, 1, LIBRARY)
    equations = system(regimen.drugs)
    units.check(equations)
    people = TypicalPeople(2)
    solution = solve(
        equations,
        parameters_for(people, regimen.drugs, 1, np.arange(2), library=LIBRARY),
        times=[0.0, 1.0, 6.0, 200.0],
        doses=regimen.doses_for(people, 1, np.arange(2)),
        patients=2,
        atol=absolute_tolerances(regimen.drugs),
    ).raise_for_status()
    assert np.all(np.isfinite(solution.outputs))
    assert np.all(solution.outputs >= 0)
    for drug in regimen.drugs:
        for site in ("plasma", "brain", "spinal_cord", "nociceptor"):
            assert np.all(solution.output(f"{drug.name}.{site}")[:, 1] > 0)


@pytest.mark.parametrize("study", kinetic_studies(LIBRARY), ids=lambda study: study.name)
def test_every_printed_result_has_a_simulated_counterpart(study) -> None:
    found = observe(study.plans[0], TypicalPeople(2), 1, None, LIBRARY)
    assert found.failed == 0
    for result in study.results:
        assert result.statistic in found.values[result.analyte]
        assert result.value > 0
        assert result.status in evidence.STATUSES
        assert np.all(np.isfinite(found.values[result.analyte]["cmax"]))
