"""Triggers in compiled code: crossings found on the dense output, fired when the step ends there, and the queue of what they scheduled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from analgesia.engine.build import F64, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word
from analgesia.engine.mathematics import Vector

_PROBES = (1.0 / 3.0, 2.0 / 3.0, 1.0)  # a crossing and its return between two probes go unseen
_HALVINGS = 48


def enter(code: Code, k: Kernels, lane: Any, patient: Any) -> None:
    """A new patient: nothing fired, nothing waiting."""
    w, b = k.workspace, code.b
    for entry in (Lane.QUEUED, Lane.EVENT, Lane.STOPPED):
        code.put_int(code.i(0), entry, lane)
    code.put(code.f(math.inf), w.scalar("event_time"), lane)
    thresholds, start = code.address(Word.THRESHOLDS), b.mul(patient, code.i(w.triggers))
    for n in range(w.triggers):
        code.put(code.item(thresholds, b.add(start, code.i(n))), w.threshold + n, lane)
        for first in (w.side, w.fired, w.end_side):
            code.put(code.f(0.0), first + n, lane)


def next_in_queue(code: Code, k: Kernels, lane: Any) -> tuple[Any, Any]:
    """Time and place of the earliest waiting action; of simultaneous ones the first of the schedule."""
    w, b = k.workspace, code.b
    time, place, order = (
        code.local(F64, code.f(math.inf)),
        code.local(I64, code.i(-1)),
        code.local(F64, code.f(math.inf)),
    )
    with code.count(code.get_int(Lane.QUEUED, lane)) as n:
        moment = code.get(b.add(code.i(w.queue_time), n), lane)
        rank = code.get(b.add(code.i(w.queue_code), n), lane)
        tie = b.and_(b.fcmp_ordered("==", moment, time.get()), b.fcmp_ordered("<", rank, order.get()))
        with code.when(b.or_(b.fcmp_ordered("<", moment, time.get()), tie)):
            time.set(moment)
            place.set(n)
            order.set(rank)
    return time.get(), place.get()


def take_due(
    code: Code,
    k: Kernels,
    lane: Any,
    time: Any,
    see_now: Callable[..., None],
    apply: Callable[[Any, Any, Any], None],
) -> None:
    """Apply what waits in the queue and is due."""
    w, b = k.workspace, code.b

    def body() -> None:
        _, place = next_in_queue(code, k, lane)
        row = b.fptosi(code.get(b.add(code.i(w.queue_code), place), lane), I64)
        left = b.sub(code.get_int(Lane.QUEUED, lane), code.i(1))
        for first in (w.queue_time, w.queue_code):
            code.put(code.get(b.add(code.i(first), left), lane), b.add(code.i(first), place), lane)
        code.put_int(left, Lane.QUEUED, lane)
        wanted = code.local(I64, code.i(1))
        with code.when(
            b.icmp_signed("!=", code.item(code.address(Word.SCHEDULE_STILL, I64), row), code.i(0))
        ):
            trigger = code.item(code.address(Word.SCHEDULE_TRIGGER, I64), row)
            see_now(code, k, lane)
            gap = _gap(code, k, lane, trigger)
            falling = b.icmp_signed(
                "==", code.item(code.address(Word.TRIGGER_DIRECTION, I64), trigger), code.i(1)
            )
            beyond = b.select(
                falling, b.fcmp_ordered("<=", gap, code.f(0.0)), b.fcmp_ordered(">=", gap, code.f(0.0))
            )
            wanted.set(b.zext(beyond, I64))
        with code.when(b.icmp_signed("!=", wanted.get(), code.i(0))):
            kind, target = (
                code.item(code.address(word, I64), row) for word in (Word.SCHEDULE_KIND, Word.SCHEDULE_TARGET)
            )
            cell = b.add(b.mul(code.get_int(Lane.PATIENT, lane), code.word(Word.SCHEDULE_COUNT)), row)
            apply(kind, target, code.item(code.address(Word.SCHEDULE_VALUE), cell))

    code.repeat_while(lambda: b.fcmp_ordered("<=", next_in_queue(code, k, lane)[0], time), body)


def _gap(code: Code, k: Kernels, lane: Any, trigger: Any) -> Any:
    """Output less threshold, from the output slots."""
    w, b = k.workspace, code.b
    output = code.item(code.address(Word.TRIGGER_OUTPUT, I64), trigger)
    value = code.get(b.add(code.i(w.output), output), lane)
    return b.fsub(value, code.get(b.add(code.i(w.threshold), trigger), lane))


def emit_check(k: Kernels) -> None:
    """check_triggers(lane): after the outputs were computed at the lane's state, note the sides and fire what crossed."""
    w = k.workspace
    code = k.function("check_triggers", [I64], inline=False)
    b, lane = code.b, code.function.args[3]
    time, patient = code.get(w.scalar("time"), lane), code.get_int(Lane.PATIENT, lane)
    expected = code.get_int(Lane.EVENT, lane)
    zero = code.f(0.0)
    for n in range(w.triggers):
        gap, old = _gap(code, k, lane, code.i(n)), code.get(w.side + n, lane)
        new = b.select(
            b.fcmp_ordered("<", gap, zero),
            code.f(-1.0),
            b.select(b.fcmp_ordered(">", gap, zero), code.f(1.0), old),
        )
        forced = b.icmp_signed("!=", b.and_(expected, code.i(1 << n)), code.i(0))
        new = b.select(forced, b.fneg(old), new)
        direction = code.item(code.address(Word.TRIGGER_DIRECTION, I64), code.i(n))
        down = b.and_(b.fcmp_ordered(">", old, zero), b.fcmp_ordered("<", new, zero))
        up = b.and_(b.fcmp_ordered("<", old, zero), b.fcmp_ordered(">", new, zero))
        falling = b.icmp_signed("!=", b.and_(direction, code.i(1)), code.i(0))
        rising = b.icmp_signed("!=", b.and_(direction, code.i(2)), code.i(0))
        fired = b.fptosi(code.get(w.fired + n, lane), I64)
        armed = b.icmp_signed("<", fired, code.item(code.address(Word.TRIGGER_LIMIT, I64), code.i(n)))
        with code.when(b.and_(armed, b.or_(b.and_(down, falling), b.and_(up, rising)))):
            room = code.word(Word.CROSSING_ROOM)
            cell = b.add(b.mul(b.add(b.mul(patient, code.i(w.triggers)), code.i(n)), room), fired)
            code.set_item(time, code.address(Word.CROSSINGS), cell)
            code.put(b.sitofp(b.add(fired, code.i(1)), F64), w.fired + n, lane)
            with code.when(
                b.icmp_signed("!=", code.item(code.address(Word.TRIGGER_TERMINAL, I64), code.i(n)), code.i(0))
            ):
                code.put_int(code.i(1), Lane.STOPPED, lane)
                code.put(time, w.scalar("until"), lane)
            count = code.word(Word.SCHEDULE_COUNT)
            with code.count(count) as row:
                belongs = b.icmp_signed(
                    "==", code.item(code.address(Word.SCHEDULE_TRIGGER, I64), row), code.i(n)
                )
                with code.when(belongs):
                    wait = code.item(code.address(Word.SCHEDULE_AFTER), b.add(b.mul(patient, count), row))
                    place = code.get_int(Lane.QUEUED, lane)
                    code.put(b.fadd(time, wait), b.add(code.i(w.queue_time), place), lane)
                    code.put(b.sitofp(row, F64), b.add(code.i(w.queue_code), place), lane)
                    code.put_int(b.add(place, code.i(1)), Lane.QUEUED, lane)
        code.put(new, w.side + n, lane)
    code.put_int(code.i(0), Lane.EVENT, lane)
    code.put(code.f(math.inf), w.scalar("event_time"), lane)
    b.ret_void()


def emit_locate(k: Kernels) -> None:
    """locate(): lanes whose step crosses a threshold are cut: the next attempt ends at the crossing. `cut` says which."""
    w = k.workspace
    code = k.function("locate", inline=False)
    b, v = code.b, Vector(code.b, w.lanes)
    k.call(code, "dense")
    time, step = code.load(w.scalar("time")), code.load(w.scalar("used_step"))
    good = v.compare("<=", code.load(w.scalar("error")), v.const(1.0))
    idle = v.compare("==", code.load(w.scalar("event_time")), v.const(math.inf))
    open_ = b.and_(b.and_(v.compare(">", code.load(w.scalar("active")), v.const(0.5)), good), idle)
    sides = [code.local(k.vector, code.load(w.side + n)) for n in range(w.triggers)]
    armed = []
    for n in range(w.triggers):
        limit = code.splat(b.sitofp(code.item(code.address(Word.TRIGGER_LIMIT, I64), code.i(n)), F64))
        armed.append(v.compare("<", code.load(w.fired + n), limit))

    def gaps(theta: Any) -> list[Any]:
        code.store(theta, w.scalar("theta"))
        code.store(v.add(time, v.mul(theta, step)), w.scalar("seen_time"))
        k.call(code, "interpolate")
        result = []
        for n in range(w.triggers):
            output = code.item(code.address(Word.TRIGGER_OUTPUT, I64), code.i(n))
            result.append(v.sub(code.load(b.add(code.i(w.output), output)), code.load(w.threshold + n)))
        return result

    def crossed(gap: list[Any]) -> list[Any]:
        zero, result = v.const(0.0), []
        for n in range(w.triggers):
            direction = code.item(code.address(Word.TRIGGER_DIRECTION, I64), code.i(n))
            weights = [code.splat(b.sitofp(b.and_(direction, code.i(bit)), F64)) for bit in (1, 2)]
            side = sides[n].get()
            down = b.and_(
                b.and_(v.compare(">", side, zero), v.compare("<", gap[n], zero)),
                v.compare(">", weights[0], zero),
            )
            up = b.and_(
                b.and_(v.compare("<", side, zero), v.compare(">", gap[n], zero)),
                v.compare(">", weights[1], zero),
            )
            result.append(b.and_(armed[n], b.or_(down, up)))
        return result

    def any_of(masks: list[Any]) -> Any:
        total = masks[0]
        for mask in masks[1:]:
            total = b.or_(total, mask)
        return total

    low, high = code.local(k.vector, v.const(0.0)), code.local(k.vector, v.const(1.0))
    found = b.and_(open_, b.not_(open_))
    for probe in _PROBES:
        gap = gaps(v.const(probe))
        hit = any_of(crossed(gap))
        first, onward = b.and_(hit, b.not_(found)), b.and_(b.not_(hit), b.not_(found))
        high.set(v.select(first, v.const(probe), high.get()))
        low.set(v.select(onward, v.const(probe), low.get()))
        for n in range(w.triggers):
            sign = v.select(v.compare("<", gap[n], v.const(0.0)), v.const(-1.0), v.const(1.0))
            sign = v.select(v.compare("==", gap[n], v.const(0.0)), sides[n].get(), sign)
            code.store(sign, w.end_side + n)
            sides[n].set(v.select(onward, sign, sides[n].get()))
        found = b.or_(found, hit)
    cut = b.and_(found, open_)
    code.store(v.select(cut, v.const(1.0), v.const(0.0)), w.scalar("cut"))
    with code.when(b.icmp_signed("!=", code.mask_bits(cut), code.i(0)), likely=False):
        with code.count(code.i(_HALVINGS)):
            middle = v.mul(v.add(low.get(), high.get()), v.const(0.5))
            hit = any_of(crossed(gaps(middle)))
            high.set(v.select(hit, middle, high.get()))
            low.set(v.select(hit, low.get(), middle))
        which = [code.mask_bits(m) for m in crossed(gaps(high.get()))]
        least = v.add(v.mul(v.absolute(time), v.const(1e-14)), v.const(1e-30))
        moment = v.add(time, v.maximum(v.mul(high.get(), step), least))
        code.store(v.select(cut, moment, code.load(w.scalar("event_time"))), w.scalar("event_time"))
        stop = code.load(w.scalar("stop"))
        sooner = b.and_(cut, v.compare("<", moment, stop))
        code.store(v.select(sooner, moment, stop), w.scalar("stop"))

        def note(lane: Any) -> None:
            bits = code.i(0)
            for n, mask in enumerate(which):
                bits = b.or_(bits, b.shl(b.and_(b.lshr(mask, lane), code.i(1)), code.i(n)))
            code.put_int(bits, Lane.EVENT, lane)
            # the sides as they were just before the crossing, which may differ from those at the start of the step
            for n in range(w.triggers):
                code.put(b.extract_element(sides[n].get(), lane), w.side + n, lane)

        code.for_lanes(code.mask_bits(cut), note)
    b.ret_void()


def commit(code: Code, k: Kernels, accepted: Any) -> None:
    """Sides at the end of accepted steps, where no crossing is about to be fired."""
    w, v = k.workspace, Vector(code.b, k.workspace.lanes)
    update = code.b.and_(accepted, v.compare("==", code.load(w.scalar("event_time")), v.const(math.inf)))
    for n in range(w.triggers):
        code.store(v.select(update, code.load(w.end_side + n), code.load(w.side + n)), w.side + n)


def leave(code: Code, k: Kernels, lane: Any, patient: Any) -> None:
    """Store what still waits, for a checkpoint: (time, row) pairs, nan where the queue is empty."""
    w, b = k.workspace, code.b
    with code.when(b.icmp_signed("!=", code.word(Word.QUEUE_OUT), code.i(0))):
        start = b.mul(patient, code.i(2 * w.queue))
        with code.count(code.get_int(Lane.QUEUED, lane)) as n:
            for m, first in enumerate((w.queue_time, w.queue_code)):
                cell = b.add(start, b.add(b.mul(n, code.i(2)), code.i(m)))
                code.set_item(code.get(b.add(code.i(first), n), lane), code.address(Word.QUEUE_OUT), cell)
