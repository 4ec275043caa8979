"""Fit the few numbers between receptors and a pain rating to trials of pain, under priors.

What is free stands in `fits/pain_priors.toml`: the reserve of the mu receptor, the exponent of perception, the sub-additivity of drug and
placebo, and the alpha2delta up-regulation, common to all conditions times an own factor of each. With y the published changes against
placebo, f(x) the simulated ones at x = ln(value / prior), s the SD of the priors:

    minimise  (y - f)' C^-1 (y - f) + sum (x / s)^2,
    C = sampling covariance + (between-trial SD)^2 for all results of one trial + covariance of f under ignorance of all other numbers.

So no trial is fitted more finely than trials agree, nor than kinetics and receptor constants are known: a drug whose constants are
guessed says little. f is the mean over draws of every number that is not free (the same draws at every x) and over people; their
covariance is taken at the minimum found without it, then the search is repeated. Minimised by Gauss-Newton from the priors, each step
halved until it helps. The covariance of x at the minimum (linearised) gives the errors. Only trials of the role `calibrate` may be opened.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia import pathway, patients, perception, spinal
from analgesia.calibration.pain_trials import PainTrial, pain_trials, ready
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence.library import Folder

if TYPE_CHECKING:
    from analgesia.evidence import Library, Number

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

PRIORS = "pain_priors"
CORRELATIONS = "pain_correlations"
STEP = 0.05
"""Difference of x for a derivative."""
STEPS = 8
"""Most steps of one search."""
REPLICATES = 20
"""Draws of ignorance of what is not free."""
HALVINGS = 5
CONVERGED = 1e-3
"""Fall of the sum of squares below which the search ends."""
SAME_FOR_ALL = "*"


@dataclass(frozen=True)
class Free:
    """A free factor: the numbers it scales (`folder.record.parameter`, * for every record), prior and SD of its logarithm."""

    key: str
    prior: float
    unit: str
    sd: float

    def scales(self, target: Target) -> bool:
        """Whether the factor is one of the target's."""
        folder, record, parameter = self.key.split(".")
        return (folder, parameter) == (target.folder, target.parameter) and record in (
            SAME_FOR_ALL,
            target.record,
        )


@dataclass(frozen=True)
class Target:
    """A number of the evidence that is the product of its free factors."""

    folder: str
    record: str
    parameter: str

    @property
    def name(self) -> str:
        """Dotted name."""
        return f"{self.folder}.{self.record}.{self.parameter}"

    def number(self, library: Library) -> Number:
        """The number as the library holds it."""
        found: Number = library.folder(self.folder)[self.record].parameters[self.parameter]
        return found


@dataclass(frozen=True)
class Row:
    """One result of a trial: published, simulated at the fitted numbers, and the distance in standard deviations of C."""

    trial: str
    arm: str
    published: float
    se: float
    simulated: float
    distance: float


@dataclass(frozen=True)
class PainFit:
    """The minimum: x, its covariance, and what was met. `waiting` names trials whose drug has no kinetics here, with the drug."""

    free: tuple[Free, ...]
    targets: tuple[Target, ...]
    x: Floats
    covariance: Floats
    rows: tuple[Row, ...]
    cost: float
    steps: int
    sources: tuple[str, ...]
    waiting: tuple[tuple[str, str], ...]

    def value(self, target: Target) -> float:
        """Fitted value of a number."""
        return target_value(target, self.free, self.x)

    def error(self, target: Target) -> float:
        """SD of its logarithm."""
        return math.sqrt(self.joint(target, target))

    def joint(self, one: Target, other: Target) -> float:
        """Covariance of the logarithms of two fitted numbers."""
        a, b = (np.array([float(free.scales(target)) for free in self.free]) for target in (one, other))
        return float(a @ self.covariance @ b)

    def prior_sd(self, target: Target) -> float:
        """SD of the logarithm of a number before the fit."""
        return math.sqrt(sum(free.sd**2 for free in self.free if free.scales(target)))


def free_numbers(library: Library) -> tuple[Free, ...]:
    """What the priors leave to be fitted."""
    if PRIORS not in library.fits:
        raise ModelError(f"a calibration of pain needs fits/{PRIORS}.toml")
    record = library.fits[PRIORS]
    free = []
    for key, number in record.parameters.items():
        if len(key.split(".")) != 3 or not number.uncertainty_sd_log > 0.0:
            raise EvidenceError(
                f"{', '.join(record.files)}: parameters.{key}: write folder.record.parameter, with a value above 0 and its gsd"
            )
        free.append(Free(key, number.to("1"), number.unit, number.uncertainty_sd_log))
    return tuple(free)


def targets_of(free: Sequence[Free], library: Library) -> tuple[Target, ...]:
    """The numbers of the evidence that the free factors scale."""
    found = []
    for each in free:
        folder, name, parameter = each.key.split(".")
        records = library.folder(folder)
        for record in records if name == SAME_FOR_ALL else [name]:
            target = Target(folder, record, parameter)
            if parameter in records[record].parameters and target not in found:
                found.append(target)
    return tuple(found)


def target_value(target: Target, free: Sequence[Free], x: Floats) -> float:
    """Product of the factors of a number at x."""
    return math.prod(
        each.prior * math.exp(shift) for each, shift in zip(free, x, strict=True) if each.scales(target)
    )


def adjusted(library: Library, values: Mapping[Target, float], *, known: bool = False) -> Library:
    """The library with other values of some numbers, `known` without error; everything else is shared with the original."""
    certain: dict[str, Any] = {"gsd": None, "se": None, "ci95": None, "range": None} if known else {}
    changed = copy.copy(library)
    for folder in {target.folder for target in values}:
        records = dict(library.folder(folder))
        for target, value in values.items():
            if target.folder == folder:
                record = records[target.record]
                number = replace(record.parameters[target.parameter], value=value, pooled=None, **certain)
                records[target.record] = record.model_copy(
                    update={"parameters": {**record.parameters, target.parameter: number}}
                )
        setattr(changed, folder, Folder(folder, records))
    return changed


@dataclass(frozen=True)
class _Prepared:
    """A trial with its people and their exposure, which no step of the fit changes."""

    trial: PainTrial
    lanes: pathway.Lanes
    exposures: Mapping[str, pathway.Exposure]


class Problem:
    """The sum of squares as a function of x."""

    def __init__(
        self,
        trials: Sequence[PainTrial],
        library: Library,
        size: int,
        seed: int,
        replicates: int = REPLICATES,
    ) -> None:
        closed = [trial.name for trial in trials if trial.role != "calibrate"]
        if closed:
            raise EvidenceError(
                f"held back for validation, not to be fitted to: {', '.join(closed)} (role is not calibrate)"
            )
        if not trials:
            raise EvidenceError(
                "there is no trial of pain that may be fitted to and whose drugs have kinetics"
            )
        self.trials, self.library, self.seed = tuple(trials), library, seed
        self.free = free_numbers(library)
        self.targets = targets_of(self.free, library)
        self.between = library.circuits["perception"].parameters["between_trial_sd"].to("NRS")
        known = adjusted(library, {t: t.number(library).to("1") for t in self.targets}, known=True)
        self.prepared = [self._prepare(trial, size, replicates, known) for trial in trials]
        self.published = np.array([row.central for trial in trials for row in trial.results])
        self.covariance = self._covariance()

    def _prepare(self, trial: PainTrial, size: int, replicates: int, known: Library) -> _Prepared:
        people = patients.population(trial.population, size, self.seed, self.library)
        lanes = pathway.Lanes.of(people, replicates).under_ignorance(known, self.seed)
        exposures = {
            arm.name: pathway.expose(arm, lanes, trial.times, self.library, self.seed) for arm in trial.arms
        }
        return _Prepared(trial, lanes, exposures)

    def _covariance(self) -> Floats:
        size = len(self.published)
        whole, at = np.zeros((size, size)), 0
        for trial in self.trials:
            part = slice(at, at + len(trial.results))
            whole[part, part] = trial.sampling_covariance() + self.between**2
            at = part.stop
        return whole

    def simulated(self, x: Floats) -> Floats:
        """Change against placebo of every result at x, mean over people: [result, draw of ignorance]."""
        values = {target: target_value(target, self.free, x) for target in self.targets}
        library = adjusted(self.library, values, known=True)
        return np.array([row for each in self.prepared for row in self._changes(each, library, values)])

    def _changes(self, each: _Prepared, library: Library, values: Mapping[Target, float]) -> list[Floats]:
        people, times = each.lanes.people, each.trial.times
        target = Target("conditions", each.trial.condition, "alpha2delta_upregulation")
        if target in values:
            factor = values[target] / target.number(self.library).to("1")
            low, high = target.number(self.library).within or (0.0, np.inf)
            scaled = np.clip(people.alpha2delta_upregulation * factor, low, high)
            people = replace(people, alpha2delta_upregulation=scaled)
        lanes = replace(each.lanes, people=people)
        nothing = {"alpha2delta": np.zeros((lanes.count, times.size))}
        placebo = self._felt(lanes, nothing, times, library)
        changes = {}
        for arm, exposure in each.exposures.items():
            bound = pathway.bind(exposure, lanes, times, library, self.seed)
            felt = self._felt(lanes, pathway.modulation(bound, library), times, library)
            changes[arm] = np.nanmean(lanes.fold(felt - placebo), axis=(1, 2))
        return [changes[row.arm] for row in each.trial.results]

    def _felt(
        self, lanes: pathway.Lanes, nodes: Mapping[str, Any], times: Floats, library: Library
    ) -> Floats:
        # The cord is that of the unchanged library: no free number lies in it, and its compiled network is found again.
        drive = spinal.drive(lanes.people, nodes, self.library, seed=self.seed, replicate=lanes.replicate)
        return perception.pain(
            drive, lanes.people, library, times=times, seed=self.seed, replicate=lanes.replicate
        )

    def admit_ignorance(self, x: Floats) -> None:
        """Add to the covariance what draws of every number that is not free make of the simulated results at x."""
        scatter = np.atleast_2d(np.cov(self.simulated(x)))
        self.covariance = np.asarray(self._covariance() + scatter, dtype=np.float64)

    def residuals(self, x: Floats) -> tuple[Floats, Floats]:
        """Whitened residuals of results and priors, and the simulated results."""
        simulated = np.asarray(self.simulated(x).mean(axis=1), dtype=np.float64)
        root = np.linalg.cholesky(self.covariance)
        met = np.linalg.solve(root, self.published - simulated)
        return np.concatenate([met, x / np.array([each.sd for each in self.free])]), simulated


def fit(
    library: Library,
    *,
    trials: Sequence[PainTrial] | None = None,
    size: int = 20,
    replicates: int = REPLICATES,
    seed: int = 1,
    progress: Progress | None = None,
) -> PainFit:
    """Fit to every trial of pain with the role `calibrate` whose drugs have kinetics here (or to `trials`)."""
    every = tuple(trials) if trials is not None else pain_trials(library, "calibrate")
    problem = Problem(ready(every), library, size, seed, replicates)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done, 2 * STEPS), 2 * STEPS)

    x = _minimum(problem, np.zeros(len(problem.free)), step)
    problem.admit_ignorance(x)
    x = _minimum(problem, x, step)
    residuals, simulated = problem.residuals(x)
    slope = _slope(problem, x, residuals)
    scatter = np.sqrt(np.diag(problem.covariance))
    rows = [(trial, row) for trial in problem.trials for row in trial.results]
    return PainFit(
        problem.free,
        problem.targets,
        x,
        np.asarray(np.linalg.inv(slope.T @ slope), dtype=np.float64),
        tuple(
            Row(
                trial.title, row.arm, row.central, row.se, float(value), float((value - row.central) / spread)
            )
            for (trial, row), value, spread in zip(rows, simulated, scatter, strict=True)
        ),
        float(residuals @ residuals),
        done,
        tuple(dict.fromkeys(trial.source for trial in problem.trials)),
        tuple((trial.name, ", ".join(trial.missing)) for trial in every if trial.missing),
    )


def _minimum(problem: Problem, x: Floats, step: Callable[[], None]) -> Floats:
    """Gauss-Newton from x."""
    residuals, _ = problem.residuals(x)
    for _ in range(STEPS):
        slope = _slope(problem, x, residuals)
        move = -np.linalg.lstsq(slope, residuals, rcond=None)[0]
        before = float(residuals @ residuals)
        for _ in range(HALVINGS):
            tried, _ = problem.residuals(x + move)
            if tried @ tried < before:
                x, residuals = x + move, tried
                break
            move = move / 2.0
        step()
        if before - float(residuals @ residuals) < CONVERGED:
            break
    return x


def _slope(problem: Problem, x: Floats, residuals: Floats) -> Floats:
    """Derivative of the residuals, forward differences."""
    columns = []
    for at in range(x.size):
        moved = x.copy()
        moved[at] += STEP
        columns.append((problem.residuals(moved)[0] - residuals) / STEP)
    return np.stack(columns, axis=1)
