"""The prediction block of a claim: what the model says, labelled as the extrapolation it is.

effect(draw)  = mean over people of the endpoint            -> median and 90 % interval over draws of ignorance
effect(trial) = effect(draw) + what trials of one drug differ by   -> 90 % interval of what a large trial would find
effect(lane)  = the endpoint of one person under one draw   -> 90 % interval over people and ignorance

The interval of a trial exists for the change of pain alone, where the scatter between trials is known; sampling error, which depends on
the size of the trial, and errors in the structure of the model are in none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims.endpoints import ENDING, Endpoint
from analgesia.claims.margins import INTERVAL
from analgesia.evidence import Library

Array = NDArray[np.float64]

SCATTER = 99
"""Quantiles of the scatter between trials that each draw of ignorance meets."""

PAIN_OUTCOME = re.compile(r"pain|relief|responders|percent_change")
"""What the statistic of a trial is called where it tells of pain."""

LABEL = "extrapolation: computed by a model, observed in nobody"


@dataclass(frozen=True)
class ArmPrediction:
    """The endpoint in one arm: median and 90 % interval of the mean over people, of persons, and of what a large trial would find."""

    arm: str
    comparator: bool
    median: float | None
    interval90: tuple[float, float] | None
    persons90: tuple[float, float] | None
    failed: int
    trial_interval90: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "arm": self.arm,
            "comparator": self.comparator,
            "median": self.median,
            "interval90": None if self.interval90 is None else list(self.interval90),
            "persons90": None if self.persons90 is None else list(self.persons90),
            "trial_interval90": None if self.trial_interval90 is None else list(self.trial_interval90),
            "failed_runs": self.failed,
        }


@dataclass(frozen=True)
class Validation:
    """How far the model was tested for this endpoint: a word, a sentence, the trials, and what its numbers were fitted to."""

    status: str
    says: str
    trials: tuple[str, ...] = ()
    fitted_to: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "status": self.status,
            "says": self.says,
            "trials": list(self.trials),
            "fitted_to": list(self.fitted_to),
        }


@dataclass(frozen=True)
class Prediction:
    """What the model says of a claim's endpoint; without an endpoint `reason` says why it says nothing.

    `context`: what the outcome is made of and stands between, such as firing without inflammation.
    """

    endpoint: str
    unit: str = ""
    label: str = ""
    arms: tuple[ArmPrediction, ...] = ()
    validation: Validation | None = None
    reason: str | None = None
    kind: str = field(default=LABEL)
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> ArmPrediction | None:
        """The arm the claim is about: the first one."""
        return self.arms[0] if self.arms else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the first arm on top, all arms below `arms`."""
        first = self.first
        return {
            "endpoint": self.endpoint,
            "unit": self.unit or None,
            "median": first.median if first else None,
            "interval90": list(first.interval90) if first and first.interval90 else None,
            "trial_interval90": list(first.trial_interval90) if first and first.trial_interval90 else None,
            "arm": first.arm if first else None,
            "arms": [arm.to_dict() for arm in self.arms],
            "kind": self.kind if self.arms else None,
            "validation": self.validation.to_dict() if self.validation else None,
            "reason": self.reason,
            "context": dict(self.context) or None,
        }


def arm_prediction(
    endpoint: Endpoint, result: Any, arm: str, start: float, *, comparator: bool, between_trials: float = 0.0
) -> ArmPrediction:
    """Summarise one arm; lanes that failed (not finite) are counted and left out.

    `between_trials`: SD by which trials of one drug differ, in the unit of the endpoint; 0 where it is not known.
    """
    values = endpoint.values(result, arm, start)
    finite = np.isfinite(values)
    failed = int(values.size - np.count_nonzero(finite))
    if not finite.any():
        return ArmPrediction(arm, comparator, None, None, None, failed)
    kept = np.where(finite, values, np.nan)
    means = np.nanmean(kept[finite.any(axis=1)], axis=1)
    low, median, high = np.quantile(means, (INTERVAL[0], 0.5, INTERVAL[1]))
    person_low, person_high = np.quantile(values[finite], INTERVAL)
    return ArmPrediction(
        arm,
        comparator,
        float(median),
        (float(low), float(high)),
        (float(person_low), float(person_high)),
        failed,
        _of_trials(means, between_trials) if between_trials > 0.0 else None,
    )


def between_trials_of(endpoint: Endpoint, library: Library) -> float:
    """SD by which trials of one drug differ in this endpoint, beyond their sampling error; 0 where it is not known."""
    number = library.circuits["perception"].parameters.get("between_trial_sd")
    if endpoint.name != "pain_change" or number is None:
        return 0.0
    return float(number.to(endpoint.unit))


def _of_trials(means: Array, between: float) -> tuple[float, float]:
    """90 % interval of mean + normal scatter: every mean meets the same evenly spread quantiles of the scatter."""
    levels = (np.arange(SCATTER) + 0.5) / SCATTER
    scatter = between * np.array([NormalDist().inv_cdf(level) for level in levels])
    low, high = np.quantile(np.add.outer(means, scatter), INTERVAL)
    return float(low), float(high)


def validation_of(endpoint: Endpoint, library: Library, inside: Sequence[bool] | None = None) -> Validation:
    """The validation record of an endpoint.

    `inside`: for every published value of the studies the kinetics were fitted to, whether the simulated interval holds
    it; None where that was not computed.
    """
    kind = endpoint.name.split(".", 1)[0]
    if kind == "exposure":
        if not inside:
            return Validation(
                "not compared in this run", "The report compares simulated with published kinetics."
            )
        says = (
            f"{sum(inside)} of {len(inside)} published values of the studies the kinetics were fitted to lie inside the simulated "
            "90 % interval. They were not held back, so this checks the fit and does not test the model."
        )
        fitted = (
            name
            for name, trial in library.trials.items()
            if trial.role == "calibrate" and trial.design.get("kind") == "kinetics"
        )
        return Validation("checked against the studies it was fitted to", says, tuple(sorted(fitted)))
    if kind == "stimulus":
        return Validation(
            "not validated",
            "Receptor stimulus was never measured in people; there is nothing to compare with.",
        )
    if kind == "conduction":
        return Validation(
            "not validated",
            "No sodium channel was ever measured under a kratom alkaloid; the block is a prior from one finding on isolated rat nerve. "
            "For lidocaine, which was measured, the same fibre stops within a factor of two of the concentration seen in rats.",
        )
    if kind in ENDING:
        return Validation(
            "not validated",
            "Firing of inflamed pain fibres under these drugs was never recorded in people. One step was compared with people and "
            "not fitted to them: the fall of prostaglandin E2 in blood after ibuprofen and celecoxib (McAdam 1999). Ibuprofen is met "
            "within 5 percentage points; celecoxib comes out some 20 too weak.",
        )
    if kind == "ventilation":
        return Validation(
            "not validated",
            "Breathing under kratom alkaloids was never measured against placebo in people; the numbers come from cells, mice and "
            "other opioids.",
        )
    says = "No published trial of pain has been predicted and scored with this version of the model"
    waiting = held_back_of_pain(library)
    if waiting:
        count = f"{len(waiting)} published trials or reviews" if len(waiting) > 1 else "one published trial"
        says += f"; the results of {count} are held back for that purpose"
    return Validation("not validated", says + ".", waiting)


def held_back_of_pain(library: Library) -> tuple[str, ...]:
    """Trials held back that print an outcome of pain in one of the conditions: no kinetics, no harms, no inflicted pain."""
    return tuple(
        sorted(
            name
            for name, trial in library.trials.items()
            if trial.role == "validate"
            and trial.population in (None, *library.conditions)
            and any(PAIN_OUTCOME.search(str(row.get("statistic"))) for row in trial.results)
        )
    )
