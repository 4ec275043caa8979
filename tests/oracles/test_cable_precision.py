"""Single precision against double, tabulated gates against the equations, and what refuses or falls back."""

from __future__ import annotations

import ctypes

import llvmlite.ir as ir
import numpy as np
import pytest
from tests.oracles.test_cable import squid_gates

from analgesia import evidence
from analgesia.engine import exp, machine
from analgesia.engine.cable import Branch, Membrane, Pulse, cylinder, run, simulate, tables, tree
from analgesia.engine.cable import simulation as simulation_module
from analgesia.engine.cable.arithmetic import CableVector
from analgesia.engine.cable.pace import Move, Pace
from analgesia.engine.cable.single import SingleVector
from analgesia.engine.mathematics import Vector
from analgesia.errors import ModelError
from analgesia.nerve.conduction import conduct, prepared
from analgesia.nerve.drugs import block_at
from analgesia.nerve.injury import injured
from analgesia.nerve.membranes import fibre
from analgesia.nerve.states import combined


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", evidence.load())


def squid_current(v, y, p):
    return p.conductance_na * y.m**3 * y.h * (v - 50) + 0.036 * y.n**4 * (v + 77) + (v + 65) / 40_000


UNITS = {"capacitance": "uF/cm2", "conductance_na": "S/cm2"}


def squid(name="squid"):
    return Membrane(name, ("m", "h", "n"), {}, UNITS, squid_gates, squid_current)


SQUID = squid()


def squid_run(membrane=SQUID, *, duration=250.0, dt=0.025, compartments=100, current=0.1, **settings):
    given = {"conductance_na": 0.12} | settings.pop("parameters", {})
    return simulate(
        membrane, cylinder(1000.0, 1.0, compartments, 100.0), {"capacitance": 1.0} | given, duration=duration, dt=dt,
        initial={"v": -65.0}, pulses=[Pulse(0, 0.0, 1e9, current)], probes=[0, compartments - 1], threshold=-20.0, **settings,
    )  # fmt: skip


def without_tables(monkeypatch):
    fitted = tables.tabulate
    monkeypatch.setattr(
        simulation_module.tables, "tabulate", lambda *given: tables.Tables(fitted(*given).form.direct())
    )


def furthest(found, exact):
    """Greatest difference between spike times, which must be equally many."""
    pairs = [pair for one, other in zip(found, exact, strict=True) for pair in zip(one, other, strict=True)]
    return max(float(np.abs(a - b).max()) for a, b in pairs if a.size or b.size)


@pytest.mark.parametrize("along", [False, True])
def test_single_precision_keeps_the_spikes_of_rallpack_3_for_250_ms(along):
    double, single = (squid_run(compartments=200, along=along, precision=p) for p in ("double", "single"))
    assert len(double.spikes[0][0]) == 18
    assert furthest(single.spikes, double.spikes) < 1e-3


def test_single_precision_keeps_the_velocity_at_a_fine_step(c_fibre):
    """Increments of a fine step are far below the last digit of a single voltage; the lost digits are kept."""
    membrane, parameters, initial = prepared(c_fibre, 1.0)
    geometry = cylinder(2500.0, 1.0, 50, c_fibre.resistivity)
    found = [
        simulate(
            membrane, geometry, parameters, initial=initial, duration=6.0, dt=0.001, pulses=[Pulse(0, 2.0, 1.0, 0.4)],
            probes=[15, 40], along=True, precision=p,
        ).spikes
        for p in ("double", "single")
    ]  # fmt: skip
    assert furthest(found[1], found[0]) < 1e-3


def test_single_precision_keeps_velocity_latency_and_slowing(c_fibre):
    """A hundred pulses at 5 Hz: pools and slow gates move by less than the last digit in a step."""
    double, single = (
        conduct(c_fibre, 200.0 * np.arange(100), diameter=1.0, length=4.0, precision=p)
        for p in ("double", "single")
    )
    assert single.velocity == pytest.approx(double.velocity, rel=1e-5)
    assert np.abs(single.latency - double.latency).max() < 1e-3
    assert np.abs(single.slowing - double.slowing).max() < 0.01
    assert double.slowing[-1] > 20.0
    assert single.to_dict()["numerics"]["precision"] == "single"


def test_single_precision_holds_in_an_injured_fibre_under_a_drug(c_fibre):
    """Shares of bound channels are slow gates whose target follows other gates; no table holds them."""
    library = evidence.load()
    hurt = injured("painful_diabetic_neuropathy", library, "c_fibre", 1.0)
    state = combined([hurt, block_at({"lidocaine": 100.0}, library, channels=c_fibre.sodium)])
    double, single = (
        conduct(
            c_fibre, 100.0 * np.arange(20), diameter=1.0, length=3.0, stimulus=0.5, state=state, precision=p
        )
        for p in ("double", "single")
    )
    assert double.conducted.all() and double.slowing[-1] > 10.0
    assert np.abs(single.latency - double.latency).max() < 1e-3
    assert np.abs(single.slowing - double.slowing).max() < 0.01


def test_lanes_in_single_precision_do_not_feel_their_neighbours():
    conductance = np.linspace(0.1, 0.14, 19)
    settings = {"compartments": 30, "duration": 40.0, "precision": "single"}
    together = squid_run(parameters={"conductance_na": conductance}, threads=2, **settings)
    for lane in (0, 7, 18):
        alone = squid_run(parameters={"conductance_na": conductance[lane]}, **settings)
        assert all(np.array_equal(a, b) for a, b in zip(together.spikes[lane], alone.spikes[0], strict=True))


def test_a_membrane_that_single_precision_cannot_hold_is_refused():
    """exp(90) and more are infinite in single precision."""

    def gates(v, y, p):
        rise, fall = exp((v + 150) / 1.5), exp((v + 140) / 1.5)
        return {"m": (rise / (rise + fall), 1.0 + 0.0 * v)}

    steep = Membrane("steep", ("m",), {}, UNITS, gates, lambda v, y, p: p.conductance_na * y.m * (v + 65))
    settings = {"compartments": 5, "duration": 1.0}
    assert squid_run(steep, **settings).finite.all()
    with pytest.raises(ModelError, match="run it in double precision"):
        squid_run(steep, precision="single", **settings)
    with pytest.raises(ModelError, match="choose double or single"):
        squid_run(precision="half", **settings)


@pytest.mark.parametrize(("precision", "limit"), [("double", 2e-6), ("single", 1e-3)])
def test_tables_move_no_spike(monkeypatch, precision, limit):
    tabulated = squid_run(precision=precision)
    without_tables(monkeypatch)
    assert furthest(tabulated.spikes, squid_run().spikes) < limit


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_tables_are_the_equations(c_fibre, monkeypatch, precision, rows):
    """Every tabulated function of the C fibre at random voltages, read as the kernel reads it; gates that move rarely by the long step."""
    monkeypatch.setattr(tables.machine, "has", lambda feature: not rows)
    membrane, parameters, _ = prepared(c_fibre, 1.0)
    recorded = run.recorded(membrane)
    table = np.array([[[float(np.squeeze(parameters[name]))] for name in membrane.parameters]])
    move = Move(0.025, 0.125)
    rare = tuple(name.endswith(".s") for name in membrane.gate_names)
    fitted = tables.tabulate(recorded, table, precision, [move], Pace(rare))
    form, numbers = fitted.form, fitted.numbers[move]
    assert form.rows == rows
    assert sum(f >= 0 for f in form.share) >= len(form.share) - 1
    low, high = tables.span(form)
    assert low < -100.0 and high > 50.0
    voltage = np.random.default_rng(3).uniform(low, high, 4000)
    known = {node: table[0, k, 0] for k, node in enumerate(recorded.parameters)} | {recorded.voltage: voltage}
    first = np.concatenate([[0], np.cumsum([d + 1 for d in form.degrees])])
    for k in np.flatnonzero(np.array(form.share) >= 0):
        aim, rate = recorded.graph.evaluate([recorded.targets[k], recorded.rates[k]], known)
        share = -np.expm1(-rate * (move.long if rare[k] else move.short))
        for function, exact in ((form.target[k], aim), (form.share[k], share)):
            x = voltage * form.segments / tables.WIDTH + fitted.grid[form.grids[function]]
            segment = np.rint(x).astype(int)
            every = numbers[:, function].T if rows else numbers[first[function] : first[function + 1]]
            found = sum(row * (x - segment) ** power for power, row in enumerate(every[:, segment]))
            assert np.abs(found - exact).max() <= 1.1 * tables.TOLERANCE[precision] * np.abs(exact).max()


def test_the_shortest_step_decides_which_gates_keep_lost_digits(c_fibre):
    """In 1e-5 ms a gate goes a hundredth of the way that it goes in 1e-3 ms."""
    membrane, parameters, _ = prepared(c_fibre, 1.0)
    table = np.array([[[float(np.squeeze(parameters[name]))] for name in membrane.parameters]])

    def slow(*steps):
        return tables.tabulate(
            run.recorded(membrane), table, "single", [Move(step, step) for step in steps]
        ).form.slow

    assert slow(1e-3, 1e-5) == slow(1e-5)
    assert sum(slow(1e-5)) > sum(slow(1e-3))


def test_a_lane_beyond_the_tables_follows_the_equations_and_the_others_do_not_notice(monkeypatch):
    current = np.array([0.1, 3.0, 0.12])  # the second is driven far above 100 mV
    settings = {
        "compartments": 20,
        "duration": 20.0,
        "sample_every": 0.5,
        "parameters": {"conductance_na": 0.12 * np.ones(3)},
    }
    together = squid_run(current=current, **settings)
    assert together.voltage[1].max() > tables.LOWEST + tables.WIDTH
    for lane in (0, 2):
        alone = squid_run(current=current[lane], **settings)
        assert np.array_equal(together.voltage[lane], alone.voltage[0])
    without_tables(monkeypatch)
    written = squid_run(current=current, **settings)
    np.testing.assert_allclose(together.voltage, written.voltage, atol=1e-4)
    for along in (True, False):
        np.testing.assert_allclose(
            squid_run(current=current, along=along, **settings).final, written.final, atol=1e-6
        )


@pytest.mark.parametrize("along", [False, True])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_call_that_begins_beyond_the_tables_follows_the_equations(monkeypatch, along, precision):
    """One step takes the voltage from outside the tables, where its gates move first, to inside."""
    voltage = np.full((1, 20), -65.0)
    voltage[0, 7] = -109.0

    def final():
        return simulate(
            SQUID, cylinder(1000.0, 1.0, 20, 100.0), {"capacitance": 1.0, "conductance_na": 0.12}, duration=0.1, along=along,
            initial={"v": voltage, "m": 0.05, "h": 0.6, "n": 0.3}, precision=precision,
        ).final  # fmt: skip

    found = final()
    assert found[0, 7, 0] > tables.LOWEST
    without_tables(monkeypatch)
    np.testing.assert_allclose(found, final(), rtol=0.0, atol=1e-6)


def test_every_region_is_checked_for_steps_that_are_too_coarse():
    def gates(v, y, p):
        return {"m": (0.5 + 0.0 * v, p.speed + 0.0 * v)}

    membrane = Membrane(
        "regions", ("m",), {}, UNITS | {"speed": "1/ms"}, gates, lambda v, y, p: p.conductance_na * (v + 65)
    )
    pieces = (Branch(None, 100.0, 1.0, 4, 0), Branch(0, 100.0, 1.0, 4, 1))
    given = {"capacitance": 1.0, "conductance_na": 1e-4}
    with pytest.raises(ModelError, match="too coarse for gate `m`"):
        simulate(
            membrane, tree(pieces, 100.0), given | {"speed": np.array([[1.0], [500.0]])}, initial={"v": -65.0},
            duration=1.0,
        )  # fmt: skip


@pytest.mark.parametrize("along", [False, True])
def test_a_machine_without_wide_registers_gives_the_same(monkeypatch, along):
    expected = squid_run(compartments=30, duration=40.0, along=along)
    monkeypatch.setattr(machine, "has", lambda feature: False)
    monkeypatch.setattr(machine, "preferred_lanes", lambda: 4)
    for precision, limit in (("double", 2e-6), ("single", 1e-3)):
        found = squid_run(squid("narrow"), compartments=30, duration=40.0, along=along, precision=precision)
        assert furthest(found.spikes, expected.spikes) < limit


FUNCTIONS = {
    "exp": (np.exp, np.linspace(-80.0, 80.0, 4001), 3e-7),
    "expm1": (
        np.expm1,
        np.concatenate([-np.geomspace(1e-9, 80.0, 2000), np.geomspace(1e-9, 80.0, 2000)]),
        3e-7,
    ),
    "log": (np.log, np.concatenate([np.geomspace(1e-30, 1e30, 2000), np.linspace(0.5, 2.0, 2001)]), 3e-7),
    "log1p": (np.log1p, np.concatenate([np.linspace(-0.99, 3.0, 2001), np.geomspace(1e-12, 1.0, 500)]), 1e-6),
    "sqrt": (np.sqrt, np.concatenate([[0.0], np.geomspace(1e-30, 1e30, 2000)]), 3e-7),
    "tanh": (np.tanh, np.linspace(-15.0, 15.0, 3001), 1e-6),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), np.linspace(-80.0, 80.0, 3001), 1e-6),
}
QUICK = {"exp": 4e-9, "log": 2e-9, "sqrt": 1e-8}


def evaluated(kind: type[Vector], lanes: int, name: str, x: np.ndarray) -> np.ndarray:
    """A function of a vector class on an array."""
    module = ir.Module("one")
    pointer = ir.VectorType(kind.kind, lanes).as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer]), "one")
    builder = ir.IRBuilder(function.append_basic_block())
    value = getattr(kind(builder, lanes), name)(builder.load(function.args[0], align=4))
    builder.store(value, function.args[1], align=4)
    builder.ret_void()
    loaded = machine.Loaded(machine.compile_module(str(module)))
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(loaded.address("one"))
    given = np.concatenate([x, np.ones(-x.size % lanes)]).astype(
        np.float32 if kind.width == 32 else np.float64
    )
    result = np.empty_like(given)
    for i in range(0, given.size, lanes):
        call(given[i:].ctypes.data, result[i:].ctypes.data)
    return result[: x.size]


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_single_vectors(name, lanes):
    exact, x, limit = FUNCTIONS[name]
    x = x.astype(np.float32).astype(float)
    found, right = evaluated(SingleVector, lanes, name, x), exact(x)
    scale = np.maximum(np.abs(right), 1e-30) if name != "log" else np.maximum(np.abs(right), 0.2)
    assert np.nanmax(np.abs(found - right) / scale) < limit
    assert np.isnan(evaluated(SingleVector, lanes, name, np.array([np.nan]))[0]) or name in ("expm1", "tanh")


@pytest.mark.parametrize("name", QUICK)
def test_quick_functions_of_cables(name):
    exact, x, _ = FUNCTIONS[name]
    found, right = evaluated(CableVector, 8, name, x), exact(x)
    np.testing.assert_allclose(found, right, rtol=QUICK[name], atol=1e-11)
    assert np.isnan(evaluated(CableVector, 8, name, np.array([np.nan]))[0])
    if name != "exp":
        assert np.isnan(evaluated(CableVector, 8, name, np.array([-1.0]))[0])
