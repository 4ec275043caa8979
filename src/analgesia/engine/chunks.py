"""One chunk of patients through compiled code: the arrays it reads and writes, and the context that points to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analgesia.engine.actions import ActionTable
from analgesia.engine.compiler import Compiled
from analgesia.engine.layout import Word
from analgesia.engine.requests import Request, states_at_start
from analgesia.engine.solution import Checkpoint, Status
from analgesia.engine.triggers import Schedule


@dataclass(frozen=True)
class Plan:
    """What all chunks of a solve share."""

    asked: Request
    code: Compiled
    actions: ActionTable
    starts: np.ndarray  # [n]
    until: np.ndarray  # [n], inf: up to the last output
    kept_states: np.ndarray  # int32
    kept_outputs: np.ndarray
    max_steps: int
    max_step: float
    after: bool
    cancel: np.ndarray
    final: bool  # parameters, infusions and steps at the end are wanted
    resume: Checkpoint | None = None
    ring: int = 0  # knots of a lane's history
    schedule: Schedule | None = None


class Results:
    """Arrays of a range of patients, filled by compiled code."""

    def __init__(self, plan: Plan, patients: int) -> None:
        rows, states = plan.asked.times.shape[-1], len(plan.asked.system.states)
        self.states = np.empty((patients, rows, plan.kept_states.size))
        self.outputs = np.empty((patients, rows, plan.kept_outputs.size))
        self.status = np.zeros(patients, np.int8)
        self.failure_time = np.full(patients, np.nan)
        self.failure_state = np.full(patients, -1, np.int32)
        self.steps = np.zeros(patients, np.int64)
        self.final_states = np.empty((patients, states))
        if plan.asked.manual is not None or np.isnan(plan.asked.times).any():
            self.states[:] = self.outputs[:] = np.nan
        wide = patients if plan.final else 0
        self.final_parameters = np.empty((wide, len(plan.asked.system.parameters)))
        self.final_infusions = np.empty((wide, states))
        self.final_time, self.final_step = np.empty(wide), np.empty(wide)
        plan_ = plan.schedule
        self.crossings = np.full(
            (patients, plan_.triggers, plan_.room) if plan_ else (patients, 0, 0), np.nan
        )
        self.queue = np.full((wide, plan_.queue if plan_ else 0, 2), np.nan)
        delays = len(plan.asked.system.delays)
        self.history = np.zeros((wide, plan.ring * (1 + 2 * delays) + 2 + delays))


def run(plan: Plan, results: Results, first: int, last: int, offset: int) -> None:
    """Integrate patients first..last-1 of the plan into rows first-offset.. of the results."""
    asked, here = plan.asked, slice(first, last)
    place = slice(first - offset, last - offset)
    count = last - first
    columns = {name: column[here] for name, column in asked.columns.items()}
    parameters = np.empty((count, len(columns)))
    for m, column in enumerate(columns.values()):
        parameters[:, m] = column
    initial, infusions, steps = _begin(plan, columns, here, count)
    grid, grid_rows, counts = _grid(asked, here, count)
    words: dict[int, np.ndarray] = {
        Word.PARAMETERS: parameters,
        Word.INITIAL: initial,
        Word.INFUSIONS: infusions,
        Word.FIRST_STEP: steps,
        Word.STARTS: np.ascontiguousarray(plan.starts[here]),
        Word.UNTIL: np.ascontiguousarray(plan.until[here]),
        Word.TOLERANCE: asked.tolerance,
        Word.LARGEST_STEP: np.array([plan.max_step]),
        Word.GRID: grid,
        Word.GRID_COUNTS: counts,
        Word.OFFSETS: plan.actions.offsets[first : last + 1],
        Word.ACTION_TIME: plan.actions.time,
        Word.ACTION_KIND: plan.actions.kind,
        Word.ACTION_TARGET: plan.actions.target,
        Word.ACTION_VALUE: plan.actions.value,
        Word.CANCEL: plan.cancel,
        Word.STATES_OUT: results.states[place],
        Word.OUTPUTS_OUT: results.outputs[place],
        Word.STATUS: results.status[place],
        Word.FAILURE_TIME: results.failure_time[place],
        Word.FAILURE_STATE: results.failure_state[place],
        Word.STEPS: results.steps[place],
        Word.FINAL_STATES: results.final_states[place],
    }
    kept = (
        (Word.KEPT_STATES, plan.kept_states, asked.system.states),
        (Word.KEPT_OUTPUTS, plan.kept_outputs, asked.system.outputs),
    )
    words |= {entry: some for entry, some, names in kept if not np.array_equal(some, np.arange(len(names)))}
    if grid_rows is not None:
        words[Word.GRID_ROWS] = grid_rows
    if plan.final:
        words |= {
            Word.FINAL_PARAMETERS: results.final_parameters[place],
            Word.FINAL_INFUSIONS: results.final_infusions[place],
            Word.FINAL_TIME: results.final_time[place],
            Word.FINAL_STEP: results.final_step[place],
        }
    if plan.ring:
        words[Word.DELAY_BEFORE] = np.array(
            [d.before == "present" for d in asked.system.delays.values()], np.int64
        )
        if plan.final:
            words[Word.HISTORY_OUT] = results.history[place]
        if plan.resume is not None and plan.resume.history is not None:
            words[Word.HISTORY_IN] = np.ascontiguousarray(plan.resume.history[here])
    if plan.schedule is not None:
        words |= plan.schedule.arrays(here) | {Word.CROSSINGS: results.crossings[place]}
        if plan.final:
            words[Word.QUEUE_OUT] = results.queue[place]
    context = context_of(words)
    if plan.schedule is not None:
        context[Word.CROSSING_ROOM], context[Word.SCHEDULE_COUNT] = plan.schedule.room, plan.schedule.rows
    context[Word.HISTORY_SIZE] = plan.ring
    context[Word.MOST_STEPS] = plan.max_steps
    context[Word.GRID_STRIDE] = grid.shape[-1] if grid.ndim == 2 else 0
    context[Word.KEPT_STATE_COUNT], context[Word.KEPT_OUTPUT_COUNT] = (
        plan.kept_states.size,
        plan.kept_outputs.size,
    )
    context[Word.ROWS] = asked.times.shape[-1]
    context[Word.AFTER] = int(plan.after)
    plan.code.run(context, 0, count)
    if plan.resume is not None:
        failed = plan.resume.status[here] != Status.OK
        results.status[place][failed] = plan.resume.status[here][failed]
        results.states[place][failed] = results.outputs[place][failed] = np.nan


def context_of(words: Mapping[int, np.ndarray]) -> np.ndarray:
    """Addresses of arrays by entry; the caller keeps the arrays alive."""
    context = np.zeros(int(Word.WORDS), np.int64)
    for entry, array in words.items():
        assert array.flags.c_contiguous, entry
        context[entry] = array.ctypes.data
    return context


def _begin(
    plan: Plan, columns: Mapping[str, np.ndarray], here: slice, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    system = plan.asked.system
    initial = states_at_start(system, columns, {k: v[here] for k, v in plan.asked.initial.items()}, count)
    if plan.resume is None:
        return initial, np.zeros_like(initial), np.zeros(count)
    states = plan.resume.states[here].copy()
    for i, name in enumerate(system.states):
        if name in plan.asked.initial:
            states[:, i] = initial[:, i]
    return (
        states,
        np.ascontiguousarray(plan.resume.infusions[here]),
        np.ascontiguousarray(plan.resume.steps[here]),
    )


def _grid(asked: Request, here: slice, count: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Output times of the chunk with rows to skip squeezed out: times, rows of the result (None: the same), how many."""
    times = asked.times
    if asked.manual is None and times.ndim == 1:
        return times, None, np.full(count, times.size, np.int64)
    rows = np.broadcast_to(times[here] if times.ndim == 2 else times, (count, times.shape[-1]))
    wanted = np.isfinite(rows)
    if asked.manual is not None:
        wanted &= ~np.broadcast_to(asked.manual[here] if times.ndim == 2 else asked.manual, rows.shape)
    if wanted.all():
        return np.ascontiguousarray(rows), None, np.full(count, rows.shape[1], np.int64)
    order = np.argsort(~wanted, axis=1, kind="stable")
    return (
        np.ascontiguousarray(np.take_along_axis(rows, order, axis=1)),
        order.astype(np.int32),
        wanted.sum(axis=1).astype(np.int64),
    )
