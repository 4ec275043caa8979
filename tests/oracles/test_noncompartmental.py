"""Non-compartmental analysis against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia.errors import ModelError
from analgesia.pharmacokinetics.noncompartmental import Reason, analyse

GRID = np.array([0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48.0])


def one_compartment_oral(t: np.ndarray, dose: float, ka: float, ke: float, volume: float) -> np.ndarray:
    return dose * ka / (volume * (ka - ke)) * (np.exp(-ke * t) - np.exp(-ka * t))


def test_bolus_is_exact() -> None:
    c = 80.0 * np.exp(-0.13 * GRID)
    found = analyse(GRID, c, bolus=True)
    assert found.auc_inf[0] == pytest.approx(80.0 / 0.13, rel=1e-12)
    assert found.half_life[0] == pytest.approx(np.log(2) / 0.13, rel=1e-12)
    assert found.auc_last[0] == pytest.approx(80.0 / 0.13 * (1 - np.exp(-0.13 * 48)), rel=1e-12)
    assert found.cmax[0] == 80.0
    assert found.tmax[0] == 0.0


def test_bolus_is_back_extrapolated_when_time_zero_was_not_sampled() -> None:
    late = GRID[1:]
    assert analyse(late, 80.0 * np.exp(-0.13 * late), bolus=True).auc_inf[0] == pytest.approx(
        80.0 / 0.13, rel=1e-12
    )


def test_oral_dose_meets_the_closed_form() -> None:
    dense = np.concatenate([np.linspace(0, 6, 241), np.linspace(6.1, 60, 300)])
    ka, ke, volume, dose = 1.4, 0.11, 30.0, 900.0
    found = analyse(dense, one_compartment_oral(dense, dose, ka, ke, volume))
    assert found.auc_inf[0] == pytest.approx(dose / (ke * volume), rel=1e-4)
    assert found.half_life[0] == pytest.approx(np.log(2) / ke, rel=5e-3)  # ties take more samples
    assert found.tmax[0] == pytest.approx(np.log(ka / ke) / (ka - ke), abs=0.026)


def test_linear_up_logarithmic_down_by_hand() -> None:
    found = analyse([0, 1, 2, 4], [0.0, 10.0, 8.0, 2.0])
    by_hand = 5.0 + (10 - 8) / np.log(10 / 8) + 2 * (8 - 2) / np.log(8 / 2)
    assert found.auc_last[0] == pytest.approx(by_hand, rel=1e-12)


def test_below_quantification_is_zero_before_and_dropped_after() -> None:
    found = analyse([0, 1, 2, 3, 4, 5, 6], [0.2, 0.4, 8.0, 4.0, 2.0, 0.4, 1.0], lloq=0.5)
    by_hand = 0.5 * 8.0 + (8 - 4) / np.log(2) + (4 - 2) / np.log(2) + 2 * (2 - 1) / np.log(2)
    assert found.auc_last[0] == pytest.approx(by_hand, rel=1e-12)
    assert found.points[0] == 3


def test_terminal_slope_takes_the_best_adjusted_fit_and_leaves_the_maximum_out() -> None:
    t = np.array([0, 1, 2, 4, 8, 12, 24, 48, 72.0])
    c = 100 * np.exp(-0.5 * t) + 5 * np.exp(-0.02 * t)
    found = analyse(t, c)
    assert found.half_life[0] == pytest.approx(np.log(2) / 0.02, rel=0.01)
    assert found.points[0] in (3, 4)
    alone = analyse([0, 1, 2, 4], [0.0, 5.0, 4.0, 3.0])
    assert alone.reason[0] == Reason.TOO_FEW_POINTS
    assert np.isnan(alone.half_life[0])


def test_what_cannot_be_estimated_is_not_a_number_and_says_why() -> None:
    t = np.arange(6.0)
    found = analyse(t, [np.zeros(6), t, [0, 9, 2, 4, 6, 8.0], np.full(6, np.nan), np.exp(-t)], lloq=1e-9)
    assert [Reason(r) for r in found.reason] == [
        Reason.NOTHING_QUANTIFIABLE,
        Reason.TOO_FEW_POINTS,
        Reason.NOT_DECLINING,
        Reason.NOT_SIMULATED,
        Reason.OK,
    ]
    assert np.isnan(found.cmax[[0, 3]]).all()
    assert np.isnan(found.auc_last[[0, 3]]).all()
    assert np.isnan(found.half_life[:4]).all()
    assert sum(found.reasons().values()) == 4


def test_people_are_analysed_one_by_one() -> None:
    rates = np.array([0.05, 0.1, 0.3])
    many = analyse(GRID, 10 * np.exp(-rates[:, None] * GRID), lloq=0.01)
    for i, rate in enumerate(rates):
        alone = analyse(GRID, 10 * np.exp(-rate * GRID), lloq=0.01)
        assert many.auc_inf[i] == alone.auc_inf[0]
        assert many.half_life[i] == alone.half_life[0]


def test_unusable_input_is_refused() -> None:
    with pytest.raises(ModelError, match="increase"):
        analyse([0, 2, 1], [1, 2, 3])
    with pytest.raises(ModelError, match="2 concentrations"):
        analyse([0, 1, 2], [1, 2])
    with pytest.raises(ModelError, match="negative"):
        analyse([0, 1], [1, 2], lloq=-1)
