"""The cable kernel against closed forms (Rallpacks 1 and 2), its own order of convergence, and the published axon (Rallpack 3).

Rallpacks: Bhalla, Bilitch & Bower 1992, "Rallpacks: a set of benchmarks for neuronal simulators".
"""

from __future__ import annotations

import numpy as np
import pytest

from analgesia.engine import exp, where
from analgesia.engine.cable import Branch, Membrane, Pulse, Stage, cylinder, simulate, tree
from analgesia.errors import ModelError

REST = -65.0  # mV
R_MEMBRANE = 40_000.0  # ohm cm2
R_AXIAL = 100.0  # ohm cm
CAPACITANCE = 1.0  # uF/cm2
CURRENT = 0.1  # nA


def leaky(v, y, p):
    return p.conductance_leak * (v - REST)


PASSIVE = Membrane(
    "passive", (), {}, {"capacitance": "uF/cm2", "conductance_leak": "S/cm2"}, lambda v, y, p: {}, leaky
)
PASSIVE_PARAMETERS = {"capacitance": CAPACITANCE, "conductance_leak": 1 / R_MEMBRANE}


def finite_cable(x, t, length, diameter):
    """mV above rest at x (um) and t (ms) of a sealed cable with a step of current at 0; cosine series."""
    cm = 1e-4
    area = np.pi * diameter * length * cm**2
    lam2 = diameter * cm / 4 * R_MEMBRANE / R_AXIAL
    tau = R_MEMBRANE * CAPACITANCE * 1e-3
    n = np.arange(4000)[:, None]
    speed = 1 + (n * np.pi / (length * cm)) ** 2 * lam2
    gain = CURRENT * 1e-9 * R_MEMBRANE / area * 1e3 * np.where(n == 0, 1.0, 2.0) / speed
    return (gain * np.cos(n * np.pi * x / length) * (1 - np.exp(-speed * np.atleast_1d(t) / tau))).sum(axis=0)


def root_mean_square(found, exact):
    """Deviation as a share of the range of the exact curve."""
    return np.sqrt(np.mean((found - exact) ** 2)) / np.ptp(exact)


def run_passive(geometry, probes, dt, duration=250.0):
    result = simulate(
        PASSIVE, geometry, PASSIVE_PARAMETERS, duration=duration, dt=dt, initial={"v": REST},
        pulses=[Pulse(0, 0.0, 1e9, CURRENT)], probes=probes, sample_every=dt,
    )  # fmt: skip
    return result.times[1:], result.voltage[0][:, 1:]


def test_rallpack_1_is_the_analytic_cable():
    geometry = cylinder(1000.0, 1.0, 1000, R_AXIAL)
    times, voltage = run_passive(geometry, [0, 999], 0.05)
    for probe, found in zip((0, 999), voltage, strict=True):
        exact = REST + finite_cable(geometry.centres()[probe], times, 1000.0, 1.0)
        assert root_mean_square(found, exact) < 1e-3


def test_rallpack_2_is_the_analytic_equivalent_cylinder():
    """Ten levels of binary branching under the 3/2 rule are one cylinder of 16 um and 320 um."""
    branches, level = [Branch(None, 32.0, 16.0, 1)], [0]
    for depth in range(1, 10):
        length, diameter = 32.0 * 2 ** (-depth / 3), 16.0 * 2 ** (-2 * depth / 3)
        grown = []
        for parent in level:
            for _ in range(2):
                grown.append(len(branches))
                branches.append(Branch(parent, length, diameter, 1))
        level = grown
    geometry = tree(branches, R_AXIAL)
    assert geometry.patch.sum() == 1023
    leaf = geometry.count - 1
    times, voltage = run_passive(geometry, [0, leaf], 0.05)
    for x, found in zip((16.0, 304.0), voltage, strict=True):
        assert root_mean_square(found, REST + finite_cable(x, times, 320.0, 16.0)) < 1e-3


def ratio(x, y):
    return where(abs(x / y) < 1e-6, y * (1 - x / y / 2), x / (exp(x / y) - 1))


def squid_gates(v, y, p):
    am, bm = 0.1 * ratio(-(v + 40), 10), 4 * exp(-(v + 65) / 18)
    ah, bh = 0.07 * exp(-(v + 65) / 20), 1 / (exp(-(v + 35) / 10) + 1)
    an, bn = 0.01 * ratio(-(v + 55), 10), 0.125 * exp(-(v + 65) / 80)
    return {"m": (am / (am + bm), am + bm), "h": (ah / (ah + bh), ah + bh), "n": (an / (an + bn), an + bn)}


def squid_current(v, y, p):
    sodium = p.conductance_na * y.m**3 * y.h * (v - 50)
    return sodium + p.conductance_k * y.n**4 * (v + 77) + leaky(v, y, p)


SQUID = Membrane(
    "squid", ("m", "h", "n"), {},
    {"capacitance": "uF/cm2", "conductance_na": "S/cm2", "conductance_k": "S/cm2", "conductance_leak": "S/cm2"},
    squid_gates, squid_current,
)  # fmt: skip
SQUID_PARAMETERS = PASSIVE_PARAMETERS | {"conductance_na": 0.12, "conductance_k": 0.036}


def squid_spikes(dt, parameters=SQUID_PARAMETERS, compartments=1000, duration=250.0, **settings):
    geometry = cylinder(1000.0, 1.0, compartments, R_AXIAL)
    return simulate(
        SQUID, geometry, parameters, duration=duration, dt=dt, initial={"v": REST}, pulses=[Pulse(0, 0.0, 1e9, CURRENT)],
        probes=[0, compartments - 1], threshold=-20.0, **settings,
    )  # fmt: skip


def test_rallpack_3_has_the_published_interval():
    spikes = squid_spikes(0.025).spikes[0]
    for probe in spikes:
        assert np.diff(probe).mean() == pytest.approx(14.54, rel=2e-3)
    assert len(spikes[0]) == 18


def test_the_step_converges_with_order_two():
    last = [
        squid_spikes(dt, compartments=100, duration=60.0).spikes[0][1][-1] for dt in (0.04, 0.02, 0.01, 0.005)
    ]
    change = np.abs(np.diff(last))
    orders = np.log2(change[:-1] / change[1:])
    assert np.all(np.abs(orders - 2.0) < 0.15), orders


def test_the_grid_converges_with_order_two():
    last = [squid_spikes(0.01, compartments=n, duration=40.0).spikes[0][1][-1] for n in (25, 50, 100, 200)]
    change = np.abs(np.diff(last))
    orders = np.log2(change[:-1] / change[1:])
    assert orders[-1] == pytest.approx(2.0, abs=0.2), orders


def test_a_lane_does_not_feel_its_neighbours_or_the_threads():
    lanes = 11
    leak = np.linspace(0.5, 2.0, lanes) / R_MEMBRANE
    together = squid_spikes(0.05, SQUID_PARAMETERS | {"conductance_leak": leak}, 50, 60.0, threads=2)
    for lane in (0, 5, 10):
        alone = squid_spikes(0.05, SQUID_PARAMETERS | {"conductance_leak": leak[lane]}, 50, 60.0, threads=1)
        for found, expected in zip(together.spikes[lane], alone.spikes[0], strict=True):
            assert np.array_equal(found, expected)


def test_vectors_along_a_neurite_or_across_neurites_give_the_same():
    branches = [
        Branch(None, 300.0, 2.0, 30),
        Branch(0, 200.0, 1.0, 21),
        Branch(0, 250.0, 1.5, 13),
        Branch(1, 50.0, 0.5, 3),
    ]
    geometry = tree(branches, R_AXIAL)
    settings = {
        "duration": 30.0, "dt": 0.025, "initial": {"v": REST}, "pulses": [Pulse(2, 1.0, 25.0, np.array([0.2, 0.3]))],
        "probes": [0, geometry.count - 1], "threshold": -20.0, "sample_every": 0.5, "diameter_ratio": np.array([1.0, 1.3]),
    }  # fmt: skip
    across, along = (simulate(SQUID, geometry, SQUID_PARAMETERS, along=a, **settings) for a in (False, True))
    np.testing.assert_allclose(along.voltage, across.voltage, rtol=0, atol=1e-7)
    assert len(across.spikes[1][1]) > 0
    for lane in (0, 1):
        for first, second in zip(across.spikes[lane], along.spikes[lane], strict=True):
            np.testing.assert_allclose(second, first, rtol=1e-9)


def test_a_coarse_step_through_silence_moves_the_next_spike_little():
    pulses = [Pulse(0, 1.0, 1.0, 0.5), Pulse(0, 201.0, 1.0, 0.5)]
    fine = [Stage(230.0, 0.01)]
    mixed = [Stage(30.0, 0.01), Stage(170.0, 0.5, "backward-euler", quiet=True), Stage(30.0, 0.01)]
    spikes = [
        simulate(
            SQUID, cylinder(1000.0, 1.0, 50, R_AXIAL), SQUID_PARAMETERS, initial={"v": REST}, stages=stages, pulses=pulses, probes=[49]
        ).spikes[0][0]
        for stages in (fine, mixed)
    ]  # fmt: skip
    assert len(spikes[0]) == len(spikes[1]) == 2
    np.testing.assert_allclose(spikes[1], spikes[0], atol=0.01)


def test_a_broken_lane_is_a_status():
    conductance = np.array([0.12, 1.7e308, 0.12])
    result = squid_spikes(0.05, SQUID_PARAMETERS | {"conductance_na": conductance}, 20, 20.0)
    assert result.finite.tolist() == [True, False, True]
    assert np.array_equal(result.spikes[0][0], result.spikes[2][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0.0}, "step"),
        ({"dt": 1.0}, "too coarse for gate"),
        ({"duration": float("nan")}, "duration"),
        ({"probes": [1000]}, "probe"),
        ({"parameters": SQUID_PARAMETERS | {"conductance_k": -1.0}}, "negative"),
        ({"parameters": SQUID_PARAMETERS | {"conductance_k": float("nan")}}, "finite"),
        ({"parameters": PASSIVE_PARAMETERS}, "missing"),
        ({"initial": {}}, "initial `v`"),
    ],
)
def test_bad_input_is_one_clear_message(change, message):
    settings = {
        "parameters": SQUID_PARAMETERS,
        "duration": 1.0,
        "dt": 0.05,
        "initial": {"v": REST},
        "probes": [0],
    } | change
    parameters = settings.pop("parameters")
    with pytest.raises(ModelError, match=message):
        simulate(SQUID, cylinder(1000.0, 1.0, 10, R_AXIAL), parameters, **settings)


def test_a_cable_needs_a_diameter():
    with pytest.raises(ModelError, match="diameter"):
        cylinder(100.0, 0.0, 10, R_AXIAL)
