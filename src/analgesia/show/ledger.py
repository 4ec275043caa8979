"""What sources disagree on, what was left out and how the literature was searched: as plain data and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analgesia.evidence import Library
from analgesia.evidence.conflicts import conflicts
from analgesia.evidence.coverage import coverage
from analgesia.evidence.schema import REASONS
from analgesia.show.marks import legend, marked

if TYPE_CHECKING:
    from rich.console import RenderableType


def list_conflicts(library: Library) -> list[dict[str, Any]]:
    """Every quantity on which sources differ more than threefold, the largest difference first."""
    return [conflict.to_dict() for conflict in conflicts(library)]


def list_coverage(library: Library) -> list[dict[str, Any]]:
    """Every drug at every target: what was measured there, or nothing found."""
    return [cell.to_dict() for cell in coverage(library)]


def list_left_out(library: Library) -> list[dict[str, Any]]:
    """Values that were found and are not used, by collection, with the reason in words."""
    return [
        {
            "collection": name,
            "reason": group.reason,
            "meaning": REASONS[group.reason],
            "cited": group.cited,
            "quantities": list(group.quantities),
        }
        for name, record in library.left_out.items()
        for group in record.groups
    ]


def list_collections(library: Library) -> list[dict[str, Any]]:
    """Of every collection of values: how many it holds, how many stand in the evidence, how many are left out."""
    return [
        {
            "collection": name,
            "collected": record.collected,
            "used": None if record.collected is None else record.collected - record.unused,
            "left_out": record.unused,
        }
        for name, record in library.left_out.items()
    ]


def list_searches(library: Library) -> list[dict[str, Any]]:
    """The searches of the literature as recorded."""
    return [search.model_dump(exclude={"description", "note"}) for search in library.searches.values()]


def render_conflicts(table: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`list_conflicts(...)` as text."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    statuses: list[str] = []
    for conflict in table:
        head = f"{conflict['name']}: {conflict['key']}   {conflict['ratio']:.3g}-fold"
        parts.append(Text(head, style="bold"))
        for member in conflict["members"]:
            shown = marked(member["value"], conflict["unit"], member["status"])
            about = ", ".join(str(member[key]) for key in ("source", "species", "system") if member[key])
            parts.append(
                Text(
                    f"    {shown}  {about}" + (f"  (beside: {member['beside']})" if member["beside"] else "")
                )
            )
            statuses.append(member["status"])
        parts.append(Text(f"    -> {conflict['handling']}"))
    parts.append(Text(f"{len(table)} quantities on which sources differ more than threefold.", style="bold"))
    parts.append(Text(legend(list(dict.fromkeys(statuses)))))
    return Group(*parts)


def render_coverage(cells: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`list_coverage(...)` as text, drug by drug."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    statuses: list[str] = []
    found = 0
    for drug in dict.fromkeys(cell["drug"] for cell in cells):
        own = [cell for cell in cells if cell["drug"] == drug]
        parts.append(Text(drug, style="bold"))
        for cell in own:
            for measure in cell["measures"]:
                shown = marked(measure["value"], measure["unit"], measure["status"])
                systems = f"  ({'; '.join(measure['systems'])})" if measure["systems"] else ""
                parts.append(Text(f"    {cell['target']}, {measure['kind']}: {shown}{systems}"))
                statuses.append(measure["status"])
        found += sum(bool(cell["measures"]) for cell in own)
        lacking = [cell["target"] for cell in own if not cell["measures"]]
        parts.append(Text(f"    no number found: {', '.join(lacking)}"))
    parts.append(Text(f"{found} of {len(cells)} pairs of drug and target have a number.", style="bold"))
    parts.append(Text(legend(list(dict.fromkeys(statuses)))))
    return Group(*parts)


def render_left_out(
    groups: Sequence[Mapping[str, Any]], collections: Sequence[Mapping[str, Any]]
) -> RenderableType:
    """`list_left_out(...)` and `list_collections(...)` as text."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for group in groups:
        parts.append(
            Text(f"{group['collection']}, {group['cited']}: left out, {group['meaning']}", style="bold")
        )
        parts.append(Text(f"    {'; '.join(group['quantities'])}"))
    for entry in collections:
        counted = "" if entry["collected"] is None else f" {entry['used']} of {entry['collected']} used,"
        parts.append(Text(f"{entry['collection']}:{counted} {entry['left_out']} left out."))
    total = sum(len(group["quantities"]) for group in groups)
    parts.append(Text(f"{total} values found and left out.", style="bold"))
    return Group(*parts)


def render_searches(searches: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`list_searches(...)` as text."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for search in searches:
        parts.append(Text(f"{search['title'] or search['name']} ({search['date']})", style="bold"))
        parts.append(Text(f"    asked: {search['question']}"))
        parts.append(Text(f"    where: {', '.join(search['where'])}; terms: {'; '.join(search['terms'])}"))
        taken = f"{len(search['included'])} taken"
        counted = [f"{search[key]} {key}" for key in ("identified", "screened") if search[key] is not None]
        parts.append(Text(f"    {', '.join([*counted, taken])}: {search['found']}"))
        for exclusion in search["excluded"]:
            number = f"{exclusion['n']} " if exclusion["n"] is not None else ""
            parts.append(Text(f"    not taken: {number}{exclusion['reason']}"))
        if search["limits"]:
            parts.append(Text(f"    limits: {search['limits']}"))
    return Group(*parts)
