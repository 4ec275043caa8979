"""The voltage of a ganglion cell below and above the current at which its rest gives way to an oscillation, without and with its noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.nerve.soma import Soma, fire

Array = NDArray[np.float64]

DRIVES = (12.0, 45.0)
"""pA: of the published A cell the current at which it oscillates below threshold, and one at which it fires in runs."""
DURATION = 1500.0
EVERY = 0.1
"""ms of the record and between its points."""


@dataclass(frozen=True)
class Courses:
    """Voltage (mV) [drive, time] after a current of `drives` (pA) is switched on at rest, without and with noise; `times` in ms."""

    drives: Array
    times: Array
    quiet: Array
    noisy: Array


def courses(cell: Soma, drives: tuple[float, ...] = DRIVES, *, seed: int = 1, step: float = 0.05) -> Courses:
    """Run the cell from rest at each drive, without and with its own noise."""
    currents = np.array(drives)
    own = {**cell.parameters, "drive": currents}
    quiet, noisy = (
        fire(
            cell, own | {"strength": strength}, DURATION, settle=0.0, every=EVERY, step=step, seed=seed
        ).voltage
        for strength in (0.0, cell.parameters["strength"])
    )
    return Courses(currents, EVERY * np.arange(1, quiet.shape[1] + 1), quiet, noisy)


def ring(times: Array, voltage: Array) -> tuple[float, float]:
    """Frequency (Hz) and amplitude from trough to crest (mV) of an oscillation; not a number below two crossings of its mean."""
    middle = voltage.mean()
    up = np.flatnonzero((voltage[1:] > middle) & (voltage[:-1] <= middle))
    if len(up) < 2:
        return float("nan"), float("nan")
    fraction = (middle - voltage[up]) / (voltage[up + 1] - voltage[up])
    moments = times[up] + fraction * (times[up + 1] - times[up])
    return float(1e3 / np.diff(moments).mean()), float(np.ptp(voltage))
