"""The documented regimens of one drug or product, and the one whose exposure its page shows.

`analgesia.claims.regimens` gathers them; here they are chosen by what they bring into a body, and put in order. A metabolite or an
alkaloid of a leaf has the regimens of what it comes from. What users report of a product (`usual_dose`) counts as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analgesia.claims.regimens import LENGTH_H, Documented, documented
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.pathway import Arm
from analgesia.pharmacokinetics import administration
from analgesia.quantities import Quantity, parse_positive

ASKED = "command line"
"""Origin of a regimen that was asked for."""

KINDS = ("kinetic study", "usual dose", "documented regimen", "regimen of a claim", "trial")
"""Kinds of record, in the order in which they are preferred for the picture."""


def regimens_of(kind: str, name: str, library: Library) -> list[Documented]:
    """Every documented regimen that brings `name` into a body, the preferred one first, each once."""
    found = [one for one in documented(library) if _brings(one, kind, name, library)]
    if kind == "product":
        usual = _usual(name, library)
        if usual is not None and usual.key not in {one.key for one in found}:
            found.append(usual)
    return sorted(
        found,
        key=lambda one: (
            one.arm.item != name,
            KINDS.index(record_kind(one, library)),
            one.arm.doses,
            -_measured(one, name, library),
            -Quantity.parse(one.arm.dose).to("mg"),
        ),
    )


def record_kind(one: Documented, library: Library) -> str:
    """In which kind of file a regimen stands."""
    folder = one.origin.split("/")[-2] if "/" in one.origin else one.origin
    if folder == "trials":
        kinetic = any(
            trial.design.get("kind") == "kinetics"
            for trial in library.trials.values()
            if ", ".join(trial.files) == one.origin
        )
        return "kinetic study" if kinetic else "trial"
    named = {"regimens": "documented regimen", "claims": "regimen of a claim", "products": "usual dose"}
    return named.get(folder, one.origin)


def chosen(known: list[Documented], kind: str, item: str, asked: Mapping[str, Any]) -> Documented | None:
    """The regimen asked for, else the first documented one, else None. `asked`: dose, route, every, doses (None: not said)."""
    if asked.get("dose") is None:
        if any(asked.get(key) is not None for key in ("route", "every", "doses")):
            raise ModelError(
                'a route or an interval without a dose; say how much as well, such as --dose "10 mg"'
            )
        return known[0] if known else None
    dose, every, doses = asked["dose"], asked.get("every"), asked.get("doses") or 1
    route = asked.get("route") or "oral"
    several = f", {doses} doses, one every {every}" if doses > 1 else ""
    arm = Arm(f"{item.replace('_', ' ')}, {dose}, {route}{several}", kind, item, dose, route, every, doses)
    hours = LENGTH_H if every is None else max(LENGTH_H, parse_positive(every, "h", "every") * doses)
    own = Documented(arm, hours, "", "", ASKED)
    return next((one for one in known if one.key == own.key), own)


def _brings(one: Documented, kind: str, name: str, library: Library) -> bool:
    if kind == "product":
        return one.arm.item == name
    arm = one.arm
    given = administration(arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses, library)
    return name in [drug.name for drug in given.drugs]


def _usual(name: str, library: Library) -> Documented | None:
    """What users report to take of a product; in mg it would be an amount of an alkaloid that it does not name."""
    product = library.products[name]
    usual = product.usual_dose
    if usual is None or usual.unit != "g" or not usual.cited:
        return None
    dose = f"{usual.value:g} {usual.unit}"
    arm = Arm(f"{name.replace('_', ' ')}, {dose} once", "product", name, dose, product.route)
    return Documented(arm, LENGTH_H, usual.cited[0], usual.status, usual.file, usual.at)


def _measured(one: Documented, name: str, library: Library) -> int:
    """How many values of `name` (of anything, where it is the product) the trial behind a regimen printed."""
    return sum(
        row.get("analyte") == name or one.arm.item == name
        for trial in library.trials.values()
        if ", ".join(trial.files) == one.origin
        for row in trial.results
    )
