"""A patient's way through a lane, compiled: loaded, attended to where actions or outputs are due, finished or failed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from analgesia.engine import delays, trigger_code
from analgesia.engine.actions import Kind
from analgesia.engine.build import F64, I1, I8, I32, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word
from analgesia.engine.rows import (
    emit_due,
    emit_write_row,
    next_row,
    result_row,
    row_time,
    see_now,
    set_share,
    share,
    store_final,
)
from analgesia.engine.solution import Status


def emit(k: Kernels) -> None:
    """Write the functions that attend to one lane into the module."""
    emit_write_row(k)
    _finish(k)
    _apply(k)
    _settle(k)
    _load(k)
    _fail(k)


def _finish(k: Kernels) -> None:
    """finish(lane, status): the end of a patient."""
    w = k.workspace
    code = k.function("finish", [I64, I64], inline=False)
    lane, status = code.function.args[3:]
    b = code.b
    patient = code.get_int(Lane.PATIENT, lane)
    code.set_item(b.trunc(status, I8), code.address(Word.STATUS, I8), patient)
    code.set_item(b.fptosi(code.get(w.scalar("steps"), lane), I64), code.address(Word.STEPS, I64), patient)
    for entry, first, number in (
        (Word.FINAL_PARAMETERS, w.parameter, w.parameters),
        (Word.FINAL_INFUSIONS, w.infusion, w.states),
    ):
        with code.when(b.icmp_signed("!=", code.word(entry), code.i(0))), code.count(code.i(number)) as m:
            value = code.get(b.add(code.i(first), m), lane)
            code.set_item(value, code.address(entry), b.add(b.mul(patient, code.i(number)), m))
    for entry, name in ((Word.FINAL_TIME, "time"), (Word.FINAL_STEP, "step")):
        with code.when(b.icmp_signed("!=", code.word(entry), code.i(0))):
            code.set_item(code.get(w.scalar(name), lane), code.address(entry), patient)
    if w.delays:
        delays.leave(code, k, lane, patient)
    if w.triggers:
        trigger_code.leave(code, k, lane, patient)
    # rows a patient never reached are nan
    with code.when(b.icmp_signed("!=", status, code.i(Status.OK))):

        def remaining() -> Any:
            return b.icmp_signed("<", code.get_int(Lane.NEXT_ROW, lane), code.get_int(Lane.LAST_ROW, lane))

        def blank() -> None:
            cell = b.add(b.mul(patient, code.word(Word.ROWS)), result_row(code, lane))
            for out, count in (
                (Word.STATES_OUT, Word.KEPT_STATE_COUNT),
                (Word.OUTPUTS_OUT, Word.KEPT_OUTPUT_COUNT),
            ):
                number = code.word(count)
                with code.count(number) as m:
                    code.set_item(code.f(math.nan), code.address(out), b.add(b.mul(cell, number), m))
            next_row(code, k, lane)

        code.repeat_while(remaining, blank)
    endless = b.fcmp_ordered("==", code.get(w.scalar("until"), lane), code.f(math.inf))
    with code.when(b.not_(b.and_(endless, b.icmp_signed("==", status, code.i(Status.OK))))):
        store_final(code, k, lane, w.y)
    b.ret_void()


def _apply(k: Kernels) -> None:
    """apply(lane, kind, target, value): one action on one lane."""
    w = k.workspace
    code = k.function("apply", [I64, I64, I64, F64], inline=False)
    b, (lane, kind, target, value) = code.b, code.function.args[3:]
    after = code.function.append_basic_block("applied")
    cases = {kind_: code.function.append_basic_block(kind_.name.lower()) for kind_ in Kind}
    switch = b.switch(kind, after)
    for kind_, block in cases.items():
        switch.add_case(code.i(kind_), block)

    def slot(first: int) -> Any:
        return b.add(code.i(first), target)

    for kind_, block in cases.items():
        b.position_at_end(block)
        match kind_:
            case Kind.ADD:
                code.put(b.fadd(code.get(slot(w.y), lane), value), slot(w.y), lane)
            case Kind.RATE:
                code.put(b.fadd(code.get(slot(w.infusion), lane), value), slot(w.infusion), lane)
            case Kind.SET_STATE:
                code.put(value, slot(w.y), lane)
            case Kind.SET_RATE:
                code.put(value, slot(w.infusion), lane)
            case Kind.SCALE_STATE:
                code.put(b.fmul(code.get(slot(w.y), lane), value), slot(w.y), lane)
            case Kind.SET_PARAMETER:
                code.put(value, slot(w.parameter), lane)
                k.call(code, "prepare")
            case Kind.RESET:
                with code.count(code.i(w.states)) as i:
                    code.put(code.get(b.add(code.i(w.start_y), i), lane), b.add(code.i(w.y), i), lane)
                    code.put(code.f(0.0), b.add(code.i(w.infusion), i), lane)
            case Kind.OUTPUT:
                see_now(code, k, lane)
                k.call(code, "write_row", lane, target)
        b.branch(after)
    b.position_at_end(after)
    b.ret_void()


def _settle(k: Kernels) -> None:
    """settle(lane): outputs and actions due now; finish the patient or set the next stop. The lane's `flag` says 1 when it finished."""
    w = k.workspace
    code = k.function("settle", [I64], inline=False)
    lane = code.function.args[3]
    b = code.b
    time = code.get(w.scalar("time"), lane)
    times = code.address(Word.ACTION_TIME)

    def next_action_time() -> Any:
        answer = code.local(F64, code.f(math.inf))
        row = code.get_int(Lane.NEXT_ACTION, lane)
        with code.when(b.icmp_signed("<", row, code.get_int(Lane.LAST_ACTION, lane))):
            answer.set(code.item(times, row))
        return answer.get()

    code.put(code.f(0.0), w.scalar("flag"), lane)

    def next_time() -> Any:
        answer = next_action_time()
        if w.triggers:
            waiting, _ = trigger_code.next_in_queue(code, k, lane)
            answer = b.select(b.fcmp_ordered("<", waiting, answer), waiting, answer)
        return answer

    acting = b.fcmp_ordered("<=", next_time(), time)
    after = b.icmp_signed("!=", code.word(Word.AFTER), code.i(0))
    with code.when(b.not_(b.and_(acting, after))):
        emit_due(code, k, lane)

    def body() -> None:
        row = code.get_int(Lane.NEXT_ACTION, lane)
        kind = code.widen(code.item(code.address(Word.ACTION_KIND, I32), row))
        target = code.widen(code.item(code.address(Word.ACTION_TARGET, I32), row))
        value = code.item(code.address(Word.ACTION_VALUE), row)
        code.put_int(b.add(row, code.i(1)), Lane.NEXT_ACTION, lane)
        act(kind, target, value)

    def act(kind: Any, target: Any, value: Any) -> None:
        k.call(code, "apply", lane, kind, target, value)
        with code.when(b.icmp_signed("!=", kind, code.i(Kind.OUTPUT))):
            code.put(code.f(1.0), w.scalar("fresh"), lane)
            code.put(code.f(0.0), w.scalar("rejected"), lane)
            set_share(code, k, "fresh", code.i(1))

    code.repeat_while(lambda: b.fcmp_ordered("<=", next_action_time(), time), body)
    if w.triggers:
        _settle_triggers(code, k, lane, time, act)
    emit_due(code, k, lane)
    if w.delays:
        changed = b.fcmp_ordered(">", code.get(w.scalar("fresh"), lane), code.f(0.5))
        with code.when(b.or_(changed, b.icmp_signed("==", code.get_int(Lane.KNOTS, lane), code.i(0)))):
            see_now(code, k, lane)
            # by way of the slot for the end of a step: the one for its beginning holds what the other lanes still need
            k.call(code, "knot_end")
            k.call(code, "record_knot", lane, time, code.i(w.knot + 4 * w.delays))
    until = code.get(w.scalar("until"), lane)
    over = b.fcmp_ordered(">=", time, until)
    no_rows = b.and_(
        b.fcmp_ordered("==", until, code.f(math.inf)),
        b.fcmp_ordered("==", code.get(w.scalar("next_row_time"), lane), code.f(math.inf)),
    )
    stop = next_time()
    stop = b.select(b.fcmp_ordered("<", until, stop), until, stop)
    code.put(stop, w.scalar("stop"), lane)
    with code.when(b.or_(over, no_rows)):
        ending = code.i(Status.OK)
        if w.triggers:
            stopped = b.icmp_signed("!=", code.get_int(Lane.STOPPED, lane), code.i(0))
            ending = b.select(stopped, code.i(Status.STOPPED), ending)
        k.call(code, "finish", lane, ending)
        code.put(code.f(1.0), w.scalar("flag"), lane)
    b.ret_void()


def _settle_triggers(
    code: Code, k: Kernels, lane: Any, time: Any, act: Callable[[Any, Any, Any], None]
) -> None:
    """Fire what crossed, apply what is due, until nothing new comes of it."""
    b = code.b
    again = code.local(I1, I1(1))

    def one() -> None:
        trigger_code.take_due(code, k, lane, time, see_now, act)
        see_now(code, k, lane)
        k.call(code, "check_triggers", lane)
        waiting, _ = trigger_code.next_in_queue(code, k, lane)
        again.set(b.fcmp_ordered("<=", waiting, time))

    code.repeat_while(again.get, one)


def _load(k: Kernels) -> None:
    """load(lane): the next patient of the chunk that has something to integrate, or an idle lane."""
    w = k.workspace
    code = k.function("load", [I64], inline=False)
    lane = code.function.args[3]
    b = code.b
    again = code.local(I1, I1(1))

    def one() -> None:
        patient = share(code, k, "next")
        again.set(I1(0))
        with code.either(b.icmp_signed("<", patient, share(code, k, "last"))) as (some, none):
            with some:
                set_share(code, k, "next", b.add(patient, code.i(1)))
                _enter(code, k, lane, patient)
                k.call(code, "settle", lane)
                again.set(b.fcmp_ordered(">", code.get(w.scalar("flag"), lane), code.f(0.5)))
            with none:
                for name, value in (("active", 0.0), ("stop", math.inf), ("next_row_time", math.inf)):
                    code.put(code.f(value), w.scalar(name), lane)
                set_share(code, k, "live", b.sub(share(code, k, "live"), code.i(1)))

    code.repeat_while(again.get, one)
    b.ret_void()


def _enter(code: Code, k: Kernels, lane: Any, patient: Any) -> None:
    """Copy a patient into a lane."""
    w, b = k.workspace, code.b
    code.put_int(patient, Lane.PATIENT, lane)
    with code.count(code.i(w.parameters)) as m:
        value = code.item(code.address(Word.PARAMETERS), b.add(b.mul(patient, code.i(w.parameters)), m))
        code.put(value, b.add(code.i(w.parameter), m), lane)
    k.call(code, "prepare")
    with code.count(code.i(w.states)) as i:
        place = b.add(b.mul(patient, code.i(w.states)), i)
        value = code.item(code.address(Word.INITIAL), place)
        for first in (w.y, w.start_y, w.seen_y):
            code.put(value, b.add(code.i(first), i), lane)
        code.put(code.item(code.address(Word.INFUSIONS), place), b.add(code.i(w.infusion), i), lane)
    code.put(code.item(code.address(Word.STARTS), patient), w.scalar("time"), lane)
    code.put(code.item(code.address(Word.UNTIL), patient), w.scalar("until"), lane)
    step = code.item(code.address(Word.FIRST_STEP), patient)
    code.put(step, w.scalar("step"), lane)
    unknown = b.fcmp_ordered("<=", step, code.f(0.0))
    code.put(b.select(unknown, code.f(1.0), code.f(0.0)), w.scalar("fresh"), lane)
    set_share(code, k, "fresh", code.i(1))
    code.put(code.f(1.0), w.scalar("active"), lane)
    for name in ("rejected", "steps"):
        code.put(code.f(0.0), w.scalar(name), lane)
    offsets = code.address(Word.OFFSETS, I64)
    code.put_int(code.item(offsets, patient), Lane.NEXT_ACTION, lane)
    code.put_int(code.item(offsets, b.add(patient, code.i(1))), Lane.LAST_ACTION, lane)
    code.put_int(code.item(code.address(Word.GRID_COUNTS, I64), patient), Lane.LAST_ROW, lane)
    code.put_int(code.i(0), Lane.NEXT_ROW, lane)
    code.put(row_time(code, k, lane, code.i(0)), w.scalar("next_row_time"), lane)
    if w.delays:
        delays.enter(code, k, lane, patient)
    if w.triggers:
        trigger_code.enter(code, k, lane, patient)


def _fail(k: Kernels) -> None:
    """fail(lane, status): name the time and the state with the largest scaled error (or that is not finite)."""
    w = k.workspace
    code = k.function("fail", [I64, I64], inline=False)
    lane, status = code.function.args[3:]
    b = code.b
    patient = code.get_int(Lane.PATIENT, lane)
    code.set_item(code.get(w.scalar("time"), lane), code.address(Word.FAILURE_TIME), patient)
    tolerance = code.address(Word.TOLERANCE)
    worst, largest = code.local(I64, code.i(0)), code.local(F64, code.f(-1.0))
    last_stage = w.stages + 7 * w.states
    with code.count(code.i(w.states)) as i:
        size = code.get(b.add(code.i(w.new_y), i), lane)
        magnitude = code.b.select(b.fcmp_ordered("<", size, code.f(0.0)), b.fneg(size), size)
        scale = b.fadd(
            b.fmul(magnitude, code.item(tolerance, code.i(0))), code.item(tolerance, b.add(i, code.i(1)))
        )
        ratio = b.fdiv(code.get(b.add(code.i(last_stage), i), lane), scale)
        ratio = b.fmul(ratio, ratio)
        finite = b.fcmp_ordered("<", ratio, code.f(math.inf))
        ratio = b.select(finite, ratio, code.f(math.inf))
        with code.when(b.fcmp_ordered(">", ratio, largest.get())):
            largest.set(ratio)
            worst.set(i)
    code.set_item(b.trunc(worst.get(), I32), code.address(Word.FAILURE_STATE, I32), patient)
    k.call(code, "finish", lane, status)
    b.ret_void()
