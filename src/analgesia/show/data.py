"""What is known about one thing, and about one source, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analgesia.errors import EvidenceError
from analgesia.evidence import MARKS, STATUSES, Library, Number, Tally, csl
from analgesia.evidence.parsing import did_you_mean
from analgesia.show.marks import marked

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
    "regimen",
    "target",
    "credibility",
    "claim",
    "source",
)
"""What can be shown, in the order in which it is offered."""


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
    if number.iiv_origin is not None:
        data["between_people_origin"] = describe_number(number.iiv_origin)
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
    """Everything the evidence says about one thing: texts, numbers, counts by status, sources; of a channel also its densities.

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
    if kind == "channel":
        data["densities"] = densities = list(_densities(name, library))
        known = {source["name"] for source in data["sources"]}
        more = {each["source"] for each in densities if "source" in each} - known
        data["sources"] += [describe_source(library, source) for source in sorted(more)]
    if kind == "source":
        data["link"] = library.sources[name].link
        data["flags"] = source_flags(library, name)
        data["cited_at"] = library.cited().get(name, [])
    return data


def _densities(channel: str, library: Library) -> Iterator[dict[str, Any]]:
    """The conductance of a channel in every neuron that has it; `closed`: it is there, and only a condition or a drug opens it."""
    for neuron, record in library.neurons.items():
        for table in ("conductance", "added"):
            number = record.parameters.get(table, {}).get(channel)
            if isinstance(number, Number):
                yield {"neuron": neuron, "closed": table == "added", **describe_number(number)}


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
    return csl.doubts(library.sources[name])


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
