"""The cable kernel for one neurite: neighbouring compartments, not neurites, share a vector.

The membranes of a step are independent of each other and take nearly all the time, so they are worked out for a whole vector of
compartments at once; only the elimination along the tree goes one compartment at a time.
Results equal those of `code.Kernel` up to rounding.
"""

from __future__ import annotations

from typing import Any

from analgesia.engine.cable.code import Kernel
from analgesia.engine.mathematics import FLAGS


class AlongKernel(Kernel):
    """Lane l of block g is compartment g * lanes + l; parameters, patches and axial sums have one entry per compartment."""

    def _step(self, step: Any) -> None:
        last = self.b.sub(self.size["compartments"], self.whole(1))
        blocks = self.b.sdiv(self.size["compartments"], self.whole(self.lanes))
        self._begin(step)
        with self.flow.count(self.size["stimuli"]) as k:
            self._inject(step, k)
        self._in_groups(blocks, lambda group: (self._block(group), group), self._own)
        with self.flow.count(last) as k:
            self._pass_on(self.b.sub(last, k))
        self._solve(self.whole(0), None)
        with self.flow.count(last) as k:
            self._solve_next(self.b.add(k, self.whole(1)))
        with self.flow.count(blocks) as group:
            self._follow(group)
        with self.flow.count(self.size["probes"]) as k:
            self._watch(step, k)

    def _cell(self, i: Any, part: str) -> Any:
        """Pointer to one compartment's entry of a part."""
        group, lane = self.b.sdiv(i, self.whole(self.lanes)), self.b.srem(i, self.whole(self.lanes))
        vector = self.b.add(
            self._block(group), self.whole(self.layout.scratch(part) if part != "voltage" else 0)
        )
        return self.b.gep(self.arg["state"], [self.b.add(self.b.mul(vector, self.whole(self.lanes)), lane)])

    def _inject(self, step: Any, k: Any) -> None:
        wave = self.scalar("wave", self.b.add(self.b.mul(k, self.size["steps"]), step))
        current = self.b.fmul(wave, self.scalar("amplitude", k), flags=FLAGS)
        cell = self._cell(self.scalar("site", k), "incoming")
        self.b.store(self.b.fadd(self.b.load(cell), current, flags=FLAGS), cell)

    def _own(self, group: Any) -> None:
        v, state, layout = self.v, self.arg["state"], self.layout
        block = self._block(group)
        own, push = self._membrane(block, group, self.load(self.arg["patch"], group))
        incoming = self._at(block, layout.scratch("incoming"))
        self.store(
            v.add(own, self.load(self.arg["axial"], group)), state, self._at(block, layout.scratch("pivot"))
        )
        self.store(v.add(push, self.load(state, incoming)), state, self._at(block, layout.scratch("side")))
        self.store(v.const(0.0), state, incoming)

    def _pass_on(self, i: Any) -> None:
        b, parent = self.b, self.scalar("parent", i)
        up, down = self.scalar("up", i), self.scalar("down", i)
        step = b.fsub(b.load(self._cell(parent, "voltage")), b.load(self._cell(i, "voltage")), flags=FLAGS)
        own = self._cell(i, "side")
        full = b.fadd(b.load(own), b.fmul(up, step, flags=FLAGS), flags=FLAGS)
        b.store(full, own)
        share = b.fdiv(down, b.load(self._cell(i, "pivot")), flags=FLAGS)
        diagonal, side = self._cell(parent, "pivot"), self._cell(parent, "side")
        b.store(b.fsub(b.load(diagonal), b.fmul(share, up, flags=FLAGS), flags=FLAGS), diagonal)
        more = b.fsub(b.fmul(share, full, flags=FLAGS), b.fmul(down, step, flags=FLAGS), flags=FLAGS)
        b.store(b.fadd(b.load(side), more, flags=FLAGS), side)

    def _solve_next(self, i: Any) -> None:
        above = self.b.load(self._cell(self.scalar("parent", i), "middle"))
        self._solve(i, self.b.fmul(self.scalar("up", i), above, flags=FLAGS))

    def _solve(self, i: Any, towards: Any) -> None:
        side = self.b.load(self._cell(i, "side"))
        if towards is not None:
            side = self.b.fadd(side, towards, flags=FLAGS)
        middle = self.b.fdiv(side, self.b.load(self._cell(i, "pivot")), flags=FLAGS)
        self.b.store(middle, self._cell(i, "middle"))

    def _follow(self, group: Any) -> None:
        block = self._block(group)
        self._advance(block, self.load(self.arg["state"], self._at(block, self.layout.scratch("middle"))))

    def _watch(self, step: Any, k: Any) -> None:
        i = self.scalar("probe", k)
        new, old = self.b.load(self._cell(i, "voltage")), self.b.load(self._cell(i, "side"))
        absolute = self.b.add(step, self.size["first"])

        with self.flow.when(self._due(absolute)):
            where = self.b.add(self.b.mul(self._trace_row(absolute), self.size["probes"]), k)
            self.b.store(old, self.b.gep(self.arg["trace"], [where]))
        line = self._number("threshold")
        crossed = self.b.and_(self.b.fcmp_ordered("<", old, line), self.b.fcmp_ordered(">=", new, line))
        with self.flow.when(crossed):
            slot = self.b.gep(self.arg["counts"], [k])
            seen = self.b.load(slot)
            share = self.b.fdiv(self.b.fsub(line, old), self.b.fsub(new, old))
            with self.flow.when(self.b.icmp_signed("<", seen, self.size["capacity"])):
                cell = self.b.add(self.b.mul(k, self.size["capacity"]), seen)
                self.b.store(self._moment(absolute, share), self.b.gep(self.arg["spikes"], [cell]))
            self.b.store(self.b.add(seen, self.whole(1)), slot)
