"""Non-compartmental analysis of sampled concentrations, as kineticists do it: Cmax, Tmax, AUC, terminal half-life.

Rules (those of Phoenix WinNonlin where it has a rule):

- below the limit of quantification: 0 before the first quantifiable sample, dropped after it;
- AUC: linear trapezoid while the concentration rises or is 0, logarithmic where it falls ("linear up, log down");
- terminal rate lambda_z: least squares of ln C on t over the last n >= 3 samples after Tmax (from Tmax on for a bolus), n chosen by
  the largest adjusted r2; of those within 1e-4 of it the largest n; the slope must be negative;
- AUCinf = AUClast + C_last / lambda_z; half-life = ln 2 / lambda_z.

What cannot be estimated is NaN with a reason (`Reason`), never a silent zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analgesia.errors import ModelError

Floats = NDArray[np.float64]

ADJUSTED_R2_TIE = 1e-4
"""Fits whose adjusted r2 differ by less are ties, and the one with more samples is taken."""

FEWEST_POINTS = 3


class Reason(IntEnum):
    """Why a terminal slope could not be estimated; `OK` where it could."""

    OK = 0
    NOTHING_QUANTIFIABLE = 1
    TOO_FEW_POINTS = 2
    NOT_DECLINING = 3
    NOT_SIMULATED = 4

    @property
    def text(self) -> str:
        """The reason in words."""
        return {
            Reason.OK: "estimated",
            Reason.NOTHING_QUANTIFIABLE: "no sample reached the limit of quantification",
            Reason.TOO_FEW_POINTS: "fewer than three quantifiable samples after the maximum",
            Reason.NOT_DECLINING: "no declining terminal phase within the sampled time",
            Reason.NOT_SIMULATED: "the simulation of this person failed",
        }[self]


@dataclass(frozen=True)
class Noncompartmental:
    """Estimates per person; concentrations in the unit given, times in the unit given (h)."""

    cmax: Floats
    tmax: Floats
    auc_last: Floats
    auc_inf: Floats
    half_life: Floats
    lambda_z: Floats
    points: NDArray[np.int64]
    extrapolated: Floats
    reason: NDArray[np.int64]

    def reasons(self) -> dict[str, int]:
        """How many persons have no terminal slope, by reason."""
        counts = np.bincount(self.reason, minlength=len(Reason))
        return {reason.text: int(counts[reason]) for reason in Reason if reason and counts[reason]}


def analyse(
    times: ArrayLike, concentrations: ArrayLike, *, lloq: float = 0.0, bolus: bool = False
) -> Noncompartmental:
    """Analyse `concentrations[person, sample]` taken at `times[sample]`, counted from the dose; NaN marks a missing sample.

    `bolus` back-extrapolates the concentration at time 0 from the first two samples for the area; Cmax stays the highest sample.
    Raises ModelError for times that do not increase or shapes that do not fit.
    """
    clock = np.asarray(times, dtype=np.float64)
    drawn = np.atleast_2d(np.asarray(concentrations, dtype=np.float64))
    if clock.ndim != 1 or drawn.shape[1] != clock.size:
        raise ModelError(f"{drawn.shape[1]} concentrations per person at {clock.size} sampling times")
    if clock.size and (not np.all(np.diff(clock) > 0) or clock[0] < 0):
        raise ModelError("sampling times must increase and not precede the dose")
    if not lloq >= 0:
        raise ModelError(f"limit of quantification {lloq} is negative; give 0 for none")
    failed = np.all(np.isnan(drawn), axis=1)
    t, c = _kept(clock, drawn, lloq)
    seen = np.nan_to_num(c, nan=-1.0) > 0
    found = seen.any(axis=1)
    at = np.argmax(np.where(seen, c, -1.0), axis=1)
    rows = np.arange(len(c))
    cmax = np.where(found, c[rows, at], np.nan)
    tmax = np.where(found, t[rows, at], np.nan)
    if bolus:
        t, c = _back_extrapolated(t, c)
        seen = np.nan_to_num(c, nan=-1.0) > 0
    auc_last = np.where(found, area(t, c), np.nan)
    slope, points, reason = _terminal(t, c, tmax, from_maximum=bolus)
    reason[~found] = Reason.NOTHING_QUANTIFIABLE
    reason[failed] = Reason.NOT_SIMULATED
    slope[~found] = np.nan
    points[~found] = 0
    last = np.where(found, np.where(seen, np.arange(c.shape[1]), -1).max(axis=1), 0)
    tail = np.where(found, c[rows, last], np.nan) / slope
    return Noncompartmental(
        cmax=cmax,
        tmax=tmax,
        auc_last=auc_last,
        auc_inf=auc_last + tail,
        half_life=np.log(2.0) / slope,
        lambda_z=slope,
        points=points,
        extrapolated=tail / (auc_last + tail),
        reason=reason,
    )


def area(times: Floats, concentrations: Floats) -> Floats:
    """Area under `concentrations[person, sample]` over `times[person, sample]`, linear up, log down; NaN ends a row."""
    width = np.diff(times, axis=1)
    first, second = concentrations[:, :-1], concentrations[:, 1:]
    falls = (second < first) & (second > 0)
    ratio = np.where(falls, first / np.where(falls, second, 1.0), np.e)
    logarithmic = (first - second) / np.log(ratio)
    pieces = width * np.where(falls, logarithmic, 0.5 * (first + second))
    return np.asarray(np.nansum(pieces, axis=1))


def _kept(clock: Floats, drawn: Floats, lloq: float) -> tuple[Floats, Floats]:
    """Times and concentrations per person with the dropped samples moved out: rows are packed to the left, NaN behind."""
    missing = np.isnan(drawn)
    quantifiable = ~missing & (drawn >= lloq) & (drawn > 0)
    begun = np.cumsum(quantifiable, axis=1) > 0
    keep = quantifiable | (~begun & ~missing)
    order = np.argsort(~keep, axis=1, kind="stable")
    packed = np.take_along_axis(keep, order, axis=1)
    t = np.where(packed, clock[order], np.nan)
    c = np.take_along_axis(np.where(quantifiable, drawn, 0.0), order, axis=1)
    return t, np.where(packed, c, np.nan)


def _back_extrapolated(t: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Put the concentration at time 0 in front: log-linear through the first two samples after it, or the first if it rises."""
    with np.errstate(invalid="ignore"):
        after = (t > 0) & (c > 0)
    order = np.argsort(~after, axis=1, kind="stable")
    t, c = (np.take_along_axis(np.where(after, x, np.nan), order, axis=1) for x in (t, c))
    if t.shape[1] == 0:
        return t, c
    start = c[:, 0].copy()
    if t.shape[1] > 1:
        falls = np.nan_to_num(c[:, 1], nan=np.inf) < c[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.log(c[:, 0] / c[:, 1]) / (t[:, 1] - t[:, 0])
        start = np.where(falls, c[:, 0] * np.exp(np.where(falls, rate * t[:, 0], 0.0)), start)
    zero = np.where(np.isnan(start), np.nan, 0.0)
    return np.column_stack([zero, t]), np.column_stack([start, c])


def _terminal(
    t: Floats, c: Floats, tmax: Floats, *, from_maximum: bool
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """lambda_z, number of samples and reason for each person; sums run backwards from the last sample."""
    with np.errstate(invalid="ignore"):
        used = (c > 0) & ((t >= tmax[:, None]) if from_maximum else (t > tmax[:, None]))
    count = used.sum(axis=1)
    n_people, n_samples = c.shape
    if n_samples == 0:
        return (
            np.full(n_people, np.nan),
            np.zeros(n_people, np.int64),
            np.full(n_people, int(Reason.TOO_FEW_POINTS)),
        )
    middle = np.where(count > 0, np.nansum(np.where(used, t, 0.0), axis=1) / np.maximum(count, 1), 0.0)
    x = np.where(used, t - middle[:, None], 0.0)
    y = np.where(used, np.log(np.where(used, c, 1.0)), 0.0)
    y = np.where(used, y - y[np.arange(n_people), np.argmax(used, axis=1)][:, None], 0.0)

    def backwards(values: Floats) -> Floats:
        return np.asarray(np.cumsum(values[:, ::-1], axis=1)[:, ::-1])

    n = backwards(used.astype(np.float64))
    safe = np.maximum(n, 1.0)
    sx, sy = backwards(x), backwards(y)
    sxx = backwards(x * x) - sx * sx / safe
    sxy = backwards(x * y) - sx * sy / safe
    syy = backwards(y * y) - sy * sy / safe
    eligible = used & (n >= FEWEST_POINTS) & (sxx > 0)
    slope = np.where(eligible, sxy / np.where(eligible, sxx, 1.0), np.nan)
    flat = syy <= 0
    r2 = np.where(eligible & ~flat, sxy * sxy / np.where(eligible & ~flat, sxx * syy, 1.0), 0.0)
    adjusted = 1.0 - (1.0 - r2) * (n - 1.0) / np.maximum(n - 2.0, 1.0)
    eligible &= np.nan_to_num(slope, nan=0.0) < 0
    score = np.where(eligible, adjusted, -np.inf)
    tied = eligible & (score >= score.max(axis=1, keepdims=True) - ADJUSTED_R2_TIE)
    chosen = np.argmax(np.where(tied, n, -1.0), axis=1)
    rows = np.arange(n_people)
    any_fit = tied.any(axis=1)
    reason = np.where(
        any_fit, Reason.OK, np.where(count < FEWEST_POINTS, Reason.TOO_FEW_POINTS, Reason.NOT_DECLINING)
    )
    return (
        np.where(any_fit, -slope[rows, chosen], np.nan),
        np.where(any_fit, n[rows, chosen], 0).astype(np.int64),
        reason.astype(np.int64),
    )
