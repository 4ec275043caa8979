"""One Rosenbrock step, its dense output and its first step size, as functions on the lane block.

Every function takes (context, lane block, lane integers) so that the driver can call them alike. Small systems are inlined into one
straight-line step; in large ones the right-hand side and the substitution stay functions, which keeps code and compile time in bounds.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir

from analgesia.engine import delays, rodas, sparse
from analgesia.engine.build import Code
from analgesia.engine.kernels import Kernels
from analgesia.engine.layout import Word
from analgesia.engine.mathematics import Vector
from analgesia.engine.simd import Emitter

_INLINE_LIMIT = 700  # operations of one right-hand side, beyond which the stages call it


def emit(k: Kernels) -> None:
    """Write all functions into the module."""
    _prepare(k)
    _observe(k)
    if k.look_up is not None:
        delays.emit_look_up(k)
    _rates(k)
    _jacobian(k)
    _substitution(k)
    _step(k)
    _dense(k)
    _interpolate(k)
    if k.look_up is not None:
        delays.emit_knots(k)
    _start(k)


def _prepare(k: Kernels) -> None:
    code = k.function("prepare", inline=False)
    emitter = k.emitter(code, lambda i: None, lambda: None, hoisted=False)
    for m, value in enumerate(emitter.emit(k.lowered.hoisted)):
        code.store(value, k.workspace.hoist + m)
    code.b.ret_void()


def _observe(k: Kernels) -> None:
    """Outputs at (seen_time, seen_y)."""
    w = k.workspace
    code = k.function("observe", inline=False)
    emitter = k.emitter(code, lambda i: code.load(w.seen_y + i), lambda: code.load(w.scalar("seen_time")))
    for m, value in enumerate(emitter.emit(k.lowered.outputs)):
        code.store(value, w.output + m)
    code.b.ret_void()


def _operations(k: Kernels) -> int:
    return len(k.lowered.graph.reachable(k.lowered.rates)) - len(k.lowered.hoisted)


def _rates(k: Kernels) -> None:
    """rates(t, u, f): f = dy/dt at (t, u), infusions included."""
    w, p = k.workspace, k.vector.as_pointer()
    code = k.function("rates", [k.vector, p, p], inline=_operations(k) <= _INLINE_LIMIT)
    time, u, f = code.function.args[3:]
    emitter = k.emitter(code, lambda i: code.b.load(code.b.gep(u, [code.i(i)])), lambda: time)
    _bind_past(k, code, emitter, time)
    for i, value in enumerate(emitter.emit(k.lowered.rates)):
        if k.infusions:
            value = emitter.v.add(value, code.load(w.infusion + i))
        code.b.store(value, code.b.gep(f, [code.i(i)]))
    code.b.ret_void()


def _bind_past(k: Kernels, code: Code, emitter: Emitter, time: Any) -> None:
    if k.look_up is None:
        return
    for d, node in enumerate(k.lowered.past):
        lag, present = emitter.emit([k.lowered.lags[d], k.lowered.delayed[d]])
        value, slope, inside = k.look_up(code, k, d, time, lag, present)
        emitter.bind(node, value)
        emitter.bind(k.lowered.slopes[d], slope)
        emitter.bind(k.lowered.inside[d], inside)


def _jacobian(k: Kernels) -> None:
    """jacobian(shift, factors, explicit): LU of (shift I - J) and df/dt at the start of the step."""
    w, low, p = k.workspace, k.lowered, k.vector.as_pointer()
    code = k.function("jacobian", [k.vector, p, p], inline=_operations(k) <= _INLINE_LIMIT)
    shift, factors, explicit = code.function.args[3:]
    time = code.load(w.scalar("time"))
    emitter = k.emitter(code, lambda i: code.load(w.y + i), lambda: time)
    _bind_past(k, code, emitter, time)
    entries = list(low.jacobian)
    values = emitter.emit([*(low.jacobian[e] for e in entries), *low.explicit.values()])
    for slot, value in enumerate(
        sparse.factor(emitter.v, k.shape, dict(zip(entries, values, strict=False)), shift)
    ):
        code.b.store(value, code.b.gep(factors, [code.i(slot)]))
    for i, value in zip(low.explicit, values[len(entries) :], strict=True):
        code.b.store(value, code.b.gep(explicit, [code.i(i)]))
    code.b.ret_void()


def _substitution(k: Kernels) -> None:
    """substitution(factors, x): solve in place."""
    p, size = k.vector.as_pointer(), k.workspace.states
    code = k.function("substitution", [p, p], inline=k.shape.slots <= _INLINE_LIMIT // 4)
    factors, x = code.function.args[3:]

    def read(pointer: Any, slot: int) -> Any:
        return code.b.load(code.b.gep(pointer, [code.i(slot)]))

    v = Vector(code.b, k.workspace.lanes)
    values = sparse.substitute(
        v, k.shape, [read(factors, s) for s in range(k.shape.slots)], [read(x, i) for i in range(size)]
    )
    for i, value in enumerate(values):
        code.b.store(value, code.b.gep(x, [code.i(i)]))
    code.b.ret_void()


def _step(k: Kernels) -> None:
    """From (time, y, used_step) to new_y, the stages and the squared scaled error."""
    w, size = k.workspace, k.workspace.states
    code = k.function("step", inline=False)
    b, v = code.b, Vector(code.b, w.lanes)
    h, time = code.load(w.scalar("used_step")), code.load(w.scalar("time"))
    inverse = v.div(v.const(1.0), h)

    def array(length: int) -> Any:
        return b.alloca(ir.ArrayType(k.vector, max(length, 1)))

    def first(pointer: Any) -> Any:
        return b.gep(pointer, [code.i(0), code.i(0)])

    factors, explicit, u, f = (first(array(n)) for n in (k.shape.slots, size, size, size))

    def at(pointer: Any, i: int) -> Any:
        return b.gep(pointer, [code.i(i)])

    k.call(code, "jacobian", v.mul(inverse, v.const(1.0 / rodas.GAMMA)), factors, explicit)
    y = [code.load(w.y + i) for i in range(size)]
    stages: list[list[Any]] = []
    current = y
    for s in range(rodas.STAGES):
        if 0 < s < 6:
            current = []
            for i in range(size):
                total = y[i]
                for q in range(s):
                    total = v.add(total, v.mul(stages[q][i], v.const(rodas.A[s][q])))
                current.append(total)
        elif s >= 6:
            current = [v.add(current[i], stages[s - 1][i]) for i in range(size)]
        for i in range(size):
            b.store(current[i], at(u, i))
        moment = v.add(time, v.mul(h, v.const(rodas.TIMES[s]))) if rodas.TIMES[s] else time
        k.call(code, "rates", moment, u, f)
        slope = v.mul(h, v.const(rodas.SLOPES[s])) if rodas.SLOPES[s] and k.lowered.explicit else None
        for i in range(size):
            value = b.load(at(f, i))
            if s:
                total = v.mul(stages[0][i], v.const(rodas.C[s][0]))
                for q in range(1, s):
                    total = v.add(total, v.mul(stages[q][i], v.const(rodas.C[s][q])))
                value = v.add(value, v.mul(total, inverse))
            if slope is not None and i in k.lowered.explicit:
                value = v.add(value, v.mul(slope, b.load(at(explicit, i))))
            b.store(value, at(f, i))
        k.call(code, "substitution", factors, f)
        stages.append([b.load(at(f, i)) for i in range(size)])
        for i in range(size):
            code.store(stages[s][i], w.stages + s * size + i)
    tolerance = code.address(Word.TOLERANCE)
    relative = code.splat(code.item(tolerance, code.i(0)))
    error = None
    for i in range(size):
        new = v.add(current[i], stages[-1][i])
        code.store(new, w.new_y + i)
        before, after = v.absolute(y[i]), v.absolute(new)
        scale = v.select(v.compare(">", before, after), before, after)
        scale = v.add(v.mul(scale, relative), code.splat(code.item(tolerance, code.i(1 + i))))
        ratio = v.mul(stages[-1][i], v.rough_reciprocal(scale))
        error = v.mul(ratio, ratio) if error is None else v.add(error, v.mul(ratio, ratio))
    code.store(v.mul(error, v.const(1.0 / size)), w.scalar("error"))
    b.ret_void()


def _dense(k: Kernels) -> None:
    """The three polynomials of the dense output, from the stages."""
    w, size = k.workspace, k.workspace.states
    code = k.function("dense", inline=False)
    v = Vector(code.b, w.lanes)
    for i in range(size):
        stages = [code.load(w.stages + s * size + i) for s in range(rodas.STAGES)]
        for m, row in enumerate(rodas.DENSE):
            total = v.mul(stages[0], v.const(row[0]))
            for weight, stage in zip(row[1:], stages[1:], strict=True):
                total = v.add(total, v.mul(stage, v.const(weight)))
            code.store(total, w.dense + m * size + i)
    code.b.ret_void()


def _interpolate(k: Kernels) -> None:
    """seen_y at theta of the step just made, then the outputs there."""
    w, size = k.workspace, k.workspace.states
    code = k.function("interpolate", inline=False)
    v = Vector(code.b, w.lanes)
    theta = code.load(w.scalar("theta"))
    rest = v.sub(v.const(1.0), theta)
    for i in range(size):
        inner = v.add(code.load(w.dense + size + i), v.mul(theta, code.load(w.dense + 2 * size + i)))
        inner = v.add(code.load(w.dense + i), v.mul(theta, inner))
        inner = v.add(code.load(w.new_y + i), v.mul(rest, inner))
        code.store(v.add(v.exact("fmul", rest, code.load(w.y + i)), v.mul(theta, inner)), w.seen_y + i)
    k.call(code, "observe")
    code.b.ret_void()


def _start(k: Kernels) -> None:
    """First step size of the lanes marked fresh (Hairer, Norsett, Wanner: Solving ODEs I, II.4)."""
    w, size = k.workspace, k.workspace.states
    code = k.function("start", inline=False)
    b, v = code.b, Vector(code.b, w.lanes)
    u, f, g = (b.gep(b.alloca(ir.ArrayType(k.vector, size)), [code.i(0), code.i(0)]) for _ in range(3))
    time = code.load(w.scalar("time"))
    tolerance = code.address(Word.TOLERANCE)
    relative = code.splat(code.item(tolerance, code.i(0)))

    def at(pointer: Any, i: int) -> Any:
        return b.gep(pointer, [code.i(i)])

    y = [code.load(w.y + i) for i in range(size)]
    for i in range(size):
        b.store(y[i], at(u, i))
    k.call(code, "rates", time, u, f)
    scales = [
        v.add(v.mul(v.absolute(y[i]), relative), code.splat(code.item(tolerance, code.i(1 + i))))
        for i in range(size)
    ]

    def norm(values: list[Any]) -> Any:
        total = v.const(0.0)
        for value, scale in zip(values, scales, strict=True):
            ratio = v.div(value, scale)
            total = v.add(total, v.mul(ratio, ratio))
        return v.sqrt(v.mul(total, v.const(1.0 / size)))

    slopes = [b.load(at(f, i)) for i in range(size)]
    d0, d1 = norm(y), norm(slopes)
    small = b.or_(v.compare("<", d0, v.const(1e-5)), v.compare("<", d1, v.const(1e-5)))
    h0 = v.select(small, v.const(1e-6), v.div(v.mul(d0, v.const(0.01)), d1))
    for i in range(size):
        b.store(v.add(y[i], v.mul(h0, slopes[i])), at(u, i))
    k.call(code, "rates", v.add(time, h0), u, g)
    d2 = v.div(norm([v.sub(b.load(at(g, i)), slopes[i]) for i in range(size)]), h0)
    steepest = v.maximum(d1, d2)
    root = v.exp(v.mul(v.log(v.div(v.const(0.01), steepest)), v.const(1.0 / rodas.ORDER)))
    h1 = v.select(v.compare("<", steepest, v.const(1e-15)), v.mul(h0, v.const(1000.0)), root)
    h = v.mul(h0, v.const(100.0))
    h = v.select(v.compare("<", h1, h), h1, h)
    h = v.select(v.compare(">", h, v.const(0.0)), h, v.const(1e-6))
    largest = code.splat(code.item(code.address(Word.LARGEST_STEP), code.i(0)))
    h = v.select(v.compare("<", largest, h), largest, h)
    fresh = v.compare(">", code.load(w.scalar("fresh")), v.const(0.5))
    code.store(v.select(fresh, h, code.load(w.scalar("step"))), w.scalar("step"))
    code.store(v.const(0.0), w.scalar("fresh"))
    b.ret_void()
