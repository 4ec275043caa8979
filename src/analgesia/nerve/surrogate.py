"""A fibre for long runs: slowing from the history of firing, derived from runs of the cable, with its error.

Every conducted spike adds to two traces that decay, and slowing is a saturating function of their sum; pulses closer than the refractory
time are lost:

    x(t) = a1 sum exp(-(t - t_k)/tau1) + a2 sum exp(-(t - t_k)/tau2)          slowing = S (1 - exp(-x / S))
    latency = distance / (v sqrt(d)) (1 + slowing)

The five numbers are fitted to trains at the rates of LEARNED and judged on those of HELD_OUT, which the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.nerve.conduction import conduct
from analgesia.nerve.membranes import Fibre
from analgesia.nerve.states import HEALTHY, NerveState

Array = NDArray[np.float64]

LEARNED: tuple[tuple[float, int], ...] = ((0.5, 12), (2.0, 40), (5.0, 60))
"""Hz and number of pulses."""
HELD_OUT: tuple[tuple[float, int], ...] = ((1.0, 20), (3.3, 40))
LENGTH, GRID, STEP = 8.0, 100.0, 0.025
"""mm, um, ms of the cable behind it; slowing is relative, so that the coarse grid hardly matters."""


@dataclass(frozen=True)
class Surrogate:
    """Velocity (m/s at 1 um), traces (share per spike; ms), saturation (share), refractory time (ms), errors (share of slowing).

    `error` is the greatest deviation of slowing over the held-out trains, as a share of 1 (0.01: one per cent of latency).
    """

    velocity: float
    gains: tuple[float, float]
    times: tuple[float, float]
    saturation: float
    refractory: float
    error: float
    fitted_error: float

    def slowing(self, moments: Sequence[float] | Array) -> Array:
        """Slowing (share) of each pulse of a train, nan where it falls into the refractory time. Raises `ModelError` unless they ascend."""
        t = np.asarray(moments, float)
        if t.ndim != 1 or t.size == 0 or np.any(np.diff(t) <= 0.0):
            raise ModelError("pulses must ascend")
        return _slowing(t, (*self.gains, *self.times, self.saturation), self.refractory)

    def latency(self, moments: Sequence[float] | Array, *, diameter: float, distance: float) -> Array:
        """ms at `distance` (mm) for a fibre of `diameter` (um)."""
        return distance / (self.velocity * np.sqrt(diameter)) * (1.0 + self.slowing(moments))


def _slowing(t: Array, numbers: Sequence[float] | Array, refractory: float) -> Array:
    a1, a2, tau1, tau2, most = numbers
    found = np.full(len(t), np.nan)
    first = second = 0.0
    last = -np.inf
    before = t[0]
    for k, now in enumerate(t):
        first, second = first * np.exp(-(now - before) / tau1), second * np.exp(-(now - before) / tau2)
        before = now
        if now - last < refractory:
            continue
        found[k] = most * (1.0 - np.exp(-(a1 * first + a2 * second) / most))
        first, second, last = first + 1.0, second + 1.0, now
    return found


def derive(fibre: Fibre, *, state: NerveState = HEALTHY, refractory: float = 6.0) -> Surrogate:
    """Run the cable, healthy or in a `state`, at the rates of LEARNED and HELD_OUT and fit the traces.

    Raises `ModelError` where the cable loses a pulse of these trains: there is no slowing to learn then.
    """
    from scipy.optimize import least_squares

    def cable(rate: float, pulses: int) -> tuple[Array, Array, float]:
        t: Array = np.asarray(1e3 / rate * np.arange(pulses), np.float64)
        found = conduct(fibre, t, diameter=1.0, length=LENGTH, grid=GRID, step=STEP, state=state)
        if not found.conducted.all():
            raise ModelError(
                f"the cable of {fibre.name} loses pulses at {rate:g} Hz: no surrogate can be learned"
            )
        return t, found.slowing / 100.0, found.velocity

    learned, held = ([cable(*train) for train in trains] for trains in (LEARNED, HELD_OUT))

    def miss(logs: Array, runs: Sequence[tuple[Array, Array, float]] = learned) -> Array:
        numbers = np.exp(logs)
        return np.concatenate([_slowing(t, numbers, 0.0) - s for t, s, _ in runs])

    start = np.log([0.01, 0.003, 500.0, 10_000.0, 0.5])
    fit = least_squares(lambda logs: np.nan_to_num(miss(logs), nan=1.0), start)
    a1, a2, tau1, tau2, most = (float(x) for x in np.exp(fit.x))
    velocity = conduct(fibre, [0.0], diameter=1.0, length=LENGTH, state=state).velocity
    return Surrogate(
        velocity, (a1, a2), (tau1, tau2), most, refractory, float(np.abs(miss(fit.x, held)).max()), float(np.abs(fit.fun).max())
    )  # fmt: skip
