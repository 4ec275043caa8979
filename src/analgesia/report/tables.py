"""Tables that every page has: numbers that are weak, and quantities on which sources disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from analgesia.claims.sentences import plain
from analgesia.evidence import STATUSES, Library, Number
from analgesia.evidence.conflicts import THRESHOLD, Conflict, Member
from analgesia.report.document import section
from analgesia.report.markup import Content, Markup, bullets, element, folded, table
from analgesia.report.parts import mark, source_link
from analgesia.report.wording import spoken

WEAK = ("assumed", "recalled")
"""Statuses of numbers that nobody published, or nobody has yet checked against the paper."""


def unit_after(unit: str) -> str:
    """A unit behind a number; a pure number has none."""
    return "" if unit == "1" else unit.replace("*", " ")


def number_name(number: Number) -> str:
    """File stem and key of a number, as people can find it."""
    return f"{number.file.removeprefix('evidence/').removesuffix('.toml')}: {number.key}"


def weak_numbers(leaves: Iterable[Number]) -> list[Number]:
    """Assumed and recalled numbers, each once, by file and key."""
    once = {(leaf.file, leaf.key): leaf for leaf in leaves if leaf.status in WEAK}
    return [leaf for _, leaf in sorted(once.items())]


def assumption_data(leaves: Iterable[Number]) -> list[dict[str, Any]]:
    """The assumed and recalled numbers of a page, for programs."""
    return [
        {
            "file": leaf.file,
            "key": leaf.key,
            "value": leaf.value,
            "unit": leaf.unit,
            "status": leaf.status,
            "reason": leaf.assumed or leaf.at,
        }
        for leaf in weak_numbers(leaves)
    ]


def assumptions_section(leaves: Sequence[Number], about: str) -> Markup:
    """Every number that is assumed or recalled, with its reason or its place. `about`: whose numbers `leaves` are."""
    once = {(leaf.file, leaf.key): leaf for leaf in leaves}
    counts = {status: sum(leaf.status == status for leaf in once.values()) for status in STATUSES}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    weak = weak_numbers(once.values())
    listed = table(
        "Assumed and recalled numbers",
        ("Number", "Value", "Status", "Reason, or where it came from"),
        [
            (
                number_name(leaf),
                f"{leaf.value:g} {unit_after(leaf.unit)}",
                mark(leaf.status),
                leaf.assumed or leaf.at or "",
            )
            for leaf in weak
        ],
        class_="wordy",
    )
    return section(
        "Assumptions, and numbers waiting to be checked",
        element(
            "p",
            f"{about} {len(once)} numbers: {said or 'none'}. Those nobody published, or nobody has yet "
            "checked against the paper, are listed here.",
        ),
        folded(f"{len(weak)} assumed or recalled numbers", listed) if weak else None,
        anchor="assumptions",
    )


def conflicts_section(found: Sequence[Conflict], library: Library, about: str) -> Markup:
    """Every quantity on which sources differ more than threefold, and what is done. `about`: whose quantities they are."""
    heading = "Where sources disagree"
    fold = f"{THRESHOLD:g}-fold"
    if not found:
        said = f"No quantity {about} was measured twice with values more than {fold} apart."
        return section(heading, element("p", said), anchor="conflicts")
    return section(
        heading,
        element(
            "p",
            f"{len(found)} {'quantity' if len(found) == 1 else 'quantities'} {about} with values more than {fold} apart. Nothing is "
            "settled here: every value is kept, and the pooled one is drawn as widely as its members differ.",
        ),
        table(
            f"Quantities on which sources differ more than {fold}, the largest difference first",
            ("Quantity", "Apart", "Values", "What is done"),
            [conflict_row(one, library) for one in found],
            class_="wordy conflicts",
        ),
        anchor="conflicts",
    )


def conflict_row(one: Conflict, library: Library) -> Sequence[Content]:
    """One disagreement as a row."""
    unit = unit_after(one.unit)
    values = sorted(one.members, key=lambda member: member.value)
    span = f"{plain(values[0].value)} to {plain(values[-1].value)} {unit}".rstrip()
    return (
        f"{spoken(one.name)}: {spoken(one.key)}",
        f"{one.ratio:.2g}-fold" if one.ratio < 100.0 else f"{one.ratio:.0f}-fold",
        folded(
            f"{len(values)} values, {span}",
            bullets([member_line(member, unit, library) for member in values]),
        ),
        f"Used: {f'{plain(one.used)} {unit}'.rstrip()}. {one.handling[:1].upper()}{one.handling[1:]}.",
    )


def member_line(member: Member, unit: str, library: Library) -> Content:
    """One of the disagreeing values: size, sign of its status, where it comes from, why it stands beside."""
    about = ", ".join(part for part in (member.species, member.system) if part)
    return [
        f"{plain(member.value)} {unit}".rstrip(),
        mark(member.status),
        " ",
        source_link(member.source, library) if member.source else "no source",
        f", {about}" if about else None,
        f" (beside: {member.beside})" if member.beside else None,
    ]
