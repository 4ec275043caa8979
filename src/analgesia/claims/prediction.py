"""The prediction block of a claim: what the model says, labelled as the extrapolation it is.

effect(draw)  = mean over people of the endpoint            -> median and 90 % interval over draws of ignorance
effect(lane)  = the endpoint of one person under one draw   -> 90 % interval over people and ignorance
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims.endpoints import Endpoint
from analgesia.claims.margins import INTERVAL
from analgesia.evidence import Library

Array = NDArray[np.float64]

LABEL = "extrapolation: computed by a model, observed in nobody"


@dataclass(frozen=True)
class ArmPrediction:
    """The endpoint in one arm: median and 90 % interval of the mean over people, and the 90 % interval of persons."""

    arm: str
    comparator: bool
    median: float | None
    interval90: tuple[float, float] | None
    persons90: tuple[float, float] | None
    failed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "arm": self.arm,
            "comparator": self.comparator,
            "median": self.median,
            "interval90": None if self.interval90 is None else list(self.interval90),
            "persons90": None if self.persons90 is None else list(self.persons90),
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
    """What the model says of a claim's endpoint; without an endpoint `reason` says why it says nothing."""

    endpoint: str
    unit: str = ""
    label: str = ""
    arms: tuple[ArmPrediction, ...] = ()
    validation: Validation | None = None
    reason: str | None = None
    kind: str = field(default=LABEL)

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
            "arm": first.arm if first else None,
            "arms": [arm.to_dict() for arm in self.arms],
            "kind": self.kind if self.arms else None,
            "validation": self.validation.to_dict() if self.validation else None,
            "reason": self.reason,
        }


def arm_prediction(
    endpoint: Endpoint, result: Any, arm: str, start: float, *, comparator: bool
) -> ArmPrediction:
    """Summarise one arm; lanes that failed (not finite) are counted and left out."""
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
    )


def validation_of(endpoint: Endpoint, library: Library, inside: Sequence[bool] | None = None) -> Validation:
    """The validation record of an endpoint.

    `inside`: for every published value of the studies the kinetics were fitted to, whether the simulated interval holds
    it; None where that was not computed.
    """
    calibrated = sorted(name for name, trial in library.trials.items() if trial.role == "calibrate")
    waiting = sorted(name for name, trial in library.trials.items() if trial.role == "validate")
    kind = endpoint.name.split(".", 1)[0]
    if kind == "exposure":
        if not inside:
            return Validation(
                "not compared in this run", "The report compares simulated with published kinetics."
            )
        says = (
            f"{sum(inside)} of {len(inside)} published values of the studies the kinetics were fitted to lie inside the simulated "
            "90 % interval. No study was held back, so this checks the fit and does not test the model."
        )
        return Validation("checked against the studies it was fitted to", says, tuple(calibrated))
    if kind == "stimulus":
        return Validation(
            "not validated",
            "Receptor stimulus was never measured in people; there is nothing to compare with.",
        )
    says = "No published trial of pain has been predicted and scored with this version of the model"
    if waiting:
        says += f"; {', '.join(waiting)} {'is' if len(waiting) == 1 else 'are'} held back for that purpose"
    return Validation("not validated", says + ".", tuple(waiting))
