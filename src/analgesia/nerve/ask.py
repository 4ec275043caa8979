"""A question to a fibre and its answer, as the command and Python ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from analgesia import evidence
from analgesia.engine.cable import Precision
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.evidence.parsing import did_you_mean
from analgesia.nerve import saltatory
from analgesia.nerve.conduction import PULSE, Conduction, Course, Progress, conduct, course
from analgesia.nerve.delay import learned
from analgesia.nerve.drugs import block_as, block_at, parse_drug, told
from analgesia.nerve.injury import injured, severities, typical
from analgesia.nerve.membranes import Fibre, fibre
from analgesia.nerve.myelinated import Myelinated, myelinated
from analgesia.nerve.people import People, conduct_myelinated, conduct_people, counted
from analgesia.nerve.states import NerveState, combined

FIBRES = {"c": "c_fibre", "c_fibre": "c_fibre", "c_polymodal": "c_polymodal"}
"""Names on the command line -> files of the evidence."""
MYELINATED = {"a_delta": "a_delta_fibre", "a_beta": "a_beta_fibre"}
"""The same for fibres that are run as a cable in a sheath."""


@dataclass(frozen=True)
class Question:
    """Fibre, um (None: the fibre's own), mm, pulse times (ms), drugs as typed, condition and its severity, precision of a cable."""

    fibre: str = "c"
    diameter: float | None = None
    length: float = 20.0
    times: tuple[float, ...] = (0.0,)
    drugs: tuple[str, ...] = ()
    prior: bool = False
    condition: str | None = None
    severity: float | None = None
    precision: Precision = "double"


@dataclass(frozen=True)
class Reply:
    """What every answer says: the question, in words too, numbers by status, notes, and uM of each drug.

    `question` is the one that was run: with the diameter and the severity that were not given.
    """

    question: Question
    title: str
    numbers: dict[str, int]
    notes: tuple[str, ...]
    amounts: Mapping[str, float]

    def told(self) -> dict[str, Any]:
        """The part that every `analgesia nerve --json` prints."""
        asked = self.question
        return {
            "fibre": asked.fibre,
            "drugs": list(asked.drugs),
            "concentrations_uM": dict(self.amounts),
            "condition": asked.condition,
            "severity": asked.severity,
            "numbers": self.numbers,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Answer(Reply):
    """What arrived, and the voltage along the fibre if it was asked for."""

    conduction: Conduction
    course: Course | None

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --json` prints it."""
        return {
            **self.conduction.to_dict(),
            **self.told(),
            "diameter_um": self.question.diameter,
            "length_mm": self.question.length,
            "pulse_duration_ms": _pulse(self.question),
        }


def ask(
    question: Question,
    library: Library,
    *,
    course: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """Run a question; `course` also keeps the voltage along the fibre. Raises `ModelError` for what makes no sense."""
    with evidence.tally() as used:
        run = _myelinated if question.fibre in MYELINATED else _bare
        answer = run(question, library, course, progress)
    return replace(answer, numbers=dict(used.counts))


Kind = TypeVar("Kind", Fibre, Myelinated)


@dataclass(frozen=True)
class Prepared(Generic[Kind]):
    """A question made ready: fibre, middle diameter (um), state of the membrane, concentrations (uM)."""

    fibre: Kind
    diameter: float
    state: NerveState
    amounts: dict[str, float]


def _prepared_myelinated(question: Question, library: Library) -> Prepared[Myelinated]:
    if question.precision != "double":
        raise ModelError(f"{question.fibre} fibres are run in double precision; leave --precision out")
    built = myelinated(MYELINATED[question.fibre], library)
    amounts = _amounts(question, library)
    hurt = injured(question.condition, library, built.name, question.severity)
    block = block_as(amounts, library, built.sodium, built.blocked_as, prior=question.prior)
    wide = built.diameter if question.diameter is None else question.diameter
    return Prepared(built, wide, combined([hurt, block]), amounts)


def by_delay_line(question: Question) -> bool:
    """Whether it has more pulses than the cable of a myelinated fibre is run for."""
    return question.fibre in MYELINATED and len(question.times) > saltatory.MOST


def _myelinated(question: Question, library: Library, course_too: bool, progress: Progress | None) -> Answer:
    """A myelinated fibre: the cable, or its delay line where there are more pulses than the cable is run for."""
    ready = _prepared_myelinated(question, library)
    built, wide, state, length = ready.fibre, ready.diameter, ready.state, question.length
    line, shown = None, None
    if by_delay_line(question):
        line = learned(built, diameter=wide, length=length, state=state)
        found = line.carry(question.times)
    else:
        found = saltatory.conduct(
            built, question.times, diameter=wide, length=length, state=state, progress=progress
        )
        if course_too:
            times = np.asarray(question.times, float)
            shown = saltatory.course(
                built, times, diameter=wide, length=length, state=state, stimulus=found.stimulus
            )
    notes = remarks(question, library, ready, bool(found.conducted.all()))
    if line is not None and found.conducted.any():
        notes.append(f"more than {saltatory.MOST} pulses: {line.vouched(question.times)}")
    notes += fires([found])
    asked = as_run(question, wide, library)
    return Answer(asked, title_of(question, wide), {}, tuple(notes), ready.amounts, found, shown)


def _pulse(question: Question) -> float:
    """ms of a pulse."""
    return saltatory.PULSE if question.fibre in MYELINATED else PULSE


def _amounts(question: Question, library: Library) -> dict[str, float]:
    """Concentration (uM) of each drug."""
    amounts: dict[str, float] = {}
    for drug, amount in (parse_drug(text, library) for text in question.drugs):
        amounts[drug] = amounts.get(drug, 0.0) + amount
    return amounts


def as_run(question: Question, diameter: float | None, library: Library) -> Question:
    """The question with the diameter (um) and the severity that are run."""
    severity = question.severity
    if question.condition is not None and severity is None:
        severity = typical(question.condition, library)
    return replace(question, diameter=diameter, severity=severity)


def prepared(question: Question, library: Library, severity: Any = None) -> Prepared[Fibre]:
    """Fibre, diameter and state that a question to a C fibre asks for. Raises `ModelError` for a fibre there is not."""
    name = FIBRES.get(question.fibre)
    if name is None or name not in library.neurons:
        known = [*(key for key, file in FIBRES.items() if file in library.neurons), *MYELINATED]
        like = question.fibre.lower().replace("-", "_").replace("fiber", "fibre")
        raise ModelError(f"there is no fibre {question.fibre!r}{did_you_mean(like, known)}")
    built = fibre(name, library)
    diameter = question.diameter if question.diameter is not None else built.parameters["diameter"]
    amounts = _amounts(question, library)
    hurt = injured(
        question.condition, library, "c_fibre", question.severity if severity is None else severity
    )  # the classes of C fibre are hurt alike
    block = block_at(amounts, library, channels=built.sodium, prior=question.prior)
    return Prepared(built, float(diameter), combined([hurt, block]), amounts)


def fires(found: Iterable[Conduction]) -> list[str]:
    """What is to be said where spikes arrived that belong to no pulse."""
    extra = sum(each.unasked for each in found)
    if not extra:
        return []
    return [
        f"{extra} spike{'s' if extra > 1 else ''} of no pulse arrived as well: the fibre fires by itself, and pulses may be lost to it"
    ]


def remarks(
    question: Question, library: Library, ready: Prepared[Fibre] | Prepared[Myelinated], all_arrived: bool
) -> list[str]:
    """What a reader of the answer should know of the drugs."""
    built = ready.fibre
    stands = {key: built.blocked_as if isinstance(built, Myelinated) else (key,) for key in built.sodium}
    notes = told(ready.amounts, library, stands, prior=question.prior)
    if not all_arrived and ready.amounts:
        notes.append("in the model all of the fibre is in the drug, the stimulated end included")
    return notes


def title_of(question: Question, diameter: float, people: str = "") -> str:
    """The question in words; pulses that are not regular are only counted."""
    words = [f"{question.fibre} fibre{people}, {diameter:g} um, {question.length:g} mm"]
    if len(question.times) > 1:
        steps = np.diff(question.times)
        regular = bool(np.ptp(steps) <= 1e-6 * steps[0])
        words.append(f"{len(question.times)} pulses" + (f", one every {steps[0]:g} ms" if regular else ""))
    words += [*question.drugs, *([question.condition] if question.condition else [])]
    return "; ".join(words)


def _bare(question: Question, library: Library, course_too: bool, progress: Progress | None) -> Answer:
    """An unmyelinated fibre."""
    ready = prepared(question, library)
    found = conduct(
        ready.fibre,
        question.times,
        diameter=ready.diameter,
        length=question.length,
        state=ready.state,
        precision=question.precision,
        progress=progress,
    )
    shown = None
    if course_too:
        shown = course(
            ready.fibre,
            np.asarray(question.times, float),
            diameter=ready.diameter,
            length=question.length,
            state=ready.state,
            stimulus=found.stimulus,
        )
    notes = (*remarks(question, library, ready, bool(found.conducted.all())), *fires([found]))
    asked = as_run(question, ready.diameter, library)
    return Answer(asked, title_of(question, ready.diameter), {}, notes, ready.amounts, found, shown)


@dataclass(frozen=True)
class AnswerOfPeople(Reply):
    """What arrived in the fibre of each person, and the seed of who they are. Where they differ in severity, the question has none."""

    people: People
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --patients N --json` prints it."""
        asked, any_of_them = self.question, self.people.found[0]
        return {
            **self.people.to_dict(),
            **self.told(),
            "pulse_times_ms": any_of_them.times.tolist(),
            "recorded_at_mm": any_of_them.electrodes[2] / 1e3,
            "numerics": any_of_them.to_dict()["numerics"],
            "middle_diameter_um": asked.diameter,
            "length_mm": asked.length,
            "pulse_duration_ms": _pulse(asked),
            "seed": self.seed,
        }


def ask_people(
    question: Question,
    library: Library,
    *,
    patients: int,
    seed: int = 1,
    progress: Progress | None = None,
) -> AnswerOfPeople:
    """Run a question on the fibre of each of many people. Raises `ModelError` for what makes no sense."""
    with evidence.tally() as used:
        run = _myelinated_people if question.fibre in MYELINATED else _bare_people
        ready, found, said = run(question, library, patients, seed, progress)
    notes = remarks(question, library, ready, all(each.conducted.all() for each in found.found))
    notes += fires(each for each, ok in zip(found.found, found.finite, strict=True) if ok)
    return AnswerOfPeople(
        replace(question, diameter=ready.diameter), title_of(question, ready.diameter, f" of {counted(patients)}"),
        dict(used.counts), (*notes, said), ready.amounts, found, seed,
    )  # fmt: skip


def _bare_people(
    question: Question, library: Library, patients: int, seed: int, progress: Progress | None
) -> tuple[Prepared[Fibre], People, str]:
    """People with unmyelinated fibres, and in what they differ."""
    if question.condition is not None and question.severity is None:
        severity = severities(question.condition, library, patients, seed)
    else:
        severity = np.full(patients, question.severity or 0.0)
    ready = prepared(question, library, severity)
    found = conduct_people(
        ready.fibre,
        question.times,
        library,
        patients=patients,
        length=question.length,
        diameter=ready.diameter,
        state=ready.state,
        severities=severity,
        seed=seed,
        precision=question.precision,
        progress=progress,
    )
    said = "people differ in diameter as fibres of several people do (vanhees1981); densities do not vary: no source says by how much"
    return ready, found, said


def _myelinated_people(
    question: Question, library: Library, patients: int, seed: int, progress: Progress | None
) -> tuple[Prepared[Myelinated], People, str]:
    """People whose myelinated fibres differ in width."""
    ready = _prepared_myelinated(question, library)
    found = conduct_myelinated(
        ready.fibre,
        question.times,
        library,
        patients=patients,
        length=question.length,
        diameter=ready.diameter,
        state=ready.state,
        seed=seed,
        progress=progress,
    )
    said = "people differ in the width of their fibres by a spread that is assumed; nothing else differs"
    return ready, found, said
