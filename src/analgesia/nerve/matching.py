"""Which pulse a spike belongs to: a train was followed if every pulse has a spike of its own, not if there are as many spikes as pulses.

A spike may come back from a branch, or a cell may fire after a pulse; counted alone, such a spike can stand for a lost one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EARLY, LATE = 0.5, 0.75
"""Shares of the gap to the neighbouring pulse by which a spike may come before and after it is expected."""
WIDEST = 0.5
"""Share of the latency that neither may exceed."""


def arrived(times: Array, spikes: Array, latest: float) -> NDArray[np.bool_]:
    """For each pulse at `times` (ms, ascending) whether one of `spikes` (ms, ascending, at the far end) is its own.

    A spike is expected a latency after its pulse: that of the last pulse that arrived, since latencies change slowly; the first may take
    up to `latest` ms. Each pulse takes the nearest spike in its window, spikes keep the order of their pulses, and none serves twice.
    """
    own = np.zeros(len(times), bool)
    latency, free = np.nan, 0
    for n, t in enumerate(times):
        if np.isnan(latency):
            low, expected, high = t, t, t + latest
        else:
            before = t - times[n - 1] if n else np.inf
            after = times[n + 1] - t if n + 1 < len(times) else before
            expected = t + latency
            low = expected - min(EARLY * before, WIDEST * latency)
            high = expected + min(LATE * after, WIDEST * latency)
        near = [k for k in range(free, len(spikes)) if low < spikes[k] <= high]
        if near:
            best = min(near, key=lambda k: abs(spikes[k] - expected))
            own[n], latency, free = True, spikes[best] - t, best + 1
    return own
