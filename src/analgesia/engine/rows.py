"""Output rows of single lanes in compiled code, and the whole numbers that all lanes share."""

from __future__ import annotations

import math
from typing import Any

from analgesia.engine.build import I32, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word


def common(k: Kernels, name: str) -> int:
    """Position of a whole number all lanes share."""
    return Lane.COUNT * k.workspace.lanes + ("next", "last", "live", "fresh").index(name)


def share(code: Code, k: Kernels, name: str) -> Any:
    """A whole number all lanes share."""
    return code.b.load(code.common_pointer(common(k, name)))


def set_share(code: Code, k: Kernels, name: str, value: Any) -> None:
    """Change a whole number all lanes share."""
    code.b.store(value, code.common_pointer(common(k, name)))


def emit_write_row(k: Kernels) -> None:
    """write_row(lane, row): seen_y and the outputs of one lane into the result."""
    w = k.workspace
    code = k.function("write_row", [I64, I64], inline=False)
    lane, row = code.function.args[3:]
    b = code.b
    cell = b.add(b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.ROWS)), row)
    for out, kept, count, first in (
        (Word.STATES_OUT, Word.KEPT_STATES, Word.KEPT_STATE_COUNT, w.seen_y),
        (Word.OUTPUTS_OUT, Word.KEPT_OUTPUTS, Word.KEPT_OUTPUT_COUNT, w.output),
    ):
        number = code.word(count)
        start = b.mul(cell, number)
        target, which = code.address(out), code.address(kept, I32)
        with code.count(number) as m:
            slot = b.add(code.i(first), code.widen(code.item(which, m)))
            code.set_item(code.get(slot, lane), target, b.add(start, m))
    b.ret_void()


def next_row(code: Code, k: Kernels, lane: Any) -> None:
    """Advance the lane to its next output and set next_row_time."""
    b = code.b
    row = b.add(code.get_int(Lane.NEXT_ROW, lane), code.i(1))
    code.put_int(row, Lane.NEXT_ROW, lane)
    row_time(code, k, lane, row)


def row_time(code: Code, k: Kernels, lane: Any, row: Any) -> None:
    """Set next_row_time; once there is none left, what was seen last is what the patient ends with."""
    b, slot = code.b, k.workspace.scalar("next_row_time")
    with code.either(b.icmp_signed("<", row, code.get_int(Lane.LAST_ROW, lane))) as (yes, no):
        with yes:
            start = b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.GRID_STRIDE))
            code.put(code.item(code.address(Word.GRID), b.add(start, row)), slot, lane)
        with no:
            code.put(code.f(math.inf), slot, lane)
            store_final(code, k, lane, k.workspace.seen_y)


def store_final(code: Code, k: Kernels, lane: Any, first: int) -> None:
    """The lane's states at a slot are those the patient ends with."""
    b, number = code.b, code.i(k.workspace.states)
    start = b.mul(code.get_int(Lane.PATIENT, lane), number)
    with code.count(number) as i:
        code.set_item(
            code.get(b.add(code.i(first), i), lane), code.address(Word.FINAL_STATES), b.add(start, i)
        )


def result_row(code: Code, lane: Any) -> Any:
    """Row of the result that belongs to the lane's next output."""
    b = code.b
    row = code.get_int(Lane.NEXT_ROW, lane)
    start = b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.GRID_STRIDE))
    answer = code.local(I64, row)
    with code.when(b.icmp_signed("!=", code.word(Word.GRID_ROWS), code.i(0))):
        answer.set(code.widen(code.item(code.address(Word.GRID_ROWS, I32), b.add(start, row))))
    return answer.get()


def see_now(code: Code, k: Kernels, lane: Any) -> None:
    """Outputs of one lane at its present state, into seen_y and the output slots."""
    w = k.workspace
    with code.count(code.i(w.states)) as i:
        code.put(code.get(code.b.add(code.i(w.y), i), lane), code.b.add(code.i(w.seen_y), i), lane)
    code.put(code.get(w.scalar("time"), lane), w.scalar("seen_time"), lane)
    k.call(code, "observe")


def emit_due(code: Code, k: Kernels, lane: Any) -> None:
    """Write the rows that are due at the lane's present time from its present state."""
    w, b = k.workspace, code.b

    def due() -> Any:
        return b.fcmp_ordered(
            "<=", code.get(w.scalar("next_row_time"), lane), code.get(w.scalar("time"), lane)
        )

    def body() -> None:
        see_now(code, k, lane)
        k.call(code, "write_row", lane, result_row(code, lane))
        next_row(code, k, lane)

    code.repeat_while(due, body)
