"""Exposure: what a dose does to concentrations in plasma, said the way kinetic studies say it.

People are dosed, sampled and analysed without compartments, as in a study, so a half-life here depends on sampling time and limit of
quantification exactly as a published one does. Two spreads are kept apart:

- `mean`, `sd`, `median`, `interval90` run over people, every uncertain number at its central value: how people differ;
- `interval90_with_ignorance` runs over people of whom each has another draw of every uncertain number: what we would bet on for one
  person whom we do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence, patients
from analgesia.errors import ModelError
from analgesia.pharmacokinetics import Administration, DrugKinetics, administration
from analgesia.pharmacokinetics.sampling import A_DAY, limits_of_quantification, sampling_times
from analgesia.pharmacokinetics.study import STATISTICS, Findings, Plan, observe
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

COVARIATES = ("weight", "cyp3a_activity", "creatinine_clearance")
"""What kinetics use of a person; the rest of a population is no part of this answer."""

BAND = (5.0, 95.0)
WITH_CONCENTRATION = {"cmax": "{}", "auc_last": "{}*h", "auc_inf": "{}*h", "auc_interval": "{}*h"}
OF_TIME = ("tmax", "half_life")
RATIOS = ("ratio_to_parent", "cmax_ratio_to_parent")


@dataclass(frozen=True)
class Exposure:
    """The answer: statistics per analyte, and what they rest on. `to_dict` is what `--json` prints."""

    regimen: Mapping[str, Any]
    analytes: Mapping[str, Mapping[str, Any]]
    molar: Mapping[str, Mapping[str, Any]]
    numbers: Mapping[str, int]
    sources: Sequence[str]
    failed: int
    curve_times: Floats
    curves: Mapping[str, Floats]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the curves."""
        return {
            "analytes": self.analytes,
            "molar": self.molar,
            "regimen": self.regimen,
            "numbers": self.numbers,
            "sources": list(self.sources),
            "failed": self.failed,
        }


def exposure(
    item: str,
    dose: str,
    *,
    route: str = "oral",
    every: str | None = None,
    doses: int = 1,
    sample_until: str | None = None,
    sampling: str | None = None,
    lloq: str | None = None,
    population: str = "healthy_volunteer",
    size: int = 500,
    seed: int = 1,
    library: Library | None = None,
    curves: bool = False,
    progress: Progress | None = None,
) -> Exposure:
    """Dose people with a product or drug, sample them and report exposure.

    `sample_until` is counted from the last dose (default 120 h), `sampling` gives explicit times instead ("0.25, 0.5, 1, 4 h"); without it
    samples are taken at `sampling.SCHEDULE`. `lloq` is one limit for all analytes (default: that of each drug's file).
    Raises ModelError, UnitError or EvidenceError for what cannot be honoured, each naming the cure.
    """
    library = evidence.load() if library is None else library
    if size < 1:
        raise ModelError(f"{size} people: give at least one")
    kind = _kind(item, library)
    people = patients.population(population, size, seed, library)
    with evidence.tally() as used:
        for covariate in COVARIATES:
            used.note(library.populations[population].covariates[covariate])
        regimen = administration(kind, item, dose, route, every, doses, library)
        if Quantity.parse(dose).value == 0:
            raise ModelError(f"dose {dose!r} is nothing: there is no exposure to report")
        interval = float(regimen.times[1] - regimen.times[0]) if doses > 1 else A_DAY
        plan = Plan(
            regimen, sampling_times(sampling, sample_until), interval, limits_of_quantification(lloq, regimen)
        )
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, 2 * size)

        plain = observe(plan, people, seed, None, library, curves=curves, advance=advance)
        ignorant = observe(plan, people, seed, np.arange(size), library, advance=advance)
    return Exposure(
        regimen=_about(plan, item, kind, dose, every, population, size, seed),
        analytes={drug.name: _summaries(drug, None, plain, ignorant) for drug in regimen.drugs},
        molar={drug.name: _summaries(drug, regimen, plain, ignorant) for drug in regimen.drugs},
        numbers=used.counts,
        sources=list(used.sources),
        failed=plain.failed,
        curve_times=plain.curve_times,
        curves=plain.curves,
    )


def _kind(item: str, library: Library) -> str:
    if item in library.products:
        return "product"
    if item in library.drugs:
        if not library.drugs[item].parameters:
            raise ModelError(f"{item} has no kinetics in the evidence; add [parameters.*] to its file")
        return "drug"
    offered = [*library.products, *[name for name in library.drugs if library.drugs[name].parameters]]
    raise ModelError(f"unknown product or drug {item!r}; there are {', '.join(offered)}")


def _about(
    plan: Plan, item: str, kind: str, dose: str, every: str | None, population: str, size: int, seed: int
) -> dict[str, Any]:
    """What was asked, in full: nothing that shaped the numbers is left unsaid."""
    several = plan.regimen.times.size > 1
    return {
        "item": item,
        "kind": kind,
        "dose": dose,
        "route": plan.regimen.route,
        "every": every if several else None,
        "doses": int(plan.regimen.times.size),
        "population": population,
        "patients": size,
        "seed": seed,
        "sampling": {"times": plan.samples.tolist(), "unit": "h", "from": "last dose" if several else "dose"},
        "lloq": {name: {"value": limit, "unit": "ng/mL"} for name, limit in plan.limits.items()},
        "interval_for_ratios": {"value": plan.interval, "unit": "h"},
    }


def _summaries(
    drug: DrugKinetics, regimen: Administration | None, plain: Findings, ignorant: Findings
) -> dict[str, Any]:
    """All statistics of one analyte, in ng/mL, or in nM where `regimen` is given (to know the parent's molar mass)."""
    unit, concentration, ratio = "ng/mL", 1.0, 1.0
    if regimen is not None:
        masses = {each.name: each.molar_mass for each in regimen.drugs}
        unit, concentration = "nM", 1e3 / drug.molar_mass
        ratio = masses.get(drug.parent or "", drug.molar_mass) / drug.molar_mass
    summaries: dict[str, Any] = {}
    for name in STATISTICS:
        shown, factor = "h" if name in OF_TIME else "1", ratio if name in RATIOS else 1.0
        if name in WITH_CONCENTRATION:
            shown, factor = WITH_CONCENTRATION[name].format(unit), concentration
        summaries[name] = summary(
            plain.values[drug.name][name] * factor, ignorant.values[drug.name][name] * factor, shown
        )
    if plain.reasons[drug.name]:
        summaries["not_estimated"] = plain.reasons[drug.name]
    return summaries


def summary(plain: Floats, ignorant: Floats, unit: str) -> dict[str, Any]:
    """Mean, SD, median and 90 % interval over people, and the wider interval that holds ignorance as well; None where unknown."""
    seen, wide = plain[np.isfinite(plain)], ignorant[np.isfinite(ignorant)]
    return {
        "mean": float(seen.mean()) if seen.size else None,
        "sd": float(seen.std(ddof=1)) if seen.size > 1 else None,
        "median": float(np.median(seen)) if seen.size else None,
        "interval90": np.percentile(seen, BAND).tolist() if seen.size else [None, None],
        "interval90_with_ignorance": np.percentile(wide, BAND).tolist() if wide.size else [None, None],
        "unit": unit,
        "n": int(seen.size),
    }
