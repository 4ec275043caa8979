"""Delays against the method of steps, triggers and checkpoints against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analgesia.engine import Delay, Kind, Scheduled, Status, System, Trigger, solve
from analgesia.errors import ModelError


def delayed(by, before: str = "initial", parameters: tuple[str, ...] = ("tau",)) -> System:
    return System(
        "delayed",
        {"y": "1"},
        dict.fromkeys(parameters, "h"),
        lambda t, y, p, past: {"y": -past.y},
        {"y": "1"},
        lambda t, y, p: {"y": y.y},
        initial={"y": 1.0},
        delays={"y": Delay("y", by, before)},
    )


FIXED = delayed(lambda t, y, p: p.tau)
TIMES = np.linspace(0.0, 6.0, 25)


def method_of_steps(t: float, tau: float) -> float:
    """y' = -y(t - tau), y = 1 before 0."""
    terms = range(int(t / tau) + 2)
    return sum((-1) ** k * (t - (k - 1) * tau) ** k / math.factorial(k) for k in terms if t >= (k - 1) * tau)


def test_fixed_delay_follows_its_tolerance_with_more_patients_than_lanes() -> None:
    delays = np.linspace(0.7, 1.6, 27)
    exact = np.array([[method_of_steps(t, tau) for t in TIMES] for tau in delays])
    for tolerance in (1e-5, 1e-7, 1e-9):
        got = solve(FIXED, {"tau": delays}, times=TIMES, rtol=tolerance, atol=tolerance).raise_for_status()
        assert np.abs(got.output("y") - exact).max() < 60 * tolerance


def test_a_delay_of_zero_is_the_present_and_a_small_one_nearly_so() -> None:
    got = solve(FIXED, {"tau": np.array([0.0, 1e-4])}, times=TIMES, rtol=1e-8, atol=1e-10).raise_for_status()
    assert np.abs(got.output("y")[0] - np.exp(-TIMES)).max() < 1e-8
    assert np.abs(got.output("y")[1] - np.exp(-TIMES)).max() < 1e-3


def test_pantograph_whose_delay_grows_from_zero() -> None:
    """y' = -y(t / 2)."""
    exact, term = np.zeros_like(TIMES), 1.0
    for k in range(60):
        exact += term * TIMES**k
        term *= -(0.5**k) / (k + 1)
    system = delayed(lambda t, y, p: t / 2, parameters=())
    got = solve(system, {}, times=TIMES, rtol=1e-8, atol=1e-8).raise_for_status()
    assert np.abs(got.output("y")[0] - exact).max() < 1e-7


def test_before_the_start_the_present_value_can_stand_in() -> None:
    got = solve(delayed(lambda t, y, p: p.tau, "present"), {"tau": 2.0}, times=TIMES, rtol=1e-8, atol=1e-10)
    early = TIMES <= 2.0
    assert np.abs(got.output("y")[0, early] - np.exp(-TIMES[early])).max() < 1e-7


def test_a_history_that_is_too_short_says_so() -> None:
    got = solve(FIXED, {"tau": 1.0}, times=TIMES, rtol=1e-12, atol=1e-12, history=8)
    assert got.status[0] == Status.HISTORY_TOO_SHORT
    with pytest.raises(ModelError, match="raise `history`"):
        got.raise_for_status()


def test_delays_do_not_depend_on_chunks_threads_or_neighbours() -> None:
    delays = np.linspace(0.2, 2.0, 21)
    whole = solve(FIXED, {"tau": delays}, times=TIMES)
    parts = solve(FIXED, {"tau": delays}, times=TIMES, chunk=5, threads=2)
    assert np.array_equal(whole.states, parts.states)
    for i in (0, 9, 20):
        assert np.array_equal(solve(FIXED, {"tau": delays[i]}, times=TIMES).states[0], whole.states[i])


def test_checkpoint_of_a_delayed_system_continues_the_same_solution() -> None:
    first = solve(FIXED, {"tau": 1.0}, times=TIMES[:13], rtol=1e-8, atol=1e-8, checkpoint=True, history=256)
    rest = solve(FIXED, {}, times=TIMES[13:], rtol=1e-8, atol=1e-8, resume=first.checkpoint)
    assert np.abs(rest.output("y")[0] - [method_of_steps(t, 1.0) for t in TIMES[13:]]).max() < 1e-6


DECAY = System(
    "decay",
    {"y": "1"},
    {"k": "1/h"},
    lambda t, y, p: {"y": -p.k * y.y},
    {"c": "1"},
    lambda t, y, p: {"c": y.y},
    initial={"y": 1.0},
)
RATES = np.linspace(0.3, 2.0, 21)
CROSSING = np.log(2.5) / RATES
GRID = np.linspace(0.0, 8.0, 33)
TIGHT = {"rtol": 1e-9, "atol": 1e-12}


def with_additions(times: np.ndarray, additions: list[float]) -> np.ndarray:
    result = np.exp(-RATES[:, None] * times)
    for after in additions:
        since = times - (CROSSING[:, None] + after)
        result = result + np.where(since > 0, np.exp(-RATES[:, None] * np.maximum(since, 0.0)), 0.0)
    return result


REGIMEN = Trigger("c", 0.4, "falling", [Scheduled(Kind.ADD, "y", 1.0, after=0.5, repeat=3, every=1.0)])


def test_a_regimen_that_a_crossing_sets_off() -> None:
    got = solve(DECAY, {"k": RATES}, times=GRID, triggers=[REGIMEN], **TIGHT).raise_for_status()
    assert np.abs(got.crossings[:, 0, 0] - CROSSING).max() < 2e-9
    assert np.abs(got.output("c") - with_additions(GRID, [0.5, 1.5, 2.5])).max() < 5e-9
    coarse = solve(DECAY, {"k": RATES}, times=GRID[::8], triggers=[REGIMEN], chunk=4, threads=2, **TIGHT)
    assert np.array_equal(coarse.crossings, got.crossings)
    assert np.array_equal(coarse.output("c"), got.output("c")[:, ::8])


def test_a_checkpoint_keeps_what_a_trigger_has_scheduled() -> None:
    first = solve(DECAY, {"k": RATES}, times=GRID[GRID <= 2], triggers=[REGIMEN], checkpoint=True, **TIGHT)
    rest = solve(DECAY, {}, times=GRID[GRID > 2], resume=first.checkpoint, **TIGHT)
    crossed = CROSSING < 2
    want = with_additions(GRID[GRID > 2], [0.5, 1.5, 2.5])
    assert np.abs(rest.output("c") - want)[crossed].max() < 5e-9


def test_titration_changes_a_parameter_at_a_checkpoint() -> None:
    first = solve(DECAY, {"k": RATES}, times=[0.0, 1.0], checkpoint=True, **TIGHT)
    rest = solve(DECAY, {"k": 2 * RATES}, times=[1.0, 2.0], resume=first.checkpoint, **TIGHT)
    assert np.allclose(rest.output("c")[:, 1], np.exp(-3 * RATES), rtol=1e-8)


def test_a_terminal_trigger_stops_the_patient_there() -> None:
    got = solve(
        DECAY, {"k": RATES}, times=GRID, triggers=[Trigger("c", 0.4, terminal=True)], **TIGHT
    ).raise_for_status()
    assert (got.status == Status.STOPPED).all()
    assert np.allclose(got.final_states[:, 0], 0.4, atol=1e-8)
    assert np.array_equal(np.isnan(got.output("c")), CROSSING[:, None] < GRID)


def test_crossings_of_an_oscillator_in_both_directions() -> None:
    oscillator = System(
        "oscillator", {"x": "1", "v": "1"}, {}, lambda t, y, p: {"x": y.v, "v": -y.x}, {"x": "1"}, lambda t, y, p: {"x": y.x},
        time_unit="1", initial={"x": 1.0},
    )  # fmt: skip
    triggers = [Trigger("x", 0.0, "rising", limit=4), Trigger("x", 0.5, "both", limit=4)]
    got = solve(oscillator, {}, times=[0.0, 30.0], triggers=triggers, rtol=1e-9, atol=1e-9)
    assert np.allclose(got.crossings[0, 0], np.pi * (1.5 + 2 * np.arange(4)), atol=1e-7)
    assert np.allclose(got.crossings[0, 1], np.pi * np.array([1, 5, 7, 11]) / 3, atol=1e-7)


def test_an_action_that_asks_whether_it_is_still_needed() -> None:
    rescue = [
        Scheduled(Kind.ADD, "y", 1.0, after=0.2),
        Scheduled(Kind.ADD, "y", 100.0, after=0.5, still=True),
    ]
    got = solve(DECAY, {"k": 1.0}, times=GRID, triggers=[Trigger("c", 0.4, "falling", rescue)], **TIGHT)
    assert got.output("c").max() < 2.0
    alone = solve(DECAY, {"k": 1.0}, times=GRID, triggers=[Trigger("c", 0.4, "falling", rescue[1:])], **TIGHT)
    assert alone.output("c").max() > 50.0
