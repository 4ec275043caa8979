"""What a solve was asked for, checked: one message for each thing that cannot be honoured."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from analgesia.engine.system import System
from analgesia.errors import ModelError


@dataclass(frozen=True)
class Request:
    """Checked inputs of a solve. `columns`: one array per parameter, [n] (broadcast views cost nothing)."""

    system: System
    patients: int
    columns: Mapping[str, np.ndarray]
    initial: Mapping[str, np.ndarray]
    times: np.ndarray  # as given: [T] or [n, T]
    manual: np.ndarray | None  # bool like times: rows that only an OUTPUT action writes
    tolerance: np.ndarray  # relative, then absolute per state
    rtol: float
    atol: float | Mapping[str, float]


def request(
    system: System,
    parameters: Mapping[str, object],
    times: object,
    *,
    initial: Mapping[str, object] | None,
    rtol: float,
    atol: float | Mapping[str, float],
    patients: int | None,
    manual: object = None,
) -> Request:
    """Check and normalise; raises `ModelError`."""
    given = _numbers(parameters, system.parameters, "parameter", system.name, complete=True)
    begin = _numbers(initial or {}, system.states, "initial value", system.name, complete=False)
    grid = _times(times)
    by_hand = None if manual is None else np.broadcast_to(np.asarray(manual, bool), grid.shape)
    count = _patients([*given.items(), *begin.items()], grid, patients)
    columns = {name: np.broadcast_to(value, count) for name, value in given.items()}
    return Request(
        system,
        count,
        columns,
        {name: np.broadcast_to(value, count) for name, value in begin.items()},
        grid,
        by_hand,
        _tolerance(system, rtol, atol),
        float(rtol),
        atol,
    )


def _numbers(
    values: Mapping[str, object], known: Mapping[str, str], what: str, system: str, *, complete: bool
) -> dict[str, np.ndarray]:
    unknown = [name for name in values if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, 3, 0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known) or 'none'}"
        raise ModelError(f"system `{system}` has no {what} `{unknown[0]}`; {hint}")
    missing = [name for name in known if name not in values]
    if complete and missing:
        raise ModelError(f"system `{system}`: {what} missing: {', '.join(missing)}")
    result = {}
    for name in known:
        if name not in values:
            continue
        try:
            array = np.asarray(values[name], dtype=float)
        except (TypeError, ValueError):
            raise ModelError(
                f"system `{system}`: {what} `{name}` is not a number: {values[name]!r}"
            ) from None
        if array.ndim > 1:
            raise ModelError(
                f"system `{system}`: {what} `{name}` has shape {array.shape}; give one number, or one per patient"
            )
        wrong = ~np.isfinite(array)
        if wrong.any():
            whose = f" for patient {int(np.argmax(wrong))}" if array.ndim else ""
            raise ModelError(f"system `{system}`: {what} `{name}` is not finite{whose}")
        result[name] = array
    return result


def _times(times: object) -> np.ndarray:
    try:
        grid = np.ascontiguousarray(np.asarray(times, dtype=float))
    except (TypeError, ValueError):
        raise ModelError(
            "output times are not numbers; give an array of times, or one row of times per patient"
        ) from None
    if grid.ndim not in (1, 2) or grid.shape[-1] == 0:
        raise ModelError(
            f"output times have shape {grid.shape}; give at least one time, as [times] or [patients, times]"
        )
    rows = np.atleast_2d(grid)
    if np.isinf(rows).any() or (grid.ndim == 1 and np.isnan(grid).any()):
        raise ModelError(
            "an output time is not finite; only rows of times per patient may be padded, with nan"
        )
    if np.isnan(rows).any():
        if np.isnan(rows).all(axis=1).any():
            raise ModelError(
                f"patient {int(np.argmax(np.isnan(rows).all(axis=1)))} has no output time; give at least one"
            )
        filled = np.maximum.accumulate(np.where(np.isnan(rows), -np.inf, rows), axis=1)
        backwards = np.nan_to_num(rows, nan=np.inf) < np.where(np.isnan(rows), -np.inf, filled)
    else:
        backwards = np.diff(rows, axis=1) < 0
    if backwards.any():
        whose = f" of patient {int(np.argmax(backwards.any(axis=1)))}" if grid.ndim == 2 else ""
        raise ModelError(f"output times{whose} go backwards; sort them")
    return grid


def _patients(named: Iterable[tuple[str, np.ndarray]], grid: np.ndarray, patients: int | None) -> int:
    sizes = {name: array.shape[0] for name, array in named if array.ndim == 1}
    if grid.ndim == 2:
        sizes["times"] = grid.shape[0]
    if patients is not None:
        sizes["patients"] = int(patients)
    count = next(iter(sizes.values()), 1)
    for name, size in sizes.items():
        if size != count:
            first = next(iter(sizes))
            raise ModelError(
                f"`{first}` is for {count} patients, `{name}` for {size}; give one number, or one per patient"
            )
    if count <= 0:
        raise ModelError("there are no patients; give at least one")
    return count


def _tolerance(system: System, rtol: float, atol: float | Mapping[str, float]) -> np.ndarray:
    if isinstance(atol, Mapping):
        for name in atol:
            system.index(name)
        values = [float(atol.get(name, 1e-9)) for name in system.states]
    else:
        values = [float(atol)] * len(system.states)
    result = np.array([float(rtol), *values])
    if not (np.isfinite(result).all() and (result > 0).all() and result[0] < 1):
        raise ModelError(f"tolerances must be positive and rtol below 1; got rtol = {rtol}, atol = {atol}")
    return result


def states_at_start(
    system: System, columns: Mapping[str, np.ndarray], initial: Mapping[str, np.ndarray], patients: int
) -> np.ndarray:
    """[patient, state]: given values first, then those of the system."""
    result = np.zeros((patients, len(system.states)))
    for i, name in enumerate(system.states):
        value = system.initial.get(name, 0.0)
        result[:, i] = (
            initial[name] if name in initial else columns[value] if isinstance(value, str) else value
        )
    return result
