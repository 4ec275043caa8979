"""What a solve returns: states and outputs of every patient, and how each one ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from analgesia.engine.actions import ActionTable
from analgesia.engine.system import System
from analgesia.errors import ModelError


class Status(IntEnum):
    """How a patient's integration ended."""

    OK = 0
    STEP_LIMIT = 1
    STEP_TOO_SMALL = 2
    NOT_FINITE = 3
    STOPPED = 4  # by a terminal trigger; not a failure
    HISTORY_TOO_SHORT = 5  # a delay looked back further than the stored history reaches


_CURES = {
    Status.STEP_LIMIT: "raise max_steps or loosen the tolerances",
    Status.STEP_TOO_SMALL: "the equations are not smooth there, or the tolerances are too tight",
    Status.NOT_FINITE: "the equations gave inf or nan there: look at divisions, logarithms and powers",
    Status.HISTORY_TOO_SHORT: "raise `history`",
}


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to go on: `solve(..., resume=solution.checkpoint)`, with changed parameters or further doses.

    Parameters given to the next solve replace those stored here. `pending` are actions recorded but not yet due (ends of infusions, later
    doses of the record); doses given to the next solve come on top.
    """

    system: System
    times: np.ndarray
    states: np.ndarray
    parameters: np.ndarray
    infusions: np.ndarray
    steps: np.ndarray
    status: np.ndarray
    pending: ActionTable
    history: np.ndarray | None = None  # rings of the delays, see engine/delays.py
    history_size: int = 0


@dataclass(frozen=True)
class Solution:
    """`states[patient, time, state]`, `outputs[patient, time, output]` (nan after a failure), `status[patient]` and where it failed.

    `kept_states`, `kept_outputs` name the last axes. `crossings[patient, trigger, occurrence]`: times at which triggers fired,
    nan otherwise.
    """

    system: System
    times: np.ndarray
    states: np.ndarray
    outputs: np.ndarray
    status: np.ndarray
    failure_time: np.ndarray
    failure_state: np.ndarray
    steps: np.ndarray
    final_states: np.ndarray
    kept_states: tuple[str, ...]
    kept_outputs: tuple[str, ...]
    crossings: np.ndarray
    first: int = 0
    checkpoint: Checkpoint | None = None

    def state(self, name: str) -> np.ndarray:
        """[patient, time] of one state."""
        self.system.index(name)
        return self.states[:, :, self._kept(self.kept_states, name)]

    def output(self, name: str) -> np.ndarray:
        """[patient, time] of one output."""
        self.system.output_index(name)
        return self.outputs[:, :, self._kept(self.kept_outputs, name)]

    def _kept(self, names: tuple[str, ...], name: str) -> int:
        if name not in names:
            raise ModelError(f"`{name}` was not kept by this solve; add it to `keep`")
        return names.index(name)

    def raise_for_status(self) -> Solution:
        """Raise `ModelError` that counts and locates failures; return self when there is none."""
        failed = np.flatnonzero((self.status != Status.OK) & (self.status != Status.STOPPED))
        if failed.size:
            kinds = ", ".join(
                f"{n} {Status(s).name}" for s, n in sorted(Counter(self.status[failed].tolist()).items())
            )
            worst = int(failed[0])
            state, status = int(self.failure_state[worst]), Status(int(self.status[worst]))
            name = list(self.system.states)[state] if state >= 0 else "none"
            raise ModelError(
                f"system `{self.system.name}`: {failed.size} of {self.status.size} patients failed ({kinds}); first patient "
                f"{self.first + worst} at {self.failure_time[worst]:g} {self.system.time_unit}, state `{name}`; {_CURES[status]}"
            )
        return self
