"""Run a claim: evidence, mechanism and prediction side by side, never merged, and the word of the verdict.

The word comes from `verdict` (evidence items and margins alone). The prediction is computed afterwards and goes
nowhere near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analgesia.claims.certainty import SOURCES as METHOD
from analgesia.claims.certainty import Certainty, certainty
from analgesia.claims.decisive import Decisive, Lanes, decisive, lanes_of
from analgesia.claims.margins import Margin, margin, potency_of
from analgesia.claims.mechanism import margins_of
from analgesia.claims.prediction import Prediction
from analgesia.claims.saying import may_not_say, may_say
from analgesia.claims.sentences import paragraph
from analgesia.claims.verdict import Verdict, best_level, verdict
from analgesia.evidence import Library, Number, Tally
from analgesia.evidence.bias import TOOLS, RiskOfBias
from analgesia.evidence.claim_schema import Claim, EvidenceItem, MarginSpec
from analgesia.evidence.provenance import STATUSES

NO_ARM = "none of them"
"""Where the regimen of a margin stands when no regimen holds the substance."""


@dataclass(frozen=True)
class Judgement:
    """A claim and the three answers to it. `series` holds time courses for pictures and is no part of the JSON."""

    claim: Claim
    verdict: Verdict
    certainty: Certainty
    decisive: Decisive
    margins: tuple[Margin, ...]
    prediction: Prediction
    numbers: Mapping[str, int]
    sources: tuple[str, ...]
    provenance: Tally = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
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
        return paragraph(self.claim, self.verdict, self.margins, self.prediction, self.certainty, self.names)

    @property
    def may_say(self) -> tuple[str, ...]:
        """What may be said, computed sentences first."""
        return may_say(self.claim, self.certainty, self.margins, self.prediction)

    @property
    def may_not_say(self) -> tuple[str, ...]:
        """What may not be said, computed sentences first."""
        return may_not_say(self.claim, self.verdict.word, self.certainty, self.margins, self.prediction)

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
            "certainty": self.certainty.to_dict(),
            "mechanism": {"margins": [one.to_dict() for one in self.margins]},
            "prediction": self.prediction.to_dict(),
            "numbers": dict(self.numbers),
            "may_say": list(self.may_say),
            "may_not_say": list(self.may_not_say),
            "decisive": self.decisive.to_dict(),
            "would_change": self.claim.would_change,
            "sources": list(self.sources),
        }


def _item(item: EvidenceItem, library: Library | None) -> dict[str, Any]:
    plain = item.model_dump()
    bias = item.risk_of_bias
    if library is not None and item.source in library.sources:
        plain["link"] = library.sources[item.source].link
        bias = bias or library.sources[item.source].risk_of_bias
    plain["risk_of_bias"] = None if bias is None else bias.to_dict()
    return plain


def judge(
    claim: Claim, exposed: Any, prediction: Prediction, library: Library, seed: int, used: Tally
) -> Judgement:
    """Judge one claim from a run of its experiment (`exposed`, None when the claim compares nothing).

    `used` is the open tally the run was made under; potencies are noted there too.
    """
    found: list[Margin] = []
    lanes: list[Lanes] = []
    if exposed is not None:
        for spec in margins_of(claim, library):
            number = potency_of(spec, claim, library)
            before = len(found)
            for arm in claim.experiment.arms:
                one = None if arm.comparator else margin(spec, claim, arm.name, exposed, library, seed)
                if one is not None:
                    found.append(one)
                    behind = lanes_of(one, exposed, number.uncertainty_sd_log) if one.essential else None
                    lanes += [behind] if behind else []
            if len(found) == before:
                found.append(_absent(spec, number, library))
    word = verdict(
        claim.evidence,
        [one.reach for one in found],
        decided_by=claim.rule.decided_by,
        reached_above=claim.rule.reached_above,
    )
    names = {item.source: library.sources[item.source].short for item in claim.evidence}
    names |= {name: library.sources[name].short for name in _named(claim)}
    assessed = {name: bias for name in names if (bias := library.sources[name].risk_of_bias) is not None}
    rated = certainty(
        claim.evidence,
        decided_by=claim.rule.decided_by,
        assessed=assessed,
        inputs=claim.certainty,
        names=names,
    )
    cited = {*used.sources, *(item.source for item in claim.evidence), *METHOD, *_tools(claim, assessed)}
    cited.update(arm.documented_by for arm in claim.experiment.arms if arm.documented_by)
    return Judgement(
        claim,
        word,
        rated,
        decisive(claim.evidence, found, lanes, claim.rule),
        tuple(found),
        prediction,
        used.counts,
        tuple(sorted(cited)),
        used,
        names,
    )


def _absent(spec: MarginSpec, number: Number, library: Library) -> Margin:
    """A margin of a substance that no regimen of the claim holds: shown with its potency, and silent in the verdict."""
    potency = number.to("nM", library.drugs[spec.compound].molar_mass.to("g/mol"))
    return Margin(
        spec.compound,
        spec.target,
        spec.site,
        spec.kind,
        NO_ARM,
        False,
        potency,
        number.status,
        number.cited,
        note=spec.note,
        unavailable="no regimen of this claim holds it",
    )


def _tools(claim: Claim, assessed: Mapping[str, RiskOfBias]) -> set[str]:
    """Papers of the tools the studies were assessed with, and of those who judged in our stead."""
    own = [item.risk_of_bias for item in claim.evidence if item.risk_of_bias is not None]
    found: set[str] = set()
    for bias in (*own, *assessed.values()):
        tool = TOOLS[bias.tool].source
        found |= {tool} if tool else set()
        found |= {one.source for one in bias.domains.values() if one.source}
    return found


def _named(claim: Claim) -> set[str]:
    """Sources that the inputs of the certainty name."""
    sign = claim.certainty.publication_bias
    named = {one.source for one in claim.certainty.upgrades}
    return named | ({sign.source} if sign is not None and sign.source is not None else set())
