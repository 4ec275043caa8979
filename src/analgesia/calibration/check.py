"""The check: what each published exposure study printed against what the simulated study of the same size prints.

Each study is repeated many times with as many people as it had, every repetition under its own draw of ignorance; the 90 % interval of
the printed statistic over repetitions is what the model would have bet on. Studies that were fitted and studies held back are
told apart by `role` and never mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia import patients
from analgesia.calibration.studies import Result, Study, kinetic_studies, simulate_study, summarised
from analgesia.errors import ModelError
from analgesia.pharmacokinetics import Findings, observe

if TYPE_CHECKING:
    from analgesia.evidence import Library

Progress = Callable[[int, int], None]

BAND = (5.0, 95.0)
RANGES = ("range", "highest_over")
"""Summaries of which a lowest and a highest value were printed, begin so."""

CURVE = (5.0, 50.0, 95.0)


@dataclass(frozen=True)
class Comparison:
    """One printed statistic against its simulated counterpart; `interval90` is that of a study of the printed size."""

    study: str
    source: str
    title: str
    role: str
    analyte: str
    statistic: str
    summary: str
    published: float
    published_low: float | None
    published_high: float | None
    simulated: float
    ratio: float
    interval90: tuple[float, float]
    inside: bool
    unit: str
    status: str
    at: str

    @property
    def printed_range(self) -> tuple[float, float] | None:
        """Lowest and highest where these were printed and nothing between; `published` is its geometric middle."""
        if not self.summary.startswith(RANGES) or self.published_low is None or self.published_high is None:
            return None
        return self.published_low, self.published_high


@dataclass(frozen=True)
class Course:
    """Concentration of one analyte after the last dose of one study, of its highest dose level where it had `several`.

    `bands[3, time]`: 5th, 50th and 95th percentile over people, each under a draw of ignorance, ng/mL. `limit`: of quantification.
    """

    study: str
    analyte: str
    dose: str
    several: bool
    times: NDArray[np.float64]
    bands: NDArray[np.float64]
    limit: float


@dataclass(frozen=True)
class ExposureCheck:
    """All comparisons, and the simulated course of every analyte that was measured. `to_dict()` is plain."""

    comparisons: tuple[Comparison, ...]
    courses: tuple[Course, ...] = ()

    def __iter__(self) -> Any:
        return iter(self.comparisons)

    def __len__(self) -> int:
        return len(self.comparisons)

    def of_role(self, role: str) -> tuple[Comparison, ...]:
        """The comparisons with studies used to fit ("calibrate") or held back ("validate")."""
        return tuple(each for each in self.comparisons if each.role == role)

    def to_dict(self) -> list[dict[str, Any]]:
        """One mapping per comparison."""
        return [asdict(each) for each in self.comparisons]


def exposure_check(
    library: Library,
    *,
    role: str | None = None,
    study: str | None = None,
    size: int = 400,
    repetitions: int = 60,
    seed: int = 1,
    progress: Progress | None = None,
) -> ExposureCheck:
    """Simulate every published exposure study (of one `role`, or one `study` by name) and compare.

    `size` people give the central value, `repetitions` studies of the printed size the interval.
    Raises ModelError where there is no such study.
    """
    known = kinetic_studies(library, role)
    studies = [each for each in known if study in (None, each.name)]
    if not studies:
        asked = "no exposure study" if study is None else f"no exposure study {study!r}"
        raise ModelError(f"there is {asked}; there are {', '.join(each.name for each in known) or 'none'}")
    comparisons: list[Comparison] = []
    courses: list[Course] = []
    for done, each in enumerate(studies):
        rows, drawn = _compared(each, library, size, repetitions, seed)
        comparisons += rows
        courses += drawn
        if progress is not None:
            progress(done + 1, len(studies))
    return ExposureCheck(tuple(comparisons), tuple(courses))


def _compared(
    study: Study, library: Library, size: int, repetitions: int, seed: int
) -> tuple[list[Comparison], list[Course]]:
    central = simulate_study(study, patients.population(study.population, size, seed, library), seed, library)
    n = max(result.n for result in study.results)
    people = patients.population(study.population, n * repetitions, seed, library)
    replicate = np.repeat(np.arange(repetitions), n)
    highest = study.plans[-1]
    repeated = [
        observe(plan, people, seed, replicate, library, curves=plan is highest) for plan in study.plans
    ]
    comparisons = []
    for result in study.results:
        simulated, _ = summarised(result, study, central)
        printed = [
            summarised(result, study, _share(repeated, replicate, each, result))[0]
            for each in range(repetitions)
        ]
        seen = np.array(printed)[np.isfinite(printed)]
        low, high = np.percentile(seen, BAND).tolist() if seen.size else (math.nan, math.nan)
        comparisons.append(
            Comparison(
                study=study.name,
                source=study.source,
                title=study.title,
                role=study.role,
                analyte=result.analyte,
                statistic=result.statistic,
                summary=result.summary,
                published=result.value,
                published_low=result.low,
                published_high=result.high,
                simulated=simulated,
                ratio=simulated / result.value,
                interval90=(low, high),
                inside=bool(low <= (result.high or result.value) and (result.low or result.value) <= high)
                if result.summary.startswith(RANGES)
                else bool(low <= result.value <= high),
                unit=result.unit,
                status=result.status,
                at=result.at,
            )
        )
    return comparisons, _courses(study, repeated[-1])


def _courses(study: Study, findings: Findings) -> list[Course]:
    """What the highest dose level of a study would have drawn, analyte by analyte."""
    plan = study.plans[-1]
    after = findings.curve_times >= plan.start
    return [
        Course(
            study=study.name,
            analyte=analyte,
            dose=study.doses[-1],
            several=len(study.doses) > 1,
            times=findings.curve_times[after] - plan.start,
            bands=np.nanpercentile(findings.curves[analyte][:, after], CURVE, axis=0),
            limit=plan.limits[analyte],
        )
        for analyte in dict.fromkeys(result.analyte for result in study.results)
    ]


def _share(
    findings: Sequence[Findings], replicate: NDArray[np.int64], which: int, result: Result
) -> list[Findings]:
    """What one repetition of the study saw of one statistic."""
    mine = replicate == which
    return [
        replace(
            each,
            values={result.analyte: {result.statistic: each.values[result.analyte][result.statistic][mine]}},
        )
        for each in findings
    ]
