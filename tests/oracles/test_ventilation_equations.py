"""The ventilation system against published values of its parts and, slope by slope, against an independent transcription."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import ventilation_rk4 as oracle

from analgesia import evidence
from analgesia.engine import units
from analgesia.ventilation.equations import PARAMETERS, STATES, system
from analgesia.ventilation.gases import contents, discharge, pressures
from analgesia.ventilation.subjects import parameters

LIBRARY = evidence.load()
NAIVE = parameters(LIBRARY, "fentanyl")
CONSTANTS = SimpleNamespace(**NAIVE)


def test_units_of_every_equation() -> None:
    units.check(system())


@pytest.mark.parametrize(
    ("pressure", "content"), [((100.0, 40.0), (0.1987430, 0.4850278)), ((30.0, 60.0), (0.1056730, 0.6010654))]
)
def test_content_of_blood(pressure: tuple[float, float], content: tuple[float, float]) -> None:
    assert contents(*pressure, CONSTANTS) == pytest.approx(content, abs=6e-8)


@pytest.mark.parametrize("oxygen", [0.5, 10.0, 40.0, 100.0, 600.0])
@pytest.mark.parametrize("carbon_dioxide", [5.0, 40.0, 120.0])
def test_pressure_is_the_exact_inverse_of_content(oxygen: float, carbon_dioxide: float) -> None:
    back = pressures(*contents(oxygen, carbon_dioxide, CONSTANTS), CONSTANTS)
    assert back == pytest.approx((oxygen, carbon_dioxide), rel=1e-10)


@pytest.mark.parametrize(
    ("gases", "rate"), [((92.795, 38.587), 3.590149), ((100.0, 40.0), 3.267249), ((30.0, 60.0), 16.750747)]
)
def test_discharge_of_the_carotid_body(gases: tuple[float, float], rate: float) -> None:
    assert discharge(*gases, CONSTANTS) == pytest.approx(rate, abs=6e-7)


MASS_F, MASS_N = 336.4, 327.27
TO_OURS = {  # oracle state -> our state and the factor between the units (mg, ng, ng/mL, pM, L/min -> nmol, nM, L/s)
    "a1": ("opioid_central", 1e6 / MASS_F),
    "a2": ("opioid_fast", 1e6 / MASS_F),
    "a3": ("opioid_slow", 1e6 / MASS_F),
    "eF": ("opioid_effect", 1e-3),
    "rF": ("opioid_bound", 1.0),
    "d": ("antagonist_depot", 1 / MASS_N),
    "g1": ("antagonist_transit_1", 1 / MASS_N),
    "g2": ("antagonist_transit_2", 1 / MASS_N),
    "cN": ("antagonist_central", 1e3 / MASS_N),
    "cN2": ("antagonist_peripheral", 1e3 / MASS_N),
    "eN": ("antagonist_effect", 1e-3),
    "rN": ("antagonist_bound", 1.0),
    "PAC": ("alveolar_CO2", 1.0),
    "PAO": ("alveolar_O2", 1.0),
    "xBC": ("brain_CO2", 1.0),
    "xBO": ("brain_O2", 1.0),
    "xTC": ("tissue_CO2", 1.0),
    "xTO": ("tissue_O2", 1.0),
    "psiC": ("flow_CO2", 1.0),
    "psiO": ("flow_O2", 1.0),
    "vp": ("peripheral_drive", 1 / 60),
    "vc": ("central_drive", 1 / 60),
    "h": ("hypoxic_gain", 1.0),
    "chi": ("circulation", 1.0),
}
RANGES = {
    "a1": (0, 2), "a2": (0, 2), "a3": (0, 2), "eF": (0, 2e5), "rF": (0, 0.7), "d": (0, 2e6), "g1": (0, 1e6), "g2": (0, 1e6),
    "cN": (0, 8), "cN2": (0, 8), "eN": (0, 2e4), "rN": (0, 0.3), "PAC": (20, 70), "PAO": (8, 120), "xBC": (0.605, 0.64),
    "xBO": (2e-5, 1.5e-3), "xTC": (0.605, 0.64), "xTO": (2e-5, 1.5e-3), "psiC": (-0.5, 0.5), "psiO": (0, 2), "vp": (-1, 4),
    "vc": (-1, 6), "h": (0.3, 2.5), "chi": (0.03, 1), "F": (0.5704, 0.5704),
}  # fmt: skip


@pytest.mark.parametrize("subject", ["naive", "chronic"])
@pytest.mark.parametrize("collapsing", [0.0, 1.0])
def test_every_slope_equals_the_transcription(subject: str, collapsing: float) -> None:
    random = np.random.default_rng(7)
    low, high = np.array([RANGES[name] for name in oracle.STATES], dtype=float).T
    state = low[:, None] + (high - low)[:, None] * random.random((len(oracle.STATES), 400))
    table = oracle.table()
    table |= {"t_CA": 0.0 if collapsing else 1e9}
    if subject == "chronic":
        table |= {"gamma_w": 1.323, "gamma_c": 4.22625}
    p = SimpleNamespace(**table)
    past = random.uniform(5, 110, 400), random.uniform(20, 80, 400), random.uniform(40, 70, 400)
    seen = oracle.gases(state, p)
    expected = oracle.derivatives(1.0, state, seen, past, p)

    ours = {name: np.zeros(400) for name in STATES}
    for name, (mine, factor) in TO_OURS.items():
        ours[mine] = state[oracle.INDEX[name]] * factor
    values = parameters(LIBRARY, "fentanyl", subject) | {"collapsing": collapsing}
    delayed = dict(zip(("arterial_O2", "arterial_CO2", "brain_CO2"), past, strict=True))
    slopes = system().evaluate(1.0, ours, values, delayed)
    for name, (mine, factor) in TO_OURS.items():
        wanted = expected[oracle.INDEX[name]] * factor
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(slopes[mine], wanted, rtol=1e-9, atol=1e-9 * scale, err_msg=mine)
    outputs = system().observations(1.0, ours, values)
    np.testing.assert_allclose(outputs["ventilation"] * 60, seen.VE, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(outputs["arterial_O2"], seen.PaO, rtol=1e-10)
    np.testing.assert_allclose(outputs["arterial_CO2"], seen.PaC, rtol=1e-10)
    np.testing.assert_allclose(
        outputs["opioid_plasma"] * MASS_F / 1e3,
        1e3 * state[oracle.INDEX["a1"]] * seen.sigma / 10.5,
        rtol=1e-10,
    )


def test_parameters_are_those_of_the_published_tables() -> None:
    """Units converted back by hand, so that the reader's conversions are checked as well."""
    table = oracle.table()
    per_minute = {
        "W",
        "W_max",
        "W_scale",
        "M_BC",
        "M_BO",
        "M_TC",
        "M_TO",
        "Q_B0",
        "Q_T0",
        "Q_ref",
        "Q_low",
        "Q_off",
        "G_p",
        "G_c",
    }
    millilitres = {"CL_N", "Q_N", "V_N1", "V_N2"}
    for name, value in table.items():
        if name not in PARAMETERS:
            continue
        factor = 1 / 60 if name in per_minute else 1e-3 if name in millilitres else 1.0
        if name in ("a_psi", "b_psi"):
            factor = 1e-3 / 60 / 100
        assert NAIVE[name] == pytest.approx(value * factor, rel=1e-12), name
    ours_alone = set(PARAMETERS) - set(table)
    assert ours_alone == {
        "alpha",
        "collapsing",
        "reference",
        "P_IO",
        "V_V",
        "k10_V",
        "k12_V",
        "k21_V",
        "k13_V",
        "k31_V",
    }
