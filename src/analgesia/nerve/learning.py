"""Learn a surrogate from runs of the cable, and judge it on trains it has not seen.

Trains of pairs, bursts, irregular firing, loads and rests (`learned_trains`) run through a short piece of the fibre. Each spike gives one
row of a regression per half millimetre: logarithm of its slowness over that of a rested fibre, against intervals and traces at that place
(ridge regression; its penalty by cross-validation over blocks of the train). Lost pulses give the rule of loss (logistic regression with
a small penalty). Then other trains (`held_out_train`) run through a longer cable, and the greatest and rms deviation of latency and the
pulses wrongly called are the stated error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable import CableResult, Pulse, Stage, cylinder, simulate
from analgesia.errors import ModelError
from analgesia.nerve import conduction as one
from analgesia.nerve import history
from analgesia.nerve.membranes import Fibre
from analgesia.nerve.states import HEALTHY, NerveState
from analgesia.nerve.surrogate import UNKNOWN, Error, Form, Surrogate, margins, since_conducted

Array = NDArray[np.float64]

PIECE, ENTRY, PLACES, APART = 4.0, 0.5, 7, 0.5
"""mm of fibre learned from, first place, number of places and mm between them; for 1 um, growing as the root of the width."""
JUDGED = 10.0
"""mm of the cable of the held-out trains."""
REST = 5000.0
"""ms between them."""
LATE = 10.0
"""ms after a pulse within which its spike passes the first place."""
BLOCKS, BLOCK = 5, 35
"""Parts of the cross-validation, and spikes in a row that go to one of them."""
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
PENALTY_OF_LOSS = 1e-3
CLOSE = 30.0
"""ms; recovery is steep below, and the error is stated apart."""
FAIR, FAIR_CALLS = 0.1, 0.05
"""Refused: a greatest error of latency above FAIR beyond CLOSE, or more than the share FAIR_CALLS of pulses called wrongly."""
SELDOM, MARGIN = 200.0, 1.3
"""A fibre that fires again by itself after pulses up to SELDOM ms apart is learned without pulses up to MARGIN times so near."""
FEWEST = 0.5
"""Refused: a fibre that conducts less than this share of the learned pulses."""


def _log_uniform(draw: np.random.Generator, low: float, high: float, count: int) -> Array:
    return np.exp(draw.uniform(math.log(low), math.log(high), count))


def learned_trains(seed: int = 1) -> tuple[Array, ...]:
    """ms, each from rest: single spikes and few pairs; pairs, bursts and irregular firing; loads, pairs, rests of 2 to 30 s, bursts."""
    draw = np.random.default_rng(seed)
    light, close, heavy = [], [], []
    for gap in _log_uniform(draw, 8.0, 400.0, 14):
        light += [*_log_uniform(draw, 150.0, 6000.0, 3), gap]
    for gap in draw.permutation(np.r_[1.2, 2.2, np.geomspace(3.0, 400.0, 24)]):
        close += [gap, 1500.0 * draw.uniform(0.7, 1.3)]
    for _ in range(24):
        middle = _log_uniform(draw, 10.0, 80.0, 1)[0]
        close += [*(middle * draw.uniform(0.8, 1.2, 4)), _log_uniform(draw, 300.0, 3000.0, 1)[0]]
    close += [*_log_uniform(draw, 4.0, 1500.0, 150)]
    heavy += [*(100.0 * draw.uniform(0.5, 1.5, 100)), *(200.0 * draw.uniform(0.5, 1.5, 150))]
    for gap in draw.permutation(np.geomspace(4.0, 300.0, 20)):
        heavy += [gap, 500.0 * draw.uniform(0.7, 1.3)]
    heavy += [*_log_uniform(draw, 2000.0, 30_000.0, 12)]
    for _ in range(10):
        heavy += [*np.full(7, draw.uniform(20.0, 50.0)), 1000.0 * draw.uniform(0.7, 1.3)]
    return tuple(np.r_[0.0, np.cumsum(gaps)] for gaps in (light, close, heavy))


def held_out_trains(seed: int = 7) -> dict[str, Array]:
    """ms, by name: trains of other kinds than the learned one, each from rest."""
    draw = np.random.default_rng(seed)
    found = {
        f"Poisson, {rate:g} Hz": np.r_[0.0, np.cumsum(np.maximum(draw.exponential(1e3 / rate, n), 1.5))]
        for rate, n in ((0.5, 12), (2.0, 30), (5.0, 40), (10.0, 40))
    }
    for rate in (20.0, 30.0, 50.0):
        found[f"bursts, {rate:g} Hz"] = np.concatenate(
            [1500.0 * k + 1e3 / rate * np.arange(5) for k in range(4)]
        )
    for rate, n in ((1.0, 10), (3.3, 25)):
        found[f"regular, {rate:g} Hz"] = 1e3 / rate * np.arange(n)
    adapting = 1.0 + 12.0 * np.exp(-np.arange(40) / 18.0)
    found["heat"] = np.cumsum(1e3 / adapting * draw.uniform(0.6, 1.4, 40))
    return found


@dataclass(frozen=True)
class Tracks:
    """ms each pulse's spike passed each place [pulse, place] (nan: it did not), and spikes without a pulse; places in mm."""

    pulses: Array
    passed: Array
    places: Array
    extra: Array


def tracked(fibre: Fibre, pulses: Array, diameter: float, state: NerveState) -> Tracks:
    """Run the train through PIECE of the cable."""
    root = math.sqrt(diameter)
    length = PIECE * root
    dx, dt = one.COARSE[0] * root, one.COARSE[1]
    membrane, parameters, initial = one.prepared(fibre, diameter, state)
    current = one.ABOVE_THRESHOLD * one.threshold(fibre, diameter)
    geometry = cylinder(length * 1e3, diameter, round(length * 1e3 / dx), fibre.resistivity)
    probes = [geometry.nearest((ENTRY + APART * k) * root * 1e3) for k in range(PLACES)]
    longest = one.LATEST * length / (one.VELOCITY * root)

    def run(stages: list[Stage]) -> CableResult:
        return simulate(
            membrane, geometry, parameters, initial=initial, stages=stages, probes=probes, threshold=one.THRESHOLD, along=True,
            pulses=[Pulse(0, one.SETTLE + t, one.PULSE, current) for t in pulses], precision="single",
        )  # fmt: skip

    stages = one.staged(pulses, one.TRAVEL * length / (one.VELOCITY * root), dt)
    result = run(stages)
    if one.fired_in_silence(result, stages):
        stages = one.staged(pulses, 2.0 * longest, dt)
        result = run(stages)
        if one.fired_in_silence(result, stages):
            raise ModelError(
                f"the cable of {fibre.name} fires long after a pulse: no surrogate can be learned"
            )
    if not result.finite[0]:
        raise ModelError(f"the cable of {fibre.name} left the finite numbers: no surrogate can be learned")
    spikes = [s - one.SETTLE for s in result.spikes[0]]
    return _matched(pulses, spikes, geometry.centres()[probes] / 1e3, longest)


def _matched(pulses: Array, spikes: list[Array], places: Array, longest: float) -> Tracks:
    """Follow each pulse's spike from place to place; spikes keep their order."""
    passed = np.full((len(pulses), len(places)), np.nan)
    taken = np.zeros(len(spikes[0]), bool)
    for place, there in enumerate(spikes):
        before = pulses if place == 0 else passed[:, place - 1]
        limit = LATE if place == 0 else longest / len(places)
        k = 0
        for i in np.flatnonzero(np.isfinite(before)):
            latest = before[i] + limit
            if place == 0 and i + 1 < len(pulses):
                latest = min(latest, pulses[i + 1] + one.PULSE)
            while k < len(there) and there[k] <= before[i]:
                k += 1
            if k < len(there) and there[k] <= latest:
                passed[i, place] = there[k]
                if place == 0:
                    taken[k] = True
                k += 1
    return Tracks(pulses, passed, places, spikes[0][~taken])


def derive(
    fibre: Fibre, *, state: NerveState = HEALTHY, diameter: float | None = None, words: str = "healthy"
) -> Surrogate:
    """Learn a surrogate of a fibre of a width (um; by default its own) in a state, which `words` name.

    A fibre that fires again by itself after close pulses is learned without them, so that nothing is said of such pulses. Raises
    `ModelError` with the reason where no surrogate can be stated: a fibre that conducts few of the pulses, that fires by itself after
    others too, or on whose held-out trains the error is above FAIR.
    """
    width = float(fibre.parameters["diameter"]) if diameter is None else float(diameter)
    alone = one.conduct(fibre, [0.0], diameter=width, length=PIECE * math.sqrt(width), state=state)
    if not alone.conducted[0]:
        raise ModelError(
            f"the cable of {fibre.name} ({words}, {width:g} um) conducts nothing: there is nothing to learn"
        )
    shortest = 0.0
    while True:
        tracks = [tracked(fibre, spaced(train, shortest), width, state) for train in learned_trains()]
        before = [_interval_before(each) for each in tracks if each.extra.size]
        if not before or max(before) > SELDOM or shortest > SELDOM:
            break
        shortest = max(MARGIN * max(before), MARGIN * shortest)
    return judged(fitted(fibre, tracks, width, words), fibre, state)


def spaced(train: Array, shortest: float) -> Array:
    """The train without the pulses that come nearer than `shortest` ms to the one kept before."""
    kept: list[float] = []
    for t in train.tolist():
        if not kept or t - kept[-1] >= shortest:
            kept.append(t)
    return np.array(kept)


def _interval_before(tracks: Tracks) -> float:
    """Longest interval that led up to a pulse after which the fibre fired again by itself, ms."""
    after = np.searchsorted(tracks.pulses, tracks.extra) - 1
    return float(np.max(np.diff(tracks.pulses, prepend=-np.inf)[after]))


def fitted(fibre: Fibre, tracks: Sequence[Tracks], diameter: float, words: str) -> Surrogate:
    """The surrogate that the tracks teach, its error not yet known."""
    name = f"{fibre.name} ({words}, {diameter:g} um)"
    pulses, first = joined([one.pulses for one in tracks])
    passed = np.vstack([one.passed for one in tracks])
    passed += (pulses - np.concatenate([one.pulses for one in tracks]))[:, None]
    came = np.isfinite(passed[:, -1])
    extra = sum(one.extra.size for one in tracks)
    if extra:
        raise ModelError(
            f"the cable of {name} fires without a pulse ({extra} times in {len(came)} pulses): no surrogate is given, run the cable"
        )
    if not came[first].all() or came.mean() < FEWEST:
        raise ModelError(
            f"the cable of {name} conducts {came.sum()} of {len(came)} pulses: too few to learn a surrogate from, run the cable"
        )
    places = tracks[0].places
    begin, t, passed = first[came], pulses[came], passed[came]
    most = history.traces(t, begin, history.intervals(t, begin)).max(axis=0)
    delay = _form([(t, passed[:, 0] - t)], begin)
    along = _form(
        [
            (0.5 * (near + far), (far - near) / apart)
            for near, far, apart in zip(passed.T[:-1], passed.T[1:], np.diff(places), strict=True)
        ],
        begin,
    )
    gaps, z = since_conducted(pulses, first, came)
    return Surrogate(
        fibre.name, words, diameter, float(fibre.parameters["temperature"]), 1.0 / along.rest, float(places[0]), delay, along,
        _rule(gaps, z, came), most, float(gaps[~first].min()), UNKNOWN,
    )  # fmt: skip


def joined(trains: Sequence[Array], rest: float = 0.0) -> tuple[Array, history.Mask]:
    """ms: one after the other with `rest` between, and marks of their beginnings."""
    parts: list[Array] = []
    now = 0.0
    for train in trains:
        parts.append(now + train - train[0])
        now = float(parts[-1][-1]) + rest
    return np.concatenate(parts), np.concatenate([history.begins(len(part)) for part in parts])


def _form(lines: Sequence[tuple[Array, Array]], begin: history.Mask) -> Form:
    """Ridge regression of the logarithm of what each spike took (ms or ms/mm), over what a rested one takes."""
    rest = float(np.mean([taken[begin].mean() for _, taken in lines]))
    columns, values = [], []
    for t, taken in lines:
        gaps = history.intervals(t, begin)
        columns.append(history.design(gaps, history.traces(t, begin, gaps)))
        values.append(np.log(taken / taken[begin].mean()))
    x, y = np.vstack(columns), np.concatenate(values)
    part = np.tile(np.arange(len(begin)) // BLOCK % BLOCKS, len(lines))
    sums = [(x[part == b].T @ x[part == b], x[part == b].T @ y[part == b]) for b in range(BLOCKS)]
    square, mixed = sum(s for s, _ in sums), sum(m for _, m in sums)
    unit = np.eye(x.shape[1])

    def missed(penalty: float) -> float:
        left = [
            x[part == b] @ np.linalg.solve(square - s + penalty * unit, mixed - m) - y[part == b]
            for b, (s, m) in enumerate(sums)
        ]
        return float(np.mean(np.concatenate(left) ** 2))

    best = min(PENALTIES, key=missed)
    return Form(rest, np.linalg.solve(square + best * unit, mixed))


def _rule(gaps: Array, z: Array, came: NDArray[np.bool_]) -> Array:
    """Weights of the rule of loss: logistic regression on intervals and traces; never lost where no pulse was."""
    from scipy.optimize import minimize
    from scipy.special import expit

    count = z.shape[1]
    if came.all():
        return np.r_[1.0, np.zeros(2 + count)]
    sign = np.where(came, 1.0, -1.0)
    x = np.array([margins(row, gaps, z) for row in np.eye(3 + count)]).T

    def cost(w: Array) -> tuple[float, Array]:
        m = sign * (x @ w)
        slope = -sign * expit(-m) / len(m)
        return float(np.logaddexp(0.0, -m).mean() + 0.5 * PENALTY_OF_LOSS * w[1:] @ w[1:] / len(m)), (
            x.T @ slope + PENALTY_OF_LOSS * np.r_[0.0, w[1:]] / len(m)
        )

    return np.asarray(
        minimize(cost, np.zeros(3 + count), jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    )


def compared(surrogate: Surrogate, found: one.Conduction, length: float) -> Error:
    """Error of a surrogate on a train that the cable of `length` mm has run."""
    said = surrogate.conduct(found.times, length=length)
    known = said.outside == 0
    both = known & said.conducted & found.conducted
    share = np.abs(said.latency[both] / found.latency[both] - 1.0)
    last = np.where(found.conducted, found.times, -np.inf)
    gaps = found.times - np.r_[-np.inf, np.maximum.accumulate(last)[:-1]]
    close = share[gaps[both] < CLOSE]
    far = share[gaps[both] >= CLOSE]
    return Error(
        float(far.max(initial=0.0)), _rms(far), float(close.max()) if close.size else math.nan, _rms(close),
        int((known & (said.conducted != found.conducted)).sum()), int((known & ~found.conducted).sum()),
        int(known.sum()), int((~known).sum()),
    )  # fmt: skip


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else math.nan


def judged(surrogate: Surrogate, fibre: Fibre, state: NerveState) -> Surrogate:
    """The surrogate with its error on the held-out trains. Raises `ModelError` where it is above FAIR."""
    trains = joined(list(held_out_trains().values()), REST)[0]
    found = one.conduct(
        fibre, spaced(trains, 1.001 * surrogate.shortest), diameter=surrogate.diameter, length=JUDGED, state=state,
        grid=one.COARSE[0] * math.sqrt(surrogate.diameter), step=one.COARSE[1], precision="single",
    )  # fmt: skip
    error = compared(surrogate, found, JUDGED)
    name = f"{fibre.name} ({surrogate.state}, {surrogate.diameter:g} um)"
    if error.wrong > FAIR_CALLS * error.pulses:
        raise ModelError(
            f"the surrogate of {name} calls {error.wrong} of {error.pulses} unseen pulses wrongly lost or conducted: run the cable"
        )
    if error.greatest > FAIR:
        raise ModelError(
            f"the surrogate of {name} is off by up to {error.greatest:.1%} of the latency on unseen trains: none is given, run the cable"
        )
    return replace(surrogate, error=error)
