"""Evidence -> the floats a scale asks for, in the units it declares."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence.numbers import Number
from analgesia.evidence.parsing import did_you_mean
from analgesia.evidence.provenance import Tally

T = TypeVar("T")


def declared_units(cls: type) -> dict[str, str]:
    """Field name -> unit, for every field of a dataclass declared `Annotated[float, "unit"]`."""
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, str] = {}
    for name, hint in hints.items():
        if get_origin(hint) is Annotated:
            units = [extra for extra in get_args(hint)[1:] if isinstance(extra, str)]
            if units:
                found[name] = units[0]
    return found


def fill(cls: type[T], record: Mapping[str, Number] | Any, *, used: Tally | None = None, **given: Any) -> T:
    """An instance of dataclass `cls` whose unit-annotated fields come from `record`, converted.

    `record` maps names to Numbers or has such a mapping in `.parameters`. `given` sets fields directly. A field with
    a default keeps it when the record is silent. Refuses a missing or wrong-dimension number, naming file, key and both units.
    """
    numbers: Any = getattr(record, "parameters", record)
    place = ", ".join(getattr(record, "files", ())) or f"evidence for {cls.__name__}"
    values: dict[str, Any] = dict(given)
    units = declared_units(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in values or field.name not in units:
            continue
        number = numbers.get(field.name)
        if number is None:
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise EvidenceError(
                    f"{place}: {field.name} is missing; {cls.__name__} needs it in {units[field.name]}"
                    f"{did_you_mean(field.name, list(numbers))}"
                )
            continue
        if not isinstance(number, Number):
            raise EvidenceError(
                f"{place}: {field.name} must be one number in {units[field.name]}, not a table"
            )
        try:
            values[field.name] = number.to(units[field.name])
        except UnitError as error:
            raise UnitError(f"{error} (asked for by {cls.__name__}.{field.name})") from None
        if used is not None:
            used.note(number)
    return cls(**values)
