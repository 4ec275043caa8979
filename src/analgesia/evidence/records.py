"""What every evidence file shares: a name, a title, a note; unknown keys refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, PrivateAttr, StrictStr

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
