"""Which pulse a spike belongs to: a train was followed if every pulse has a spike of its own, not if there are as many spikes as pulses.

A spike may come back from a branch, or a fibre may fire by itself after a pulse; counted alone, such a spike can stand for a lost one.
Past a branch spikes are matched where they arrive (`arrived`); along a fibre from electrode to electrode (`along`, `followed`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EARLY, LATE = 0.5, 0.75
"""Shares of the gap to the neighbouring pulse by which a spike may come before and after it is expected."""
WIDEST = 0.5
"""Share of the latency that neither may exceed."""
QUICKER = 0.9
"""Of the shortest way to the first electrode: no later spike is quicker."""
QUICKEST = 0.4
"""Of the travel of the last spike that arrived: what takes less began on the way."""


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


def along(times: Array, spikes: Sequence[Array], rested: float, soon: float, longest: float) -> list[Array]:
    """When each pulse's spike passed each electrode in turn (ms, nan if it did not); spikes and pulses keep their order.

    A spike that passes the first electrode more than `soon` ms after a pulse is not that pulse's, and one that could be of the next
    pulse, by the quickest so far (`rested` ms until there is one), is the next one's. Between electrodes a spike travels `longest` ms at
    most, and from its pulse to the last as well.
    """
    begun = np.full(len(times), np.nan)
    quickest, k = np.nan, 0
    for n, t in enumerate(times):
        while k < len(spikes[0]) and spikes[0][k] <= t:
            k += 1
        latest = t + soon
        if n + 1 < len(times):
            latest = min(latest, times[n + 1] + QUICKER * (rested if np.isnan(quickest) else quickest))
        if k < len(spikes[0]) and spikes[0][k] <= latest:
            begun[n] = spikes[0][k]
            quickest = np.fmin(quickest, begun[n] - t)
            k += 1
    passed = [begun]
    for there in spikes[1:]:
        passed.append(followed(passed[-1], there, longest))
    passed[-1][passed[-1] - times > longest] = np.nan
    return passed


def followed(begun: Array, spikes: Array, longest: float) -> Array:
    """When each spike that began (ms, nan if it did not) passed a further electrode; spikes keep their order.

    Where as many arrive as began, each is its own. Otherwise, of those still on their way, the spike is the one whose travel is nearest
    to that of the last that arrived, if it is not much quicker.
    """
    passed = np.full(len(begun), np.nan)
    on_the_way = np.flatnonzero(np.isfinite(begun))
    if len(on_the_way) == len(spikes):
        travel = spikes - begun[on_the_way]
        if np.all((travel > 0.0) & (travel <= longest)):
            passed[on_the_way] = spikes
            return passed
    first, typical = 0, 0.0
    reached = np.maximum.accumulate(np.nan_to_num(begun, nan=-np.inf))
    for spike in spikes:
        latest = spike - QUICKEST * typical
        started = int(np.searchsorted(reached, latest))
        waiting = [k for k in range(first, started) if spike - longest <= begun[k] < latest]
        if not waiting:
            continue
        chosen = min(waiting, key=lambda k: abs(spike - begun[k] - typical)) if typical else waiting[0]
        passed[chosen], typical, first = spike, float(spike - begun[chosen]), chosen + 1
    return passed
