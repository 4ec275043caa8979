"""The cable kernel as vector code: one function that advances one tile of lanes by many steps.

One step from V_n to V_n+1 (h = dt/2 for Crank-Nicolson, dt for backward Euler), D = V* - V_n:

    gates:    g <- g + (target - g) (1 - exp(-rate dt))           at V_n; they live half a step ahead of the voltage
    voltage:  C D/h = -(I(V_n) + I' D) + axial(V_n) + axial(D) + injected            solved for D from the leaves to the root (Hines)
              V_n+1 = V_n + 2 D (Crank-Nicolson) or V_n + D (backward Euler)
    pools:    c <- c + dt (a f_now - b f_before), f at V*            (a, b) = (3/2, 1/2) or (1, 0)

Gates and pools that `Form.pace` names take long steps: gates move in the first step of a long one, f is a mean over some of its steps
and pools move in the last one; what follows from them alone is kept in between (`terms.py`).
Everything a compartment owns lies together, lanes innermost, so that a tile is read in order and stays in the second-level cache.
Every quantity moves by an increment. In single precision voltage, pools and slow gates keep what rounding cuts from their sums
and add it to the next increment (Kahan); time, steps and spike times are double.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import llvmlite.ir as ir

from analgesia.engine.build import F32, F64, I32, I64, Flow
from analgesia.engine.cable.arithmetic import CableVector
from analgesia.engine.cable.layout import CLOCK, DOUBLES, INTEGERS, NUMBERS, POINTERS, SIZES, Layout
from analgesia.engine.cable.lookup import Lookup, read
from analgesia.engine.cable.membrane import Recorded
from analgesia.engine.cable.single import SingleVector
from analgesia.engine.cable.tables import Form
from analgesia.engine.cable.terms import resting
from analgesia.engine.mathematics import Vector
from analgesia.engine.simd import Emitter

NAME = "advance"
GROUP = 4
"""Blocks whose gates are moved together, so that a coefficient read once from the tables serves all of them."""


class Kernel:
    """Writes the IR of one membrane's cable for a number of lanes."""

    sheathed = False

    def __init__(
        self, membrane: Recorded, lanes: int, form: Form | None = None, vector: type[Vector] | None = None
    ) -> None:
        self.form = form or Form()
        self.m, self.kept = resting(membrane, self.form.pace)
        self.lanes = lanes
        single = self.form.precision == "single"
        self.real: ir.Type = F32 if single else F64
        self.vector = vector or (SingleVector if single else CableVector)
        self.layout = Layout.of(membrane, self.form, self.sheathed)
        self.rare = self.form.pace.rare
        self.module = ir.Module("cable")
        types = [
            (I64 if name in INTEGERS else F64 if name in DOUBLES else self.real).as_pointer()
            for name in POINTERS
        ]
        self.function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), types), NAME)
        for argument, name in zip(self.function.args, POINTERS, strict=True):
            argument.name = name
            argument.add_attribute("noalias")
        self.arg = dict(zip(POINTERS, self.function.args, strict=True))
        self.flow = Flow(self.function)
        self.v = self.vector(self.flow.b, lanes)

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
        return self.b.load(self.place(base, vectors), align=self.v.width // 8 * self.lanes)

    def store(self, value: Any, base: Any, vectors: Any) -> None:
        """Put a vector into an array of lanes."""
        self.b.store(value, self.place(base, vectors), align=self.v.width // 8 * self.lanes)

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
        self._begin(step)
        with self.flow.count(self.size["stimuli"]) as k:
            self._inject(step, k)
        self._in_groups(
            self.size["compartments"],
            lambda k: (self._block(self.b.sub(last, k)), self.scalar("region", self.b.sub(last, k))),
            lambda k: self._eliminate(self.b.sub(last, k)),
        )
        with self.flow.count(self.size["compartments"]) as i:
            self._substitute(i)
        with self.flow.count(self.size["probes"]) as k:
            self._watch(step, k)

    def _begin(self, step: Any) -> None:
        """Which part of a long step this step is."""
        b, size = self.b, self.size
        place = b.srem(b.add(step, size["first"]), size["long"])
        within = b.srem(place, size["apart"])
        self.opens = b.icmp_signed("==", place, self.whole(0))
        self.looks = b.icmp_signed("==", within, b.sdiv(size["apart"], self.whole(2)))
        self.closes = b.icmp_signed("==", place, b.sub(size["long"], self.whole(1)))

    def _in_groups(
        self, total: Any, place: Callable[[Any], tuple[Any, Any]], after: Callable[[Any], None]
    ) -> None:
        """Move the gates of `total` blocks GROUP at a time, and do `after` to each of them while they are at hand."""
        group = self.whole(GROUP if self.form.tabulated and not self.form.rows else 1)
        whole = self.b.sdiv(total, group)
        with self.flow.count(whole) as n:
            first = self.b.mul(n, group)
            self._move_gates([place(self.b.add(first, self.whole(j))) for j in range(group.constant)])
            with self.flow.count(group) as j:
                after(self.b.add(first, j))
        if group.constant > 1:
            done = self.b.mul(whole, group)
            with self.flow.count(self.b.sub(total, done)) as j:
                self._move_gates([place(self.b.add(done, j))])
                after(self.b.add(done, j))

    def _inject(self, step: Any, k: Any) -> None:
        wave = self.spread(self.scalar("wave", self.b.add(self.b.mul(k, self.size["steps"]), step)))
        current = self.v.mul(self.v.mul(wave, self.load(self.arg["amplitude"], k)), self.injected)
        where = self._at(self._block(self.scalar("site", k)), self.layout.scratch("incoming"))
        self.store(self.v.add(self.load(self.arg["state"], where), current), self.arg["state"], where)

    def _emitter(self, block: Any, region: Any, moving: bool = True) -> Emitter:
        """Emitter for a block, with voltage, gates and pools in registers; `region`: number of the block's parameters.

        `moving`: what is kept between long steps is read, not worked out.
        """
        m, layout, state = self.m, self.layout, self.arg["state"]
        region = self.b.mul(region, self.whole(len(m.parameters) + len(m.hoisted)))
        leaves = {
            node: lambda k=k: self.load(self.arg["parameters"], self.b.add(region, self.whole(k)))
            for k, node in enumerate((*m.parameters, *m.hoisted))
        }
        for k, node in enumerate(self.kept if moving else ()):
            leaves[node] = lambda k=k: self.load(state, self._at(block, layout.keep(k)))
        emitter = Emitter(self.b, m.graph, self.lanes, leaves)
        emitter.v = self.v
        emitter.bind(m.voltage, self.load(state, block))
        for k, node in enumerate(m.pools):
            emitter.bind(node, self.load(state, self._at(block, layout.pool(k, 0))))
        for k, node in enumerate(m.gates):
            emitter.bind(node, self.load(state, self._at(block, layout.gate(k))))
        return emitter

    def _move_gates(self, places: list[tuple[Any, Any]]) -> None:
        """Gates of some blocks after the step; `places`: block and region of each. Coefficients of tables are read once for all."""
        self._move([k for k in range(len(self.m.gates)) if k not in self.rare], places, "gates")
        if self.form.pace.every > 1:
            with self.flow.when(self.opens):
                self._move(self.rare, places, "rarely")
                for block, region in places:
                    values = self._emitter(block, region, moving=False).emit(self.kept)
                    for k, value in enumerate(values):
                        self.store(value, self.arg["state"], self._at(block, self.layout.keep(k)))

    def _move(self, gates: Sequence[int], places: list[tuple[Any, Any]], by: str) -> None:
        """Some gates of some blocks, by a number of NUMBERS."""
        emitters = [self._emitter(block, region, moving=False) for block, region in places]
        lookups = [Lookup(self, emitter.values[self.m.voltage]) for emitter in emitters]
        written = [k for k in gates if not self.form.tabulated or self.form.share[k] < 0]
        later = [self._written(emitter, written, by) for emitter in emitters]  # from the gates as they were
        shared: dict[int, list[Any]] = {}
        for k in gates:
            if k not in written:
                for function in (self.form.target[k], self.form.share[k]):
                    if function not in shared:
                        shared[function] = read(lookups, function)
                aims, shares = shared[self.form.target[k]], shared[self.form.share[k]]
                for (block, _), emitter, aim, share in zip(places, emitters, aims, shares, strict=True):
                    self._move_gate(block, k, emitter, aim, share)
        for (block, _), emitter, found in zip(places, emitters, later, strict=True):
            for k, (aim, share) in zip(written, found, strict=True):
                self._move_gate(block, k, emitter, aim, share)

    def _written(self, emitter: Emitter, gates: list[int], by: str) -> list[tuple[Any, Any]]:
        """Target and share of gates that are computed as their equations are written; of states, no target and the change."""
        v, m, step = self.v, self.m, self.number[by]
        found = []
        emitter.bind(m.step, step)
        for k in gates:
            if m.changes[k] >= 0:
                found.append((None, emitter.emit([m.changes[k]])[0]))
                continue
            aim, speed = emitter.emit([m.targets[k], m.rates[k]])
            way = self.b.fneg(v.mul(speed, step))
            share = self.b.fneg(v.expm1(way)) if k in self.layout.slow else v.sub(v.const(1.0), v.exp(way))
            found.append((aim, share))
        return found

    def _move_gate(self, block: Any, k: int, emitter: Emitter, aim: Any, share: Any) -> None:
        old = emitter.values[self.m.gates[k]]
        change = share if aim is None else self.v.mul(self.v.sub(aim, old), share)
        lost = self.layout.lost_gate(k) if k in self.layout.slow else None
        self._grow(block, self.layout.gate(k), old, change, lost)

    def _membrane(self, block: Any, region: Any, patch: Any) -> tuple[Any, Any]:
        """Note the pools' rates of a block whose gates have moved; what it adds to diagonal and right-hand side, without neighbours.

        `region`: number of the block's parameters; `patch`: 1, or 0 at a branch point.
        """
        v, m, layout, state = self.v, self.m, self.layout, self.arg["state"]
        emitter = self._emitter(block, region)
        current, slope, capacitance = emitter.emit([m.current, m.slope, m.capacitance])
        with self._taking():
            for k, value in enumerate(emitter.emit([*m.offset, *m.gain])):
                where = layout.pool(k % layout.pools, 2 + k // layout.pools)
                self.store(value, state, self._at(block, where))
        capacitance = v.mul(capacitance, self.per_step)
        return v.mul(v.add(capacitance, slope), patch), self.b.fneg(v.mul(current, patch))

    def _taking(self) -> AbstractContextManager[None]:
        """Code that is run when the rates of pools are taken: in every step, or in some steps of a long one."""
        return self.flow.when(self.looks) if self.form.pace.pools else nullcontext()

    def _grow(self, block: Any, part: int, old: Any, change: Any, lost: int | None) -> Any:
        """Add a change to a part of a block; where it keeps its lost digits, add those too and keep the new ones."""
        v, state = self.v, self.arg["state"]
        if lost is not None:
            where = self._at(block, lost)
            change = v.exact("fadd", change, self.load(state, where))
        new = v.exact("fadd", old, change) if lost is not None else v.add(old, change)
        if lost is not None:
            self.store(v.exact("fsub", change, v.exact("fsub", new, old)), state, where)
        self.store(new, state, self._at(block, part))
        return new

    def _eliminate(self, i: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(i)
        patch = self.spread(self.scalar("patch", i))
        own, push = self._membrane(block, self.scalar("region", i), patch)
        parent = self.scalar("parent", i)
        root = self.b.icmp_signed("<", parent, self.whole(0))
        above = self._block(self.b.select(root, self.whole(0), parent))
        up = v.mul(self.spread(self.scalar("up", i)), self.coupling)
        down = v.mul(self.spread(self.scalar("down", i)), self.coupling)
        step_up = v.sub(self.load(state, above), self.load(state, block))
        from_children = self.load(state, self._at(block, layout.scratch("diagonal")))
        incoming = self.load(state, self._at(block, layout.scratch("incoming")))
        diagonal = v.add(v.add(own, up), from_children)
        side = v.fma(up, step_up, v.add(push, incoming))
        pivot = self._inverse(diagonal)
        self.store(pivot, state, self._at(block, layout.scratch("pivot")))
        self.store(side, state, self._at(block, layout.scratch("side")))
        self.store(v.const(0.0), state, self._at(block, layout.scratch("diagonal")))
        self.store(v.const(0.0), state, self._at(block, layout.scratch("incoming")))
        with self.flow.when(self.b.not_(root)):
            share = v.mul(down, pivot)
            for part, extra in (
                ("diagonal", v.sub(down, v.mul(share, up))),
                ("incoming", v.sub(v.mul(share, side), v.mul(down, step_up))),
            ):
                where = self._at(above, layout.scratch(part))
                self.store(v.add(self.load(state, where), extra), state, where)

    def _inverse(self, x: Any) -> Any:
        """1 / x, exact."""
        v = self.v
        return v.exact_div(v.const(1.0), x) if isinstance(v, CableVector) else v.div(v.const(1.0), x)

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

    def _advance(self, block: Any, change: Any) -> None:
        """New voltage and pools of a block from the change D of its voltage within the step."""
        v, layout, state = self.v, self.layout, self.arg["state"]
        old = self.load(state, block)
        lost_voltage = layout.lost_voltage if layout.single else None
        new = self._grow(block, 0, old, v.mul(self.number["reach"], change), lost_voltage)
        self.store(change, state, self._at(block, layout.scratch("middle")))
        self.store(old, state, self._at(block, layout.scratch("side")))
        if self.form.tabulated:
            self._guard(new)
        middle = v.add(old, change)
        if not self.form.pace.pools:
            for k in range(layout.pools):
                self._move_pool(block, k, self._pool_rate(block, k, middle), self.number["dt"])
            return
        with self._taking():
            for k in range(layout.pools):
                where = self._at(block, layout.pool(k, 4))
                now = v.mul(self.number["share"], self._pool_rate(block, k, middle))
                self.store(v.add(self.load(state, where), now), state, where)
        with self.flow.when(self.closes):
            for k in range(layout.pools):
                where = self._at(block, layout.pool(k, 4))
                self._move_pool(block, k, self.load(state, where), self.number["long"])
                self.store(v.const(0.0), state, where)

    def _pool_rate(self, block: Any, k: int, voltage: Any) -> Any:
        """Rate of pool k at a voltage."""
        offset, gain = (
            self.load(self.arg["state"], self._at(block, self.layout.pool(k, part))) for part in (2, 3)
        )
        return self.v.fma(gain, voltage, offset)

    def _move_pool(self, block: Any, k: int, now: Any, step: Any) -> None:
        """Pool k after a step of `step` ms with the rate now and the one before."""
        v, layout, state = self.v, self.layout, self.arg["state"]
        value, before = (self.load(state, self._at(block, layout.pool(k, part))) for part in (0, 1))
        rate = v.sub(v.mul(self.number["now"], now), v.mul(self.number["before"], before))
        lost = layout.lost_pool(k) if layout.single else None
        self._grow(block, layout.pool(k, 0), value, v.mul(step, rate), lost)
        self.store(now, state, self._at(block, layout.pool(k, 1)))

    def _guard(self, voltage: Any) -> None:
        """Note the lanes whose voltage is outside the tables, or is not a number."""
        v = self.v
        inside = self.b.and_(
            v.compare(">=", voltage, self.number["lowest"]), v.compare("<", voltage, self.number["highest"])
        )
        kind = ir.IntType(self.lanes)
        outside = self.b.not_(self.b.bitcast(inside, kind))
        with self.flow.when(self.b.icmp_unsigned("!=", outside, ir.Constant(kind, 0)), likely=False):
            where = self.b.gep(self.arg["left"], [self.whole(0)])
            self.b.store(self.b.or_(self.b.load(where), self.b.zext(outside, I64)), where)

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
            for lane in range(self.lanes):
                with self.flow.when(self.b.extract_element(crossed, ir.Constant(I32, lane))):
                    part = self.b.extract_element(share, ir.Constant(I32, lane))
                    self._note(k, lane, self._moment(absolute, part))

    def _moment(self, absolute: Any, share: Any) -> Any:
        """ms of a moment within a step, in double precision."""
        dt, origin = (self.scalar("clock", self.whole(CLOCK.index(name))) for name in CLOCK)
        share = self.b.fpext(share, F64) if self.layout.single else share
        ticks = self.b.fadd(self.b.sitofp(absolute, F64), share)
        return self.b.fadd(self.b.fmul(ticks, dt), origin)

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
