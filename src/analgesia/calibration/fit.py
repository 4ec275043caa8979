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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia import patients
from analgesia.calibration.studies import DESIGNS, Study, kinetic_studies, simulate_study, summarised
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence.numbers import Number
from analgesia.pharmacokinetics import Findings, Plan

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

MODEL_ERROR = 0.08
"""SD of ln(simulated / true) granted to the model itself, so that no single printed number dominates."""

MISSING = 5.0
"""Residual of a statistic that could not be simulated at all."""

STEP = 0.04
MOST_STEPS = 12
TOLERANCE = 0.05
"""Stop when a step lowers the sum of squares by less."""


@dataclass(frozen=True)
class Free:
    """One free number: its kind (`values`, `spreads`, `designs`), name, prior median and SD of the logarithm."""

    kind: str
    name: str
    prior: float
    unit: str
    sd: float

    @property
    def key(self) -> str:
        """Kind and name: unique."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True)
class Row:
    """One line of the outcome: printed and simulated, and their distance in standard errors."""

    study: str
    label: str
    published: float
    simulated: float
    unit: str
    distance: float


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

    def correlation(self, one: Free, other: Free) -> float:
        """Correlation of the errors of two fitted numbers."""
        i, j = self.free.index(one), self.free.index(other)
        return float(self.covariance[i, j] / math.sqrt(self.covariance[i, i] * self.covariance[j, j]))


def free_numbers(compound: str, library: Library) -> tuple[Free, ...]:
    """What the priors of `compound` leave to be fitted."""
    record = library.fits.get(f"{compound}_priors")
    if record is None:
        raise ModelError(
            f"there are no priors for {compound}: a calibration needs fits/{compound}_priors.toml"
        )
    return tuple(
        Free(kind, name, number.to(number.unit), number.unit, number.uncertainty_sd_log)
        for kind in ("values", "spreads", "designs")
        for name, number in record.parameters.get(kind, {}).items()
    )


class Problem:
    """The sum of squares as a function of x; holds people and studies, which no step changes."""

    def __init__(
        self, free: Sequence[Free], studies: Sequence[Study], library: Library, size: int, seed: int
    ) -> None:
        closed = [study.name for study in studies if study.role != "calibrate"]
        if closed:
            raise EvidenceError(f"{', '.join(closed)}: held back to validate; the fitter may not open it")
        self.free = tuple(free)
        self.studies = tuple(studies)
        self.library = library
        self.seed = seed
        self.people = {
            name: patients.population(name, size, seed, library)
            for name in {study.population for study in studies}
        }
        self.originals = _numbers(studies)
        self.whitening: dict[str, Floats] = {}
        missing = [f.name for f in free if f.kind != "designs" and f.name not in self.originals]
        if missing:
            raise EvidenceError(f"a prior names {missing[0]!r}, which no regimen of the studies uses")

    def changed(self, x: Floats) -> tuple[dict[str, Number], dict[str, float]]:
        """Numbers and designs at x."""
        numbers: dict[str, Number] = {}
        designs: dict[str, float] = {}
        for free, shift in zip(self.free, x, strict=True):
            value = free.prior * math.exp(float(shift))
            if free.kind == "designs":
                designs[free.name] = value
                continue
            number = numbers.get(free.name, self.originals[free.name])
            if free.kind == "values":
                numbers[free.name] = replace(number, value=value, unit=free.unit)
            else:
                numbers[free.name] = replace(number, iiv=value)
        for name in list(numbers):  # what is brewed with the parent is brewed with it
            item, _, rest = name.partition(".relative_bioavailability.")
            if rest:
                for sibling in self.originals:
                    if sibling.startswith(f"{item}.relative_bioavailability.") and sibling != name:
                        numbers[sibling] = numbers[name]
        return numbers, designs

    def rows(self, x: Floats) -> tuple[list[Row], Floats]:
        """Every comparison at x, and all residuals, the priors' last."""
        numbers, designs = self.changed(x)
        rows: list[Row] = []
        residuals: list[float] = []
        for study in self.studies:

            def change(plan: Plan, study: Study = study) -> Plan:
                limits = {
                    name: designs.get(f"{study.source}.lloq.{name}", limit)
                    for name, limit in plan.limits.items()
                }
                return replace(plan, regimen=plan.regimen.with_numbers(numbers), limits=limits)

            findings = simulate_study(study, self.people[study.population], self.seed, self.library, change)
            distances: list[float] = []
            shares: list[float] = []
            for result in study.results:
                simulated, spread = summarised(result, study, findings)
                own = result.standard_error_log(result.spread or spread)
                error = math.hypot(own, MODEL_ERROR)
                distances.append(_distance(simulated, result.value, error))
                shares.append(own / error if math.isfinite(error) else 0.0)
                rows.append(
                    Row(study.name, result.label, result.value, simulated, result.unit, distances[-1])
                )
                if result.spread is not None and result.statistic != "tmax":
                    distance = _distance(spread, result.spread, 1.0 / math.sqrt(2.0 * (result.n - 1)))
                    residuals.append(distance)
                    rows.append(
                        Row(study.name, f"{result.label}, SD of ln", result.spread, spread, "1", distance)
                    )
            if study.name not in self.whitening:
                self.whitening[study.name] = _whitening(study, findings, np.array(shares))
            residuals += (self.whitening[study.name] @ np.array(distances)).tolist()
        priors = [float(shift) / free.sd for free, shift in zip(self.free, x, strict=True)]
        return rows, np.array([*residuals, *priors])


def _whitening(study: Study, findings: Sequence[Findings], shares: Floats) -> Floats:
    """What turns the distances of one study into independent ones. `shares`: sampling error over whole error, per result.

    Results over several cohorts are taken as independent.
    """
    size = len(study.results)
    if len(findings) > 1 or size < 2:
        return np.eye(size)
    values = np.array([findings[0].values[result.analyte][result.statistic] for result in study.results])
    whole = np.all(np.isfinite(values) & (values > 0), axis=0)
    if np.sum(whole) < 3 * size:
        return np.eye(size)
    correlation = np.corrcoef(np.log(values[:, whole]))
    covariance = correlation * np.outer(shares, shares)
    np.fill_diagonal(covariance, 1.0)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _distance(simulated: float, published: float, error: float) -> float:
    if not (math.isfinite(simulated) and simulated > 0):
        return MISSING
    return math.log(simulated / published) / error


def _numbers(studies: Sequence[Study]) -> dict[str, Number]:
    """Every number of every regimen, by the name under which it can be changed."""
    found: dict[str, Number] = {}
    for study in studies:
        for plan in study.plans:
            for drug in plan.regimen.drugs:
                found |= {f"{drug.name}.{key}": number for key, number in drug.numbers.items()}
            for part in plan.regimen.parts:
                found |= dict(part.factors)
    return found


def fit(
    compound: str,
    library: Library,
    *,
    size: int = 120,
    seed: int = 1,
    start: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit the kinetics of `compound` to every exposure study of the role `calibrate` that follows it.

    `start`: values to begin from, by `Free.key` (default: what the evidence holds now). Seconds to minutes.
    """
    free = free_numbers(compound, library)
    studies = [
        study
        for study in kinetic_studies(library, "calibrate")
        if any(drug.name == compound for drug in study.plans[0].regimen.drugs)
    ]
    if not studies:
        raise ModelError(f"no exposure study of {compound} may be used to fit")
    problem = Problem(free, studies, library, size, seed)
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
        free=free,
        x=x,
        covariance=np.asarray(np.linalg.inv(jacobian.T @ jacobian), dtype=np.float64),
        rows=tuple(rows),
        cost=float(residuals @ residuals),
        steps=steps,
        sources=tuple(dict.fromkeys(study.source for study in studies)),
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
