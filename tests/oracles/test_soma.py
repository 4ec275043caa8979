"""The soma's core against the published one: resting potential and firing rate."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.nerve.soma import fire, soma

ADDED = (
    "conductance_km",
    "conductance_hcn",
    "conductance_nav_persistent",
    "conductance_sk",
    "balance",
    "strength",
)
FROZEN = ("nav1_8_soma.s", "nav1_8_soma.u")


@pytest.fixture(scope="module")
def cell():
    return soma(evidence.load())


@pytest.mark.parametrize("step", [0.1, 0.05])
def test_the_core_rests_and_fires_as_published(cell, step):
    """Resting potential -66.478 mV; 43 Hz at 200 pA (another implementation of the same equations)."""
    core = dict(cell.parameters) | dict.fromkeys(ADDED, 0.0) | {"drive": np.array([0.0, 70.0, 200.0])}
    found = fire(cell, core, 1000.0, frozen=FROZEN, step=step)
    assert found.voltage[0, -1] == pytest.approx(-66.478, abs=1e-3)
    assert found.rates[1] == 0.0
    assert found.rates[2] == pytest.approx(43.0, abs=2.0)


def test_what_is_added_leaves_the_rest_alone(cell):
    quiet = dict(cell.parameters) | {"strength": 0.0}
    assert fire(cell, quiet, 1000.0).voltage[0, -1] == pytest.approx(-66.478, abs=1e-6)


def test_the_noise_current_has_its_standard_deviation(cell):
    """Ornstein-Uhlenbeck: the mean square of the current is strength squared; seen through a passive cell it is filtered."""
    passive = dict(cell.parameters) | {
        name: 0.0
        for name in cell.parameters
        if name.startswith("conductance_") and name != "conductance_leak"
    }
    passive |= {"balance": 0.0, "drive": np.zeros(32)}
    found = fire(cell, passive, 4000.0, settle=200.0, step=0.1)
    leak, tau = passive["conductance_leak"], passive["capacitance"] / passive["conductance_leak"]
    density = passive["strength"] * 1e-6 / passive["area"]
    expected = density / leak * np.sqrt(passive["correlation"] / (passive["correlation"] + tau))
    assert found.voltage.std() == pytest.approx(expected, rel=0.05)
