"""Events located in the state: when an output crosses a threshold, and what then happens at which time after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analgesia.engine.actions import Kind
from analgesia.engine.layout import Word
from analgesia.engine.system import System
from analgesia.errors import ModelError


@dataclass(frozen=True)
class Scheduled:
    """One action `after` the crossing, given `repeat` times `every` so long; with `still`, only if the output is then still
    beyond the threshold.

    `target` names a state (or, for SET_PARAMETER, a parameter; for RESET, nothing). `value` and `after`: one number, or one per patient.
    """

    kind: Kind
    target: str
    value: float | np.ndarray
    after: float | np.ndarray = 0.0
    repeat: int = 1
    every: float = 0.0
    still: bool = False


@dataclass(frozen=True)
class Trigger:
    """Fires when `output` crosses `threshold` (one number, or one per patient) in the given direction, `limit` times at most.

    The crossing is located to rounding on the dense output of the step, and the step is made again to end there. `terminal`
    ends the patient
    there with status STOPPED. "60 h after ventilation falls below 0.4, 3 times every 150 h": `Trigger("ventilation", 0.4, "falling",
    [Scheduled(Kind.ADD, "depot", 2.0, after=60, repeat=3, every=150)])`.
    """

    output: str
    threshold: float | np.ndarray
    direction: Literal["falling", "rising", "both"] = "falling"
    actions: Sequence[Scheduled] = ()
    limit: int = 1
    terminal: bool = False


@dataclass(frozen=True)
class Schedule:
    """Triggers as the tables compiled code reads: per trigger [trigger], per scheduled action [row], per patient [n, ...]."""

    words: Mapping[Word, np.ndarray]
    thresholds: np.ndarray
    after: np.ndarray
    value: np.ndarray
    triggers: int
    rows: int
    room: int  # crossings kept per trigger
    queue: int  # actions that may wait at once
    infusions: bool

    def arrays(self, here: slice) -> dict[Word, np.ndarray]:
        """Tables of a range of patients."""
        return dict(self.words) | {
            Word.THRESHOLDS: np.ascontiguousarray(self.thresholds[here]),
            Word.SCHEDULE_AFTER: np.ascontiguousarray(self.after[here]),
            Word.SCHEDULE_VALUE: np.ascontiguousarray(self.value[here]),
        }


def schedule(system: System, triggers: Sequence[Trigger], patients: int) -> Schedule:
    """Check triggers and lay them out."""
    rows: list[tuple[int, int, int, int]] = []
    after, value = [], []
    for index, trigger in enumerate(triggers):
        system.output_index(trigger.output)
        where = f"trigger {index} on `{trigger.output}`"
        if trigger.direction not in ("falling", "rising", "both") or trigger.limit < 1:
            raise ModelError(f"{where}: direction is falling, rising or both, and limit at least 1")
        for action in trigger.actions:
            if action.repeat < 1 or action.every < 0 or (action.repeat > 1 and action.every == 0):
                raise ModelError(
                    f"{where}: repeat = {action.repeat} needs `every` above 0; got {action.every}"
                )
            if action.still and trigger.direction == "both":
                raise ModelError(f"{where}: `still` needs one direction, falling or rising")
            if action.kind == Kind.OUTPUT:
                raise ModelError(f"{where}: a trigger cannot write output rows")
            target = _target(system, action)
            delay = _column(action.after, patients, f"{where}: after")
            amount = _column(action.value, patients, f"{where}: value")
            if (delay < 0).any():
                raise ModelError(f"{where}: `after` is negative; an action cannot come before its trigger")
            for repeat in range(action.repeat):
                rows.append((index, int(action.kind), target, int(action.still)))
                after.append(delay + repeat * action.every)
                value.append(amount)
    table = np.array(rows, np.int64).reshape(len(rows), 4)
    codes = {"falling": 1, "rising": 2, "both": 3}

    def column(values: Sequence[int]) -> np.ndarray:
        return np.array(values, np.int64)

    words = {
        Word.TRIGGER_OUTPUT: column([system.output_index(t.output) for t in triggers]),
        Word.TRIGGER_DIRECTION: column([codes[t.direction] for t in triggers]),
        Word.TRIGGER_LIMIT: column([t.limit for t in triggers]),
        Word.TRIGGER_TERMINAL: column([int(t.terminal) for t in triggers]),
        Word.SCHEDULE_TRIGGER: table[:, 0].copy(),
        Word.SCHEDULE_KIND: table[:, 1].copy(),
        Word.SCHEDULE_TARGET: table[:, 2].copy(),
        Word.SCHEDULE_STILL: table[:, 3].copy(),
    }
    thresholds = [_column(t.threshold, patients, f"threshold of `{t.output}`") for t in triggers]
    waiting = sum(trigger.limit * sum(a.repeat for a in trigger.actions) for trigger in triggers)
    queue = (
        max(8, 1 << (waiting - 1).bit_length()) if waiting else 0
    )  # few sizes, so that few kernels are compiled
    return Schedule(
        words,
        _stack(thresholds, patients),
        _stack(after, patients),
        _stack(value, patients),
        len(triggers),
        len(rows),
        max((t.limit for t in triggers), default=0),
        queue,
        bool(np.isin(table[:, 1], (Kind.RATE, Kind.SET_RATE)).any()),
    )


def _target(system: System, action: Scheduled) -> int:
    if action.kind == Kind.RESET:
        return 0
    return (
        system.parameter_index(action.target)
        if action.kind == Kind.SET_PARAMETER
        else system.index(action.target)
    )


def _column(value: float | np.ndarray, patients: int, what: str) -> np.ndarray:
    array = np.asarray(value, float)
    if array.ndim > 1 or (array.ndim == 1 and array.shape[0] != patients) or not np.isfinite(array).all():
        raise ModelError(f"{what} must be one finite number, or one for each of the {patients} patients")
    return np.broadcast_to(array, patients)


def _stack(columns: Sequence[np.ndarray], patients: int) -> np.ndarray:
    return np.stack(columns, axis=1) if columns else np.zeros((patients, 0))
