"""What is known about one thing, and about one source: as plain data, and as text with every doubtful number marked.

A number that was not read in its paper carries a mark (`analgesia.evidence.MARKS`) wherever it is shown, with the legend below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analgesia.errors import EvidenceError
from analgesia.evidence import MARKS, MEANINGS, STATUSES, Library, Number, Tally
from analgesia.evidence.parsing import did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

KINDS = (
    "drug",
    "product",
    "receptor",
    "channel",
    "neuron",
    "circuit",
    "harm",
    "condition",
    "population",
    "trial",
    "claim",
    "source",
)
"""What can be shown, in the order in which it is offered."""


def significant(value: float, digits: int) -> str:
    """`value` to so many significant digits, without an exponent where it is of ordinary size."""
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e" in text and 1.0 <= abs(value) < 1e9 else text


def marked(value: float, unit: str, status: str, digits: int = 4) -> str:
    """`value unit` with the mark of its status: `258.2 nM†`."""
    text = significant(value, digits)
    shown = text if unit == "1" else f"{text}%" if unit == "%" else f"{text} {unit}"
    return shown + MARKS[status]


def legend(statuses: Sequence[str]) -> str:
    """What the marks of `statuses` mean, one line; empty when everything was read in its paper."""
    return "   ".join(f"{MARKS[s]} {s}: {MEANINGS[s]}" for s in STATUSES if MARKS[s] and s in statuses)


def describe_number(number: Number) -> dict[str, Any]:
    """A number as plain data: value, interval, spread, origin, and the measurements it was pooled from."""
    low, high = number.interval()
    data: dict[str, Any] = {
        "key": number.key,
        "value": number.value,
        "unit": number.unit,
        "status": number.status,
        "mark": MARKS[number.status],
        "interval95": [low, high] if number.uncertainty_stated else None,
        "between_people_cv": number.iiv,
        "file": number.file,
    }
    optional = (
        "source",
        "at",
        "assumed",
        "species",
        "system",
        "temperature",
        "translation",
        "note",
        "limit",
        "not_pooled",
    )
    data.update({name: getattr(number, name) for name in optional if getattr(number, name) is not None})
    if number.fitted_to:
        data["fitted_to"] = list(number.fitted_to)
    if number.pooled is not None:
        data["pooled"] = {
            "method": "DerSimonian-Laird random effects on the log scale",
            "measurements": number.pooled.count,
            "between_measurements_sd_log": number.pooled.between_sd_log,
            "standard_error_log": number.pooled.se_log,
        }
    if number.measured:
        data["measured"] = [describe_number(member) for member in number.measured]
    return data


def show(kind: str, name: str, library: Library) -> dict[str, Any]:
    """Everything the evidence says about one thing: texts, numbers, counts by status, sources.

    Raises EvidenceError for an unknown kind or name, with the nearest known one.
    """
    if kind not in KINDS:
        raise EvidenceError(f"unknown kind {kind!r}{did_you_mean(kind, KINDS)}")
    record = library.folder(kind)[name]
    table = library.table(kind, name)
    numbers = list(library.numbers(kind, name))
    used = Tally()
    for number in numbers:
        used.note(number)
    names = {*_named_sources(table), *(source for number in numbers for source in number.cited)}
    data: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "title": record.title,
        "files": list(record.files),
        "facts": _without_numbers(table),
        "numbers": [describe_number(number) for number in numbers],
        "counts": used.counts,
        "sources": [describe_source(library, source) for source in sorted(names)],
    }
    if kind == "source":
        data["link"] = library.sources[name].link
        data["flags"] = source_flags(library, name)
        data["cited_at"] = library.cited().get(name, [])
    return data


def describe_source(library: Library, name: str) -> dict[str, Any]:
    """How to find a source, and what is doubtful about it."""
    source = library.sources[name]
    return {
        "name": name,
        "title": source.title,
        "year": source.year,
        "doi": source.doi,
        "link": source.link,
        "citation": source.citation,
        "flags": source_flags(library, name),
    }


def source_flags(library: Library, name: str) -> list[str]:
    """What a reader should know before relying on a source."""
    source = library.sources[name]
    flags = []
    if source.retracted:
        flags.append("RETRACTED")
    if source.title is None:
        flags.append("title not seen")
    elif source.title_status != "read":
        flags.append(f"title {source.title_status}")
    if source.doi is None and source.pmid is None:
        flags.append("no DOI or PMID")
    elif source.doi is not None and source.doi_status != "read":
        flags.append(f"DOI {source.doi_status}")
    return flags


def list_sources(
    library: Library, status: str | None = None, *, unused: bool = False
) -> list[dict[str, Any]]:
    """Every source with the numbers taken from it, then what is assumed; or only `status`; or only the unused ones.

    Raises EvidenceError for an unknown status.
    """
    if status is not None and status not in STATUSES:
        raise EvidenceError(f"unknown status {status!r}{did_you_mean(status, STATUSES)}")
    used = _uses(library)
    if unused:
        return [
            {**describe_source(library, name), "counts": {}, "uses": []}
            for name in library.sources
            if name not in used
        ]
    listed = []
    for name in [*library.sources, None]:
        uses = [use for use in used.get(name, []) if status in (None, use["status"])]
        if uses:
            about = (
                describe_source(library, name)
                if name is not None
                else {"name": None, "title": "No source: assumed"}
            )
            counts = {s: sum(use["status"] == s for use in uses) for s in STATUSES}
            listed.append({**about, "counts": {s: n for s, n in counts.items() if n}, "uses": uses})
    return listed


def _uses(library: Library) -> dict[str | None, list[dict[str, Any]]]:
    """Source name (None: no source) -> the numbers and statements that rest on it, each once."""
    used: dict[str | None, list[dict[str, Any]]] = {}
    for number in library.numbers():
        for leaf in (*(number.measured or (number,)), *((number.iiv_origin,) if number.iiv_origin else ())):
            shown = marked(leaf.value, leaf.unit, leaf.status)
            use = {
                "kind": "number",
                "place": leaf.place,
                "shown": shown,
                "status": leaf.status,
                "at": leaf.at,
            }
            names: Sequence[str | None] = leaf.cited or (None,)
            for name in names:
                used.setdefault(name, []).append(use)
    for kind in (k for k in KINDS if k != "source"):
        for name in library.folder(kind):
            for key, item in _statements(library.table(kind, name), ""):
                use = {
                    "kind": "statement",
                    "place": f"{kind} {name}: {key}",
                    "shown": str(item.get("says", "")) + MARKS.get(item.get("status", "read"), ""),
                    "status": item.get("status", "read"),
                    "at": item.get("at"),
                }
                used.setdefault(item["source"], []).append(use)
    return used


def _statements(item: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(item, Mapping):
        if isinstance(item.get("source"), str):
            yield key, item
        for name, value in item.items():
            yield from _statements(value, f"{key}.{name}" if key else name)
    elif isinstance(item, list):
        for index, value in enumerate(item, start=1):
            yield from _statements(value, f"{key}[{index}]")


def _named_sources(item: Any) -> list[str]:
    return [str(table["source"]) for _, table in _statements(item, "")]


def _without_numbers(item: Any) -> Any:
    """The texts, lists and settings of a table; numbers are shown apart."""
    if isinstance(item, Mapping):
        kept = {
            k: _without_numbers(v)
            for k, v in item.items()
            if not isinstance(v, Number) and k not in ("name", "title")
        }
        return {k: v for k, v in kept.items() if v not in ({}, [])}
    if isinstance(item, list):
        return [_without_numbers(v) for v in item if not isinstance(v, Number)]
    return item


# ------------------------------------------------------------------------------------------------------------ as text
def render(data: Mapping[str, Any]) -> RenderableType:
    """`show(...)` as text for a terminal."""
    from rich.console import Group
    from rich.text import Text

    heading = f"{data['title'] or data['name']}   ({data['kind']} {data['name']})"
    parts: list[RenderableType] = [Text(heading, style="bold")]
    parts.extend(Text(line) for line in _fact_lines(data["facts"], ""))
    if data["numbers"]:
        parts += [Text(""), _number_table(data["numbers"]), Text("")]
        parts.append(Text(legend(sorted(_statuses(data)))))
        counted = ", ".join(f"{count} {status}" for status, count in data["counts"].items())
        parts.append(Text(f"Rests on {sum(data['counts'].values())} numbers: {counted}."))
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
    for number in data["numbers"]:
        found.add(number["status"])
        found.update(member["status"] for member in number.get("measured", ()))
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
            yield from _fact_lines(value, indent)
    else:
        yield f"{indent}- {facts}"


def _number_table(numbers: Sequence[Mapping[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("number", "value", "95 % interval", "between people", "from"):
        table.add_column(column, overflow="fold")
    for number in numbers:
        table.add_row(*_row(number, number["key"]))
        for member in number.get("measured", ()):
            table.add_row(*_row(member, "  "), style="dim")
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
    people = "" if variation is None else f"CV {variation:.0%}"
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
