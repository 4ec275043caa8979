"""Elementary functions as straight-line vector code.

exp and log stay within 2 ulp over the whole range (subnormal arguments and results, infinities, nan); the others are built on them.
The polynomials are Chebyshev fits computed with 40 digits: (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2 to 1e-16, and
(2 atanh(s) - 2 s) / s^3 in s^2 for s = f / (2 + f), 1 + f in [sqrt(1/2), sqrt(2)], to 3e-16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

FLAGS = ("contract",)  # a * b + c may become one instruction; nan, inf and signed zero keep their meaning

_EXP = (
    0.5,
    0.16666666666666669,
    0.04166666666662416,
    0.008333333333330063,
    0.0013888888917199863,
    0.00019841269863042963,
    2.4801521317484083e-05,
    2.7557268476553695e-06,
    2.7620078203806394e-07,
    2.5100377619606372e-08,
)
_LOG = (
    0.666666666666667,
    0.39999999999899444,
    0.2857142862600327,
    0.22222211130259878,
    0.18182889455674947,
    0.15331710618210773,
    0.14616585424888623,
)
_LN2_HIGH, _LN2_LOW = (
    0.6931471803691238,
    1.9082149292705877e-10,
)  # the high part has 32 bits: k times it is exact
_ROUND = 1.5 * 2.0**52  # adding it leaves a whole number in the low bits of the sum
_LEAST_NORMAL = 2.0**-1022


class Vector:
    """Arithmetic on `<lanes x double>`: thin names for the instructions, and the elementary functions built from them."""

    kind: ir.Type = ir.DoubleType()
    width = 64

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self.b = builder
        self.lanes = lanes
        self.type = ir.VectorType(self.kind, lanes)
        self.whole = ir.VectorType(ir.IntType(self.width), lanes)

    def const(self, value: float) -> ir.Constant:
        """The number in every lane."""
        return ir.Constant(self.type, [float(value)] * self.lanes)

    def integer(self, value: int) -> ir.Constant:
        """The whole number in every lane."""
        return ir.Constant(self.whole, [value] * self.lanes)

    def add(self, x: Any, y: Any) -> Any:
        return self.b.fadd(x, y, flags=FLAGS)

    def sub(self, x: Any, y: Any) -> Any:
        return self.b.fsub(x, y, flags=FLAGS)

    def mul(self, x: Any, y: Any) -> Any:
        return self.b.fmul(x, y, flags=FLAGS)

    def div(self, x: Any, y: Any) -> Any:
        return self.b.fdiv(x, y, flags=FLAGS)

    def exact(self, operation: str, x: Any, y: Any) -> Any:
        """fadd, fsub or fmul that must not be contracted."""
        return getattr(self.b, operation)(x, y)

    def compare(self, relation: str, x: Any, y: Any) -> Any:
        """Ordered comparison (false for nan), except `!=` (true for nan)."""
        return (self.b.fcmp_unordered if relation == "!=" else self.b.fcmp_ordered)(relation, x, y)

    def select(self, mask: Any, x: Any, y: Any) -> Any:
        return self.b.select(mask, x, y)

    def intrinsic(self, name: str, *args: Any) -> Any:
        """Call `llvm.NAME` on vectors."""
        full = f"llvm.{name}.v{self.lanes}f{self.width}"
        return self.b.call(declare(self.b.module, full, self.type, [self.type] * len(args)), args)

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        return self.intrinsic("fma", x, y, z)

    def bits(self, x: Any) -> Any:
        return self.b.bitcast(x, self.whole)

    def number(self, x: Any) -> Any:
        return self.b.bitcast(x, self.type)

    def power_of_two(self, exponent: Any) -> Any:
        """2**exponent for whole exponents in [-1022, 1023]."""
        return self.number(self.b.shl(self.b.add(exponent, self.integer(1023)), self.integer(52)))

    def _polynomial(self, coefficients: tuple[float, ...], x: Any) -> Any:
        """Estrin's scheme: short dependency chains."""
        terms = [self.const(c) for c in coefficients]
        while len(terms) > 1:
            pairs = [
                self.fma(terms[i + 1], x, terms[i]) if i + 1 < len(terms) else terms[i]
                for i in range(0, len(terms), 2)
            ]
            terms, x = pairs, self.mul(x, x)
        return terms[0]

    def _reduce(self, x: Any) -> tuple[Any, Any, Any]:
        """x = n ln 2 + r: n as whole numbers, r, and exp(r) - 1."""
        shifted = self.exact("fadd", self.exact("fmul", x, self.const(math.log2(math.e))), self.const(_ROUND))
        n = self.exact("fsub", shifted, self.const(_ROUND))
        r = self.fma(n, self.const(-_LN2_LOW), self.fma(n, self.const(-_LN2_HIGH), x))
        whole = self.b.sub(self.bits(shifted), self.bits(self.const(_ROUND)))
        return whole, r, self.fma(self.mul(r, r), self._polynomial(_EXP, r), r)

    def _clamp(self, x: Any, low: float, high: float) -> Any:
        """Bounds x, leaving nan alone."""
        x = self.select(self.compare(">", x, self.const(high)), self.const(high), x)
        return self.select(self.compare("<", x, self.const(low)), self.const(low), x)

    def exp(self, x: Any) -> Any:
        return self.exp_corrected(x, None)

    def exp_corrected(self, x: Any, correction: Any) -> Any:
        """exp(x + correction) for a tiny correction, scaled in two steps so that subnormal results round once."""
        whole, _, less_one = self._reduce(self._clamp(x, -746.0, 710.0))
        if correction is not None:
            less_one = self.add(less_one, self.fma(less_one, correction, correction))
        value = self.exact("fadd", less_one, self.const(1.0))
        half = self.b.sub(
            self.b.lshr(self.b.add(whole, self.integer(2048)), self.integer(1)), self.integer(1024)
        )
        rest = self.b.sub(whole, half)
        return self.exact("fmul", self.exact("fmul", value, self.power_of_two(half)), self.power_of_two(rest))

    def expm1(self, x: Any) -> Any:
        whole, _, less_one = self._reduce(self._clamp(x, -50.0, 710.0))
        half = self.power_of_two(self.b.sub(whole, self.integer(1)))
        value = self.fma(half, less_one, self.exact("fsub", half, self.const(0.5)))
        value = self.exact("fadd", value, value)
        return self.select(self.compare("<", self.absolute(x), self.const(1e-290)), x, value)

    def _split_log(self, x: Any) -> tuple[Any, Any, Any, Any]:
        """log of positive normal or subnormal x as (k ln2_high, f, correction): log x = k ln2_high + (f - correction)."""
        tiny = self.compare("<", x, self.const(_LEAST_NORMAL))
        x = self.select(tiny, self.exact("fmul", x, self.const(2.0**54)), x)
        offset = self.select(tiny, self.const(-54.0), self.const(0.0))
        root_half = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
        shifted = self.b.sub(self.bits(x), self.integer(root_half))
        exponent = self.b.and_(shifted, self.integer(-(1 << 52)))
        k_bits = self.b.add(
            self.b.lshr(self.b.add(shifted, self.integer(1 << 62)), self.integer(52)),
            self.bits(self.const(2.0**52)),
        )
        k = self.add(self.exact("fsub", self.number(k_bits), self.const(2.0**52 + 1024.0)), offset)
        f = self.exact("fsub", self.number(self.b.sub(self.bits(x), exponent)), self.const(1.0))
        s = self.div(f, self.exact("fadd", f, self.const(2.0)))
        z = self.mul(s, s)
        series = self.mul(z, self._polynomial(_LOG, z))
        half_square = self.mul(self.mul(f, f), self.const(0.5))
        correction = self.sub(
            half_square,
            self.fma(s, self.exact("fadd", half_square, series), self.mul(k, self.const(_LN2_LOW))),
        )
        return self.mul(k, self.const(_LN2_HIGH)), f, correction, k

    def _log_limits(self, x: Any, value: Any) -> Any:
        """log at 0, below 0, at infinity and nan."""
        value = self.select(self.compare("==", x, self.const(0.0)), self.const(-math.inf), value)
        value = self.select(self.compare(">=", x, self.const(0.0)), value, self.const(math.nan))
        return self.select(self.compare("==", x, self.const(math.inf)), x, value)

    def log(self, x: Any) -> Any:
        high, f, correction, _ = self._split_log(x)
        return self._log_limits(x, self.exact("fadd", high, self.exact("fsub", f, correction)))

    def log1p(self, x: Any) -> Any:
        one = self.const(1.0)
        u = self.exact("fadd", x, one)
        lost = self.div(self.exact("fsub", x, self.exact("fsub", u, one)), u)
        high, f, correction, _ = self._split_log(u)
        value = self.exact("fadd", high, self.exact("fsub", f, self.exact("fsub", correction, lost)))
        value = self._log_limits(u, value)
        return self.select(self.compare("==", u, one), x, value)

    def rough_reciprocal(self, x: Any) -> Any:
        """1 / x to 1e-5 for positive normal x, without the divider: a guess from the bits, then two Newton steps."""
        guess = self.number(self.b.sub(self.integer(0x7FDE6238502484BA), self.bits(x)))
        for _ in range(2):
            guess = self.mul(guess, self.sub(self.const(2.0), self.mul(x, guess)))
        return guess

    def sqrt(self, x: Any) -> Any:
        return self.intrinsic("sqrt", x)

    def absolute(self, x: Any) -> Any:
        return self.intrinsic("fabs", x)

    def tanh(self, x: Any) -> Any:
        size = self._clamp(self.absolute(x), 0.0, 22.0)
        t = self.expm1(self.exact("fadd", size, size))
        value = self.div(t, self.exact("fadd", t, self.const(2.0)))
        return self.intrinsic("copysign", value, x)

    def logistic(self, x: Any) -> Any:
        e = self.exp(self.b.fneg(self.absolute(x)))
        top = self.select(self.compare(">=", x, self.const(0.0)), self.const(1.0), e)
        return self.div(top, self.exact("fadd", e, self.const(1.0)))

    def power(self, x: Any, y: Any, whole: bool = True) -> Any:
        """x**y through exp(y log x) with the logarithm carried in two parts; `whole` admits negative x for whole y."""
        size = self.absolute(x) if whole else x
        main, f, correction, _ = self._split_log(size)
        high = self.exact("fadd", main, f)
        back = self.exact("fsub", high, main)
        low = self.exact(
            "fadd", self.exact("fsub", main, self.exact("fsub", high, back)), self.exact("fsub", f, back)
        )
        low = self.exact("fsub", low, correction)
        total = self.exact("fadd", high, low)
        low = self.exact("fsub", low, self.exact("fsub", total, high))
        total = self._log_limits(size, total)
        product = self.exact("fmul", total, y)
        rest = self.fma(low, y, self.fma(total, y, self.b.fneg(product)))
        finite = self.compare("<", self.absolute(self.exact("fsub", product, rest)), self.const(1e4))
        value = self.exp_corrected(product, self.select(finite, rest, self.const(0.0)))
        return self._power_limits(x, y, value, whole)

    def _power_limits(self, x: Any, y: Any, value: Any, whole: bool) -> Any:
        """x**y from its size |x|**y: the sign of whole powers of negative x where `whole` admits them; x**0 and 1**y are 1."""
        if whole:
            is_whole = self.compare("==", self.intrinsic("rint", y), y)
            halved = self.mul(y, self.const(0.5))
            odd = self.b.and_(is_whole, self.compare("!=", self.intrinsic("rint", halved), halved))
            negative = self.compare("<", x, self.const(0.0))
            value = self.select(self.b.and_(negative, odd), self.b.fneg(value), value)
            value = self.select(self.b.and_(negative, self.b.not_(is_whole)), self.const(math.nan), value)
        value = self.select(self.compare("==", y, self.const(0.0)), self.const(1.0), value)
        return self.select(self.compare("==", x, self.const(1.0)), self.const(1.0), value)

    def minimum(self, x: Any, y: Any) -> Any:
        """The lesser; nan when either is nan."""
        value = self.select(self.compare("<", x, y), x, y)
        return self.select(self.compare("!=", x, x), x, value)

    def maximum(self, x: Any, y: Any) -> Any:
        """The greater; nan when either is nan."""
        value = self.select(self.compare(">", x, y), x, y)
        return self.select(self.compare("!=", x, x), x, value)


def declare(module: ir.Module, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
    """The named external function of a module, declared once."""
    known = module.globals.get(name)
    return known if known is not None else ir.Function(module, ir.FunctionType(result, arguments), name)


UNARY: dict[str, Callable[[Vector, Any], Any]] = {
    "exp": Vector.exp,
    "log": Vector.log,
    "log1p": Vector.log1p,
    "expm1": Vector.expm1,
    "sqrt": Vector.sqrt,
    "tanh": Vector.tanh,
    "logistic": Vector.logistic,
    "abs": Vector.absolute,
}
