"""The soma's core against the published one: resting potential and firing rate; its calcium."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.engine.system import Namespace
from analgesia.nerve.soma import fire, resting_gates, soma

ADDED = (
    "conductance_km",
    "conductance_hcn",
    "conductance_nav_persistent",
    "conductance_cav2_2",
    "conductance_sk",
    "conductance_bk",
    "calcium_balance",
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
    passive |= {"balance": 0.0, "calcium_balance": 0.0, "drive": np.zeros(32)}
    found = fire(cell, passive, 4000.0, settle=200.0, step=0.1)
    leak, tau = passive["conductance_leak"], passive["capacitance"] / passive["conductance_leak"]
    density = passive["strength"] * 1e-6 / passive["area"]
    expected = density / leak * np.sqrt(passive["correlation"] / (passive["correlation"] + tau))
    assert found.voltage.std() == pytest.approx(expected, rel=0.05)


def test_calcium_enters_by_its_charge_into_a_buffered_shell(cell):
    """1 uA/cm2 for 1 ms is 1e-9 C: 5.18e-15 mol/cm2 of a divalent ion, over 0.55 um and 371 ions bound or free for each free one."""
    opened = dict(cell.parameters) | {"calcium_balance": 0.0}
    gates = resting_gates(cell, 0.0)
    state = Namespace(
        {
            **gates,
            "v": 0.0,
            "noise": 0.0,
            "calcium": cell.parameters["calcium_rest"],
            "count": 0.0,
            "armed": 0.0,
        },
        "state",
    )
    rates = cell.network.derivatives(0.0, state, Namespace(opened, "parameter"))
    found = cell.channels["cav2_2"]
    inward = (
        opened["conductance_cav2_2"]
        * found.open({g: gates[f"cav2_2.{g}"] for g in found.gates}, V=0.0)
        * 132.5
    )
    assert inward > 0.0
    molar = inward * 1e-9 / (2 * 96485.33) / (0.55e-4 * 371) * 1e6  # mM in one ms
    assert rates["calcium"] == pytest.approx(molar, rel=1e-9)


def test_calcium_opened_potassium_slows_repetitive_firing(cell):
    """The current that the published bladder cell has, at its density, lowers the rate at which a driven cell fires."""
    driven = dict(cell.parameters) | {"strength": 0.0, "drive": np.array([300.0])}
    with_sk = fire(cell, driven, 2000.0, step=0.1).rates[0]
    without = fire(cell, driven | {"conductance_sk": 0.0}, 2000.0, step=0.1).rates[0]
    assert 0.0 < with_sk < without


def test_firing_adapts_by_slow_inactivation_of_nav1_8(cell):
    """A step of current: firing slows and stops within seconds, as in small cells of rats (blair2003).

    With slow and ultra-slow inactivation held where they rest it goes on, though the calcium-opened and M currents are still there.
    """
    driven = dict(cell.parameters) | {"strength": 0.0, "drive": np.array([200.0, 300.0])}
    gates = resting_gates(cell, cell.rest)
    held = driven | {
        "conductance_nav1_8_soma": driven["conductance_nav1_8_soma"] * gates[FROZEN[0]] * gates[FROZEN[1]]
    }
    adapting = fire(cell, driven, 2500.0, settle=0.0, every=1.0, step=0.1)
    lasting = fire(cell, held, 2500.0, settle=0.0, every=1.0, step=0.1, frozen=FROZEN)
    for times, steady in zip(adapting.spikes, lasting.spikes, strict=True):
        intervals, others = np.diff(times), np.diff(steady)
        assert intervals[-1] > 1.5 * intervals[0]
        assert _rate(times, 0.0, 0.3) > 20.0
        assert _rate(times, 2.0, 2.5) == 0.0
        assert others[-1] < 1.2 * others[0]
        assert _rate(steady, 2.0, 2.5) > 0.85 * _rate(steady, 0.0, 0.5)


def _rate(times, start, end):
    return np.sum((times >= start) & (times < end)) / (end - start)


def test_slow_inactivation_of_nav1_8_is_as_fast_as_in_rats(cell):
    """blair2003: entry in about 0.2 s at 0 mV, recovery in about 1.5 s at -60 and 0.5 s at -100 mV, half inactivated after 5 s at -45 mV.

    The gates are those of the fibre: after 1 s of depolarisation they recover within a factor of two of that; half is reached at -52 mV.
    """
    found = cell.channels["nav1_8_soma"]
    at = {
        v: [tuple(map(float, found.kinetics(gate, 22.0, V=v, Ca=1e-4))) for gate in "su"]
        for v in (-100.0, -60.0, -52.0, 0.0)
    }

    def available(held, t, start):
        return np.prod(
            [
                target + (old - target) * np.exp(-t * rate)
                for (target, rate), old in zip(at[held], start, strict=True)
            ],
            axis=0,
        )

    def constant(course):
        """ms until 1/e of a change is left"""
        left = (course - course[-1]) / (course[0] - course[-1])
        return float(np.argmax(left < np.exp(-1.0)))

    ms = np.arange(5001.0)
    rested = [target for target, _ in at[-100.0]]
    assert constant(available(0.0, ms, rested)) == pytest.approx(200.0, rel=0.2)
    spent = [
        target + (old - target) * np.exp(-1000.0 * rate)
        for (target, rate), old in zip(at[0.0], rested, strict=True)
    ]
    assert 750.0 < constant(available(-60.0, ms, spent)) < 1500.0
    assert 250.0 < constant(available(-100.0, ms, spent)) < 1000.0
    assert available(-52.0, 5000.0, rested) / np.prod(rested) == pytest.approx(0.5, abs=0.05)


def test_opioids_hyperpolarise_cells_that_have_the_channel(cell):
    opened = dict(cell.parameters) | {"strength": 0.0, "conductance_girk": cell.added["girk"]}
    moved = fire(cell, opened, 1000.0, step=0.1).voltage[0, -1] - cell.rest
    assert -5.0 < moved < -0.01
