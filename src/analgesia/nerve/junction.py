"""How fast a fibre can follow, straight or past the branch that carries its cell body.

The T-junction: a peripheral axon, a thinner central one, and a stem to the soma between them, all with the membrane of the fibre. A train
goes in at the far end of the periphery; every pulse whose own spike comes out at the far end of the centre counts (of the periphery, of
a straight fibre).
Geometry after Sundt 2015 (doi 10.1152/jn.00226.2015): 0.8 um, 0.4 um, stem 1.4 um by 75 um, soma 25 um; its membrane was another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analgesia.engine.cable import (
    Branch,
    CableResult,
    Geometry,
    Pulse,
    Stage,
    cylinder,
    simulate,
    tree,
)
from analgesia.errors import ModelError
from analgesia.nerve.conduction import (
    LATEST,
    PULSE,
    SETTLE,
    THRESHOLD,
    VELOCITY,
    fired_in_silence,
    staged,
)
from analgesia.nerve.matching import arrived
from analgesia.nerve.membranes import Fibre, resting_leaks
from analgesia.nerve.states import HEALTHY, NerveState, altered

PULSES = 20
"""As trains are counted in rats: all of 20 must arrive (Gemes 2013, doi 10.1113/jphysiol.2012.242750)."""
LONGEST_TRAIN = 200
PERIPHERY, CENTRE, STEM, SOMA = (4000.0, 0.8), (2000.0, 0.4), (75.0, 1.4), (25.0, 25.0)
"""Length and diameter, um, of the four pieces."""
GRID, STEP = 40.0, 0.025
CURRENT = 1.0
"""nA, well above threshold for a fibre this thin."""
LOW, START, HIGH = 2.0, 16.0, 200.0
"""Hz: between the first and the last a following frequency is sought, beginning with the middle one."""
TOLERANCE = 0.05
"""Share by which the rates that pass and fail may still differ."""
TRAINS = 8
"""How many trains a search takes about."""


@dataclass(frozen=True)
class Following:
    """How fast a fibre follows: `frequency` (Hz; 0 if not even LOW is followed, HIGH if that is), and what was tried.

    `tried`: rate (Hz) and share of the pulses that arrived, in ascending order of the rate. `pulses` of each train.
    """

    frequency: float
    tried: tuple[tuple[float, float], ...]
    pulses: int
    junction: bool

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --branch --json` prints it."""
        return {
            "following_frequency_hz": self.frequency,
            "bounds_hz": [LOW, HIGH],
            "tried": [{"rate_hz": rate, "arrived_share": share} for rate, share in self.tried],
            "pulses": self.pulses,
            "geometry_um": {
                "periphery": PERIPHERY, "centre": CENTRE, **({"stem": STEM, "soma": SOMA} if self.junction else {})
            },
        }  # fmt: skip


def follows(
    fibre: Fibre, rate: float, *, junction: bool, state: NerveState = HEALTHY, pulses: int = PULSES
) -> float:
    """Share of `pulses` at `rate` (Hz) that arrive, each by a spike of its own.

    Raises `ModelError` for a rate at which pulses would overlap and for a train without pulses.
    """
    if not 0.0 < rate < 1e3 / PULSE:
        raise ModelError(f"a rate of {rate:g} Hz: give one above 0 and below {1e3 / PULSE:g} Hz")
    if not 1 <= pulses <= LONGEST_TRAIN:
        raise ModelError(f"a train of {pulses} pulses: give 1 to {LONGEST_TRAIN}")
    geometry, diameters = _geometry(fibre, junction=junction)
    parameters, initial = _prepared(fibre, diameters, state)
    times = np.asarray(1e3 / rate * np.arange(pulses), np.float64)
    travel = (
        sum(length / np.sqrt(d) for length, d in ((PERIPHERY, CENTRE) if junction else (PERIPHERY,)))
        * 1e-3
        / VELOCITY
    )
    latest = LATEST * travel
    stages = staged(times, latest, STEP)

    def run(plan: Sequence[Stage]) -> CableResult:
        return simulate(
            fibre.membrane if state.empty else fibre.altered, geometry, parameters, initial=initial, along=True, stages=plan,
            probes=[geometry.count - 1], threshold=THRESHOLD, pulses=[Pulse(0, SETTLE + t, PULSE, CURRENT) for t in times],
        )  # fmt: skip

    result = run(stages)
    if fired_in_silence(result, stages):
        result = run([Stage(SETTLE + float(np.ceil(times[-1] + latest)), STEP)])
    return float(arrived(times, result.spikes[0][0] - SETTLE, latest).mean())


def following(
    fibre: Fibre,
    *,
    junction: bool,
    state: NerveState = HEALTHY,
    pulses: int = PULSES,
    progress: Callable[[int, int], None] | None = None,
) -> Following:
    """Highest rate at which every pulse of a train arrives: raised until one is lost, as in the laboratory, then narrowed down.

    `progress` hears how many trains are done, of about how many.
    """
    tried: dict[float, float] = {}

    def passes(rate: float) -> bool:
        if progress is not None:
            progress(len(tried), max(TRAINS, len(tried) + 1))
        tried[rate] = follows(fibre, rate, junction=junction, state=state, pulses=pulses)
        return tried[rate] >= 1.0

    low = START
    while low >= LOW and not passes(low):
        low /= 2.0
    high = 2.0 * low
    if low == START:
        while low < HIGH and passes(high := min(2.0 * low, HIGH)):
            low = high
    if LOW <= low < HIGH:
        while high / low > 1.0 + TOLERANCE:
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if passes(middle) else (low, middle)
        frequency = float(np.sqrt(low * high))
    else:
        frequency = HIGH if low >= HIGH else 0.0
    return Following(frequency, tuple(sorted(tried.items())), pulses, junction)


def _geometry(fibre: Fibre, *, junction: bool) -> tuple[Geometry, tuple[float, ...]]:
    """Compartments, and the diameter of each region."""
    length, diameter = PERIPHERY
    if not junction:
        return cylinder(length, diameter, round(length / GRID), fibre.resistivity), (diameter,)
    pieces = (
        Branch(None, *PERIPHERY, round(PERIPHERY[0] / GRID), 0),
        Branch(0, *STEM, 3, 2),
        Branch(1, *SOMA, 1, 3),
        Branch(0, *CENTRE, round(CENTRE[0] / GRID * 1.4), 1),
    )
    return tree(pieces, fibre.resistivity), tuple(d for _, d in (PERIPHERY, CENTRE, STEM, SOMA))


def _prepared(
    fibre: Fibre, diameters: tuple[float, ...], state: NerveState
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Parameters [region, 1] and the initial state."""
    tables, initial = [], dict(fibre.initial)
    for diameter in diameters:
        if state.empty:
            own: dict[str, Any] = {**fibre.parameters, "diameter": diameter}
            own |= resting_leaks(fibre, own, fibre.initial)
        else:
            own, initial = altered(fibre, diameter, state)
        tables.append(own)
    names = tables[0]
    return {name: np.array([[float(np.asarray(t[name]))] for t in tables]) for name in names}, initial
