"""Stimulate a myelinated fibre: velocity, latency, slowing and failure for every pulse, from the cable of `myelinated`.

The first node gets pulses of PULSE ms at twice the threshold of the healthy fibre; spikes are seen at the nodes nearest to 5, 30 and 90 %
of the length. The fibre rests before: its state is that after REST ms without a pulse. As for unmyelinated fibres, time is run with coarse
steps where nothing fires, and again finely if something did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable import CableResult, Geometry, Membrane, Pulse, Stage, simulate
from analgesia.errors import ModelError
from analgesia.nerve import conduction as bare
from analgesia.nerve.conduction import Array, Conduction, Course, Progress
from analgesia.nerve.matching import followed
from analgesia.nerve.membranes import UNBINDING
from analgesia.nerve.myelinated import Myelinated, anatomy, parameters
from analgesia.nerve.states import HEALTHY, NerveState

PULSE = 0.1
"""ms."""
THRESHOLD = -40.0
"""mV; crossing it upwards is a spike. Spikes of a fast train peak far below 0."""
AFTER = 4.0
"""ms of fine steps after a spike has left."""
REST, REST_STEP = 600.0, 1.0
"""ms, ms: run without a pulse, so that the fibre rests; the slowest thing in it takes about 100 ms."""
SETTLING = 0.05
"""1/ms."""
SLOWEST = 2.0
"""m/s per um of the fibre's width: no rested fibre is slower, to plan with."""
FINE, COARSE = 0.0025, 0.005
"""ms: step for few and for many pulses; velocities are 0.3 and 1.3 % below those of a vanishing step."""
FEWEST = 8
"""Internodes; a shorter fibre has no middle away from both ends."""
BEYOND = 3
"""Internodes beyond the length, so that no recorded spike feels the sealed end."""
LONGEST_NODES = 2_000
MOST = 1_000
"""Pulses that are run on the cable."""


def conduct(
    fibre: Myelinated,
    times: Sequence[float] | Array,
    *,
    diameter: float | None = None,
    length: float = 20.0,
    state: NerveState = HEALTHY,
    stimulus: float | None = None,
    step: float | None = None,
    progress: Progress | None = None,
) -> Conduction:
    """Stimulate at `times` (ms, ascending, from 0) a fibre of `diameter` um (with its myelin) and `length` mm.

    `stimulus` in nA (default: twice the threshold of the unchanged fibre). Raises `ModelError` for input that makes no sense.
    """
    wide = fibre.diameter if diameter is None else diameter
    moments = np.asarray(times, float)
    bare.check_pulses(moments, PULSE)
    nodes = node_count(fibre, wide, length)
    dt = step or (FINE if len(moments) <= bare.FEW else COARSE)
    membrane, given = parameters(fibre, wide, state)
    geometry = anatomy(fibre, wide, nodes + BEYOND)
    start = rested(fibre, membrane, geometry, given)
    current = stimulus if stimulus is not None else bare.ABOVE_THRESHOLD * threshold(fibre, wide)
    where = electrodes(fibre, nodes)
    planned = length / (SLOWEST * wide)

    def run(pulses: Array, stages: Sequence[Stage]) -> CableResult:
        return simulate(
            membrane, geometry, given, initial=start, stages=stages, probes=where, threshold=THRESHOLD,
            pulses=[Pulse(0, bare.SETTLE + t, PULSE, current) for t in pulses], progress=progress,
        )  # fmt: skip

    result = bare.run_in_stages(run, moments, planned, dt, COARSE, changed=not state.empty, after=AFTER)
    if not result.finite[0]:
        raise ModelError(
            "the fibre left the finite numbers: a parameter is far outside what a membrane can have"
        )
    spacing = fibre.sizes(wide)["node_distance"]
    spikes = tuple(s - bare.SETTLE for s in result.spikes[0])
    x = geometry.centres()[where]
    begun = started(moments, spikes[0])
    near = followed(begun, spikes[1], planned * bare.LATEST)
    far = followed(begun, spikes[2], planned * bare.LATEST)
    return bare.arrived(moments, far, near, spikes, x, current, spacing, dt, "double")


def started(times: Array, spikes: Array) -> Array:
    """When each pulse's spike passed the first electrode (ms, nan if none): the first one before the next pulse."""
    begun = np.full(len(times), np.nan)
    for spike in spikes[::-1]:
        pulse = int(np.searchsorted(times, spike)) - 1
        if pulse >= 0:
            begun[pulse] = spike
    return begun


def node_count(fibre: Myelinated, diameter: float, length: float) -> int:
    """Nodes of a fibre of `length` mm, which is rounded to whole internodes. Raises `ModelError` where too few or too many."""
    spacing = fibre.sizes(diameter)["node_distance"]
    if not 1.0 <= length <= 1000.0:
        raise ModelError(f"a length of {length:g} mm: give 1 to 1000 mm")
    internodes = round(length * 1e3 / spacing)
    if not FEWEST <= internodes <= LONGEST_NODES:
        raise ModelError(
            f"a length of {length:g} mm: nodes of this fibre lie {spacing:.0f} um apart; give {FEWEST * spacing / 1e3:.2g} to "
            f"{min(1000.0, LONGEST_NODES * spacing / 1e3):.3g} mm"
        )
    return internodes + 1


def electrodes(fibre: Myelinated, nodes: int) -> list[int]:
    """Compartments of the nodes nearest to where a spike counts as begun and to the two recording electrodes."""
    return [
        fibre.period * max(1, round(share * (nodes - 1))) for share in (bare.START, bare.FIRST, bare.SECOND)
    ]


def rested(
    fibre: Myelinated, membrane: Membrane, geometry: Geometry, given: dict[str, Any], lanes: int | None = None
) -> dict[str, Array]:
    """State in which the fibre rests, by name [lane, compartment].

    Some drugs leave their channels over seconds; on the way to rest, which does not depend on that, none takes longer than 1 / SETTLING.
    """
    quiet = [Stage(REST, REST_STEP, "backward-euler", quiet=True)]
    hurried = {
        name: np.maximum(value, SETTLING) if name.startswith(UNBINDING) else value
        for name, value in given.items()
    }
    found = simulate(
        membrane, geometry, hurried, initial={"v": fibre.numbers["start"]}, stages=quiet, lanes=lanes
    )
    if not found.finite.all():
        raise ModelError("the fibre left the finite numbers before any pulse: it has no rest")
    names = ("v", *membrane.gate_names, "space")
    return {name: found.final[:, :, k] for k, name in enumerate(names)}


def threshold(fibre: Myelinated, diameter: float, *, tolerance: float = 0.05) -> float:
    """Smallest current (nA) of PULSE ms into the first node that starts a spike, to `tolerance`; several currents at once."""
    membrane, given = parameters(fibre, diameter, HEALTHY)
    geometry = anatomy(fibre, diameter, 9 + BEYOND)
    start = rested(fibre, membrane, geometry, given)

    def fires(currents: Array) -> NDArray[np.bool_]:
        found = simulate(
            membrane, geometry, given, initial=start, duration=3.0, dt=COARSE, lanes=len(currents),
            probes=electrodes(fibre, 9), pulses=[Pulse(0, 0.1, PULSE, currents)], threshold=THRESHOLD,
        )  # fmt: skip
        return np.array([len(spikes[1]) > 0 for spikes in found.spikes])

    return bare.smallest(fires, 0.02, 20.0, tolerance)


def course(
    fibre: Myelinated, times: Array, *, diameter: float, length: float, state: NerveState, stimulus: float
) -> Course:
    """Voltage of the nodes while the first spike travels, and of the next ones if they follow within that time."""
    nodes = node_count(fibre, diameter, length)
    membrane, given = parameters(fibre, diameter, state)
    geometry = anatomy(fibre, diameter, nodes + BEYOND)
    duration = 1.6 * length / (SLOWEST * diameter) + 1.0
    places = fibre.period * np.arange(nodes)
    result = simulate(
        membrane, geometry, given, initial=rested(fibre, membrane, geometry, given), duration=1.0 + duration, dt=COARSE,
        probes=places.tolist(), pulses=[Pulse(0, 1.0 + t, PULSE, stimulus) for t in times if t < duration], sample_every=0.02,
    )  # fmt: skip
    return geometry.centres()[places], result.times - 1.0, result.voltage[0]


BATH_NODES, BATHED = 25, (0.25, 0.75)
"""Nodes of a fibre whose middle lies in a drug."""
BATH_TIME, BATH_CURRENT = 12.0, 2.0
"""ms in which a spike must have crossed the bath; nA, well above threshold, outside the drug."""


def passes(fibre: Myelinated, state: NerveState, lanes: int) -> NDArray[np.bool_]:
    """Whether a spike crosses a bathed stretch, drug-free on both sides, for each lane of `state`."""
    diameter = fibre.diameter
    geometry = anatomy(fibre, diameter, BATH_NODES)
    place = geometry.centres() / geometry.centres()[-1]
    inside = (place > BATHED[0]) & (place < BATHED[1])
    geometry = Geometry(
        geometry.parent, geometry.length, geometry.diameter, geometry.resistivity,
        geometry.region + 4 * inside, geometry.patch, geometry.sheath,
    )  # fmt: skip
    untouched = NerveState(shifts=dict.fromkeys(fibre.sodium, 0.0))
    _, free = parameters(fibre, diameter, untouched)
    membrane, drugged = parameters(fibre, diameter, state if not state.empty else untouched)
    given = {
        name: np.concatenate([_by_kind(free[name], lanes), _by_kind(drugged[name], lanes)]) for name in free
    }
    result = simulate(
        membrane, geometry, given, initial=rested(fibre, membrane, geometry, given, lanes), duration=BATH_TIME, dt=COARSE,
        probes=[fibre.period * (BATH_NODES - 2)], pulses=[Pulse(0, 0.1, PULSE, BATH_CURRENT)], threshold=THRESHOLD, lanes=lanes,
    )  # fmt: skip
    if not result.finite.all():
        raise ModelError(
            f"{fibre.name} left the finite numbers in the bath: whether a spike crosses it is not known"
        )
    return np.array([len(spikes[0]) > 0 for spikes in result.spikes])


def _by_kind(value: Any, lanes: int) -> Array:
    """[kind, lane]."""
    array = np.asarray(value, float)
    return np.broadcast_to(array if array.ndim == 2 else np.atleast_1d(array)[None, :], (4, lanes))
