"""Stimulate a fibre and see what arrives: velocity, latency, slowing and failure for every pulse.

The fibre lies between a stimulating electrode at its start and a recording electrode near its end. Pulses last PULSE ms at twice the
threshold of the drug-free, healthy fibre. Velocity is measured over the middle of the fibre, away from both ends. Between pulses nothing
fires, so time is run with a coarse step there; that nothing did fire is checked, and if something did the run is repeated finely.

    slowing_n = latency_n / latency_1 - 1          velocity = (x_2 - x_1) / (t_2 - t_1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable import (
    CableResult,
    Geometry,
    Membrane,
    Precision,
    Pulse,
    Stage,
    cylinder,
    simulate,
)
from analgesia.errors import ModelError
from analgesia.nerve.matching import along
from analgesia.nerve.membranes import Fibre, resting_leaks
from analgesia.nerve.states import HEALTHY, NerveState, altered

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

PULSE = 1.0
"""ms; long enough for a thin fibre, shorter than any interval asked for."""
ABOVE_THRESHOLD = 2.0
"""Stimulus over threshold."""
SETTLE = 5.0
"""ms before the first pulse."""
THRESHOLD = -10.0
"""mV; crossing it upwards is a spike."""
START, FIRST, SECOND = 0.05, 0.3, 0.9
"""Shares of the length: where a spike counts as begun, and the two recording electrodes."""
TRAVEL = 1.7
"""Time kept finely resolved for a spike to travel, over that of a rested fibre; one that is slower still is found in the silence."""
AFTER = 12.0
"""ms of fine steps after that."""
QUIET_STEP = 1.0
"""ms between pulses."""
VELOCITY = 0.7
"""m/s of a rested fibre of 1 um, to plan with; it grows as the root of the diameter."""
LATEST = 5.0
"""A spike that takes longer than this many times the rested latency is none."""
LAUNCH = 10.0
"""ms after a pulse in which its spike starts; one that starts later, the fibre fired by itself."""
FINE, COARSE = (25.0, 0.0125), (50.0, 0.025)
"""Grid (um for a fibre of 1 um; it grows as the root of the diameter) and step (ms) for few and for many pulses."""
LONGEST = 3.0 * 3.6e6
"""ms; the longest train."""
DIAMETERS = (0.1, 20.0)
"""um; the thinnest and the widest fibre that is run."""
FEW = 8
"""Up to this many pulses the fine grid is used."""


@dataclass(frozen=True)
class Conduction:
    """What arrived. Per pulse: `latency` ms at the far electrode (nan if nothing came), `slowing` %, `conducted`.

    `velocity` m/s of the first conducted pulse (nan if none); `stimulus` nA; `grid` um, `step` ms and `precision` of the run.
    """

    times: Array
    velocity: float
    latency: Array
    slowing: Array
    conducted: NDArray[np.bool_]
    stimulus: float
    grid: float
    step: float
    spikes: tuple[Array, ...]
    electrodes: tuple[float, float, float]
    precision: Precision = "double"

    @property
    def unasked(self) -> int:
        """Spikes at the far electrode that belong to no pulse: the fibre fired by itself."""
        return len(self.spikes[2]) - int(self.conducted.sum())

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --json` prints it."""
        return {
            "conduction_velocity_m_per_s": self.velocity,
            "latency_ms": self.latency,
            "slowing_percent": self.slowing,
            "conducted": self.conducted,
            "spikes_of_no_pulse": self.unasked,
            "pulse_times_ms": self.times,
            "stimulus_nA": self.stimulus,
            "recorded_at_mm": self.electrodes[2] / 1e3,
            "numerics": {
                "dx_um": self.grid,
                "dt_ms": self.step,
                "precision": self.precision,
                "scheme": "Crank-Nicolson, exponential gates" if math.isfinite(self.grid) else "delay line",
            },
        }


def conduct(
    fibre: Fibre,
    times: Sequence[float] | Array,
    *,
    diameter: float,
    length: float,
    state: NerveState = HEALTHY,
    stimulus: float | None = None,
    grid: float | None = None,
    step: float | None = None,
    precision: Precision = "double",
    progress: Progress | None = None,
) -> Conduction:
    """Stimulate at `times` (ms, ascending, from 0) a fibre of `diameter` um and `length` mm.

    `state`: what a drug or an injury does to the membrane.
    `precision`: "single" is about twice as quick; pulses arrive within 1e-3 ms of the same times.
    `stimulus` in nA (default: twice the threshold of the unchanged fibre). Raises `ModelError` for input that makes no sense.
    """
    moments = np.asarray(times, float)
    check(moments, diameter, length)
    coarse_grid, coarse_step = FINE if len(moments) <= FEW else COARSE
    dx = grid or coarse_grid * math.sqrt(diameter)
    dt = step or coarse_step
    membrane, parameters, initial = prepared(fibre, diameter, state)
    current = stimulus if stimulus is not None else ABOVE_THRESHOLD * threshold(fibre, diameter)
    geometry = cylinder(length * 1e3, diameter, max(20, round(length * 1e3 / dx)), fibre.resistivity)
    where = [geometry.nearest(share * length * 1e3) for share in (START, FIRST, SECOND)]
    rested = length / (VELOCITY * math.sqrt(diameter))

    def run(pulses: Array, stages: Sequence[Stage]) -> CableResult:
        return simulate(
            membrane, geometry, parameters, initial=initial, stages=stages, probes=where, threshold=THRESHOLD, along=True,
            pulses=[Pulse(0, SETTLE + t, PULSE, current) for t in pulses], precision=precision, progress=progress,
        )  # fmt: skip

    result = run_in_stages(run, moments, rested, dt, COARSE[1], changed=not state.empty)
    if not result.finite[0]:
        raise ModelError(
            "the fibre left the finite numbers: a parameter is far outside what a membrane can have"
        )
    return read(result, geometry, where, moments, LATEST * rested, current, dx, dt, precision)


def run_in_stages(
    run: Callable[[Array, Sequence[Stage]], CableResult],
    times: Array,
    rested: float,
    dt: float,
    coarse: float,
    *,
    changed: bool,
    after: float = AFTER,
) -> CableResult:
    """What `run` finds of pulses at `times` (ms), with steps of `dt` ms only while spikes travel (see `staged`).

    `rested`: ms that the slowest rested fibre takes. A drug or an injury (`changed`) may slow the fibre, so one spike is timed first, in
    steps of `coarse` ms. The run is repeated without silences where something fired in one or was still on its way when it ended.
    """
    travel = TRAVEL * rested
    if changed and len(times) > 1:
        alone = run(times[:1], [Stage(SETTLE + times[0] + LATEST * rested, coarse)])
        passed = [spikes[2][0] for spikes in alone.spikes if spikes[2].size]
        travel = max(travel, TRAVEL * float(max(passed, default=0.0) - SETTLE - times[0]))
    stages = staged(times, travel, dt, after)
    result = run(times, stages)
    if fired_in_silence(result, stages) or still_travelling(result, times):
        longest = times[-1] + LATEST * rested + after
        result = run(times, [Stage(SETTLE + math.ceil(longest), dt)])
    return result


def prepared(
    fibre: Fibre, diameter: Any, state: NerveState = HEALTHY
) -> tuple[Membrane, dict[str, Any], dict[str, Any]]:
    """Membrane, parameters and initial state of a fibre in a state; the lean form of the membrane where nothing is changed."""
    if state.empty:
        return fibre.membrane, _parameters(fibre, diameter), dict(fibre.initial)
    return (fibre.altered, *altered(fibre, diameter, state))


Course = tuple[Array, Array, Array]
"""Places (um), times (ms after the first pulse) and voltage [place, time] (mV)."""


def course(
    fibre: Fibre, times: Array, *, diameter: float, length: float, state: NerveState, stimulus: float
) -> Course:
    """Voltage along the fibre while the first spike travels, and the next ones if they follow within that time."""
    dx, dt = COARSE
    geometry = cylinder(
        length * 1e3, diameter, max(20, round(length * 1e3 / (dx * math.sqrt(diameter)))), fibre.resistivity
    )
    membrane, parameters, initial = prepared(fibre, diameter, state)
    duration = math.ceil(1.6 * length / (VELOCITY * math.sqrt(diameter))) + AFTER
    places = np.unique(np.linspace(0, geometry.count - 1, 120).round().astype(int))
    result = simulate(
        membrane, geometry, parameters, initial=initial, duration=SETTLE + duration, dt=dt, along=True, probes=places.tolist(),
        pulses=[Pulse(0, SETTLE + t, PULSE, stimulus) for t in times if t < duration], sample_every=0.25,
    )  # fmt: skip
    return geometry.centres()[places], result.times - SETTLE, result.voltage[0]


def threshold(
    fibre: Fibre, diameter: float, state: NerveState = HEALTHY, *, tolerance: float = 0.05
) -> float:
    """Smallest current (nA) of PULSE ms that starts a conducted spike, to `tolerance`; several currents at once."""
    geometry = cylinder(3e3 * math.sqrt(diameter), diameter, 60, fibre.resistivity)
    membrane, parameters, initial = prepared(fibre, diameter, state)

    def fires(currents: Array) -> NDArray[np.bool_]:
        found = simulate(
            membrane, geometry, parameters, initial=initial, duration=SETTLE + 15.0, dt=0.025, probes=[45],
            pulses=[Pulse(0, SETTLE, PULSE, currents)], lanes=len(currents), threshold=THRESHOLD,
        )  # fmt: skip
        return np.array([len(spikes[0]) > 0 for spikes in found.spikes])

    return smallest(fires, 0.02 * diameter**1.5, 20.0 * diameter**1.5, tolerance)


def smallest(fires: Callable[[Array], NDArray[np.bool_]], low: float, high: float, tolerance: float) -> float:
    """Smallest current (nA) that fires, to `tolerance`, sought from `low` to `high`, 16 at once. Raises `ModelError` where none does."""
    while high / low > 1.0 + tolerance:
        currents = np.geomspace(low, high, 16)
        fired = fires(currents)
        if not fired.any():
            raise ModelError(f"the fibre cannot be excited by {high:.3g} nA: look at its sodium conductances")
        first = int(np.argmax(fired))
        low, high = (currents[first - 1] if first else low / 4.0), currents[first]
    return float(high)


def _parameters(fibre: Fibre, diameter: float) -> dict[str, Any]:
    parameters = {**fibre.parameters, "diameter": diameter}
    return parameters | resting_leaks(fibre, parameters, fibre.initial)


def check_pulses(times: Array, pulse: float = PULSE) -> None:
    """Refuse times (ms) of pulses that make no sense."""
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ModelError("give at least one pulse, with times in ms")
    if times[0] < 0.0 or np.any(np.diff(times) <= pulse):
        raise ModelError(
            f"pulses last {pulse:g} ms: their times must ascend by more than that; give a longer interval or a lower rate"
        )
    if times[-1] > LONGEST:
        raise ModelError(
            f"the last pulse comes after {times[-1] / 3.6e6:.3g} h: give pulses within {LONGEST / 3.6e6:g} h"
        )


def check(times: Array, diameter: float, length: float) -> None:
    """Refuse times, a diameter (um) or a length (mm) that make no sense."""
    check_pulses(times)
    if not DIAMETERS[0] <= diameter <= DIAMETERS[1]:
        raise ModelError(
            f"a diameter of {diameter:g} um: unmyelinated fibres are modelled from {DIAMETERS[0]:g} to {DIAMETERS[1]:g} um"
        )
    if not 1.0 <= length <= 1000.0:
        raise ModelError(f"a length of {length:g} mm: give 1 to 1000 mm")


def staged(times: Array, longest: float, dt: float, after: float = AFTER) -> list[Stage]:
    """Fine steps while spikes travel and for `after` ms more, coarse ones between."""
    stages, now = [], 0.0
    for k, t in enumerate(times):
        begin, end = SETTLE + t - 1.0, SETTLE + t + longest + after
        if k + 1 < len(times):
            end = min(end, SETTLE + times[k + 1] - 1.0)
        if begin > now:
            silent = math.floor((begin - now) / QUIET_STEP) * QUIET_STEP
            if silent > 0.0:
                stages.append(Stage(silent, QUIET_STEP, "backward-euler", quiet=True))
                now += silent
        steps = math.ceil((end - now) / dt - 1e-9)
        stages.append(Stage(steps * dt, dt))
        now += steps * dt
    return stages


def still_travelling(result: CableResult, times: Array) -> bool:
    """Whether the last pulse started a spike, in any lane, that had not passed the far electrode when the run ended."""
    for finite, (first, _, far) in zip(result.finite, result.spikes, strict=True):
        started = first[first >= SETTLE + times[-1]]
        if finite and started.size > 0 and not np.any(far > started[0]):
            return True
    return False


def fired_in_silence(result: CableResult, stages: Sequence[Stage]) -> bool:
    """Whether any lane fired in a stage that was run coarsely because nothing would."""
    start = 0.0
    for stage in stages:
        end = start + stage.duration
        if stage.quiet and any(np.any((s >= start) & (s < end)) for spikes in result.spikes for s in spikes):
            return True
        start = end
    return False


def read(
    result: CableResult,
    geometry: Geometry,
    where: Sequence[int],
    times: Array,
    longest: float,
    current: float,
    grid: float,
    step: float,
    precision: Precision,
    lane: int = 0,
) -> Conduction:
    """What arrived in one lane."""
    spikes = tuple(s - SETTLE for s in result.spikes[lane])
    _, middle, arrival = along(times, spikes, START * longest / LATEST, START * longest + LAUNCH, longest)
    x = geometry.centres()[list(where)]
    return arrived(times, arrival, middle, spikes, x, current, grid, step, precision)


def arrived(
    times: Array,
    arrival: Array,
    middle: Array,
    spikes: tuple[Array, ...],
    places: Array,
    current: float,
    grid: float,
    step: float,
    precision: Precision,
) -> Conduction:
    """Velocity, latency and slowing from the times (ms, nan if none) at which each pulse's spike passes the electrodes at `places` (um)."""
    latency = arrival - times
    conducted = np.isfinite(latency)
    velocity = math.nan
    both = np.flatnonzero(conducted & (arrival > middle))  # nan is never greater
    if both.size:
        velocity = float((places[2] - places[1]) * 1e-3 / (arrival[both[0]] - middle[both[0]]))
    reference = latency[conducted][0] if conducted.any() else math.nan
    slowing = 100.0 * (latency / reference - 1.0)
    electrodes = (float(places[0]), float(places[1]), float(places[2]))
    return Conduction(
        times, velocity, latency, slowing, conducted, current, grid, step, spikes, electrodes, precision
    )
