"""Means over people of a function that is known on a grid: deviates in strata of equal probability, weights of interpolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def deviates(points: int) -> Floats:
    """Standard normal deviates in the middle of strata of equal probability."""
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(points) + 0.5) / points), dtype=np.float64)


def grid_weights(grid: Floats, x: Floats) -> Floats:
    """Mean over x of the weights with which a value is interpolated linearly on a grid; beyond its ends the end counts."""
    at = np.interp(x, grid, np.arange(grid.size))
    low = np.minimum(at.astype(int), grid.size - 2)
    found = np.bincount(low, 1.0 - (at - low), grid.size) + np.bincount(low + 1, at - low, grid.size)
    return np.asarray(found / x.size)


def between(grid: Floats, x: float) -> Floats:
    """Weights of one point."""
    return grid_weights(grid, np.array([x]))
