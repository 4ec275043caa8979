"""Arrest, threshold and interval: what is read off a finished course of breathing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws

Array = NDArray[np.float64]

GRID = 0.1
"""Seconds between the moments at which the published program looks for an arrest."""

NORMAL_95 = 1.959963984540054
RESAMPLES, RESAMPLE_SIZE = 2500, 200
"""How the published intervals were made: so many samples of so many subjects, with replacement."""


def first_at_or_below(times: Array, values: Array, level: float | Array) -> Array:
    """First time at which each row of `values` [patient, time] is at or below its level; nan where never. Linear between times."""
    limit = np.broadcast_to(np.asarray(level, dtype=float), values.shape[:1])[:, None]
    below = values <= limit
    reached = below.any(axis=1)
    j = np.maximum(below.argmax(axis=1), 1)
    i = np.arange(len(values))
    high, low = values[i, j - 1], values[i, j]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((high - limit[:, 0]) / (high - low), 0.0, 1.0)
    found = times[j - 1] + share * (times[j] - times[j - 1])
    return np.where(below[:, 0], times[0], np.where(reached, found, np.nan))


def on_grid(time: float) -> float:
    """The first moment of the 0.1 s grid at or after `time` (s)."""
    return float(np.ceil(time / GRID - 1e-6) * GRID)


def wilson(events: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion, in percent."""
    share, z2 = events / of, NORMAL_95**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = NORMAL_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return 100 * max(centre - reach, 0.0), 100 * min(centre + reach, 1.0)


def of_two_hundred(arrested: NDArray[np.bool_], seed: int = 1) -> tuple[float, float, float]:
    """Median and 2.5 and 97.5 percentiles (%) of 2,500 resamples of 200 subjects: the published convention."""
    uniform = draws.uniform(seed, "ventilation/of_two_hundred", RESAMPLES * RESAMPLE_SIZE)
    picked = np.minimum((np.asarray(uniform) * arrested.size).astype(np.int64), arrested.size - 1)
    percent = 100 * arrested[picked].reshape(RESAMPLES, RESAMPLE_SIZE).mean(axis=1)
    low, middle, high = np.percentile(percent, [2.5, 50.0, 97.5])
    return float(middle), float(low), float(high)
