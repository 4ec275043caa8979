"""From the dosing record to what happens at which time.

Simultaneous events follow NONMEM's order: doses that are due at the time of a record (lagged doses, additional doses, ends of
infusions) come before all records of that time, and the records follow in the order in which they stand. A reset (evid 3
and 4) and a steady state (ss 1) cancel the infusions and pending doses of the records before them.

Source: NONMEM Users Guide VI (PREDPP), chapters II and V.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analgesia.engine.actions import ActionTable, Kind
from analgesia.engine.doses import HEAVIEST, Doses
from analgesia.engine.steady import Regimen, steady_states
from analgesia.engine.system import System

CLOSE = 1e-10  # times nearer to each other than this (relative, or absolute below 1) are one time
RESET, START, RUNNING, DOSE, SHOW = range(5)  # order of application within a record


@dataclass(frozen=True)
class _Rows:
    """Actions of one sort: the record each comes from, when, what, and where it stands among simultaneous ones."""

    record: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    target: np.ndarray
    value: np.ndarray
    due: np.ndarray  # True: comes of itself (before the records of that time); False: part of its record
    place: np.ndarray


def expand(
    doses: Doses,
    system: System,
    parameters: Mapping[str, np.ndarray],
    patients: int,
    *,
    start: float | np.ndarray = 0.0,
    until: float | np.ndarray = np.inf,
    initial: Mapping[str, object] | None = None,
    rtol: float = 1e-6,
    atol: float | Mapping[str, float] = 1e-9,
) -> ActionTable:
    """Action table of a dosing record, steady states solved.

    `parameters`: one number per patient each. `start`, `until`: first and last time of every patient. `initial`, `rtol`,
    `atol` are those of the solve. Raises ModelError naming the record and column of what cannot be honoured.
    """
    doses = doses.select(np.lexsort((doses.time, doses.patient)))
    target = _check(
        doses, system, patients, np.broadcast_to(start, patients), np.broadcast_to(until, patients)
    )
    amount = doses.amount * doses.bioavailability
    rate = np.select([doses.rate > 0, doses.rate == -1], [doses.rate, doses.modelled_rate], 0.0)
    over = doses.rate == -2
    rate[over] = amount[over] / doses.modelled_duration[over]
    infused = doses.dosing & (rate > 0) & (amount > 0)
    duration = np.zeros(amount.size)
    duration[infused] = amount[infused] / rate[infused]
    last = np.broadcast_to(until, patients)[doses.patient]
    record, first, extra = _arrivals(doses, amount, last)
    rows = [
        *_records(doses, target),
        *_given(record, first, extra, doses, amount, rate, duration, target),
    ]
    steady = np.flatnonzero(doses.dosing & (doses.ss > 0))
    if steady.size:
        regimen = Regimen(
            patient=doses.patient[steady],
            number=doses.number[steady],
            target=target[steady],
            amount=amount[steady],
            rate=rate[steady],
            duration=duration[steady],
            interval=doses.ii[steady],
            lag=doses.lag[steady],
            added=doses.ss[steady] == 2,
        )
        levels = steady_states(system, parameters, regimen, initial=initial, rtol=rtol, atol=atol)
        rows += [*_levels(steady, doses, levels), *_running(steady, doses, rate, duration, target)]
    return _table(doses, rows, patients)


def _check(doses: Doses, system: System, patients: int, start: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Index of the state each record doses, once every record fits the system and the times."""
    doses.refuse(doses.patient >= patients, "patient", f"is none of the {patients} patients", "count from 0")
    index = {name: i for i, name in enumerate(system.states)}
    names, inverse = np.unique(doses.compartment, return_inverse=True)
    known = np.array([index.get(str(name), -1) for name in names], np.int64)[inverse.reshape(-1)]
    doses.refuse(
        doses.dosing & (known < 0),
        "compartment",
        f"is no state of `{system.name}`",
        f"use {', '.join(index)}",
    )
    target = np.maximum(known, 0)
    heaviest = np.array([HEAVIEST.get(unit, np.inf) for unit in system.states.values()])[target]
    doses.refuse(doses.amount > heaviest, "amount", "is more than a tonne", "check the unit")
    slack = CLOSE * np.maximum(1.0, np.abs(doses.time))
    early, late = doses.time < start[doses.patient] - slack, doses.time > until[doses.patient] + slack
    doses.refuse(early, "time", "is before the start", "start earlier or drop the record")
    doses.refuse(late, "time", "is after the last output time", "ask for later times or drop the record")
    return target


def _arrivals(
    doses: Doses, amount: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(record, time, additional?) of every entry of a dose, those after the last time left out."""
    gives = doses.dosing & (amount > 0)
    entry = doses.time + doses.lag
    interval = np.where(doses.ii > 0, doses.ii, 1.0)
    with np.errstate(invalid="ignore"):
        room = np.floor((last - entry) / interval * (1 + CLOSE) + CLOSE)
    count = np.where(gives, np.minimum(doses.addl, np.maximum(room, -1)) + 1, 0)
    count = np.where(gives & (doses.addl == 0), 1, count).astype(np.int64)
    record = np.repeat(np.arange(amount.size), count)
    k = np.arange(record.size) - np.repeat(np.cumsum(count) - count, count)
    return record, entry[record] + k * doses.ii[record], k > 0


def _records(doses: Doses, target: np.ndarray) -> list[_Rows]:
    """Resets and output rows, which belong to the record itself."""
    shown = np.flatnonzero(doses.row >= 0)
    reset = np.flatnonzero(_cancelling(doses))
    zero = np.zeros(reset.size)
    return [
        _own(reset, doses.time[reset], Kind.RESET, zero.astype(np.int64), zero, RESET),
        _own(shown, doses.time[shown], Kind.OUTPUT, doses.row[shown], np.zeros(shown.size), SHOW),
    ]


def _given(
    record: np.ndarray, time: np.ndarray, extra: np.ndarray, doses: Doses, amount: np.ndarray,
    rate: np.ndarray, duration: np.ndarray, target: np.ndarray,
) -> list[_Rows]:  # fmt: skip
    """Boluses, and starts and ends of infusions."""
    due = extra | (doses.lag[record] > 0)
    place = np.full(record.size, DOSE)
    infused = duration[record] > 0
    kind = np.where(infused, int(Kind.RATE), int(Kind.ADD))
    value = np.where(infused, rate[record], amount[record])
    entries = _Rows(record, time, kind, target[record], value, due, place)
    ending = record[infused]
    ends = _ends(ending, time[infused] + duration[ending], target[ending], rate[ending])
    return [entries, ends]


def _levels(steady: np.ndarray, doses: Doses, levels: np.ndarray) -> list[_Rows]:
    """Set (ss 1) or raise (ss 2) every state to its steady state."""
    states = levels.shape[1]
    record = np.repeat(steady, states)
    kind = np.where(doses.ss[record] == 2, int(Kind.ADD), int(Kind.SET_STATE))
    return [
        _own(
            record,
            doses.time[record],
            kind,
            np.tile(np.arange(states), steady.size),
            levels.reshape(-1),
            START,
        )
    ]


def _running(
    steady: np.ndarray, doses: Doses, rate: np.ndarray, duration: np.ndarray, target: np.ndarray
) -> list[_Rows]:
    """The implied doses before a steady-state record that still run, or are still to come, at its time.

    Implied dose k entered at time + lag - k ii, k = 1, 2, ...
    """
    repeated = steady[doses.amount[steady] > 0]
    interval, lag = doses.ii[repeated], doses.lag[repeated]
    pending = np.floor(lag / interval + CLOSE).astype(
        np.int64
    )  # k of the latest dose that has not entered before
    reach = (
        np.ceil((lag + duration[repeated]) / interval - CLOSE).astype(np.int64) - 1
    )  # k of the oldest still running
    count = np.maximum(np.where(duration[repeated] > 0, np.maximum(reach, pending), pending), 0)
    record = np.repeat(repeated, count)
    k = np.arange(record.size) - np.repeat(np.cumsum(count) - count, count) + 1
    entry = doses.time[record] + doses.lag[record] - k * doses.ii[record]
    now, infused = doses.time[record], duration[record] > 0
    entered = entry < now - CLOSE * doses.ii[record]
    coming = ~entered
    running = entered & infused
    kind = np.where(infused, int(Kind.RATE), int(Kind.ADD))
    value = np.where(infused, rate[record], doses.amount[record] * doses.bioavailability[record])
    later = entry > now + CLOSE * doses.ii[record]
    place = np.full(record.size, DOSE)
    ends = infused & (running | coming)
    return [
        _own(record[running], now[running], Kind.RATE, target[record[running]], rate[record[running]], RUNNING),
        _Rows(record[coming], np.maximum(entry, now)[coming], kind[coming], target[record[coming]], value[coming],
              later[coming], place[coming]),
        _ends(record[ends], (entry + duration[record])[ends], target[record[ends]], rate[record[ends]]),
    ]  # fmt: skip


def _own(
    record: np.ndarray,
    time: np.ndarray,
    kind: int | np.ndarray,
    target: np.ndarray,
    value: np.ndarray,
    place: int,
) -> _Rows:
    size = record.size
    kinds = np.broadcast_to(np.asarray(kind, np.int64), size)
    return _Rows(record, time, kinds, target, value, np.zeros(size, bool), np.full(size, place))


def _ends(record: np.ndarray, time: np.ndarray, target: np.ndarray, rate: np.ndarray) -> _Rows:
    size = record.size
    kind = np.full(size, int(Kind.RATE))
    return _Rows(record, time, kind, target, -rate, np.ones(size, bool), np.full(size, DOSE))


def _cancelling(doses: Doses) -> np.ndarray:
    """Records that end what the records before them have started."""
    return (doses.evid == 3) | (doses.evid == 4) | (doses.dosing & ((doses.ss == 1) | (doses.ss == 3)))


def _table(doses: Doses, rows: list[_Rows], patients: int) -> ActionTable:
    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(r, name) for r in rows])

    record, time = column("record"), column("time")
    patient = doses.patient[record]
    time = _cluster(patient, time, ~column("due"))
    stop = np.flatnonzero(_cancelling(doses))
    position = np.searchsorted(stop, record, side="right")
    following = stop[np.minimum(position, stop.size - 1)] if stop.size else record
    ended = (position < stop.size) & (doses.patient[following] == patient)
    keep = ~(ended & (time > doses.time[following] + CLOSE * np.maximum(1.0, np.abs(doses.time[following]))))
    order = np.lexsort((column("place"), record, ~column("due"), time, patient))
    order = order[keep[order]]
    return ActionTable.build(
        patients,
        patient[order],
        time[order],
        column("kind")[order],
        column("target")[order],
        column("value")[order],
    )


def _cluster(patient: np.ndarray, time: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Times of one patient that differ by rounding alone made equal: to that of a record among them, else the first."""
    if not time.size:
        return time
    order = np.lexsort((time, patient))
    t = time[order]
    apart = np.diff(t) > CLOSE * np.maximum(1.0, np.abs(t[1:]))
    new = np.concatenate([[True], apart | (np.diff(patient[order]) != 0)])
    begin = np.flatnonzero(new)
    anchor = np.minimum.reduceat(np.where(fixed[order], t, np.inf), begin)
    anchor = np.where(np.isfinite(anchor), anchor, t[begin])
    result = np.empty_like(time)
    result[order] = anchor[np.cumsum(new) - 1]
    return result
