"""A course of breathing: an opioid, perhaps an antagonist, perhaps an arrest.

The arrest rule of the published program: if arterial O2 falls to `P_CA` (15 mmHg) for the first time at t1, and is at or below it again
`T_CA` (220 s) later, the circulation collapses from then on. Only the two end points are looked at. Collapse is final, and scoring
it equals scoring the later fall of blood flow. The program looks every 0.1 s, which is repeated here for a single subject; in a
population t1 is the moment itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import Trigger
from analgesia.engine.actions import ActionTable
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.quantities import Quantity
from analgesia.ventilation.dosing import Arrest, Falls, actions, triggers
from analgesia.ventilation.equations import system
from analgesia.ventilation.passes import Pass, run
from analgesia.ventilation.regimens import Regimen
from analgesia.ventilation.scoring import on_grid
from analgesia.ventilation.subjects import (
    MANY_RELATIVE,
    RELATIVE,
    opioid,
    parameters,
    rows_of,
    steady_start,
)

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

MAXIMUM_HOURS, MAXIMUM_PATIENTS = 24.0, 50_000
BLOCK = 2048
"""Patients between two reports of progress."""

FINE, COARSE = 1.0, 30.0
"""Seconds between reported times of one subject, and of a population over 1.5 h (longer runs are reported less often)."""

USUAL_HOURS = 1.5


@dataclass(frozen=True)
class Course:
    """What was asked and what came out: arrays are [patient, time], times in s from the opioid dose.

    `arrested` and `collapse_time` (nan where none) follow the arrest rule, `crossing` is the time at which ventilation first fell
    below the share that a regimen names (nan where it never did), `given` the times of all antagonist doses.
    """

    opioid: str
    milligrams: float
    subject: str
    regimens: tuple[Regimen, ...]
    with_arrest: bool
    patients: int
    seed: int
    times: Array
    ventilation: Array
    arterial_oxygen: Array
    arterial_carbon_dioxide: Array
    occupancy: Array
    antagonist_occupancy: Array
    blood_flow: Array
    opioid_plasma: Array
    antagonist_plasma: Array
    arrested: NDArray[np.bool_]
    collapse_time: Array
    crossing: Array
    given: tuple[tuple[float, ...], ...]
    out_of_range: tuple[str, ...]
    numbers: Mapping[str, int]
    sources: tuple[str, ...]
    library: str


def simulate(
    drug: str = "fentanyl",
    milligrams: float = 0.0,
    *,
    subject: str = "naive",
    antagonists: Sequence[str | Regimen] = (),
    with_arrest: bool = True,
    patients: int = 1,
    hours: float = USUAL_HOURS,
    library: Library | None = None,
    every: float | None = None,
    seed: int = 1,
    progress: Progress | None = None,
    threads: int | None = None,
    tolerance: float | None = None,
) -> Course:
    """Breathing after an intravenous bolus of `milligrams` of an opioid at t = 0 and what is given against it.

    One patient is the typical subject; n > 1 are people 1 to n of the virtual population (beyond 2,000 drawn again with replacement).
    `tolerance` is the relative one of the integration; by default 1e-6 for one subject and 1e-5 for a population.
    Raises `EvidenceError` for an unknown drug or product and `ModelError` for a request that cannot be honoured.
    """
    library = library or evidence.load()
    _check(milligrams, patients, hours, every)
    with evidence.tally() as used:
        regimens = tuple(r if isinstance(r, Regimen) else Regimen.parse(r, library) for r in antagonists)
        rescue, product = _one_chain(regimens)
        rows = rows_of(patients, seed)
        people = parameters(library, drug, subject, rescue=rescue, product=product, rows=rows)
        start = steady_start(library)
        mass = opioid(library, drug).parameters["molar_mass"].to("g/mol")
        numbers = library.harms["ventilation"].parameters
        rule = Arrest(numbers["P_CA"].to("mmHg"), numbers["T_CA"].to("s"))
        case = _Case(
            start=start,
            bolus=Quantity(milligrams, "mg").to("nmol", mass),
            regimens=regimens,
            falls=_falls(library, rescue, product),
            arrest=rule if with_arrest else None,
            threads=threads,
            tolerance=tolerance or (RELATIVE if patients == 1 else MANY_RELATIVE),
        )
        outside = _outside(library, drug, milligrams, regimens)
    step = every or (FINE if patients == 1 else COARSE * max(1.0, np.ceil(hours / USUAL_HOURS)))
    times = np.arange(0.0, hours * 3600.0 + step / 2, step)
    blocks = []
    for first in range(0, patients, BLOCK):
        last = min(first + BLOCK, patients)
        blocks.append(case.follow(_part(people, first, last), last - first, times))
        if progress:
            progress(last, patients)
    whole = {f.name: np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Pass)}
    fired, collapsed = whole.pop("fired"), whole.pop("collapsed")
    return Course(
        opioid=drug,
        milligrams=milligrams,
        subject=subject,
        regimens=regimens,
        with_arrest=with_arrest,
        patients=patients,
        seed=seed,
        times=times,
        **whole,
        arrested=collapsed,
        collapse_time=np.where(collapsed, fired[:, -1] + rule.duration, np.nan)
        if with_arrest
        else np.full(patients, np.nan),
        crossing=fired[:, 0] if any(r.share for r in regimens) else np.full(patients, np.nan),
        given=_given(regimens, fired, times[-1]),
        out_of_range=outside,
        numbers=dict(used.counts),
        sources=tuple(sorted(used.sources)),
        library=library.hash,
    )


@dataclass(frozen=True)
class _Case:
    """What happens to whoever is put into it."""

    start: Mapping[str, float]
    bolus: float
    regimens: tuple[Regimen, ...]
    falls: Falls
    arrest: Arrest | None
    threads: int | None
    tolerance: float

    def follow(self, people: Mapping[str, float | Array], patients: int, times: Array) -> Pass:
        """One pass; a single subject whose circulation gives way is followed again, collapse beginning on the program's grid."""
        watched = triggers(self.regimens, self.falls, self._baseline(people), self.arrest)
        fixed = actions(patients, self.bolus, self.regimens, self.falls)
        done = self._run(people, patients, times, fixed, watched)
        if self.arrest is None or patients > 1 or not done.collapsed[0]:
            return done
        first = on_grid(done.fired[0, -1])
        fixed = actions(1, self.bolus, self.regimens, self.falls, first + self.arrest.duration)
        again = self._run(people, 1, times, fixed, watched[:-1])
        return replace(again, fired=np.append(again.fired, [[first]], axis=1))

    def _run(
        self,
        people: Mapping[str, float | Array],
        patients: int,
        times: Array,
        fixed: ActionTable,
        watched: list[Trigger],
    ) -> Pass:
        return run(
            people,
            self.start,
            patients,
            times,
            fixed,
            watched,
            threads=self.threads,
            tolerance=self.tolerance,
        )

    def _baseline(self, people: Mapping[str, float | Array]) -> float:
        """Ventilation at the start (L/s): the same in everybody, since nobody holds any opioid yet."""
        one = {name: np.float64(np.ravel(value)[0]) for name, value in people.items()}
        start = {name: np.float64(value) for name, value in self.start.items()}
        return float(system().observations(np.float64(0.0), start, one)["ventilation"])


def _part(people: Mapping[str, float | Array], first: int, last: int) -> dict[str, float | Array]:
    """The parameters of some of the people."""
    return {
        name: value[first:last] if isinstance(value, np.ndarray) else value for name, value in people.items()
    }


def _given(regimens: Sequence[Regimen], fired: Array, until: float) -> tuple[tuple[float, ...], ...]:
    """Times at which each patient was given an antagonist, within the run."""
    doses: list[list[float]] = [[] for _ in fired]
    column = 0
    for regimen in regimens:
        firsts = np.zeros(len(fired)) if regimen.share is None else fired[:, column]
        column += regimen.share is not None
        for own, first in zip(doses, firsts, strict=True):
            if np.isfinite(first):
                own += [
                    t for t in (first + regimen.wait + offset for offset in regimen.offsets) if t <= until
                ]
    return tuple(tuple(sorted(own)) for own in doses)


def _check(milligrams: float, patients: int, hours: float, every: float | None) -> None:
    if not (np.isfinite(milligrams) and milligrams >= 0.0):
        raise ModelError(f"the bolus must be 0 mg or more, not {milligrams:g} mg")
    if patients < 1:
        raise ModelError(f"there must be at least one patient, not {patients}")
    if patients > MAXIMUM_PATIENTS:
        raise ModelError(
            f"at most {MAXIMUM_PATIENTS:,} patients at a time, not {patients:,}; the virtual population has 2,000"
        )
    if not 0.0 < hours <= MAXIMUM_HOURS:
        raise ModelError(f"hours must be above 0 and at most {MAXIMUM_HOURS:g}, not {hours:g}")
    if every is not None and not 0.0 < every <= hours * 3600.0:
        raise ModelError(
            f"the time between outputs must be above 0 and at most the whole run, not {every:g} s"
        )


def _one_chain(regimens: Sequence[Regimen]) -> tuple[str, str]:
    """Antagonist and absorbed product of a scenario; two drugs, or two products that are absorbed, do not fit one subject."""
    drugs = sorted({r.drug for r in regimens})
    if len(drugs) > 1:
        raise ModelError(
            f"one antagonist at a time: {' and '.join(drugs)} compete for the same place in the model"
        )
    absorbed = sorted({r.product for r in regimens if r.product != "iv"})
    if len(absorbed) > 1:
        raise ModelError(
            f"one absorbed product at a time: {' and '.join(absorbed)} have different kinetics; iv may be added to either"
        )
    return (drugs[0] if drugs else "naloxone"), (absorbed[0] if absorbed else "im")


def _outside(library: Library, drug: str, milligrams: float, regimens: Sequence[Regimen]) -> tuple[str, ...]:
    """Every dose that lies outside what was studied, in words."""
    known = opioid(library, drug).parameters["studied"]
    low, high = known["lowest_bolus"].to("mg"), known["bolus"].to("mg")
    reasons = [r.outside(library) for r in regimens]
    if milligrams > 0.0 and not low * (1 - 1e-9) <= milligrams <= high * (1 + 1e-9):
        span = f"{low:g} mg" if low == high else f"{low:g} to {high:g} mg"
        reasons.insert(0, f"{drug} {milligrams:g} mg: only {span} has data or a published run behind it")
    return tuple(reason for reason in reasons if reason)


def _falls(library: Library, rescue: str, product: str) -> Falls:
    """How the absorbed share of a product falls with repeated doses."""
    record = library.harms[f"ventilation_{rescue}"].parameters
    numbers = record["products"].get(product, {})
    if "F_third" not in numbers:
        return Falls()
    single = Quantity(numbers["lowest"].to("mg"), "mg").to("nmol", record["molar_mass"].to("g/mol"))
    return Falls(numbers["F_third"].to("1"), numbers["F_double"].to("1"), single)
