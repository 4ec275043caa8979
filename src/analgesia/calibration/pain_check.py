"""The check: what each published trial of pain found against what the simulated trial finds.

Simulated is the mean over people; its median and 90 % interval run over draws of everything that is not known (`interval90`). The trial
itself also differs from its like and has a sampling error: `trial_interval90` adds both, and is what the model would have bet on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analgesia import pathway, patients
from analgesia.calibration.pain_trials import PainTrial, pain_trials
from analgesia.engine import draws
from analgesia.results import by_lane

if TYPE_CHECKING:
    from analgesia.evidence import Library

Progress = Callable[[int, int], None]
BAND = (0.05, 0.95)
DUPLICATES = 20
"""Trials drawn per draw of ignorance, so that the scatter of trials is smooth."""


@dataclass(frozen=True)
class PainComparison:
    """One result of a trial, change of pain against placebo in NRS. Without `simulated` the trial waits for `missing`."""

    trial: str
    source: str
    role: str
    title: str
    arm: str
    published: float
    se: float
    simulated: float | None
    interval90: tuple[float, float] | None
    trial_interval90: tuple[float, float] | None
    inside: bool | None
    missing: str | None
    status: str
    at: str


def pain_check(
    library: Library,
    *,
    role: str | None = None,
    size: int = 30,
    replicates: int = 20,
    seed: int = 1,
    progress: Progress | None = None,
) -> tuple[PainComparison, ...]:
    """Simulate every published trial of pain (of one `role`) and compare; trials that wait for a drug are listed."""
    trials = pain_trials(library, role)
    rows: list[PainComparison] = []
    for done, trial in enumerate(trials, start=1):
        rows += _compared(trial, library, size, replicates, seed)
        if progress is not None:
            progress(done, len(trials))
    return tuple(rows)


def to_dict(rows: tuple[PainComparison, ...]) -> list[dict[str, Any]]:
    """Plain values for JSON."""
    return [asdict(row) for row in rows]


def _compared(
    trial: PainTrial, library: Library, size: int, replicates: int, seed: int
) -> list[PainComparison]:
    known: dict[str, Any] = {
        "trial": trial.name,
        "source": trial.source,
        "role": trial.role,
        "title": trial.title,
    }
    if trial.missing:
        why = "no kinetics of " + ", ".join(trial.missing)
        return [
            PainComparison(
                **known,
                arm=row.arm,
                published=row.central,
                se=row.se,
                simulated=None,
                interval90=None,
                trial_interval90=None,
                inside=None,
                missing=why,
                status=row.status,
                at=row.at,
            )
            for row in trial.results
        ]
    people = patients.population(trial.population, size, seed, library)
    run = pathway.simulate(
        people, trial.arms, library=library, times=trial.times, seed=seed, replicates=replicates
    )
    between = library.circuits["perception"].parameters["between_trial_sd"].to("NRS")
    rows = []
    for row in trial.results:
        change = by_lane(run.pain_change.sel(arm=row.arm))
        means = np.nanmean(change, axis=(1, 2))
        scatter = float(np.hypot(between, row.se))
        luck = draws.normal(seed, f"trial/{trial.name}.{row.arm}", means.size * DUPLICATES)
        seen = np.repeat(means, DUPLICATES) + scatter * luck
        low, high = np.quantile(means, BAND).tolist()
        trial_low, trial_high = np.quantile(seen, BAND).tolist()
        rows.append(
            PainComparison(
                **known,
                arm=row.arm,
                published=row.central,
                se=row.se,
                simulated=float(np.median(means)),
                interval90=(low, high),
                trial_interval90=(trial_low, trial_high),
                inside=bool(trial_low <= row.central <= trial_high),
                missing=None,
                status=row.status,
                at=row.at,
            )
        )
    return rows


def unanswered(rows: tuple[PainComparison, ...]) -> tuple[str, ...]:
    """Why trials could not be simulated."""
    return tuple(dict.fromkeys(f"{row.title}: {row.missing}" for row in rows if row.missing))
