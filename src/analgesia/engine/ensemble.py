"""Patients through a system: parameters, doses and output times in, a `Solution` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from analgesia.engine.actions import ActionTable, Kind
from analgesia.engine.doses import Doses
from analgesia.engine.solution import Solution, Status
from analgesia.engine.system import System
from analgesia.errors import ModelError


def solve(
    system: System,
    parameters: Mapping[str, object],
    *,
    times: object,
    doses: Doses | None = None,
    initial: Mapping[str, object] | None = None,
    rtol: float = 1e-6,
    atol: float | Mapping[str, float] = 1e-9,
    triggers: Sequence[object] = (),
    threads: int | None = None,
    progress: Callable[..., None] | None = None,
    patients: int | None = None,
    max_steps: int = 100_000,
    actions: ActionTable | None = None,
    manual: object = None,
) -> Solution:
    """Integrate every patient. Each parameter is one number or one per patient; times are shared [T] or per patient [n, T], nan padded."""
    from scipy.integrate import solve_ivp

    given = {
        name: np.asarray(parameters[name], dtype=float) for name in system.parameters if name in parameters
    }
    missing = [name for name in system.parameters if name not in given]
    unknown = [name for name in parameters if name not in system.parameters]
    if missing or unknown:
        raise ModelError(
            f"system `{system.name}`: parameters missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    begin = {name: np.asarray(value, dtype=float) for name, value in (initial or {}).items()}
    sizes = {v.shape[0] for v in (*given.values(), *begin.values()) if v.ndim == 1}
    grid = np.asarray(times, dtype=float)
    if grid.ndim == 2:
        sizes.add(grid.shape[0])
    count = patients if patients is not None else sizes.pop() if len(sizes) == 1 else 1
    if sizes - {count}:
        raise ModelError(
            f"parameters, initial values and times name different numbers of patients: {sorted(sizes | {count})}"
        )
    if count <= 0:
        raise ModelError("there are no patients; give at least one")
    for name, value in given.items():
        if not np.isfinite(value).all():
            raise ModelError(
                f"parameter `{name}` is not finite for patient {int(np.argmin(np.isfinite(np.atleast_1d(value))))}"
            )
    columns = {name: np.broadcast_to(value, count) for name, value in given.items()}
    rows = np.broadcast_to(grid, (count, grid.shape[-1]))
    by_hand = np.broadcast_to(
        np.zeros(grid.shape, bool) if manual is None else np.asarray(manual, bool), rows.shape
    )
    ends = np.nanmax(rows, axis=1)
    begins = np.minimum(0.0, np.nanmin(rows, axis=1))
    if doses is not None and actions is None:
        from analgesia.engine.events import expand

        actions = expand(
            doses, system, columns, count, start=begins, until=ends, initial=initial, rtol=rtol, atol=atol
        )
    table = ActionTable.empty(count) if actions is None else actions
    states = list(system.states)
    tolerance = np.array([atol.get(s, 1e-9) if isinstance(atol, Mapping) else atol for s in states])
    result = np.full((count, rows.shape[1], len(states)), np.nan)
    observed = np.full((count, rows.shape[1], len(system.outputs)), np.nan)
    status = np.zeros(count, np.int8)
    failed_at, final = np.full(count, np.nan), np.full((count, len(states)), np.nan)
    if system.delays or triggers:
        raise ModelError("delays and triggers need the compiled engine")
    for i in range(count):
        values = {name: np.float64(column[i]) for name, column in columns.items()}
        first = np.zeros(len(states))
        for j, state in enumerate(states):
            start = system.initial.get(state, 0.0)
            first[j] = (
                np.broadcast_to(begin[state], count)[i]
                if state in begin
                else values[start]
                if isinstance(start, str)
                else start
            )
        segment = table.rows(i)
        finite = rows[i][np.isfinite(rows[i])]
        y, rates = first.copy(), np.zeros(len(states))
        t = min(0.0, float(finite[0]) if finite.size else 0.0)
        end = float(finite[-1]) if finite.size else t
        stops = [k for k in range(segment.start, segment.stop) if table.time[k] <= end]
        inside = np.isfinite(rows[i]) & ~by_hand[i]
        done = 0

        def rhs(now: float, state: np.ndarray, values: dict = values, rates: np.ndarray = rates) -> list:
            with np.errstate(all="ignore"):
                slopes = system.evaluate(np.float64(now), dict(zip(states, state, strict=True)), values)
            return [s + r for s, r in zip(slopes.values(), rates, strict=True)]

        for stop in [*stops, None]:
            until = float(table.time[stop]) if stop is not None else end
            wanted = np.flatnonzero(inside & (rows[i] <= until) & (np.arange(rows.shape[1]) >= done))
            if until > t:
                answer = solve_ivp(
                    rhs, (t, until), y, method="LSODA", rtol=rtol, atol=tolerance, dense_output=True
                )
                if not answer.success:
                    status[i], failed_at[i] = Status.STEP_TOO_SMALL, t
                    break
                if wanted.size:
                    result[i, wanted] = answer.sol(rows[i, wanted]).T
                y = answer.y[:, -1].copy()
            elif wanted.size:
                result[i, wanted] = y
            t = until
            done = int(wanted[-1]) + 1 if wanted.size else done
            if stop is not None:
                kind, target, value = table.kind[stop], table.target[stop], table.value[stop]
                if kind == Kind.ADD:
                    y[target] += value
                elif kind == Kind.RATE:
                    rates[target] += value
                elif kind == Kind.SET_STATE:
                    y[target] = value
                elif kind == Kind.SET_PARAMETER:
                    values[list(system.parameters)[target]] = np.float64(value)
                elif kind == Kind.RESET:
                    y[:], rates[:] = first, 0.0
                elif kind == Kind.SET_RATE:
                    rates[target] = value
                elif kind == Kind.SCALE_STATE:
                    y[target] *= value
                elif kind == Kind.OUTPUT:
                    result[i, target] = y
        final[i] = y
        for k in np.flatnonzero(np.isfinite(rows[i])):
            with np.errstate(all="ignore"):
                seen = system.observations(
                    np.float64(rows[i, k]), dict(zip(states, result[i, k], strict=True)), values
                )
            observed[i, k] = list(seen.values())
    return Solution(
        system,
        grid,
        result,
        observed,
        status,
        failed_at,
        np.full(count, -1),
        np.zeros(count, np.int64),
        final,
    )
