"""Exposure: people are dosed, sampled and analysed as in a kinetic study."""

from __future__ import annotations

from analgesia.exposures.report import Exposure, exposure
from analgesia.pharmacokinetics.sampling import sampling_times

__all__ = ["Exposure", "exposure", "sampling_times"]
