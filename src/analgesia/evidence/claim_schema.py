"""What a claim file says: a sentence people believe, the experiment that would test it, and the evidence found.

A claim file holds no verdict. The verdict is computed from the evidence items and the exposure margins by one
shared rule (`analgesia.claims.verdict`), whose parameters stand in `[rule]` with their reason.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from analgesia.evidence.bias import RiskOfBias
from analgesia.evidence.records import Name, Part, Record, Site, Taken

Level = Literal["in_vitro", "ex_vivo", "animal", "product_assay", "observational", "rct", "systematic_review"]
DecidingLevel = Literal["in_vitro", "ex_vivo", "animal", "product_assay", "observational", "rct"]
"""Levels a claim may ask for; none asks for a review, because a single good trial must be able to decide."""
Direction = Literal["supports", "contradicts", "neutral"]
Text = Annotated[StrictStr, Field(min_length=3)]

LEVELS: tuple[Level, ...] = (
    "in_vitro",
    "ex_vivo",
    "animal",
    "product_assay",
    "observational",
    "rct",
    "systematic_review",
)
"""From the least to the most that a kind of study can decide about people."""

HUMAN_LEVELS = frozenset({"observational", "rct", "systematic_review"})


class ExperimentArm(Taken):
    """One regimen of the experiment: a product or a drug; the placebo arm is always added."""

    called: ClassVar[str] = "an arm"

    name: Text
    documented_by: Name | None = None
    comparator: bool = False


class Experiment(Part):
    """Whom, with what, and which outcome. `endpoint = "none"` needs the reason why no model is asked."""

    population: Name
    patients: Annotated[StrictInt, Field(ge=1)] = 40
    replicates: Annotated[StrictInt, Field(ge=1)] = 100
    duration: str = "24 h"
    endpoint: str
    no_endpoint: str | None = None
    arms: Annotated[tuple[ExperimentArm, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if (self.endpoint == "none") != (self.no_endpoint is not None):
            raise ValueError('endpoint = "none" and no_endpoint = "the reason" belong together')
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ValueError("two arms have the same name; give each its own")
        return self


class MarginSpec(Part):
    """One comparison of unbound exposure with a potency that stands in the file of the compound.

    `kind` is the section of the drug file: affinity (K_A), potency (EC50), functional_inhibition (IC50)
    or effects (a concentration at which something was seen).
    """

    compound: str
    target: Name
    site: Site
    kind: Literal["affinity", "potency", "functional_inhibition", "effects"] = "affinity"
    essential: bool = True
    note: str | None = None


class Rule(Part):
    """Parameters of the shared verdict rule for this claim.

    decided_by: the lowest level of study that can decide the claim. reached_above: a target counts as possibly
    reached when the 90 % interval of unbound exposure ÷ potency extends to this value or beyond.
    """

    decided_by: DecidingLevel
    reached_above: Annotated[float, Field(gt=0)] = 0.1
    reason: Text


class Result(Part):
    """The number of a finding that goes into a sentence: two means, a share, a ratio, or a range; `outcome` names what was measured."""

    kind: Literal["means", "share", "ratio", "range"]
    outcome: Text
    number: float
    against: float | None = None
    interval: tuple[float, float] | None = None
    unit: StrictStr = ""

    @model_validator(mode="after")
    def _whole(self) -> Result:
        if (self.kind in ("means", "range")) != (self.against is not None):
            raise ValueError(
                'against = the other mean, or the upper end of the range, belongs to kind = "means" and "range" alone'
            )
        if self.interval is not None and self.kind != "ratio":
            raise ValueError('interval = [low, high] belongs to kind = "ratio"')
        return self


class EvidenceItem(Part):
    """What one source says about the claim, in our own words, and what it cannot show."""

    level: Level
    directness: Literal["direct", "indirect"]
    direction: Direction
    source: Name
    species: Text
    n: Annotated[StrictInt, Field(ge=0)] | None = None
    says: Text
    result: Result | None = None
    at: Text
    status: Literal["read", "secondary", "recalled"]
    limits: str | None = None
    differs_in: tuple[Literal["population", "intervention", "comparison", "outcome"], ...] = ()
    risk_of_bias: RiskOfBias | None = None

    @model_validator(mode="after")
    def _human(self) -> EvidenceItem:
        if (self.level in HUMAN_LEVELS) != (self.species == "human"):
            raise ValueError(f'level "{self.level}" and species "{self.species}" contradict each other')
        return self


class PublicationBias(Part):
    """Why studies may be missing that were made: `because` picks the sentence, the rest are its facts."""

    because: Literal["registered_without_results", "paid_by_seller", "few_small_studies"]
    registry: StrictStr | None = None
    source: Name | None = None
    at: Text

    @model_validator(mode="after")
    def _facts(self) -> PublicationBias:
        if (self.because == "registered_without_results") != (self.registry is not None):
            raise ValueError(
                'because = "registered_without_results" and registry = "its number" belong together'
            )
        if self.because == "paid_by_seller" and self.source is None:
            raise ValueError('because = "paid_by_seller" needs source = "the study"')
        return self


class Upgrade(Part):
    """A reason to rate observations in people up, with the study it rests on and the size seen (a ratio of risks)."""

    domain: Literal["large_effect", "dose_response", "opposing_confounding"]
    source: Name
    at: Text
    status: Literal["read", "secondary", "recalled"]
    ratio: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _sized(self) -> Upgrade:
        if (self.domain == "large_effect") != (self.ratio is not None):
            raise ValueError('domain = "large_effect" and ratio = the ratio of risks belong together')
        return self


class CertaintyInputs(Part):
    """What GRADE needs beyond the evidence items: signs of missing studies, and reasons to rate up."""

    publication_bias: PublicationBias | None = None
    upgrades: tuple[Upgrade, ...] = ()


class Mechanism(Part):
    """Targets and sites that matter to the claim for substances of a class: every number there is becomes a margin.

    A margin that `[[margins]]` does not list is carried along and is not essential.
    """

    drug_class: Name
    targets: Annotated[tuple[Name, ...], Field(min_length=1)]
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]


class Search(Part):
    """One search for evidence: where, with which words, when, and how many relevant reports it gave."""

    where: Text
    terms: Text
    date: Text
    hits: Annotated[StrictInt, Field(ge=0)]
    found: Text


class Claim(Record):
    """One claim, its experiment, rule and evidence. `index` is its place in lists."""

    index: Annotated[StrictInt, Field(ge=1)] = 1000
    role: Literal["judge", "calibrate", "validate"] = "judge"
    statement: Text
    plain_statement: Text
    aliases: tuple[str, ...] = ()
    experiment: Experiment
    mechanism: tuple[Mechanism, ...] = ()
    margins: tuple[MarginSpec, ...] = ()
    rule: Rule
    certainty: CertaintyInputs = CertaintyInputs()
    evidence: tuple[EvidenceItem, ...] = ()
    searched: Annotated[tuple[Search, ...], Field(min_length=1)]
    not_found: Text
    would_change: Text
    may_say: Annotated[tuple[Text, ...], Field(min_length=1)]
    may_not_say: Annotated[tuple[Text, ...], Field(min_length=1)]

    @property
    def compares(self) -> bool:
        """Whether exposures are set against potencies: margins are listed, or follow from a mechanism."""
        return bool(self.margins or self.mechanism)
