"""The dosing record: one row per event, columns with the meaning NONMEM gives them.

A row says what happens at `time` to one patient:

evid 0  nothing: an observation            evid 3  reset: initial state, no infusion, pending doses cancelled
evid 1  a dose                             evid 4  reset, then a dose
evid 2  nothing: another kind of event

A dose of `amount` enters `compartment` after `lag`, `bioavailability` times the amount: at once (`rate` 0), at
`rate` (> 0, over bioavailability x amount / rate), at `modelled_rate` (rate -1, likewise) or over `modelled_duration`
(rate -2, at bioavailability x amount / duration). It is repeated `addl` times every `ii`.

`ss` 1 puts the patient into the steady state of this dose given every `ii` for ever, 2 adds that steady state to what is
there (linear models), 3 is 1. With amount 0 and ii 0 the steady state is that of a constant infusion at `rate`, which
ends at `time`.

Source: NONMEM Users Guide VI (PREDPP), chapter V, and the help pages `dose` and `SS dose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from analgesia.errors import ModelError

WHOLE = ("patient", "evid", "addl", "ss", "row", "number")
HEAVIEST = {
    "kg": 1e3,
    "g": 1e6,
    "mg": 1e9,
    "ug": 1e12,
    "µg": 1e12,
    "ng": 1e15,
}  # one tonne, in the unit of a state


@dataclass(frozen=True)
class Doses:
    """Columns of equal length; amounts in the unit of the state `compartment[i]`, times in the system's time unit.

    `row[i]` is the row of the output grid that shows the patient just after record i (-1: none); `number[i]` is what
    messages call the record. `labels` renames columns in messages.
    """

    patient: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    compartment: np.ndarray
    rate: np.ndarray
    evid: np.ndarray
    addl: np.ndarray
    ii: np.ndarray
    ss: np.ndarray
    lag: np.ndarray
    bioavailability: np.ndarray
    modelled_rate: np.ndarray
    modelled_duration: np.ndarray
    row: np.ndarray
    number: np.ndarray
    labels: Mapping[str, str]

    @classmethod
    def from_columns(
        cls,
        *,
        patient: object,
        time: object,
        amount: object,
        compartment: object,
        rate: object = 0.0,
        evid: object = 1,
        addl: object = 0,
        ii: object = 0.0,
        ss: object = 0,
        lag: object = 0.0,
        bioavailability: object = 1.0,
        modelled_rate: object = 0.0,
        modelled_duration: object = 0.0,
        row: object = -1,
        number: object = None,
        labels: Mapping[str, str] | None = None,
    ) -> Doses:
        """Broadcast scalars and arrays to rows and check every row; `number` defaults to 1, 2, 3, ...

        Raises ModelError naming the record and the column of the first row that cannot be honoured.
        """
        given: dict[str, Any] = {
            "patient": patient, "time": time, "amount": amount, "compartment": compartment, "rate": rate,
            "evid": evid, "addl": addl, "ii": ii, "ss": ss, "lag": lag, "bioavailability": bioavailability,
            "modelled_rate": modelled_rate, "modelled_duration": modelled_duration, "row": row,
        }  # fmt: skip
        try:
            columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c)) for c in given.values()))
        except ValueError as problem:
            raise ModelError(f"dose columns have different lengths: {problem}") from None
        rows = columns[0].size
        numbers = np.arange(1, rows + 1) if number is None else np.broadcast_to(np.asarray(number), rows)
        typed: dict[str, np.ndarray] = {}
        for name, column in zip(given, columns, strict=True):
            if name == "compartment":
                typed[name] = column.astype(str)
                continue
            try:
                values = column.astype(np.float64)
            except (TypeError, ValueError):
                raise ModelError(
                    f"dose column `{(labels or {}).get(name, name)}` holds text, not numbers"
                ) from None
            _refuse(~np.isfinite(values), values, numbers, name, "is not finite", "give a number", labels)
            if name in WHOLE:
                _refuse(
                    values != np.rint(values),
                    values,
                    numbers,
                    name,
                    "is not a whole number",
                    "give one",
                    labels,
                )
                values = values.astype(np.int64)
            typed[name] = values
        doses = cls(**typed, number=numbers.astype(np.int64), labels=labels or {})
        doses._check()
        return doses

    @property
    def dosing(self) -> np.ndarray:
        """Which rows give a dose."""
        return (self.evid == 1) | (self.evid == 4)

    @property
    def constant(self) -> np.ndarray:
        """Which rows ask for the steady state of a constant infusion."""
        return self.dosing & (self.ss > 0) & (self.amount == 0)

    def select(self, rows: np.ndarray) -> Doses:
        """The rows chosen by a mask or by indices, in that order."""
        names = [f.name for f in fields(self) if f.name != "labels"]
        return Doses(**{name: getattr(self, name)[rows] for name in names}, labels=self.labels)

    def refuse(self, wrong: np.ndarray, column: str, what: str, cure: str) -> None:
        """Raise ModelError for the first row marked wrong, naming its record, column and value."""
        _refuse(wrong, getattr(self, column), self.number, column, what, cure, self.labels)

    def _check(self) -> None:
        dose, repeated = self.dosing, self.dosing & (self.ss > 0) & (self.amount > 0)
        self.refuse(self.patient < 0, "patient", "is negative", "patients are counted from 0")
        self.refuse((self.evid < 0) | (self.evid > 4), "evid", "is no kind of event", "use 0, 1, 2, 3 or 4")
        for column in ("amount", "rate", "ii", "addl", "ss"):
            wrong = ~dose & (getattr(self, column) != 0)
            self.refuse(
                wrong, column, "stands on a record that gives no dose", "set it to 0 or use evid 1 or 4"
            )
        for column in ("amount", "ii", "lag", "bioavailability"):
            self.refuse(dose & (getattr(self, column) < 0), column, "is negative", "it must be 0 or more")
        self.refuse(self.addl < 0, "addl", "is negative", "for a steady state use ss 1")
        self.refuse((self.ss < 0) | (self.ss > 3), "ss", "is no kind of steady state", "use 0, 1, 2 or 3")
        modelled = (self.rate == -1) | (self.rate == -2)
        self.refuse(
            (self.rate < 0) & ~modelled, "rate", "is negative", "only -1 and -2 have a meaning below 0"
        )
        self.refuse(
            (self.rate == -1) & ~(self.modelled_rate > 0),
            "modelled_rate",
            "is no rate for rate -1",
            "give one > 0",
        )
        self.refuse(
            (self.rate == -2) & ~(self.modelled_duration > 0),
            "modelled_duration", "is no duration for rate -2", "give one > 0",
        )  # fmt: skip
        self.refuse(
            (self.addl > 0) & ~(self.ii > 0), "ii", "is no interval for additional doses", "give one > 0"
        )
        self.refuse(repeated & ~(self.ii > 0), "ii", "is no interval for a steady state", "give one > 0")
        constant = self.constant
        self.refuse(
            constant & (self.ii > 0), "amount", "has an interval but gives nothing", "give an amount, or ii 0"
        )
        self.refuse(
            constant & (self.addl > 0), "addl", "follows a constant infusion", "give the amount of a dose"
        )
        self.refuse(
            constant & (self.rate == -2), "rate", "needs an amount", "a constant infusion takes a rate or -1"
        )
        empty = dose & (self.ss == 0) & (self.amount == 0) & (self.rate != 0)
        self.refuse(empty, "amount", "is nothing to infuse", "give the amount that the infusion delivers")


def _refuse(
    wrong: np.ndarray, values: np.ndarray, numbers: np.ndarray, column: str, what: str, cure: str,
    labels: Mapping[str, str] | None,
) -> None:  # fmt: skip
    if wrong.any():
        i = int(np.argmax(wrong))
        name = (labels or {}).get(column, column)
        value = values[i]
        shown = str(value) if isinstance(value, str) else f"{value:g}"
        raise ModelError(f"record {numbers[i]}, column {name}: {shown} {what}; {cure}")
