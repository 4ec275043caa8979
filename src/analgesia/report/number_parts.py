"""Numbers of the evidence as rows of a table: value with its sign, interval, spread between people, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analgesia.claims.sentences import NBSP
from analgesia.evidence import Library, Number
from analgesia.report.markup import Content, Markup, bullets, folded, table
from analgesia.report.parts import mark, source_link
from analgesia.report.tables import unit_after
from analgesia.report.wording import spoken
from analgesia.show import significant

HEADERS = ("Quantity", "Value", "95 % interval", "Between people", "Where it comes from")


def number_table(caption: str, numbers: Iterable[Number], library: Library, drop: str = "") -> Markup | None:
    """A row for each number, its key without the prefix `drop`; nothing without numbers."""
    rows = [number_row(one, library, drop) for one in numbers]
    return table(caption, HEADERS, rows, class_="wordy") if rows else None


def number_row(one: Number, library: Library, drop: str = "") -> Sequence[Content]:
    """One number; a pooled one unfolds into the values it was pooled from."""
    return (
        spoken(one.key.removeprefix(drop)),
        amount(one),
        interval(one),
        people(one),
        [*origin(one, library), members(one, library)],
    )


def amount(one: Number) -> Content:
    """Value, unit and the sign of its status."""
    limit = {"upper": "below ", "lower": "above "}.get(one.limit or "", "")
    unit = unit_after(one.unit)
    return [f"{limit}{significant(one.value, 4)}{NBSP if unit else ''}{unit}", mark(one.status)]


def interval(one: Number) -> str:
    """Central 95 % of what we believe; nothing where nothing is stated."""
    if not one.uncertainty_stated:
        return "not stated"
    low, high = one.interval()
    return f"{significant(low, 3)} to {significant(high, 3)}"


def people(one: Number) -> Content:
    """How people differ (coefficient of variation)."""
    if one.iiv is None:
        return ""
    return [f"CV{NBSP}{100.0 * one.iiv:.0f}{NBSP}%", mark(one.iiv_origin.status) if one.iiv_origin else None]


def origin(one: Number, library: Library) -> list[Content]:
    """Source, place, species, assay, reason and notes."""
    said: list[Content] = []
    if one.source:
        said.append(source_link(one.source, library))
    for words in (one.at, one.species, one.system, one.assumed, one.translation, one.note):
        if words:
            said += ["; " if said else "", words]
    for place, name in enumerate(one.fitted_to):
        said += ["; fitted to " if place == 0 and said else "fitted to " if place == 0 else ", "]
        said.append(source_link(name, library))
    if one.not_pooled:
        said += ["; " if said else "", f"kept beside: {one.not_pooled}"]
    return said


def members(one: Number, library: Library) -> Markup | None:
    """Every measured value of a pooled number."""
    if not one.measured:
        return None
    used = sum(member.not_pooled is None and member.limit is None for member in one.measured)
    beside = len(one.measured) - used
    words = f"{used} {'value' if used == 1 else 'values pooled'}" + (
        f", {beside} kept beside" if beside else ""
    )
    lines: list[Content] = [
        [amount(member), _spread(member), ": ", *origin(member, library)] for member in one.measured
    ]
    return folded(words, bullets(lines))


def _spread(member: Number) -> str:
    """The interval of a measured value, where it was printed."""
    if not member.uncertainty_stated:
        return ""
    low, high = member.interval()
    return f" ({significant(low, 3)} to {significant(high, 3)})"
