"""Every feature of the dosing record against sums of exact solutions of one compartment with absorption."""

from __future__ import annotations

import numpy as np
import pytest
from tests.oracles.linear_kinetics import PARAMETERS, VOLUME, bolus, depot_infusion, infusion, oral, walk

from analgesia.engine import Doses, System, solve
from analgesia.engine.events import expand
from analgesia.errors import ModelError
from analgesia.kinetic_models import NAMES, kinetic_model

MODEL = kinetic_model("one_compartment_oral")
TIMES = np.arange(0.0, 131.0)
FOR_EVER = 900.0  # hours of implied doses before a steady state: 71 half-lives


def amounts(times=TIMES, **columns) -> np.ndarray:
    """Central amount at `times`, the records of `columns` standing before the observations of the same time."""
    columns = {k: np.atleast_1d(np.asarray(v)) for k, v in columns.items()}
    size = max(v.size for v in columns.values())
    defaults = {"compartment": "central", "time": 0.0, "evid": 1, "amount": 0.0}
    columns = {k: np.broadcast_to(v, size) for k, v in (defaults | columns).items()}
    n = len(times)
    filler = {"compartment": "central", "bioavailability": 1.0}
    rows = {k: np.concatenate([v, np.full(n, filler.get(k, 0))]) for k, v in columns.items()}
    rows["time"][size:] = times
    if "bioavailability" not in rows:
        rows["bioavailability"] = np.ones(size + n)
    doses = Doses.from_columns(patient=0, row=np.concatenate([np.full(size, -1), np.arange(n)]), **rows)
    table = expand(
        doses, MODEL, {k: np.array([v]) for k, v in PARAMETERS.items()}, 1, until=times[-1], rtol=1e-9
    )
    return walk(MODEL, table, 0, PARAMETERS, n)[:, 1]


def repeated(kernel, interval, last, lag=0.0, first=-FOR_EVER, times=TIMES):
    """Sum of `kernel(t - entry)` over entries lag + k interval, k interval from `first` (the past) to `last`."""
    k = np.arange(np.ceil(first / interval), last + 1)
    return sum(kernel(times - (lag + j * interval)) for j in k)


CASES = {
    "bolus, additional": (
        {"amount": 100, "addl": 3, "ii": 24, "compartment": "depot"},
        lambda: repeated(lambda t: oral(t, 100), 24, 3, first=0),
    ),
    "infusion, bioavailability scales its duration": (
        {"amount": 480, "rate": 10, "bioavailability": 0.5},
        lambda: infusion(TIMES, 10, 24),
    ),
    "modelled duration, bioavailability scales the rate": (
        {"amount": 480, "rate": -2, "modelled_duration": 48, "bioavailability": 0.5},
        lambda: infusion(TIMES, 5, 48),
    ),
    "modelled rate, bioavailability scales the duration": (
        {"amount": 100, "rate": -1, "modelled_rate": 8, "bioavailability": 0.4},
        lambda: infusion(TIMES, 8, 5),
    ),
    "infusions, additional, lag": (
        {"amount": 100, "rate": 10, "ii": 24, "addl": 3, "lag": 4.15},
        lambda: repeated(lambda t: infusion(t, 10, 10), 24, 3, lag=4.15, first=0),
    ),
    "steady state, infusions longer than the interval, bioavailability": (
        {"amount": 100, "rate": 2, "ii": 12, "addl": 4, "ss": 1, "bioavailability": 0.812},
        lambda: repeated(lambda t: infusion(t, 2, 40.6), 12, 4),
    ),
    "steady state, infusions longer than the interval": (
        {"amount": 100, "rate": 2, "ii": 12, "addl": 3, "ss": 1},
        lambda: repeated(lambda t: infusion(t, 2, 50), 12, 3),
    ),
    "steady state, infusions as long as the interval, bioavailability": (
        {"amount": 100, "rate": 4.12, "ii": 10, "addl": 8, "ss": 1, "bioavailability": 0.412},
        lambda: repeated(lambda t: infusion(t, 4.12, 10), 10, 8),
    ),
    "steady state, infusions as long as the interval": (
        {"amount": 100, "rate": 10, "ii": 10, "addl": 8, "ss": 1},
        lambda: repeated(lambda t: infusion(t, 10, 10), 10, 8),
    ),
    "steady state, long infusions, lag": (
        {"amount": 100, "rate": 2, "ii": 12, "addl": 3, "ss": 1, "lag": 7.3},
        lambda: repeated(lambda t: infusion(t, 2, 50), 12, 3, lag=7.3),
    ),
    "steady state, infusion that runs on past the interval after its lag": (
        {"amount": 100, "rate": 10, "ii": 12, "addl": 2, "ss": 1, "lag": 5},
        lambda: repeated(lambda t: infusion(t, 10, 10), 12, 2, lag=5),
    ),
    "steady state, modelled duration, bioavailability": (
        {"amount": 100, "rate": -2, "modelled_duration": 9, "ii": 24, "addl": 3, "ss": 1, "bioavailability": 0.61},
        lambda: repeated(lambda t: infusion(t, 61 / 9, 9), 24, 3),
    ),
    "steady state, modelled duration longer than the interval": (
        {"amount": 100, "rate": -2, "modelled_duration": 31, "ii": 12, "addl": 3, "ss": 1},
        lambda: repeated(lambda t: infusion(t, 100 / 31, 31), 12, 3),
    ),
    "steady state, modelled rate, lag": (
        {"amount": 100, "rate": -1, "modelled_rate": 7, "ii": 24, "addl": 3, "ss": 1, "lag": 2.5},
        lambda: repeated(lambda t: infusion(t, 7, 100 / 7), 24, 3, lag=2.5),
    ),
    "steady state, bolus, no additional": (
        {"amount": 100, "ii": 12, "ss": 1},
        lambda: repeated(lambda t: bolus(t, 100), 12, 0),
    ),
    "steady state, bolus, lag beyond the interval": (
        {"amount": 100, "ii": 12, "ss": 1, "lag": 29},
        lambda: repeated(lambda t: bolus(t, 100), 12, 0, lag=29),
    ),
    "steady state, bolus, lag of exactly one interval": (
        {"amount": 100, "ii": 12, "ss": 1, "lag": 12},
        lambda: repeated(lambda t: bolus(t, 100), 12, 0, lag=12),
    ),
    "steady state 3 is 1": (
        {"amount": 100, "ii": 12, "ss": 3, "compartment": "depot"},
        lambda: repeated(lambda t: oral(t, 100), 12, 0),
    ),
    "bolus with lag, then infusions into the depot": (
        {"amount": [100, 50], "time": [0.0, 13.0], "rate": [0, 24], "ii": [0, 24], "addl": [0, 2],
         "lag": [1, 0], "compartment": ["central", "depot"]},
        lambda: bolus(TIMES - 1, 100) + repeated(lambda t: depot_infusion(t, 24, 50 / 24), 24, 2, lag=13, first=0),
    ),
    "reset and dose at steady state": (
        {"amount": 100, "ii": 12, "evid": 4, "ss": 1, "compartment": "depot"},
        lambda: repeated(lambda t: oral(t, 100), 12, 0),
    ),
    "reset and dose at steady state, lag": (
        {"amount": 100, "ii": 12, "evid": 4, "ss": 1, "lag": 10},
        lambda: repeated(lambda t: bolus(t, 100), 12, 0, lag=10),
    ),
    "reset and infusion at steady state, additional, lag": (
        {"amount": 100, "rate": 25, "ii": 12, "addl": 2, "evid": 4, "ss": 1, "lag": 10},
        lambda: repeated(lambda t: infusion(t, 25, 4), 12, 2, lag=10),
    ),
    "reset cancels doses that lag": (
        {"amount": [100, 0, 120], "time": [0.0, 50.0, 54.0], "rate": [50, 0, 0], "ii": [12, 0, 16], "addl": [5, 0, 2],
         "evid": [1, 3, 1], "lag": [10, 0, 10]},
        lambda: np.where(TIMES < 50, repeated(lambda t: infusion(t, 50, 2), 12, 3, lag=10, first=0), 0)
        + repeated(lambda t: bolus(t, 120), 16, 2, lag=64, first=0),
    ),
    "reset and dose ends an infusion": (
        {"amount": [1000, 50], "time": [0.0, 20.0], "rate": [10, 0], "evid": [1, 4]},
        lambda: np.where(TIMES < 20, infusion(TIMES, 10, 100), bolus(TIMES - 20, 50)),
    ),
    "steady state cancels what was there": (
        {"amount": [1000, 100], "time": [0.0, 20.0], "rate": [10, 0], "ss": [0, 1], "ii": [0, 24]},
        lambda: np.where(TIMES < 20, infusion(TIMES, 10, 100), repeated(lambda t: bolus(t, 100), 24, 0, lag=20)),
    ),
    "steady state 2 adds to what was there": (
        {"amount": [100, 50], "time": [0.0, 12.0], "ss": [1, 2], "ii": [24, 24], "addl": [3, 3],
         "compartment": ["depot", "central"], "rate": [0, 2]},
        lambda: repeated(lambda t: oral(t, 100), 24, 3)
        + np.where(TIMES >= 12, repeated(lambda t: infusion(t, 2, 25), 24, 3, lag=12), 0),
    ),
    "constant infusion at steady state ends at its record": (
        {"amount": 0, "rate": 100, "ss": 1, "compartment": "depot"},
        lambda: 100 / 0.055 * np.exp(-0.055 * TIMES) + oral(TIMES, 100 / 1.5),
    ),
    "constant infusion with modelled rate": (
        {"amount": 0, "rate": -1, "modelled_rate": 30, "ss": 1},
        lambda: 30 / 0.055 * np.exp(-0.055 * TIMES),
    ),
    "no input at steady state": ({"amount": 0, "rate": 0, "ss": 1}, lambda: 0 * TIMES),
    "nothing bioavailable": ({"amount": 100, "bioavailability": 0, "rate": 10}, lambda: 0 * TIMES),
    "another kind of event": ({"amount": 0, "evid": 2}, lambda: 0 * TIMES),
    "simultaneous doses into two compartments": (
        {"amount": [100, 30], "compartment": ["depot", "central"]},
        lambda: oral(TIMES, 100) + bolus(TIMES, 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_regimen_is_the_sum_of_its_doses(name: str) -> None:
    columns, exact = CASES[name]
    wanted = exact()
    np.testing.assert_allclose(amounts(**columns), wanted, rtol=1e-7, atol=1e-7)


def test_additional_dose_enters_before_a_reset_of_the_same_time() -> None:
    found = amounts(amount=[100, 0], time=[0.0, 24.0], evid=[1, 3], addl=[1, 0], ii=[24, 0])
    np.testing.assert_allclose(found, np.where(TIMES < 24, bolus(TIMES, 100), 0), atol=1e-9)


def test_an_observation_shows_what_its_place_among_simultaneous_records_says() -> None:
    doses = Doses.from_columns(
        patient=0, time=[0.0, 5.0, 5.0, 5.0, 5.0], evid=[1, 0, 1, 0, 4], amount=[10, 0, 20, 0, 7],
        compartment="central", row=np.arange(5),
    )  # fmt: skip
    shown = walk(MODEL, expand(doses, MODEL, {}, 1, until=5.0), 0, PARAMETERS, 5)[:, 1]
    left = float(bolus(5.0, 10))
    np.testing.assert_allclose(shown, [10, left, left + 20, left + 20, 7], rtol=1e-12)


def test_rounding_of_times_makes_no_sliver_between_events() -> None:
    doses = Doses.from_columns(
        patient=0, time=0.0, amount=0.3 * 7, compartment="central", rate=0.7, addl=40, ii=0.1 * 3, row=-1
    )
    table = expand(doses, MODEL, {}, 1, until=20.0)
    gaps = np.diff(table.time)
    assert np.all((gaps == 0) | (gaps > 1e-6))


def test_the_solver_gives_what_the_matrix_exponential_gives() -> None:
    doses = Doses.from_columns(
        patient=[0, 0, 1, 1], time=[0.0, 30.0, 0.0, 12.0], amount=[100, 60, 100, 50], evid=[1, 4, 1, 1],
        compartment=["depot", "central", "depot", "depot"], addl=3, ii=[12, 8, 24, 24], ss=[0, 1, 1, 2],
        rate=[50, 0, 0, 0], lag=[0, 3, 0, 0],
    )  # fmt: skip
    times = np.linspace(0.3, 60, 40)
    parameters = {k: np.full(2, v) for k, v in PARAMETERS.items()}
    found = solve(MODEL, parameters, times=times, doses=doses, rtol=1e-9, atol=1e-10).output("concentration")
    first = np.where(
        times < 30,
        repeated(lambda t: depot_infusion(t, 50, 2), 12, 3, first=0, times=times),
        repeated(lambda t: bolus(t, 60), 8, 3, lag=33, times=times),
    )
    second = repeated(lambda t: oral(t, 100), 24, 3, times=times) + np.where(
        times >= 12, repeated(lambda t: oral(t, 50), 24, 3, lag=12, times=times), 0
    )
    np.testing.assert_allclose(found, np.stack([first, second]) / VOLUME, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_gives_what_its_eigenvalues_give(name: str) -> None:
    model = kinetic_model(name)
    given = {"clearance": 3.0, "central_volume": 12.0, "absorption_rate": 0.9, "intercompartmental_clearance": 5.0,
             "peripheral_volume": 30.0, "deep_intercompartmental_clearance": 0.7, "deep_peripheral_volume": 80.0}  # fmt: skip
    parameters = {k: given[k] for k in model.parameters}
    times = np.linspace(0.5, 70, 41)
    first = next(iter(model.states))
    records = {"time": [0.0, 3.0, 20.0], "amount": [100.0, 60.0, 80.0], "compartment": [first, "central", "central"],
               "rate": [0, 12, 4], "addl": [2, 0, 4], "ii": [8, 0, 6], "ss": [0, 0, 1], "lag": [0, 1, 2]}  # fmt: skip
    found = solve(
        model, parameters, times=times, doses=Doses.from_columns(patient=0, **records), rtol=1e-8, atol=1e-9
    )
    shown = {k: [*v, *([first if k == "compartment" else 0] * len(times))] for k, v in records.items()}
    shown["time"][3:] = times.tolist()
    doses = Doses.from_columns(patient=0, evid=[1] * 3 + [0] * 41, row=[-1] * 3 + [*range(41)], **shown)
    columns = {k: np.array([v]) for k, v in parameters.items()}
    exact = walk(model, expand(doses, model, columns, 1, until=70.0, rtol=1e-9), 0, parameters, 41)
    np.testing.assert_allclose(found.states[0], exact, rtol=1e-6, atol=1e-6)


def saturable(**initial) -> System:
    return System(
        "saturable",
        {"central": "mg", "free": "1", "bound": "1"},
        {"vmax": "mg/h", "km": "mg", "on": "1/mg/h", "off": "1/h"},
        lambda t, y, p: {
            "central": -p.vmax * y.central / (p.km + y.central),
            "free": p.off * y.bound - p.on * y.central * y.free,
            "bound": p.on * y.central * y.free - p.off * y.bound,
        },
        initial={"free": 1.0} | initial,
    )


LIMITS = {"vmax": 12.0, "km": 20.0, "on": 0.02, "off": 0.3}


def test_steady_state_of_saturable_kinetics_repeats_and_keeps_the_receptor() -> None:
    one = Doses.from_columns(patient=0, time=0.0, amount=100, compartment="central", ss=1, ii=12, addl=1)
    times = np.array([0.0, 6.0, 11.999999])
    seen = solve(
        saturable(), LIMITS, times=np.concatenate([times, times[1:] + 12]), doses=one, rtol=1e-8, atol=1e-10
    )
    state = seen.states[0]
    np.testing.assert_allclose(state[[1, 2]], state[[3, 4]], rtol=1e-5)
    np.testing.assert_allclose(state[:, 1] + state[:, 2], 1.0, rtol=1e-6)
    many = Doses.from_columns(patient=0, time=0.0, amount=100, compartment="central", addl=60, ii=12)
    later = solve(saturable(), LIMITS, times=times[1:] + 720, doses=many, rtol=1e-8, atol=1e-10).states[0]
    np.testing.assert_allclose(state[[1, 2]], later, rtol=1e-4)


def test_what_has_no_steady_state_is_refused_by_name() -> None:
    too_much = Doses.from_columns(
        patient=0, time=0.0, amount=200, compartment="central", ss=1, ii=12, number=7
    )
    with pytest.raises(ModelError, match=r"record 7, column SS: .*no steady state .*central"):
        solve(saturable(), LIMITS, times=[1.0], doses=too_much)


def test_adding_steady_states_needs_linear_kinetics() -> None:
    doses = Doses.from_columns(patient=0, time=0.0, amount=10, compartment="central", ss=2, ii=12)
    with pytest.raises(ModelError, match=r"record 1, column SS: .*not linear"):
        solve(saturable(), LIMITS, times=[1.0], doses=doses)


BAD = {
    "amount": ({"amount": -1}, "amount: -1 is negative"),
    "not a number": ({"amount": np.nan}, "amount: nan is not finite"),
    "a tonne": ({"amount": 1e12}, "amount: 1e[+]12 is more than a tonne"),
    "kind": ({"amount": 1, "evid": 5}, "evid: 5 is no kind"),
    "amount of an observation": ({"amount": 1, "evid": 0}, "amount: 1 stands on a record that gives no dose"),
    "rate of a reset": ({"amount": 0, "evid": 3, "rate": 2}, "rate: 2 stands on"),
    "rate": ({"amount": 1, "rate": -3}, "rate: -3 is negative"),
    "modelled rate": ({"amount": 1, "rate": -1}, "modelled_rate: 0 is no rate"),
    "modelled duration": ({"amount": 1, "rate": -2}, "modelled_duration: 0 is no duration"),
    "interval": ({"amount": 1, "addl": 2}, "ii: 0 is no interval for additional"),
    "steady interval": ({"amount": 1, "ss": 1}, "ii: 0 is no interval for a steady"),
    "steady kind": ({"amount": 1, "ss": 4, "ii": 1}, "ss: 4 is no kind"),
    "constant with interval": ({"amount": 0, "rate": 1, "ss": 1, "ii": 12}, "amount: 0 has an interval"),
    "constant with more": ({"amount": 0, "rate": 1, "ss": 1, "addl": 1, "ii": 0.0}, "ii: 0 is no interval"),
    "lag": ({"amount": 1, "lag": -1}, "lag: -1 is negative"),
    "bioavailability": ({"amount": 1, "bioavailability": -0.1}, "bioavailability: -0.1 is negative"),
    "half a dose more": ({"amount": 1, "addl": 1.5, "ii": 1}, "addl: 1.5 is not a whole number"),
    "empirical steady state": ({"amount": 1, "addl": -5, "ii": 12}, "addl: -5 is negative"),
    "compartment": ({"amount": 1, "compartment": "liver"}, "compartment: liver is no state"),
    "after the end": ({"amount": 1, "time": 200.0}, "time: 200 is after the last output time"),
    "nothing to infuse": ({"amount": 0, "rate": 5}, "amount: 0 is nothing to infuse"),
    "nobody": ({"amount": 1, "patient": 3}, "patient: 3 is none of the 1 patients"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_record_that_cannot_be_honoured_names_record_and_column(name: str) -> None:
    columns, message = BAD[name]
    given = {"patient": 0, "time": 0.0, "compartment": "central"} | columns
    with pytest.raises(ModelError, match=f"record 1, column {message}"):
        solve(MODEL, PARAMETERS, times=[0.0, 130.0], doses=Doses.from_columns(**given))


def test_a_record_before_the_start_is_refused() -> None:
    doses = Doses.from_columns(patient=0, time=-2.0, amount=1, compartment="central")
    with pytest.raises(ModelError, match="record 1, column time: -2 is before the start"):
        expand(doses, MODEL, {}, 1, start=0.0, until=10.0)
