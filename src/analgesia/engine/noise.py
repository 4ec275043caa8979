"""Random numbers that are counted, not drawn in sequence: one for each (seed, name, lane, step).

A number is a hash of its place, so it does not depend on how many lanes there are, in which order they
run or on how many threads. The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA,
doi:10.1145/2660193.2660195) applied twice to a 64-bit counter; the key of a name is its blake2b digest. A uniform number
becomes a normal one by the inverse distribution function (Acklam's rational approximation, relative error below 1.2e-9).
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
MASK = (1 << 64) - 1

# Acklam's coefficients for the inverse of the standard normal distribution function
CENTRE_NUMERATOR = (
    -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02,
    1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00,
)  # fmt: skip
CENTRE_DENOMINATOR = (
    -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01, 1.0,
)  # fmt: skip
TAIL_NUMERATOR = (
    -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00,
    -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00,
)  # fmt: skip
TAIL_DENOMINATOR = (
    7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0,
)  # fmt: skip
TAIL = 0.02425


def key(seed: int, name: tuple[str, ...]) -> int:
    """64-bit key of a named source under a seed."""
    text = "\x1f".join((str(int(seed)), *name)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 finaliser: a bijection of 64-bit words in which every input bit reaches every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(MIX_1)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(MIX_2)
    return x ^ (x >> np.uint64(31))


def lane_keys(seed: int, name: tuple[str, ...], lanes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64-bit key of every lane for a named source."""
    with np.errstate(over="ignore"):
        return mix(lanes * np.uint64(GOLDEN) + np.uint64(key(seed, name)))


def uniform(keys: NDArray[np.uint64], step: int) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1), one a lane, for one step: (k + 1/2) / 2**52."""
    with np.errstate(over="ignore"):
        bits = mix(keys + np.uint64(((step + 1) * GOLDEN) & MASK))
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def standard_normal(keys: NDArray[np.uint64], step: int) -> NDArray[np.float64]:
    """Standard normal numbers, one a lane, for one step."""
    return inverse_normal(uniform(keys, step))


def inverse_normal(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the standard normal distribution function on (0, 1)."""
    q = u - 0.5
    r = q * q
    centre = q * _polynomial(CENTRE_NUMERATOR, r) / _polynomial(CENTRE_DENOMINATOR, r)
    side = np.minimum(u, 1.0 - u)
    s = np.sqrt(-2.0 * np.log(side))
    tail = _polynomial(TAIL_NUMERATOR, s) / _polynomial(TAIL_DENOMINATOR, s)
    return np.where(side < TAIL, np.where(q < 0, tail, -tail), centre)


def _polynomial(coefficients: tuple[float, ...], x: NDArray[np.float64]) -> NDArray[np.float64]:
    value = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        value = value * x + c
    return value
