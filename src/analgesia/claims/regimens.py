"""Documented ways of taking something: gathered from claims, trials and the folder `regimens`, each once.

An amount is here because a study, survey or label records it; it is no suggestion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from analgesia.errors import AnalgesiaError, EvidenceError
from analgesia.evidence import Library
from analgesia.evidence.schema import Trial
from analgesia.pathway import Arm
from analgesia.pharmacokinetics import administration
from analgesia.quantities import parse_positive

LONGEST_H = 24.0 * 15
"""A regimen is followed no longer than this: drugs that are still rising then have half-lives of days."""

LENGTH_H = 24.0
"""Length of a single dose, and the least that is followed."""


@dataclass(frozen=True)
class Documented:
    """One regimen: the arm to simulate and for how long (h), the source that records it, its status, and the file it stands in."""

    arm: Arm
    hours: float
    source: str
    status: str
    origin: str
    note: str | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two regimens the same: everything but their names."""
        arm = self.arm
        return (arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        arm = self.arm
        return {
            "name": arm.name,
            "item": arm.item,
            "dose": arm.dose,
            "route": arm.route,
            "every": arm.every,
            "doses": arm.doses,
            "hours": self.hours,
            "documented_by": self.source,
            "status": self.status,
            "origin": self.origin,
            "note": self.note,
        }


def documented(library: Library) -> tuple[Documented, ...]:
    """Every documented regimen of the library, each once; raises EvidenceError with file and key for one that cannot be taken."""
    found: dict[tuple[Any, ...], Documented] = {}
    for one in (*_of_claims(library), *_of_folder(library), *_of_trials(library)):
        found.setdefault(one.key, one)
    named: dict[str, int] = {}
    out = []
    for one in found.values():
        named[one.arm.name] = named.get(one.arm.name, 0) + 1
        if named[one.arm.name] > 1:
            one = replace(one, arm=one.arm.renamed(f"{one.arm.name} ({one.source})"))
        out.append(one)
    return tuple(out)


def _of_claims(library: Library) -> Iterator[Documented]:
    for claim in library.claims.values():
        hours = parse_positive(claim.experiment.duration, "h", "experiment.duration")
        for arm in claim.experiment.arms:
            if arm.documented_by is None:
                continue
            taken = Arm(arm.name, arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses)
            statuses = {item.status for item in claim.evidence if item.source == arm.documented_by}
            status = "read" if statuses <= {"read"} and statuses else "secondary"
            yield _checked(taken, hours, arm.documented_by, status, ", ".join(claim.files), None, library)


def _of_folder(library: Library) -> Iterator[Documented]:
    for one in library.regimens.values():
        arm = Arm(one.title or one.name, one.kind, one.item, one.dose, one.route, one.every, one.doses)
        yield _checked(arm, _hours(arm), one.source, one.status, ", ".join(one.files), one.note, library)


def _of_trials(library: Library) -> Iterator[Documented]:
    """Arms of trials that say what was taken and how much; a study of kinetics names its item once, in its design."""
    for trial in library.trials.values():
        for row in trial.arms:
            item = str(row.get("item", trial.design.get("item", "")))
            if not item or "dose" not in row:
                continue
            every = row.get("every", trial.design.get("every"))
            kind = "product" if item in library.products else "drug"
            if kind == "drug" and (item not in library.drugs or not library.drugs[item].routes):
                continue
            route = row.get("route", trial.design.get("route", "oral"))
            count = _doses(trial, every)
            dose = str(row["dose"])
            name = f"{item.replace('_', ' ')}, {dose}" + (f" every {every}" if every else " once")
            arm = Arm(name, kind, item, dose, str(route), every, count)
            statuses = {result.get("status") for result in trial.results}
            status = "read" if statuses == {"read"} else "secondary"
            note = trial.design.get("dose_basis")
            yield _checked(arm, _hours(arm), trial.source, status, ", ".join(trial.files), note, library)


def _doses(trial: Trial, every: str | None) -> int:
    """How many doses of a trial's regimen are followed: those it says, or as many as fit into LONGEST_H."""
    if every is None:
        return 1
    interval = parse_positive(every, "h", "every")
    most = max(round(LONGEST_H / interval), 1)
    return min(int(trial.design.get("doses", most)), most)


def _hours(arm: Arm) -> float:
    """To one interval after the last dose, at least a day."""
    if arm.every is None:
        return LENGTH_H
    return max(LENGTH_H, parse_positive(arm.every, "h", "every") * arm.doses)


def _checked(
    arm: Arm, hours: float, source: str, status: str, origin: str, note: str | None, library: Library
) -> Documented:
    try:
        administration(arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses, library)
    except AnalgesiaError as error:
        raise EvidenceError(f"{origin}: the regimen {arm.name!r} cannot be taken: {error}") from None
    return Documented(arm, hours, source, status, origin, note)
