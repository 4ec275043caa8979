"""Pooling against closed forms, a hand calculation and a published meta-analysis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analgesia.evidence.pooling import pool


def test_two_measurements_of_equal_spread_by_hand() -> None:
    # w = 100 each; y = ln 100, ln 200; Q = 2 * 100 * (ln(2)/2)^2 = 24.02; C = 200 - 20000/200 = 100
    result = pool([100.0, 200.0], [0.1, 0.1])
    between_squared = (200.0 * (math.log(2.0) / 2.0) ** 2 - 1.0) / 100.0
    assert math.exp(result.mean_log) == pytest.approx(math.sqrt(20_000.0))
    assert result.between_sd_log**2 == pytest.approx(between_squared)
    assert result.se_log**2 == pytest.approx((0.01 + between_squared) / 2.0)
    assert result.prediction_sd_log**2 == pytest.approx((0.01 + between_squared) * 1.5 - 0.01)


def test_measurements_without_spread_weigh_the_same() -> None:
    values = [161.0, 709.0, 238.0, 233.0, 204.0]
    logs = np.log(values)
    result = pool(values, [None] * 5)
    assert result.mean_log == pytest.approx(logs.mean())
    assert result.between_sd_log == pytest.approx(logs.std(ddof=1))
    assert result.se_log == pytest.approx(logs.std(ddof=1) / math.sqrt(5))


def test_agreeing_measurements_have_no_spread_between_them() -> None:
    # inverse-variance mean, the fixed-effect closed form
    sds = [0.2, 0.4]
    result = pool([10.0, 10.5], sds)
    weights = [1 / s**2 for s in sds]
    expected = (weights[0] * math.log(10.0) + weights[1] * math.log(10.5)) / sum(weights)
    assert result.between_sd_log == 0.0
    assert result.mean_log == pytest.approx(expected)
    assert result.se_log == pytest.approx(1 / math.sqrt(sum(weights)))


def test_missing_spread_takes_the_median_of_those_printed() -> None:
    assert pool([10.0, 20.0, 30.0], [0.1, None, 0.3]) == pool([10.0, 20.0, 30.0], [0.1, 0.2, 0.3])


def test_one_measurement_keeps_its_own_spread() -> None:
    result = pool([42.0], [0.3])
    assert (math.exp(result.mean_log), result.se_log, result.between_sd_log) == (
        pytest.approx(42.0),
        0.3,
        0.0,
    )


def test_published_meta_analysis_of_bcg_vaccine() -> None:
    """Thirteen trials of Colditz 1994 (log risk ratio, variance); DerSimonian-Laird as in the manual of R's metafor."""
    trials = [
        (-0.8893, 0.3256), (-1.5854, 0.1946), (-1.3481, 0.4154), (-1.4416, 0.0200), (-0.2175, 0.0512),
        (-0.7861, 0.0069), (-1.6209, 0.2230), (0.0120, 0.0040), (-0.4694, 0.0564), (-1.3713, 0.0730),
        (-0.3394, 0.0124), (0.4459, 0.5325), (-0.0173, 0.0714),
    ]  # fmt: skip
    result = pool([math.exp(y) for y, _ in trials], [math.sqrt(v) for _, v in trials])
    assert result.between_sd_log**2 == pytest.approx(0.3088, abs=1e-3)
    assert result.mean_log == pytest.approx(-0.7141, abs=1e-3)
    assert result.se_log == pytest.approx(0.1787, abs=1e-3)
