"""Risk of bias of a study: which tool fits its design, a judgement for each domain, and the overall that follows from them.

A study is assessed once, in its own source file (`[risk_of_bias]`); an evidence item may carry its own assessment where the
outcome matters. Only domains about which something was seen are written; the others are "no information". The overall is
computed by the rule of the tool and never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StrictStr, model_validator

from analgesia.evidence.records import Name, Part

ToolName = Literal[
    "rob2", "rob2_crossover", "robins_i", "robins_e", "syrcle", "ohat", "jbi_prevalence", "jbi_case_report",
    "robis", "assay",
]  # fmt: skip
Judgement = Literal[
    "low", "probably_low", "moderate", "some_concerns", "probably_high", "serious", "high", "very_high",
    "critical", "no_information", "not_applicable",
]  # fmt: skip
Basis = Literal["full text", "part of the text", "abstract", "registry", "review", "summary", "memory"]

UNKNOWN: Judgement = "no_information"
ASIDE: Judgement = "not_applicable"


@dataclass(frozen=True)
class Tool:
    """A published tool: its domains (key -> words), its judgements from best to worst, and the rule of its overall.

    unknown_as: what the tool makes of a domain without information; None leaves it open.
    telling: from which judgement on one domain decides although others are open.
    """

    title: str
    source: str | None
    domains: Mapping[str, str]
    judgements: tuple[Judgement, ...]
    rule: str
    unknown_as: Judgement | None = None
    telling: Judgement = "high"

    def overall(self, judged: Mapping[str, Judgement]) -> Judgement:
        """The overall judgement: the worst domain, with the tool's own way to treat domains without information."""
        order = self.judgements.index
        given = [judged.get(key, UNKNOWN) for key in self.domains]
        known = [one for one in given if one not in (UNKNOWN, ASIDE)]
        if UNKNOWN in given and self.unknown_as is not None:
            known.append(self.unknown_as)
        worst = max(known, key=order, default=UNKNOWN)
        open_domain = UNKNOWN in given and self.unknown_as is None
        if open_domain and (worst == UNKNOWN or order(worst) < order(self.telling)):
            return UNKNOWN
        return worst


_WORST_OR_OPEN = (
    "The tool forbids a sum; here the worst entry counts: high if any is high, no information if any is open, else low (our "
    "convention)."
)
_ROB2 = {
    "randomisation": "randomisation and concealment",
    "deviations": "deviations from the intended treatment",
    "missing_data": "missing outcome data",
    "measurement": "measurement of the outcome",
    "selective_reporting": "choice of the reported result",
}
_ROB2_RULE = (
    "High if any domain is high, some concerns if any has some concerns, low if all are low; a domain without information counts "
    "as some concerns, as the signalling questions of the tool have it. Several domains of concern are not added up to high."
)
_ROB2_JUDGEMENTS: tuple[Judgement, ...] = ("low", "some_concerns", "high")

TOOLS: dict[str, Tool] = {
    "rob2": Tool("RoB 2", "sterne2019rob2", _ROB2, _ROB2_JUDGEMENTS, _ROB2_RULE, "some_concerns"),
    "rob2_crossover": Tool(
        "RoB 2 for crossover trials",
        "sterne2019rob2",
        {"randomisation": _ROB2["randomisation"], "carry_over": "period and carry-over", **_ROB2},
        _ROB2_JUDGEMENTS,
        _ROB2_RULE,
        "some_concerns",
    ),
    "robins_i": Tool(
        "ROBINS-I",
        "sterne2016robinsi",
        {
            "confounding": "confounding",
            "selection": "selection of participants",
            "classification": "classification of interventions",
            "deviations": "deviations from the intended treatment",
            "missing_data": "missing data",
            "measurement": "measurement of outcomes",
            "reporting": "choice of the reported result",
        },
        ("low", "moderate", "serious", "critical"),
        "The worst domain; no information if a domain is open and none is serious or critical.",
        telling="serious",
    ),
    "robins_e": Tool(
        "ROBINS-E",
        "robins_e_tool",
        {
            "confounding": "confounding",
            "exposure": "measurement of the exposure",
            "selection": "selection of participants",
            "post_exposure": "what was done after exposure",
            "missing_data": "missing data",
            "measurement": "measurement of the outcome",
            "reporting": "choice of the reported result",
        },
        ("low", "some_concerns", "high", "very_high"),
        "The worst domain; no information if a domain is open and none is high or very high.",
    ),
    "syrcle": Tool(
        "SYRCLE",
        "hooijmans2014syrcle",
        {
            "sequence": "sequence of allocation",
            "baseline": "likeness at the start",
            "concealment": "concealed allocation",
            "housing": "random housing",
            "blinding_care": "blinding of caregivers",
            "random_outcome": "random choice for assessment",
            "blinding_outcome": "blinding of the assessor",
            "incomplete_data": "incomplete data",
            "selective_reporting": "selective reporting",
            "other": "other sources, funding among them",
        },
        ("low", "high"),
        _WORST_OR_OPEN,
    ),
    "ohat": Tool(
        "OHAT, questions for experiments outside the body",
        "ohat_handbook",
        {
            "randomisation": "random allocation of the exposure",
            "concealment": "concealed allocation",
            "conditions": "identical conditions across groups",
            "blinding": "blinding during the study",
            "complete_data": "complete data",
            "exposure": "confidence in the exposure",
            "outcome": "confidence in the outcome",
            "reporting": "all measured outcomes reported",
            "other": "statistics and other threats",
        },
        ("low", "probably_low", "probably_high", "high"),
        "The worst question (our convention; the tool sorts studies into tiers); not reported counts as probably high, as the tool "
        "has it.",
        "probably_high",
    ),
    "jbi_prevalence": Tool(
        "JBI checklist for studies of prevalence",
        "jbi_checklists",
        {
            "frame": "sampling frame",
            "sampling": "way of sampling",
            "size": "sample size",
            "description": "people and setting described",
            "coverage": "coverage of the sample",
            "identification": "valid identification of the condition",
            "measurement": "same reliable measurement for all",
            "analysis": "statistical analysis",
            "response": "response rate",
        },
        ("low", "high"),
        _WORST_OR_OPEN,
    ),
    "jbi_case_report": Tool(
        "JBI checklist for case reports",
        "jbi_checklists",
        {
            "demographics": "person described",
            "history": "history and its times",
            "condition": "condition at presentation",
            "diagnostics": "tests and their results",
            "intervention": "treatment described",
            "outcome": "condition afterwards",
            "harms": "unexpected events",
            "lessons": "lessons stated",
            "attribution": "other causes excluded",
        },
        ("low", "high"),
        _WORST_OR_OPEN
        + " The question of other causes is added here: it is the one that matters for a claim.",
    ),
    "robis": Tool(
        "ROBIS",
        "whiting2016robis",
        {
            "eligibility": "eligibility criteria",
            "identification": "search and selection",
            "appraisal": "data collection and appraisal",
            "synthesis": "synthesis and findings",
        },
        ("low", "high"),
        "High if any concern is high, no information if any domain is open, else low (our convention for phase 3).",
    ),
    "assay": Tool(
        "plain checklist for assays of products (ours; no established tool was found)",
        None,
        {
            "sampling": "how products were chosen",
            "identity": "identity of what was measured",
            "method": "validated method and limits",
            "replicates": "repeated measurements",
            "reporting": "all products reported",
            "interest": "who paid",
        },
        ("low", "high"),
        _WORST_OR_OPEN,
    ),
}
"""The tools by name. The words of a domain are ours; the domains are the tool's."""

if set(TOOLS) != set(get_args(ToolName)):
    raise TypeError("ToolName and TOOLS name different tools")

JUDGEMENT_WORDS: dict[str, str] = {
    "low": "low",
    "probably_low": "probably low",
    "moderate": "moderate",
    "some_concerns": "some concerns",
    "probably_high": "probably high",
    "serious": "serious",
    "high": "high",
    "very_high": "very high",
    "critical": "critical",
    "no_information": "no information",
    "not_applicable": "does not apply",
}
"""How a judgement is called where people read it."""

CONCERN: dict[str, int] = {
    "low": 0,
    "probably_low": 0,
    "moderate": 0,
    "some_concerns": 1,
    "probably_high": 1,
    "serious": 1,
    "high": 1,
    "no_information": 1,
    "very_high": 2,
    "critical": 2,
}
"""Overall judgement -> levels of certainty it costs. A convention: what could not be judged is not taken for good."""


class Domain(Part):
    """One judged domain: the judgement, one line of reason, and the source of the judgement when it is somebody else's."""

    judgement: Judgement
    reason: Annotated[StrictStr, Field(min_length=3)]
    source: Name | None = None


class RiskOfBias(Part):
    """The assessment of one study with the tool that fits its design; `basis` says what of the study was seen."""

    tool: ToolName
    basis: Annotated[tuple[Basis, ...], Field(min_length=1)]
    domains: dict[str, Domain] = {}

    @model_validator(mode="after")
    def _of_the_tool(self) -> RiskOfBias:
        tool = TOOLS[self.tool]
        for key, domain in self.domains.items():
            if key not in tool.domains:
                raise ValueError(f"{key!r} is no domain of {tool.title}; there are {', '.join(tool.domains)}")
            allowed = (*tool.judgements, UNKNOWN, ASIDE)
            if domain.judgement not in allowed:
                raise ValueError(
                    f"domains.{key}: {tool.title} has no judgement {domain.judgement!r}; it has {', '.join(allowed)}"
                )
        return self

    @property
    def judged(self) -> dict[str, Domain]:
        """Every domain of the tool in its order; those not written are without information."""
        silent = Domain(judgement=UNKNOWN, reason=f"Not in what was seen ({', '.join(self.basis)}).")
        return {key: self.domains.get(key, silent) for key in TOOLS[self.tool].domains}

    @property
    def overall(self) -> Judgement:
        """The overall judgement by the rule of the tool."""
        return TOOLS[self.tool].overall({key: one.judgement for key, one in self.domains.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        tool = TOOLS[self.tool]
        return {
            "tool": tool.title,
            "tool_source": tool.source,
            "rule": tool.rule,
            "basis": list(self.basis),
            "overall": self.overall,
            "domains": [
                {
                    "domain": key,
                    "words": tool.domains[key],
                    "judgement": one.judgement,
                    "reason": one.reason,
                    "source": one.source,
                }
                for key, one in self.judged.items()
            ],
        }


FITTING: dict[str, frozenset[str]] = {
    "rct": frozenset({"rob2", "rob2_crossover"}),
    "observational": frozenset({"robins_i", "robins_e", "jbi_prevalence", "jbi_case_report"}),
    "systematic_review": frozenset({"robis"}),
    "animal": frozenset({"syrcle"}),
    "in_vitro": frozenset({"ohat"}),
    "ex_vivo": frozenset({"ohat"}),
    "product_assay": frozenset({"assay"}),
}
"""Level of an evidence item -> tools that fit such a study."""
