"""One pass of the ventilation system through a block of patients, its outputs per minute and its crossings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import Trigger, solve
from analgesia.engine.actions import ActionTable
from analgesia.ventilation.equations import STATES, system
from analgesia.ventilation.subjects import absolute_tolerances

Array = NDArray[np.float64]

PER_MINUTE = 60.0
KEPT = (
    "opioid_bound",
    "antagonist_bound",
    "ventilation",
    "arterial_O2",
    "arterial_CO2",
    "flow",
    "opioid_plasma",
    "antagonist_plasma",
)
"""States and outputs that a pass stores."""

CHUNK = 256
"""Patients a thread takes at a time: some differ much in the steps they need."""

WHOLE = 1.0 - 1e-9
"""A circulation below this share of itself has begun to collapse."""


@dataclass(frozen=True)
class Pass:
    """Outputs [patient, time] (L/min, mmHg, fractions, nM); when each trigger fired [patient, trigger] (s, nan: never); who collapsed."""

    ventilation: Array
    arterial_oxygen: Array
    arterial_carbon_dioxide: Array
    occupancy: Array
    antagonist_occupancy: Array
    blood_flow: Array
    opioid_plasma: Array
    antagonist_plasma: Array
    fired: Array
    collapsed: NDArray[np.bool_]


def run(
    people: Mapping[str, float | Array],
    start: Mapping[str, float],
    patients: int,
    times: Array,
    actions: ActionTable,
    triggers: Sequence[Trigger],
    *,
    threads: int | None,
    tolerance: float,
) -> Pass:
    """Integrate a block of patients to the last of `times` (s); a failed integration is an error, since every one must end well."""
    solution = solve(
        system(),
        people,
        times=times,
        until=float(times[-1]),
        actions=actions,
        triggers=triggers,
        initial=start,
        rtol=tolerance,
        atol=absolute_tolerances(tolerance),
        threads=threads,
        patients=patients,
        keep=KEPT,
        chunk=CHUNK,
    ).raise_for_status()
    circulation = solution.final_states[:, list(STATES).index("circulation")]
    return Pass(
        ventilation=PER_MINUTE * solution.output("ventilation"),
        arterial_oxygen=solution.output("arterial_O2"),
        arterial_carbon_dioxide=solution.output("arterial_CO2"),
        occupancy=solution.state("opioid_bound"),
        antagonist_occupancy=solution.state("antagonist_bound"),
        blood_flow=PER_MINUTE * solution.output("flow"),
        opioid_plasma=solution.output("opioid_plasma"),
        antagonist_plasma=solution.output("antagonist_plasma"),
        fired=solution.crossings[:, :, 0] if triggers else np.zeros((patients, 0)),
        collapsed=circulation < WHOLE,
    )
