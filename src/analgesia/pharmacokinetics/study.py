"""Dose people, sample them, analyse them: one run of a kinetic study.

With several doses every statistic refers to the time after the last one, except `accumulation` (area over one dosing interval after
the last dose over that after the first). `ratio_to_parent` compares areas over the dosing interval, or over the first 24 h after a
single dose; `urine_fraction` is what appears in urine while blood is sampled over the amount of one dose (of the drug and its parents).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import Solution, Status, solve
from analgesia.pharmacokinetics.dosing import Administration, lineage
from analgesia.pharmacokinetics.kinetics import People, parameters_for
from analgesia.pharmacokinetics.noncompartmental import Noncompartmental, analyse
from analgesia.pharmacokinetics.structure import absolute_tolerances, system

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]
Advance = Callable[[int], None]

CHUNK = 2_000
"""People solved at once: bounds memory, changes no result."""

DRAWN = 2_000
"""People whose concentrations are kept for the picture."""

CURVE_POINTS = 160
CURVE_AFTER_DOSE = np.array([0, 0.1, 0.25, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8])
CURVED_DOSES = 40

STATISTICS = (
    "cmax",
    "tmax",
    "auc_last",
    "auc_inf",
    "half_life",
    "accumulation",
    "ratio_to_parent",
    "urine_fraction",
    "auc_interval",
    "cmax_ratio_to_parent",
    "extrapolated",
)


@dataclass(frozen=True)
class Plan:
    """Regimen, sampling times after the last dose (h), interval for ratios (h), limits of quantification (ng/mL)."""

    regimen: Administration
    samples: Floats
    interval: float
    limits: Mapping[str, float]

    @property
    def start(self) -> float:
        """Time of the last dose."""
        return float(self.regimen.times[-1])


@dataclass(frozen=True)
class Findings:
    """`values[analyte][statistic][person]` with concentrations in ng/mL; reasons of missing half-lives; curves [person, time]."""

    values: Mapping[str, Mapping[str, Floats]]
    reasons: Mapping[str, Mapping[str, int]]
    failed: int
    curve_times: Floats
    curves: Mapping[str, Floats]


def observe(
    plan: Plan,
    people: People,
    seed: int,
    replicate: NDArray[np.int64] | None,
    library: Library,
    *,
    curves: bool = False,
    advance: Advance | None = None,
) -> Findings:
    """Carry out `plan` on `people`, each under draw `replicate` of ignorance (None: central values)."""
    names = [drug.name for drug in plan.regimen.drugs]
    pieces: dict[str, dict[str, list[Floats]]] = {name: {key: [] for key in STATISTICS} for name in names}
    reasons: dict[str, Counter[str]] = {name: Counter() for name in names}
    drawn: dict[str, list[Floats]] = {name: [] for name in names}
    curve_times = _curve_times(plan) if curves else np.zeros(0)
    failed = 0
    for begin in range(0, len(people), CHUNK):
        which = np.arange(begin, min(begin + CHUNK, len(people)))
        some = people.select(which)
        draws = None if replicate is None else replicate[which]
        extra = curve_times if begin < DRAWN else np.zeros(0)
        course = _solved(plan, some, seed, draws, library, extra)
        failed += int(np.sum(course.solution.status != Status.OK))
        found, why = _statistics(plan, course, plan.regimen.given(some, seed, draws))
        for name in names:
            reasons[name].update(why[name])
            for key in STATISTICS:
                pieces[name][key].append(found[name][key])
            if extra.size:
                drawn[name].append(course.total(name)[:, np.isin(course.times, curve_times)])
        if advance is not None:
            advance(which.size)
    return Findings(
        values={name: {key: np.concatenate(parts) for key, parts in pieces[name].items()} for name in names},
        reasons={name: dict(counts) for name, counts in reasons.items()},
        failed=failed,
        curve_times=curve_times,
        curves={name: np.concatenate(parts) for name, parts in drawn.items() if parts},
    )


def _curve_times(plan: Plan) -> Floats:
    """Times for a picture: evenly spaced, and close together after each dose, where concentrations move."""
    end = plan.start + float(plan.samples[-1])
    after = (plan.regimen.times[-CURVED_DOSES:, None] + CURVE_AFTER_DOSE).ravel()
    return np.unique(np.concatenate([np.linspace(0.0, end, CURVE_POINTS), after[after <= end]]))


@dataclass(frozen=True)
class _Course:
    """A solved run: when, and which of the times belong to the first interval and to the samples after the last dose."""

    times: Floats
    solution: Solution

    def total(self, name: str) -> Floats:
        """Total plasma concentration, ng/mL [person, time]."""
        return np.asarray(self.solution.output(f"{name}.total"))

    def urine(self, name: str) -> Floats:
        """Amount in urine so far, nmol [person, time]."""
        return np.asarray(self.solution.state(f"{name}.urine"))


def _solved(
    plan: Plan,
    people: People,
    seed: int,
    replicate: NDArray[np.int64] | None,
    library: Library,
    extra: Floats,
) -> _Course:
    drugs = plan.regimen.drugs
    around = np.append(plan.samples, plan.interval)
    early = around[around <= plan.interval]
    grid = np.unique(np.concatenate([early, plan.start + around, extra]))
    solution = solve(
        system(drugs),
        parameters_for(people, drugs, seed, replicate, library=library),
        times=grid,
        doses=plan.regimen.doses_for(people, seed, replicate),
        patients=len(people),
        atol=absolute_tolerances(drugs),
    )
    return _Course(grid, solution)


def _statistics(
    plan: Plan, course: _Course, given: Mapping[str, Floats]
) -> tuple[dict[str, dict[str, Floats]], dict[str, dict[str, int]]]:
    """Every statistic of every analyte, one value per person."""
    sampled = np.isin(course.times, plan.start + plan.samples)
    around = np.append(plan.samples, plan.interval)
    one = np.isin(course.times, plan.start + around[around <= plan.interval])
    opening = np.isin(course.times, around[around <= plan.interval])
    last, first = np.flatnonzero(sampled)[-1], np.flatnonzero(sampled)[0]
    values: dict[str, dict[str, Floats]] = {}
    reasons: dict[str, dict[str, int]] = {}
    for drug in plan.regimen.drugs:
        drawn, limit = course.total(drug.name), plan.limits[drug.name]
        whole = _analysed(plan, course.times, drawn, sampled, limit)
        interval = _analysed(plan, course.times, drawn, one, limit)
        nothing = np.full(len(drawn), np.nan)
        urine = course.urine(drug.name)
        doses = [given[name] for name in lineage(plan.regimen.drugs, drug.name) if name in given]
        values[drug.name] = {
            "cmax": whole.cmax,
            "tmax": whole.tmax,
            "auc_last": whole.auc_last,
            "auc_inf": whole.auc_inf,
            "half_life": whole.half_life,
            "accumulation": nothing,
            "ratio_to_parent": nothing,
            "urine_fraction": (urine[:, last] - urine[:, first]) / sum(doses, np.zeros(len(urine))),
            "auc_interval": interval.auc_last,
            "cmax_ratio_to_parent": nothing,
            "extrapolated": whole.extrapolated,
        }
        if plan.regimen.times.size > 1:
            before = _analysed(plan, course.times, drawn, opening, limit)
            values[drug.name]["accumulation"] = interval.auc_last / before.auc_last
        reasons[drug.name] = whole.reasons()
    for drug in plan.regimen.drugs:
        if drug.parent in values:
            own, parent = values[drug.name], values[drug.parent]
            own["ratio_to_parent"] = own["auc_interval"] / parent["auc_interval"]
            own["cmax_ratio_to_parent"] = own["cmax"] / parent["cmax"]
    return values, reasons


def _analysed(
    plan: Plan, times: Floats, drawn: Floats, mask: NDArray[np.bool_], limit: float
) -> Noncompartmental:
    clock = times[mask] - times[mask][0]
    return analyse(clock, drawn[:, mask], lloq=limit, bolus=plan.regimen.route == "intravenous")
