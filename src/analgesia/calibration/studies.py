"""Published exposure studies and their simulated counterparts.

A study is a file of `trials` whose design says kind = "kinetics": item, doses, sampling, limits of quantification, and what was printed.
Each printed result is a statistic over people (`median`, `mean`) or over the cohorts of a dose escalation. The fitter is given
studies of the role `calibrate` only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import EvidenceError
from analgesia.evidence import units
from analgesia.pharmacokinetics import Administration, Findings, Plan, administration, observe, sampling_times
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.evidence import Library
    from analgesia.pharmacokinetics import People

Floats = NDArray[np.float64]

EXPECTED_RANGE = {
    2: 1.128,
    3: 1.693,
    4: 2.059,
    5: 2.326,
    6: 2.534,
    8: 2.847,
    10: 3.078,
    12: 3.258,
    15: 3.472,
    20: 3.735,
}
"""Expected range of n standard normal values (the d2 of quality control): turns a printed range into an SD."""

MEDIAN_EFFICIENCY = 1.2533
"""Standard error of a median over that of a mean, normal data: sqrt(pi / 2)."""

CONCENTRATIONS = ("cmax", "auc_last", "auc_inf", "auc_interval")
MEDIANS = ("median", "range_of_cohort_medians")
A_DAY = 24.0

DESIGNS = "kinetic_designs"
"""Record of `fits` with what a fit made of the unprinted part of a design, by `<source>.lloq.<drug>`."""


@dataclass(frozen=True)
class Result:
    """One printed statistic: its central value, the SD of its logarithm between people where printed, and how well it was measured."""

    analyte: str
    statistic: str
    summary: str
    value: float
    unit: str
    low: float | None
    high: float | None
    spread: float | None
    at: str
    status: str
    n: int

    @property
    def label(self) -> str:
        """Analyte and statistic, for tables."""
        return f"{self.analyte} {self.statistic}"

    def standard_error_log(self, spread: float) -> float:
        """SD of the printed value's logarithm when people differ by `spread` (SD of logarithms)."""
        error = spread / math.sqrt(self.n)
        if self.summary in MEDIANS:
            error *= MEDIAN_EFFICIENCY
        if self.summary.startswith("range") and self.low and self.high:
            error = max(error / 2.0, math.log(self.high / self.low) / 4.0)
        if self.summary == "highest_over_lowest_per_dose" and self.low and self.high:
            error = math.log(self.high / self.low) / 2.0
        return error


@dataclass(frozen=True)
class Study:
    """A published exposure study: one plan per dose level, and what was printed."""

    name: str
    source: str
    role: str
    title: str
    population: str
    doses: tuple[str, ...]
    plans: tuple[Plan, ...]
    results: tuple[Result, ...]
    notes: tuple[str, ...]

    def only(self, analytes: Collection[str]) -> Study:
        """The same study as if it had measured only `analytes`: their results, and the drugs that bear on them."""
        results = tuple(result for result in self.results if result.analyte in analytes)
        followed = {result.analyte for result in results}
        plans = tuple(replace(plan, regimen=plan.regimen.only(followed)) for plan in self.plans)
        return replace(self, results=results, plans=plans)


def kinetic_studies(library: Library, role: str | None = None) -> tuple[Study, ...]:
    """Every exposure study of the library, or those of one `role` ("calibrate", "validate")."""
    return tuple(
        read_study(name, library)
        for name, trial in library.trials.items()
        if trial.design.get("kind") == "kinetics" and role in (None, trial.role)
    )


def read_study(name: str, library: Library) -> Study:
    """Read one study. Raises EvidenceError naming what its file lacks."""
    trial = library.trials[name]
    design = trial.design
    try:
        samples = sampling_times(design["sampling"], None)
        regimens = [
            administration(
                "product" if design["item"] in library.products else "drug",
                design["item"],
                arm["dose"],
                design["route"],
                design.get("every"),
                int(design["doses"]),
                library,
            )
            for arm in trial.arms
        ]
        results = tuple(
            _result(row, regimens[0], int(row["n"] if "n" in row else design["n"])) for row in trial.results
        )
        limits = design["lloq"]
        fitted = library.fits[DESIGNS].parameters if DESIGNS in library.fits else {}
        found = {}
        for drug in regimens[0].drugs:
            key = f"{trial.source}.lloq.{drug.name}"
            if key in fitted:
                found[drug.name] = fitted[key].to("ng/mL")
            elif drug.name in limits or "assay_lloq" not in drug.numbers:
                found[drug.name] = Quantity.parse(limits[drug.name]).to("ng/mL", drug.molar_mass)
            else:
                found[drug.name] = drug.numbers["assay_lloq"].to("ng/mL", drug.molar_mass)
        plans = tuple(_plan(regimen, samples, found) for regimen in regimens)
    except KeyError as missing:
        raise EvidenceError(f"{', '.join(trial.files)}: an exposure study needs {missing}") from None
    notes = tuple(f"{key}: {text}" for key, text in design.items() if key.endswith("_basis"))
    return Study(
        name=name,
        source=trial.source,
        role=trial.role,
        title=trial.title or name,
        population=trial.population or "healthy_volunteer",
        doses=tuple(arm["dose"] for arm in trial.arms),
        plans=plans,
        results=results,
        notes=(*notes, *([f"lloq: {limits['basis']}"] if "basis" in limits else [])),
    )


def _plan(regimen: Administration, samples: Floats, limits: Mapping[str, float]) -> Plan:
    interval = float(regimen.times[1] - regimen.times[0]) if regimen.times.size > 1 else A_DAY
    return Plan(regimen, samples, interval, limits)


def _result(row: Mapping[str, Any], regimen: Administration, n: int) -> Result:
    """A printed row, concentrations turned into ng/mL."""
    statistic, unit = row["statistic"], row["unit"]
    masses = {drug.name: drug.molar_mass for drug in regimen.drugs}
    target = unit
    if statistic in CONCENTRATIONS and row["summary"] != "highest_over_lowest_per_dose":
        target = "ng/mL" if statistic == "cmax" else "ng/mL*h"

    def converted(key: str) -> float | None:
        return float(units.convert(row[key], unit, target, masses[row["analyte"]])) if key in row else None

    low, high, value, sd = (converted(key) for key in ("low", "high", "central", "sd"))
    spread = None
    if sd is not None and value:
        spread = math.sqrt(math.log1p((sd / value) ** 2))
    elif row.get("spread") == "range" and low and high:
        spread = math.log(high / low) / EXPECTED_RANGE[n]
    if value is None:
        value = math.sqrt(low * high) if low and high else math.nan
    return Result(
        row["analyte"],
        statistic,
        row["summary"],
        value,
        target,
        low,
        high,
        spread,
        row["at"],
        row["status"],
        n,
    )


def simulate_study(
    study: Study, people: People, seed: int, library: Library, change: Callable[[Plan], Plan] | None = None
) -> list[Findings]:
    """Findings of each dose level with every number at its central value; `change` may alter a plan first."""
    plans = study.plans if change is None else tuple(change(plan) for plan in study.plans)
    return [observe(plan, people, seed, None, library) for plan in plans]


def summarised(result: Result, study: Study, findings: Sequence[Findings]) -> tuple[float, float]:
    """The simulated counterpart of a printed result, and the SD of its logarithm between people (all cohorts together)."""
    cohorts = [np.asarray(each.values[result.analyte][result.statistic]) for each in findings]
    seen = [values[np.isfinite(values) & (values > 0)] for values in cohorts]
    if not all(values.size > 1 for values in seen):
        return math.nan, math.nan
    spread = math.sqrt(float(np.mean([np.var(np.log(values)) for values in seen])))
    means = np.array([values.mean() for values in seen])
    if result.summary == "median":
        if (
            result.statistic == "tmax"
        ):  # a median on a grid of sampling times jumps; the geometric mean does not
            return float(np.exp(np.log(seen[0]).mean())), spread
        return float(np.median(seen[0])), spread
    if result.summary == "mean":
        return float(means[0]), spread
    if result.summary == "highest_cohort_mean":
        return _expected_highest(means, np.array([values.std() for values in seen]), result.n), spread
    if result.summary == "range_of_cohort_means":
        return float(np.exp(np.log(means).mean())), spread
    if result.summary == "range_of_cohort_medians":
        return float(np.exp(np.mean([np.log(values).mean() for values in seen]))), spread
    if result.summary == "highest_over_lowest_per_dose":
        doses = [Quantity.parse(dose).to("mg") for dose in study.doses]
        return float(means[-1] / doses[-1] / (means[0] / doses[0])), spread
    raise EvidenceError(f"study {study.name}: unknown summary {result.summary!r}")


def _expected_highest(means: Floats, sds: Floats, n: int) -> float:
    """Expected value of the highest of several cohort means of `n` people each (fixed normal deviates)."""
    deviates = np.random.default_rng(1).standard_normal((400, means.size))
    return float((means + sds / math.sqrt(n) * deviates).max(axis=1).mean())
