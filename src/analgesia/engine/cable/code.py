"""The cable kernel as vector code: one function that advances one tile of lanes by many steps.

One step from V_n to V_n+1 (h = dt/2 for Crank-Nicolson, dt for backward Euler):

    gates:    g <- target + (g - target) exp(-rate dt)            at V_n; they live half a step ahead of the voltage
    voltage:  C (V* - V_n)/h = -(I(V_n) + I' (V* - V_n)) + axial(V*) + injected      solved from the leaves to the root (Hines)
              V_n+1 = 2 V* - V_n (Crank-Nicolson) or V* (backward Euler)
    pools:    c <- c + dt (a f_now - b f_before), f at V*            (a, b) = (3/2, 1/2) or (1, 0)

Everything a compartment owns lies together, lanes innermost, so that a tile is read in order and stays in the second-level cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir

from analgesia.engine.build import F64, I32, I64, Flow
from analgesia.engine.cable.arithmetic import CableVector
from analgesia.engine.cable.membrane import Recorded
from analgesia.engine.mathematics import Vector
from analgesia.engine.simd import Emitter

NAME = "advance"

POINTERS = (
    "state",
    "parameters",
    "up",
    "down",
    "parent",
    "region",
    "patch",
    "axial",
    "wave",
    "amplitude",
    "site",
    "probe",
    "spikes",
    "counts",
    "trace",
    "scale",
    "numbers",
    "sizes",
)
"""Arguments of the kernel, all pointers to double but those of INTEGERS."""
INTEGERS = frozenset(("parent", "region", "site", "probe", "counts", "sizes"))
SIZES = ("compartments", "steps", "stimuli", "probes", "capacity", "every", "first")
NUMBERS = ("dt", "half", "now", "before", "threshold", "reflect", "lead", "origin")


@dataclass(frozen=True)
class Layout:
    """Places of a compartment's vectors within its block, and their number."""

    gates: int
    pools: int

    @property
    def size(self) -> int:
        """Vectors per compartment."""
        return 1 + self.gates + 4 * self.pools + 5

    def gate(self, k: int) -> int:
        """Gate k."""
        return 1 + k

    def pool(self, k: int, part: int) -> int:
        """Pool k: 0 its value, 1 the rate before, 2 offset and 3 gain of the rate now."""
        return 1 + self.gates + part * self.pools + k

    def scratch(self, part: str) -> int:
        """Pivot, right-hand side (later the old voltage), voltage at half step, what the children add to diagonal and side."""
        return (
            1 + self.gates + 4 * self.pools + ("pivot", "side", "middle", "diagonal", "incoming").index(part)
        )


class Kernel:
    """Writes the IR of one membrane's cable for a number of lanes."""

    def __init__(self, membrane: Recorded, lanes: int, vector: type[Vector] = CableVector) -> None:
        self.m = membrane
        self.lanes = lanes
        self.vector = vector
        self.layout = Layout(len(membrane.gates), len(membrane.pools))
        self.module = ir.Module("cable")
        types = [(I64 if name in INTEGERS else F64).as_pointer() for name in POINTERS]
        self.function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), types), NAME)
        for argument, name in zip(self.function.args, POINTERS, strict=True):
            argument.name = name
            argument.add_attribute("noalias")
        self.arg = dict(zip(POINTERS, self.function.args, strict=True))
        self.flow = Flow(self.function)
        self.v = vector(self.flow.b, lanes)

    # small moves ----------------------------------------------------------------------------------------------------
    @property
    def b(self) -> ir.IRBuilder:
        """The one builder."""
        return self.flow.b

    def whole(self, value: int) -> ir.Constant:
        """A whole number."""
        return ir.Constant(I64, value)

    def place(self, base: Any, vectors: Any) -> Any:
        """Pointer to vector number `vectors` of an array of lanes."""
        address = self.b.gep(base, [self.b.mul(vectors, self.whole(self.lanes))])
        return self.b.bitcast(address, self.v.type.as_pointer())

    def load(self, base: Any, vectors: Any) -> Any:
        """A vector of an array of lanes."""
        return self.b.load(self.place(base, vectors), align=8)

    def store(self, value: Any, base: Any, vectors: Any) -> None:
        """Put a vector into an array of lanes."""
        self.b.store(value, self.place(base, vectors), align=8)

    def scalar(self, base: str, index: Any) -> Any:
        """An entry of a plain array."""
        return self.b.load(self.b.gep(self.arg[base], [index]))

    def spread(self, value: Any) -> Any:
        """One number in every lane."""
        return self.flow.everywhere(value, self.v.type)

    # the function ---------------------------------------------------------------------------------------------------
    def text(self) -> str:
        """IR of the whole kernel."""
        self.size = {name: self.scalar("sizes", self.whole(k)) for k, name in enumerate(SIZES)}
        self.number = {
            name: self.spread(self.scalar("numbers", self.whole(k))) for k, name in enumerate(NUMBERS)
        }
        self.coupling = self.load(self.arg["scale"], self.whole(0))
        self.injected = self.load(self.arg["scale"], self.whole(1))
        self.per_step = self.v.div(self.v.const(1e-3), self.number["half"])
        with self.flow.count(self.size["steps"]) as step:
            self._step(step)
        self.b.ret_void()
        return str(self.module)

    def _block(self, compartment: Any) -> Any:
        return self.b.mul(compartment, self.whole(self.layout.size))

    def _at(self, block: Any, part: int) -> Any:
        return self.b.add(block, self.whole(part))

    def _step(self, step: Any) -> None:
        last = self.b.sub(self.size["compartments"], self.whole(1))
        with self.flow.count(self.size["stimuli"]) as k:
            self._inject(step, k)
        with self.flow.count(self.size["compartments"]) as k:
            self._eliminate(step, self.b.sub(last, k))
        with self.flow.count(self.size["compartments"]) as i:
            self._substitute(i)
        with self.flow.count(self.size["probes"]) as k:
            self._watch(step, k)

    def _inject(self, step: Any, k: Any) -> None:
        wave = self.spread(self.scalar("wave", self.b.add(self.b.mul(k, self.size["steps"]), step)))
        current = self.v.mul(self.v.mul(wave, self.load(self.arg["amplitude"], k)), self.injected)
        where = self._at(self._block(self.scalar("site", k)), self.layout.scratch("incoming"))
        self.store(self.v.add(self.load(self.arg["state"], where), current), self.arg["state"], where)

    def _membrane(self, step: Any, block: Any, region: Any, patch: Any) -> tuple[Any, Any]:
        """Move the gates of a block, note the pools' rates; what it adds to diagonal and right-hand side, without neighbours.

        `region`: number of the block's parameters; `patch`: 1, or 0 at a branch point.
        """
        v, m, layout, state = self.v, self.m, self.layout, self.arg["state"]
        region = self.b.mul(region, self.whole(len(m.parameters) + len(m.hoisted)))
        voltage = self.load(state, block)
        leaves = {
            node: lambda k=k: self.load(self.arg["parameters"], self.b.add(region, self.whole(k)))
            for k, node in enumerate((*m.parameters, *m.hoisted))
        }
        emitter = Emitter(self.b, m.graph, self.lanes, leaves)
        emitter.v = v
        emitter.bind(m.voltage, voltage)
        old = [self.load(state, self._at(block, layout.gate(k))) for k in range(layout.gates)]
        for node, value in zip(m.gates, old, strict=True):
            emitter.bind(node, value)
        for k, node in enumerate(m.pools):
            emitter.bind(node, self.load(state, self._at(block, layout.pool(k, 0))))
        lead = self.b.icmp_signed("==", self.b.add(step, self.size["first"]), self.whole(0))
        dt = self.b.select(lead, self.number["lead"], self.number["dt"])
        moved = []
        for k, (target, rate) in enumerate(zip(m.targets, m.rates, strict=True)):
            aim, speed = emitter.emit([target, rate])
            left = v.exp(self.b.fneg(v.mul(speed, dt)))
            moved.append(v.fma(v.sub(old[k], aim), left, aim))
            self.store(moved[-1], state, self._at(block, layout.gate(k)))
        after = Emitter(self.b, m.graph, self.lanes, leaves)
        after.v = v
        after.values = {n: value for n, value in emitter.values.items() if not self._moves(n)}
        for node, value in zip(m.gates, moved, strict=True):
            after.bind(node, value)
        current, slope, *pool = after.emit([m.current, m.slope, *m.offset, *m.gain])
        for k in range(layout.pools):
            self.store(pool[k], state, self._at(block, layout.pool(k, 2)))
            self.store(pool[layout.pools + k], state, self._at(block, layout.pool(k, 3)))
        capacitance = v.mul(emitter.emit([m.capacitance])[0], self.per_step)
        diagonal = v.mul(v.add(capacitance, slope), patch)
        return diagonal, v.fma(diagonal, voltage, self.b.fneg(v.mul(current, patch)))

    def _eliminate(self, step: Any, i: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(i)
        patch = self.spread(self.scalar("patch", i))
        own, push = self._membrane(step, block, self.scalar("region", i), patch)
        parent = self.scalar("parent", i)
        up = v.mul(self.spread(self.scalar("up", i)), self.coupling)
        down = v.mul(self.spread(self.scalar("down", i)), self.coupling)
        from_children = self.load(state, self._at(block, layout.scratch("diagonal")))
        incoming = self.load(state, self._at(block, layout.scratch("incoming")))
        diagonal = v.add(v.add(own, up), from_children)
        side = v.add(push, incoming)
        pivot = (
            v.exact_div(v.const(1.0), diagonal)
            if isinstance(v, CableVector)
            else v.div(v.const(1.0), diagonal)
        )
        self.store(pivot, state, self._at(block, layout.scratch("pivot")))
        self.store(side, state, self._at(block, layout.scratch("side")))
        self.store(v.const(0.0), state, self._at(block, layout.scratch("diagonal")))
        self.store(v.const(0.0), state, self._at(block, layout.scratch("incoming")))
        with self.flow.when(self.b.icmp_signed(">=", parent, self.whole(0))):
            above = self._block(parent)
            share = v.mul(down, pivot)
            for part, extra in (
                ("diagonal", v.sub(down, v.mul(share, up))),
                ("incoming", v.mul(share, side)),
            ):
                where = self._at(above, layout.scratch(part))
                self.store(v.add(self.load(state, where), extra), state, where)

    def _moves(self, node: int) -> bool:
        """Whether a node depends on a gate (and must be computed anew with the gates' new values)."""
        if not hasattr(self, "_moving"):
            graph, self._moving = self.m.graph, set(self.m.gates)
            for index in range(len(graph)):
                if any(a in self._moving for a in graph.args[index]):
                    self._moving.add(index)
        return node in self._moving

    def _substitute(self, i: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(i)
        parent = self.scalar("parent", i)
        root = self.b.icmp_signed("<", parent, self.whole(0))
        above = self._block(self.b.select(root, self.whole(0), parent))
        up = v.mul(self.spread(self.scalar("up", i)), self.coupling)
        towards = self.load(state, self._at(above, layout.scratch("middle")))
        towards = self.b.select(root, v.const(0.0), towards)
        side = self.load(state, self._at(block, layout.scratch("side")))
        self._advance(
            block, v.mul(v.fma(up, towards, side), self.load(state, self._at(block, layout.scratch("pivot"))))
        )

    def _advance(self, block: Any, middle: Any) -> None:
        """New voltage and pools of a block from its voltage within the step."""
        v, layout, state = self.v, self.layout, self.arg["state"]
        old = self.load(state, block)
        self.store(v.fma(self.number["reflect"], v.sub(middle, old), middle), state, block)
        self.store(middle, state, self._at(block, layout.scratch("middle")))
        self.store(old, state, self._at(block, layout.scratch("side")))
        for k in range(layout.pools):
            value, before, offset, gain = (self._at(block, layout.pool(k, part)) for part in range(4))
            now = v.fma(self.load(state, gain), middle, self.load(state, offset))
            change = v.sub(
                v.mul(self.number["now"], now), v.mul(self.number["before"], self.load(state, before))
            )
            self.store(v.fma(self.number["dt"], change, self.load(state, value)), state, value)
            self.store(now, state, before)

    def _number(self, name: str) -> Any:
        """One of NUMBERS as a plain number."""
        return self.scalar("numbers", self.whole(NUMBERS.index(name)))

    def _due(self, absolute: Any) -> Any:
        """Whether the voltage at the start of a step is to be kept."""
        return self.b.icmp_signed("==", self.b.srem(absolute, self.size["every"]), self.whole(0))

    def _trace_row(self, absolute: Any) -> Any:
        """Row of this call's trace for a step that is due."""
        every = self.size["every"]
        first = self.b.sdiv(self.b.add(self.size["first"], self.b.sub(every, self.whole(1))), every)
        return self.b.sub(self.b.sdiv(absolute, every), first)

    def _watch(self, step: Any, k: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(self.scalar("probe", k))
        new, old = self.load(state, block), self.load(state, self._at(block, layout.scratch("side")))
        absolute = self.b.add(step, self.size["first"])

        with self.flow.when(self._due(absolute)):
            where = self.b.add(self.b.mul(self._trace_row(absolute), self.size["probes"]), k)
            self.store(old, self.arg["trace"], where)
        line = self.number["threshold"]
        crossed = self.b.and_(v.compare("<", old, line), v.compare(">=", new, line))
        kind = ir.IntType(self.lanes)
        with self.flow.when(self.b.icmp_unsigned("!=", self.b.bitcast(crossed, kind), ir.Constant(kind, 0))):
            share = v.div(v.sub(line, old), v.sub(new, old))
            ticks = self.spread(self.b.sitofp(absolute, F64))
            when = v.fma(v.add(ticks, share), self.number["dt"], self.number["origin"])
            for lane in range(self.lanes):
                with self.flow.when(self.b.extract_element(crossed, ir.Constant(I32, lane))):
                    self._note(k, lane, self.b.extract_element(when, ir.Constant(I32, lane)))

    def _note(self, probe: Any, lane: int, time: Any) -> None:
        """Keep the time of a spike of one lane, if there is room, and count it."""
        index = self.b.add(self.b.mul(probe, self.whole(self.lanes)), self.whole(lane))
        slot = self.b.gep(self.arg["counts"], [index])
        seen = self.b.load(slot)
        with self.flow.when(self.b.icmp_signed("<", seen, self.size["capacity"])):
            row = self.b.add(self.b.mul(probe, self.size["capacity"]), seen)
            cell = self.b.add(self.b.mul(row, self.whole(self.lanes)), self.whole(lane))
            self.b.store(time, self.b.gep(self.arg["spikes"], [cell]))
        self.b.store(self.b.add(seen, self.whole(1)), slot)
