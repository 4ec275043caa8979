"""The C fibre against the published and simulated velocities of the same model, and its own convergence."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.engine.cable import Pulse, cylinder, simulate
from analgesia.nerve.conduction import conduct, prepared
from analgesia.nerve.membranes import fibre


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", evidence.load())


def velocity(c_fibre, dx, dt, method="crank-nicolson", diameter=1.0, length=10_000.0):
    """m/s between 30 and 80 % of the fibre."""
    geometry = cylinder(length, diameter, round(length / dx), c_fibre.resistivity)
    membrane, parameters, initial = prepared(c_fibre, diameter)
    probes = [geometry.nearest(0.3 * length), geometry.nearest(0.8 * length)]
    result = simulate(
        membrane, geometry, parameters, initial=initial, duration=5.0 + 1.5 * length / 700 / np.sqrt(diameter), dt=dt,
        method=method, pulses=[Pulse(0, 2.0, 1.0, 0.5 * diameter**1.5)], probes=probes, along=True,
    )  # fmt: skip
    first, second = (spikes[0] for spikes in result.spikes[0])
    x = geometry.centres()
    return (x[probes[1]] - x[probes[0]]) * 1e-3 / (second - first)


@pytest.mark.parametrize(("dt", "expected"), [(0.025, 0.677), (0.01, 0.687)])
def test_the_default_scheme_of_neuron_gives_its_velocity(c_fibre, dt, expected):
    assert velocity(c_fibre, 50.0, dt, "backward-euler") == pytest.approx(expected, rel=0.01)


def test_velocity_converges_with_order_two_in_the_step_to_the_published_one(c_fibre):
    found = np.array([velocity(c_fibre, 25.0, dt, length=6000.0) for dt in (0.04, 0.02, 0.01, 0.005)])
    change = np.diff(found)
    assert np.log2(change[:-1] / change[1:]) == pytest.approx([2.0, 2.0], abs=0.3)
    assert found[-1] == pytest.approx(0.70, abs=0.01)


def test_velocity_converges_with_order_two_in_the_grid(c_fibre):
    found = np.array([velocity(c_fibre, dx, 0.01, length=6000.0) for dx in (100.0, 50.0, 25.0, 12.5)])
    change = np.diff(found)
    assert np.log2(change[-2] / change[-1]) == pytest.approx(2.0, abs=0.3)
    assert found[-1] == pytest.approx(0.70, abs=0.01)


def test_velocity_grows_as_the_root_of_the_diameter(c_fibre):
    found = [
        velocity(c_fibre, 12.5 * np.sqrt(d), 0.0125, diameter=d, length=8000.0 * np.sqrt(d)) / np.sqrt(d)
        for d in (0.5, 1.0, 2.0)
    ]
    assert np.ptp(found) / found[1] < 0.01


def test_activity_slows_the_fibre_as_in_insensitive_fibres(c_fibre):
    """34 (8) % in mechano-insensitive fibres of the pig after 75 pulses at 5 Hz (werland2021)."""
    found = conduct(c_fibre, 200.0 * np.arange(75), diameter=1.0, length=20.0)
    assert found.conducted.all()
    assert 26.0 <= found.slowing[-1] <= 42.0
    assert np.all(np.diff(found.slowing) > 0)
