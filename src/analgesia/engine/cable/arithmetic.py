"""Cheaper arithmetic for cables: the same functions on the range that membranes use.

A cable is accurate to a few digits at any affordable step, so exp is good to 3e-9 here instead of the last bit, and division is a
reciprocal estimate, refined once, where the machine has one (twice in the elimination, whose errors would add up). Both keep nan.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.ir as ir

from analgesia.engine import machine
from analgesia.engine.mathematics import _ROUND, Vector, declare

_LIMIT = 690.0


class CableVector(Vector):
    """Vector of doubles with the cheap exp and division."""

    def exp(self, x: Any) -> Any:
        """exp by one range reduction, to a relative error of 3.1e-9 for |x| <= 690."""
        scaled = self._fast and machine.has("avx512f")
        if not scaled:
            x = self._clamp(x, -_LIMIT, _LIMIT)
        shifted = self.fma(x, self.const(math.log2(math.e)), self.const(_ROUND))
        n = self.exact("fsub", shifted, self.const(_ROUND))
        r = self.fma(n, self.const(-math.log(2.0)), x)
        value = self.const(_SERIES[-1])
        for coefficient in (*reversed(_SERIES[:-1]), 1.0, 1.0):
            value = self.fma(value, r, self.const(coefficient))
        if scaled:
            scale = declare(
                self.b.module,
                "llvm.x86.avx512.mask.scalef.pd.512",
                self.type,
                [self.type, self.type, self.type, ir.IntType(8), ir.IntType(32)],
            )
            everywhere, nearest = ir.Constant(ir.IntType(8), 255), ir.Constant(ir.IntType(32), 4)
            return self.b.call(scale, [value, n, self.const(0.0), everywhere, nearest])
        return self.number(self.b.add(self.bits(value), self.b.shl(self.bits(shifted), self.integer(52))))

    @property
    def _fast(self) -> bool:
        """Whether a vector is one 512-bit register."""
        return self.lanes == 8

    def div(self, x: Any, y: Any) -> Any:
        """x / y to a relative error of 4e-9; constants and machines without an estimate divide."""
        return self._divided(x, y, refinements=1)

    def exact_div(self, x: Any, y: Any) -> Any:
        """x / y to the last bit or two."""
        return self._divided(x, y, refinements=2)

    def _divided(self, x: Any, y: Any, refinements: int) -> Any:
        if not self._fast or not machine.has("avx512f") or _same_everywhere(y):
            return super().div(x, y)
        estimate = declare(
            self.b.module,
            "llvm.x86.avx512.rcp14.pd.512",
            self.type,
            [self.type, self.type, ir.IntType(8)],
        )
        r = self.b.call(estimate, [y, self.const(0.0), ir.Constant(ir.IntType(8), 255)])
        minus = self.b.fneg(y)
        for _ in range(refinements):
            r = self.fma(self.fma(minus, r, self.const(1.0)), r, r)
        if _is_one(x):
            return r
        quotient = self.mul(x, r)
        if refinements == 1:
            return quotient
        return self.fma(self.fma(minus, quotient, x), r, quotient)


_SERIES = (
    0.4999999338500856,
    0.16666519903034155,
    0.04166840040532121,
    0.008368779342077382,
    0.001381411296994273,
)
"""Minimax coefficients of (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2 for the relative error of exp(r): 3.1e-9, less near 0."""


def _same_everywhere(value: Any) -> bool:
    return isinstance(value, ir.Constant)


def _is_one(value: Any) -> bool:
    return isinstance(value, ir.Constant) and all(float(c.constant) == 1.0 for c in _lanes(value))


def _lanes(value: ir.Constant) -> list[ir.Constant]:
    return [c if isinstance(c, ir.Constant) else ir.Constant(ir.DoubleType(), c) for c in value.constant]
