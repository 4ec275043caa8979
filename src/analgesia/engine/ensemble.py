"""Patients through a system: parameters, doses and output times in, a `Solution` out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from analgesia.engine import chunks
from analgesia.engine.actions import ActionTable, Kind
from analgesia.engine.chunks import Plan, Results
from analgesia.engine.doses import Doses
from analgesia.engine.layout import Word
from analgesia.engine.program import record
from analgesia.engine.requests import Request, request
from analgesia.engine.solution import Checkpoint, Solution
from analgesia.engine.system import System
from analgesia.engine.triggers import Trigger, schedule
from analgesia.errors import ModelError

Progress = Callable[[int, int, float, float], None]  # patients done, of how many, per second, seconds left

CHUNK = 1024


def solve(
    system: System,
    parameters: Mapping[str, object],
    *,
    times: object,
    doses: Doses | None = None,
    initial: Mapping[str, object] | None = None,
    rtol: float = 1e-6,
    atol: float | Mapping[str, float] = 1e-9,
    triggers: Sequence[Trigger] = (),
    threads: int | None = None,
    progress: Progress | None = None,
    patients: int | None = None,
    max_steps: int = 100_000,
    max_step: float = np.inf,
    actions: ActionTable | None = None,
    manual: object = None,
    after: bool = False,
    start: float | np.ndarray | None = None,
    until: float | np.ndarray | None = None,
    keep: Sequence[str] | None = None,
    checkpoint: bool = False,
    resume: Checkpoint | None = None,
    history: int = 4096,
    chunk: int = CHUNK,
) -> Solution:
    """Integrate every patient with its own steps.

    parameters: one number, or one per patient, for each parameter. times: [T] shared or [n, T] per patient (nan padded), sorted. doses: the
    dosing record; `actions` is the table behind it for those who write their own, `manual` marks rows of `times` that only its OUTPUT rows
    write. initial: replaces the system's initial values. rtol, atol: local error per step, atol in the unit of each state. Outputs at the
    time of a dose show the state before it, or after it with `after`. start: time of the initial values (0, or earlier when an output or a
    dose is); until: integrate to this time exactly (default: just past the last output). keep: names of states and outputs to store
    (default: all). checkpoint: end so that `resume=solution.checkpoint` can go on. history: steps kept for delays to look back
    into. A patient that fails has a status and nan, and disturbs nobody.

    Results do not depend on threads, chunk, or on which other times are asked for. Raises ModelError for inputs that cannot be honoured.
    """
    plan = _plan(
        system,
        parameters,
        times,
        doses,
        initial,
        rtol,
        atol,
        triggers,
        patients,
        max_steps,
        max_step,
        actions,
        manual,
        after,
        start,
        until,
        keep,
        checkpoint,
        resume,
        history,
    )
    count = plan.asked.patients
    results = Results(plan, count)
    watch = _Watch(progress, count)
    with _Pool(plan, threads) as pool:
        for first, last, future in pool.submit(results, 0, 0, count, chunk):
            future.result()
            watch.add(last - first)
    return _solution(plan, results, 0)


def stream(
    system: System,
    parameters: Mapping[str, object],
    *,
    times: object,
    chunk: int = CHUNK,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: object,
) -> Iterator[Solution]:
    """Like `solve`, one `Solution` per chunk in the order of the patients; memory holds a few chunks only. `first` tells where
    each begins.
    """
    given = dict.fromkeys(
        ("doses", "initial", "patients", "actions", "manual", "start", "until", "keep", "resume")
    )
    given |= {
        "rtol": 1e-6,
        "atol": 1e-9,
        "triggers": (),
        "max_steps": 100_000,
        "max_step": np.inf,
        "after": False,
        "checkpoint": False,
        "history": 4096,
    }
    unknown = set(options) - set(given)
    if unknown:
        raise ModelError(f"stream() has no option {', '.join(sorted(unknown))}; it has those of solve()")
    plan = _plan(system, parameters, times, **(given | options))  # type: ignore[arg-type]
    count, watch = plan.asked.patients, _Watch(progress, plan.asked.patients)
    waiting: list[tuple[int, int, Results, Future[None]]] = []
    with _Pool(plan, threads) as pool:
        for first in range(0, count, chunk):
            last = min(first + chunk, count)
            results = Results(plan, last - first)
            waiting += [
                (first, last, results, f) for _, _, f in pool.submit(results, first, first, last, chunk)
            ]
            if len(waiting) > pool.threads + 1:
                yield _next(plan, waiting, watch)
        while waiting:
            yield _next(plan, waiting, watch)


def _next(plan: Plan, waiting: list[tuple[int, int, Results, Future[None]]], watch: _Watch) -> Solution:
    first, last, results, future = waiting.pop(0)
    future.result()
    watch.add(last - first)
    return _solution(plan, results, first)


class _Pool:
    """Threads that run chunks; leaving early (an error, Ctrl-C) tells compiled code to stop."""

    def __init__(self, plan: Plan, threads: int | None) -> None:
        if threads is not None and threads < 1:
            raise ModelError(f"threads = {threads}; give at least one")
        self.plan = plan
        self.threads = threads or (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self._executor = ThreadPoolExecutor(self.threads)

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is not None:
            self.plan.cancel[0] = 1
        self._executor.shutdown(cancel_futures=kind is not None)

    def submit(
        self, results: Results, offset: int, first: int, last: int, chunk: int
    ) -> list[tuple[int, int, Future[None]]]:
        if chunk < 1:
            raise ModelError(f"chunk = {chunk}; give at least one patient")
        edges = [(a, min(a + chunk, last)) for a in range(first, last, chunk)]
        return [(a, b, self._executor.submit(chunks.run, self.plan, results, a, b, offset)) for a, b in edges]


class _Watch:
    """Counts patients and reports them."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done, self._began = progress, total, 0, time.monotonic()

    def add(self, patients: int) -> None:
        self._done += patients
        if self._progress is not None:
            rate = self._done / max(time.monotonic() - self._began, 1e-9)
            self._progress(self._done, self._total, rate, (self._total - self._done) / rate)


def _plan(
    system: System,
    parameters: Mapping[str, object],
    times: object,
    doses: Doses | None,
    initial: Mapping[str, object] | None,
    rtol: float,
    atol: float | Mapping[str, float],
    triggers: Sequence[Trigger],
    patients: int | None,
    max_steps: int,
    max_step: float,
    actions: ActionTable | None,
    manual: object,
    after: bool,
    start: float | np.ndarray | None,
    until: float | np.ndarray | None,
    keep: Sequence[str] | None,
    checkpoint: bool,
    resume: Checkpoint | None,
    history: int,
) -> Plan:
    from analgesia.engine.compiler import compiled

    delayed = tuple(system.output_index(d.of) for d in system.delays.values())
    if max_steps < 1 or not max_step > 0:
        raise ModelError(f"max_steps = {max_steps} and max_step = {max_step} must be positive")
    if resume is not None:
        stored = {name: resume.parameters[:, m] for m, name in enumerate(system.parameters)}
        parameters, patients = {**stored, **parameters}, resume.times.size
    asked = request(
        system, parameters, times, initial=initial, rtol=rtol, atol=atol, patients=patients, manual=manual
    )
    begins, ends = _span(asked, doses, start, until, checkpoint or asked.manual is not None, resume)
    table = _actions(
        asked, doses, actions, begins, np.where(np.isfinite(ends), ends, _last_times(asked)), resume
    )
    infusions = bool(np.isin(table.kind, (Kind.RATE, Kind.SET_RATE)).any()) or (
        resume is not None and bool(resume.infusions.any())
    )
    planned = schedule(system, triggers, asked.patients) if triggers else None
    infusions |= planned is not None and planned.infusions
    states, outputs = list(system.states), list(system.outputs)
    names = [*states, *outputs] if keep is None else list(keep)
    for name in names:
        if name not in system.states:
            system.output_index(name)
    return Plan(
        asked,
        compiled(
            record(system),
            infusions=infusions,
            delayed=delayed,
            triggers=planned.triggers if planned else 0,
            queue=planned.queue if planned else 0,
        ),
        table,
        begins,
        ends,
        np.array([states.index(n) for n in names if n in system.states], np.int32),
        np.array([outputs.index(n) for n in names if n in system.outputs], np.int32),
        int(max_steps),
        float(max_step),
        bool(after),
        np.zeros(1, np.int64),
        checkpoint,
        resume,
        _ring(system, history, resume),
        planned,
    )


def _ring(system: System, history: int, resume: Checkpoint | None) -> int:
    """Knots each lane's history holds: the next power of two, 0 without delays."""
    if history < 4:
        raise ModelError(f"history = {history}; a delay needs at least 4 stored steps")
    if resume is not None and resume.history is not None:
        return resume.history_size
    return 1 << (int(history) - 1).bit_length() if system.delays else 0


def _last_times(asked: Request) -> np.ndarray:
    return np.broadcast_to(np.nanmax(asked.times, axis=-1), asked.patients)


def _span(
    asked: Request, doses: Doses | None, start: object, until: object, exact: bool, resume: Checkpoint | None
) -> tuple[np.ndarray, np.ndarray]:
    """Time of the initial values and time to end at (inf: just past the last output), [n] each."""
    count = asked.patients
    earliest = np.broadcast_to(np.nanmin(asked.times, axis=-1), count)
    if resume is not None:
        begins = np.where(resume.status == 0, resume.times, earliest)
    elif start is not None:
        begins = np.broadcast_to(np.asarray(start, float), count)
    else:
        begins = np.minimum(earliest, 0.0)
        if doses is not None and doses.time.size:
            known = (doses.patient >= 0) & (doses.patient < count)
            begins = begins.copy()
            np.minimum.at(begins, doses.patient[known], doses.time[known])
    if (earliest < begins).any():
        who = int(np.argmax(earliest < begins))
        raise ModelError(
            f"patient {who} starts at {begins[who]:g}, after its first output time {earliest[who]:g}; ask for later times"
        )
    ends = np.full(count, np.inf) if until is None else np.broadcast_to(np.asarray(until, float), count)
    if until is None and exact:
        ends = _last_times(asked)
    if np.isnan(ends).any() or (ends < _last_times(asked)).any():
        raise ModelError(
            "`until` is before the last output time of a patient; ask for earlier times or a later end"
        )
    if resume is not None:
        ends = np.where(resume.status == 0, ends, begins)
    return np.ascontiguousarray(begins, dtype=float), np.ascontiguousarray(ends, dtype=float)


def _actions(
    asked: Request,
    doses: Doses | None,
    actions: ActionTable | None,
    begins: np.ndarray,
    ends: np.ndarray,
    resume: Checkpoint | None,
) -> ActionTable:
    table = actions
    if doses is not None:
        from analgesia.engine.events import expand

        table = expand(
            doses,
            asked.system,
            asked.columns,
            asked.patients,
            start=begins,
            until=ends,
            initial=asked.initial,
            rtol=asked.rtol,
            atol=asked.atol,
        )
        table = table if actions is None else table.merged(actions)
    table = ActionTable.empty(asked.patients) if table is None else table
    if resume is not None:
        table = resume.pending.merged(table)
    table.check(asked.patients, len(asked.system.states), len(asked.system.parameters), asked.times.shape[-1])
    return table


def _waiting(plan: Plan, results: Results, first: int) -> ActionTable:
    """Actions that triggers have scheduled and that are not due yet."""
    who, place = np.nonzero(np.isfinite(results.queue[:, :, 0]))
    if plan.schedule is None or not who.size:
        return ActionTable.empty(results.status.size)
    row = results.queue[who, place, 1].astype(np.int64)
    words = plan.schedule.words
    return ActionTable.build(
        results.status.size,
        who,
        results.queue[who, place, 0],
        words[Word.SCHEDULE_KIND][row],
        words[Word.SCHEDULE_TARGET][row],
        plan.schedule.value[first + who, row],
    )


def _solution(plan: Plan, results: Results, first: int) -> Solution:
    system = plan.asked.system
    states, outputs = list(system.states), list(system.outputs)
    times = (
        plan.asked.times
        if plan.asked.times.ndim == 1
        else plan.asked.times[first : first + results.status.size]
    )
    saved = None
    if plan.final:
        saved = Checkpoint(
            system,
            results.final_time,
            results.final_states,
            results.final_parameters,
            results.final_infusions,
            results.final_step,
            results.status,
            plan.actions.later(results.final_time, first).merged(_waiting(plan, results, first)),
            results.history if plan.ring else None,
            plan.ring,
        )
    return Solution(
        system,
        times,
        results.states,
        results.outputs,
        results.status,
        results.failure_time,
        results.failure_state,
        results.steps,
        results.final_states,
        tuple(states[i] for i in plan.kept_states),
        tuple(outputs[i] for i in plan.kept_outputs),
        results.crossings,
        first,
        saved,
    )
