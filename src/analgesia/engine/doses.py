"""The dosing record: one row per dose, columns as NONMEM knows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analgesia.errors import ModelError


@dataclass(frozen=True)
class Doses:
    """Columns of equal length; `amount` in the unit of the state `compartment[i]`, times in the system's time unit."""

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

    @classmethod
    def from_columns(cls, *, patient: object, time: object, amount: object, compartment: object, rate: object = 0.0, evid: object = 1,
                     addl: object = 0, ii: object = 0.0, ss: object = 0, lag: object = 0.0, bioavailability: object = 1.0) -> Doses:
        """Broadcast scalars and arrays to rows. `rate` 0 is a bolus; `lag` shifts a dose, `bioavailability` scales it."""
        names = ("patient", "time", "amount", "compartment", "rate", "evid", "addl", "ii", "ss", "lag", "bioavailability")
        given = (patient, time, amount, compartment, rate, evid, addl, ii, ss, lag, bioavailability)
        try:
            columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c)) for c in given))
        except ValueError as problem:
            raise ModelError(f"dose columns have different lengths: {problem}") from None
        whole = ("patient", "evid", "addl", "ss")
        typed = {name: column.astype(str if name == "compartment" else np.int64 if name in whole else np.float64)
                 for name, column in zip(names, columns, strict=True)}
        for name in ("time", "amount", "rate", "ii", "lag", "bioavailability"):
            if not np.isfinite(typed[name]).all():
                raise ModelError(f"dose column `{name}` holds a value that is not finite (row {int(np.argmin(np.isfinite(typed[name])))})")
        return cls(**typed)
