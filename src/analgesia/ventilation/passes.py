"""One pass of the ventilation system through a block of patients: who gets what when, and the outputs per minute and per mL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import solve
from analgesia.engine.actions import ActionTable, Kind
from analgesia.ventilation.equations import system
from analgesia.ventilation.regimens import Regimen
from analgesia.ventilation.subjects import RELATIVE, absolute_tolerances

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

INJECTION = 10.0
"""Seconds over which a dose enters a vein."""


@dataclass(frozen=True)
class Dosing:
    """What happens to each of `patients`: rows (patient, time s, kind, name of state or parameter, value), and antagonist times."""

    patients: int
    rows: tuple[tuple[int, float, Kind, str, float], ...]
    given: tuple[tuple[float, ...], ...]

    @classmethod
    def opioid(cls, patients: int, amount: float) -> Dosing:
        """A bolus of `amount` (nmol) into everybody's vein at t = 0."""
        rows = tuple((i, 0.0, Kind.ADD, "opioid_central", amount) for i in range(patients)) if amount else ()
        return cls(patients, rows, ((),) * patients)

    def antagonist(self, regimen: Regimen, first: Array, falls: tuple[float, float, float]) -> Dosing:
        """The regimen added, its first dose at `first` (nan: none is given). `falls`: see `course._falls`."""
        rows, given = list(self.rows), []
        third, second_double, single = falls
        doubled = regimen.amount >= 2 * single * (1 - 1e-9)
        lowered, at_dose = (second_double, 1) if doubled else (third, 2)
        for i in range(self.patients):
            times = [float(first[i]) + offset for offset in regimen.offsets] if np.isfinite(first[i]) else []
            for number, time in enumerate(times):
                if regimen.product == "iv":
                    speed = regimen.amount / INJECTION
                    rows.append((i, time, Kind.RATE, "antagonist_vein", speed))
                    rows.append((i, time + INJECTION, Kind.RATE, "antagonist_vein", -speed))
                    continue
                rows.append((i, time, Kind.ADD, "antagonist_depot", regimen.amount))
                if number == at_dose and np.isfinite(lowered):
                    rows.append((i, time, Kind.SET_PARAMETER, "F", lowered))
            given.append(tuple(sorted((*self.given[i], *times))))
        return replace(self, rows=tuple(rows), given=tuple(given))

    def collapse(self, times: Array) -> Dosing:
        """The circulation of everybody gives way at `times`."""
        extra = tuple((i, float(t), Kind.SET_PARAMETER, "collapsing", 1.0) for i, t in enumerate(times))
        return replace(self, rows=(*self.rows, *extra))

    def only(self, chosen: NDArray[np.int64]) -> Dosing:
        """The same for some of the patients, renumbered."""
        place = {int(old): new for new, old in enumerate(chosen)}
        rows = tuple((place[row[0]], *row[1:]) for row in self.rows if row[0] in place)
        return Dosing(len(place), rows, tuple(self.given[int(old)] for old in chosen))

    def actions(self) -> ActionTable:
        """The rows as the engine takes them."""
        model = system()
        if not self.rows:
            return ActionTable.empty(self.patients)
        who, when, kind, name, value = zip(*self.rows, strict=True)
        target = [
            model.parameter_index(n) if k is Kind.SET_PARAMETER else model.index(n)
            for n, k in zip(name, kind, strict=True)
        ]
        columns = (
            np.array(who),
            np.array(when),
            np.array([int(k) for k in kind]),
            np.array(target),
            np.array(value),
        )
        return ActionTable.build(self.patients, *columns)


@dataclass(frozen=True)
class Pass:
    """Outputs [patient, time]: L/min, mmHg, fractions, ng-free nM; times in s."""

    times: Array
    ventilation: Array
    arterial_oxygen: Array
    arterial_carbon_dioxide: Array
    occupancy: Array
    antagonist_occupancy: Array
    blood_flow: Array
    opioid_plasma: Array
    antagonist_plasma: Array

    def replaced(self, rows: NDArray[np.int64], other: Pass) -> Pass:
        """This pass with some patients taken from another one on the same times."""
        changed = {}
        for column in fields(self)[1:]:
            values = getattr(self, column.name).copy()
            values[rows] = getattr(other, column.name)
            changed[column.name] = values
        return replace(self, **changed)

    def at(self, times: Array) -> Pass:
        """The same at some of its times."""
        if len(times) == len(self.times):
            return self
        chosen = np.searchsorted(self.times, times)
        return Pass(
            times=times, **{column.name: getattr(self, column.name)[:, chosen] for column in fields(self)[1:]}
        )


def run(
    people: Mapping[str, float | Array],
    start: Mapping[str, float],
    patients: int,
    times: Array,
    dosing: Dosing,
    *,
    threads: int | None = None,
    tolerance: float = RELATIVE,
) -> Pass:
    """Integrate a block of patients; a failed integration is an error, since every one of these must end well."""
    solution = solve(
        system(),
        people,
        times=times,
        actions=dosing.actions(),
        initial=start,
        rtol=tolerance,
        atol=absolute_tolerances(tolerance),
        threads=threads,
        patients=patients,
        keep=KEPT,
        chunk=CHUNK,
    ).raise_for_status()
    return Pass(
        times=times,
        ventilation=PER_MINUTE * solution.output("ventilation"),
        arterial_oxygen=solution.output("arterial_O2"),
        arterial_carbon_dioxide=solution.output("arterial_CO2"),
        occupancy=solution.state("opioid_bound"),
        antagonist_occupancy=solution.state("antagonist_bound"),
        blood_flow=PER_MINUTE * solution.output("flow"),
        opioid_plasma=solution.output("opioid_plasma"),
        antagonist_plasma=solution.output("antagonist_plasma"),
    )
