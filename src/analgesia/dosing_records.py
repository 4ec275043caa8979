"""A file of dosing records (NONMEM columns) through a compartment model: what is in each compartment at each record.

Columns, in any order and case; `.` or nothing is a missing value:

ID TIME AMT    required; TIME in h, AMT in mg
RATE CMT EVID ADDL II SS    as NONMEM (`analgesia.engine.doses` says what each does); without EVID a record with any of AMT, RATE,
                            ADDL, II, SS is a dose; without CMT (or 0) a dose enters compartment 1
LAGT BIOAV     lag time (h) and bioavailability of doses into the central compartment
MODE           1: records with RATE -1 run into central at RAT2 (mg/h); 2: records with RATE -2 run into central over DUR2 (h)
C DV MDV       allowed and without effect, except that a record with C in column C is left out

The result has one row for each record, in the order of the file: ID, TIME, the amount in each compartment (mg) and `concentration`,
that of the central compartment in ug/L, all just after the record. Any other column is refused unless named in `ignore`.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analgesia.engine.doses import Doses
from analgesia.engine.ensemble import solve
from analgesia.engine.system import System
from analgesia.errors import AnalgesiaError, ModelError, UnitError
from analgesia.files import whole
from analgesia.kinetic_models import kinetic_model
from analgesia.quantities import Quantity

REQUIRED = ("ID", "TIME", "AMT")
NUMBERS = {"TIME": None, "AMT": 0.0, "RATE": 0.0, "CMT": 0.0, "EVID": None, "ADDL": 0.0, "II": 0.0, "SS": 0.0,
           "LAGT": 0.0, "BIOAV": 1.0, "MODE": 0.0, "RAT2": 0.0, "DUR2": 0.0}  # fmt: skip
WITHOUT_EFFECT = ("C", "DV", "MDV")
KNOWN = ("ID", *NUMBERS, *WITHOUT_EFFECT)
LABELS = {"patient": "ID", "time": "TIME", "amount": "AMT", "compartment": "CMT", "rate": "RATE", "evid": "EVID",
          "addl": "ADDL", "ii": "II", "ss": "SS", "lag": "LAGT", "bioavailability": "BIOAV", "modelled_rate": "RAT2",
          "modelled_duration": "DUR2"}  # fmt: skip
MICROGRAMS = 1e3  # ug/L in a mg/L
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-8, 1e-9


@dataclass(frozen=True)
class Records:
    """The file's records: `ids` and `times` as written, `columns` as numbers, all in the order of the file."""

    ids: tuple[str, ...]
    times: tuple[str, ...]
    columns: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RecordedCourse:
    """`amounts[record, compartment]` in mg and `concentration[record]` in ug/L just after each record."""

    ids: tuple[str, ...]
    times: tuple[str, ...]
    compartments: tuple[str, ...]
    amounts: np.ndarray
    concentration: np.ndarray


def run_events(
    path: Path, kinetics: str, values: Mapping[str, str] | Iterable[str], output: Path | None = None, *,
    ignore: Collection[str] = (),
) -> RecordedCourse:  # fmt: skip
    """Run the records of a file through a compartment model and, if `output` is given, write the result there.

    `values`: parameters with units, {"clearance": "1.1 L/h"} or "clearance=1.1 L/h". The output appears whole or not at
    all. Raises ModelError or UnitError, naming file, record and column, for anything that cannot be honoured.
    """
    model = kinetic_model(kinetics)
    parameters = read_parameters(model, values)
    records = read_records(path, ignore)
    try:
        course = simulate_records(model, parameters, records)
    except AnalgesiaError as error:
        raise type(error)(f"{path}: {error}") from None
    if output is not None:
        write_course(course, output)
    return course


def read_parameters(model: System, values: Mapping[str, str] | Iterable[str]) -> dict[str, float]:
    """Every parameter of the model, in its unit, from texts with units."""
    given: dict[str, str] = {}
    for text in values.items() if isinstance(values, Mapping) else (v.partition("=")[::2] for v in values):
        name, value = text[0].strip(), text[1].strip()
        if not value:
            raise ModelError(f"`{name}` is given no value; write NAME=VALUE UNIT, such as clearance=1.1 L/h")
        if name not in model.parameters:
            close = difflib.get_close_matches(name, model.parameters, 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(model.parameters)}"
            raise ModelError(f"`{model.name}` has no parameter `{name}`; {hint}")
        if name in given:
            raise ModelError(f"parameter `{name}` is given twice; give it once")
        given[name] = value
    missing = [f'{name}="... {unit}"' for name, unit in model.parameters.items() if name not in given]
    if missing:
        raise ModelError(f"`{model.name}` needs {', '.join(missing)} as well")
    return {name: _parameter(name, given[name], unit) for name, unit in model.parameters.items()}


def _parameter(name: str, text: str, unit: str) -> float:
    try:
        quantity = Quantity.parse(text)
        value = quantity.to(unit)
    except UnitError as error:
        raise UnitError(f"parameter `{name}`: {error}") from None
    if quantity.of is not None:
        raise UnitError(f"parameter `{name}`: {text!r} names {quantity.of!r} after the unit; leave it out")
    if not math.isfinite(value) or value < 0 or (value == 0 and name.endswith("volume")):
        raise ModelError(
            f"parameter `{name}` is {text}; it must be {'above' if name.endswith('volume') else 'at least'} 0"
        )
    return value


def read_records(path: Path, ignore: Collection[str] = ()) -> Records:
    """Read the file and check what can be checked without a model."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                (n, row) for n, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    if len(rows) < 2:
        raise ModelError(
            f"{path}: holds no records; a line of column names and at least one record are needed"
        )
    names = _columns(path, rows[0][1], {name.upper() for name in ignore})
    kept: list[dict[str, str]] = []
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise ModelError(f"{path}, line {line}: {len(row)} values for {len(names)} columns")
        record = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
        if record.get("C", "").upper() != "C":
            kept.append(record)
    if not kept:
        raise ModelError(f"{path}: every record is left out by a C in column C")
    columns = {
        name: np.array([_number(path, n, name, r.get(name, ""), missing) for n, r in enumerate(kept, 1)])
        for name, missing in NUMBERS.items()
        if name != "EVID"
    }
    columns["EVID"] = _kinds(path, kept, columns)
    return Records(tuple(r["ID"] for r in kept), tuple(r["TIME"] for r in kept), columns)


def _columns(path: Path, header: Sequence[str], ignore: set[str]) -> list[str]:
    names = [cell.strip().upper() for cell in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelError(f"{path}: column {twice[0]} stands twice; keep one")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise ModelError(
            f"{path}: column {missing[0]} is missing; ID, TIME and AMT are needed, there are {', '.join(names)}"
        )
    unknown = [name for name in names if name not in KNOWN and name not in ignore]
    if unknown:
        close = difflib.get_close_matches(unknown[0], KNOWN, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(KNOWN)}"
        raise ModelError(f"{path}: column {unknown[0]} has no meaning here; {hint} (or ignore it by name)")
    return names


def _number(path: Path, record: int, column: str, text: str, missing: float | None) -> float:
    if text in ("", "."):
        if missing is None:
            raise ModelError(f"{path}: record {record}, column {column}: no value; every record needs one")
        return missing
    try:
        value = float(text)
    except ValueError:
        raise ModelError(f"{path}: record {record}, column {column}: {text!r} is not a number") from None
    if not math.isfinite(value):
        raise ModelError(f"{path}: record {record}, column {column}: {text} is not a finite number")
    return value


def _kinds(path: Path, records: Sequence[Mapping[str, str]], columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """EVID as written; where missing, a dose if any dose column says something."""
    says = np.any([columns[name] != 0 for name in ("AMT", "RATE", "ADDL", "II", "SS")], axis=0)
    default = np.where(says, 1.0, 0.0)
    return np.array(
        [_number(path, n, "EVID", r.get("EVID", ""), default[n - 1]) for n, r in enumerate(records, 1)]
    )


def simulate_records(model: System, parameters: Mapping[str, float], records: Records) -> RecordedCourse:
    """Amounts and concentration just after every record.

    Records of one ID that stand together are one patient. A reset (EVID 3, 4) may set the clock back: it starts a new stretch.
    """
    columns = records.columns
    stretch, row = _stretches(records)
    count, longest = int(stretch[-1]) + 1, int(row.max()) + 1
    times = np.full((count, longest), np.nan)
    times[stretch, row] = columns["TIME"]
    compartment = _compartments(model, columns)
    central = compartment == "central"
    modelled = {1: ("RAT2", -1), 2: ("DUR2", -2)}
    given = {
        column: np.where(
            central & (columns["MODE"] == mode) & (columns["RATE"] == code), columns[column], 0.0
        )
        for mode, (column, code) in modelled.items()
    }
    _check_modelled(columns, central)
    doses = Doses.from_columns(
        patient=stretch,
        time=columns["TIME"],
        amount=columns["AMT"],
        compartment=compartment,
        rate=columns["RATE"],
        evid=columns["EVID"],
        addl=columns["ADDL"],
        ii=columns["II"],
        ss=columns["SS"],
        lag=np.where(central, columns["LAGT"], 0.0),
        bioavailability=np.where(central, columns["BIOAV"], 1.0),
        modelled_rate=given["RAT2"],
        modelled_duration=given["DUR2"],
        row=row,
        labels=LABELS,
    )
    solution = solve(
        model,
        parameters,
        times=times,
        doses=doses,
        manual=np.ones(times.shape, bool),
        rtol=RELATIVE_TOLERANCE,
        atol=ABSOLUTE_TOLERANCE,
    ).raise_for_status()
    return RecordedCourse(
        records.ids,
        records.times,
        tuple(model.states),
        solution.states[stretch, row],
        MICROGRAMS * solution.output("concentration")[stretch, row],
    )


def _stretches(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """For every record the stretch it belongs to (a patient, or a patient's time since the clock went back) and its row in it."""
    time, evid = records.columns["TIME"], records.columns["EVID"]
    size = time.size
    new = np.array([i == 0 or records.ids[i] != records.ids[i - 1] for i in range(size)])
    back = np.concatenate([[False], np.diff(time) < 0]) & ~new
    wrong = back & (evid != 3) & (evid != 4)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ModelError(
            f"record {i + 1}, column TIME: {records.times[i]} comes after {records.times[i - 1]} for ID {records.ids[i]}; "
            "put the records in order of time (only a reset, EVID 3 or 4, may set the clock back)"
        )
    empty = [i for i, identifier in enumerate(records.ids) if identifier in ("", ".")]
    if empty:
        raise ModelError(f"record {empty[0] + 1}, column ID: no value; every record needs one")
    stretch = np.cumsum(new | back) - 1
    first = np.flatnonzero(new | back)
    return stretch, np.arange(size) - first[stretch]


def _compartments(model: System, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """State named by CMT: 1 is the first; 0 is the default, 1."""
    number, names = columns["CMT"], np.array(list(model.states))
    listed = ", ".join(f"{i} {name}" for i, name in enumerate(names, 1))
    wrong = (number != np.rint(number)) | (number < 0) | (number > names.size)
    if wrong.any():
        i = int(np.argmax(wrong))
        what = "turns a compartment off, which this model cannot" if number[i] < 0 else "is no compartment"
        raise ModelError(f"record {i + 1}, column CMT: {number[i]:g} {what}; `{model.name}` has {listed}")
    return names[np.maximum(number.astype(np.int64) - 1, 0)]


def _check_modelled(columns: Mapping[str, np.ndarray], central: np.ndarray) -> None:
    """Modelled rates and durations belong to the central compartment and to their MODE."""
    mode, rate = columns["MODE"], columns["RATE"]
    wrong = ~np.isin(mode, (0, 1, 2))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ModelError(
            f"record {i + 1}, column MODE: {mode[i]:g} has no meaning; use 0, 1 (RAT2) or 2 (DUR2)"
        )
    for code, needed, column in ((-1, 1, "RAT2"), (-2, 2, "DUR2")):
        asks = rate == code
        if (asks & ~central).any():
            i = int(np.argmax(asks & ~central))
            raise ModelError(
                f"record {i + 1}, column RATE: {code} asks for {column}, which belongs to the central compartment; "
                "dose that one or give RATE a number"
            )
        if (asks & (mode != needed)).any():
            i = int(np.argmax(asks & (mode != needed)))
            raise ModelError(
                f"record {i + 1}, column MODE: RATE {code} needs MODE {needed} and a positive {column}"
            )


def write_course(course: RecordedCourse, path: Path) -> None:
    """Write a CSV file: under another name first, so that a reader never meets half a file."""
    header = ("ID", "TIME", *course.compartments, "concentration")
    try:
        with whole(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for identifier, time, amounts, level in zip(
                course.ids, course.times, course.amounts, course.concentration, strict=True
            ):
                writer.writerow([identifier, time, *(f"{a:.10g}" for a in amounts), f"{level:.10g}"])
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None
