"""From the drive of the cord to a pain rating on the numerical scale 0..10.

    felt     R = low-pass (5 s) of P + lambda W          P projection, W wide-dynamic-range neurons, 1/s
    sensed   NRS = 10 R^g / (R^g + R50^g)
    placebo  f(t) = e f_max (1 - 2^(-t / t_half))        e the expectation, 1 in a blinded trial
    report   NRS - f (NRS + (1 - k) max(B - NRS, 0))     k the sub-additivity of drug and placebo, B the start

A person in pain has the R50 that makes the drug-free drive give their rating at the start: R50 = R0 ((10 - B) /
B)^(1/g). Ongoing input and E_Cl set how a drug changes the drive; the person's own gain sets what the drive is
worth. So only R / R0 matters to them. A person without pain has the typical R50 and feels what exceeds the rest of
their own cord.
Placebo as expectation: the report is what is sensed, moved towards an expected rating that is lower by a fraction;
with k = 1 the fraction is taken of what the drug has left, with k = 0 of the rating at the start, so that the two
add.

On the clock of drugs (minutes to weeks) the 5 s filter passes everything; `low_pass` applies it to a trace in
milliseconds. Ignored: qualities of pain, area, habituation, blinding lost to side effects.
Sources: Plan et al. 2012 (doi:10.1038/clpt.2011.301), Cepeda et al. 2012 (doi:10.1111/j.1526-4637.2012.01340.x).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import draws, exp, maximum, power
from analgesia.errors import ModelError
from analgesia.joint import deviates

Floats = NDArray[np.float64]
SCALE = 10.0
"""Upper end of the numerical rating scale."""


@dataclass(frozen=True)
class Curve:
    """Constants of perception, the same for everybody."""

    wide_dynamic_range_weight: Annotated[float, "1"]
    integration_time: Annotated[float, "ms"]
    exponent: Annotated[float, "1"]
    half_drive: Annotated[float, "1/s"]
    report_noise: Annotated[float, "NRS"]
    sub_additivity: Annotated[float, "1"]


class Driven(Protocol):
    """Drive of the cord, 1/s: [patient, time], and of the same people without drug, [patient]."""

    @property
    def projection(self) -> Floats:
        """Projection neurons, 1/s, [patient, time]."""

    @property
    def wide_dynamic_range(self) -> Floats:
        """Wide-dynamic-range neurons, 1/s, [patient, time]."""

    @property
    def resting_projection(self) -> Floats:
        """The same without any drug, [patient]."""

    @property
    def resting_wide_dynamic_range(self) -> Floats:
        """The same without any drug, [patient]."""


class Raters(Protocol):
    """What perception needs to know of people, one entry a person."""

    @property
    def index(self) -> NDArray[np.int64]:
        """Number of the person."""

    @property
    def baseline_pain(self) -> Floats:
        """Rating before treatment, NRS."""

    @property
    def placebo_maximum(self) -> Floats:
        """Greatest fraction of relief by placebo."""

    @property
    def placebo_half_time(self) -> Floats:
        """Half-time of the placebo response, day."""


def felt(projection: Any, wide_dynamic_range: Any, weight: Any) -> Any:
    """What the brain weighs: projection + weight x wide dynamic range, in the unit of both."""
    return projection + weight * wide_dynamic_range


def rating(drive: Any, half_drive: Any, exponent: Any) -> Any:
    """Rating sensed at a drive: 10 R^g / (R^g + R50^g); drive and half_drive in one unit."""
    driven = power(drive, exponent)
    return SCALE * driven / (driven + power(half_drive, exponent))


def half_drive_of(baseline: Any, resting: Any, exponent: Any) -> Any:
    """The R50 for which the resting drive is rated `baseline` (between 0 and 10, both excluded)."""
    return resting * power((SCALE - baseline) / baseline, 1.0 / exponent)


def placebo_fraction(greatest: Any, half_time: Any, days: Any, expectation: Any = 1.0) -> Any:
    """Fraction of relief by placebo after `days`; `half_time` in days."""
    return expectation * greatest * (1.0 - power(2.0, -days / half_time))


def report(sensed: Any, baseline: Any, placebo: Any, sub_additivity: Any) -> Any:
    """Rating reported under a placebo fraction: sensed - f (sensed + (1 - k) max(baseline - sensed, 0))."""
    return sensed - placebo * (sensed + (1.0 - sub_additivity) * maximum(baseline - sensed, 0.0))


def low_pass(trace: Floats, every: float, time_constant: float) -> Floats:
    """First-order low-pass of [..., time] sampled each `every`, exact for a signal constant between samples; starts at its first value."""
    kept = exp(-every / time_constant)
    out = np.array(trace, dtype=float)
    for k in range(1, out.shape[-1]):
        out[..., k] = kept * out[..., k - 1] + (1.0 - kept) * out[..., k]
    return out


def pain(
    drive: Driven,
    people: Raters,
    library: evidence.Library,
    *,
    times: Any,
    expectation: float = 1.0,
    noise_seed: int | None = None,
    seed: int = 0,
    replicate: NDArray[np.int64] | None = None,
) -> Floats:
    """Rating [patient, time], NRS, at `times` (hours since the start of treatment).

    `expectation` scales the placebo response: 1 as in a blinded trial, 0 none, negative a nocebo. With `noise_seed`
    every report scatters by the reporting noise, keyed by person and time, so that two arms share their luck. Raises
    ModelError when shapes disagree.
    """
    curve = _curve(library, seed, replicate)
    baseline = np.asarray(people.baseline_pain, dtype=float)[:, None]
    hours = np.asarray(times, dtype=float)
    if drive.projection.shape != (len(baseline), hours.size) or hours.ndim != 1:
        raise ModelError(
            f"pain: the drive has shape {drive.projection.shape}, people and times ask for {(len(baseline), hours.size)}"
        )
    weight, g = curve["wide_dynamic_range_weight"], curve["exponent"]
    now = felt(drive.projection, drive.wide_dynamic_range, weight)
    resting = felt(drive.resting_projection[:, None], drive.resting_wide_dynamic_range[:, None], weight)
    hurting = baseline > 0.0
    own = half_drive_of(np.where(hurting, baseline, 1.0), resting, g)
    half = np.where(hurting, own, curve["half_drive"])
    above = np.where(hurting, now, np.maximum(now - resting, 0.0))
    sensed = rating(above, half, g)
    fraction = placebo_fraction(
        np.asarray(people.placebo_maximum)[:, None],
        np.asarray(people.placebo_half_time)[:, None],
        np.maximum(hours, 0.0) / 24.0,
        expectation,
    )
    reported = report(sensed, baseline, fraction, curve["sub_additivity"])
    if noise_seed is not None:
        reported = reported + curve["report_noise"] * _noise(noise_seed, people.index, hours)
    return np.clip(reported, 0.0, SCALE)


def _curve(library: evidence.Library, seed: int, replicate: NDArray[np.int64] | None) -> dict[str, Any]:
    """Constants of perception: floats, or [patient, 1] under draws of ignorance."""
    record = library.circuits["perception"]
    central = asdict(evidence.fill(Curve, record))
    if replicate is None or not len(replicate):
        return central
    count = int(np.max(replicate)) + 1
    drawn = {}
    for name, value in central.items():
        luck = deviates(library, f"circuits.perception.{name}", f"perception.{name}", seed, count)[replicate]
        drawn[name] = (value * np.exp(record.parameters[name].uncertainty_sd_log * luck))[:, None]
    return drawn


def _noise(seed: int, index: NDArray[np.int64], hours: Floats) -> Floats:
    """Standard normal [patient, time], keyed by the person and the time of the report."""
    size = int(index.max()) + 1 if index.size else 0
    columns = [draws.normal(seed, f"report/{hour:.6f}", size)[index] for hour in hours]
    return np.stack(columns, axis=1) if columns else np.zeros((len(index), 0))
