"""What a claim file says: a sentence people believe, the experiment that would test it, and the evidence found.

A claim file holds no verdict. The verdict is computed from the evidence items and the exposure margins by one
shared rule (`analgesia.claims.verdict`), whose parameters stand in `[rule]` with their reason.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from analgesia.evidence.records import Name, Part, Record, Site

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


class ExperimentArm(Part):
    """One regimen of the experiment: a product or a drug; the placebo arm is always added."""

    name: Text
    product: Name | None = None
    drug: str | None = None
    dose: Text
    route: str = "oral"
    every: str | None = None
    doses: Annotated[StrictInt, Field(ge=1)] = 1
    documented_by: Name | None = None
    comparator: bool = False

    @model_validator(mode="after")
    def _one_item(self) -> ExperimentArm:
        if (self.product is None) == (self.drug is None):
            raise ValueError("an arm names either `product` or `drug`, one of the two")
        return self

    @property
    def item(self) -> str:
        """Name of the product or drug."""
        return self.product or self.drug or ""

    @property
    def kind(self) -> Literal["product", "drug"]:
        """Whether `item` is a product or a drug."""
        return "product" if self.product is not None else "drug"


class Experiment(Part):
    """Whom, with what, and which outcome. `endpoint = "none"` needs the reason why no model is asked."""

    population: Name
    patients: Annotated[StrictInt, Field(ge=1)] = 100
    replicates: Annotated[StrictInt, Field(ge=1)] = 20
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


class EvidenceItem(Part):
    """What one source says about the claim, in our own words, and what it cannot show."""

    level: Level
    directness: Literal["direct", "indirect"]
    direction: Direction
    source: Name
    species: Text
    n: Annotated[StrictInt, Field(ge=0)] | None = None
    says: Text
    at: Text
    status: Literal["read", "secondary", "recalled"]
    limits: str | None = None

    @model_validator(mode="after")
    def _human(self) -> EvidenceItem:
        if (self.level in HUMAN_LEVELS) != (self.species == "human"):
            raise ValueError(f'level "{self.level}" and species "{self.species}" contradict each other')
        return self


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
    margins: tuple[MarginSpec, ...] = ()
    rule: Rule
    evidence: tuple[EvidenceItem, ...] = ()
    searched: Annotated[tuple[Search, ...], Field(min_length=1)]
    not_found: Text
    would_change: Text
    may_not_say: Annotated[tuple[Text, ...], Field(min_length=1)]
