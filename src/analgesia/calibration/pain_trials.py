"""Published trials of pain and the same trials simulated.

A trial is a file of `trials` whose design says kind = "pain": population, day of observation, arms, and per arm the change of pain
against placebo with its standard error. It is simulated with its regimens to its day; pain is averaged over the last interval between
doses, as a diary of that day would. Trials whose role is not `calibrate` cannot be opened for a fit. A trial with a drug that has no
kinetics here waits: it is listed, not simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import EvidenceError
from analgesia.pathway import Arm
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.evidence import Library

Floats = NDArray[np.float64]

POINTS = 5
"""Times of the last interval between doses at which pain is asked."""
PLACEBO = "placebo"


@dataclass(frozen=True)
class Result:
    """Change of pain against placebo in one arm, NRS: published mean and its standard error."""

    arm: str
    central: float
    se: float
    at: str
    status: str


@dataclass(frozen=True)
class PainTrial:
    """One published trial. `times` (h) cover the last interval between doses; `placebo_se` is what the arms' errors share."""

    name: str
    source: str
    role: str
    title: str
    population: str
    condition: str
    times: Floats
    arms: tuple[Arm, ...]
    results: tuple[Result, ...]
    placebo_se: float
    missing: tuple[str, ...]

    def sampling_covariance(self) -> Floats:
        """Covariance of the published differences: independent but for the one placebo arm they share."""
        own = np.array([max(each.se**2 - self.placebo_se**2, 0.0) for each in self.results])
        return np.diag(own) + self.placebo_se**2


def pain_trials(library: Library, role: str | None = None) -> tuple[PainTrial, ...]:
    """Every trial of pain of the library, or those of one `role`; those that wait for a drug have `missing`."""
    return tuple(
        read_trial(name, library)
        for name, trial in library.trials.items()
        if trial.design.get("kind") == "pain" and role in (None, trial.role)
    )


def read_trial(name: str, library: Library) -> PainTrial:
    """Read one trial. Raises EvidenceError naming what its file lacks."""
    trial = library.trials[name]
    place = ", ".join(trial.files) or name
    try:
        day = Quantity.parse(trial.design["observed_at"]).to("h")
        named = [arm for arm in trial.arms if arm["name"] != PLACEBO]
        longest = max(Quantity.parse(arm["every"]).to("h") for arm in named)
        arms = tuple(_arm(arm, day, library) for arm in named)
        results = tuple(
            Result(row["arm"], float(row["central"]), float(row["se"]), row["at"], row["status"])
            for row in trial.results
            if row["statistic"] == "pain_change"
        )
        population = library.populations[trial.population or ""]
    except (KeyError, ValueError) as error:
        raise EvidenceError(
            f"{place}: a trial of pain needs population, design.observed_at, arms with name, item, dose, every, and results with "
            f"arm, statistic, central, se, at, status; wrong or missing: {error}"
        ) from None
    unknown = [row.arm for row in results if row.arm not in {arm.name for arm in arms}]
    if unknown or not results or any(row.se <= 0.0 for row in results):
        raise EvidenceError(
            f"{place}: results: each names one of its arms and has a standard error above 0 ({', '.join(unknown) or 'se'})"
        )
    missing = {
        str(arm["item"])
        for arm in named
        if arm["item"] not in library.products
        and (arm["item"] not in library.drugs or not library.drugs[arm["item"]].routes)
    }
    return PainTrial(
        name,
        trial.source,
        trial.role,
        trial.title or name,
        population.name,
        population.condition or "",
        day + np.linspace(-longest, 0.0, POINTS),
        arms,
        results,
        float(trial.design.get("placebo_se", 0.0)),
        tuple(sorted(missing)),
    )


def ready(trials: Sequence[PainTrial]) -> tuple[PainTrial, ...]:
    """Those that can be simulated."""
    return tuple(trial for trial in trials if not trial.missing)


def _arm(arm: Any, day: float, library: Library) -> Arm:
    every = Quantity.parse(arm["every"]).to("h")
    return Arm(
        arm["name"],
        "product" if arm["item"] in library.products else "drug",
        arm["item"],
        arm["dose"],
        route=arm.get("route", "oral"),
        every=arm["every"],
        doses=max(round(day / every), 1),
    )
