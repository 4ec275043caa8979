"""What every evidence file shares: a name, a title, a note; unknown keys refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictInt,
    StrictStr,
    model_validator,
)

from analgesia.evidence.numbers import Number
from analgesia.evidence.provenance import STATUSES

Table = dict[str, Any]
Numbers = dict[str, Number]
Status = Literal["read", "secondary", "computed", "simulated", "fitted", "recalled", "assumed"]
Site = Literal["plasma", "brain", "spinal_cord", "nociceptor"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.\-]*")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
if set(get_args(Status)) != set(STATUSES):
    raise TypeError("Status and STATUSES name different statuses")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a name; use lower-case letters, digits, '_', '-' and '.', starting with a letter or digit"
        )
    return value


def _doi(value: str) -> str:
    if not _DOI.fullmatch(value):
        raise ValueError(
            f'{value!r} is not a DOI; write it like "10.1124/jpet.120.000189", without https://doi.org/'
        )
    return value


Name = Annotated[StrictStr, AfterValidator(_name)]
Doi = Annotated[StrictStr, AfterValidator(_doi)]


class Part(BaseModel):
    """A table inside a file."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=False
    )


class Record(Part):
    """A file (or several with one `name`). `files` says where it was written."""

    name: Name
    title: StrictStr | None = None
    description: StrictStr = ""
    note: StrictStr | None = None
    _files: tuple[str, ...] = PrivateAttr(default=())

    @property
    def files(self) -> tuple[str, ...]:
        """The files this record was read from, overlays last."""
        return self._files


class Taken(Part):
    """A product or a drug, one of the two, and how it is taken."""

    called: ClassVar[str] = "a regimen"

    product: Name | None = None
    drug: StrictStr | None = None
    dose: Annotated[StrictStr, Field(min_length=3)]
    route: StrictStr = "oral"
    every: StrictStr | None = None
    doses: Annotated[StrictInt, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _one_item(self) -> Self:
        if (self.product is None) == (self.drug is None):
            raise ValueError(f"{self.called} names either `product` or `drug`, one of the two")
        return self

    @property
    def item(self) -> str:
        """Name of the product or drug."""
        return self.product or self.drug or ""

    @property
    def kind(self) -> Literal["product", "drug"]:
        """Whether `item` is a product or a drug."""
        return "product" if self.product is not None else "drug"
