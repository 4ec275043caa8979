"""A myelinated fibre as a delay line, learned from its cable, for trains that are too long for the cable.

    latency_n = latency (1 + s_n),    s_n = r(t_n - t_j) + w (sum of r(t_n - t_i) over the conducted pulses i before j)
    a pulse is lost if t_n - t_j < R (1 + LENGTHENED s_j);      j: the last conducted pulse

r is the slowing of the second of two pulses over their distance in time, as the cable gives it, R the shortest distance at which the
second arrives, w fits a train of 200 Hz. The delay line is learned for the fibre as it is asked for, drug and injury included, and says how
far its latencies are from those of the cable on trains it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analgesia.engine.cable import Pulse, simulate
from analgesia.errors import ModelError
from analgesia.nerve import conduction as bare
from analgesia.nerve import saltatory
from analgesia.nerve.conduction import Array, Conduction
from analgesia.nerve.matching import followed
from analgesia.nerve.myelinated import Myelinated, anatomy, parameters
from analgesia.nerve.states import HEALTHY, NerveState

SHORT: Array = np.geomspace(0.6, 8.0, 24)
LONG: Array = np.geomspace(9.0, 60.0, 8)
"""ms between the two pulses of a pair."""
FADING, FORGOTTEN = 30.0, 300.0
"""ms by which what is left after the longest gap falls e-fold, and after which nothing is left."""
LENGTHENED = 0.3
"""By how much of a pulse's slowing the refractory time behind it grows: between what trains of 550 (conducted) and 700 Hz (not) ask of the
cables of both fibres."""
LEARNED, HELD_OUT = 200.0, (100.0, 150.0, 300.0)
"""Hz of the train that sets w, and of those that the delay line has not seen."""
PULSES = 8
"""Of such a train."""
LEAD = 0.1
"""ms before the first pulse; the fibre rests already."""


@dataclass(frozen=True)
class DelayLine:
    """What is known of a fibre: the electrodes (um) and a rested spike's latencies at them (ms, nan if it is blocked), `gaps` (ms) with the
    `recovery` of the second of two pulses (its latency over the first one's, minus 1), `refractory` (ms), `weight` of earlier pulses,
    greatest `error` of a latency on trains held out (as a share of it), rate (Hz) up to which it conducted `alike` with the cable on
    those, current (nA).
    """

    electrodes: tuple[float, float, float]
    latencies: tuple[float, float, float]
    gaps: Array
    recovery: Array
    refractory: float
    weight: float
    error: float
    alike: float
    stimulus: float

    def slowing(self, gap: Array) -> Array:
        """r at distances in time (ms); between pairs, the logarithm of r is straight over that of the gap."""
        line = np.interp(np.log(gap), np.log(self.gaps), np.log(np.maximum(self.recovery, 1e-9)))
        return np.asarray(np.exp(line - np.maximum(gap - self.gaps[-1], 0.0) / FADING))

    def vouched(self, times: Sequence[float] | Array) -> str:
        """What was seen of it that holds for pulses at `times` (ms), in words.

        Raises `ModelError` where it conducted other pulses than the cable did, in a train that was no faster than these pulses.
        """
        fastest = 1e3 / float(np.min(np.diff(np.asarray(times, float)), initial=np.inf))
        if self.alike < HELD_OUT[-1] and fastest > max(self.alike, 1e3 / FORGOTTEN):
            failed = min(rate for rate in HELD_OUT if rate > self.alike)
            known = f"up to {self.alike:g} Hz" if self.alike else f"more than {FORGOTTEN:g} ms apart"
            raise ModelError(
                f"the delay line of this fibre conducts other pulses than its cable at {failed:g} Hz, and yours come at {fastest:.3g} Hz: "
                f"give pulses {known}, or so few that the cable is run"
            )
        seen = "a delay line learned from the cable"
        if self.alike:
            seen += (
                f"; on trains up to {self.alike:g} Hz that it had not seen it conducted the same pulses, and its latencies were off by at "
                f"most {self.error:.1%}"
            )
        else:
            seen += f"; pulses so far apart ({FORGOTTEN:g} ms) do not feel each other"
        if fastest > HELD_OUT[-1]:
            seen += f"; yours come at {fastest:.3g} Hz, at which it was not compared: which of them arrive is not known"
        return seen

    def carry(self, times: Sequence[float] | Array) -> Conduction:
        """What arrives of pulses at `times` (ms, ascending)."""
        moments = np.asarray(times, float)
        bare.check_pulses(moments, saltatory.PULSE)
        factor = np.full(len(moments), np.nan)
        kept: list[int] = []
        for n, t in enumerate(moments):
            if not math.isfinite(self.latencies[2]):
                break
            if kept:
                last = kept[-1]
                if t - moments[last] < self.refractory * (1.0 + LENGTHENED * (factor[last] - 1.0)):
                    continue
            gaps = np.array([t - moments[j] for j in kept[-256:] if t - moments[j] < FORGOTTEN])
            each = self.slowing(gaps) if gaps.size else np.zeros(1)
            factor[n] = 1.0 + each[-1] + self.weight * each[:-1].sum()
            kept.append(n)
        passed = [moments + factor * latency for latency in self.latencies]
        spikes = tuple(when[np.isfinite(when)] for when in passed)
        return bare.arrived(
            moments, passed[2], passed[1], spikes, np.asarray(self.electrodes), self.stimulus, math.nan, math.nan, "double"
        )  # fmt: skip


def learned(
    fibre: Myelinated, *, diameter: float | None = None, length: float = 20.0, state: NerveState = HEALTHY
) -> DelayLine:
    """Learn the delay line of a fibre of `diameter` um and `length` mm in a state from its cable."""
    wide = fibre.diameter if diameter is None else diameter
    nodes = saltatory.node_count(fibre, wide, length)
    membrane, given = parameters(fibre, wide, state)
    geometry = anatomy(fibre, wide, nodes + saltatory.BEYOND)
    start = saltatory.rested(fibre, membrane, geometry, given)
    current = bare.ABOVE_THRESHOLD * saltatory.threshold(fibre, wide)
    where = saltatory.electrodes(fibre, nodes)
    latest = bare.LATEST * length / (saltatory.SLOWEST * wide)
    x = tuple(float(place) for place in geometry.centres()[where])
    electrodes = (x[0], x[1], x[2])

    def arrivals(trains: Sequence[Array]) -> list[list[Array]]:
        """Of each train, when its pulses passed the three electrodes (ms, nan if they did not)."""
        lanes, pulses = len(trains), []
        for k, train in enumerate(trains):
            for t in train:
                own = np.where(np.arange(lanes) == k, current, 0.0)
                pulses.append(Pulse(0, LEAD + float(t), saltatory.PULSE, own))
        duration = LEAD + max(float(train[-1]) for train in trains) + latest
        found = simulate(
            membrane, geometry, given, initial=start, duration=duration, dt=saltatory.COARSE, probes=where, pulses=pulses,
            threshold=saltatory.THRESHOLD, lanes=lanes,
        )  # fmt: skip
        if not found.finite.all():
            raise ModelError(f"{fibre.name} left the finite numbers: no delay line can be learned")
        result = []
        for train, spikes in zip(trains, found.spikes, strict=True):
            begun = saltatory.started(train, spikes[0] - LEAD)
            rest = [followed(begun, spikes[k] - LEAD, latest) for k in (1, 2)]
            result.append([begun, *rest])
        return result

    gaps = np.concatenate([SHORT, LONG])
    pairs = [found for part in (SHORT, LONG) for found in arrivals([np.array([0.0, gap]) for gap in part])]
    first = (float(pairs[-1][0][0]), float(pairs[-1][1][0]), float(pairs[-1][2][0]))
    second = np.array([found[2][1] for found in pairs]) - gaps
    lost = np.flatnonzero(~np.isfinite(second))
    if lost.size == len(gaps):
        nothing = np.full(2, np.nan)
        return DelayLine(electrodes, (math.nan,) * 3, nothing, nothing, math.nan, 0.0, 0.0, 0.0, current)
    begins = int(lost[-1]) + 1 if lost.size else 0
    if begins == len(gaps):
        raise ModelError(
            f"{fibre.name} loses the second of two pulses {gaps[-1]:g} ms apart: no delay line can be learned"
        )
    recovery = second[begins:] / first[2] - 1.0
    line = DelayLine(electrodes, first, gaps[begins:], recovery, float(gaps[begins]), 0.0, 0.0, 0.0, current)
    trains: list[Array] = [
        np.asarray(1e3 / rate * np.arange(PULSES), np.float64) for rate in (LEARNED, *HELD_OUT)
    ]
    found = [part[2] - train for part, train in zip(arrivals(trains), trains, strict=True)]
    weighed = replace(line, weight=_weight(line, trains[0], found[0]))
    errors, alike = [0.0], 0.0
    for rate, train, latency in zip(HELD_OUT, trains[1:], found[1:], strict=True):
        own = weighed.carry(train).latency
        if np.any(np.isfinite(own) != np.isfinite(latency)):
            break
        errors.append(float(np.nanmax(np.abs(own / latency - 1.0))))
        alike = rate
    return replace(weighed, error=max(errors), alike=alike)


def _weight(line: DelayLine, train: Array, latency: Array) -> float:
    """w, 0 to 1, by least squares on one train; 0 where the cable did not conduct all of it."""
    if not np.isfinite(latency).all():
        return 0.0
    without, whole = (replace(line, weight=w).carry(train).latency for w in (0.0, 1.0))
    more = np.nan_to_num(whole - without)
    share = float(np.nansum((latency - without) * more) / max(float(np.sum(more**2)), 1e-30))
    return min(max(share, 0.0), 1.0)
