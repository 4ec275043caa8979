"""The steady state of a repeated dose or a constant infusion.

One dosing interval maps the state at its start to the state at its end, y -> F(y); a steady state is a fixed point y = F(y).
It is found by Newton's method on F through the engine itself, all patients at once,

    y <- y + (lambda I - M)^-1 (F(y) - y),      M = dF/dy by differences,

with lambda just above 1, which leaves quantities that F conserves (total receptor, for one) where they are. For linear
kinetics F is affine: the first step lands, the second confirms it. Infusions longer than the interval overlap:
floor(duration / interval) of them run throughout, and one more for the rest.

Source: NONMEM Users Guide VI (PREDPP), section V.F.4, asks for the same fixed point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analgesia.engine.actions import ActionTable, Kind
from analgesia.engine.requests import states_at_start
from analgesia.engine.system import System
from analgesia.errors import ModelError

ABOVE_ONE = 1e-6  # lambda - 1
DIFFERENCE = (
    1e-3  # relative step of the differences; a wrong slope slows Newton's method, it does not move its limit
)
WARM_UP = 2  # plain intervals before the first slope, to learn the size of every state
ROUNDS = 40
SLOW = 0.2  # contraction per round above which the slope is taken anew
GROWTH = 10.0  # a state may grow by so many times its size in a round
SHRINK = 0.9  # an amount may lose this part of itself in a round
LARGEST = 1e7  # a state that has grown by this factor has no steady state
MOST_STEPS = 20_000  # in one interval
WINDOW = 24.0  # length of an interval without doses: any length has the same fixed points


@dataclass(frozen=True)
class Regimen:
    """Columns, one row per steady state asked for: amount after bioavailability, rate and duration 0 for a bolus.

    A constant infusion has amount 0 and interval 0. `added`: only what the dose adds to the undosed steady state is wanted.
    """

    patient: np.ndarray
    number: np.ndarray
    target: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    interval: np.ndarray
    lag: np.ndarray
    added: np.ndarray


def steady_states(
    system: System,
    parameters: Mapping[str, np.ndarray],
    regimen: Regimen,
    *,
    initial: Mapping[str, object] | None,
    rtol: float,
    atol: float | Mapping[str, float],
) -> np.ndarray:
    """States just before the dose of each row, [row, state]. Raises ModelError naming the record that has none."""
    added = np.flatnonzero(regimen.added)
    if added.size and not _linear(system, parameters, int(regimen.patient[added[0]])):
        raise ModelError(
            f"record {regimen.number[added[0]]}, column SS: 2 adds one steady state to another, and `{system.name}` is "
            "not linear; give the doses of the other regimen one by one"
        )
    if _timed(system):
        raise ModelError(
            f"record {regimen.number[0]}, column SS: the equations of `{system.name}` change with time, so no steady "
            "state exists; give the doses one by one"
        )
    solver = _Solver(system, parameters, regimen, initial, rtol, atol)
    levels = solver.fixed_points(np.arange(regimen.patient.size), dosed=True)
    if added.size:
        levels[added] -= solver.fixed_points(added, dosed=False)
    return levels


class _Solver:
    """Intervals of many rows at once, and Newton's method on them."""

    def __init__(
        self,
        system: System,
        parameters: Mapping[str, np.ndarray],
        regimen: Regimen,
        initial: Mapping[str, object] | None,
        rtol: float,
        atol: float | Mapping[str, float],
    ) -> None:
        self.system, self.regimen = system, regimen
        self.parameters = {name: np.asarray(v)[regimen.patient] for name, v in parameters.items()}
        self.names = list(system.states)
        wanted = [float(atol.get(s, 1e-9)) if isinstance(atol, Mapping) else float(atol) for s in self.names]
        self.atol, self.rtol = np.array(wanted), rtol
        patients = next((v.shape[0] for v in parameters.values()), int(regimen.patient.max()) + 1)
        columns = {
            name: np.broadcast_to(np.asarray(v, float), patients) for name, v in (initial or {}).items()
        }
        self.start = states_at_start(system, parameters, columns, patients)[regimen.patient]

    def fixed_points(self, rows: np.ndarray, dosed: bool) -> np.ndarray:
        """The fixed point of each row's interval, by Newton's method with a slope kept while it serves."""
        y = self.start[rows].copy()
        size = np.abs(y)
        lowest = y.copy()
        for _ in range(WARM_UP):
            y = self._interval(y, rows, dosed)
            size, lowest = np.maximum(size, np.abs(y)), np.minimum(lowest, y)
        seen = size.copy()
        found = np.full(y.shape, np.nan)
        active, slope, before = np.arange(rows.size), np.zeros((0,)), np.full(rows.size, np.inf)
        stale = np.ones(rows.size, bool)
        slope = np.zeros((rows.size, len(self.names), len(self.names)))
        for _ in range(ROUNDS):
            if stale[active].any():
                again = active[stale[active]]
                slope[again] = self._slopes(y[again], size[again], rows[again], dosed)
                stale[again] = False
            change = self._interval(y[active], rows[active], dosed) - y[active]
            matrix = (1 + ABOVE_ONE) * np.eye(len(self.names)) - slope[active]
            step = np.linalg.solve(matrix, change[..., None])[..., 0]
            step = self._bounded(step, y[active], size[active], lowest[active])
            y[active] += step
            size[active] = np.maximum(size[active], np.abs(y[active]))
            if (size[active] > LARGEST * np.maximum(seen[active], self.atol)).any():
                break
            bound = self.rtol * np.abs(y[active]) + self.atol
            distance = np.max(np.abs(step) / bound, axis=1)
            done = distance < 0.1
            found[active[done]] = y[active[done]]
            stale[active] = distance > SLOW * before[active]
            before[active] = distance
            active = active[~done]
            if not active.size:
                return found
        self._fail(y[active[:1]], seen[active[0]], rows[active[:1]], dosed)
        raise AssertionError

    def _bounded(self, step: np.ndarray, y: np.ndarray, size: np.ndarray, lowest: np.ndarray) -> np.ndarray:
        """The step cut where it would leave what the warm-up has seen by far, or turn an amount negative."""
        widest = GROWTH * np.maximum(size, 1e3 * self.atol)
        step = np.clip(step, -widest, widest)
        return np.where((lowest >= 0) & (y > 0), np.maximum(step, -SHRINK * y), step)

    def _slopes(self, y: np.ndarray, size: np.ndarray, rows: np.ndarray, dosed: bool) -> np.ndarray:
        """dF/dy of each row by one-sided differences, [row, state, state]."""
        count, states = y.shape
        nudge = np.maximum(DIFFERENCE * np.maximum(size, np.abs(y)), 1e2 * self.atol)
        moved = np.repeat(y[:, None, :], states + 1, axis=1)
        moved[:, np.arange(1, states + 1), np.arange(states)] += nudge
        end = self._interval(moved.reshape(-1, states), np.repeat(rows, states + 1), dosed)
        end = end.reshape(count, states + 1, states)
        return np.swapaxes(end[:, 1:, :] - end[:, :1, :], 1, 2) / nudge[:, None, :]

    def _interval(self, y: np.ndarray, rows: np.ndarray, dosed: bool) -> np.ndarray:
        """State one interval later, the doses of the regimen given in it."""
        from analgesia.engine.ensemble import solve

        length = np.where(self.regimen.interval[rows] > 0, self.regimen.interval[rows], WINDOW)
        solution = solve(
            self.system,
            {name: v[rows] for name, v in self.parameters.items()},
            times=np.stack([np.zeros(rows.size), length], axis=1),
            actions=_cycle(self.regimen, rows) if dosed else ActionTable.empty(rows.size),
            until=length,
            max_steps=MOST_STEPS,
            initial={name: y[:, i] for i, name in enumerate(self.names)},
            rtol=min(1e-3 * self.rtol, 1e-8),
            atol={name: 1e-2 * a for name, a in zip(self.names, self.atol, strict=True)},
        )
        bad = np.flatnonzero(~np.isfinite(solution.final_states).all(axis=1))
        if bad.size:
            number = self.regimen.number[rows[bad[0]]]
            raise ModelError(
                f"record {number}, column SS: the way to the steady state of `{self.system.name}` cannot be computed "
                f"(status {solution.status[bad[0]]}); check the parameters of this patient"
            )
        return solution.final_states

    def _fail(self, y: np.ndarray, seen: np.ndarray, rows: np.ndarray, dosed: bool) -> None:
        change = np.abs(self._interval(y, rows, dosed) - y)[0]
        worst = int(np.argmax(change / (self.rtol * seen + self.atol)))
        raise ModelError(
            f"record {self.regimen.number[rows[0]]}, column SS: `{self.system.name}` has no steady state under this regimen "
            f"(state `{self.names[worst]}` still changes by {change[worst]:.3g} in an interval); the input may exceed what "
            "can be eliminated, or a state may add up without end"
        )


def _cycle(regimen: Regimen, rows: np.ndarray) -> ActionTable:
    """Actions of one interval that starts at the time of the record: what runs at its start, and what enters in it."""
    lane = np.arange(rows.size)
    target, amount, rate = regimen.target[rows], regimen.amount[rows], regimen.rate[rows]
    interval, duration = regimen.interval[rows], regimen.duration[rows]
    constant = interval == 0
    safe = np.where(constant, 1.0, interval)
    entry = np.mod(regimen.lag[rows], safe)
    entry = np.where(safe - entry < 1e-10 * safe, 0.0, entry)
    whole = np.floor(duration / safe * (1 + 1e-12))
    rest = np.maximum(duration - whole * safe, 0.0)
    rest = np.where(rest < 1e-10 * safe, 0.0, rest)
    infused, bolus = (duration > 0) & ~constant, (duration == 0) & ~constant & (amount > 0)
    wraps = infused & (entry + rest > safe)
    base = np.where(constant, rate, rate * (whole + wraps))
    running = np.flatnonzero(base > 0)
    part = np.flatnonzero(infused & (rest > 0))
    off = np.where(wraps, entry + rest - safe, entry + rest)
    inside = part[off[part] < safe[part]]
    given = np.flatnonzero(bolus)
    groups = [
        (running, np.zeros(running.size), Kind.RATE, base[running]),
        (inside[wraps[inside]], off[inside[wraps[inside]]], Kind.RATE, -rate[inside[wraps[inside]]]),
        (given, entry[given], Kind.ADD, amount[given]),
        (part, entry[part], Kind.RATE, rate[part]),
        (inside[~wraps[inside]], off[inside[~wraps[inside]]], Kind.RATE, -rate[inside[~wraps[inside]]]),
    ]
    who = np.concatenate([lane[g[0]] for g in groups])
    when = np.concatenate([g[1] for g in groups])
    kind = np.concatenate([np.full(g[0].size, int(g[2])) for g in groups])
    return ActionTable.build(rows.size, who, when, kind, target[who], np.concatenate([g[3] for g in groups]))


def _timed(system: System) -> bool:
    """Whether the equations name the time."""
    from analgesia.engine.program import record

    program = record(system)
    return program.time in program.graph.reachable(program.rates)


def _linear(system: System, parameters: Mapping[str, np.ndarray], patient: int) -> bool:
    """Whether f(a + b) - f(0) = (f(a) - f(0)) + (f(b) - f(0)) at two unlike states of one patient."""
    p = {name: float(np.asarray(v)[patient]) for name, v in parameters.items()}
    count = np.arange(1, len(system.states) + 1)
    a, b = np.sqrt(count), 1.0 + np.log1p(count) ** 2

    def slope(y: np.ndarray) -> np.ndarray:
        rates = system.evaluate(0.0, dict(zip(system.states, y.tolist(), strict=True)), p)
        return np.array([float(r) for r in rates.values()])

    zero = slope(0 * a)
    left, right = slope(a + b) - zero, slope(a) + slope(b) - 2 * zero
    return bool(np.all(np.abs(left - right) <= 1e-9 * (np.abs(left) + np.abs(right) + np.abs(zero))))
