"""Reads the tables of `tables.py` within a kernel: piecewise polynomials of the voltage, a coefficient for every segment in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import llvmlite.ir as ir

from analgesia.engine.cable.tables import SEGMENTS, WIDTH
from analgesia.engine.mathematics import declare

if TYPE_CHECKING:
    from analgesia.engine.cable.code import Kernel


class Lookup:
    """Functions at the voltage of one vector of compartments; see `read`."""

    def __init__(self, kernel: Kernel, voltage: Any) -> None:
        self.k = kernel
        self.voltage = voltage
        self.segments = SEGMENTS[kernel.form.precision]
        self.places: dict[int, tuple[Any, Any]] = {}

    def place(self, grid: int) -> tuple[Any, Any]:
        """Segment (in the low bits of whole numbers) and coordinate within it, -1/2 to 1/2."""
        if grid not in self.places:
            v = self.k.v
            start = self.k.spread(self.k.scalar("grid", self.k.whole(grid)))
            x = v.fma(self.voltage, v.const(self.segments / WIDTH), start)
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


def read(lookups: Sequence[Lookup], function: int) -> list[Any]:
    """One function at the voltage of every lookup, by Horner's rule, each coefficient loaded once."""
    k, form = lookups[0].k, lookups[0].k.form
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
