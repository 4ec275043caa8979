"""How fast a fibre can follow, straight or past the branch that carries its cell body.

The T-junction: a peripheral axon, a thinner central one, and a stem to the soma between them, all with the membrane of the fibre. A train
of PULSES goes in at the far end of the periphery; what comes out at the far end of the centre counts.
Geometry after Sundt 2015 (doi 10.1152/jn.00226.2015): 0.8 um, 0.4 um, stem 1.4 um by 75 um, soma 25 um; its membrane was another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from analgesia.engine.cable import Branch, Geometry, Pulse, cylinder, simulate, tree
from analgesia.errors import ModelError
from analgesia.nerve.conduction import PULSE, SETTLE, THRESHOLD, VELOCITY
from analgesia.nerve.membranes import Fibre, resting_leaks
from analgesia.nerve.states import HEALTHY, NerveState, altered

PULSES = 8
PERIPHERY, CENTRE, STEM, SOMA = (4000.0, 0.8), (2000.0, 0.4), (75.0, 1.4), (25.0, 25.0)
"""Length and diameter, um, of the four pieces."""
GRID, STEP = 40.0, 0.025
CURRENT = 1.0
"""nA, well above threshold for a fibre this thin."""
FOLLOWED = 1.0
"""Share of pulses that must arrive."""


def follows(
    fibre: Fibre, rate: float, *, junction: bool, state: NerveState = HEALTHY, pulses: int = PULSES
) -> float:
    """Share of `pulses` at `rate` (Hz) that arrive. Raises `ModelError` for a rate at which pulses would overlap."""
    if not 0.0 < rate < 1e3 / PULSE:
        raise ModelError(f"a rate of {rate:g} Hz: give one above 0 and below {1e3 / PULSE:g} Hz")
    geometry, diameters = _geometry(fibre, junction=junction)
    parameters, initial = _prepared(fibre, diameters, state)
    times = 1e3 / rate * np.arange(pulses)
    travel = (
        sum(length / np.sqrt(d) for length, d in ((PERIPHERY, CENTRE) if junction else (PERIPHERY,)))
        * 1e-3
        / VELOCITY
    )
    end = geometry.count - 1
    result = simulate(
        fibre.membrane if state.empty else fibre.altered, geometry, parameters, initial=initial, along=True, dt=STEP,
        duration=float(np.ceil(SETTLE + times[-1] + 2.5 * travel + 10.0)), probes=[end], threshold=THRESHOLD,
        pulses=[Pulse(0, SETTLE + t, PULSE, CURRENT) for t in times],
    )  # fmt: skip
    return min(1.0, len(result.spikes[0][0]) / pulses)


def following_frequency(
    fibre: Fibre, *, junction: bool, state: NerveState = HEALTHY, low: float = 2.0, high: float = 200.0
) -> float:
    """Highest rate (Hz) at which every pulse of a train arrives, to 5 %; 0 if not even `low` does, `high` if that rate is followed."""
    if follows(fibre, low, junction=junction, state=state) < FOLLOWED:
        return 0.0
    if follows(fibre, high, junction=junction, state=state) >= FOLLOWED:
        return high
    while high / low > 1.05:
        middle = float(np.sqrt(low * high))
        if follows(fibre, middle, junction=junction, state=state) >= FOLLOWED:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


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
