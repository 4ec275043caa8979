"""A TOML table -> `Number`, with a message that names file, key, what is wrong and the cure for everything refused."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence import units
from analgesia.evidence.numbers import Number, pooled_number
from analgesia.evidence.provenance import STATUSES

NUMBER_MARKERS = frozenset({"value", "measured", "assumed", "multiply"})
"""A table with one of these keys is a number."""

_TEXTS = ("at", "species", "system", "temperature", "translation", "note", "not_pooled")
_SINGLE = ("value", "unit", "source", "at", "status", "assumed", "se", "ci95", "range", "gsd", "fitted_to")
_SHARED = ("iiv", "sd", "within", "species", "system", "temperature", "translation", "note")
_MEMBER = ("not_pooled", "limit")
_SPREADS = ("se", "ci95", "range", "gsd")


def did_you_mean(word: object, allowed: Iterable[str]) -> str:
    """`; did you mean "x"?` where something is near, followed by what is allowed unless that would fill the screen."""
    options = sorted(allowed)
    close = difflib.get_close_matches(str(word), options, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    if not options:
        return hint
    return (
        f"{hint or '.'} Allowed: {', '.join(options)}"
        if len(options) <= 30
        else f"{hint} ({len(options)} are known)"
    )


def is_number(table: object) -> bool:
    """True when a TOML value is a table that holds a number."""
    return isinstance(table, Mapping) and not NUMBER_MARKERS.isdisjoint(table)


def parse_number(table: Mapping[str, Any], file: str, key: str) -> Number:
    """Read one number (possibly several pooled measurements) written in `file` under `key`."""
    place = f"{file}: {key}"
    if "multiply" in table:
        raise EvidenceError(
            f"{place}: multiply belongs in an overlay (--evidence DIR), alone in its table; a number of the library is "
            "written with value, unit, source, at and status"
        )
    if "measured" not in table:
        _known_keys(table, {*_SINGLE, *_SHARED}, place)
        return _single(table, file, key)
    _known_keys(table, {"measured", "unit", *_SHARED}, place)
    entries = table["measured"]
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(entry, Mapping) for entry in entries)
    ):
        raise EvidenceError(f"{place}: measured must be one or more [[{key}.measured]] tables")
    members = []
    for index, entry in enumerate(entries, start=1):
        member_key = f"{key}.measured[{index}]"
        _known_keys(entry, {*_SINGLE, *_SHARED, *_MEMBER}, f"{file}: {member_key}")
        members.append(_single(entry, file, member_key))
    unit = _unit(table, place) if "unit" in table else members[0].unit
    head = Number(
        value=math.nan, unit=unit, status="assumed", file=file, key=key, **_shared(table, file, key, None)
    )
    return pooled_number(head, members)


def _single(table: Mapping[str, Any], file: str, key: str) -> Number:
    place = f"{file}: {key}"
    for required in ("value", "unit"):
        if required not in table:
            raise EvidenceError(
                f'{place}: {required} is missing; every number needs value and unit (unit = "1" if it has none)'
            )
    value = _finite(table["value"], f"{place}.value")
    spreads = [name for name in _SPREADS if name in table]
    if len(spreads) > 1:
        raise EvidenceError(
            f"{place}: {' and '.join(spreads)} say the same thing twice; keep one of {', '.join(_SPREADS)}"
        )
    return Number(
        value=value,
        unit=_unit(table, place),
        file=file,
        key=key,
        limit=_choice(table, "limit", ("upper", "lower"), place),
        not_pooled=_text(table, "not_pooled", place),
        at=_text(table, "at", place),
        **_origin(table, place),
        **_spread(table, value, place),
        **_shared(table, file, key, value),
    )


def _origin(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """status, source, assumed, fitted_to; refuses a number that does not say where it comes from."""
    assumed = _text(table, "assumed", place)
    source = _text(table, "source", place)
    status = _choice(table, "status", STATUSES, place)
    fitted_to = table.get("fitted_to", [])
    if isinstance(fitted_to, str):
        fitted_to = [fitted_to]
    if not isinstance(fitted_to, list) or not all(isinstance(name, str) for name in fitted_to):
        raise EvidenceError(f"{place}.fitted_to: must be a list of source names")
    if assumed is not None:
        if status not in (None, "assumed"):
            raise EvidenceError(f'{place}: assumed = "..." contradicts status = "{status}"; keep one of them')
        return {"status": "assumed", "source": source, "assumed": assumed, "fitted_to": tuple(fitted_to)}
    if status is None:
        raise EvidenceError(
            f'{place}: status is missing; one of {", ".join(STATUSES)} (or assumed = "reason")'
        )
    if status == "assumed":
        raise EvidenceError(f'{place}: status "assumed" needs the reason: assumed = "reason"')
    if status == "fitted" and not fitted_to:
        raise EvidenceError(
            f'{place}: status "fitted" needs fitted_to = ["source", ...], the data that fitted it'
        )
    if source is None and status == "computed" and "note" in table:
        return {"status": status, "source": None, "assumed": None, "fitted_to": tuple(fitted_to)}
    if source is None and status != "fitted":
        raise EvidenceError(
            f'{place}: source is missing; name a file of evidence/sources, or write assumed = "reason" instead of status'
        )
    if "at" not in table and status in ("read", "secondary", "simulated"):
        raise EvidenceError(
            f'{place}: at is missing; say where in the source, such as at = "Table 2" or "abstract"'
        )
    return {"status": status, "source": source, "assumed": None, "fitted_to": tuple(fitted_to)}


def _spread(table: Mapping[str, Any], value: float, place: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if "se" in table:
        out["se"] = _finite(table["se"], f"{place}.se")
        if out["se"] < 0.0:
            raise EvidenceError(f"{place}.se: a standard error is not negative, got {out['se']:g}")
    for name in ("ci95", "range"):
        if name in table:
            low, high = out[name] = _pair(table[name], f"{place}.{name}")
            if not low <= value <= high:
                raise EvidenceError(
                    f"{place}.{name}: [{low:g}, {high:g}] does not contain the value {value:g}"
                )
    if "gsd" in table:
        out["gsd"] = _finite(table["gsd"], f"{place}.gsd")
        if out["gsd"] < 1.0:
            raise EvidenceError(
                f"{place}.gsd: a geometric standard deviation is at least 1, got {out['gsd']:g}"
            )
    return out


def _shared(table: Mapping[str, Any], file: str, key: str, value: float | None) -> dict[str, Any]:
    place = f"{file}: {key}"
    out: dict[str, Any] = {}
    for name in ("species", "system", "temperature", "translation", "note"):
        out[name] = _text(table, name, place)
    if "within" in table:
        out["within"] = _pair(table["within"], f"{place}.within")
    if "iiv" in table and "sd" in table:
        raise EvidenceError(
            f"{place}: iiv and sd both say how people differ; keep one (iiv: CV as fraction, sd: own unit)"
        )
    if "sd" in table:
        if not value:
            raise EvidenceError(
                f"{place}.sd: needs a value other than 0 beside it; give iiv, the CV as a fraction"
            )
        sd = table["sd"]
        if is_number(sd):
            origin = parse_number(sd, file, f"{key}.sd")
            out["iiv_origin"], sd = origin, origin.value
        out["iiv"] = _variation(_finite(sd, f"{place}.sd") / abs(value), f"{place}.sd")
    elif "iiv" in table:
        iiv = table["iiv"]
        if is_number(iiv):
            origin = parse_number(iiv, file, f"{key}.iiv")
            try:
                iiv = units.convert(origin.value, origin.unit, "1")
            except UnitError as error:
                raise UnitError(f"{place}.iiv: {error}") from None
            out["iiv_origin"] = origin
        out["iiv"] = _variation(_finite(iiv, f"{place}.iiv"), f"{place}.iiv")
    return out


def _variation(cv: float, place: str) -> float:
    if not 0.0 <= cv <= 5.0:
        raise EvidenceError(
            f"{place}: the variation between people is a CV as a fraction (0.28 for 28 %), got {cv:g}"
        )
    return cv


def _unit(table: Mapping[str, Any], place: str) -> str:
    unit = table["unit"]
    try:
        units.check(unit)
    except UnitError as error:
        raise UnitError(f"{place}.unit: {error}") from None
    return str(unit)


def _finite(raw: object, place: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise EvidenceError(f"{place}: must be a number, got {raw!r}")
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise EvidenceError(f"{place}: must be finite, got {value}")
    return value


def _pair(raw: object, place: str) -> tuple[float, float]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise EvidenceError(f"{place}: must be two numbers [low, high], got {raw!r}")
    low, high = _finite(raw[0], place), _finite(raw[1], place)
    if not low < high:
        raise EvidenceError(f"{place}: low must be below high, got [{low:g}, {high:g}]")
    return low, high


def _text(table: Mapping[str, Any], name: str, place: str) -> str | None:
    raw = table.get(name)
    if raw is None:
        return None
    if not isinstance(raw, str) or not raw.strip():
        raise EvidenceError(f"{place}.{name}: must be a text that says something, got {raw!r}")
    return raw


def _choice(table: Mapping[str, Any], name: str, allowed: Iterable[str], place: str) -> str | None:
    raw = table.get(name)
    if raw is not None and raw not in tuple(allowed):
        raise EvidenceError(f"{place}.{name}: {raw!r} is not known{did_you_mean(raw, allowed)}")
    return raw


def _known_keys(table: Mapping[str, Any], allowed: set[str], place: str) -> None:
    for name in table:
        if name not in allowed:
            raise EvidenceError(f"{place}.{name}: unknown key{did_you_mean(name, allowed)}")


def scaled_number(number: Number, factor: object, file: str, key: str) -> Number:
    """`number` times an overlay's `multiply`."""
    value = _finite(factor, f"{file}: {key}.multiply")
    if value <= 0.0:
        raise EvidenceError(f"{file}: {key}.multiply: must be above 0, got {value:g}")
    return number.scaled(value, f"multiplied by {value:g} in {file}")


def joined_number(base: Number, added: Number) -> Number:
    """`base` with the measurements of `added` appended; one that is already there is not counted twice."""
    own = base.measured or (replace(base, key=f"{base.key}.measured[1]"),)
    seen = {_identity(m) for m in own}
    new = [m for m in added.measured if _identity(m) not in seen]
    head = replace(base, iiv=base.iiv if added.iiv is None else added.iiv, note=added.note or base.note)
    return pooled_number(head, [*own, *new])


def _identity(number: Number) -> tuple[object, ...]:
    return (number.value, number.unit, number.source, number.at, number.status, number.system, number.species)
