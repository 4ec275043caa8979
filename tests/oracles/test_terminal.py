"""Release of afferent endings against the closed form and the recordings behind its constants."""

from __future__ import annotations

import pytest

from analgesia import evidence
from analgesia.neurons import combined, n_type_current, ongoing_rate, release


def released(
    fibre: str, *, opioid: float = 0.0, alpha2a: float = 0.0, up: float = 0.0, occupancy: float = 0.0
) -> float:
    """Release of one ending with the constants of the library."""
    numbers = evidence.load().neurons["primary_afferent_terminal"].parameters
    own = {name: number.to("1") for name, number in numbers[fibre].items()}
    n = n_type_current(up, occupancy, opioid, numbers["opioid_block"].to("1"), alpha2a, own["alpha2a_block"])
    return float(release(own["n_type"], own["p_q_type"], own["other"], n, numbers["cooperativity"].to("1")))


@pytest.mark.parametrize("fibre", ["c_fibre", "a_delta"])
def test_a_healthy_ending_releases_one(fibre: str) -> None:
    """The shares of the channels sum to 1, and without drug or injury release is the reference."""
    assert released(fibre) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("fibre", "left", "margin"), [("c_fibre", 0.72, 0.04), ("a_delta", 0.50, 0.04)])
def test_noradrenaline_at_50_micromolar(fibre: str, left: float, margin: float) -> None:
    """C-fibre current falls by 28 (4) %, A-delta current by 50 (4) % (kawasaki2003)."""
    assert released(fibre, alpha2a=1.0) == pytest.approx(left, abs=margin / 4)


@pytest.mark.parametrize(("fibre", "low", "high"), [("c_fibre", 0.35, 0.50), ("a_delta", 0.40, 0.60)])
def test_a_full_mu_agonist(fibre: str, low: float, high: float) -> None:
    """DAMGO leaves 35-50 % of the C-fibre and 40-60 % of the A-delta current (recalled range)."""
    assert low <= released(fibre, opioid=1.0) <= high


def test_a_gabapentinoid_takes_back_what_injury_added_and_nothing_else() -> None:
    """Nothing happens in health; after injury full occupancy restores health exactly; half occupancy lies between."""
    assert released("c_fibre", occupancy=1.0) == released("c_fibre")
    assert released("c_fibre", up=0.5, occupancy=1.0) == released("c_fibre")
    assert 1.0 < released("c_fibre", up=0.5, occupancy=0.5) < released("c_fibre", up=0.5)


def test_release_is_the_third_power_of_calcium() -> None:
    """(0.7 x 0.6 + 0.3)^3 = 0.373248."""
    assert release(0.7, 0.2, 0.1, 0.6) == pytest.approx(0.72**3)


def test_stimuli_combine_below_one() -> None:
    """1 - (1 - 0.5)(1 - 0.5) = 0.75; one alone stays itself; none is 0."""
    assert combined(0.5, 0.5) == 0.75
    assert combined(0.3) == pytest.approx(0.3)
    assert combined() == 0.0


def test_ongoing_rate_is_a_product() -> None:
    """2 /s at full severity, half as severe, 80 % of the fibres left, 1.5 times as excitable: 1.2 /s."""
    assert ongoing_rate(2.0, 0.5, 0.8, 1.5) == pytest.approx(1.2)
