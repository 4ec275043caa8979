"""What a solve returns: states and outputs of every patient, and how each one ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from analgesia.engine.system import System
from analgesia.errors import ModelError


class Status(IntEnum):
    """How a patient's integration ended."""

    OK = 0
    STEP_LIMIT = 1
    STEP_TOO_SMALL = 2
    NOT_FINITE = 3
    STOPPED = 4  # by a terminal event; not a failure


@dataclass(frozen=True)
class Solution:
    """`states[patient, time, state]`, `outputs[patient, time, output]` (nan after a failure), `status[patient]` and where it failed."""

    system: System
    times: np.ndarray
    states: np.ndarray
    outputs: np.ndarray
    status: np.ndarray
    failure_time: np.ndarray
    failure_state: np.ndarray
    steps: np.ndarray
    final_states: np.ndarray

    def state(self, name: str) -> np.ndarray:
        """[patient, time] of one state."""
        return self.states[:, :, self.system.index(name)]

    def output(self, name: str) -> np.ndarray:
        """[patient, time] of one output."""
        return self.outputs[:, :, self.system.output_index(name)]

    def raise_for_status(self) -> Solution:
        """Raise `ModelError` that counts and locates failures; return self when there is none."""
        failed = np.flatnonzero((self.status != Status.OK) & (self.status != Status.STOPPED))
        if failed.size:
            kinds = ", ".join(
                f"{n} {Status(s).name}" for s, n in sorted(Counter(self.status[failed].tolist()).items())
            )
            first = int(failed[0])
            where = int(self.failure_state[first])
            name = list(self.system.states)[where] if where >= 0 else "none"
            raise ModelError(
                f"system `{self.system.name}`: {failed.size} of {self.status.size} patients failed ({kinds}); first patient "
                f"{first} at {self.failure_time[first]:g} {self.system.time_unit}, state `{name}`"
            )
        return self
