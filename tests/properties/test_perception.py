"""The pain rating: bounded, rising with drive, inverted exactly; placebo and drug together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analgesia.perception import felt, half_drive_of, low_pass, placebo_fraction, rating, report

DRIVE = st.floats(1e-3, 500.0)
EXPONENT = st.floats(0.3, 2.0)
SHARE = st.floats(0.0, 1.0)


@given(DRIVE, DRIVE, DRIVE, EXPONENT)
def test_more_drive_is_never_less_pain(first: float, second: float, half: float, exponent: float) -> None:
    """The curve rises, between 0 and 10."""
    low, high = sorted((first, second))
    assert 0.0 <= rating(low, half, exponent) <= rating(high, half, exponent) <= 10.0


@given(st.floats(0.1, 9.9), DRIVE, EXPONENT)
def test_the_start_is_rated_as_it_was(baseline: float, resting: float, exponent: float) -> None:
    """With the R50 of a person the resting drive gives the baseline rating."""
    assert rating(resting, half_drive_of(baseline, resting, exponent), exponent) == pytest.approx(
        baseline, rel=1e-9
    )


@given(DRIVE, EXPONENT)
def test_half_of_the_scale_at_the_half_drive(half: float, exponent: float) -> None:
    """NRS(R50) = 5, and silence is no pain."""
    assert rating(half, half, exponent) == pytest.approx(5.0)
    assert rating(0.0, half, exponent) == 0.0


@given(SHARE, st.floats(1.0, 100.0), st.floats(0.0, 500.0))
def test_placebo_grows_to_its_greatest(greatest: float, half_time: float, days: float) -> None:
    """0 at the start, half of it after the half-time, never beyond."""
    assert placebo_fraction(greatest, half_time, 0.0) == 0.0
    assert placebo_fraction(greatest, half_time, half_time) == pytest.approx(greatest / 2.0)
    assert 0.0 <= placebo_fraction(greatest, half_time, days) <= greatest


@given(st.floats(0.5, 9.5), SHARE, SHARE, st.floats(0.0, 1.5))
def test_drug_and_placebo_are_sub_additive(baseline: float, relief: float, placebo: float, k: float) -> None:
    """k = 0 adds the two, k = 1 multiplies what is left, more competes; a drug never helps less than placebo alone."""
    sensed = baseline * (1.0 - relief)
    assert report(sensed, baseline, placebo, 0.0) == pytest.approx(
        baseline * (1.0 - relief - placebo), abs=1e-9
    )
    assert report(sensed, baseline, placebo, 1.0) == pytest.approx(sensed * (1.0 - placebo))
    both = baseline - report(sensed, baseline, placebo, k)
    assert both <= baseline * (relief + placebo) + 1e-9
    if k <= 1.0:
        assert both >= baseline * placebo - 1e-9


def test_low_pass_is_the_exact_exponential() -> None:
    """A step through a first-order filter: 1 - exp(-t / T)."""
    step = np.ones(2001)
    step[0] = 0.0
    times = np.arange(2001) * 10.0
    np.testing.assert_allclose(low_pass(step, 10.0, 5000.0), 1.0 - np.exp(-times / 5000.0), atol=1e-12)


def test_felt_is_a_weighted_sum() -> None:
    """P + lambda W."""
    assert felt(10.0, 20.0, 0.3) == pytest.approx(16.0)
