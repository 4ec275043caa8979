"""What must hold for any dosing record of a linear model, whatever its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.linear_kinetics import PARAMETERS, walk

from analgesia.engine import Doses
from analgesia.engine.events import expand
from analgesia.kinetic_models import kinetic_model

MODEL = kinetic_model("one_compartment_oral")
COLUMNS = {k: np.array([v]) for k, v in PARAMETERS.items()}
TIMES = np.arange(0.0, 97.0, 1.37)
QUICK = settings(max_examples=30, deadline=None)

hours = st.floats(0.5, 40.0).map(lambda x: round(x, 2))
doses = st.fixed_dictionaries(
    {
        "time": st.floats(0.0, 60.0).map(lambda x: round(x, 2)),
        "amount": st.floats(1.0, 500.0),
        "compartment": st.sampled_from(["depot", "central"]),
        "rate": st.sampled_from([0.0, 0.0, 7.0, 60.0]),
        "addl": st.integers(0, 5),
        "ii": hours,
        "lag": st.sampled_from([0.0, 0.0, 1.3, 17.0]),
        "bioavailability": st.floats(0.05, 2.0),
    }
)


def course(records: list[dict[str, Any]]) -> np.ndarray:
    """Amounts at TIMES [time, state]; the observations stand after the records."""
    names = records[0]
    n = len(TIMES)
    rows = [dict(r, row=-1, evid=r.get("evid", 1)) for r in records]
    rows += [
        dict.fromkeys(names, 0)
        | {"time": t, "compartment": "depot", "bioavailability": 1, "evid": 0, "row": i}
        for i, t in enumerate(TIMES)
    ]
    columns = {k: [r[k] for r in rows] for k in rows[0]}
    table = expand(Doses.from_columns(patient=0, **columns), MODEL, COLUMNS, 1, until=100.0, rtol=1e-9)
    return walk(MODEL, table, 0, PARAMETERS, n)


@QUICK
@given(doses)
def test_additional_doses_are_doses_written_out(dose: dict[str, Any]) -> None:
    out = [dose | {"time": dose["time"] + k * dose["ii"], "addl": 0} for k in range(dose["addl"] + 1)]
    out = [d for d in out if d["time"] <= 100.0]
    np.testing.assert_allclose(course([dose]), course(out), rtol=1e-8, atol=1e-8)


@QUICK
@given(st.lists(doses, min_size=2, max_size=4))
def test_doses_superpose_in_any_order(records: list[dict[str, Any]]) -> None:
    alone = sum(course([r]) for r in records)
    np.testing.assert_allclose(course(records), alone, rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(course(records[::-1]), alone, rtol=1e-8, atol=1e-7)


@QUICK
@given(doses, st.floats(0.1, 9.0))
def test_twice_the_amount_is_twice_the_course_of_a_bolus(dose: dict[str, Any], factor: float) -> None:
    dose = dose | {"rate": 0.0}
    more = course([dose | {"amount": factor * dose["amount"]}])
    np.testing.assert_allclose(more, factor * course([dose]), rtol=1e-9, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(doses)
def test_steady_state_is_what_many_doses_lead_to(dose: dict[str, Any]) -> None:
    dose = dose | {"time": 0.0, "addl": 0, "ii": max(dose["ii"], 2.0)}
    steady = course([dose | {"ss": 1}])
    count = int(np.ceil(700.0 / dose["ii"]))
    n = len(TIMES)
    columns = {k: [v] + [v if k == "compartment" else 0] * n for k, v in (dose | {"addl": count}).items()}
    columns |= {
        "time": [0.0, *(TIMES + count * dose["ii"])],
        "bioavailability": [dose["bioavailability"]] * (n + 1),
    }
    table = expand(
        Doses.from_columns(patient=0, evid=[1] + [0] * n, row=[-1, *range(n)], **columns),
        MODEL, COLUMNS, 1, until=100.0 + count * dose["ii"],
    )  # fmt: skip
    np.testing.assert_allclose(steady, walk(MODEL, table, 0, PARAMETERS, n), rtol=1e-6, atol=1e-6)


@QUICK
@given(doses, doses)
def test_a_reset_forgets_what_stood_before(first: dict[str, Any], second: dict[str, Any]) -> None:
    second = second | {"time": 61.0}
    both = course([first, second | {"evid": 4}])
    np.testing.assert_allclose(both[TIMES >= 61], course([second])[TIMES >= 61], rtol=1e-9, atol=1e-9)
