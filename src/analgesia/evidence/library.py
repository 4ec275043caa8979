"""The evidence, read and checked: `load(overlays)` -> `Library`, a mapping by name for every folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from analgesia.errors import EvidenceError
from analgesia.evidence.claim_schema import Claim
from analgesia.evidence.consistency import check_records
from analgesia.evidence.credibility_schema import Credibility
from analgesia.evidence.layers import Entry, Layer, overlaid, read_layer
from analgesia.evidence.mechanism_schema import Regimen, TargetGroup
from analgesia.evidence.numbers import Number
from analgesia.evidence.parsing import did_you_mean
from analgesia.evidence.records import Record
from analgesia.evidence.schema import (
    FOLDERS,
    Channel,
    Circuit,
    Condition,
    Drug,
    Fit,
    Harm,
    LeftOut,
    Neuron,
    Population,
    Product,
    Receptor,
    Search,
    Source,
    Trial,
)

ROOT = Path(__file__).parent
R = TypeVar("R", bound=Record)


class Folder(Mapping[str, R], Generic[R]):
    """Records of one kind by name; an unknown name is an EvidenceError that suggests the nearest."""

    def __init__(self, kind: str, records: Mapping[str, R]) -> None:
        self._kind = kind
        self._records = dict(sorted(records.items()))

    def __getitem__(self, name: str) -> R:
        try:
            return self._records[name]
        except (KeyError, TypeError):
            known = did_you_mean(name, self._records)
            raise EvidenceError(f"unknown {self._kind[:-1]} {name!r}{known}") from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._records

    def get(self, name: str, default: Any = None) -> Any:
        """The record, or `default` when there is none of that name."""
        return self._records.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"<{self._kind}: {', '.join(self._records) or 'none'}>"


class Library:
    """All evidence of one load. `hash` identifies its content whatever the files are called."""

    sources: Folder[Source]
    drugs: Folder[Drug]
    products: Folder[Product]
    receptors: Folder[Receptor]
    channels: Folder[Channel]
    neurons: Folder[Neuron]
    circuits: Folder[Circuit]
    fits: Folder[Fit]
    harms: Folder[Harm]
    conditions: Folder[Condition]
    populations: Folder[Population]
    trials: Folder[Trial]
    regimens: Folder[Regimen]
    targets: Folder[TargetGroup]
    credibility: Folder[Credibility]
    claims: Folder[Claim]
    searches: Folder[Search]
    left_out: Folder[LeftOut]

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        for folder, model in FOLDERS.items():
            records = {name: _record(model, entry) for name, entry in layer[folder].items()}
            setattr(self, folder, Folder(folder, records))
        _check_references(self, layer)
        check_records(self, self.cited())

    @cached_property
    def hash(self) -> str:
        """Hexadecimal digest of everything the library says, independent of file names."""
        digest = hashlib.blake2b(digest_size=16)
        for folder, entries in self._layer.items():
            for name in sorted(entries):
                digest.update(f"{folder}/{name}={_canonical(entries[name].table)}\n".encode())
        return digest.hexdigest()

    def folder(self, kind: str) -> Folder[Any]:
        """The folder of a kind, by its name in the singular or plural."""
        name = kind if kind in FOLDERS else f"{kind}s"
        if name not in FOLDERS:
            raise EvidenceError(
                f"unknown kind of evidence {kind!r}{did_you_mean(kind, [f[:-1] for f in FOLDERS])}"
            )
        return getattr(self, name)

    def table(self, kind: str, name: str) -> Mapping[str, Any]:
        """The tables of one record as written, with their Numbers; do not change it."""
        known = self.folder(kind)[name]
        folder = kind if kind in FOLDERS else f"{kind}s"
        return self._layer[folder][known.name].table

    def numbers(self, kind: str | None = None, name: str | None = None) -> Iterator[Number]:
        """Every number of the library, or of one folder, or of one record."""
        for folder, entries in self._layer.items():
            if kind is None or self.folder(kind) is getattr(self, folder):
                for record_name, entry in entries.items():
                    if name is None or name == record_name:
                        yield from walk_numbers(entry.table)

    def cited(self) -> dict[str, list[str]]:
        """Source name -> the places that name it."""
        places: dict[str, list[str]] = {}
        for entries in self._layer.values():
            for entry in entries.values():
                for source, place in _citations_of(entry):
                    places.setdefault(source, []).append(place)
        return places


def load(overlays: Sequence[Path | str] = ()) -> Library:
    """Read and check the library with `overlays` (folders) laid over it in order; the last one wins."""
    folders = tuple(Path(o) for o in overlays)
    return _load(folders, tuple(_stamp(f) for f in (ROOT, *folders)))


@lru_cache(maxsize=4)
def _load(folders: tuple[Path, ...], stamps: tuple[object, ...]) -> Library:
    layer = _base(stamps[0])
    for folder in folders:
        layer = overlaid(layer, read_layer(folder, str(folder), overlay=True))
    return Library(layer)


@lru_cache(maxsize=1)
def _base(_stamp_of_root: object) -> Layer:
    return read_layer(ROOT, "evidence", overlay=False)


def _stamp(folder: Path) -> tuple[int, int]:
    """Number of files and newest change, so that an edited folder is read again."""
    try:
        changes = [p.stat().st_mtime_ns for p in folder.glob("*/*.toml")]
    except OSError as error:
        raise EvidenceError(f"{folder}: cannot be read: {error.strerror}") from None
    return len(changes), hash(tuple(changes))


def _record(model: type[Record], entry: Entry) -> Record:
    try:
        record = model.model_validate(entry.table)
    except ValidationError as error:
        raise _explained(error, model, entry) from None
    record._files = entry.files
    return record


def _explained(error: ValidationError, model: type[BaseModel], entry: Entry) -> EvidenceError:
    """The first fault of a file in words: file, key, what is wrong, what is allowed."""
    problems = error.errors(include_url=False)
    first = problems[0]
    location = list(first["loc"])
    place = f"{', '.join(entry.files)}: {_dotted(location) or 'file'}"
    if first["type"] == "extra_forbidden":
        text = f"unknown key{did_you_mean(location[-1], _keys_at(model, location[:-1]))}"
    elif first["type"] == "missing":
        text = "is missing"
    elif first["type"] == "is_instance_of":
        text = 'must be a number: a table with value, unit, source, at and status (or value, unit and assumed = "reason")'
    else:
        text = str(first["msg"]).removeprefix("Value error, ")
        given = repr(first.get("input"))
        if first["type"] != "value_error" and len(given) < 60:
            text += f", got {given}"
    more = f" (and {len(problems) - 1} more in this file)" if len(problems) > 1 else ""
    return EvidenceError(f"{place}: {text}{more}")


def _dotted(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    current: type[BaseModel] | None = model
    for part in location:
        if current is None or isinstance(part, int):
            continue
        fields = {f.alias or name: f.annotation for name, f in current.model_fields.items()}
        current = _model_in(fields.get(part))
    return [f.alias or name for name, f in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def walk_numbers(item: Any) -> Iterator[Number]:
    """Every Number inside tables and lists."""
    if isinstance(item, Number):
        yield item
    elif isinstance(item, Mapping):
        for value in item.values():
            yield from walk_numbers(value)
    elif isinstance(item, list):
        for value in item:
            yield from walk_numbers(value)


def _citations_of(entry: Entry) -> Iterator[tuple[str, str]]:
    for key, item in entry.table.items():
        yield from _citations({key: item}, entry.written.get(key, entry.files[-1]), "")


def _citations(item: Any, file: str, key: str) -> Iterator[tuple[str, str]]:
    """(source name, place) of everything that names a source."""
    if isinstance(item, Number):
        for source in item.cited:
            yield source, item.place
    elif isinstance(item, Mapping):
        for name, value in item.items():
            inner = f"{key}.{name}" if key else name
            if name == "source" and isinstance(value, str):
                yield value, f"{file}: {inner}"
            elif name == "identifiers_checked" and isinstance(value, Mapping):
                yield from ((source, f"{file}: {inner}.{source}") for source in value)
            else:
                yield from _citations(value, file, inner)
    elif isinstance(item, list):
        for index, value in enumerate(item, start=1):
            yield from _citations(value, file, f"{key}[{index}]")


def _check_references(library: Library, layer: Layer) -> None:
    """Names used in one file must exist in another: sources, receptors, conditions."""
    for entries in layer.values():
        for entry in entries.values():
            for source, place in _citations_of(entry):
                if source not in library.sources:
                    raise EvidenceError(
                        f"{place}: source {source!r} has no file in evidence/sources; add sources/{source}.toml with its "
                        f"name, DOI, title and year{did_you_mean(source, library.sources)}"
                    )
    for drug in library.drugs.values():
        for section in ("affinity", "efficacy", "potency", "maximum", "functional_inhibition"):
            for receptor in getattr(drug, section):
                if receptor not in library.receptors:
                    raise EvidenceError(
                        f"{', '.join(drug.files)}: {section}.{receptor}: no such receptor"
                        f"{did_you_mean(receptor, library.receptors)}"
                    )
    for population in library.populations.values():
        if population.condition is not None and population.condition not in library.conditions:
            raise EvidenceError(
                f"{', '.join(population.files)}: condition: no such condition {population.condition!r}"
                f"{did_you_mean(population.condition, library.conditions)}"
            )


def _canonical(item: Any) -> str:
    if isinstance(item, Number):
        stripped = replace(item, file="", key="", measured=(), pooled=None, iiv_origin=None)
        parts = [*item.measured, *((item.iiv_origin,) if item.iiv_origin else ())]
        return f"N({stripped!r};{','.join(_canonical(part) for part in parts)})"
    if isinstance(item, Mapping):
        return "{" + ",".join(f"{k}:{_canonical(item[k])}" for k in sorted(item)) + "}"
    if isinstance(item, list):
        return "[" + ",".join(_canonical(v) for v in item) + "]"
    return repr(item)
