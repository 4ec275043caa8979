"""A recorded network as machine code: all steps of one vector of lanes, then of the next.

The block of a vector holds, as vectors: constants of the step, parameters, what depends on parameters alone, noise keys, states and
the sums of the outputs. Everything a step needs is loaded from there once, so the compiler sees one straight line of vector code a step.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from analgesia.engine import cache as disk
from analgesia.engine import machine
from analgesia.engine.graph import Graph
from analgesia.engine.lowering import hoist, parameter_only, transfer
from analgesia.engine.noise import (
    CENTRE_DENOMINATOR,
    CENTRE_NUMERATOR,
    GOLDEN,
    MIX_1,
    MIX_2,
    TAIL,
    TAIL_DENOMINATOR,
    TAIL_NUMERATOR,
)
from analgesia.engine.program import Program, derivatives, inputs, number
from analgesia.engine.symbols import Symbol
from analgesia.engine.system import Namespace

if TYPE_CHECKING:
    from analgesia.engine.network import Network

NOTHING = 1e-200  # smaller states count as 0: subnormal arithmetic is a hundred times slower
SMALL = 1e-8  # below this, (exp(z) - 1) / z is 1 to rounding


class Word(IntEnum):
    """Entries of the context: addresses, and whole numbers (a double by its bits)."""

    PARAMETERS = 0  # vector[group, parameter]
    INITIAL = auto()  # vector[group, state]
    KEYS = auto()  # vector of 64-bit words [group, noisy state]
    LAGS = auto()  # int64[group, delay, lane]
    RING = auto()  # vector[...]: memory of the delays, one thread's
    RING_START = auto()  # int64[delay]
    RING_MASK = auto()  # int64[delay]: slots - 1, slots a power of two
    MEANS = auto()  # vector[group, output]
    TRACE = auto()  # vector[group, row, output]
    ROWS = auto()
    FINAL = auto()  # vector[group, state]
    STEPS = auto()
    FIRST = auto()  # steps before the recorded window
    STRIDE = auto()  # steps between rows of the trace; 0: no trace
    STEP = auto()  # double
    WORDS = auto()


@dataclass(frozen=True)
class Circuit:
    """Nodes of a recorded network by role, in a graph ready for emission. `slopes[i]` = d rate i / d state i."""

    graph: Graph
    time: int
    states: tuple[int, ...]
    parameters: tuple[int, ...]
    past: tuple[int, ...]
    rates: tuple[int, ...]
    slopes: tuple[int, ...]
    outputs: tuple[int, ...]
    noise: Mapping[int, int]  # position of the state -> strength
    update: Mapping[int, int]  # position of the state -> value after a step
    hoisted: tuple[int, ...]
    digest: str


def record(network: Network) -> Circuit:
    """Run the functions of a network once on symbols."""
    graph = Graph()

    time = Symbol(graph, graph.input("t"))
    states, parameters = inputs(graph, "y", network.states), inputs(graph, "p", network.parameters)
    past = inputs(graph, "past", network.delays)
    y, p = Namespace(states, "state"), Namespace(parameters, "parameter")
    late = (Namespace(past, "delay"),) if network.delays else ()
    rates = network.complete(network.derivatives(time, y, p, *late), network.states, "derivative")
    seen = network.observe(time, y, p) if network.observe is not None else {}
    outputs = network.complete(seen, network.outputs, "output")
    noise = network.partial(network.noise, time, y, p, "noise")
    update = network.partial(network.update, time, y, p, "update")
    roots = [number(graph, v) for group in (rates, outputs, noise, update) for v in group.values()]
    edges = np.cumsum([0, len(rates), len(outputs), len(noise), len(update)])
    state_nodes = [s.index for s in states.values()]
    rows = derivatives(graph, roots[: len(rates)], state_nodes)
    zero = graph.constant(0.0)
    diagonal = [row.get(node, zero) for row, node in zip(rows, state_nodes, strict=True)]
    groups = [roots[a:b] for a, b in itertools.pairwise(edges)]
    program = Program(graph, time.index, tuple(state_nodes), tuple(s.index for s in parameters.values()),
                      tuple(s.index for s in past.values()), tuple(groups[0]), tuple(groups[1]),
                      (*groups[2], *groups[3]))  # fmt: skip
    shape = repr(
        [
            list(noise),
            list(update),
            [d.of for d in network.delays.values()],
            list(network.states),
            list(network.outputs),
        ]
    )
    clean = Graph()
    copy: dict[int, int] = {}
    transfer(graph, clean, (*roots, *diagonal), copy, parameter_only(graph, program.parameters))

    def final(nodes: Sequence[int]) -> tuple[int, ...]:
        return tuple(copy[n] if n in copy else clean.input(str(graph.values[n])) for n in nodes)

    order = list(network.states)
    new_parameters = final(program.parameters)
    return Circuit(
        clean, final([time.index])[0], final(state_nodes), new_parameters, final(program.past), final(groups[0]),
        final(diagonal), final(groups[1]),
        {order.index(n): node for n, node in zip(noise, final(groups[2]), strict=True)},
        {order.index(n): node for n, node in zip(update, final(groups[3]), strict=True)},
        hoist(clean, final((*roots, *diagonal)), new_parameters), f"{program.digest()} {shape}",
    )  # fmt: skip


class Layout:
    """Positions in the block of a vector of lanes."""

    def __init__(self, circuit: Circuit) -> None:
        self.step, self.half, self.sixth, self.root = range(4)
        at = 4
        self.parameter, at = at, at + len(circuit.parameters)
        self.hoisted, at = at, at + len(circuit.hoisted)
        self.key, at = at, at + len(circuit.noise)
        self.state, at = at, at + len(circuit.states)
        self.total, at = at, at + len(circuit.outputs)
        self.vectors = at


def module_text(network: Network, circuit: Circuit, method: str, lanes: int) -> str:
    """LLVM IR of `run(context, block, unused, first group, last group)`."""
    import llvmlite.ir as ir

    from analgesia.engine.build import I64, Code

    module = ir.Module("network")
    vector = ir.VectorType(ir.DoubleType(), lanes)
    kinds = [I64.as_pointer(), vector.as_pointer(), I64.as_pointer(), I64, I64]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "run")
    code = Code(function, lanes)
    first, last = function.args[3:]
    writer = _Writer(network, circuit, method, code)
    with code.count(code.b.sub(last, first)) as k:
        writer.group(code.b.add(first, k))
    code.b.ret_void()
    return str(module)


class _Writer:
    """Writes the steps of one group of lanes."""

    def __init__(self, network: Network, circuit: Circuit, method: str, code: Any) -> None:
        from analgesia.engine.mathematics import Vector

        self.network, self.circuit, self.method, self.code = network, circuit, method, code
        self.v, self.at = Vector(code.b, code.lanes), Layout(circuit)
        self.names = list(network.states)

    def group(self, group: Any) -> None:
        code, at, c = self.code, self.at, self.circuit
        for word, first, count in ((Word.PARAMETERS, at.parameter, len(c.parameters)), (Word.KEYS, at.key, len(c.noise)),
                                   (Word.INITIAL, at.state, len(c.states))):  # fmt: skip
            source = code.address(word, code.vector)
            for i in range(count):
                code.store(
                    self._vector(source, code.b.add(code.b.mul(group, code.i(count)), code.i(i))), first + i
                )
        self._constants()
        emitter = self._emitter(None, None, None, use_hoisted=False)
        for i, value in enumerate(emitter.emit(c.hoisted)):
            code.store(value, at.hoisted + i)
        for i in range(len(c.outputs)):
            code.store(self.v.const(0.0), at.total + i)
        self._fill_rings()
        with code.count(code.word(Word.STEPS)) as step:
            self._step(group, step)
        self._finish(group)

    def _constants(self) -> None:
        """Splats of dt, dt / 2, dt / 6 and sqrt(dt)."""
        code, v, at = self.code, self.v, self.at
        step = code.splat(code.b.bitcast(code.word(Word.STEP), code.f(0.0).type))
        code.store(step, at.step)
        code.store(v.mul(step, v.const(0.5)), at.half)
        code.store(v.div(step, v.const(6.0)), at.sixth)
        code.store(v.sqrt(step), at.root)

    def _emitter(
        self, states: Sequence[Any] | None, time: Any, past: Sequence[Any] | None, use_hoisted: bool = True
    ) -> Any:
        """An emitter whose leaves are the block, and the given states, time and delayed values."""
        from analgesia.engine.simd import Emitter

        code, at, c = self.code, self.at, self.circuit
        leaves: dict[int, Callable[[], Any]] = {
            node: partial(code.load, at.parameter + i) for i, node in enumerate(c.parameters)
        }
        if use_hoisted:
            leaves |= {node: partial(code.load, at.hoisted + i) for i, node in enumerate(c.hoisted)}
        emitter = Emitter(code.b, c.graph, code.lanes, leaves)
        given = [(c.states, states), (c.past, past), ([c.time], None if time is None else [time])]
        for nodes, values in given:
            for node, value in zip(nodes, values or (), strict=values is not None):
                emitter.bind(node, value)
        return emitter

    def _step(self, group: Any, step: Any) -> None:
        code, v, at, c = self.code, self.v, self.at, self.circuit
        now, after = self._time(step), self._time(code.b.add(step, code.i(1)))
        past = self._past(group, step)
        y = [code.load(at.state + i) for i in range(len(c.states))]
        new = self._advance(y, step, now, past)
        if c.noise:
            strengths = self._emitter(y, now, past).emit(c.noise.values())
            root, counter = (
                code.load(at.root),
                code.b.mul(code.b.add(step, code.i(1)), code.i(_signed(GOLDEN))),
            )
            for k, (i, strength) in enumerate(zip(c.noise, strengths, strict=True)):
                xi = self._normal(code.load(at.key + k), counter)
                new[i] = v.add(new[i], v.mul(v.mul(strength, root), xi))
        new = [v.select(v.compare("<", v.absolute(x), v.const(NOTHING)), v.const(0.0), x) for x in new]
        emitter = self._emitter(new, after, None)
        watched = [d.of for d in self.network.delays.values() if d.of in self.network.outputs]
        seen = emitter.emit(c.outputs) if watched else None
        end = [new[i] for i in range(len(new))]
        for i, value in zip(c.update, emitter.emit(c.update.values()), strict=True):
            end[i] = value
        for i, value in enumerate(end):
            code.store(value, at.state + i)
        self._remember(step, dict(zip(self.network.outputs, seen or (), strict=bool(seen))), end)
        if c.outputs:
            with code.when(code.b.icmp_signed(">=", step, code.word(Word.FIRST))):
                self._observe(group, step, seen or self._emitter(new, after, None).emit(c.outputs))

    def _time(self, step: Any) -> Any:
        code = self.code
        single = code.b.sitofp(step, code.f(0.0).type)
        return self.v.mul(code.splat(single), code.load(self.at.step))

    def _advance(self, y: list[Any], step: Any, now: Any, past: list[Any]) -> list[Any]:
        """The deterministic part of one step."""
        code, v, at, c = self.code, self.v, self.at, self.circuit

        def slope(states: list[Any], time: Any) -> list[Any]:
            return list(self._emitter(states, time, past).emit(c.rates))

        def moved(rates: list[Any], by: Any) -> list[Any]:
            return [v.add(a, v.mul(by, r)) for a, r in zip(y, rates, strict=True)]

        h, half = code.load(at.step), code.load(at.half)
        if self.method == "exponential_euler":
            values = self._emitter(y, now, past).emit((*c.rates, *c.slopes))
            count = len(c.rates)
            return [v.add(a, v.mul(v.mul(h, self._phi(v.mul(h, j))), r))
                    for a, r, j in zip(y, values[:count], values[count:], strict=True)]  # fmt: skip
        k1 = slope(y, now)
        if self.method == "euler":
            return moved(k1, h)
        middle = v.add(now, half)
        k2 = slope(moved(k1, half), middle)
        if self.method == "midpoint":
            return moved(k2, h)
        k3 = slope(moved(k2, half), middle)
        k4 = slope(moved(k3, h), v.add(now, h))
        inner = [
            v.add(v.add(a, d), v.mul(v.const(2.0), v.add(b, c_)))
            for a, b, c_, d in zip(k1, k2, k3, k4, strict=True)
        ]
        return moved(inner, code.load(at.sixth))

    def _phi(self, z: Any) -> Any:
        """(exp(z) - 1) / z."""
        v = self.v
        small = v.compare("<", v.absolute(z), v.const(SMALL))
        return v.select(small, v.const(1.0), v.div(v.expm1(z), v.select(small, v.const(1.0), z)))

    def _normal(self, key: Any, counter: Any) -> Any:
        """A standard normal number from the lane's key and the step's counter; as `noise.standard_normal`."""
        b, v = self.code.b, self.v
        x = b.add(v.bits(key), self._splat_whole(counter))
        for shift, factor in ((30, MIX_1), (27, MIX_2), (31, None)):
            x = b.xor(x, b.lshr(x, v.integer(shift)))
            if factor is not None:
                x = b.mul(x, v.integer(_signed(factor)))
        ones = b.or_(b.lshr(x, v.integer(12)), v.integer(0x3FF0000000000000))
        u = v.exact("fadd", v.exact("fsub", v.number(ones), v.const(1.0)), v.const(2.0**-53))
        q = v.exact("fsub", u, v.const(0.5))
        centre = v.div(
            v.mul(q, self._polynomial(CENTRE_NUMERATOR, v.mul(q, q))),
            self._polynomial(CENTRE_DENOMINATOR, v.mul(q, q)),
        )
        side = v.minimum(u, v.exact("fsub", v.const(1.0), u))
        s = v.sqrt(v.mul(v.const(-2.0), v.log(side)))
        tail = v.div(self._polynomial(TAIL_NUMERATOR, s), self._polynomial(TAIL_DENOMINATOR, s))
        tail = v.select(v.compare("<", q, v.const(0.0)), tail, b.fneg(tail))
        return v.select(v.compare("<", side, v.const(TAIL)), tail, centre)

    def _polynomial(self, coefficients: Sequence[float], x: Any) -> Any:
        value = self.v.const(coefficients[0])
        for c in coefficients[1:]:
            value = self.v.fma(value, x, self.v.const(c))
        return value

    def _splat_whole(self, value: Any) -> Any:
        return self.v.bits(self.code.splat(self.code.b.bitcast(value, self.code.f(0.0).type)))

    def _vector(self, pointer: Any, index: Any) -> Any:
        return self.code.b.load(self.code.b.gep(pointer, [index]), align=8)

    def _set_vector(self, value: Any, pointer: Any, index: Any) -> None:
        self.code.b.store(value, self.code.b.gep(pointer, [index]), align=8)

    # delays
    def _ring(self, d: int) -> tuple[Any, Any]:
        """First slot and mask of delay d."""
        code = self.code
        kind = code.i(0).type
        return (code.item(code.address(Word.RING_START, kind), code.i(d)),
                code.item(code.address(Word.RING_MASK, kind), code.i(d)))  # fmt: skip

    def _fill_rings(self) -> None:
        """Before the start everything was as it is at the start."""
        if not self.network.delays:
            return
        code, at, c = self.code, self.at, self.circuit
        y = [code.load(at.state + i) for i in range(len(c.states))]
        seen = dict(
            zip(self.network.outputs, self._emitter(y, self.v.const(0.0), None).emit(c.outputs), strict=True)
        )
        values = seen | dict(zip(self.names, y, strict=True))
        ring = code.address(Word.RING, code.vector)
        for d, delay in enumerate(self.network.delays.values()):
            start, mask = self._ring(d)
            with code.count(code.b.add(mask, code.i(1))) as slot:
                self._set_vector(values[delay.of], ring, code.b.add(start, slot))

    def _past(self, group: Any, step: Any) -> list[Any]:
        """Delayed values at the start of the step; every lane has its own lag."""
        import llvmlite.ir as ir

        code, b, lanes = self.code, self.code.b, self.code.lanes
        number_of_delays = len(self.network.delays)
        result = []
        for d in range(number_of_delays):
            start, mask = self._ring(d)
            lags, ring = code.address(Word.LAGS, code.i(0).type), code.address(Word.RING)
            row = b.mul(b.add(b.mul(group, code.i(number_of_delays)), code.i(d)), code.i(lanes))
            value = ir.Constant(code.vector, ir.Undefined)
            for lane in range(lanes):
                lag = code.item(lags, b.add(row, code.i(lane)))
                slot = b.add(start, b.and_(b.sub(step, lag), mask))
                one = code.item(ring, b.add(b.mul(slot, code.i(lanes)), code.i(lane)))
                value = b.insert_element(value, one, ir.Constant(ir.IntType(32), lane))
            result.append(value)
        return result

    def _remember(self, step: Any, seen: Mapping[str, Any], end: Sequence[Any]) -> None:
        code = self.code
        values = dict(seen) | dict(zip(self.names, end, strict=True))
        ring = code.address(Word.RING, code.vector)
        for d, delay in enumerate(self.network.delays.values()):
            start, mask = self._ring(d)
            slot = code.b.and_(code.b.add(step, code.i(1)), mask)
            self._set_vector(values[delay.of], ring, code.b.add(start, slot))

    # results
    def _observe(self, group: Any, step: Any, seen: Sequence[Any]) -> None:
        code, at, b = self.code, self.at, self.code.b
        for i, value in enumerate(seen):
            code.store(self.v.add(code.load(at.total + i), value), at.total + i)
        stride = code.word(Word.STRIDE)
        with code.when(b.icmp_signed(">", stride, code.i(0))):
            done = b.sub(b.add(step, code.i(1)), code.word(Word.FIRST))
            with code.when(b.icmp_signed("==", b.srem(done, stride), code.i(0))):
                row = b.add(b.mul(group, code.word(Word.ROWS)), b.sub(b.sdiv(done, stride), code.i(1)))
                trace = code.address(Word.TRACE, code.vector)
                for i, value in enumerate(seen):
                    self._set_vector(value, trace, b.add(b.mul(row, code.i(len(seen))), code.i(i)))

    def _finish(self, group: Any) -> None:
        code, at, c, b = self.code, self.at, self.circuit, self.code.b
        steps = b.sitofp(b.sub(code.word(Word.STEPS), code.word(Word.FIRST)), code.f(0.0).type)
        counted = code.splat(steps)
        means, finals = code.address(Word.MEANS, code.vector), code.address(Word.FINAL, code.vector)
        for i in range(len(c.outputs)):
            index = b.add(b.mul(group, code.i(len(c.outputs))), code.i(i))
            self._set_vector(self.v.div(code.load(at.total + i), counted), means, index)
        for i in range(len(c.states)):
            index = b.add(b.mul(group, code.i(len(c.states))), code.i(i))
            self._set_vector(code.load(at.state + i), finals, index)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word


class Compiled:
    """Machine code of one network and method; `run` releases the GIL."""

    def __init__(self, code: bytes, circuit: Circuit, lanes: int) -> None:
        self.circuit, self.lanes, self.vectors = circuit, lanes, Layout(circuit).vectors
        self._loaded = machine.Loaded(code)
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64)
        self._run = kind(self._loaded.address("run"))

    def run(self, context: np.ndarray, block: np.ndarray, first: int, last: int) -> None:
        """Run groups first..last-1 to the end."""
        self._run(context.ctypes.data, block.ctypes.data, None, first, last)


_ready: dict[str, Compiled] = {}
_known: WeakKeyDictionary[Network, dict[str, Compiled]] = WeakKeyDictionary()
_lock = threading.Lock()


def compiled(network: Network, method: str) -> Compiled:
    """Machine code of a network, recorded once: from memory, disk or the compiler."""
    with _lock:
        methods = _known.setdefault(network, {})
        if method not in methods:
            methods[method] = _compiled(network, method, machine.preferred_lanes())
        return methods[method]


def _compiled(network: Network, method: str, lanes: int) -> Compiled:
    from analgesia.engine.compiler import cache_key

    circuit = record(network)
    key = cache_key("network", circuit.digest, method, lanes)
    if key not in _ready:
        code = disk.stored(key, lambda: machine.compile_module(module_text(network, circuit, method, lanes)))
        _ready[key] = Compiled(code, circuit, lanes)
    return _ready[key]
