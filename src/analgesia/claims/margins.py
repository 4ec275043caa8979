"""Exposure margins: unbound concentration at a site ÷ potency there, as a distribution over people and ignorance.

    margin = max over time of C_unbound(site) / potency

Each lane (person under one draw of kinetic ignorance) meets its own draw of the potency. A margin of 1 means that the
unbound peak equals the potency; it says nothing about size or direction of an effect in a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims.sites import Target
from analgesia.claims.verdict import Reach
from analgesia.engine import draws
from analgesia.errors import EvidenceError
from analgesia.evidence import Library, Number
from analgesia.evidence.claim_schema import Claim, MarginSpec
from analgesia.results import by_lane

Array = NDArray[np.float64]

INTERVAL = (0.05, 0.95)
"""Quantiles of a 90 % interval."""

KIND_WORDS = {
    "affinity": "affinity constant",
    "potency": "half-effect concentration",
    "functional_inhibition": "half-inhibition concentration",
    "effects": "concentration at which something was seen outside the body",
}


@dataclass(frozen=True)
class Margin:
    """One margin of one arm. `potency` is in nM; `unavailable` says why there is no distribution."""

    compound: str
    target: str
    site: str
    kind: str
    arm: str
    essential: bool
    potency: float
    potency_status: str
    potency_sources: tuple[str, ...]
    median: float | None = None
    interval90: tuple[float, float] | None = None
    share_above_one: float | None = None
    exposure_median: float | None = None
    note: str | None = None
    unavailable: str | None = None

    @property
    def reach(self) -> Reach:
        """What the verdict rule reads of it."""
        return Reach(None if self.interval90 is None else self.interval90[1], self.essential)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "compound": self.compound,
            "target": self.target,
            "site": self.site,
            "kind": self.kind,
            "arm": self.arm,
            "essential": self.essential,
            "median": self.median,
            "interval90": None if self.interval90 is None else list(self.interval90),
            "share_above_one": self.share_above_one,
            "unbound_peak": {"median": self.exposure_median, "unit": "nM"},
            "potency": {
                "value": self.potency,
                "unit": "nM",
                "status": self.potency_status,
                "sources": list(self.potency_sources),
            },
            "note": self.note,
            "unavailable": self.unavailable,
        }


def potency_of(spec: MarginSpec, claim: Claim, library: Library) -> Number:
    """The Number a margin names; EvidenceError with file and key when the drug file lacks it."""
    place = f"{', '.join(claim.files) or claim.name}: margins"
    if spec.compound not in library.drugs:
        raise EvidenceError(
            f"{place}: compound: no such drug {spec.compound!r}; there are {', '.join(library.drugs)}"
        )
    section: Mapping[str, Number] = getattr(library.drugs[spec.compound], spec.kind)
    if spec.target not in section:
        have = ", ".join(section) or "none"
        raise EvidenceError(
            f"{place}: target: the file of {spec.compound} has no [{spec.kind}.{spec.target}]; "
            f"it has {have}; add the number there or name one of these"
        )
    return section[spec.target]


def margin(
    spec: MarginSpec, claim: Claim, arm: str, result: Any, library: Library, seed: int
) -> Margin | None:
    """The margin of `spec` in one arm of `result` (a run of the pathway); None when the arm never holds the compound."""
    number = potency_of(spec, claim, library)
    molar_mass = library.drugs[spec.compound].molar_mass.to("g/mol")
    potency = number.to("nM", molar_mass)
    known = Margin(
        spec.compound,
        spec.target,
        spec.site,
        spec.kind,
        arm,
        spec.essential,
        potency,
        number.status,
        number.cited,
        note=spec.note,
    )
    if spec.compound not in result.analyte.values.tolist():
        return None
    unbound = result.concentration.sel(arm=arm, analyte=spec.compound, site=spec.site)
    peak = by_lane(unbound).max(axis=-1).ravel()
    return summarised(known, number, peak, seed)


def margin_at(
    target: Target, site: str, arm: str, peak: Array, seed: int, note: str | None = None
) -> Margin | None:
    """The margin of one potency of `analgesia.claims.sites` at one of its sites, never essential; None where nothing ever arrives.

    `note` is said where the target has none of its own.
    """
    known = Margin(
        target.compound,
        target.key,
        site,
        target.section,
        arm,
        False,
        target.potency,
        target.number.status,
        target.number.cited,
        note=target.note or note,
    )
    return summarised(known, target.number, peak, seed)


def summarised(known: Margin, number: Number, peak: Array, seed: int) -> Margin | None:
    """`known` with the distribution of peak ÷ potency over lanes; None when nothing ever arrives.

    `peak`: highest concentration of each lane in nM. Lanes that failed (not finite) are left out. The draws of the potency depend on seed,
    compound, kind and target alone, so that one potency is met with the same guesses wherever it is asked about.
    """
    finite = np.isfinite(peak)
    if not finite.any():
        return replace(known, unavailable="no person of the run could be computed")
    if not np.any(peak[finite] > 0.0):
        return None
    z = draws.normal(seed, f"margin/{known.compound}.{known.kind}.{known.target}", peak.size)
    ratio = (peak / (known.potency * np.exp(number.uncertainty_sd_log * z)))[finite]
    low, median, high = (float(value) for value in np.quantile(ratio, (INTERVAL[0], 0.5, INTERVAL[1])))
    return replace(
        known,
        median=median,
        interval90=(low, high),
        share_above_one=float(np.mean(ratio > 1.0)),
        exposure_median=float(np.median(peak[finite])),
    )
