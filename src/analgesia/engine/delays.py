"""Delays in compiled code: each lane keeps the delayed outputs of its accepted steps in a ring and looks back into it.

A knot holds time, value and slope of every delayed output; between knots lies the cubic Hermite polynomial (order 4). An action leaves two
knots at one time, so that jumps stay jumps. A look that falls into the step being made, because the delay is shorter than the step or zero,
lands on the parabola through the last knot and the present value: at delay 0 it is the present value. The error control of the step
sees what such a look costs, so a delay may fall to zero without the step following it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import llvmlite.ir as ir

from analgesia.engine.build import F64, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word
from analgesia.engine.mathematics import Vector


def emit_look_up(k: Kernels) -> None:
    """look_up(delay, time, lag, present, result*): result = value, slope, weight of the present value, as three vectors."""
    w = k.workspace
    code = k.function("look_up", [I64, *[k.vector.as_pointer()] * 4], inline=False)
    b = code.b
    delay = code.function.args[3]
    time_in, lag_in, present_in, result = (b.bitcast(a, F64.as_pointer()) for a in code.function.args[4:])
    size, rings = code.word(Word.HISTORY_SIZE), code.address(Word.HISTORY)
    present_before = code.item(code.address(Word.DELAY_BEFORE, I64), delay)
    with code.count(code.i(w.lanes)) as lane:
        now, present = code.item(time_in, lane), code.item(present_in, lane)
        lag = code.item(lag_in, lane)
        lag = b.select(b.fcmp_ordered("<", lag, code.f(0.0)), code.f(0.0), lag)
        moment = b.fsub(now, lag)
        knots = code.get_int(Lane.KNOTS, lane)
        value, slope, weight = (code.local(F64, x) for x in (present, code.f(0.0), code.f(1.0)))
        with code.when(b.icmp_signed(">", knots, code.i(0))):
            step = code.get(w.scalar("used_step"), lane)
            share = b.fsub(code.f(1.0), b.fdiv(lag, step))
            share = b.select(b.fcmp_ordered(">", share, code.f(0.0)), share, code.f(0.0))
            weight.set(b.fmul(share, share))
            last = b.sub(knots, code.i(1))

            def field(knot: Any, offset: Any, lane: Any = lane) -> Any:
                place = b.add(b.mul(lane, size), b.and_(knot, b.sub(size, code.i(1))))
                return code.item(rings, b.add(b.mul(place, code.i(1 + 2 * w.delays)), offset))

            at_value = b.add(b.mul(delay, code.i(2)), code.i(1))
            at_slope = b.add(at_value, code.i(1))
            end = field(last, code.i(0))
            before = b.fcmp_ordered("<=", moment, code.get(w.scalar("begin"), lane))
            within = b.fcmp_ordered(">=", moment, end)
            with code.either(b.or_(before, within)) as (outside, stored):
                with outside, code.either(before) as (early, inside):
                    with early:
                        keep = b.icmp_signed("!=", present_before, code.i(0))
                        first = code.get(b.add(code.i(w.first_value), delay), lane)
                        value.set(b.select(keep, present, first))
                        weight.set(b.select(keep, code.f(1.0), code.f(0.0)))
                    with inside:
                        span = b.fsub(now, end)
                        moving = b.fcmp_ordered(">", span, code.f(0.0))
                        x = b.fsub(moment, end)
                        ratio = b.select(moving, b.fdiv(x, span), code.f(1.0))
                        v0, s0 = field(last, at_value), field(last, at_slope)
                        bend = b.fsub(b.fsub(present, v0), b.fmul(s0, span))
                        curve = b.fadd(b.fadd(v0, b.fmul(s0, x)), b.fmul(bend, b.fmul(ratio, ratio)))
                        value.set(b.select(b.and_(moving, b.fcmp_ordered("<", moment, now)), curve, present))
                        slope.set(s0)
                with stored:
                    _search(code, k, lane, delay, moment, knots, size, field)
                    left = code.get_int_at(Lane.COUNT * w.lanes + 4, delay, lane)
                    right = b.add(left, code.i(1))
                    t0, t1 = field(left, code.i(0)), field(right, code.i(0))
                    span = b.fsub(t1, t0)
                    s = b.fdiv(b.fsub(moment, t0), span)
                    v0, v1 = field(left, at_value), field(right, at_value)
                    d0, d1 = b.fmul(field(left, at_slope), span), b.fmul(field(right, at_slope), span)
                    rise = b.fsub(v1, v0)
                    # v0 + s (d0 + s (3 rise - 2 d0 - d1 + s (d0 + d1 - 2 rise)))
                    cubic = b.fsub(b.fadd(d0, d1), b.fmul(code.f(2.0), rise))
                    square = b.fsub(rise, b.fadd(d0, cubic))
                    value.set(b.fadd(v0, b.fmul(s, b.fadd(d0, b.fmul(s, b.fadd(square, b.fmul(s, cubic)))))))
                    steep = b.fadd(b.fmul(code.f(2.0), square), b.fmul(b.fmul(code.f(3.0), cubic), s))
                    slope.set(b.fdiv(b.fadd(d0, b.fmul(s, steep)), span))
                    lost = b.fcmp_ordered("<", moment, t0)
                    with code.when(lost):
                        value.set(code.f(math.nan))
                        code.put_int(code.i(1), Lane.OVERRUN, lane)
        for m, variable in enumerate((value, slope, weight)):
            code.set_item(variable.get(), result, b.add(code.i(m * w.lanes), lane))
    b.ret_void()


def _search(
    code: Code, k: Kernels, lane: Any, delay: Any, moment: Any, knots: Any, size: Any, field: Any
) -> None:
    """Move the delay's cursor to the last knot at or before the moment; looks move little, so the walk is short."""
    b, base = code.b, Lane.COUNT * k.workspace.lanes + 4
    cursor = code.local(I64, code.get_int_at(base, delay, lane))
    oldest = b.sub(knots, size)
    oldest = b.select(b.icmp_signed("<", oldest, code.i(0)), code.i(0), oldest)
    cursor.set(b.select(b.icmp_signed("<", cursor.get(), oldest), oldest, cursor.get()))
    latest = b.sub(knots, code.i(2))
    cursor.set(b.select(b.icmp_signed(">", cursor.get(), latest), latest, cursor.get()))

    def ahead() -> Any:
        room = b.icmp_signed("<", cursor.get(), latest)
        return b.and_(room, b.fcmp_ordered("<=", field(b.add(cursor.get(), code.i(1)), code.i(0)), moment))

    def behind() -> Any:
        room = b.icmp_signed(">", cursor.get(), oldest)
        return b.and_(room, b.fcmp_ordered(">", field(cursor.get(), code.i(0)), moment))

    code.repeat_while(ahead, lambda: cursor.set(b.add(cursor.get(), code.i(1))))
    code.repeat_while(behind, lambda: cursor.set(b.sub(cursor.get(), code.i(1))))
    code.put_int_at(cursor.get(), base, delay, lane)


def look_up(code: Code, k: Kernels, d: int, time: Any, lag: Any, present: Any) -> tuple[Any, Any, Any]:
    """Call `look_up` from vector code."""
    b, array = code.b, ir.ArrayType(k.vector, 3)
    with b.goto_entry_block():
        spots = [b.alloca(k.vector) for _ in range(3)]
        result = b.gep(b.alloca(array), [code.i(0), code.i(0)])
    for value, spot in zip((time, lag, present), spots, strict=True):
        b.store(value, spot)
    k.call(code, "look_up", code.i(d), *spots, result)
    return tuple(b.load(b.gep(result, [code.i(m)])) for m in range(3))


def emit_knots(k: Kernels) -> None:
    """knot_middle, knot_end(): value and slope of the delayed outputs at (seen_time, seen_y); record_knot(lane, time, slot)."""
    w, low = k.workspace, k.lowered
    for part, name in ((1, "knot_middle"), (2, "knot_end")):
        first = w.knot + 2 * part * w.delays
        code = k.function(name, inline=False)
        b, v = code.b, Vector(code.b, w.lanes)
        with b.goto_entry_block():
            u, f = (
                b.gep(b.alloca(ir.ArrayType(k.vector, w.states)), [code.i(0), code.i(0)]) for _ in range(2)
            )
        time = code.load(w.scalar("seen_time"))
        states = [code.load(w.seen_y + i) for i in range(w.states)]
        for i, state in enumerate(states):
            b.store(state, b.gep(u, [code.i(i)]))
        k.call(code, "rates", time, u, f)
        emitter = k.emitter(code, states.__getitem__, partial(code.load, w.scalar("seen_time")))
        for d, (node, row) in enumerate(zip(low.delayed, low.delayed_rows, strict=True)):
            value, *changes = emitter.emit([node, *row.values()])
            slope = v.const(0.0)
            for which, change in zip(row, changes, strict=True):
                along = change if which < 0 else v.mul(change, b.load(b.gep(f, [code.i(which)])))
                slope = v.add(slope, along)
            code.store(value, first + 2 * d)
            code.store(slope, first + 2 * d + 1)
        b.ret_void()
    _record_knot(k)
    _check_history(k)


def _record_knot(k: Kernels) -> None:
    """record_knot(lane, time, slot): append the knot kept at a slot, which also becomes the one the next step begins with."""
    w = k.workspace
    code = k.function("record_knot", [I64, F64, I64], inline=False)
    b, (lane, time, slot) = code.b, code.function.args[3:]
    knots, size = code.get_int(Lane.KNOTS, lane), code.word(Word.HISTORY_SIZE)
    place = b.add(b.mul(lane, size), b.and_(knots, b.sub(size, code.i(1))))
    start = b.mul(place, code.i(1 + 2 * w.delays))
    rings = code.address(Word.HISTORY)
    code.set_item(time, rings, start)
    for m in range(2 * w.delays):
        value = code.get(b.add(slot, code.i(m)), lane)
        code.set_item(value, rings, b.add(start, code.i(1 + m)))
        code.put(value, w.knot + m, lane)
    for d in range(w.delays):
        value = code.get(w.knot + 2 * d, lane)
        magnitude = b.select(b.fcmp_ordered("<", value, code.f(0.0)), b.fneg(value), value)
        largest = code.get(w.largest_value + d, lane)
        code.put(
            b.select(b.fcmp_ordered(">", magnitude, largest), magnitude, largest), w.largest_value + d, lane
        )
    with code.when(b.icmp_signed("==", knots, code.i(0))):
        for d in range(w.delays):
            code.put(code.get(w.knot + 2 * d, lane), w.first_value + d, lane)
    code.put_int(b.add(knots, code.i(1)), Lane.KNOTS, lane)
    b.ret_void()


def _check_history(k: Kernels) -> None:
    """check_history(): knots in the middle and at the end of the step; what the polynomials between them miss joins the step's error.

    The cubic over the whole step misses its middle by h^4 / 384 of the fourth derivative, those over its halves by a sixteenth of that.
    """
    w = k.workspace
    code = k.function("check_history", inline=False)
    b, v = code.b, Vector(code.b, w.lanes)
    k.call(code, "dense")
    time, step = code.load(w.scalar("time")), code.load(w.scalar("used_step"))
    for theta, name in ((0.5, "knot_middle"), (1.0, "knot_end")):
        code.store(v.const(theta), w.scalar("theta"))
        code.store(v.add(time, v.mul(step, v.const(theta))), w.scalar("seen_time"))
        k.call(code, "interpolate")
        k.call(code, name)
    relative = code.splat(code.item(code.address(Word.TOLERANCE), code.i(0)))
    error = code.load(w.scalar("error"))
    for d in range(w.delays):
        (v0, s0), (middle, _), (v1, s1) = (
            (code.load(w.knot + 2 * (part * w.delays + d)), code.load(w.knot + 2 * (part * w.delays + d) + 1))
            for part in range(3)
        )
        cubic = v.add(v.mul(v.add(v0, v1), v.const(0.5)), v.mul(v.mul(step, v.sub(s0, s1)), v.const(0.125)))
        scale = v.add(v.mul(code.load(w.largest_value + d), relative), v.const(1e-300))
        ratio = v.div(v.mul(v.sub(middle, cubic), v.const(1.0 / 16.0)), scale)
        error = v.maximum(error, v.mul(ratio, ratio))
    code.store(error, w.scalar("error"))
    b.ret_void()


def record_step(code: Code, k: Kernels, lane: Any, begin: Any, step: Any, end: Any) -> None:
    """Append the two knots of an accepted step."""
    w, b = k.workspace, code.b
    middle = b.fadd(begin, b.fmul(step, code.f(0.5)))
    k.call(code, "record_knot", lane, middle, code.i(w.knot + 2 * w.delays))
    k.call(code, "record_knot", lane, end, code.i(w.knot + 4 * w.delays))


def enter(code: Code, k: Kernels, lane: Any, patient: Any) -> None:
    """A new patient's ring: empty, or as a checkpoint left it."""
    w, b = k.workspace, code.b
    width = code.i(1 + 2 * w.delays)
    for entry in (Lane.KNOTS, Lane.OVERRUN):
        code.put_int(code.i(0), entry, lane)
    for d in range(w.delays):
        code.put_int_at(code.i(0), Lane.COUNT * w.lanes + 4, code.i(d), lane)
        code.put(code.f(0.0), w.largest_value + d, lane)
    code.put(code.get(w.scalar("time"), lane), w.scalar("begin"), lane)
    with code.when(b.icmp_signed("!=", code.word(Word.HISTORY_IN), code.i(0))):
        stored, start = code.address(Word.HISTORY_IN), b.mul(patient, record_size(code, k))
        count = b.fptosi(code.item(stored, start), I64)
        code.put_int(count, Lane.KNOTS, lane)
        code.put(code.item(stored, b.add(start, code.i(1))), w.scalar("begin"), lane)
        for d in range(w.delays):
            code.put(code.item(stored, b.add(start, code.i(2 + d))), w.first_value + d, lane)
        ring = b.mul(b.mul(lane, code.word(Word.HISTORY_SIZE)), width)
        body = b.add(start, code.i(2 + w.delays))
        with code.count(b.mul(count, width)) as m:
            code.set_item(code.item(stored, b.add(body, m)), code.address(Word.HISTORY), b.add(ring, m))
        latest = b.add(body, b.mul(b.sub(count, code.i(1)), width))
        for m in range(2 * w.delays):
            code.put(code.item(stored, b.add(latest, code.i(1 + m))), w.knot + m, lane)
        for d in range(w.delays):
            size = code.item(stored, b.add(latest, code.i(1 + 2 * d)))
            size = b.select(b.fcmp_ordered("<", size, code.f(0.0)), b.fneg(size), size)
            code.put(size, w.largest_value + d, lane)


def leave(code: Code, k: Kernels, lane: Any, patient: Any) -> None:
    """Store the ring, oldest knot first, for a checkpoint."""
    w, b = k.workspace, code.b
    width, size = code.i(1 + 2 * w.delays), code.word(Word.HISTORY_SIZE)
    with code.when(b.icmp_signed("!=", code.word(Word.HISTORY_OUT), code.i(0))):
        target, start = code.address(Word.HISTORY_OUT), b.mul(patient, record_size(code, k))
        knots = code.get_int(Lane.KNOTS, lane)
        count = b.select(b.icmp_signed("<", knots, size), knots, size)
        code.set_item(b.sitofp(count, F64), target, start)
        code.set_item(code.get(w.scalar("begin"), lane), target, b.add(start, code.i(1)))
        for d in range(w.delays):
            code.set_item(code.get(w.first_value + d, lane), target, b.add(start, code.i(2 + d)))
        body, oldest = b.add(start, code.i(2 + w.delays)), b.sub(knots, count)
        with code.count(count) as n:
            knot = b.and_(b.add(oldest, n), b.sub(size, code.i(1)))
            source = b.mul(b.add(b.mul(lane, size), knot), width)
            with code.count(width) as m:
                value = code.item(code.address(Word.HISTORY), b.add(source, m))
                code.set_item(value, target, b.add(b.add(body, b.mul(n, width)), m))


def record_size(code: Code, k: Kernels) -> Any:
    """Doubles a checkpoint holds per patient."""
    w, b = k.workspace, code.b
    return b.add(b.mul(code.word(Word.HISTORY_SIZE), code.i(1 + 2 * w.delays)), code.i(2 + w.delays))
