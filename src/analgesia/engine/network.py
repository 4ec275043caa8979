"""Fixed-step networks: many copies of one small circuit, advanced together on one clock.

A `Network` is a system of ordinary or stochastic differential equations

    dy = f(t, y, p, past) dt + g(t, y, p) dW

advanced with a fixed step, with what a fixed step makes possible: white noise, resets after a threshold (spikes) and
delays that read a ring buffer. Every lane (patient, replicate, dose level) is one independent copy; lane i's
result does not depend on how many lanes there are, nor on the number of threads, for its random numbers are counted by
(seed, source, lane, step), never drawn from a stream.

The order of one step is
1. the deterministic part by explicit Euler (order 1), midpoint (2), classical Runge-Kutta (4) or exponential Euler;
   delayed values are held at the start of the step;
2. the noise, y += g(t, y, p) sqrt(dt) xi, with g at the start of the step (Euler-Maruyama);
3. the outputs are observed (before any reset, so that a spike can be seen);
4. `update`, if there is one, maps the state to its value after a reset.

Source for the schemes: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, section II.1; Kloeden &
Platen, Numerical Solution of Stochastic Differential Equations, section 10.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.noise import standard_normal
from analgesia.engine.system import Namespace
from analgesia.errors import ModelError

Method = Literal["euler", "midpoint", "rk4"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FixedDelay:
    """The value of an output or a state `by` ago; `by` is a number in the time unit or the name of a parameter.

    The delay is rounded to a whole number of steps, and at least one. Before the run started the value is the one at
    the start.
    """

    of: str
    by: float | str


@dataclass(frozen=True)
class Network:
    """A small circuit written once as functions of scalars.

    derivatives(t, y, p) or, with delays, derivatives(t, y, p, past) -> Mapping[state, rate per time unit]
    noise(t, y, p) -> Mapping[state, strength in state unit per square root of the time unit]; absent states have none
    observe(t, y, p) or (t, y, p, past) -> Mapping[output, value]
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


@dataclass(frozen=True)
class NetworkRun:
    """`mean[lane, output]` over the recorded window; `trace[lane, time, output]` at `times` (empty unless asked for);
    `final[lane, state]`; `finite[lane]`: False where a lane left the real numbers."""

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
    `record_from`; "trace" also keeps them every `every` (default: every step). `first_lane` numbers the lanes for the
    noise, so that a chunk of a larger ensemble draws the same luck. Raises ModelError for a missing or unknown name, a
    value that is not finite, or steps that do not fit.
    """
    steps = _steps(network, dt, duration, "duration")
    values, lanes = _lanes(network, parameters)
    y = _start(network, values, lanes, initial)
    stride = 1 if every is None else _steps(network, dt, every, "every")
    first = int(round(record_from / dt))
    if first >= steps:
        raise ModelError(
            f"network {network.name}: record_from {record_from} leaves nothing of duration {duration}"
        )
    slots, lags = _ring(network, values, lanes, dt)
    p = Namespace(values)
    names, outputs = list(network.states), list(network.outputs)
    rows = {name: np.broadcast_to(y[i], lanes) for i, name in enumerate(names)}
    keys = {name: (network.name, "noise", name) for name in names}
    lane_numbers = np.arange(first_lane, first_lane + lanes, dtype=np.uint64)
    every_lane = np.arange(lanes)

    def observed(t: float, y: Floats, past: Namespace) -> dict[str, Any]:
        seen = dict(zip(names, y, strict=True))
        arguments = (t, Namespace(seen), p, past) if network.delays else (t, Namespace(seen), p)
        return dict(network.observe(*arguments)) if network.observe is not None else {}

    def slope(t: float, y: Floats, past: Namespace) -> Floats:
        arguments = (t, Namespace(dict(zip(names, y, strict=True))), p)
        rates = network.derivatives(*arguments, past) if network.delays else network.derivatives(*arguments)
        return np.stack([np.broadcast_to(rates[name], lanes) for name in names])

    at_start = Namespace({name: rows[d.of] for name, d in network.delays.items() if d.of in rows})
    seen = rows | observed(0.0, y, at_start) if network.delays else rows
    buffers = {
        name: np.tile(np.broadcast_to(seen[d.of], lanes), (slots[name], 1))
        for name, d in network.delays.items()
    }
    total, trace, times = np.zeros((len(outputs), lanes)), [], []
    for step in range(steps):
        t = step * dt
        past = Namespace({k: b[(step - lags[k]) % slots[k], every_lane] for k, b in buffers.items()})
        new = _advance(slope, t, y, past, dt, method)
        if network.noise is not None:
            strengths = network.noise(t, Namespace(dict(zip(names, y, strict=True))), p)
            for name, strength in strengths.items():
                xi = standard_normal(seed, keys[name], lane_numbers, step)
                new[names.index(name)] += strength * np.sqrt(dt) * xi
        after = t + dt
        out = observed(after, new, past)
        if step >= first:
            for k, name in enumerate(outputs):
                total[k] += out[name]
        if record == "trace" and step >= first and (step + 1 - first) % stride == 0:
            times.append(after)
            trace.append(np.stack([np.broadcast_to(out[name], lanes) for name in outputs], axis=-1))
        if network.update is not None:
            changed = network.update(after, Namespace(dict(zip(names, new, strict=True))), p)
            new = new.copy()
            for name, value in changed.items():
                new[names.index(name)] = value
        y = new
        if network.delays:
            seen = dict(zip(names, y, strict=True)) | out
            for name, d in network.delays.items():
                buffers[name][(step + 1) % slots[name]] = seen[d.of]
    return NetworkRun(
        network,
        (total / (steps - first)).T,
        np.asarray(times),
        np.stack(trace, axis=1) if trace else np.zeros((lanes, 0, len(outputs))),
        y.T.copy(),
        np.isfinite(y).all(axis=0),
    )


def _advance(
    slope: Callable[..., Floats], t: float, y: Floats, past: Any, dt: float, method: Method
) -> Floats:
    """One explicit step of size dt: Euler, midpoint or the classical Runge-Kutta method."""
    k1 = slope(t, y, past)
    if method == "euler":
        return y + dt * k1
    k2 = slope(t + dt / 2, y + dt / 2 * k1, past)
    if method == "midpoint":
        return y + dt * k2
    if method != "rk4":
        raise ModelError(f"method '{method}' is not known; choose euler, midpoint or rk4")
    k3 = slope(t + dt / 2, y + dt / 2 * k2, past)
    k4 = slope(t + dt, y + dt * k3, past)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


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


def _ring(
    network: Network, values: Mapping[str, Floats], lanes: int, dt: float
) -> tuple[dict[str, int], dict[str, Any]]:
    """Length of every ring buffer and the lag of every lane, in steps."""
    slots, lags = {}, {}
    for name, delay in network.delays.items():
        if delay.of not in network.states and delay.of not in network.outputs:
            raise ModelError(
                f"network {network.name}: delay {name} is of '{delay.of}', neither a state nor an output"
            )
        by = values[delay.by] if isinstance(delay.by, str) else np.full(lanes, float(delay.by))
        if not (np.isfinite(by).all() and (by >= 0).all()):
            raise ModelError(f"network {network.name}: delay {name} must be finite and not negative")
        lags[name] = np.maximum(np.rint(by / dt).astype(int), 1) - 1
        slots[name] = int(lags[name].max()) + 1
    return slots, lags
