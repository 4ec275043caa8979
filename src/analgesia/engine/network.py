"""Fixed-step networks: many copies of one small circuit, advanced together on one clock.

A `Network` is a system of ordinary or stochastic differential equations

    dy = f(t, y, p, past) dt + g(t, y, p) dW

advanced with a fixed step, with what a fixed step makes possible: white noise, resets after a threshold (spikes) and delays
that read a ring buffer. Every lane (patient, replicate, dose level) is one independent copy; a lane's result does not depend on
how many lanes there are, nor on the number of threads, for its random numbers are counted by (seed, state, lane, step), never
drawn from a stream.

The order of one step is
1. the deterministic part by explicit Euler (order 1), midpoint (2), the classical Runge-Kutta method (4) or exponential Euler
   (y + h (exp(h J) - 1) / (h J) f with J = df_i/dy_i: exact for gates, first order otherwise); delayed values are those at the
   start of the step;
2. the noise, y += g sqrt(dt) xi, with g at the start of the step (Euler-Maruyama);
3. the outputs are observed (before any reset, so that a spike can be seen);
4. `update`, if there is one, maps the state to its value after a reset.

Sources: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, section II.1; Kloeden & Platen, Numerical Solution of
Stochastic Differential Equations, section 10.2; Rush & Larsen 1978, IEEE Trans Biomed Eng 25:389 (exponential Euler).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.compiler import aligned
from analgesia.engine.network_code import Word, compiled
from analgesia.engine.noise import lane_keys
from analgesia.errors import ModelError

Method = Literal["euler", "midpoint", "rk4", "exponential_euler"]
METHODS = get_args(Method)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FixedDelay:
    """The value of an output or a state `by` before the start of the step; `by`: time units, or the name of a parameter.

    The delay is rounded to a whole number of steps. Before the run started everything was as at its start.
    """

    of: str
    by: float | str


@dataclass(frozen=True, eq=False)
class Network:
    """A small circuit written once as functions of scalars.

    derivatives(t, y, p) or, with delays, derivatives(t, y, p, past) -> Mapping[state, rate per time unit]
    noise(t, y, p) -> Mapping[state, strength in the state's unit per square root of the time unit]; absent: none
    observe(t, y, p) -> Mapping[output, value]
    update(t, y, p) -> Mapping[state, value after the step]: resets; absent states keep their value
    initial: a constant or the name of a parameter, 0 where absent.
    """

    name: str
    states: Mapping[str, str]
    parameters: Mapping[str, str]
    derivatives: Callable[..., Mapping[str, Any]]
    outputs: Mapping[str, str] = field(default_factory=dict)
    observe: Callable[..., Mapping[str, Any]] | None = None
    noise: Callable[..., Mapping[str, Any]] | None = None
    update: Callable[..., Mapping[str, Any]] | None = None
    delays: Mapping[str, FixedDelay] = field(default_factory=dict)
    initial: Mapping[str, float | str] = field(default_factory=dict)
    time_unit: str = "ms"

    def complete(self, values: Mapping[str, Any], names: Mapping[str, str], what: str) -> dict[str, Any]:
        """`values` in the order of `names`; raises ModelError unless they are the same names."""
        wrong = sorted(set(names) ^ set(values))
        if wrong:
            raise ModelError(f"network {self.name}: {what} missing or unknown: {', '.join(wrong)}")
        return {name: values[name] for name in names}

    def partial(
        self, function: Callable[..., Mapping[str, Any]] | None, t: Any, y: Any, p: Any, what: str
    ) -> dict[str, Any]:
        """What `function` says of some states, in the order of the states."""
        values = {} if function is None else function(t, y, p)
        unknown = sorted(set(values) - set(self.states))
        if unknown:
            raise ModelError(f"network {self.name}: {what} of unknown states {', '.join(unknown)}")
        return {name: values[name] for name in self.states if name in values}


@dataclass(frozen=True)
class NetworkRun:
    """What a run of a network gives.

    `mean[lane, output]` over the recorded window; `trace[lane, time, output]` at `times` (empty unless asked for);
    `final[lane, state]`; `finite[lane]`: False where a lane left the real numbers.
    """

    network: Network
    mean: Floats
    times: Floats
    trace: Floats
    final: Floats
    finite: NDArray[np.bool_]

    def output(self, name: str) -> Floats:
        """Mean of one output over the window, one number a lane."""
        return self.mean[:, self._column(name)]

    def traced(self, name: str) -> Floats:
        """The trace of one output, [lane, time]."""
        return self.trace[:, :, self._column(name)]

    def _column(self, name: str) -> int:
        names = list(self.network.outputs)
        if name not in names:
            raise ModelError(f"network {self.network.name}: no output '{name}'; it has {', '.join(names)}")
        return names.index(name)


def run(
    network: Network,
    parameters: Mapping[str, Any],
    *,
    dt: float,
    duration: float,
    record: Literal["mean", "trace"] = "mean",
    record_from: float = 0.0,
    every: float | None = None,
    seed: int = 0,
    method: Method = "rk4",
    initial: Mapping[str, Any] | None = None,
    first_lane: int = 0,
    threads: int | None = None,
) -> NetworkRun:
    """Advance every lane from 0 to `duration` in steps of `dt` (both in the network's time unit).

    `parameters`: a number or an array[lanes] each. `record="mean"` averages the outputs over the steps that end after
    `record_from`; "trace" also keeps them every `every` (default: every step). `first_lane` numbers the lanes for the noise, so that
    a chunk of a larger ensemble draws the same luck. Raises ModelError for a missing or unknown name, a value that is not finite,
    or steps that do not fit.
    """
    if method not in METHODS:
        raise ModelError(f"method '{method}' is not known; choose {', '.join(METHODS)}")
    steps = _steps(network, dt, duration, "duration")
    values, lanes = _lanes(network, parameters)
    first = round(record_from / dt)
    if not 0 <= first < steps:
        raise ModelError(
            f"network {network.name}: record_from {record_from} leaves nothing of duration {duration}"
        )
    stride = (1 if every is None else _steps(network, dt, every, "every")) if record == "trace" else 0
    start = _start(network, values, lanes, initial)
    lags, ring_start, ring_mask, ring_size = _rings(network, values, lanes, dt)
    code = compiled(network, method)
    tiles = _Tiles(lanes, code.lanes)
    rows = (steps - first) // stride if stride else 0
    numbers = np.arange(first_lane, first_lane + tiles.padded, dtype=np.uint64)
    keys = [
        lane_keys(seed, (network.name, "noise", list(network.states)[i]), numbers) for i in code.circuit.noise
    ]
    outputs = len(network.outputs)
    arrays = {
        Word.PARAMETERS: tiles.put([values[name] for name in network.parameters]),
        Word.INITIAL: tiles.put(start),
        Word.KEYS: tiles.put(keys),
        Word.LAGS: tiles.put(lags).astype(np.int64),
        Word.RING_START: ring_start,
        Word.RING_MASK: ring_mask,
        Word.MEANS: tiles.empty(outputs),
        Word.TRACE: tiles.empty(rows * outputs),
        Word.FINAL: tiles.empty(len(network.states)),
    }
    context = np.zeros(Word.WORDS, np.int64)
    for word, array in arrays.items():
        context[word] = array.ctypes.data
    context[[Word.ROWS, Word.STEPS, Word.FIRST, Word.STRIDE]] = rows, steps, first, stride
    context[Word.STEP] = np.float64(dt).view(np.int64)

    def work(groups: range) -> None:
        ring = aligned(ring_size * code.lanes)
        own = context.copy()
        own[Word.RING] = ring.ctypes.data
        code.run(own, aligned(code.vectors * code.lanes), groups.start, groups.stop)

    _spread(work, tiles.groups, threads)
    final = tiles.take(arrays[Word.FINAL])
    trace = arrays[Word.TRACE].reshape(tiles.groups, rows, outputs, code.lanes)
    return NetworkRun(
        network,
        tiles.take(arrays[Word.MEANS]),
        np.asarray((first + stride * np.arange(1, rows + 1)) * dt, np.float64),
        trace.transpose(0, 3, 1, 2).reshape(tiles.padded, rows, outputs)[:lanes],
        final,
        np.asarray(np.isfinite(final).all(axis=1)),
    )


class _Tiles:
    """Lanes in groups as wide as a vector; the last group is filled with copies of the last lane."""

    def __init__(self, lanes: int, width: int) -> None:
        self.lanes, self.width = lanes, width
        self.groups = -(-lanes // width)
        self.padded = self.groups * width

    def put(self, columns: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[Any]:
        """[group, column, lane of the group] from columns of one value a lane."""
        if not len(columns):
            return np.zeros((self.groups, 0, self.width))
        kind = np.result_type(*columns)
        tiled = np.empty((self.groups, len(columns), self.width), kind)
        index = np.minimum(np.arange(self.padded), self.lanes - 1)
        for k, column in enumerate(columns):
            tiled[:, k, :] = (column if column.size == self.padded else column[index]).reshape(
                self.groups, self.width
            )
        return tiled

    def empty(self, columns: int) -> Floats:
        """Room for results."""
        return np.zeros((self.groups, columns, self.width))

    def take(self, tiled: Floats) -> Floats:
        """[lane, column] from tiles."""
        return tiled.transpose(0, 2, 1).reshape(self.padded, tiled.shape[1])[: self.lanes].copy()


def _spread(work: Callable[[range], None], groups: int, threads: int | None) -> None:
    """Give every thread its share of the groups."""
    if threads is not None and threads < 1:
        raise ModelError(f"threads = {threads}; give at least one")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = min(groups, 4 * (threads or available))
    edges = np.linspace(0, groups, parts + 1).astype(int)
    with ThreadPoolExecutor(threads or available) as pool:
        list(pool.map(work, [range(a, b) for a, b in itertools.pairwise(edges.tolist())]))


def _steps(network: Network, dt: float, length: float, what: str) -> int:
    if not (np.isfinite(dt) and dt > 0 and np.isfinite(length) and length > 0):
        raise ModelError(
            f"network {network.name}: dt {dt} and {what} {length} must be positive {network.time_unit}"
        )
    n = round(length / dt)
    if n < 1 or abs(n * dt - length) > 1e-9 * max(length, dt):
        raise ModelError(f"network {network.name}: {what} {length} is not a whole number of steps of {dt}")
    return n


def _lanes(network: Network, parameters: Mapping[str, Any]) -> tuple[dict[str, Floats], int]:
    missing, unknown = set(network.parameters) - set(parameters), set(parameters) - set(network.parameters)
    if missing or unknown:
        wrong = f"lacks {', '.join(sorted(missing))}" if missing else f"has no {', '.join(sorted(unknown))}"
        raise ModelError(f"network {network.name}: the parameters given do not fit: it {wrong}")
    arrays = {k: np.asarray(v, dtype=float) for k, v in parameters.items()}
    for name, array in arrays.items():
        if array.ndim > 1 or not np.isfinite(array).all():
            raise ModelError(
                f"network {network.name}: parameter {name} must be finite, a number or one per lane"
            )
    lengths = {a.size for a in arrays.values() if a.ndim == 1}
    if len(lengths) > 1 or 0 in lengths:
        raise ModelError(f"network {network.name}: parameters of different or zero length {sorted(lengths)}")
    lanes = lengths.pop() if lengths else 1
    return {k: np.broadcast_to(a, lanes) for k, a in arrays.items()}, lanes


def _start(
    network: Network, values: Mapping[str, Floats], lanes: int, initial: Mapping[str, Any] | None
) -> Floats:
    given = dict(network.initial) | dict(initial or {})
    unknown = set(given) - set(network.states)
    if unknown:
        raise ModelError(
            f"network {network.name}: initial values for unknown states {', '.join(sorted(unknown))}"
        )
    rows = []
    for name in network.states:
        start = given.get(name, 0.0)
        rows.append(
            np.broadcast_to(
                values[start] if isinstance(start, str) else np.asarray(start, dtype=float), lanes
            )
        )
    return np.stack(rows).astype(float)


def _rings(
    network: Network, values: Mapping[str, Floats], lanes: int, dt: float
) -> tuple[list[Floats], NDArray[np.int64], NDArray[np.int64], int]:
    """Lag of every delay in steps, [delay][lane]; first slot and mask of every ring; slots in all."""
    lags, starts, masks, size = [], [], [], 0
    for name, delay in network.delays.items():
        if delay.of not in network.states and delay.of not in network.outputs:
            raise ModelError(
                f"network {network.name}: delay {name} is of '{delay.of}', neither a state nor an output"
            )
        if isinstance(delay.by, str) and delay.by not in values:
            raise ModelError(
                f"network {network.name}: delay {name} is by '{delay.by}', which is no parameter"
            )
        by = values[delay.by] if isinstance(delay.by, str) else np.full(lanes, float(delay.by))
        if not (np.isfinite(by).all() and (by >= 0).all()):
            raise ModelError(f"network {network.name}: delay {name} must be finite and not negative")
        lags.append(np.rint(by / dt))
        slots = 1 << int(lags[-1].max()).bit_length()
        starts.append(size)
        masks.append(slots - 1)
        size += slots
    return lags, np.array(starts, np.int64), np.array(masks, np.int64), size
