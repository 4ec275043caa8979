"""Peers of the ventilation benchmark: the same equations, compiled by Numba, under SciPy's LSODA and a fixed-step Runge-Kutta.

Run by `benchmarks/ventilation.py` in an interpreter that has numba (it may be another one); prints one JSON line per peer. The LSODA peer
does what the published program does in R: a compiled right-hand side, history of states, delayed gases computed from past states.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from numba import njit
from scipy.integrate import LSODA

from analgesia import evidence
from analgesia.engine.graph import Graph
from analgesia.engine.program import Program, record
from analgesia.quantities import Quantity
from analgesia.ventilation.equations import STATES, system
from analgesia.ventilation.subjects import absolute_tolerances, parameters, rows_of

_TEXT = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}", "pow": "{0} ** {1}",
    "abs": "abs({0})", "min": "min({0}, {1})", "max": "max({0}, {1})", "where": "({1} if {0} else {2})", "exp": "math.exp({0})",
    "log": "math.log({0})", "log1p": "math.log1p({0})", "expm1": "math.expm1({0})", "sqrt": "math.sqrt({0})",
    "tanh": "math.tanh({0})", "logistic": "0.5 * (1.0 + math.tanh(0.5 * {0}))", "lt": "{0} < {1}", "le": "{0} <= {1}",
    "eq": "{0} == {1}", "ne": "{0} != {1}", "and": "({0} and {1})", "or": "({0} or {1})", "not": "(not {0})",
}  # fmt: skip
ARTERIAL = (5, 6, 8)  # arterial O2, arterial CO2, brain CO2 pressure among the outputs


def python_of(program: Program, roots: tuple[int, ...], name: str, arguments: str) -> str:
    """Source of a function that computes `roots` into its last argument."""
    graph: Graph = program.graph
    names = {program.time: "t"}
    for letter, nodes in (("y", program.states), ("p", program.parameters), ("past", program.past)):
        names |= {node: f"{letter}[{k}]" for k, node in enumerate(nodes)}
    lines = [f"def {name}({arguments}):"]
    for index in graph.reachable(roots):
        op = graph.ops[index]
        if index in names or op in ("const", "truth"):
            names.setdefault(index, repr(graph.values[index]))
            continue
        names[index] = f"v{index}"
        lines.append(f"    v{index} = " + _TEXT[op].format(*(names[a] for a in graph.args[index])))
    lines += [f"    out[{k}] = {names[root]}" for k, root in enumerate(roots)]
    return "\n".join([*lines, ""])


def compiled() -> tuple[object, object]:
    """Numba functions rates(t, y, p, past, out) and seen(t, y, p, out) (outputs, then lags)."""
    program = record(system())
    space: dict[str, object] = {}
    exec("import math\n" + python_of(program, program.rates, "rates", "t, y, p, past, out"), space)  # noqa: S102
    exec(  # noqa: S102
        "import math\n" + python_of(program, (*program.outputs, *program.lags), "seen", "t, y, p, out"), space
    )
    return njit(space["rates"], error_model="numpy"), njit(space["seen"], error_model="numpy")


RATES, SEEN = compiled()
OUTPUTS = len(system().outputs)


@njit(error_model="numpy")
def slope(t, y, p, history_t, history_y, history_f, count, work, past, out):  # type: ignore[no-untyped-def]
    """Right-hand side with delayed gases from cubic Hermite interpolation of stored states."""
    SEEN(t, y, p, work)
    now = (work[5], work[6], work[8])
    lag_p, lag_c = work[OUTPUTS], work[OUTPUTS + 2]
    for which in range(2):
        lag = lag_p if which == 0 else lag_c
        at = t - lag
        if at <= 0.0 or lag <= 0.0 or count < 2:
            if which == 0:
                past[0], past[1] = now[0], now[1]
            else:
                past[2] = now[2]
            continue
        low, high = 0, count - 2
        while low < high:
            middle = (low + high + 1) // 2
            if history_t[middle] <= at:
                low = middle
            else:
                high = middle - 1
        step = history_t[low + 1] - history_t[low]
        s = (at - history_t[low]) / step
        a, b = (1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2 * step
        c, d = s * s * (3 - 2 * s), s * s * (s - 1) * step
        then = a * history_y[low] + b * history_f[low] + c * history_y[low + 1] + d * history_f[low + 1]
        SEEN(at, then, p, work)
        if which == 0:
            past[0], past[1] = work[5], work[6]
        else:
            past[2] = work[8]
    RATES(t, y, p, past, out)


def lsoda(
    y0: np.ndarray, p: np.ndarray, until: float, rtol: float, atol: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """Ventilation (L/s) on `grid` by SciPy's LSODA, one step at a time so that the history is there."""
    size = 200_000
    history_t, history_y, history_f = np.zeros(size), np.zeros((size, y0.size)), np.zeros((size, y0.size))
    work, past = np.zeros(OUTPUTS + 3), np.zeros(3)
    count = 1
    first = np.zeros(y0.size)
    slope(0.0, y0, p, history_t, history_y, history_f, 1, work, past, first)
    history_y[0], history_f[0] = y0, first

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        out = np.empty(y.size)
        slope(t, y, p, history_t, history_y, history_f, count, work, past, out)
        return out

    solver = LSODA(rhs, 0.0, y0, until, rtol=rtol, atol=atol, max_step=3.5)
    answer, k = np.empty(grid.size), 0
    while solver.status == "running":
        solver.step()
        if solver.status == "failed":
            raise RuntimeError("LSODA failed")
        history_t[count], history_y[count], history_f[count] = solver.t, solver.y, rhs(solver.t, solver.y)
        count += 1
        dense = None
        while k < grid.size and grid[k] <= solver.t:
            dense = dense or solver.dense_output()
            SEEN(grid[k], dense(grid[k]), p, work)
            answer[k] = work[0]
            k += 1
    return answer


@njit(error_model="numpy")
def runge_kutta(y0, p, until, h, every, answer):  # type: ignore[no-untyped-def]
    """Classical fourth order with linear interpolation of stored gases; ventilation each `every` steps into `answer`."""
    n, steps = y0.size, round(until / h)
    depth = int(62.0 / h) + 3
    history = np.zeros((depth, 3))
    y, work, past = y0.copy(), np.zeros(OUTPUTS + 3), np.zeros(3)
    k, stage = np.zeros((4, n)), np.zeros(n)
    for i in range(steps + 1):
        t = i * h
        SEEN(t, y, p, work)
        history[i % depth, 0], history[i % depth, 1], history[i % depth, 2] = work[5], work[6], work[8]
        if i % every == 0:
            answer[i // every] = work[0]
        if i == steps:
            break
        for j in range(4):
            share = 0.0 if j == 0 else (1.0 if j == 3 else 0.5)
            for m in range(n):
                stage[m] = y[m] + (share * h * k[j - 1, m] if j else 0.0)
            at = t + share * h
            SEEN(at, stage, p, work)
            for g in range(3):
                lag = work[OUTPUTS + g]
                back = at - lag
                present = work[5] if g == 0 else (work[6] if g == 1 else work[8])
                if back <= 0.0 or lag <= 0.0:
                    past[g] = present
                else:
                    whole = min(int(back / h), i - 1)
                    weight = back / h - whole
                    low, high = history[whole % depth, g], history[(whole + 1) % depth, g]
                    past[g] = low + weight * (high - low)
            RATES(at, stage, p, past, k[j])
        for m in range(n):
            y[m] += h / 6.0 * (k[0, m] + 2.0 * k[1, m] + 2.0 * k[2, m] + k[3, m])


def main() -> None:
    """Time the peers on the first people of the virtual population and print their rows."""
    options = argparse.ArgumentParser()
    options.add_argument("--patients", type=int, default=3)
    options.add_argument("--hours", type=float, default=1.5)
    options.add_argument("--start", required=True, help="JSON list: the state at t = 0")
    chosen = options.parse_args()
    library = evidence.load()
    rows = rows_of(max(chosen.patients, 2))
    people = parameters(library, "fentanyl", "chronic", rows=rows)
    p = np.array([np.broadcast_to(v, rows.size) for v in people.values()]).T.copy()
    y0 = np.array(json.loads(chosen.start))
    y0[0] += Quantity(1.625, "mg").to("nmol", 336.4)
    until = chosen.hours * 3600.0
    grid = np.arange(0.0, until + 0.5, 10.0)
    tight = np.array(list(absolute_tolerances().values()))
    lsoda(y0, p[0], 60.0, 1e-6, tight, grid[:6])
    exact = np.zeros(grid.size)
    runge_kutta(y0, p[0], 60.0, 0.1, 100, np.zeros(8))
    references = []
    for i in range(chosen.patients):
        runge_kutta(y0, p[i], until, 0.05, 200, exact)
        references.append(exact.copy())

    def row(solver: str, run) -> None:  # type: ignore[no-untyped-def]
        worst, started = 0.0, time.process_time()
        answers = [run(i) for i in range(chosen.patients)]
        spent = time.process_time() - started
        for got, wanted in zip(answers, references, strict=True):
            worst = max(worst, float(np.abs(got - wanted)[1:].max() * 60.0))
        print(
            json.dumps(
                {"solver": solver, "us_per_patient_core": 1e6 * spent / chosen.patients, "error": worst}
            ),
            flush=True,
        )

    def fixed(i: int) -> np.ndarray:
        answer = np.zeros(grid.size)
        runge_kutta(y0, p[i], until, 0.25, 40, answer)
        return answer

    row("SciPy LSODA, Numba right-hand side, rtol 1e-6", lambda i: lsoda(y0, p[i], until, 1e-6, tight, grid))
    row(
        "SciPy LSODA, Numba right-hand side, rtol 1e-3, atol 1e-6",
        lambda i: lsoda(y0, p[i], until, 1e-3, np.full(len(STATES), 1e-6), grid),
    )
    row("Runge-Kutta 4, Numba, step 0.25 s", fixed)


if __name__ == "__main__":
    main()
