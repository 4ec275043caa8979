"""Cables with a sheath against a dense solution of the same equations, their order in the step, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from analgesia.engine.cable import Branch, Geometry, Membrane, Pulse, Sheath, simulate, tree
from analgesia.engine.cable.sheath import kernel_numbers, ring_resistance
from analgesia.errors import ModelError

REST = -80.0  # mV
LEAK, CAPACITANCE = 1e-3, 2.0  # S/cm2, uF/cm2
CURRENT = 0.3  # nA
LEAKY = Membrane(
    "leaky", (), {}, {"capacitance": "uF/cm2", "conductance_leak": "S/cm2"}, lambda v, y, p: {},
    lambda v, y, p: p.conductance_leak * (v - REST),
)  # fmt: skip
PARAMETERS = {"capacitance": CAPACITANCE, "conductance_leak": LEAK}


def sheathed(branched: bool) -> Geometry:
    """A node, twelve compartments of myelinated axon and a node; or the same axon splitting into two."""
    branches = [Branch(None, 300.0, 4.0, 8)]
    branches += (
        [Branch(0, 150.0, 3.0, 4), Branch(0, 80.0, 2.0, 3)] if branched else [Branch(0, 150.0, 4.0, 5)]
    )
    bare = tree(branches, 70.0)
    rng = np.random.default_rng(3)
    capacitance = rng.uniform(2e-4, 2e-3, bare.count)
    conductance = rng.uniform(2e-6, 2e-5, bare.count)
    conductance[[0, bare.count - 1]] = np.inf
    ring = ring_resistance(bare.diameter, np.full(bare.count, 0.004), 70.0)
    return Geometry(
        bare.parent, bare.length, bare.diameter, bare.resistivity, bare.region, bare.patch, Sheath(capacitance, conductance, ring)
    )  # fmt: skip


def dense(geometry: Geometry, times: np.ndarray) -> np.ndarray:
    """V - REST of every compartment [compartment, time] for a step of current into the first, by a matrix exponential.

    Branch points carry no charge: their potentials follow from the rest (Schur complement), as do those of bare spaces, which are 0.
    """
    n = geometry.count
    area = geometry.area
    up, _ = geometry.couplings()
    numbers = kernel_numbers(geometry)
    inside, space = np.zeros((n, n)), np.zeros((n, n))
    for matrix, own in ((inside, up), (space, numbers[:, 2])):
        for i in range(1, n):
            p, g = geometry.parent[i], own[i] * area[i]
            matrix[[i, p, i, p], [i, p, p, i]] += [-g, -g, g, g]
    membrane = area * geometry.patch
    myelin = np.where(numbers[:, 1] < 1.0, numbers[:, 1], 0.0) * area
    bare = numbers[:, 1] >= 1.0
    # unknown [inside potential, space potential], C d/dt = A x + b
    charge = np.block([
        [np.diag(CAPACITANCE * membrane), -np.diag(CAPACITANCE * membrane)],
        [-np.diag(CAPACITANCE * membrane), np.diag(CAPACITANCE * membrane + numbers[:, 0] * area)],
    ])  # fmt: skip
    flow = np.block([
        [inside - np.diag(LEAK * membrane), np.diag(LEAK * membrane)],
        [np.diag(LEAK * membrane), space - np.diag(LEAK * membrane + myelin)],
    ])  # fmt: skip
    source = np.zeros(2 * n)
    source[0] = CURRENT * 1e-6
    gone = np.concatenate([np.zeros(n, bool), bare])
    empty = np.concatenate([~geometry.patch, ~geometry.patch]) & ~gone
    kept = ~gone & ~empty
    a, b, c, d = (flow[np.ix_(r, s)] for r, s in ((kept, kept), (kept, empty), (empty, kept), (empty, empty)))
    reduced = a - b @ np.linalg.solve(d, c) if empty.any() else a
    system = np.linalg.solve(charge[np.ix_(kept, kept)] * 1e-3, reduced)
    drive = np.linalg.solve(charge[np.ix_(kept, kept)] * 1e-3, source[kept])
    final = -np.linalg.solve(system, drive)
    x = np.zeros((2 * n, len(times)))
    for k, t in enumerate(times):
        x[kept, k] = final - expm(system * t) @ final
    if empty.any():
        x[empty] = -np.linalg.solve(d, c @ x[kept])
    return x[:n] - x[n:]


def run(geometry: Geometry, dt: float, duration: float = 2.0, **options):
    """Voltage [compartment, time] from rest under a step of current into the first compartment."""
    given = {"initial": {"v": REST}, "parameters": PARAMETERS} | options
    parameters = given.pop("parameters")
    return simulate(
        LEAKY, geometry, parameters, duration=duration, dt=dt, probes=range(geometry.count),
        pulses=[Pulse(0, 0.0, 1e9, CURRENT)], sample_every=0.25, **given,
    )  # fmt: skip


@pytest.mark.parametrize("branched", [False, True])
def test_two_layers_are_the_dense_solution_and_of_second_order(branched):
    geometry = sheathed(branched)
    coarse, fine = run(geometry, 0.01), run(geometry, 0.005)
    exact = dense(geometry, fine.times[1:])[geometry.patch]
    errors = [
        np.abs(found.voltage[0][geometry.patch][:, 1:] - REST - exact).max() for found in (coarse, fine)
    ]
    assert errors[1] < 2e-4 * exact.max()
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)
    euler = run(geometry, 0.005, method="backward-euler")
    assert np.abs(euler.voltage[0][geometry.patch][:, 1:] - REST - exact).max() > 5 * errors[1]


def test_the_sheath_matters_and_a_bare_one_does_not():
    geometry = sheathed(False)
    n = geometry.count
    plain = Geometry(
        geometry.parent, geometry.length, geometry.diameter, 70.0, geometry.region, geometry.patch
    )
    ring = geometry.sheath.resistance
    bare = Sheath(np.zeros(n), np.full(n, np.inf), ring)
    short = Geometry(
        geometry.parent, geometry.length, geometry.diameter, 70.0, geometry.region, geometry.patch, bare
    )
    open_cable, shorted, wrapped = (run(g, 0.01).voltage for g in (plain, short, geometry))
    np.testing.assert_allclose(shorted, open_cable, atol=1e-6)
    assert np.abs(wrapped - open_cable).max() > 1.0


def test_lanes_threads_and_a_run_continued_agree():
    geometry = sheathed(True)
    leaks = np.linspace(0.5, 2.0, 21) * LEAK
    many = [
        run(geometry, 0.01, parameters=PARAMETERS | {"conductance_leak": leaks}, threads=t) for t in (1, 4)
    ]
    np.testing.assert_array_equal(many[0].voltage, many[1].voltage)
    np.testing.assert_array_equal(many[0].final, many[1].final)
    alone = run(geometry, 0.01, parameters=PARAMETERS | {"conductance_leak": leaks[13]})
    np.testing.assert_array_equal(alone.final[0], many[0].final[13])
    half = run(geometry, 0.01, duration=1.0).final
    again = run(geometry, 0.01, duration=1.0, initial={"v": half[:, :, 0], "space": half[:, :, 1]}).final
    np.testing.assert_allclose(again, run(geometry, 0.01).final, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": True}, "leave `along` out"),
        ({"precision": "single"}, "double precision"),
        ({"diameter_ratio": 1.2}, "a run of its own"),
    ],
)
def test_what_a_sheathed_cable_does_not_do_is_refused(options, message):
    with pytest.raises(ModelError, match=message):
        run(sheathed(False), 0.01, **options)


def test_a_sheath_that_makes_no_sense_is_refused():
    with pytest.raises(ModelError, match="resistance"):
        Sheath(np.ones(3), np.ones(3), np.zeros(3))
    with pytest.raises(ModelError, match="conductance"):
        Sheath(np.ones(3), -np.ones(3), np.ones(3))
    geometry = sheathed(False)
    with pytest.raises(ModelError, match="sheath of 2 compartments"):
        Geometry(
            geometry.parent, geometry.length, geometry.diameter, 70.0, geometry.region, geometry.patch, Sheath(*np.ones((3, 2)))
        )  # fmt: skip
