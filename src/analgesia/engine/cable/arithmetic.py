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
        value = self.const(EXP_SERIES[-1])
        for coefficient in (*reversed(EXP_SERIES[:-1]), 1.0, 1.0):
            value = self.fma(value, r, self.const(coefficient))
        if scaled:
            return self._rounded("scalef", value, n)
        return self.number(self.b.add(self.bits(value), self.b.shl(self.bits(shifted), self.integer(52))))

    @property
    def _fast(self) -> bool:
        """Whether a vector is one 512-bit register."""
        return self.lanes == 8

    def _masked(self, name: str, *arguments: Any) -> Any:
        """Call a 512-bit instruction of the form (arguments, unused, every lane)."""
        mask = ir.IntType(self.lanes)
        kind = "pd" if self.width == 64 else "ps"
        types = [self.type] * (len(arguments) + 1) + [mask]
        function = declare(self.b.module, f"llvm.x86.avx512.{name}.{kind}.512", self.type, types)
        return self.b.call(function, [*arguments, self.const(0.0), ir.Constant(mask, -1)])

    def _rounded(self, name: str, *arguments: Any) -> Any:
        """Call one of the form (arguments, unused, every lane, usual rounding)."""
        mask, word = ir.IntType(self.lanes), ir.IntType(32)
        kind = "pd" if self.width == 64 else "ps"
        types = [self.type] * (len(arguments) + 1) + [mask, word]
        function = declare(self.b.module, f"llvm.x86.avx512.mask.{name}.{kind}.512", self.type, types)
        return self.b.call(
            function, [*arguments, self.const(0.0), ir.Constant(mask, -1), ir.Constant(word, 4)]
        )

    def log(self, x: Any) -> Any:
        """log x to a relative error of 1e-9, 1e-11 near 1; nan where x is not above 0."""
        return self._quick_log(x, 2) if self._fast and machine.has("avx512f") else super().log(x)

    def _quick_log(self, x: Any, refinements: int) -> Any:
        """x = 2**k m with m from 3/4 to 3/2, log m = 2 artanh((m - 1) / (m + 1))."""
        k = self._rounded("getexp", self.mul(x, self.const(4.0 / 3.0)))
        m = self._rounded("scalef", x, self.b.fneg(k))
        s = self._divided(self.sub(m, self.const(1.0)), self.add(m, self.const(1.0)), refinements)
        square = self.mul(s, s)
        series = self.const(_LOG_SERIES[-1])
        for coefficient in reversed(_LOG_SERIES[:-1]):
            series = self.fma(series, square, self.const(coefficient))
        value = self.fma(k, self.const(math.log(2.0)), self.mul(s, series))
        return self.select(self.compare(">", x, self.const(0.0)), value, self.const(math.nan))

    def sqrt(self, x: Any) -> Any:
        """Square root to 1e-8 (3e-7 in single precision) from the machine's estimate of its inverse; of a negative number, nan."""
        if not self._fast or not machine.has("avx512f"):
            return super().sqrt(x)
        r = self._masked("rsqrt14", x)
        half = self.mul(x, self.const(0.5))
        r = self.mul(r, self.fma(self.mul(half, r), self.b.fneg(r), self.const(1.5)))
        return self.select(self.compare("==", x, self.const(0.0)), x, self.mul(x, r))

    def div(self, x: Any, y: Any) -> Any:
        """x / y to a relative error of 4e-9; constants and machines without an estimate divide."""
        return self._divided(x, y, refinements=1)

    def exact_div(self, x: Any, y: Any) -> Any:
        """x / y to the last bit or two."""
        return self._divided(x, y, refinements=2)

    def _divided(self, x: Any, y: Any, refinements: int) -> Any:
        if not self._fast or not machine.has("avx512f") or same_everywhere(y):
            return super().div(x, y)
        r = self._masked("rcp14", y)
        minus = self.b.fneg(y)
        for _ in range(refinements):
            r = self.fma(self.fma(minus, r, self.const(1.0)), r, r)
        if is_one(x):
            return r
        quotient = self.mul(x, r)
        if refinements == 1:
            return quotient
        return self.fma(self.fma(minus, quotient, x), r, quotient)


EXP_SERIES = (
    0.4999999338500856,
    0.16666519903034155,
    0.04166840040532121,
    0.008368779342077382,
    0.001381411296994273,
)
"""Minimax coefficients of (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2 for the relative error of exp(r): 3.1e-9, less near 0."""
_LOG_SERIES = (
    2.000000000040479,
    0.666666616383926,
    0.40000997494839474,
    0.28502429485211156,
    0.2415211187577739,
)
"""Coefficients of log((1 + s) / (1 - s)) / s in s^2 for |s| <= 1/5, to a relative error of 2e-11."""


def same_everywhere(value: Any) -> bool:
    """Whether a value is a constant."""
    return isinstance(value, ir.Constant)


def is_one(value: Any) -> bool:
    """Whether a value is the constant 1 in every lane."""
    return isinstance(value, ir.Constant) and all(float(c.constant) == 1.0 for c in _lanes(value))


def _lanes(value: ir.Constant) -> list[ir.Constant]:
    return [c if isinstance(c, ir.Constant) else ir.Constant(ir.DoubleType(), c) for c in value.constant]
