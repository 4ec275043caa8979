"""What files of `regimens` and `targets` say: which doses are on record, and where in the body a target is met.

Both serve the landscape of exposure over potency (`analgesia.claims.landscape`): a regimen is an amount that a study, survey or
label records and no suggestion; a target's sites follow from where it does what it is asked about here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from analgesia.evidence.records import Name, Part, Record, Site, Taken

Text = Annotated[StrictStr, Field(min_length=3)]
Section = Literal["affinity", "potency", "functional_inhibition", "effects", "nerve", "interactions"]
"""Sections of a drug file that hold concentrations at which something happens."""


class Regimen(Taken, Record):
    """A documented way of taking one product or drug; regimens in claims and trials need no file of their own."""

    source: Name
    at: Text
    status: Literal["read", "secondary", "computed", "recalled"]


class Special(Part):
    """One number of a drug file that is treated apart, and why."""

    compound: StrictStr
    target: StrictStr
    section: Section
    reason: Text


class TargetGroup(Record):
    """Targets that act at the same places.

    `targets` are keys of a drug file's sections; a key with parts, such as nav1_7.resting, is found by itself or by its
    first part. `sites` are where free drug counts; none means that no site of the model stands for the place, and `reason` says
    which. `total` lists potencies measured against total concentration; `set_aside` those that must not be compared at all.
    """

    targets: Annotated[list[StrictStr], Field(min_length=1)]
    sites: list[Site]
    reason: Text
    total: list[Special] = []
    set_aside: list[Special] = []
