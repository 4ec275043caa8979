"""A C fibre for long runs: which pulses arrive and when, from the history of firing, learned from runs of its cable, with its error.

Slowness at a place depends on what passed there before (`history`: interval I to the spike before, traces z that decay), and so does
the delay between a pulse and its spike; slowness is integrated along the fibre, so that intervals change on the way:

    dt_k/dx = s exp(g0(I) + sum_m z_m g_m(I) + c z + b ln(1 + 3 z) + z Q z)          t_k(x_0) = pulse_k + d exp(the same form)

A pulse is lost where  w . (1, ln I, (ln I)^2, z) < 0.  All of it is learned for one fibre, width, temperature, injury and drug
(`learning.derive`). Outside the intervals and the firing it was learned from it gives no number but a reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.nerve import history
from analgesia.nerve.conduction import FIRST, SECOND, START, Conduction

Array = NDArray[np.float64]

INSIDE, TOO_CLOSE, TOO_MUCH, SOON_AFTER, UNSURE = 0, 1, 2, 3, 4
REASONS = {
    TOO_CLOSE: "nearer to the pulse before than any pulse learned from",
    TOO_MUCH: "more firing before it than any pulse learned from had",
    SOON_AFTER: "soon after one of those",
    UNSURE: "at the edge of the refractory time, where little decides much",
}
"""Why nothing is said of a pulse."""
EDGE = (1.15, 1.5)
"""At the edge: an interval that would decide otherwise if it were the first times longer or the second times shorter."""
REFRACTORY = 30.0
"""ms; the edge is one of the refractory time up to here."""
SOON = 1000.0
"""ms after a pulse outside within which nothing is said of the next ones."""
STRIDE = 2.0
"""mm between the places at which intervals are updated, for a fibre of 1 um; it grows as the root of the width."""
NEAR = 150.0
"""ms; spikes farther from their neighbours keep their intervals on the way."""
LENGTHS = (5.0, 50.0)
"""mm; fibres of these lengths were compared with their cables."""
ROUNDS = 8
"""Attempts to decide on all pulses at once before they are decided one by one."""
ALIKE = 1e-6
"""Share by which a width may differ from the learned one."""


@dataclass(frozen=True)
class Error:
    """Against the cable, on trains it was not learned from: shares of latency, and pulses wrongly called lost or conducted.

    `close_greatest`, `close_rms`: those within `learning.CLOSE` of the spike before (nan if there
    were none); `greatest`, `rms`: the others. `pulses`: of which something was said, `unsaid`: the others.
    """

    greatest: float
    rms: float
    close_greatest: float
    close_rms: float
    wrong: int
    lost: int
    pulses: int
    unsaid: int


UNKNOWN = Error(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, 0)


@dataclass(frozen=True)
class Forecast:
    """What arrives of each pulse: `latency` (ms; nan: lost, or outside), `conducted`, and in `outside` a key of REASONS or 0."""

    times: Array
    latency: Array
    conducted: NDArray[np.bool_]
    outside: NDArray[np.int8]
    velocity: float
    rested: float
    distance: float
    error: Error
    within: dict[str, Any]

    @property
    def slowing(self) -> Array:
        """Per cent of the latency of a rested fibre."""
        return 100.0 * (self.latency / self.rested - 1.0)

    def to_conduction(self, length: float) -> Conduction:
        """As the cable would say it, without the pulses outside, of which nothing is known."""
        known = self.outside == INSIDE
        came, late, times = self.conducted[known], self.latency[known], self.times[known]
        places = (START * length * 1e3, FIRST * length * 1e3, SECOND * length * 1e3)
        none = np.array([])
        return Conduction(
            times, self.velocity, late, self.slowing[known], came, math.nan, math.nan, math.nan,
            (none, none, times[came] + late[came]), places,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --surrogate --json` prints it."""
        reasons = {words: int((self.outside == key).sum()) for key, words in REASONS.items()}
        return {
            "conduction_velocity_m_per_s": self.velocity,
            "latency_ms": self.latency,
            "slowing_percent": self.slowing,
            "conducted": self.conducted,
            "outside": self.outside,
            "outside_reasons": {str(key): words for key, words in REASONS.items()},
            "outside_pulses": {words: count for words, count in reasons.items() if count},
            "pulse_times_ms": self.times,
            "recorded_at_mm": self.distance,
            "stated_error": stated(self.error),
            "learned_within": self.within,
            "numerics": {"scheme": "surrogate learned from the cable"},
        }


def stated(error: Error) -> dict[str, float | int | None]:
    """The error in words of the answer."""
    known = asdict(error)
    share = {
        f"latency_{key}_percent": 100.0 * known[key]
        for key in ("greatest", "rms", "close_greatest", "close_rms")
    }
    decided = {f"{key}_pulses": known[key] for key in ("wrong", "lost", "pulses", "unsaid")}
    return {key: value if math.isfinite(value) else None for key, value in {**share, **decided}.items()}


@dataclass(frozen=True)
class Form:
    """Coefficients of exp(g0(I) + sum z_m g_m(I) + c z + b ln(1 + 3 z) + z Q z), and what it multiplies."""

    rest: float
    coefficients: Array

    def tables(self) -> tuple[Array, Array, Array, Array]:
        """g0 and the g_m over `history.grid` [place, 1 + m], c [m], b [slow m], Q [m, m]."""
        shape, count = history.splines(history.grid()), len(history.DECAYS)
        sizes = [history.COUNT, count, len(history.SLOW), len(history.PAIRS)]
        parts = np.split(self.coefficients, np.cumsum(sizes))
        modulated = parts[4].reshape(len(history.MODULATED), history.COUNT)
        square = np.zeros((count, count))
        for value, (a, b) in zip(parts[3], history.PAIRS, strict=True):
            square[a, b] = value
        return np.column_stack([shape @ parts[0], shape @ modulated.T]), parts[1], parts[2], square


class _Evaluated:
    """A form at spikes whose slow traces `z` (all of them are given) stay; intervals and fast traces may move."""

    def __init__(self, form: Form, z: Array) -> None:
        fast, modulated = len(history.FAST), np.array(history.MODULATED)
        table, linear, saturating, square = form.tables()
        slow = z[:, fast:]
        self.rest = form.rest
        self.table, self.step = table[:-1], np.diff(table, axis=0)
        self.low = math.log(history.KNOTS[0])
        self.scale = len(self.step) / (math.log(history.KNOTS[-1]) - self.low)
        self.own = slow @ linear[fast:] + history.saturating(z) @ saturating
        self.own += np.einsum("ij,ij->i", slow @ square[fast:, fast:], slow)
        self.mixed = linear[:fast] + slow @ square[:fast, fast:].T
        self.square = square[:fast, :fast]
        self.quick = modulated[modulated < fast]
        self.still = z[:, modulated[modulated >= fast]]

    def __call__(self, gaps: Array, quick: Array) -> Array:
        place = np.clip((np.log(gaps) - self.low) * self.scale, 0.0, len(self.step) - 1e-9)
        left = place.astype(np.intp)
        g = self.table[left] + self.step[left] * (place - left)[:, None]
        split = 1 + len(self.quick)
        power = self.own + g[:, 0] + np.einsum("ij,ij->i", g[:, 1:split], quick[:, self.quick])
        power += np.einsum("ij,ij->i", g[:, split:], self.still)
        power += np.einsum("ij,ij->i", self.mixed + quick @ self.square, quick)
        return np.asarray(self.rest * np.exp(np.clip(power, -3.0, 3.0)))


@dataclass(frozen=True)
class Surrogate:
    """What was learned of one fibre, and within what.

    `most`: greatest value of each trace in the learned trains. `shortest`: ms, shortest interval. `loss`: weights w of 1, ln I,
    (ln I)^2 and the traces. `velocity`: m/s of a rested fibre; `entry`: mm, where `delay` ends and `along` (ms/mm) begins. `state`:
    what was done to the membrane, in words.
    """

    fibre: str
    state: str
    diameter: float
    temperature: float
    velocity: float
    entry: float
    delay: Form
    along: Form
    loss: Array
    most: Array
    shortest: float
    error: Error

    @property
    def within(self) -> dict[str, Any]:
        """What it was learned in: shortest interval, and the greatest rate (Hz) that each trace, by its decay, has met."""
        rates = 1e3 * self.most * history.UNITS / np.array(history.DECAYS)
        return {
            "fibre": self.fibre,
            "state": self.state,
            "diameter_um": self.diameter,
            "temperature_degC": self.temperature,
            "length_mm": list(LENGTHS),
            "shortest_interval_ms": self.shortest,
            "greatest_rate_hz": {
                f"{tau:g} ms": float(rate) for tau, rate in zip(history.DECAYS, rates, strict=True)
            },
        }

    def conduct(
        self, times: Sequence[float] | Array, *, length: float, diameter: float | None = None
    ) -> Forecast:
        """What arrives at the far electrode of a fibre of `length` mm from pulses at `times` (ms). Errors: see `conduct_many`."""
        return self.conduct_many([times], length=length, diameter=diameter)[0]

    def conduct_many(
        self, trains: Sequence[Sequence[float] | Array], *, length: float, diameter: float | None = None
    ) -> list[Forecast]:
        """The same for many trains, each on its own rested fibre, in one go.

        Raises `ModelError` for times that do not ascend, a length outside LENGTHS and a width that was not learned.
        """
        if diameter is not None and abs(diameter / self.diameter - 1.0) > ALIKE:
            raise ModelError(
                f"the surrogate was learned for a width of {self.diameter:g} um, not {diameter:g} um: derive one for that width"
            )
        if not LENGTHS[0] <= length <= LENGTHS[1]:
            raise ModelError(
                f"surrogates were compared with fibres of {LENGTHS[0]:g} to {LENGTHS[1]:g} mm, not {length:g} mm"
            )
        moments = [np.asarray(train, float) for train in trains]
        for one in moments:
            if one.ndim != 1 or one.size == 0 or not np.all(np.isfinite(one)) or np.any(np.diff(one) <= 0.0):
                raise ModelError("pulses must ascend and be finite, at least one in a train")
        if not moments:
            return []
        pulses = np.concatenate(moments)
        first = np.concatenate([history.begins(len(one)) for one in moments])
        conducted, outside = self._decided(pulses, first)
        latency = np.full(len(pulses), np.nan)
        distance = SECOND * length
        if conducted.any():
            latency[conducted] = self._latency(pulses[conducted], _kept(first, conducted), distance)
        shown = conducted & (outside == INSIDE)
        latency[~shown] = np.nan
        rested = float(self._latency(np.zeros(1), history.begins(1), distance)[0])
        ends = np.cumsum([len(one) for one in moments])[:-1]
        parts = zip(moments, *(np.split(x, ends) for x in (latency, shown, outside)), strict=True)
        return [
            Forecast(t, late, came, out, self.velocity, rested, distance, self.error, self.within)
            for t, late, came, out in parts
        ]

    def _decided(self, pulses: Array, first: history.Mask) -> tuple[history.Mask, NDArray[np.int8]]:
        """Which pulses start a spike that arrives, and which lie outside of what was learned."""
        gaps = history.intervals(pulses, first)
        z = history.traces(pulses, first, gaps)
        conducted = np.ones(len(pulses), bool)
        for _ in range(
            ROUNDS
        ):  # what holds for the history it leaves is what deciding pulse by pulse would find
            now = self.margin(gaps, z) >= 0.0
            if np.array_equal(now, conducted):
                break
            conducted = now
            gaps, z = since_conducted(pulses, first, conducted)
        else:
            conducted = self._in_turn(pulses, first)
            gaps, z = since_conducted(pulses, first, conducted)
        outside = np.zeros(len(pulses), np.int8)
        outside[np.any(z > self.most, axis=1)] = TOO_MUCH
        outside[gaps < self.shortest] = TOO_CLOSE
        bad = np.flatnonzero(outside)
        if bad.size:
            before = np.searchsorted(bad, np.arange(len(pulses))) - 1
            train = np.cumsum(first)
            last = bad[np.maximum(before, 0)]
            soon = (before >= 0) & (train[last] == train) & (pulses - pulses[last] < SOON)
            outside[soon & (outside == INSIDE)] = SOON_AFTER
        longer = self.margin(gaps * EDGE[0], z) >= 0.0
        shorter = self.margin(gaps / EDGE[1], z) >= 0.0
        unsure = np.where(conducted, ~shorter, longer) & (gaps < REFRACTORY)
        outside[unsure & (outside == INSIDE)] = UNSURE
        return conducted, outside

    def margin(self, gaps: Array, z: Array) -> Array:
        """Above 0: conducted."""
        return margins(self.loss, gaps, z)

    def _in_turn(self, pulses: Array, first: history.Mask) -> history.Mask:
        """Pulse by pulse, since a lost one leaves no trace; plain numbers, which are quicker than short vectors."""
        count = len(history.DECAYS)
        fast = len(history.FAST)
        steps = np.diff(pulses, prepend=pulses[:1])
        kept = np.exp(-np.maximum(steps, 0.0)[:, None] / np.array(history.DECAYS)).tolist()
        weights = (self.loss[3:] / history.UNITS).tolist()
        w0, w1, w2 = self.loss[:3].tolist()
        all_before, last = [0.0] * count, [0.0] * count
        gap = math.inf
        longest = history.KNOTS[-1]
        found = np.ones(len(pulses), bool)
        for k, (decay, step, begin) in enumerate(zip(kept, steps.tolist(), first.tolist(), strict=True)):
            if begin:
                all_before, last, gap = [0.0] * count, [0.0] * count, math.inf
            else:
                gap += step
                all_before = [a * d for a, d in zip(all_before, decay, strict=True)]
                last = [a * d for a, d in zip(last, decay, strict=True)]
            log = math.log(min(max(gap, history.SHORTEST), longest))
            total = w0 + w1 * log + w2 * log * log
            for m in range(count):
                total += weights[m] * (all_before[m] - last[m] if m < fast else all_before[m])
            if total < 0.0:
                found[k] = False
                continue
            all_before = [a + 1.0 for a in all_before]
            last, gap = [1.0] * count, 0.0
        return found

    def _latency(self, pulses: Array, first: history.Mask, distance: float) -> Array:
        """ms from each conducted pulse to the electrode at `distance` mm."""
        gaps = history.intervals(pulses, first)
        z = history.traces(pulses, first, gaps)
        arrived = pulses + _Evaluated(self.delay, z)(gaps, z[:, : len(history.FAST)])
        steps = max(1, math.ceil((distance - self.entry) / (STRIDE * math.sqrt(self.diameter))))
        return self._travelled(arrived, first, (distance - self.entry) / steps, steps) - pulses

    def _travelled(self, t: Array, first: history.Mask, stride: float, steps: int) -> Array:
        """Arrivals after `steps` strides by the midpoint rule; spikes far from their neighbours keep what they have after the first."""
        quick = slice(0, len(history.FAST))
        gaps = history.intervals(t, first)
        z = history.traces(t, first, gaps)
        slowness = _Evaluated(self.along, z)(gaps, z[:, quick])
        near = gaps < NEAR
        moving = near | np.r_[near[1:], False]
        end = t + stride * steps * slowness
        if not moving.any():
            return end
        t, z, slowness, still = t[moving], z[moving], slowness[moving], gaps[moving]
        form = _Evaluated(self.along, z)
        begin = still >= NEAR  # the first of a group keeps its interval and what was before it
        start = np.exp(-still[begin, None] / np.array(history.FAST)) + z[begin, quick] * history.UNITS[quick]

        def updated(t: Array) -> Array:
            gaps = np.where(begin, still, history.intervals(t, begin))
            every = [history.trace(t, begin, tau, start[:, m]) for m, tau in enumerate(history.FAST)]
            left = [
                np.maximum(one - np.exp(-gaps / tau), 0.0)
                for one, tau in zip(every, history.FAST, strict=True)
            ]
            return form(gaps, np.array(left).T / history.UNITS[quick])

        for step in range(steps):
            if step:
                slowness = updated(t)
            t = t + stride * updated(t + 0.5 * stride * slowness)
        end[moving] = t
        return end


def since_conducted(pulses: Array, first: history.Mask, conducted: history.Mask) -> tuple[Array, Array]:
    """Intervals and traces at every pulse, from the conducted pulses before it."""
    index: NDArray[np.intp] = np.cumsum(conducted) - conducted  # conducted pulses before, over all trains
    train = np.cumsum(first)
    t, begin = pulses[conducted], _kept(first, conducted)
    own = history.intervals(t, begin)
    before = history.traces(t, begin, own) * history.UNITS
    position = np.maximum(index - 1, 0)
    some = (index > 0) & (train[conducted][position] == train) if t.size else np.zeros(len(pulses), bool)
    since = np.where(some, pulses - t[position], np.inf) if t.size else np.full(len(pulses), np.inf)
    z = np.zeros((len(pulses), len(history.DECAYS)))
    for m, decay in enumerate(history.DECAYS):
        left = np.exp(-since / decay)
        if decay in history.FAST:  # what the last conducted one found, and what it had before it itself
            gone = np.exp(-own / decay)
            z[:, m] = np.where(some, (before[position, m] + gone[position]) * left, 0.0)
        else:
            z[:, m] = np.where(some, (before[position, m] + 1.0) * left, 0.0)
    return np.maximum(since, history.SHORTEST), z / history.UNITS


def margins(weights: Array, gaps: Array, z: Array) -> Array:
    """w . (1, ln I, (ln I)^2, z), with I up to the longest that matters."""
    log = np.log(np.clip(gaps, history.SHORTEST, history.KNOTS[-1]))
    return np.asarray(weights[0] + weights[1] * log + weights[2] * log**2 + z @ weights[3:])


def _kept(first: history.Mask, kept: history.Mask) -> history.Mask:
    """Marks of the beginnings of trains among the kept pulses."""
    train = np.cumsum(first)[kept]
    return np.diff(train, prepend=-1) != 0
