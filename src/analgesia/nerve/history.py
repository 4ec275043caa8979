"""What passed a place of a fibre before each spike, as numbers that a regression can use.

    I_k = t_k - t_(k-1)          z_(m,k) = 1/n_m sum over j < k of exp(-(t_k - t_j) / tau_m)

The interval to the spike before holds the recovery cycle; traces that decay hold what is slower. Fast traces leave the spike before out,
since the interval speaks for it. Several trains may stand one after the other; `first` marks where each begins.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FAST = (8.0, 25.0, 80.0, 250.0)
"""ms; traces without the spike before."""
SLOW = (800.0, 2500.0, 8e3, 25e3, 80e3)
"""ms; traces of all spikes before."""
DECAYS = (*FAST, *SLOW)
UNITS: Array = np.array([*(min(8.0, 1.0 + tau / 25.0) for tau in FAST), *(tau / 300.0 for tau in SLOW)])
"""Spikes n_m for which a trace counts 1: what firing at some 3 Hz leaves in a slow one."""
STEEP = 3.0
"""Slow traces enter a second time as ln(1 + STEEP z), since what they do saturates."""
KNOTS = (2.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 100.0, 200.0, 400.0, 1000.0)
"""ms; of the splines over the logarithm of the interval, which end at the last one."""
MODULATED = (0, 1, 2, 4, 6, 8)
"""Traces that change the recovery cycle."""
DEGREE = 3
SHORTEST = 0.5
"""ms; a spike cannot come nearer to the one before it."""
COUNT = len(KNOTS) + DEGREE - 2
"""Splines that are not fixed to 0 at the longest interval."""
PAIRS = tuple((a, b) for a in range(len(DECAYS)) for b in range(a, len(DECAYS)))


def trace(t: Array, first: Mask, decay: float, start: Array | float = 0.0) -> Array:
    """Sum of exp(-(t_k - t_j) / decay) over the spikes j before k of the same train, which begins with `start`."""
    from scipy.linalg.blas import dtbsv

    bands = np.empty((2, len(t)), order="F")  # y_k - kept_k y_(k-1) = 1: a bidiagonal system, solved forwards
    bands[0] = 1.0
    bands[1, :-1] = -np.exp(-np.maximum(np.diff(t), 0.0) / decay)
    bands[1, :-1][first[1:]] = 0.0
    bands[1, -1] = 0.0
    added = np.ones(len(t))
    added[first] += start
    found: Array = dtbsv(1, bands, added, lower=1, diag=1, overwrite_x=1)
    return np.maximum(found - 1.0, 0.0)


def intervals(t: Array, first: Mask) -> Array:
    """Time since the spike before, ms; infinite for the first of a train."""
    gaps = np.maximum(np.diff(t, prepend=t[:1]), SHORTEST)
    gaps[first] = np.inf
    return gaps


def traces(t: Array, first: Mask, gaps: Array) -> Array:
    """[spike, trace]."""
    found = []
    for decay in DECAYS:
        every = trace(t, first, decay)
        found.append(np.maximum(every - np.exp(-gaps / decay), 0.0) if decay in FAST else every)
    return np.asarray(np.array(found).T / UNITS)


def begins(count: int) -> Mask:
    """Marks of one train of `count` spikes."""
    first = np.zeros(count, bool)
    first[:1] = True
    return first


def splines(gaps: Array) -> Array:
    """[spike, COUNT]: cubic splines of the logarithm of the interval; all 0 from the last knot on."""
    from scipy.interpolate import BSpline

    places = np.log(KNOTS)
    knots = np.r_[[places[0]] * DEGREE, places, [places[-1]] * DEGREE]
    inside = np.clip(np.log(gaps), places[0], places[-1] - 1e-9)
    shape = BSpline.design_matrix(inside, knots, DEGREE).toarray()[:, :-1]
    return np.where((gaps < KNOTS[-1])[:, None], shape, 0.0)


def design(gaps: Array, z: Array) -> Array:
    """[spike, column]: splines, traces, logarithms of the slow ones, products of two, splines times the traces of MODULATED."""
    shape = splines(gaps)
    products = [z[:, [a]] * z[:, [b]] for a, b in PAIRS]
    return np.hstack([shape, z, saturating(z), *products, *(shape * z[:, [m]] for m in MODULATED)])


def saturating(z: Array) -> Array:
    """ln(1 + STEEP z) of the slow traces."""
    return np.log1p(STEEP * z[:, len(FAST) :])


@cache
def grid() -> Array:
    """ms; where tables of the splines are kept, evenly spaced in the logarithm."""
    return np.geomspace(KNOTS[0], KNOTS[-1], 2001)
