"""Step control, output, actions and the change of patients, compiled: `run(context, block, integers, first, last)`.

Every lane has its own time, step and error; a lane that has finished or failed takes the next patient of the chunk, so that a slow or
failing one neither slows nor changes its neighbours. Vector code decides about steps; scalar code (`settle`, `load`) attends
to single lanes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from analgesia.engine import delays, trigger_code
from analgesia.engine.actions import Kind
from analgesia.engine.build import F64, I1, I8, I32, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word
from analgesia.engine.mathematics import Vector
from analgesia.engine.solution import Status

_SAFETY, _SHRINK, _GROW, _BREAK = 0.9, 0.2, 6.0, 0.1
_NOTHING = 1e-200  # smaller states count as 0: subnormal arithmetic is a hundred times slower
_LEAST_RELATIVE_STEP, _LEAST_STEP = 1e-14, 1e-30


def emit(k: Kernels) -> None:
    """Write the driver into the module."""
    if k.workspace.triggers:
        trigger_code.emit_check(k)
        trigger_code.emit_locate(k)
    _write_row(k)
    _finish(k)
    _apply(k)
    _settle(k)
    _load(k)
    _fail(k)
    _outputs(k)
    _run(k)


def common(k: Kernels, name: str) -> int:
    """Position of a whole number all lanes share."""
    return Lane.COUNT * k.workspace.lanes + ("next", "last", "live", "fresh").index(name)


def _share(code: Code, k: Kernels, name: str) -> Any:
    return code.b.load(code.common_pointer(common(k, name)))


def _set_share(code: Code, k: Kernels, name: str, value: Any) -> None:
    code.b.store(value, code.common_pointer(common(k, name)))


def _write_row(k: Kernels) -> None:
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


def _next_row(code: Code, k: Kernels, lane: Any) -> None:
    """Advance the lane to its next output and set next_row_time."""
    b = code.b
    row = b.add(code.get_int(Lane.NEXT_ROW, lane), code.i(1))
    code.put_int(row, Lane.NEXT_ROW, lane)
    _row_time(code, k, lane, row)


def _row_time(code: Code, k: Kernels, lane: Any, row: Any) -> None:
    b, slot = code.b, k.workspace.scalar("next_row_time")
    with code.either(b.icmp_signed("<", row, code.get_int(Lane.LAST_ROW, lane))) as (yes, no):
        with yes:
            start = b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.GRID_STRIDE))
            code.put(code.item(code.address(Word.GRID), b.add(start, row)), slot, lane)
        with no:
            code.put(code.f(math.inf), slot, lane)
            _store_final(code, k, lane, k.workspace.seen_y)


def _store_final(code: Code, k: Kernels, lane: Any, first: int) -> None:
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


def _emit_due(code: Code, k: Kernels, lane: Any) -> None:
    """Write the rows that are due at the lane's present time from its present state."""
    w, b = k.workspace, code.b

    def due() -> Any:
        return b.fcmp_ordered(
            "<=", code.get(w.scalar("next_row_time"), lane), code.get(w.scalar("time"), lane)
        )

    def body() -> None:
        see_now(code, k, lane)
        k.call(code, "write_row", lane, result_row(code, lane))
        _next_row(code, k, lane)

    code.repeat_while(due, body)


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
            _next_row(code, k, lane)

        code.repeat_while(remaining, blank)
    endless = b.fcmp_ordered("==", code.get(w.scalar("until"), lane), code.f(math.inf))
    with code.when(b.not_(b.and_(endless, b.icmp_signed("==", status, code.i(Status.OK))))):
        _store_final(code, k, lane, w.y)
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
        _emit_due(code, k, lane)

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
            _set_share(code, k, "fresh", code.i(1))

    code.repeat_while(lambda: b.fcmp_ordered("<=", next_action_time(), time), body)
    if w.triggers:
        _settle_triggers(code, k, lane, time, act)
    _emit_due(code, k, lane)
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
        patient = _share(code, k, "next")
        again.set(I1(0))
        with code.either(b.icmp_signed("<", patient, _share(code, k, "last"))) as (some, none):
            with some:
                _set_share(code, k, "next", b.add(patient, code.i(1)))
                _enter(code, k, lane, patient)
                k.call(code, "settle", lane)
                again.set(b.fcmp_ordered(">", code.get(w.scalar("flag"), lane), code.f(0.5)))
            with none:
                for name, value in (("active", 0.0), ("stop", math.inf), ("next_row_time", math.inf)):
                    code.put(code.f(value), w.scalar(name), lane)
                _set_share(code, k, "live", b.sub(_share(code, k, "live"), code.i(1)))

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
    _set_share(code, k, "fresh", code.i(1))
    code.put(code.f(1.0), w.scalar("active"), lane)
    for name in ("rejected", "steps"):
        code.put(code.f(0.0), w.scalar(name), lane)
    offsets = code.address(Word.OFFSETS, I64)
    code.put_int(code.item(offsets, patient), Lane.NEXT_ACTION, lane)
    code.put_int(code.item(offsets, b.add(patient, code.i(1))), Lane.LAST_ACTION, lane)
    code.put_int(code.item(code.address(Word.GRID_COUNTS, I64), patient), Lane.LAST_ROW, lane)
    code.put_int(code.i(0), Lane.NEXT_ROW, lane)
    _row_time(code, k, lane, code.i(0))
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


def _outputs(k: Kernels) -> None:
    """outputs(accepted bits): all rows inside the step just made, by dense output, as many lanes at a time as have one."""
    w = k.workspace
    code = k.function("outputs", [I64], inline=False)
    accepted = code.function.args[3]
    b, v = code.b, Vector(code.b, w.lanes)
    k.call(code, "dense")
    time, step = code.load(w.scalar("time")), code.load(w.scalar("used_step"))

    def waiting() -> Any:
        return b.and_(accepted, due_rows(code, k))

    def body() -> None:
        bits = waiting()
        row_time = code.load(w.scalar("next_row_time"))
        theta = v.div(v.exact("fsub", row_time, time), step)
        theta = v.select(v.compare("<", theta, v.const(1.0)), theta, v.const(1.0))
        arrived = v.compare("==", row_time, code.load(w.scalar("new_time")))
        code.store(v.select(arrived, v.const(1.0), theta), w.scalar("theta"))
        code.store(row_time, w.scalar("seen_time"))
        k.call(code, "interpolate")

        def lane_row(lane: Any) -> None:
            k.call(code, "write_row", lane, result_row(code, lane))
            _next_row(code, k, lane)

        code.for_lanes(bits, lane_row)

    code.repeat_while(lambda: b.icmp_signed("!=", waiting(), code.i(0)), body)
    b.ret_void()


def due_rows(code: Code, k: Kernels) -> Any:
    """Bits of lanes whose next output lies within the step; with outputs after actions, one at the very stop waits."""
    w, b = k.workspace, code.b
    v = Vector(b, w.lanes)
    row, new, stop = (code.load(w.scalar(n)) for n in ("next_row_time", "new_time", "stop"))
    within = code.mask_bits(v.compare("<=", row, new))
    at_stop = code.mask_bits(b.and_(v.compare("==", row, new), v.compare("==", new, stop)))
    after = b.sub(code.i(0), code.word(Word.AFTER))
    return b.and_(within, b.not_(b.and_(at_stop, after)))


def _run(k: Kernels) -> None:
    w = k.workspace
    code = k.function("run", [I64, I64], exported=True)
    first, last = code.function.args[3:]
    b, v = code.b, Vector(code.b, w.lanes)
    for name, value in (("next", first), ("last", last), ("live", code.i(w.lanes)), ("fresh", code.i(0))):
        _set_share(code, k, name, value)
    with code.count(code.i(w.lanes)) as lane:
        k.call(code, "load", lane)
    cancel = code.address(Word.CANCEL, I64)
    largest = code.splat(code.item(code.address(Word.LARGEST_STEP), code.i(0)))

    def alive() -> Any:
        return b.and_(
            b.icmp_signed(">", _share(code, k, "live"), code.i(0)),
            b.icmp_signed("==", code.item(cancel, code.i(0)), code.i(0)),
        )

    def body() -> None:
        with code.when(b.icmp_signed("!=", _share(code, k, "fresh"), code.i(0)), likely=False):
            k.call(code, "start")
            _set_share(code, k, "fresh", code.i(0))
        time, stop, step = (code.load(w.scalar(n)) for n in ("time", "stop", "step"))
        left = v.sub(stop, time)
        last_step = v.compare(">=", v.mul(step, v.const(1.0001)), left)
        halved = v.select(v.compare(">", v.mul(step, v.const(2.0)), left), v.mul(left, v.const(0.5)), step)
        used = v.select(last_step, left, halved)
        code.store(used, w.scalar("used_step"))
        code.store(v.select(last_step, stop, v.exact("fadd", time, used)), w.scalar("new_time"))
        k.call(code, "step")
        if w.delays:
            k.call(code, "check_history")
        if w.triggers:
            k.call(code, "locate")
        _control(code, k, v, largest)

    code.repeat_while(alive, body)
    b.ret_void()


def _control(code: Code, k: Kernels, v: Vector, largest: Any) -> None:
    """Accept or reject in every lane, write outputs, commit, and attend to the lanes that arrived somewhere."""
    w, b = k.workspace, code.b
    error, used, step, time = (code.load(w.scalar(n)) for n in ("error", "used_step", "step", "time"))
    active = v.compare(">", code.load(w.scalar("active")), v.const(0.5))
    good = v.compare("<=", error, v.const(1.0))
    accepted = b.and_(active, good)
    if w.triggers:
        cut = v.compare(">", code.load(w.scalar("cut")), v.const(0.5))
        accepted = b.and_(accepted, b.not_(cut))
    finite = v.compare("<", error, v.const(1e300))
    bounded = v.select(v.compare(">", error, v.const(1e-12)), error, v.const(1e-12))
    factor = v.mul(v.exp(v.mul(v.log(bounded), v.const(-0.1))), v.const(_SAFETY))
    factor = v.select(v.compare("<", factor, v.const(_SHRINK)), v.const(_SHRINK), factor)
    factor = v.select(v.compare(">", factor, v.const(_GROW)), v.const(_GROW), factor)
    repeated = v.compare(">", code.load(w.scalar("rejected")), v.const(0.5))
    factor = v.select(b.and_(repeated, v.compare(">", factor, v.const(1.0))), v.const(1.0), factor)
    factor = v.select(finite, factor, v.const(_BREAK))
    proposed = v.mul(used, factor)
    kept = v.select(
        b.and_(good, v.compare("<", proposed, step)),
        v.select(v.compare("<", used, v.mul(step, v.const(0.999))), step, proposed),
        proposed,
    )
    kept = v.select(v.compare("<", largest, kept), largest, kept)
    if w.triggers:
        kept = v.select(cut, step, kept)
    accepted_bits = code.mask_bits(accepted)
    with code.when(b.icmp_signed("!=", b.and_(accepted_bits, due_rows(code, k)), code.i(0))):
        k.call(code, "outputs", accepted_bits)
    for i in range(w.states):
        new, old = code.load(w.new_y + i), code.load(w.y + i)
        new = v.select(v.compare("<", v.absolute(new), v.const(_NOTHING)), v.const(0.0), new)
        code.store(v.select(accepted, new, old), w.y + i)
    now = v.select(accepted, code.load(w.scalar("new_time")), time)
    code.store(now, w.scalar("time"))
    code.store(v.select(active, kept, step), w.scalar("step"))
    retry = b.and_(active, b.not_(good))
    code.store(v.select(retry, v.const(1.0), v.const(0.0)), w.scalar("rejected"))
    if w.triggers:
        trigger_code.commit(code, k, accepted)
    if w.delays:

        def knots(lane: Any) -> None:
            begin, length = b.extract_element(time, lane), code.get(w.scalar("used_step"), lane)
            delays.record_step(code, k, lane, begin, length, code.get(w.scalar("time"), lane))

        code.for_lanes(accepted_bits, knots)
    floor = v.add(v.mul(v.absolute(now), v.const(_LEAST_RELATIVE_STEP)), v.const(_LEAST_STEP))
    stuck = b.and_(b.and_(active, b.not_(good)), v.compare("<", proposed, floor))
    arrived = b.and_(accepted, v.compare(">=", now, code.load(w.scalar("stop"))))
    no_rows = v.compare("==", code.load(w.scalar("next_row_time")), v.const(math.inf))
    endless = v.compare("==", code.load(w.scalar("until")), v.const(math.inf))
    done = b.and_(accepted, b.and_(no_rows, endless))
    steps = v.add(code.load(w.scalar("steps")), v.const(1.0))
    code.store(steps, w.scalar("steps"))
    limit = code.splat(b.sitofp(code.word(Word.MOST_STEPS), F64))
    exhausted_bits = code.mask_bits(b.and_(active, v.compare(">=", steps, limit)))
    done_bits, stuck_bits, arrived_bits = code.mask_bits(done), code.mask_bits(stuck), code.mask_bits(arrived)
    finite_bits = code.mask_bits(finite)
    due = b.or_(b.or_(done_bits, stuck_bits), b.or_(arrived_bits, exhausted_bits))

    def attend(lane: Any) -> None:
        bit = b.shl(code.i(1), lane)

        def has(bits: Any) -> Any:
            return b.icmp_signed("!=", b.and_(bits, bit), code.i(0))

        code.put(code.f(0.0), w.scalar("flag"), lane)
        with code.either(has(done_bits)) as (finished, otherwise):
            with finished:
                k.call(code, "finish", lane, code.i(Status.OK))
                code.put(code.f(1.0), w.scalar("flag"), lane)
            with otherwise:
                with code.when(has(arrived_bits)):
                    k.call(code, "settle", lane)
                unsettled = b.fcmp_ordered("<", code.get(w.scalar("flag"), lane), code.f(0.5))
                broken = b.or_(has(stuck_bits), has(exhausted_bits))
                with code.when(b.and_(unsettled, broken)):
                    reason = b.select(
                        has(finite_bits), code.i(Status.STEP_TOO_SMALL), code.i(Status.NOT_FINITE)
                    )
                    overrun = b.icmp_signed("!=", code.get_int(Lane.OVERRUN, lane), code.i(0))
                    reason = b.select(overrun, code.i(Status.HISTORY_TOO_SHORT), reason)
                    reason = b.select(has(stuck_bits), reason, code.i(Status.STEP_LIMIT))
                    k.call(code, "fail", lane, reason)
                    code.put(code.f(1.0), w.scalar("flag"), lane)
        with code.when(b.fcmp_ordered(">", code.get(w.scalar("flag"), lane), code.f(0.5))):
            k.call(code, "load", lane)

    with code.when(b.icmp_signed("!=", due, code.i(0)), likely=False):
        code.for_lanes(due, attend)
