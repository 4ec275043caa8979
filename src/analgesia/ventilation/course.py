"""A course of breathing: an opioid, perhaps an antagonist, perhaps an arrest.

The arrest rule of the published program: if arterial O2 is at or below `P_CA` (15 mmHg) for the first time at t1, on a grid of
0.1 s, and is so again `T_CA` (220 s) later, the circulation collapses from then on. Only the two end points are looked at. Collapse
is final, and scoring it equals scoring the later fall of blood flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.quantities import Quantity
from analgesia.ventilation.passes import Dosing, Pass, run
from analgesia.ventilation.regimens import Regimen
from analgesia.ventilation.scoring import collapse_times, first_at_or_below
from analgesia.ventilation.subjects import MANY_RELATIVE, RELATIVE, opioid, parameters, rows_of, steady_start

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

MAXIMUM_HOURS = 24.0
BLOCK = 1000
"""Patients in memory at one time while arrests are looked for."""

FINE, COARSE = 1.0, 30.0
"""Seconds between reported times of one subject and of a population."""

EARLY = 60.0
"""Seconds within which ventilation mostly falls below a share of its start."""

WATCHED, LOOK_EARLY, LOOK_LATE = 600.0, 5.0, 15.0
"""Oxygen is looked at every 5 s for 600 s, where straight lines between looks place a crossing to 0.05 s, then every 15 s."""


@dataclass(frozen=True)
class Course:
    """What was asked and what came out: arrays are [patient, time], times in s from the opioid dose.

    `arrested` and `collapse_time` (nan where none) follow the arrest rule, `crossing` is the time at which ventilation of the
    untreated subject fell below the share a regimen names (nan where it never did), `given` the times of all antagonist doses.
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
    hours: float = 1.5,
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
        people = parameters(
            library, drug, subject, rescue=rescue, product=product, rows=rows_of(patients, seed)
        )
        start = steady_start(library)
        mass = opioid(library, drug).parameters["molar_mass"].to("g/mol")
        bolus = Quantity(milligrams, "mg").to("nmol", mass)
        numbers = library.harms["ventilation"].parameters
        threshold, duration = numbers["P_CA"].to("mmHg"), numbers["T_CA"].to("s")
        outside = _outside(library, drug, milligrams, regimens)
        falls = _falls(library, rescue, product)
    accuracy = tolerance or (RELATIVE if patients == 1 else MANY_RELATIVE)
    step = every or (FINE if patients == 1 else COARSE)
    times = np.arange(0.0, hours * 3600.0 + step / 2, step)
    blocks = []
    for first in range(0, patients, BLOCK):
        chosen = slice(first, min(first + BLOCK, patients))
        block = _chosen(people, np.arange(chosen.start, chosen.stop))
        case = _Case(
            block,
            start,
            chosen.stop - chosen.start,
            bolus,
            regimens,
            falls,
            threshold,
            duration,
            with_arrest,
            threads,
            accuracy,
        )
        blocks.append(case.course(times))
        if progress:
            progress(chosen.stop, patients)
    return Course(
        opioid=drug,
        milligrams=milligrams,
        subject=subject,
        regimens=regimens,
        with_arrest=with_arrest,
        patients=patients,
        seed=seed,
        times=times,
        **{name: np.concatenate([getattr(b, name) for b in blocks]) for name in _ARRAYS},
        given=tuple(given for b in blocks for given in b.given),
        out_of_range=outside,
        numbers=dict(used.counts),
        sources=tuple(sorted(used.sources)),
        library=library.hash,
    )


_ARRAYS = (
    "ventilation",
    "arterial_oxygen",
    "arterial_carbon_dioxide",
    "occupancy",
    "antagonist_occupancy",
    "blood_flow",
    "opioid_plasma",
    "antagonist_plasma",
    "arrested",
    "collapse_time",
    "crossing",
)


@dataclass(frozen=True)
class _Block:
    """The part of a `Course` that is one block of patients."""

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


@dataclass(frozen=True)
class _Case:
    """One block of patients with everything that happens to them."""

    people: Mapping[str, float | Array]
    start: Mapping[str, float]
    patients: int
    bolus: float
    regimens: tuple[Regimen, ...]
    falls: tuple[float, float, float]
    threshold: float
    duration: float
    with_arrest: bool
    threads: int | None
    tolerance: float

    def course(self, times: Array) -> _Block:
        """When the antagonist is given, then the run itself."""
        dosing = Dosing.opioid(self.patients, self.bolus)
        crossing = np.full(self.patients, np.nan)
        untreated = dosing
        for regimen in self.regimens:
            first = np.full(self.patients, regimen.wait)
            if regimen.share is not None:
                crossing = self._crossing(times[-1], untreated, regimen.share)
                first = crossing + regimen.wait
            dosing = dosing.antagonist(regimen, first, self.falls)
        done, collapse = self._run(times, dosing)
        return self._reported(times, done, collapse, crossing, dosing)

    def _crossing(self, until: float, dosing: Dosing, share: float) -> Array:
        """When ventilation of the untreated subjects first falls below `share` of its start; nan where it never does.

        Most fall within a minute, before any circulation can give way; only the others are followed to the end, arrest included.
        """
        early = np.arange(0.0, min(EARLY, until) + FINE / 2, FINE)
        begun = self._pass(self, early, dosing)
        found = first_at_or_below(early, begun.ventilation, share * begun.ventilation[:, 0])
        late = np.flatnonzero(np.isnan(found))
        if late.size and until > EARLY:
            some = replace(self, people=_chosen(self.people, late), patients=late.size)
            done, _ = some._run(_watch(until), dosing.only(late))
            found[late] = first_at_or_below(done.times, done.ventilation, share * done.ventilation[:, 0])
        return found

    def _run(self, times: Array, dosing: Dosing) -> tuple[Pass, Array]:
        """A run by the arrest rule: without collapse, then again with it for those whose circulation gives way."""
        if not self.with_arrest:
            return self._pass(self, times, dosing), np.full(self.patients, np.nan)
        watched = np.union1d(times, _watch(times[-1]))
        free = self._pass(self, watched, dosing)
        collapse = collapse_times(watched, free.arterial_oxygen, self.threshold, self.duration)
        shown = free.at(times)
        lost = np.flatnonzero(np.isfinite(collapse))
        if lost.size:
            some = replace(self, people=_chosen(self.people, lost), patients=lost.size)
            shown = shown.replaced(lost, self._pass(some, times, dosing.only(lost).collapse(collapse[lost])))
        return shown, collapse

    @staticmethod
    def _pass(case: _Case, times: Array, dosing: Dosing) -> Pass:
        return run(
            case.people,
            case.start,
            case.patients,
            times,
            dosing,
            threads=case.threads,
            tolerance=case.tolerance,
        )

    def _reported(self, times: Array, done: Pass, collapse: Array, crossing: Array, dosing: Dosing) -> _Block:
        shown = done.at(times)
        return _Block(
            ventilation=shown.ventilation,
            arterial_oxygen=shown.arterial_oxygen,
            arterial_carbon_dioxide=shown.arterial_carbon_dioxide,
            occupancy=shown.occupancy,
            antagonist_occupancy=shown.antagonist_occupancy,
            blood_flow=shown.blood_flow,
            opioid_plasma=shown.opioid_plasma,
            antagonist_plasma=shown.antagonist_plasma,
            arrested=np.isfinite(collapse),
            collapse_time=collapse,
            crossing=crossing,
            given=dosing.given,
        )


def _watch(until: float) -> Array:
    """Moments at which oxygen and ventilation are looked at."""
    early = np.arange(0.0, min(WATCHED, until), LOOK_EARLY)
    return np.union1d(early, np.append(np.arange(0.0, until, LOOK_LATE), until))


def _chosen(people: Mapping[str, float | Array], rows: NDArray[np.int64]) -> dict[str, float | Array]:
    """The parameters of some of the people."""
    return {name: value[rows] if isinstance(value, np.ndarray) else value for name, value in people.items()}


def _check(milligrams: float, patients: int, hours: float, every: float | None) -> None:
    if not (np.isfinite(milligrams) and milligrams >= 0.0):
        raise ModelError(f"the bolus must be 0 mg or more, not {milligrams:g} mg")
    if patients < 1:
        raise ModelError(f"there must be at least one patient, not {patients}")
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


def _falls(library: Library, rescue: str, product: str) -> tuple[float, float, float]:
    """F from the third single dose on, F from the second double dose on (nan where F stays), and the single dose in nmol."""
    record = library.harms[f"ventilation_{rescue}"].parameters
    numbers = record["products"].get(product, {})
    if "F_third" not in numbers:
        return np.nan, np.nan, np.nan
    single = Quantity(numbers["lowest"].to("mg"), "mg").to("nmol", record["molar_mass"].to("g/mol"))
    return numbers["F_third"].to("1"), numbers["F_double"].to("1"), single
