"""Run a claim: evidence, mechanism and prediction side by side, never merged, and the word of the verdict.

The word comes from `verdict` (evidence items and margins alone). The prediction is computed afterwards and goes
nowhere near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analgesia.claims.margins import Margin, margin
from analgesia.claims.prediction import Prediction
from analgesia.claims.sentences import paragraph
from analgesia.claims.verdict import Verdict, best_level, verdict
from analgesia.evidence import Library, Tally
from analgesia.evidence.claim_schema import Claim, EvidenceItem
from analgesia.evidence.provenance import STATUSES


@dataclass(frozen=True)
class Judgement:
    """A claim and the three answers to it. `series` holds time courses for pictures and is no part of the JSON."""

    claim: Claim
    verdict: Verdict
    margins: tuple[Margin, ...]
    prediction: Prediction
    numbers: Mapping[str, int]
    sources: tuple[str, ...]
    provenance: Tally = field(repr=False)
    series: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def evidence_counts(self) -> dict[str, int]:
        """How many evidence items were read, taken second-hand, or recalled."""
        return {
            status: count
            for status in STATUSES
            if (count := sum(item.status == status for item in self.claim.evidence))
        }

    @property
    def indirect_level(self) -> str:
        """The best level among indirect items, "none" without any."""
        return best_level([item for item in self.claim.evidence if item.directness == "indirect"])

    @property
    def paragraph(self) -> str:
        """A paragraph in plain words that may be quoted."""
        return paragraph(self.claim, self.verdict, self.margins, self.prediction)

    def to_dict(self, library: Library | None = None) -> dict[str, Any]:
        """The JSON of `analgesia check`; with a library, sources carry their link."""
        return {
            "claim": self.claim.name,
            "statement": self.claim.statement,
            "verdict": str(self.verdict.word),
            "because": self.verdict.because,
            "plain": self.paragraph,
            "evidence": {
                "level": self.verdict.level,
                "indirect_level": self.indirect_level,
                "items": [_item(item, library) for item in self.claim.evidence],
                "statements": self.evidence_counts,
                "searched": [search.model_dump() for search in self.claim.searched],
                "not_found": self.claim.not_found,
            },
            "mechanism": {"margins": [one.to_dict() for one in self.margins]},
            "prediction": self.prediction.to_dict(),
            "numbers": dict(self.numbers),
            "may_not_say": list(self.claim.may_not_say),
            "would_change": self.claim.would_change,
            "sources": list(self.sources),
        }


def _item(item: EvidenceItem, library: Library | None) -> dict[str, Any]:
    plain = item.model_dump()
    if library is not None and item.source in library.sources:
        plain["link"] = library.sources[item.source].link
    return plain


def judge(
    claim: Claim, exposed: Any, prediction: Prediction, library: Library, seed: int, used: Tally
) -> Judgement:
    """Judge one claim from a run of its experiment (`exposed`, None when the claim has no margins).

    `used` is the open tally the run was made under; potencies are noted there too.
    """
    found: list[Margin] = []
    if exposed is not None:
        for spec in claim.margins:
            for arm in claim.experiment.arms:
                if not arm.comparator:
                    one = margin(spec, claim, arm.name, exposed, library, seed)
                    if one is not None:
                        found.append(one)
    word = verdict(
        claim.evidence,
        [one.reach for one in found],
        decided_by=claim.rule.decided_by,
        reached_above=claim.rule.reached_above,
    )
    cited = {*used.sources, *(item.source for item in claim.evidence)}
    cited.update(arm.documented_by for arm in claim.experiment.arms if arm.documented_by)
    return Judgement(claim, word, tuple(found), prediction, used.counts, tuple(sorted(cited)), used)
