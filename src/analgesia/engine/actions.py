"""What happens to each patient at which time: a flat table the compiled driver walks through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from analgesia.errors import ModelError


class Kind(IntEnum):
    """How a row changes a patient; `target` is a state (ADD, RATE, SET_STATE, SET_RATE, SCALE_STATE), a parameter or an output row."""

    ADD = 0
    RATE = 1
    SET_STATE = 2
    SET_PARAMETER = 3
    RESET = 4
    SET_RATE = 5
    SCALE_STATE = 6
    OUTPUT = 7


@dataclass(frozen=True)
class ActionTable:
    """Rows of all patients; those of patient i are `offsets[i]:offsets[i + 1]`, sorted by time, simultaneous ones in order of
    application.
    """

    offsets: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    target: np.ndarray
    value: np.ndarray

    @classmethod
    def build(
        cls,
        patients: int,
        patient: np.ndarray,
        time: np.ndarray,
        kind: np.ndarray,
        target: np.ndarray,
        value: np.ndarray,
    ) -> ActionTable:
        """Sort rows by patient and time (stable) and index them."""
        columns = np.broadcast_arrays(*(np.atleast_1d(c) for c in (patient, time, kind, target, value)))
        who = columns[0].astype(np.int64)
        when = columns[1].astype(np.float64)
        if who.size and (who.min() < 0 or who.max() >= patients):
            raise ModelError(
                f"an action names patient {int(who.max() if who.max() >= patients else who.min())}; there are {patients}"
            )
        if not np.isfinite(when).all():
            raise ModelError("an action has no finite time")
        order = np.lexsort((when, who))
        offsets = np.zeros(patients + 1, np.int64)
        np.cumsum(np.bincount(who, minlength=patients), out=offsets[1:])
        kinds, targets, values = (
            columns[2].astype(np.int32),
            columns[3].astype(np.int32),
            columns[4].astype(np.float64),
        )
        return cls(offsets, when[order], kinds[order], targets[order], values[order])

    @classmethod
    def empty(cls, patients: int) -> ActionTable:
        """No action for anybody."""
        none = np.zeros(0)
        return cls(np.zeros(patients + 1, np.int64), none, none.astype(np.int32), none.astype(np.int32), none)

    def rows(self, patient: int) -> slice:
        """Rows of one patient."""
        return slice(int(self.offsets[patient]), int(self.offsets[patient + 1]))

    def merged(self, other: ActionTable) -> ActionTable:
        """Rows of both; among simultaneous ones those of self come first."""
        patients = self.offsets.size - 1
        who = [np.repeat(np.arange(patients), np.diff(t.offsets)) for t in (self, other)]
        joined = (
            np.concatenate(pair)
            for pair in zip(
                (self.time, self.kind, self.target, self.value),
                (other.time, other.kind, other.target, other.value),
                strict=True,
            )
        )
        return ActionTable.build(patients, np.concatenate(who), *joined)

    def later(self, times: np.ndarray, first: int = 0) -> ActionTable:
        """Rows of patients first, first + 1, ... that lie after each one's time, output rows left out."""
        begin, end = int(self.offsets[first]), int(self.offsets[first + times.size])
        who = np.repeat(np.arange(times.size), np.diff(self.offsets[first : first + times.size + 1]))
        kept = np.flatnonzero((self.time[begin:end] > times[who]) & (self.kind[begin:end] != Kind.OUTPUT))
        columns = (column[begin:end][kept] for column in (self.time, self.kind, self.target, self.value))
        return ActionTable.build(times.size, who[kept], *columns)

    def check(self, patients: int, states: int, parameters: int, rows: int) -> None:
        """Raise `ModelError` unless every row names something that exists."""
        if self.offsets.size != patients + 1:
            raise ModelError(
                f"the actions are for {self.offsets.size - 1} patients, the solve for {patients}"
            )
        if not (np.isfinite(self.time).all() and np.isfinite(self.value).all()):
            raise ModelError("an action has a time or a value that is not finite")
        limits = {Kind.SET_PARAMETER: parameters, Kind.OUTPUT: rows, Kind.RESET: None}
        for kind in Kind:
            limit = limits.get(kind, states)
            chosen = self.target[self.kind == kind]
            if limit is not None and chosen.size and not (chosen.min() >= 0 and chosen.max() < limit):
                raise ModelError(f"a {kind.name} action has target {int(chosen.max())}; there are {limit}")
        if self.kind.size and not np.isin(self.kind, [int(k) for k in Kind]).all():
            raise ModelError(
                f"an action has unknown kind {int(self.kind[~np.isin(self.kind, [int(k) for k in Kind])][0])}"
            )
