"""The cable kernel with a sheath: two unknowns in every compartment, eliminated along the tree as one block of two by two.

Unknown are E, by which the potential inside (V + P) moves within the step, and Q, by which that of the periaxonal space (P) does; the
voltage moves by D = E - Q. With m = C/h + I'(V), k = C_m/h + g_m (h as in `code`), a and b the axial conductances of axon and space:

    | m + a      -m     | |E|   | -I + axial(V + P) + injected |       + a E of the neighbours
    |  -m    m + k + b  | |Q| = |  I - g_m P + axial(P)         |       + b Q of the neighbours

The blocks are symmetric and what links neighbours is diagonal, so elimination from the leaves adds three numbers to a parent's block and
two to its right-hand side.
"""

from __future__ import annotations

from typing import Any

from analgesia.engine.cable.code import Kernel
from analgesia.engine.cable.sheath import NUMBERS


class SheathedKernel(Kernel):
    """Writes the IR of one membrane's cable in a sheath."""

    sheathed = True

    def _part(self, block: Any, name: str) -> Any:
        return self._at(block, self.layout.sheath(name))

    def _of_sheath(self, i: Any, name: str) -> Any:
        """One of the sheath's numbers for a compartment, in every lane."""
        row = self.b.mul(i, self.whole(len(NUMBERS)))
        return self.spread(self.scalar("sheath", self.b.add(row, self.whole(NUMBERS.index(name)))))

    def _above(self, i: Any) -> tuple[Any, Any]:
        """Whether a compartment is the root, and the block of its parent (its own at the root)."""
        parent = self.scalar("parent", i)
        root = self.b.icmp_signed("<", parent, self.whole(0))
        return root, self._block(self.b.select(root, self.whole(0), parent))

    def _eliminate(self, i: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(i)
        patch = self.spread(self.scalar("patch", i))
        own, push = self._membrane(block, self.scalar("region", i), patch)
        root, above = self._above(i)
        up, down = self.spread(self.scalar("up", i)), self.spread(self.scalar("down", i))
        space_up, space_down = self._of_sheath(i, "up"), self._of_sheath(i, "down")
        conductance = self._of_sheath(i, "conductance")
        myelin = v.fma(self._of_sheath(i, "capacitance"), self.per_step, conductance)
        space, space_above = (self.load(state, self._part(at, "space")) for at in (block, above))
        step_space = v.sub(space_above, space)
        step_inside = v.add(v.sub(self.load(state, above), self.load(state, block)), step_space)

        def taken(place: Any) -> Any:
            value = self.load(state, place)
            self.store(v.const(0.0), state, place)
            return value

        first = v.add(v.add(own, up), taken(self._at(block, layout.scratch("diagonal"))))
        cross = v.sub(taken(self._part(block, "children_cross")), own)
        second = v.add(v.add(v.add(own, myelin), space_up), taken(self._part(block, "children_space")))
        side = v.fma(up, step_inside, v.add(push, taken(self._at(block, layout.scratch("incoming")))))
        side_space = v.fma(space_up, step_space, taken(self._part(block, "incoming_space")))
        side_space = v.sub(side_space, v.fma(conductance, space, push))
        determinant = v.sub(v.mul(first, second), v.mul(cross, cross))
        inverse = self._inverse(determinant)
        whole, mixed, outer = (
            v.mul(second, inverse),
            self.b.fneg(v.mul(cross, inverse)),
            v.mul(first, inverse),
        )
        for place, value in (
            (self._at(block, layout.scratch("pivot")), whole),
            (self._part(block, "mixed"), mixed),
            (self._part(block, "outer"), outer),
            (self._at(block, layout.scratch("side")), side),
            (self._part(block, "side_space"), side_space),
        ):
            self.store(value, state, place)
        with self.flow.when(self.b.not_(root)):
            inside = v.fma(whole, side, v.mul(mixed, side_space))
            around = v.fma(mixed, side, v.mul(outer, side_space))
            for place, extra in (
                (
                    self._at(above, layout.scratch("diagonal")),
                    v.mul(down, v.sub(v.const(1.0), v.mul(whole, up))),
                ),
                (self._part(above, "children_cross"), self.b.fneg(v.mul(v.mul(down, mixed), space_up))),
                (
                    self._part(above, "children_space"),
                    v.mul(space_down, v.sub(v.const(1.0), v.mul(outer, space_up))),
                ),
                (self._at(above, layout.scratch("incoming")), v.mul(down, v.sub(inside, step_inside))),
                (self._part(above, "incoming_space"), v.mul(space_down, v.sub(around, step_space))),
            ):
                self.store(v.add(self.load(state, place), extra), state, place)

    def _substitute(self, i: Any) -> None:
        v, layout, state = self.v, self.layout, self.arg["state"]
        block = self._block(i)
        root, above = self._above(i)
        up, space_up = self.spread(self.scalar("up", i)), self._of_sheath(i, "up")
        inside, around = (
            self.b.select(root, v.const(0.0), self.load(state, self._part(above, name)))
            for name in ("inside", "around")
        )
        side = v.fma(up, inside, self.load(state, self._at(block, layout.scratch("side"))))
        side_space = v.fma(space_up, around, self.load(state, self._part(block, "side_space")))
        whole = self.load(state, self._at(block, layout.scratch("pivot")))
        mixed, outer = (self.load(state, self._part(block, name)) for name in ("mixed", "outer"))
        inside = v.fma(whole, side, v.mul(mixed, side_space))
        around = v.fma(mixed, side, v.mul(outer, side_space))
        self.store(inside, state, self._part(block, "inside"))
        self.store(around, state, self._part(block, "around"))
        space = self._part(block, "space")
        self.store(v.fma(self.number["reach"], around, self.load(state, space)), state, space)
        self._advance(block, v.sub(inside, around))
