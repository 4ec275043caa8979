"""Folders of TOML -> tables by name, with overlays merged over the library.

Several files may describe one `name` when no key is written twice. An overlay (a folder with the same subfolders) is
merged by `name`: tables merge, texts and lists replace, and a number is
    replaced whole (a table with value or assumed), extended (only `measured`), or scaled (only `multiply`).
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analgesia.errors import EvidenceError
from analgesia.evidence.numbers import Number
from analgesia.evidence.parsing import (
    did_you_mean,
    is_number,
    joined_number,
    parse_number,
    scaled_number,
)
from analgesia.evidence.schema import BARE_NUMBERS_ALLOWED, COUNTS, FOLDERS

DEEPEST = 20
"""How deep tables and lists may nest."""


@dataclass(frozen=True)
class Multiply:
    """An overlay's wish to scale a number."""

    factor: object
    file: str
    key: str


@dataclass
class Entry:
    """Everything one layer says about one name; `written` says for each key of the file where it was last written."""

    table: dict[str, Any]
    files: tuple[str, ...]
    written: dict[str, str]


Layer = dict[str, dict[str, Entry]]
"""folder -> name -> entry"""


def read_toml(path: Path, shown: str) -> dict[str, Any]:
    """The tables of a TOML file; EvidenceError when it cannot be read."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise EvidenceError(f"{shown}: not valid TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise EvidenceError(
            f"{shown}: not UTF-8 text ({error.reason} at byte {error.start}); save the file as UTF-8"
        ) from None
    except OSError as error:
        raise EvidenceError(f"{shown}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{shown}: not usable TOML: {error}") from None


def read_layer(root: Path, label: str, *, overlay: bool) -> Layer:
    """All files below `root`; `label` stands for it in messages."""
    layer: Layer = {folder: {} for folder in FOLDERS}
    for folder, path in _files(root, label, overlay=overlay):
        shown = f"{label}/{folder}/{path.name}"
        raw = read_toml(path, shown)
        name = raw.get("name")
        if not isinstance(name, str) or not name:
            raise EvidenceError(f'{shown}: name is missing; the first line of every file is name = "..."')
        table = _converted(raw, shown, "", folder, overlay=overlay)
        known = layer[folder].get(name)
        if known is None:
            layer[folder][name] = Entry(table, (shown,), dict.fromkeys(table, shown))
            continue
        merged = _disjoint(known.table, table, "", f"{', '.join(known.files)} and {shown}")
        layer[folder][name] = Entry(
            merged, (*known.files, shown), {**known.written, **dict.fromkeys(table, shown)}
        )
    return layer


def _files(root: Path, label: str, *, overlay: bool) -> Iterator[tuple[str, Path]]:
    if overlay:
        if not root.is_dir():
            raise EvidenceError(
                f"{label}: no such folder; --evidence takes a folder with subfolders such as drugs/"
            )
        stray = sorted(
            p.name for p in root.iterdir() if p.is_dir() and p.name not in FOLDERS and p.name[0] not in "._"
        )
        if stray:
            raise EvidenceError(
                f"{label}/{stray[0]}: unknown evidence folder{did_you_mean(stray[0], FOLDERS)}"
            )
        loose = sorted(p.name for p in root.glob("*.toml"))
        if loose:
            raise EvidenceError(
                f"{label}/{loose[0]}: put it into the subfolder of its kind, such as {label}/drugs/{loose[0]}"
            )
    for folder in FOLDERS:
        try:
            found = sorted((root / folder).glob("*.toml"))
        except OSError as error:
            raise EvidenceError(f"{label}/{folder}: cannot be read: {error.strerror}") from None
        for path in found:
            yield folder, path


def _converted(raw: Mapping[str, Any], file: str, key: str, folder: str, *, overlay: bool) -> dict[str, Any]:
    if key.count(".") + key.count("[") > DEEPEST:
        raise EvidenceError(f"{file}: {key[:60]}...: tables nested more than {DEEPEST} deep; flatten them")
    out: dict[str, Any] = {}
    for name, item in raw.items():
        inner = f"{key}.{name}" if key else name
        out[name] = _convert_item(item, file, inner, folder, overlay=overlay)
    return out


def _convert_item(item: Any, file: str, key: str, folder: str, *, overlay: bool) -> Any:
    if isinstance(item, Mapping):
        if is_number(item):
            if overlay and "multiply" in item:
                others = sorted(set(item) - {"multiply", "note"})
                if others:
                    raise EvidenceError(
                        f"{file}: {key}: multiply and {', '.join(others)} contradict each other; "
                        "either scale the library's number or replace it"
                    )
                return Multiply(item["multiply"], file, key)
            return parse_number(item, file, key)
        return _converted(item, file, key, folder, overlay=overlay)
    if isinstance(item, list):
        if key.count("[") > DEEPEST:
            raise EvidenceError(f"{file}: {key[:60]}...: lists nested more than {DEEPEST} deep; flatten them")
        return [
            _convert_item(entry, file, f"{key}[{index}]", folder, overlay=overlay)
            for index, entry in enumerate(item, start=1)
        ]
    if isinstance(item, (dt.date, dt.time)):
        raise EvidenceError(f'{file}: {key}: write dates as text, such as "{item}"')
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        if not math.isfinite(item) if isinstance(item, float) else abs(item) > 10**15:
            raise EvidenceError(
                f"{file}: {key}: must be a finite number of ordinary size, got {str(item)[:20]}"
            )
        is_count = isinstance(item, int) and key.rsplit(".", 1)[-1] in COUNTS
        if folder not in BARE_NUMBERS_ALLOWED and not is_count:
            raise EvidenceError(
                f"{file}: {key}: a bare number; write a table with value, unit, source, at and status "
                '(or value, unit and assumed = "reason")'
            )
    return item


def _disjoint(first: dict[str, Any], second: dict[str, Any], key: str, files: str) -> dict[str, Any]:
    merged = dict(first)
    for name, item in second.items():
        inner = f"{key}.{name}" if key else name
        if inner == "name":
            continue
        if name not in merged:
            merged[name] = item
        elif isinstance(merged[name], dict) and isinstance(item, dict):
            merged[name] = _disjoint(merged[name], item, inner, files)
        else:
            raise EvidenceError(
                f"{files}: {inner} is written twice for one name; keep it in one file, or give another name"
            )
    return merged


def overlaid(base: Layer, overlay: Layer) -> Layer:
    """`overlay` laid over `base`; neither is changed."""
    result: Layer = {folder: dict(entries) for folder, entries in base.items()}
    for folder, entries in overlay.items():
        for name, entry in entries.items():
            below = result[folder].get(name)
            table = _merged(below.table if below else {}, entry.table, "", ", ".join(entry.files))
            files = (*(below.files if below else ()), *entry.files)
            written = {**(below.written if below else {}), **entry.written}
            result[folder][name] = Entry(table, files, written)
    return result


def _merged(base: dict[str, Any], over: dict[str, Any], key: str, file: str) -> dict[str, Any]:
    merged = dict(base)
    for name, item in over.items():
        inner = f"{key}.{name}" if key else name
        below = base.get(name)
        if isinstance(item, Multiply):
            if not isinstance(below, Number):
                raise EvidenceError(
                    f"{item.file}: {inner}: multiply needs a number to multiply, and the library has none here"
                    f"{did_you_mean(name, [k for k, v in base.items() if isinstance(v, Number)])}"
                )
            merged[name] = scaled_number(below, item.factor, item.file, inner)
        elif isinstance(item, Number) and isinstance(below, Number) and item.measured:
            merged[name] = joined_number(below, item)
        elif isinstance(item, dict):
            if isinstance(below, Number):
                raise EvidenceError(
                    f"{file}: {inner}: lies over a number of the library; give value (replaces it whole), "
                    "[[...measured]] (adds measurements) or multiply (scales it)"
                )
            merged[name] = _merged(below if isinstance(below, dict) else {}, item, inner, file)
        else:
            if isinstance(below, dict) or (isinstance(below, Number) and not isinstance(item, Number)):
                raise EvidenceError(
                    f"{file}: {inner}: the library has a table here, the overlay a plain value; keep the table"
                )
            merged[name] = item
    return merged
