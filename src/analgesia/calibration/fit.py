"""The fit: numbers under which simulated studies, analysed without compartments, print what the published ones printed.

Minimised over x (logarithms relative to the priors' medians), by damped Gauss-Newton on central differences:

    sum over results  ((ln simulated - ln printed) / error)^2
    + sum over printed SDs  ((ln SD simulated - ln SD printed) / error of an SD)^2
    + sum over numbers  (x / prior SD)^2

error^2 = (standard error of the printed statistic for its n)^2 + (model error)^2. Statistics of the same few people err together
(who absorbs much has a high Cmax and a high area), so the first sum is a quadratic form with their correlation among simulated people,
taken once at the start. The same people with the same luck serve every step, so the sum is a smooth function of x. The inverse of the
curvature at the end gives errors and correlations. Studies of the role `validate` are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia.calibration.problem import Free, Problem, Row, free_numbers
from analgesia.calibration.studies import DESIGNS, kinetic_studies
from analgesia.errors import ModelError

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

STEP = 0.04
MOST_STEPS = 12
TOLERANCE = 0.05
"""Stop when a step lowers the sum of squares by less."""


@dataclass(frozen=True)
class Fit:
    """The outcome: numbers, errors and correlations on the log scale, and how each printed result was met."""

    compound: str
    free: tuple[Free, ...]
    x: Floats
    covariance: Floats
    rows: tuple[Row, ...]
    cost: float
    steps: int
    sources: tuple[str, ...]

    def value(self, free: Free) -> float:
        """Fitted value in the unit of the prior."""
        return free.prior * math.exp(float(self.x[self.free.index(free)]))

    def error(self, free: Free) -> float:
        """SD of the logarithm of the fitted value."""
        at = self.free.index(free)
        return math.sqrt(float(self.covariance[at, at]))

    def studies_of(self, drug: str) -> tuple[str, ...]:
        """The studies whose results of `drug` were fitted."""
        return tuple(dict.fromkeys(row.study for row in self.rows if row.analyte == drug))

    def correlation(self, one: Free, other: Free) -> float:
        """Correlation of the errors of two fitted numbers."""
        i, j = self.free.index(one), self.free.index(other)
        return float(self.covariance[i, j] / math.sqrt(self.covariance[i, i] * self.covariance[j, j]))


def fit(
    compound: str,
    library: Library,
    *,
    size: int = 120,
    seed: int = 1,
    start: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit what the priors of `compound` leave free to every exposure study of the role `calibrate` that printed something of it.

    Numbers of drugs that are not formed from each other are fitted apart. `start`: values to begin from, by `Free.key`
    (default: what the evidence holds now). Seconds to minutes.
    """
    groups = apart(free_numbers(compound, library), library)
    known = kinetic_studies(library, "calibrate")
    found: list[Fit] = []
    total = MOST_STEPS * sum(len(free) for free, _ in groups)
    for free, analytes in groups:
        studies = [study for study in (each.only(analytes) for each in known) if study.results]
        if not studies:
            raise ModelError(f"no exposure study of {', '.join(analytes)} may be used to fit")
        before = MOST_STEPS * sum(len(each.free) for each in found)
        report = None if progress is None else _later(progress, before, total)
        found.append(_fitted(compound, Problem(free, studies, library, size, seed), start, report))
    covariance = np.zeros((sum(each.x.size for each in found),) * 2)
    at = 0
    for each in found:
        covariance[at : at + each.x.size, at : at + each.x.size] = each.covariance
        at += each.x.size
    return Fit(
        compound=compound,
        free=tuple(one for each in found for one in each.free),
        x=np.concatenate([each.x for each in found]),
        covariance=covariance,
        rows=tuple(row for each in found for row in each.rows),
        cost=sum(each.cost for each in found),
        steps=max(each.steps for each in found),
        sources=tuple(dict.fromkeys(source for each in found for source in each.sources)),
    )


def apart(free: Sequence[Free], library: Library) -> list[tuple[tuple[Free, ...], tuple[str, ...]]]:
    """The numbers in groups that can be fitted one after the other, each with its drugs: a parent and its metabolites are one."""
    groups: dict[str, list[Free]] = {}
    drugs = list(dict.fromkeys(one.drug for one in free))

    def root(drug: str) -> str:
        parent = library.drugs[drug].formed_from.get("drug") if drug in library.drugs else None
        return root(parent) if parent in drugs else drug

    for one in free:
        groups.setdefault(root(one.drug), []).append(one)
    return [
        (tuple(group), tuple(drug for drug in drugs if root(drug) == origin))
        for origin, group in groups.items()
    ]


def _later(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _fitted(
    compound: str, problem: Problem, start: Mapping[str, float] | None, progress: Progress | None
) -> Fit:
    """Damped Gauss-Newton of one problem."""
    x = _beginning(problem, start)
    rows, residuals = problem.rows(x)
    damping, steps = 0.02, 0
    jacobian = np.zeros((residuals.size, x.size))
    for steps in range(1, MOST_STEPS + 1):
        for column in range(x.size):
            move = STEP * (np.arange(x.size) == column)
            jacobian[:, column] = (problem.rows(x + move)[1] - problem.rows(x - move)[1]) / (2.0 * STEP)
            if progress is not None:
                progress((steps - 1) * x.size + column + 1, MOST_STEPS * x.size)
        before = float(residuals @ residuals)
        for _ in range(6):
            curvature = jacobian.T @ jacobian
            damped = curvature + damping * np.diag(np.diag(curvature))
            move = np.clip(-np.linalg.solve(damped, jacobian.T @ residuals), -0.7, 0.7)
            tried_rows, tried = problem.rows(x + move)
            if float(tried @ tried) < before:
                x, rows, residuals, damping = x + move, tried_rows, tried, damping / 4.0
                break
            damping = max(damping, 0.01) * 5.0
        else:
            break
        if before - float(residuals @ residuals) < TOLERANCE:
            break
    return Fit(
        compound=compound,
        free=problem.free,
        x=x,
        covariance=np.asarray(np.linalg.inv(jacobian.T @ jacobian), dtype=np.float64),
        rows=tuple(rows),
        cost=float(residuals @ residuals),
        steps=steps,
        sources=tuple(dict.fromkeys(study.source for study in problem.studies)),
    )


def _beginning(problem: Problem, start: Mapping[str, float] | None) -> Floats:
    """Where to begin, in x: given values, else what the evidence holds, else the prior."""
    x = np.zeros(len(problem.free))
    record = problem.library.fits.get(DESIGNS)
    designs = {} if record is None else record.parameters
    for at, free in enumerate(problem.free):
        value: float | None = (start or {}).get(free.key)
        if value is None and free.kind == "values":
            value = problem.originals[free.name].to(free.unit)
        if value is None and free.kind == "spreads":
            value = problem.originals[free.name].iiv
        if value is None and free.kind == "designs" and free.name in designs:
            value = designs[free.name].to(free.unit)
        if value:
            x[at] = np.clip(math.log(value / free.prior), -3.0 * free.sd, 3.0 * free.sd)
    return x
