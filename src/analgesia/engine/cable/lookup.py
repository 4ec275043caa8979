"""Reads the tables of `tables.py` within a kernel: polynomials of the voltage, piece by piece, from registers or from memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import llvmlite.ir as ir

from analgesia.engine.build import I32, I64
from analgesia.engine.cable.tables import CUBIC, ROOM, WIDTH
from analgesia.engine.mathematics import declare

if TYPE_CHECKING:
    from analgesia.engine.cable.code import Kernel

ROW = CUBIC + 1
"""Coefficients that are loaded together."""


class Lookup:
    """Functions at the voltage of one vector of compartments; see `read`."""

    def __init__(self, kernel: Kernel, voltage: Any) -> None:
        self.k = kernel
        self.voltage = voltage
        self.places: dict[int, tuple[Any, Any]] = {}
        self.rows: dict[int, Rows] = {}
        self.squares: dict[int, list[Any]] = {}

    def place(self, grid: int) -> tuple[Any, Any]:
        """Segment (in the low bits of whole numbers) and coordinate within it, -1/2 to 1/2."""
        if grid not in self.places:
            v = self.k.v
            start = self.k.spread(self.k.scalar("grid", self.k.whole(grid)))
            x = v.fma(self.voltage, v.const(self.k.form.segments / WIDTH), start)
            rounder = v.const(1.5 * 2.0 ** (52 if v.width == 64 else 23))
            shifted = v.exact("fadd", x, rounder)
            self.places[grid] = (v.bits(shifted), v.exact("fsub", x, v.exact("fsub", shifted, rounder)))
        return self.places[grid]

    def pick(self, low: Any, segment: Any, high: Any) -> Any:
        """The entries of two registers that the low bits of `segment` name."""
        v = self.k.v
        name = f"llvm.x86.avx512.vpermi2var.{'pd' if v.width == 64 else 'ps'}.512"
        function: ir.Function = declare(v.b.module, name, v.type, [v.type, v.whole, v.type])
        return v.b.call(function, [low, segment, high])

    def cubic(self, function: int) -> Any:
        """A function from its rows in memory, each lane's of its own segment (of some row where its voltage has none)."""
        k, v, b, form = self.k, self.k.v, self.k.b, self.k.form
        grid = form.grids[function]
        if grid not in self.rows:
            segment, x = self.place(grid)
            place = b.mul(b.and_(segment, v.integer(ROOM - 1)), v.integer(ROW * len(form.degrees)))
            lanes = [b.extract_element(place, ir.Constant(I32, lane)) for lane in range(v.lanes)]
            self.rows[grid] = Rows(
                b, v.kind, v.width // 8, [b.gep(k.arg["tables"], [lane]) for lane in lanes]
            )
            self.squares[grid] = self.rows[grid].spread(v.mul(x, x))
        even, odd = self.rows[grid].halves(ROW * function, self.squares[grid], v.fma)
        return v.fma(odd, self.place(grid)[1], even)


class Rows:
    """Four coefficients of each lane, c0 + c1 x + c2 x^2 + c3 x^3 of its own x, for vectors of 32 bytes.

    Halves of 16 bytes are loaded two by two, those of lanes l and l + half of all lanes; all else stays within halves. Where c0 c1 and
    c2 c3 lie beside each other, one instruction adds x^2 times the latter to the former; then even and odd entries are parted.
    """

    def __init__(self, builder: ir.IRBuilder, kind: ir.Type, size: int, lanes: list[Any]) -> None:
        self.b, self.lanes = builder, lanes
        self.each, self.half = 16 // size, len(lanes) // 2
        self.pointer = ir.VectorType(kind, self.each).as_pointer()

    def _shuffle(self, one: Any, other: Any, order: list[int]) -> Any:
        return self.b.shuffle_vector(one, other, ir.Constant(ir.VectorType(I32, len(order)), order))

    def _within(self, one: Any, other: Any, order: list[int]) -> Any:
        """In both halves, entries in this order: 0, 1, ... of one vector's half, then those of the other's."""
        each = self.each
        whole = [o % each + (o // each) * 2 * each + side * each for side in (0, 1) for o in order]
        return self._shuffle(one, other, whole)

    def _loaded(self, first: int) -> list[Any]:
        """Vectors of 16 bytes from place `first` of lanes l and l + half, for every l."""
        b = self.b
        places = [b.bitcast(b.gep(lane, [ir.Constant(I64, first)]), self.pointer) for lane in self.lanes]
        parts = [b.load(place, align=16) for place in places]
        order = list(range(2 * self.each))
        return [self._shuffle(parts[k], parts[k + self.half], order) for k in range(self.half)]

    def spread(self, x: Any) -> list[Any]:
        """A vector as `halves` needs it: each lane's entry twice, beside those that are worked on together."""
        pairs = [[0, 0], [1, 1]] if self.each == 2 else [[0, 0, 1, 1], [2, 2, 3, 3]]
        return [self._within(x, x, order) for order in pairs]

    def halves(self, first: int, square: list[Any], fma: Callable[[Any, Any, Any], Any]) -> tuple[Any, Any]:
        """c0 + c2 x^2 and c1 + c3 x^2 of the coefficients from place `first` on."""
        if self.each == 2:
            low, high = self._loaded(first), self._loaded(first + 2)
        else:
            wide = self._loaded(first)
            low, high = (
                [self._within(wide[k], wide[k + 1], order) for k in (0, 2)]
                for order in ([0, 1, 4, 5], [2, 3, 6, 7])
            )
        one, other = (fma(above, x, below) for below, above, x in zip(low, high, square, strict=True))
        even, odd = ([0, 2], [1, 3]) if self.each == 2 else ([0, 2, 4, 6], [1, 3, 5, 7])
        return self._within(one, other, even), self._within(one, other, odd)


def read(lookups: Sequence[Lookup], function: int) -> list[Any]:
    """One function at the voltage of every lookup; coefficients in registers are loaded once for all lookups."""
    k, form = lookups[0].k, lookups[0].k.form
    if form.rows:
        return [lookup.cubic(function) for lookup in lookups]
    places = [lookup.place(form.grids[function]) for lookup in lookups]
    first = sum(degree + 1 for degree in form.degrees[:function]) * 2
    values: list[Any] = []
    for power in range(form.degrees[function], -1, -1):
        low, high = (k.load(k.arg["tables"], k.whole(first + 2 * power + half)) for half in (0, 1))
        own = [lookup.pick(low, segment, high) for lookup, (segment, _) in zip(lookups, places, strict=True)]
        values = (
            [k.v.fma(value, x, c) for value, (_, x), c in zip(values, places, own, strict=True)]
            if values
            else own
        )
    return values
