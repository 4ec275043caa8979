"""Gates and pools that move in every sixth step: which, when, what it costs in accuracy, and the code that comes of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from analgesia import evidence
from analgesia.engine import machine
from analgesia.engine.cable import Membrane, Pulse, Stage, code, cylinder, pace, simulate, tables, terms
from analgesia.engine.cable.pace import Move, Pace
from analgesia.engine.cable.run import recorded
from analgesia.nerve.conduction import conduct, prepared
from analgesia.nerve.membranes import fibre


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", evidence.load())


@pytest.fixture(scope="module")
def known(c_fibre):
    """Parameters [region, parameter, lane] and initial state by node."""
    membrane, parameters, initial = prepared(c_fibre, 1.0)
    r = recorded(membrane)
    table = np.array([[[float(np.squeeze(parameters[name]))] for name in membrane.parameters]])
    given = {node: table[0, k] for k, node in enumerate(r.parameters)}
    return (
        membrane,
        table,
        given | {n: np.array([initial[p]]) for n, p in zip(r.pools, membrane.pools, strict=True)},
    )


@pytest.mark.parametrize("steps", [1, 5, 6, 8, 12, 4003])
@pytest.mark.parametrize("centred", [True, False])
def test_the_calls_of_a_stage_are_its_steps_and_move_gates_by_its_length(steps, centred):
    dt = 0.025
    stages = [Stage(steps * dt, dt, "crank-nicolson" if centred else "backward-euler")]
    found = list(pace.calls(stages, 0, Pace((True,))))
    assert sum(call.steps for call in found) == steps
    assert [call.first for call in found] == np.cumsum([0, *(call.steps for call in found[:-1])]).tolist()
    moved = {"short": 0.0, "long": 0.0}
    for call in found:
        assert call.every in (1, pace.EVERY)
        moved["short"] += call.steps * call.move.short
        opened = sum((call.first + k) % call.every == 0 for k in range(call.steps))
        moved["long"] += opened * call.move.long
    ahead = 0.5 if centred else 0.0
    assert moved["short"] == pytest.approx((steps - 1 + ahead) * dt)
    whole = pace.EVERY if steps >= pace.EVERY else 1
    assert moved["long"] == pytest.approx((steps - whole + (whole - 1) / 2 + ahead) * dt)
    assert set(pace.moves(stages, Pace((True,)))) == {call.move for call in found}


def test_slow_gates_and_the_pools_of_the_c_fibre_move_rarely_whatever_the_step(c_fibre, known):
    membrane, table, given = known
    r = recorded(membrane)
    paces = [pace.pace(r, table, given, [Stage(10.0, dt)]) for dt in (0.025, 0.0125, 0.001)]
    assert len(set(paces)) == 1 and paces[0].pools
    rare = {name for name, rarely in zip(membrane.gate_names, paces[0].gates, strict=True) if rarely}
    assert {"nav1_7.s", "nav1_8.s", "nav1_8.u", "km.s", "hcn.s", "hcn.f"} <= rare
    assert rare.isdisjoint({"nav1_7.m", "nav1_7.h", "nav1_8.m", "nav1_8.h", "kdr.n"})
    assert pace.pace(r, table, given, [Stage(10.0, 1.0, quiet=True)]) == pace.even(r)
    coarse = pace.pace(r, table, given, [Stage(10.0, 2.0)])
    assert sum(coarse.gates) < len(rare)


def test_gates_of_one_speed_and_pools_that_open_gates_move_in_every_step():
    units = {"capacitance": "uF/cm2", "conductance": "S/cm2"}

    def gates(v, y, p):
        return {
            "m": (0.5 + 0.0 * v, 10.0 + 0.0 * v),
            "n": (y.calcium, 0.01 + 0.0 * v),
            "h": (0.1 + 0.0 * v, 5.0 + 0.0 * v),
        }

    def current(v, y, p):
        return p.conductance * y.m * y.n * y.h * (v + 65)

    calcium = Membrane(
        "calcium", ("m", "n", "h"), {"calcium": "mM"}, units, gates, current, lambda v, y, p: {"calcium": 1e-3 * (0.1 - y.calcium)}
    )  # fmt: skip
    r = recorded(calcium)
    given = {n: np.array([0.1]) for n in (*r.pools, *r.parameters)}
    found = pace.pace(r, np.full((1, 2, 1), 0.1), given, [Stage(1.0, 0.01)])
    assert found.gates == (False, True, False) and not found.pools


def test_gathered_terms_are_the_equations(known):
    """Current and slope at random states, and far fewer operations left for each step."""
    membrane, table, given = known
    r = recorded(membrane)
    chosen = pace.pace(r, table, given, [Stage(10.0, 0.025)])
    found, kept = terms.resting(r, chosen)
    random = np.random.default_rng(5)
    gates, voltage = random.uniform(0.0, 1.0, (len(r.gates), 200)), random.uniform(-90.0, 50.0, 200)
    values = []
    for m in (r, found):
        here = {node: table[0, k] for k, node in enumerate(m.parameters)} | dict(
            zip(m.gates, gates, strict=True)
        )
        here |= {node: given[old] for node, old in zip(m.pools, r.pools, strict=True)} | {m.voltage: voltage}
        values.append(m.graph.evaluate([m.current, m.slope, *m.offset, *m.gain], here))
    for one, other in zip(*values, strict=True):
        np.testing.assert_allclose(other, np.broadcast_to(one, np.shape(other)), rtol=1e-10, atol=1e-18)

    def operations(m, known):
        pending, seen = [m.current, m.slope], set()
        while pending:
            node = pending.pop()
            if node not in seen and node not in known:
                seen.add(node)
                pending += m.graph.args[node]
        return sum(m.graph.ops[n] not in ("const", "input") for n in seen)

    assert operations(found, {*found.parameters, *found.hoisted, *kept}) < 30
    assert operations(r, {*r.parameters, *r.hoisted}) > 90
    assert terms.resting(r, Pace()) == (r, ())


def test_long_steps_keep_velocity_latency_and_slowing(c_fibre, monkeypatch):
    """The change is a twentieth of the error of the step itself, which is that to a quarter of it."""
    times = 200.0 * np.arange(20)

    def run(step):
        found = conduct(c_fibre, times, diameter=1.0, length=3.0, stimulus=0.5, step=step)
        return np.array([found.velocity, found.latency[0], found.latency[-1], found.slowing[-1]])

    long = run(0.025)
    monkeypatch.setattr(pace, "FAIR", 0.0)
    short, fine = run(0.025), run(0.00625)
    assert np.all(np.abs(long - short) < np.array([0.05, 0.05, 0.05, 0.1]) * np.abs(short - fine))


def test_looks_at_pools_lie_evenly_around_the_middle_of_a_long_step():
    looks = [k for k in range(pace.EVERY) if k % pace.APART == pace.APART // 2]
    assert np.mean(looks) == (pace.EVERY - 1) / 2
    assert set(np.diff(looks)) <= {pace.APART}


def test_the_charge_of_a_spike_enters_the_pools(c_fibre):
    """Within half a percent of what a tenth of the step finds, wherever in a long step the spike began."""
    membrane, parameters, initial = prepared(c_fibre, 1.0)

    def moved(dt, begin, **settings):
        found = simulate(
            membrane, cylinder(1000.0, 1.0, 10, c_fibre.resistivity), parameters, initial=initial, duration=7.2, dt=dt, along=True,
            pulses=[Pulse(0, begin, 1.0, 0.6)], probes=[5], **settings,
        )  # fmt: skip
        assert len(found.spikes[0][0]) == 1
        return found.final[0, 2:, -4] - initial["na_in"]

    exact = moved(0.0025, 1.0, long_steps=False)
    for k in range(3):
        np.testing.assert_allclose(moved(0.025, 1.0 + 0.025 * k), exact, rtol=5e-3)


@pytest.mark.parametrize("method", ["crank-nicolson", "backward-euler"])
@pytest.mark.parametrize("along", [False, True])
def test_a_stage_that_is_no_whole_number_of_long_steps(c_fibre, along, method):
    membrane, parameters, initial = prepared(c_fibre, 1.0)
    stages = [
        Stage(5.05, 0.025, method),
        Stage(1.0, 0.5, "backward-euler", quiet=True),
        Stage(8.075, 0.025, method),
    ]

    def run(long_steps):
        return simulate(
            membrane, cylinder(1000.0, 1.0, 20, c_fibre.resistivity), parameters, initial=initial, stages=stages, along=along,
            long_steps=long_steps,
            pulses=[Pulse(0, 7.0, 1.0, 0.4)], probes=[5, 15],
        )  # fmt: skip

    found, exact = run(True), run(False)
    assert len(found.spikes[0][1]) == 1
    for one, other in zip(found.spikes[0], exact.spikes[0], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    np.testing.assert_allclose(found.final[..., -4:], exact.final[..., -4:], rtol=1e-3)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_step_is_packed_vector_code(known, precision):
    membrane, table, given = known
    r = recorded(membrane)
    chosen = pace.pace(r, table, given, [Stage(10.0, 0.025)])
    form = tables.tabulate(r, table, precision, [Move(0.025, 0.15)], chosen).form
    lanes = machine.preferred_lanes() * (2 if precision == "single" else 1)
    listing = machine.assembly(code.Kernel(r, lanes, form).text())
    kind = {"double": ("pd", "sd", "2d"), "single": ("ps", "ss", "4s")}[precision]
    packed = re.findall(
        rf"\tv?(?:fn?m\w+\d{{3}}|add|mul|sub|div){kind[0]}\b|\tf\w+\tv\d+\.{kind[2]}", listing
    )
    scalar = re.findall(rf"\tv?(?:fn?m\w+\d{{3}}|add|mul|sub|div){kind[1]}\b", listing)
    assert len(packed) > 300
    assert len(scalar) < 4 * lanes  # the time of a spike
