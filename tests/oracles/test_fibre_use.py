"""What a fibre does when it is used: junction, recovery cycle, classes of fibre, ending."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.nerve.conduction import conduct
from analgesia.nerve.ending import ending, inflamed, prostaglandin, rate
from analgesia.nerve.junction import follows
from analgesia.nerve.membranes import fibre
from analgesia.nerve.states import NerveState

LIBRARY = evidence.load()


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", LIBRARY)


def test_the_branch_to_the_soma_filters_what_a_straight_fibre_carries(c_fibre):
    assert follows(c_fibre, 155.0, junction=False, pulses=8) == 1.0
    assert follows(c_fibre, 155.0, junction=True, pulses=8) < 1.0
    assert follows(c_fibre, 100.0, junction=True, pulses=8) == 1.0


def test_m_current_lowers_what_the_junction_lets_through(c_fibre):
    """Direction of sundt2015: 110 Hz without, 30 Hz with KCNQ channels at the junction."""
    strong = NerveState(factors={"km": 3.0})
    assert follows(c_fibre, 125.0, junction=True, pulses=8) == 1.0
    assert follows(c_fibre, 125.0, junction=True, pulses=8, state=strong) < 1.0


def test_sodium_carries_a_spike_past_the_branch(c_fibre):
    """With half of Nav1.8 the junction filters at a lower rate: the density of sodium is its safety."""
    weak = NerveState(factors={"nav1_8": 0.5})
    assert follows(c_fibre, 90.0, junction=True, pulses=8) == 1.0
    assert follows(c_fibre, 90.0, junction=True, pulses=8, state=weak) < 1.0


def test_diameters_of_people_give_the_spread_of_velocities_that_was_measured():
    """0.86 (0.17) m/s (vanhees1981): velocity goes as the root of the width, so the spread of width is twice as large."""
    spread = LIBRARY.neurons["c_polymodal"].parameters["cable"]["diameter"].iiv
    z = np.random.default_rng(1).normal(size=20_000)
    velocity = 0.86 * np.sqrt(np.exp(np.sqrt(np.log1p(spread**2)) * z))
    assert velocity.std() / velocity.mean() == pytest.approx(0.17 / 0.86, abs=0.01)


def test_recovery_after_one_spike(c_fibre):
    """Refractory at 2 ms, then slowed less and less, about normal at 30 ms, slightly slowed by what the spike left behind after that."""
    slowing = [
        conduct(c_fibre, [0.0, gap], diameter=1.0, length=8.0, grid=50.0, step=0.025).slowing[1]
        for gap in (2.0, 8.0, 15.0, 30.0, 200.0)
    ]
    assert np.isnan(slowing[0])
    assert slowing[1] > slowing[2] > 3.0
    assert abs(slowing[3]) < 2.0
    assert 0.5 < slowing[4] < 3.0


def test_polymodal_fibres_slow_less_and_conduct_faster():
    """15 (10) % after 75 pulses at 5 Hz (werland2021), 0.86 (0.17) m/s (vanhees1981); fitted to both."""
    built = fibre("c_polymodal", LIBRARY)
    diameter = built.parameters["diameter"]
    found = conduct(built, 200.0 * np.arange(75), diameter=diameter, length=8.0, grid=100.0)
    assert found.conducted.all()
    assert found.slowing[-1] == pytest.approx(15.0, abs=5.0)
    assert conduct(built, [0.0], diameter=diameter, length=10.0).velocity == pytest.approx(0.86, abs=0.03)


def test_inflammation_sensitises_the_ending_and_a_cox_inhibitor_takes_it_back(c_fibre):
    cell = ending(LIBRARY)
    plain, sore = rate(cell, "heat", 45.0), rate(cell, "heat", 45.0, prostaglandin_e2=1000.0)
    treated = rate(cell, "heat", 45.0, prostaglandin_e2=prostaglandin(1000.0, 1.0))
    assert sore > plain
    assert treated == plain
    assert rate(cell, "heat", 41.0) == 0.0
    assert rate(cell, "cold", 5.0) > rate(cell, "cold", 9.0) > 0.0
    assert rate(cell, "pressure", 100.0, prostaglandin_e2=1000.0) > rate(cell, "pressure", 100.0)
    assert rate(cell, "heat", 45.0, opioid=1.0) < plain
    assert inflamed(cell, prostaglandin_e2=1e9).shifts["nav1_8"] == pytest.approx(-6.0)
    fast = conduct(
        c_fibre, [0.0], diameter=1.0, length=8.0, state=inflamed(cell, prostaglandin_e2=1000.0)
    ).velocity
    assert fast > conduct(c_fibre, [0.0], diameter=1.0, length=8.0).velocity
    with pytest.raises(ModelError, match="not known"):
        rate(cell, "itch", 1.0)
