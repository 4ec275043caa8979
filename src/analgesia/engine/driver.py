"""Step control, output, actions and the change of patients, compiled: `run(context, block, integers, first, last)`.

Every lane has its own time, step and error; a lane that has finished or failed takes the next patient of the chunk, so that a slow or
failing one neither slows nor changes its neighbours. Vector code decides about steps; scalar code (`settle`, `load`) attends
to single lanes.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.ir as ir

from analgesia.engine import delays, patient, trigger_code
from analgesia.engine.build import F64, I64, Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Lane, Word
from analgesia.engine.mathematics import Vector
from analgesia.engine.rows import advance_row, result_row, set_share, share
from analgesia.engine.solution import Status

_SAFETY, _SHRINK, _GROW, _BREAK = 0.9, 0.2, 6.0, 0.1
_NOTHING = 1e-200  # smaller states count as 0: subnormal arithmetic is a hundred times slower
_LEAST_RELATIVE_STEP, _LEAST_STEP = 1e-14, 1e-30


def emit(k: Kernels) -> None:
    """Write the driver into the module."""
    if k.workspace.triggers:
        trigger_code.emit_check(k)
        trigger_code.emit_locate(k)
    patient.emit(k)
    _outputs(k)
    _run(k)


def _outputs(k: Kernels) -> None:
    """outputs(accepted bits): all rows inside the step just made, by dense output, as many lanes at a time as have one."""
    w = k.workspace
    code = k.function("outputs", [I64], inline=False)
    accepted = code.function.args[3]
    b, v = code.b, Vector(code.b, w.lanes)
    k.call(code, "dense")
    time, step = code.load(w.scalar("time")), code.load(w.scalar("used_step"))

    rows = code.local(
        k.vector, code.load(w.scalar("next_row_time"))
    )  # a register: memory would stall on mixed sizes
    numbers = ir.Constant(v.whole, list(range(w.lanes)))

    def waiting() -> Any:
        return b.and_(accepted, due_rows(code, k, rows.get()))

    def body() -> None:
        bits = waiting()
        row_time = rows.get()
        theta = v.div(v.exact("fsub", row_time, time), step)
        theta = v.select(v.compare("<", theta, v.const(1.0)), theta, v.const(1.0))
        arrived = v.compare("==", row_time, code.load(w.scalar("new_time")))
        code.store(v.select(arrived, v.const(1.0), theta), w.scalar("theta"))
        code.store(row_time, w.scalar("seen_time"))
        k.call(code, "interpolate")

        def lane_row(lane: Any) -> None:
            k.call(code, "write_row", lane, result_row(code, lane))
            mine = b.icmp_signed("==", numbers, code.splat_whole(lane))
            rows.set(v.select(mine, code.splat(advance_row(code, k, lane)), rows.get()))

        code.for_lanes(bits, lane_row)

    code.repeat_while(lambda: b.icmp_signed("!=", waiting(), code.i(0)), body)
    code.store(rows.get(), w.scalar("next_row_time"))
    b.ret_void()


def due_rows(code: Code, k: Kernels, row: Any) -> Any:
    """Bits of lanes whose next output lies within the step; with outputs after actions, one at the very stop waits."""
    w, b = k.workspace, code.b
    v = Vector(b, w.lanes)
    new, stop = code.load(w.scalar("new_time")), code.load(w.scalar("stop"))
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
        set_share(code, k, name, value)
    with code.count(code.i(w.lanes)) as lane:
        k.call(code, "load", lane)
    cancel = code.address(Word.CANCEL, I64)
    largest = code.splat(code.item(code.address(Word.LARGEST_STEP), code.i(0)))

    def alive() -> Any:
        return b.and_(
            b.icmp_signed(">", share(code, k, "live"), code.i(0)),
            b.icmp_signed("==", code.item(cancel, code.i(0)), code.i(0)),
        )

    def body() -> None:
        with code.when(b.icmp_signed("!=", share(code, k, "fresh"), code.i(0)), likely=False):
            k.call(code, "start")
            set_share(code, k, "fresh", code.i(0))
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
    with code.when(
        b.icmp_signed(
            "!=", b.and_(accepted_bits, due_rows(code, k, code.load(w.scalar("next_row_time")))), code.i(0)
        )
    ):
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
