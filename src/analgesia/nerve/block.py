"""The concentration that stops conduction: a stretch of fibre in a drug, drug-free on both sides.

A fibre carries one spike through a stretch that lies in the drug. Concentrations are halved between conducted and blocked until they
agree to TOLERANCE; with `guesses`, every constant of the drug is drawn within what is not known, and the spread of answers is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable import CableResult, Pulse, cylinder, simulate
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.nerve.conduction import THRESHOLD, Course
from analgesia.nerve.drugs import MOST, block_as, block_at
from analgesia.nerve.membranes import Fibre
from analgesia.nerve.myelinated import Myelinated
from analgesia.nerve.saltatory import passes
from analgesia.nerve.states import NerveState, altered

Array = NDArray[np.float64]

LENGTH, GRID, STEP = 12.0, 50.0, 0.025
"""mm, um, ms: the drug lies between 3 and 9 mm."""
COUNT = round(LENGTH * 1e3 / GRID)
START = 2.0
"""ms before the pulse."""
BATH = (0.25, 0.75)
PULSE, CURRENT = 1.0, 1.0
"""ms, nA: well above threshold, outside the drug."""
DURATION = 90.0
TOLERANCE = 0.03
LEAST, WIDER = 1e-6, 100.0
"""uM below which no drug is looked for, and the factor by which the search widens."""


def blocking_concentration(
    fibre: Fibre | Myelinated,
    drug: str,
    library: Library,
    *,
    guesses: int = 0,
    seed: int = 1,
    low: float = 1.0,
    high: float = 1e5,
) -> Array:
    """Smallest concentration (uM) that stops a single spike, for the drug's constants (one number) or for `guesses` of them.

    Sought between `low` and `high`, and beyond them for guesses that lie there.
    Raises `ModelError` where nothing up to `drugs.MOST` stops it.
    """
    count = max(guesses, 1)
    below, above = np.full(count, low), np.full(count, high)
    while True:
        while np.any(above / below > 1.0 + TOLERANCE):
            middle = np.sqrt(below * above)
            if isinstance(fibre, Myelinated):
                state = block_as(
                    {drug: middle},
                    library,
                    fibre.sodium,
                    fibre.blocked_as,
                    prior=True,
                    guesses=guesses,
                    seed=seed,
                )
                passed = passes(fibre, state, count)
            else:
                state = block_at(
                    {drug: middle}, library, channels=fibre.sodium, prior=True, guesses=guesses, seed=seed
                )
                passed = _passes(fibre, state, count)
            below, above = np.where(passed, middle, below), np.where(passed, above, middle)
        never, always = above >= high, below <= low
        if not np.any(never | always):
            return np.sqrt(below * above)
        if (np.any(never) and high >= MOST) or (np.any(always) and low <= LEAST):
            raise ModelError(
                f"no concentration of {drug} from {low:g} to {high:g} uM divides those that stop {fibre.name} from the others"
            )
        low, high = max(low / WIDER, LEAST), min(high * WIDER, MOST)
        below, above = np.where(always, low, below), np.where(never, high, above)


def crossing(fibre: Fibre, state: NerveState, *, places: int = 120, every: float = 0.25) -> Course:
    """Voltage along the fibre while one spike runs into the bathed stretch: where it stops, or how it comes out again."""
    shown = np.unique(np.linspace(0, COUNT - 1, places).round().astype(int))
    result = _bathed(fibre, state, 1, shown.tolist(), every)
    return (np.asarray(shown) + 0.5) * LENGTH * 1e3 / COUNT, result.times - START, result.voltage[0]


def _passes(fibre: Fibre, state: NerveState, lanes: int) -> NDArray[np.bool_]:
    """Whether a spike crosses the bathed stretch, for each lane."""
    result = _bathed(fibre, state, lanes, [round(0.95 * COUNT)])
    if not result.finite.all():
        raise ModelError(
            f"{fibre.name} left the finite numbers in the bath: whether a spike crosses it is not known"
        )
    return np.array([len(spikes[0]) > 0 for spikes in result.spikes])


def _bathed(
    fibre: Fibre, state: NerveState, lanes: int, probes: list[int], every: float | None = None
) -> CableResult:
    """One spike on a fibre whose middle lies in the drug."""
    diameter = fibre.parameters["diameter"]
    geometry = cylinder(LENGTH * 1e3, diameter, COUNT, fibre.resistivity)
    place = (np.arange(COUNT) + 0.5) / COUNT
    bathed = (place > BATH[0]) & (place < BATH[1])
    geometry = replace(geometry, region=bathed.astype(np.int64))
    free, start = altered(fibre, diameter, NerveState())
    drugged, begun = altered(fibre, diameter, state)
    parameters: Mapping[str, Any] = {name: _both(free[name], drugged[name], lanes) for name in free}
    initial = {
        name: np.where(bathed[None, :], _column(begun[name], lanes), _column(start[name], lanes))
        for name in start
    }
    return simulate(
        fibre.altered, geometry, parameters, initial=initial, duration=DURATION, dt=STEP, probes=probes,
        pulses=[Pulse(0, START, PULSE, CURRENT)], threshold=THRESHOLD, lanes=lanes, sample_every=every, along=lanes == 1,
    )  # fmt: skip


def _column(value: Any, lanes: int) -> Array:
    return np.broadcast_to(np.asarray(value, float), (lanes,))[:, None]


def _both(free: Any, drugged: Any, lanes: int) -> Array:
    """[region, lane]: region 0 free of the drug, region 1 in it."""
    return np.stack([np.broadcast_to(np.asarray(x, float), (lanes,)) for x in (free, drugged)])
