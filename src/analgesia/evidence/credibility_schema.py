"""What files of `credibility` say: kinds of evidence for a model, rows of an assessment, our ratings, which test belongs to which scale.

A file holds the parts it needs. `oracles` of a scale name a test of this project by file and function; a contract test looks
each of them up, so that a card never lists a test that is gone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from analgesia.evidence.records import Name, Part, Record

Text = Annotated[StrictStr, Field(min_length=3)]
Rate = Literal["low", "medium", "high"]
CategoryKey = Literal[
    "code_verification",
    "calibration",
    "bench_test",
    "in_vivo",
    "population",
    "emergent",
    "plausibility",
    "calculation",
]
RowKey = Literal[
    "question",
    "context",
    "influence",
    "consequence",
    "risk",
    "impact",
    "criteria",
    "appropriateness",
    "evaluation",
    "outcome",
]
TestName = Annotated[StrictStr, Field(pattern=r"^tests/[\w/]+\.py::test_\w+$")]


class CategoryText(Part):
    """A kind of evidence: what it asks, and what is said where there is none."""

    key: CategoryKey
    title: Text
    says: Text
    none: Text
    source: Name
    at: Text
    status: Literal["read", "secondary"]


class RowText(Part):
    """A row of the assessment of a model's use."""

    key: RowKey
    title: Text
    says: Text
    source: Name
    at: Text
    status: Literal["read", "secondary"]


class RiskCell(Part):
    """One cell of the matrix."""

    influence: Rate
    consequence: Rate
    risk: Rate


class Rated(Part):
    """A rating of ours with its reason."""

    rating: Rate
    reason: Text


class Oracle(Part):
    """A test, the kind of evidence it is, and what it compares with what."""

    category: CategoryKey
    says: Text
    test: TestName


class Credibility(Record):
    """One file of the folder; `used_by` names kinds of endpoints that need the scale ("margins" where exposures alone are compared)."""

    categories: list[CategoryText] = []
    rows: list[RowText] = []
    risks: list[RiskCell] = []
    consequences: dict[StrictStr, Rated] = {}
    impacts: dict[StrictStr, Rated] = {}
    used_by: list[StrictStr] = []
    oracles: list[Oracle] = []
