"""The check: what each published exposure study printed against what the simulated study of the same size prints.

Each study is repeated many times with as many people as it had, every repetition under its own draw of ignorance; the 90 % interval of
the printed statistic over repetitions is what the model would have bet on. Studies that were fitted and studies held back are
told apart by `role` and never mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia import patients
from analgesia.calibration.studies import Result, Study, kinetic_studies, simulate_study, summarised
from analgesia.errors import ModelError
from analgesia.pharmacokinetics import Findings, observe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analgesia.evidence import Library

Progress = Callable[[int, int], None]

BAND = (5.0, 95.0)
COLOURS = {"calibrate": "#0b6e99", "validate": "#c4602d"}


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


@dataclass(frozen=True)
class ExposureCheck:
    """All comparisons. `figure()` draws them, `to_dict()` is plain."""

    comparisons: tuple[Comparison, ...]

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

    def figure(self, path: Path | None = None) -> Figure:
        """Simulated over published with the 90 % interval of a study of that size, one line each; saved where `path` says."""
        return _figure(self.comparisons, path)


def exposure_check(
    library: Library,
    *,
    role: str | None = None,
    size: int = 400,
    repetitions: int = 60,
    seed: int = 1,
    progress: Progress | None = None,
) -> ExposureCheck:
    """Simulate every published exposure study (of one `role`) and compare.

    `size` people give the central value, `repetitions` studies of the printed size the interval.
    """
    studies = kinetic_studies(library, role)
    comparisons: list[Comparison] = []
    for done, study in enumerate(studies):
        comparisons += _compared(study, library, size, repetitions, seed)
        if progress is not None:
            progress(done + 1, len(studies))
    return ExposureCheck(tuple(comparisons))


def _compared(study: Study, library: Library, size: int, repetitions: int, seed: int) -> list[Comparison]:
    central = simulate_study(study, patients.population(study.population, size, seed, library), seed, library)
    n = max(result.n for result in study.results)
    people = patients.population(study.population, n * repetitions, seed, library)
    replicate = np.repeat(np.arange(repetitions), n)
    repeated = [observe(plan, people, seed, replicate, library) for plan in study.plans]
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
                if result.summary.startswith(("range", "highest_over"))
                else bool(low <= result.value <= high),
                unit=result.unit,
                status=result.status,
                at=result.at,
            )
        )
    return comparisons


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


def _figure(comparisons: Sequence[Comparison], path: Path | None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not comparisons:
        raise ModelError("there is no published exposure study to draw")
    picture = Figure(figsize=(10, 1.2 + 0.27 * len(comparisons)), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    for line, each in enumerate(comparisons):
        colour = COLOURS[each.role]
        low, high = (bound / each.published for bound in each.interval90)
        axes.plot([low, high], [line, line], color=colour, linewidth=2, alpha=0.5)
        axes.plot([each.ratio], [line], "o", color=colour, markersize=4)
    labels = [f"{each.title}: {each.analyte} {each.statistic.replace('_', ' ')}" for each in comparisons]
    axes.set_yticks(range(len(comparisons)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.set_xticks([], minor=True)
    axes.axvline(1.0, color="0.3", linewidth=0.8)
    axes.set_xlabel("simulated / published (line: 90 % of studies of that size)")
    axes.spines[["top", "right"]].set_visible(False)
    if path is not None:
        picture.savefig(path, dpi=150)
    return picture
