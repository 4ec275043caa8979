"""What `analgesia.show.data` gathers, as text for a terminal: every doubtful number with its mark, and the legend below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analgesia.evidence import MARKS, STATUSES
from analgesia.show.marks import legend, marked, rests_on, significant

if TYPE_CHECKING:
    from rich.console import RenderableType


def render(data: Mapping[str, Any]) -> RenderableType:
    """`show(...)` as text for a terminal."""
    from rich.console import Group
    from rich.text import Text

    heading = f"{data['title'] or data['name']}   ({data['kind']} {data['name']})"
    parts: list[RenderableType] = [Text(heading, style="bold")]
    parts.extend(Text(line) for line in _fact_lines(data["facts"], ""))
    if data["numbers"]:
        parts += [Text(""), _number_table(data["numbers"]), Text("")]
        if data.get("densities"):
            parts += [_number_table(_named_densities(data["densities"]), "density in"), Text("")]
        parts.append(Text(legend(sorted(_statuses(data)))))
        parts.append(Text(rests_on(data["counts"])))
    if data["sources"]:
        parts += [Text(""), Text("Sources", style="bold")]
        parts.extend(Text(f"  {source_line(source)}") for source in data["sources"])
    if data["kind"] == "source":
        parts.append(Text(f"link: {data['link'] or 'none'}"))
        parts.extend(Text(f"! {flag}", style="yellow") for flag in data["flags"])
        parts.append(Text(f"Used in {len(data['cited_at'])} places", style="bold"))
        parts.extend(Text(f"  {place}") for place in data["cited_at"])
    return Group(*parts)


def _statuses(data: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for number in (*data["numbers"], *data.get("densities", ())):
        found.add(number["status"])
        found.update(member["status"] for member in number.get("measured", ()))
        found.add(number.get("between_people_origin", number)["status"])
    return found


def _fact_lines(facts: Any, indent: str) -> Iterator[str]:
    if isinstance(facts, Mapping) and "says" in facts:
        mark = MARKS.get(facts.get("status", "read"), "")
        origin = ", ".join(str(facts[k]) for k in ("level", "direction", "source", "at") if facts.get(k))
        yield f"{indent}- {facts['says']}{mark} [{origin}]"
    elif isinstance(facts, Mapping):
        for key, value in facts.items():
            if isinstance(value, Mapping) or (
                isinstance(value, list) and any(isinstance(v, Mapping) for v in value)
            ):
                yield f"{indent}{key}:"
                yield from _fact_lines(value, indent + "  ")
            else:
                shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                yield f"{indent}{key}: {shown}"
    elif isinstance(facts, list):
        for value in facts:
            for index, line in enumerate(_fact_lines(value, "")):
                bullet = "" if line.startswith("- ") else "- " if index == 0 else "  "
                yield indent + bullet + line
    else:
        yield f"{indent}- {facts}"


def _named_densities(densities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**each, "key": each["neuron"] + (", closed in health" if each["closed"] else "")}
        for each in densities
    ]


def _number_table(numbers: Sequence[Mapping[str, Any]], first: str = "number") -> RenderableType:
    """One row for each number and for what it was pooled from; a column that would be empty is left out."""
    from rich.table import Table

    rows = []
    for number in numbers:
        rows.append((_row(number, number["key"]), ""))
        rows += [(_row(member, "  "), "dim") for member in number.get("measured", ())]
    headers = (first, "value", "95 % interval", "between people", "from")
    kept = [k for k in range(len(headers)) if k in (0, 1, 4) or any(row[k] for row, _ in rows)]
    table = Table(box=None, pad_edge=False, show_edge=False)
    for k in kept:
        table.add_column(headers[k], overflow="fold")
    for row, style in rows:
        table.add_row(*(row[k] for k in kept), style=style)
    return table


def _row(number: Mapping[str, Any], label: str) -> tuple[str, str, str, str, str]:
    from rich.markup import escape

    sign = {"upper": "< ", "lower": "> "}.get(number.get("limit", ""), "")
    interval = number["interval95"]
    spread = "" if interval is None else f"{significant(interval[0], 3)} to {significant(interval[1], 3)}"
    variation = number["between_people_cv"]
    if "pooled" in number:
        origin = f"{number['pooled']['measurements']} measurements pooled"
    elif "measured" in number:
        origin = f"1 of {len(number['measured'])} below"
    elif "assumed" in number:
        origin = f"assumed: {number['assumed']}"
    else:
        origin = ", ".join(str(number[k]) for k in ("source", "at", "species", "system") if k in number)
        origin += "".join(f"; fitted to {name}" for name in number.get("fitted_to", ()))
    if "not_pooled" in number:
        origin += f" (not pooled: {number['not_pooled']})"
    value = sign + marked(number["value"], number["unit"], number["status"])
    origin_mark = number.get("between_people_origin", number)["mark"]
    people = "" if variation is None else f"CV {variation:.0%}{origin_mark}"
    return escape(label), escape(value), spread, people, escape(origin)


def source_line(source: Mapping[str, Any]) -> str:
    """Name, title, year, link and doubts of a source in one line."""
    title = source["title"] or source.get("citation") or "(title not seen)"
    year = f" ({source['year']})" if source.get("year") else ""
    link = f" {source['link']}" if source.get("link") else ""
    doubts = f" [{'; '.join(source['flags'])}]" if source.get("flags") else ""
    name = f"{source['name']}: " if source["name"] else ""
    return f"{name}{title}{year}{link}{doubts}"


def render_sources(listed: Sequence[Mapping[str, Any]], status: str | None) -> RenderableType:
    """`list_sources(...)` as text; with a status, each number of that status is written out."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    totals = dict.fromkeys(STATUSES, 0)
    for source in listed:
        counted = ", ".join(f"{n} {s}" for s, n in source["counts"].items())
        parts.append(Text(source_line(source) + (f"   {counted}" if counted else "")))
        for known in source["counts"]:
            totals[known] += source["counts"][known]
        if status is not None:
            for use in source["uses"]:
                where = f" ({use['at']})" if use["at"] else ""
                parts.append(Text(f"    {use['place']} = {use['shown']}{where}"))
    total = ", ".join(f"{n} {s}" for s, n in totals.items() if n)
    parts.append(
        Text(
            f"{len([s for s in listed if s['name']])} sources" + (f"; {total}." if total else "."),
            style="bold",
        )
    )
    parts.append(Text(legend([s for s, n in totals.items() if n])))
    return Group(*parts)
