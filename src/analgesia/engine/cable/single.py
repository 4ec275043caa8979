"""The elementary functions in single precision, each to one or two units of the last bit on the range that membranes use."""

from __future__ import annotations

import math
from typing import Any

import llvmlite.ir as ir

from analgesia.engine import machine
from analgesia.engine.cable.arithmetic import EXP_SERIES, CableVector, is_one, same_everywhere

_LIMIT = 87.0
_ROUND = 1.5 * 2.0**23  # adding it leaves a whole number in the low bits of the sum
_LN2_HIGH, _LN2_LOW = (
    0.693145751953125,
    1.4286068203094173e-6,
)  # the high part has 15 bits: k times it is exact
_LOG = (
    3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
    1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
)  # fmt: skip
"""Coefficients of (log(1 + f) - f + f^2 / 2) / f^3 on sqrt(1/2) <= 1 + f <= sqrt(2) (Cephes, logf)."""


class SingleVector(CableVector):
    """Vector of floats."""

    kind = ir.FloatType()
    width = 32

    @property
    def _fast(self) -> bool:
        return self.lanes == 16 and machine.has("avx512f")

    def const(self, value: float) -> ir.Constant:
        """The number in every lane, rounded to single precision; beyond its range, infinity."""
        with_limits = math.copysign(math.inf, value) if abs(value) > 3.4028234e38 else value
        return ir.Constant(self.type, [float(with_limits)] * self.lanes)

    def _reduced(self, x: Any) -> tuple[Any, Any, Any]:
        """x = n ln 2 + r: the sum whose low bits hold n, n, and exp(r) - 1."""
        shifted = self.exact("fadd", self.exact("fmul", x, self.const(math.log2(math.e))), self.const(_ROUND))
        n = self.exact("fsub", shifted, self.const(_ROUND))
        r = self.fma(n, self.const(-_LN2_LOW), self.fma(n, self.const(-_LN2_HIGH), x))
        series = self.const(EXP_SERIES[-1])
        for coefficient in reversed(EXP_SERIES[:-1]):
            series = self.fma(series, r, self.const(coefficient))
        return shifted, n, self.fma(self.mul(r, r), series, r)

    def exp(self, x: Any) -> Any:
        """The exponential for |x| <= 87; beyond, held there (with 512-bit registers, 0 and infinity)."""
        if not self._fast:
            x = self._clamp(x, -_LIMIT, _LIMIT)
        shifted, n, less_one = self._reduced(x)
        return self._scaled(self.exact("fadd", less_one, self.const(1.0)), shifted, n)

    def expm1(self, x: Any) -> Any:
        """exp(x) - 1, accurate relative to itself also near 0."""
        shifted, n, less_one = self._reduced(self._clamp(x, -_LIMIT, _LIMIT))
        whole = self._scaled(self.const(1.0), shifted, n)
        return self.fma(less_one, whole, self.exact("fsub", whole, self.const(1.0)))

    def _scaled(self, value: Any, shifted: Any, n: Any) -> Any:
        """value * 2**n."""
        if self._fast:
            return self._rounded("scalef", value, n)
        return self.number(self.b.add(self.bits(value), self.b.shl(self.bits(shifted), self.integer(23))))

    def log(self, x: Any) -> Any:
        """log of positive normal x; 0, negative numbers and nan as they should be."""
        if self._fast:
            return self._quick_log(x, 1)
        root_half = 0x3F3504F3
        shifted = self.b.sub(self.bits(x), self.integer(root_half))
        exponent = self.b.and_(shifted, self.integer(-(1 << 23)))
        k = self.b.sitofp(self.b.ashr(shifted, self.integer(23)), self.type)
        f = self.exact("fsub", self.number(self.b.sub(self.bits(x), exponent)), self.const(1.0))
        series = self.const(_LOG[-1])
        for coefficient in reversed(_LOG[:-1]):
            series = self.fma(series, f, self.const(coefficient))
        square = self.mul(f, f)
        small = self.fma(self.mul(square, f), series, self.mul(k, self.const(_LN2_LOW)))
        value = self.add(f, self.fma(square, self.const(-0.5), small))
        return self._log_limits(x, self.fma(k, self.const(_LN2_HIGH), value))

    def log1p(self, x: Any) -> Any:
        one = self.const(1.0)
        u = self.exact("fadd", x, one)
        rest = self.div(self.exact("fsub", x, self.exact("fsub", u, one)), u)
        return self.select(self.compare("==", u, one), x, self.add(self.log(u), rest))

    def power(self, x: Any, y: Any, whole: bool = True) -> Any:
        """x**y through exp(y log |x|), with the sign of whole powers of negative x where `whole` admits them."""
        value = self.exp(self.mul(y, self.log(self.absolute(x) if whole else x)))
        return self._power_limits(x, y, value, whole)

    def tanh(self, x: Any) -> Any:
        size = self._clamp(self.absolute(x), 0.0, 10.0)
        t = self.expm1(self.exact("fadd", size, size))
        return self.intrinsic("copysign", self.div(t, self.exact("fadd", t, self.const(2.0))), x)

    def _divided(self, x: Any, y: Any, refinements: int) -> Any:
        """x / y from the machine's estimate, refined once (to the last bit or two) and, to be exact, corrected once more."""
        if not self._fast or same_everywhere(y):
            return self.b.fdiv(x, y, flags=("contract",))
        r = self._masked("rcp14", y)
        minus = self.b.fneg(y)
        r = self.fma(self.fma(minus, r, self.const(1.0)), r, r)
        if is_one(x):
            return r
        quotient = self.mul(x, r)
        return quotient if refinements == 1 else self.fma(self.fma(minus, quotient, x), r, quotient)
