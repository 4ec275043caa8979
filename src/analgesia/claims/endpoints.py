"""Which outcomes a claim may ask the model for, and how each is read from a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims import nerve_endpoints as nerve
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library
from analgesia.evidence.claim_schema import Claim
from analgesia.nerve.inflammation import HEAT
from analgesia.results import by_lane
from analgesia.ventilation import receptor_form

Array = NDArray[np.float64]

ENDING = {
    "ending_prostaglandin_change": ("prostaglandin", ", by way of prostaglandin alone"),
    "ending_opioid_change": ("opioid", ", by way of opioid receptors on it alone"),
    "ending_change": ("both", ""),
}
"""Endpoint -> by which way a drug reaches the inflamed ending, and that in words."""

PLACEBO = "placebo"
"""Label of the arm every run contains."""


@dataclass(frozen=True)
class Endpoint:
    """One outcome: how it is named, its unit, its words, whether it needs the nervous system solved, and if not, which receptors."""

    name: str
    unit: str
    label: str
    needs_cord: bool
    parts: tuple[str, ...] = ()
    library: Library | None = field(default=None, repr=False, compare=False)
    receptors: tuple[str, ...] = ()

    def values(self, result: Any, arm: str, start: float) -> Array:
        """The outcome of each lane as [replicate, patient]: mean over times from `start` (h) on, the peak or the lowest value."""
        kind = self.name.split(".", 1)[0]
        if kind == "exposure":
            return by_lane(result.plasma.sel(arm=arm, analyte=self.parts[0])).max(axis=-1)
        if kind == "ventilation":
            return _lowest_ventilation(result, arm, self.library)
        if kind == "conduction":
            return nerve.share_of_blocking(result, arm, self.parts[0], self._evidence)
        if kind in ENDING:
            return nerve.firing_change(result, arm, ENDING[kind][0], start, self._evidence)
        if kind == "stimulus":
            chosen = result.stimulus.sel(arm=arm, receptor=self.parts[0], site=self.parts[1])
            return _late(chosen, start)
        if kind == "drive_change":
            drug, placebo = (_late(result.drive.sel(arm=name), start) for name in (arm, PLACEBO))
            return np.divide(100.0 * (drug - placebo), placebo, out=np.zeros_like(drug), where=placebo > 0.0)
        return _late(result.dataset[kind].sel(arm=arm), start)

    @property
    def _evidence(self) -> Library:
        if self.library is None:
            raise ModelError(f"{self.name}: the library of the nerve is needed")
        return self.library

    def context(self, result: Any, starts: Mapping[str, float]) -> dict[str, Any]:
        """What the outcome is made of, for the arms of `starts` (start of the last interval, h); nothing where it is one number."""
        kind = self.name.split(".", 1)[0]
        if kind == "conduction":
            return nerve.conduction_context(result, list(starts), self.parts[0], self._evidence)
        if kind in ENDING:
            return nerve.ending_context(result, starts, self._evidence)
        return {}

    def series(self, result: Any, starts: Mapping[str, float]) -> dict[str, Any]:
        """Curves for the pictures of the outcome, no part of any table."""
        kind = self.name.split(".", 1)[0]
        if kind == "conduction":
            return {
                "blocking": nerve.stopping(
                    self.parts[0], result.concentration.sizes["replicate"], self._evidence
                )
            }
        if kind in ENDING:
            return nerve.firing_curves(result, starts, self._evidence)
        return {}


def _lowest_ventilation(result: Any, arm: str, library: Library | None) -> Array:
    """Lowest ventilation of each lane as % of its start, at constant CO2, by the receptor form; lanes of a draw share its guess."""
    plasma, brain = result.plasma.sel(arm=arm), result.concentration.sel(arm=arm, site="brain")
    drugs = [str(name) for name in brain["analyte"].values]
    replicates, patients = brain.sizes["replicate"], brain.sizes["patient"]

    def lanes(data: Any) -> dict[str, Array]:
        return {drug: by_lane(data.sel(analyte=drug)).reshape(replicates * patients, -1) for drug in drugs}

    share = receptor_form.together(
        np.asarray(brain["time"].values, dtype=np.float64),
        lanes(plasma),
        lanes(brain),
        library=library,
        guesses=np.repeat(np.arange(replicates), patients),
    )
    return 100.0 * share.min(axis=-1).reshape(replicates, patients)


def _late(data: Any, start: float) -> Array:
    return by_lane(data.sel(time=data["time"] >= start)).mean(axis=-1)


def endpoint_of(claim: Claim, library: Library) -> Endpoint | None:
    """The endpoint a claim names; None for "none". EvidenceError with file and key when there is no such outcome."""
    name = claim.experiment.endpoint
    kind, *parts = name.split(".")
    if name == "none":
        return None
    if name == "pain_change":
        return Endpoint(name, "NRS", "change of pain against placebo", True)
    if name == "pain":
        return Endpoint(name, "NRS", "pain", True)
    if name == "drive_change":
        return Endpoint(name, "%", "change of the signal to the brain against placebo", True)
    if name == "ventilation":
        return Endpoint(
            name, "%", "lowest ventilation, % of its start at constant CO2", False, library=library
        )
    if kind == "conduction" and len(parts) == 1:
        _known(
            parts[0],
            [name for name, drug in library.drugs.items() if drug.nerve],
            claim,
            "drug with a block of nerve",
        )
        return Endpoint(
            name,
            "%",
            f"peak of unbound {parts[0]} at the nerve, % of what stops a C fibre",
            False,
            tuple(parts),
            library,
        )
    if name in ENDING:
        words = f"change of an inflamed pain fibre's firing under heat of {HEAT:g} °C against placebo{ENDING[name][1]}"
        opioid = () if name == "ending_prostaglandin_change" else (nerve.OPIOID,)
        return Endpoint(name, "%", words, False, library=library, receptors=opioid)
    if kind == "stimulus" and len(parts) == 2:
        _known(parts[0], library.receptors, claim, "receptor")
        _known(parts[1], ("plasma", "brain", "spinal_cord", "nociceptor"), claim, "site")
        words = (
            f"stimulus of the {library.receptors[parts[0]].title or parts[0]} in {parts[1].replace('_', ' ')}"
        )
        return Endpoint(name, "1", words, False, tuple(parts), receptors=(parts[0],))
    if kind == "exposure" and len(parts) == 1:
        _known(parts[0], library.drugs, claim, "drug")
        return Endpoint(name, "ng/mL", f"peak of total {parts[0]} in plasma", False, tuple(parts))
    raise EvidenceError(
        f"{_place(claim)}: experiment.endpoint: no such endpoint {name!r}; write pain_change, pain, drive_change, "
        f"ventilation, conduction.<drug>, {', '.join(ENDING)}, "
        'stimulus.<receptor>.<site>, exposure.<drug>, or none with no_endpoint = "the reason"'
    )


def _known(name: str, allowed: Any, claim: Claim, what: str) -> None:
    if name not in allowed:
        raise EvidenceError(
            f"{_place(claim)}: experiment.endpoint: no such {what} {name!r}; there are {', '.join(allowed)}"
        )


def _place(claim: Claim) -> str:
    return ", ".join(claim.files) or f"claim {claim.name}"


def hours(text: str | None, default: float) -> float:
    """A duration such as "8 h" in hours; `default` without one."""
    from analgesia.quantities import Quantity

    return default if text is None else Quantity.parse(text).to("h")
