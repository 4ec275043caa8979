"""Where everything lies in the memory the compiled driver works on.

`Workspace`: one block of lanes, as vectors of `lanes` doubles, and a block of whole numbers. `Context`: addresses and settings of one chunk
of patients, an array of 64-bit words that Python fills and compiled code reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

from analgesia.engine.rodas import STAGES


class Word(IntEnum):
    """Entries of the context; `..._` addresses, the rest whole numbers (doubles by their bits)."""

    PARAMETERS = 0  # double[patient, parameter]
    INITIAL = auto()  # double[patient, state]
    INFUSIONS = auto()  # double[patient, state]: rates at the start
    STARTS = auto()  # double[patient]
    UNTIL = auto()  # double[patient]; +inf: up to the last output
    FIRST_STEP = auto()  # double[patient]; 0: choose
    TOLERANCE = auto()  # double[1 + states]: relative, then absolute per state
    LARGEST_STEP = auto()  # double[1]
    MOST_STEPS = auto()  # whole number
    GRID = auto()  # double[patient or 1, row]
    GRID_STRIDE = auto()  # rows between patients, 0 when shared
    GRID_ROWS = auto()  # int32[patient or 1, row]: row of the result, or 0 address when the same
    GRID_COUNTS = auto()  # int64[patient]
    AFTER = auto()  # 1: outputs at the time of an action show the state after it
    OFFSETS = auto()  # int64[patient + 1]
    ACTION_TIME = auto()
    ACTION_KIND = auto()
    ACTION_TARGET = auto()
    ACTION_VALUE = auto()
    STATES_OUT = auto()  # double[patient, row, kept state]
    OUTPUTS_OUT = auto()  # double[patient, row, kept output]
    KEPT_STATES = auto()  # int32[], or 0 address when all are kept in their order, as for outputs
    KEPT_STATE_COUNT = auto()
    KEPT_OUTPUTS = auto()
    KEPT_OUTPUT_COUNT = auto()
    ROWS = auto()  # rows of the result per patient
    STATUS = auto()  # int8[patient]
    FAILURE_TIME = auto()
    FAILURE_STATE = auto()  # int32[patient]
    STEPS = auto()  # int64[patient]
    FINAL_STATES = auto()
    FINAL_PARAMETERS = auto()  # 0 address: not wanted
    FINAL_INFUSIONS = auto()
    FINAL_TIME = auto()
    FINAL_STEP = auto()
    CANCEL = auto()  # int64[1]: not zero means stop
    THRESHOLDS = auto()  # double[patient, trigger]
    CROSSINGS = auto()  # double[patient, trigger, occurrence]
    CROSSING_ROOM = auto()  # occurrences kept
    TRIGGER_OUTPUT = auto()  # int64[trigger], as the next three
    TRIGGER_DIRECTION = auto()  # 1 falling, 2 rising, 3 both
    TRIGGER_LIMIT = auto()
    TRIGGER_TERMINAL = auto()
    SCHEDULE_COUNT = auto()
    SCHEDULE_TRIGGER = auto()  # int64[row], as the next three
    SCHEDULE_KIND = auto()
    SCHEDULE_TARGET = auto()
    SCHEDULE_STILL = auto()
    SCHEDULE_AFTER = auto()  # double[patient, row]
    SCHEDULE_VALUE = auto()
    QUEUE_OUT = auto()  # double[patient, place, 2]: time and row of what still waits
    HISTORY = auto()  # double[lane, knot, 1 + 2 delays]: the rings of the lanes
    HISTORY_SIZE = auto()  # knots of a ring, a power of two
    HISTORY_OUT = auto()  # what checkpoints keep of them
    HISTORY_IN = auto()
    DELAY_BEFORE = auto()  # int64[delay]: 1: the present value stands in before the start
    WORDS = auto()


class Lane(IntEnum):
    """Whole numbers kept per lane."""

    PATIENT = 0
    NEXT_ACTION = auto()
    LAST_ACTION = auto()
    NEXT_ROW = auto()
    LAST_ROW = auto()
    QUEUED = auto()  # pending actions of triggers
    KNOTS = auto()  # knots ever written to the history
    OVERRUN = auto()  # 1: a delay looked back beyond the history
    STOPPED = auto()  # 1: a terminal trigger fired
    EVENT = auto()  # triggers expected to fire at the end of the step, one bit each
    COUNT = auto()


@dataclass(frozen=True)
class Workspace:
    """Positions, in vectors, of the lane block."""

    lanes: int
    states: int
    parameters: int
    hoisted: int
    outputs: int
    triggers: int = 0
    queue: int = 0  # capacity, per lane, of actions waiting after a trigger
    delays: int = 0

    _SCALARS = (
        "time",
        "new_time",
        "step",
        "used_step",
        "stop",
        "next_row_time",
        "active",
        "rejected",
        "fresh",
        "error",
        "theta",
        "seen_time",
        "until",
        "steps",
        "cut",
        "begin",
        "event_time",
        "flag",
    )

    def scalar(self, name: str) -> int:
        """Position of a value every lane has one of."""
        return self._SCALARS.index(name)

    @property
    def _base(self) -> int:
        return len(self._SCALARS)

    @property
    def y(self) -> int:
        return self._base

    @property
    def new_y(self) -> int:
        return self.y + self.states

    @property
    def start_y(self) -> int:
        return self.new_y + self.states

    @property
    def seen_y(self) -> int:
        return self.start_y + self.states

    @property
    def infusion(self) -> int:
        return self.seen_y + self.states

    @property
    def stages(self) -> int:
        return self.infusion + self.states

    @property
    def dense(self) -> int:
        return self.stages + STAGES * self.states

    @property
    def parameter(self) -> int:
        return self.dense + 3 * self.states

    @property
    def hoist(self) -> int:
        return self.parameter + self.parameters

    @property
    def output(self) -> int:
        return self.hoist + self.hoisted

    @property
    def side(self) -> int:
        """Which side of its threshold each trigger's output was last seen on: -1, 1, or 0 before the first look."""
        return self.output + self.outputs

    @property
    def threshold(self) -> int:
        return self.side + self.triggers

    @property
    def fired(self) -> int:
        """How often each trigger has fired."""
        return self.threshold + self.triggers

    @property
    def end_side(self) -> int:
        """Sides at the end of the step being made."""
        return self.fired + self.triggers

    @property
    def queue_time(self) -> int:
        return self.end_side + self.triggers

    @property
    def queue_code(self) -> int:
        """Which scheduled action waits: index into the table compiled with the system."""
        return self.queue_time + self.queue

    @property
    def knot(self) -> int:
        """Values and slopes of the delayed outputs where the step begins; then in its middle, then at its end."""
        return self.queue_code + self.queue

    @property
    def first_value(self) -> int:
        """Values of the delayed outputs at the start."""
        return self.knot + 6 * self.delays

    @property
    def largest_value(self) -> int:
        """Largest size of each delayed output so far."""
        return self.first_value + self.delays

    @property
    def vectors(self) -> int:
        """Size of the block."""
        return self.largest_value + self.delays

    @property
    def integers(self) -> int:
        """Size of the whole-number block: lane entries, then NEXT, LAST, LIVE, FRESH, then where each delay last looked."""
        return Lane.COUNT * self.lanes + 4 + self.delays * self.lanes
