"""Schemes of states against the matrix exponential, against gates that are the same channel, and in every place a channel goes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import expm

from analgesia import evidence
from analgesia.channels import channel
from analgesia.engine import exp, where
from analgesia.engine.cable import Membrane, Pulse, cylinder, simulate
from analgesia.engine.markov import Scheme
from analgesia.errors import EvidenceError
from analgesia.nerve.clamp import clamp, time_constants
from analgesia.nerve.conduction import prepared
from analgesia.nerve.membranes import fibre
from analgesia.nerve.pictures import clamped
from analgesia.nerve.states import Block, NerveState

LIBRARY = evidence.load()
UNITS = {"capacitance": "uF/cm2", "conductance_na": "S/cm2"}


def matrix(scheme):
    q = np.zeros((len(scheme.states), len(scheme.states)))
    for (a, b), rate in scheme.rates.items():
        i, j = scheme.states.index(a), scheme.states.index(b)
        q[j, i] += rate
        q[i, i] -= rate
    return q


def random_scheme(seed, count=6):
    """A chain with some further transitions, one of them without its reverse."""
    states, draws = tuple("ABCDEFGH"[:count]), np.random.default_rng(seed)
    rates = {}
    for a, b in itertools.pairwise(states):
        rates[a, b], rates[b, a] = np.exp(draws.normal(0.0, 1.5, 2))
    rates[states[0], states[-1]] = 1.3
    return Scheme(states, rates)


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_of_third_order_and_rest_is_at_rest(seed):
    scheme = random_scheme(seed)
    q, start = matrix(scheme), np.eye(6)[seed]
    rest = np.array(list(scheme.rest().values()))
    np.testing.assert_allclose(q @ rest, 0.0, atol=1e-13 * np.abs(q).max())
    still = scheme.step(dict(zip(scheme.states, rest, strict=True)), 0.3)
    np.testing.assert_allclose(list(still.values()), 0.0, atol=1e-14)
    errors = []
    for dt in np.array([0.1, 0.05, 0.025]) / np.abs(q).max():
        moved = np.array(list(scheme.step(dict(zip(scheme.states, start, strict=True)), dt).values()))
        errors.append(np.abs(start + moved - expm(q * dt) @ start).max())
        assert (start + moved).sum() == pytest.approx(1.0, abs=1e-15)
    assert np.log2(errors[0] / errors[1]) > 3.6
    assert np.log2(errors[1] / errors[2]) > 3.6


def test_transitions_far_faster_than_the_step_come_to_their_equilibrium():
    scheme = Scheme(("A", "B", "C"), {("A", "B"): 3e4, ("B", "A"): 1e4, ("B", "C"): 0.1, ("C", "B"): 0.2})
    moved = scheme.step({"A": 1.0, "B": 0.0, "C": 0.0}, 0.025)
    assert 1.0 + moved["A"] == pytest.approx(0.25 * (1 - moved["C"]), rel=1e-3)
    assert moved["B"] > 0.0
    assert 0.0 < moved["C"] < 0.0025


def ratio(x, y):
    return where(abs(x / y) < 1e-6, y * (1 - x / y / 2), x / (exp(x / y) - 1))


def m_rates(v):
    return 0.1 * ratio(-(v + 40), 10), 4 * exp(-(v + 65) / 18)


def h_rates(v):
    return 0.07 * exp(-(v + 65) / 20), 1 / (exp(-(v + 35) / 10) + 1)


def n_rates(v):
    return 0.01 * ratio(-(v + 55), 10), 0.125 * exp(-(v + 65) / 80)


def gate(rates):
    return rates[0] / (rates[0] + rates[1]), rates[0] + rates[1]


def flow(v, opened, n, p):
    return p.conductance_na * opened * (v - 50) + 0.036 * n**4 * (v + 77) + (v + 65) / 40_000


SQUID = Membrane(
    "squid", ("m", "h", "n"), {}, UNITS, lambda v, y, p: {"m": gate(m_rates(v)), "h": gate(h_rates(v)), "n": gate(n_rates(v))},
    lambda v, y, p: flow(v, y.m**3 * y.h, y.n, p),
)  # fmt: skip

TWO = ("n0", "n1")
TWO_STATES = Membrane(
    "two states", ("m", "h", *TWO), {}, UNITS, lambda v, y, p: {"m": gate(m_rates(v)), "h": gate(h_rates(v))},
    lambda v, y, p: flow(v, y.m**3 * y.h, y.n1, p),
    schemes=lambda v, y, p: [Scheme(TWO, dict(zip([TWO, TWO[::-1]], n_rates(v), strict=True)))],
)  # fmt: skip


def sodium_scheme(v, y, p):
    """m^3 h as eight states: how many m are open, and h."""
    (am, bm), (ah, bh) = m_rates(v), h_rates(v)
    rates = {}
    for k in range(4):
        rates[f"c{k}", f"o{k}"], rates[f"o{k}", f"c{k}"] = ah, bh
    for h in "co":
        for k in range(3):
            rates[f"{h}{k}", f"{h}{k + 1}"], rates[f"{h}{k + 1}", f"{h}{k}"] = (3 - k) * am, (k + 1) * bm
    return [Scheme(EIGHT, rates)]


EIGHT = tuple(f"{h}{k}" for h in "co" for k in range(4))
EIGHT_STATES = Membrane(
    "eight states", ("n", *EIGHT), {}, UNITS, lambda v, y, p: {"n": gate(n_rates(v))}, lambda v, y, p: flow(v, y.o3, y.n, p),
    schemes=sodium_scheme,
)  # fmt: skip


def run(membrane, dt=0.025, duration=60.0, **settings):
    return simulate(
        membrane, cylinder(1000.0, 1.0, 20, 100.0), {"capacitance": 1.0, "conductance_na": 0.12}, duration=duration, dt=dt,
        initial={"v": -65.0}, pulses=[Pulse(0, 0.0, 1e9, 0.1)], probes=[0, 19], threshold=-20.0, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("membrane", [TWO_STATES, EIGHT_STATES], ids=["two", "eight"])
@pytest.mark.parametrize("along", [False, True])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_scheme_is_the_gate_it_stands_for(membrane, along, precision):
    expected = run(SQUID)
    found = run(membrane, along=along, precision=precision)
    for one, other in zip(found.spikes[0], expected.spikes[0], strict=True):
        assert len(one) == len(other) >= 4
        np.testing.assert_allclose(one, other, atol=0.01)
    states = [1 + membrane.gate_names.index(s) for s in (TWO if membrane is TWO_STATES else EIGHT)]
    shares = found.final[..., states]
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, atol=1e-12 if precision == "double" else 1e-6)
    assert shares.min() > -1e-6


def test_a_scheme_converges_to_its_gate_with_the_step():
    apart = [
        abs(run(EIGHT_STATES, dt).spikes[0][1][-1] - run(SQUID, dt).spikes[0][1][-1])
        for dt in (0.04, 0.02, 0.01)
    ]
    assert np.all(np.log2(np.array(apart[:-1]) / apart[1:]) > 2.0), apart


def test_a_scheme_is_drawn(tmp_path):
    found = channel("nav_resurgent", LIBRARY)
    clamped(found, clamp(found), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_the_resurgent_channel_opens_again_on_repolarisation():
    """Greatest near -30 to -40 mV after a step to +30 mV, some per cent of the transient (khaliq2003)."""
    found = channel("nav_resurgent", LIBRARY)
    assert len(found.states) == 13
    curves = clamp(found, 22.0)
    rest = found.rest(22.0, V=-90.0)
    q = {v: matrix(found.scheme(22.0, V=v)) for v in (30.0, -70.0, -55.0, -40.0, -30.0, 0.0)}
    used = expm(q[30.0] * 10.0) @ np.array(list(rest.values()))
    again = {
        v: max((expm(q[v] * t) @ used)[found.states.index("O")] for t in np.arange(1.0, 20.0, 0.5))
        for v in list(q)[1:]
    }
    assert max(again, key=again.get) in (-40.0, -30.0)
    assert 0.01 < again[-40.0] / curves.activation.max() < 0.1
    assert again[-70.0] < 0.5 * again[-40.0]
    assert again[0.0] < 0.5 * again[-40.0]
    assert set(time_constants(found, curves.voltages, 37.0)) == set(found.states)


@pytest.fixture(scope="module")
def with_resurgent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    (folder / "neurons").mkdir()
    names = " ".join([*fibre("c_fibre", LIBRARY).channels, "nav_resurgent"])
    (folder / "neurons" / "c.toml").write_text(
        f'name = "c_fibre"\n[equations]\nchannels = "{names}"\n[parameters.conductance]\n'
        'nav_resurgent = { value = 0.002, unit = "S/cm2", assumed = "a test" }\n'
    )
    return fibre("c_fibre", evidence.load(overlays=[folder]))


BLOCKED = NerveState(shifts={"nav_resurgent": -3.0}, blocks={"nav_resurgent": Block(0.2, 1.0, 0.01)})


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("state", [NerveState(), BLOCKED], ids=["plain", "blocked"])
def test_a_fibre_with_a_scheme_rests_and_fires(with_resurgent, state, precision):
    membrane, parameters, initial = prepared(with_resurgent, 1.0, state)
    geometry = cylinder(1500.0, 1.0, 30, with_resurgent.resistivity)
    settings = {"initial": initial, "dt": 0.025, "probes": [22], "along": True, "precision": precision}
    quiet = simulate(membrane, geometry, parameters, duration=10.0, **settings)
    shift = 1e-3 if state.empty else 1.0  # a drug meets leaks that were set without it
    np.testing.assert_allclose(quiet.final[..., 0], initial["v"], atol=shift)
    fired = simulate(
        membrane, geometry, parameters, duration=12.0, pulses=[Pulse(0, 2.0, 1.0, 0.5)], **settings
    )
    assert len(fired.spikes[0][0]) == 1
    states = [
        1 + k
        for k, name in enumerate(membrane.gate_names)
        if name.startswith("nav_resurgent.") and "bound" not in name
    ]
    shares = fired.final[..., states]
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, atol=1e-12 if precision == "double" else 1e-6)
    assert shares.min() > -1e-6


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ('states = "C O"\nrate_C_O = "a"\nrate_O_C = "a"', "needs an equation `open`"),
        ('states = "C O"\nopen = "O"\nrate_C_O = "a"\nrate_O_X = "a"', "rate_O_X is no transition"),
        ('states = "C O I"\nopen = "O"\nrate_C_O = "a"\nrate_O_C = "a"', "state `I` cannot be reached"),
        ('states = "C O"\nopen = "O"\nrate_C_O = "a"', "state `O` cannot be left"),
        ('states = "C C"\nopen = "C"', "name of its own"),
        ('states = "C"\nopen = "C"', "two or more states"),
        ('gates = "m"\nstates = "C O"\nopen = "O"\nrate_C_O = "a"\nrate_O_C = "a"\ninf_m = "1"\ntau_m = "1 / a"', "both `gates`"),
        ('gates = "m"\nopen = "m"\ninf_m = "1"\ntau_m = "1 / a"\nrate_C_O = "a"', "name its `states`"),
    ],
)  # fmt: skip
def test_a_broken_scheme_is_one_clear_message(tmp_path, equations, message):
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "mine.toml").write_text(
        'name = "mine"\ntitle = "Mine"\nkind = "potassium"\ndescription = "a test"\n[equations]\n'
        + equations
        + '\n[parameters]\na = { value = 1, unit = "1/ms", assumed = "a test" }\n'
    )
    with pytest.raises(EvidenceError, match=message):
        channel("mine", evidence.load(overlays=[tmp_path]))


def test_a_transition_without_its_reverse_is_allowed(tmp_path):
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "mine.toml").write_text(
        'name = "mine"\ntitle = "Mine"\nkind = "potassium"\ndescription = "a ring"\n[equations]\nstates = "A B C"\nopen = "C"\n'
        'rate_A_B = "a"\nrate_B_C = "2 * a"\nrate_C_A = "4 * a"\n'
        '[parameters]\na = { value = 1, unit = "1/ms", assumed = "a test" }\n'
    )
    found = channel("mine", evidence.load(overlays=[tmp_path]))
    assert found.rest(37.0) == pytest.approx({"A": 4 / 7, "B": 2 / 7, "C": 1 / 7})
    assert clamp(found).steady == pytest.approx(1 / 7)
