"""Output rows of single lanes in compiled code, and the whole numbers that all lanes share."""

from __future__ import annotations

import math
from typing import Any

from analgesia.engine.build import F64, I32, I64, Code
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
    for out, kept, count, first, everything in (
        (Word.STATES_OUT, Word.KEPT_STATES, Word.KEPT_STATE_COUNT, w.seen_y, w.states),
        (Word.OUTPUTS_OUT, Word.KEPT_OUTPUTS, Word.KEPT_OUTPUT_COUNT, w.output, w.outputs),
    ):
        number = code.word(count)
        start = b.mul(cell, number)
        target = b.gep(code.address(out), [start])
        with code.either(b.icmp_signed("==", code.word(kept), code.i(0))) as (whole, selected):
            with whole:
                for m in range(everything):
                    code.set_item(code.get(first + m, lane), target, code.i(m))
            with selected:
                which = code.address(kept, I32)
                with code.count(number) as m:
                    slot = b.add(code.i(first), code.widen(code.item(which, m)))
                    code.set_item(code.get(slot, lane), target, m)
    b.ret_void()


def next_row(code: Code, k: Kernels, lane: Any) -> None:
    """Advance the lane to its next output and set next_row_time."""
    code.put(advance_row(code, k, lane), k.workspace.scalar("next_row_time"), lane)


def advance_row(code: Code, k: Kernels, lane: Any) -> Any:
    """Advance the lane to its next output and return that output's time."""
    row = code.b.add(code.get_int(Lane.NEXT_ROW, lane), code.i(1))
    code.put_int(row, Lane.NEXT_ROW, lane)
    return row_time(code, k, lane, row)


def row_time(code: Code, k: Kernels, lane: Any, row: Any) -> Any:
    """Time of a row, infinite once there is none left; what was seen last is then what the patient ends with."""
    b, time = code.b, code.local(F64)
    with code.either(b.icmp_signed("<", row, code.get_int(Lane.LAST_ROW, lane))) as (yes, no):
        with yes:
            start = b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.GRID_STRIDE))
            time.set(code.item(code.address(Word.GRID), b.add(start, row)))
        with no:
            time.set(code.f(math.inf))
            store_final(code, k, lane, k.workspace.seen_y)
    return time.get()


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
