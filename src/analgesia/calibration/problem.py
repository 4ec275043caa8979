"""The sum of squares of a fit of kinetics, as a function of the numbers that are free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia import patients
from analgesia.calibration.studies import Study, simulate_study, summarised
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence.numbers import Number
from analgesia.pharmacokinetics import Findings, Plan

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]

MODEL_ERROR = 0.08
"""SD of ln(simulated / true) granted to the model itself, so that no single printed number dominates."""

MISSING = 5.0
"""Residual of a statistic that could not be simulated at all."""


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

    @property
    def drug(self) -> str:
        """The drug it is about: `drug.parameter`, `product.relative_bioavailability.drug` or `source.lloq.drug`."""
        last = any(f".{word}." in self.name for word in ("relative_bioavailability", "lloq"))
        return self.name.rpartition(".")[2] if last else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Row:
    """One line of the outcome: printed and simulated, and their distance in standard errors."""

    study: str
    analyte: str
    label: str
    published: float
    simulated: float
    unit: str
    distance: float


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
        """Numbers and designs at x. A fitted value is spread between people only where the spread is fitted too."""
        numbers: dict[str, Number] = {}
        designs: dict[str, float] = {}
        for free, shift in zip(self.free, x, strict=True):
            value = free.prior * math.exp(float(shift))
            if free.kind == "designs":
                designs[free.name] = value
                continue
            number = numbers.get(free.name, self.originals[free.name])
            if free.kind == "values":
                numbers[free.name] = replace(number, value=value, unit=free.unit, iiv=None)
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
                    Row(
                        study.name,
                        result.analyte,
                        result.label,
                        result.value,
                        simulated,
                        result.unit,
                        distances[-1],
                    )
                )
                if result.spread is not None and result.statistic != "tmax":
                    distance = _distance(spread, result.spread, 1.0 / math.sqrt(2.0 * (result.n - 1)))
                    residuals.append(distance)
                    rows.append(
                        Row(
                            study.name,
                            result.analyte,
                            f"{result.label}, SD of ln",
                            result.spread,
                            spread,
                            "1",
                            distance,
                        )
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
