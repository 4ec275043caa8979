"""Run a membrane on a geometry: lanes gathered in tiles, tiles over threads, time in blocks with progress between them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import machine
from analgesia.engine.cable import code
from analgesia.engine.cable.geometry import Geometry
from analgesia.engine.cable.membrane import Membrane, Recorded, record
from analgesia.engine.graph import Graph
from analgesia.errors import ModelError

Array = NDArray[np.float64]
BLOCK = 2000
"""Steps between two looks at progress; spikes of one block must fit the buffer, which therefore never overflows."""
MAX_RATE = 0.5
"""No neurite crosses the threshold more often than once in two steps, so a block has at most BLOCK / 2 upward crossings."""

COARSEST = 5.0
"""A step longer than this many time constants of the fastest gate is refused: the gate follows exactly, the spike no longer does."""


@dataclass(frozen=True)
class Pulse:
    """A rectangular current into one compartment: nA from `start` for `duration` ms; `amplitude` one number or one per lane."""

    compartment: int
    start: float
    duration: float
    amplitude: float | Array


@dataclass(frozen=True)
class CableResult:
    """Spike times and voltages at the probes.

    `spikes[lane][probe]`: ms of upward threshold crossings. `voltage`: mV [lane, probe, sample], `times`: ms of the samples.
    `finite[lane]`: False where the solution left the finite numbers; such a lane has no spikes after that.
    `final`: state [lane, compartment, voltage + gates + pools], with which a run can go on.
    """

    probes: tuple[int, ...]
    spikes: tuple[tuple[Array, ...], ...]
    times: Array
    voltage: Array
    finite: NDArray[np.bool_]
    final: Array


def simulate(
    membrane: Membrane,
    geometry: Geometry,
    parameters: Mapping[str, float | Array],
    *,
    duration: float,
    dt: float,
    initial: Mapping[str, float | Array],
    pulses: Sequence[Pulse] = (),
    probes: Sequence[int] = (),
    threshold: float = -10.0,
    sample_every: float | None = None,
    diameter_ratio: float | Array = 1.0,
    lanes: int | None = None,
    method: Literal["crank-nicolson", "backward-euler"] = "crank-nicolson",
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CableResult:
    """Advance every lane from `initial` for `duration` ms in steps of `dt` ms.

    `parameters[name]`: a number, one per lane `[lanes]`, or `[regions, lanes]` where `geometry.region` uses several.
    `initial`: voltage as `"v"` (mV) and every gate and pool; a number, `[lanes]` or `[lanes, compartments]`. Gates that are
    absent start at their target for the initial voltage. `diameter_ratio`: lane's diameter over that of the geometry
    (couplings scale with it, injected current density with its inverse; pools must take it from a parameter).

    Raises `ModelError` for missing or non-finite input, a step that does not divide into the fastest gate, a probe outside.
    """
    size = _lane_count(parameters, initial, diameter_ratio, lanes)
    _check(geometry, duration, dt, probes, pulses)
    kernel = _compiled(membrane)
    table = _parameter_table(membrane, geometry, parameters, size)
    state = _initial_state(membrane, kernel.recorded, geometry, initial, table, size)
    _check_step(membrane, kernel.recorded, state, table, geometry, dt)
    steps = int(round(duration / dt))
    every = max(1, int(round((sample_every or duration + dt) / dt)))
    run = _Run(kernel, geometry, dt, steps, every, threshold, method, tuple(probes), tuple(pulses))
    ratio = np.broadcast_to(np.asarray(diameter_ratio, float), (size,))
    width = kernel.lanes
    tiles = [(first, min(first + width, size)) for first in range(0, size, width)]
    blocks = -(-steps // BLOCK) if steps else 0
    total, done = len(tiles) * max(blocks, 1), 0

    def one(bounds: tuple[int, int]) -> tuple[Any, ...]:
        return run.tile(table, state, ratio, bounds, count)

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    workers = min(threads or os.cpu_count() or 1, len(tiles))
    if workers == 1:
        parts = [one(bounds) for bounds in tiles]
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(one, tiles))
    finals = np.concatenate([part[2] for part in parts])
    return CableResult(
        tuple(probes),
        tuple(spikes for part in parts for spikes in part[0]),
        np.arange(run.samples) * every * dt,
        np.concatenate([part[1] for part in parts]),
        np.isfinite(finals).all(axis=(1, 2)),
        finals,
    )


@dataclass(frozen=True)
class _Kernel:
    recorded: Recorded
    layout: code.Layout
    lanes: int
    call: Any
    loaded: machine.Loaded


@cache
def _compiled(membrane: Membrane) -> _Kernel:
    recorded = record(membrane)
    lanes = machine.preferred_lanes()
    writer = code.Kernel(recorded, lanes)
    loaded = machine.Loaded(machine.compile_module(writer.text(), 2))
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(code.POINTERS))
    return _Kernel(recorded, writer.layout, lanes, signature(loaded.address(code.NAME)), loaded)


@dataclass(frozen=True)
class _Run:
    """One simulation of one tile after another."""

    kernel: _Kernel
    geometry: Geometry
    dt: float
    steps: int
    every: int
    threshold: float
    method: str
    probes: tuple[int, ...]
    pulses: tuple[Pulse, ...]

    @property
    def samples(self) -> int:
        """Number of voltage samples."""
        return -(-self.steps // self.every) if self.steps else 0

    def numbers(self) -> Array:
        """What the kernel must know of the method; see `code.NUMBERS`."""
        centred = self.method == "crank-nicolson"
        given = {
            "dt": self.dt,
            "half": self.dt / 2 if centred else self.dt,
            "now": 1.5 if centred else 1.0,
            "before": 0.5 if centred else 0.0,
            "threshold": self.threshold,
            "reflect": 1.0 if centred else 0.0,
            "lead": self.dt / 2 if centred else 0.0,
        }
        return np.array([given[name] for name in code.NUMBERS])

    def tile(
        self, table: Array, state: Array, ratio: Array, bounds: tuple[int, int], count: Callable[[], None]
    ) -> tuple[Any, ...]:
        """Run lanes first..last-1 (the tile is filled up with copies of its last lane)."""
        layout, width, geometry = self.kernel.layout, self.kernel.lanes, self.geometry
        first, last = bounds
        chosen = np.minimum(np.arange(first, first + width), last - 1)
        n, live = geometry.count, 1 + layout.gates + layout.pools
        block = np.zeros((n, layout.size, width))
        block[:, :live] = state[chosen].transpose(1, 2, 0)
        parameters = np.ascontiguousarray(table[:, :, chosen])
        up, down = geometry.couplings()
        amplitude = np.array(
            [np.broadcast_to(np.asarray(p.amplitude, float), (len(ratio),))[chosen] for p in self.pulses]
        ).reshape(-1, width)
        area = geometry.area
        amplitude = (
            amplitude * 1e-6 / area[[p.compartment for p in self.pulses]][:, None]
            if self.pulses
            else amplitude
        )
        scale = np.array([ratio[chosen], 1.0 / ratio[chosen]])
        site = np.array([p.compartment for p in self.pulses], np.int64)
        probe = np.array(self.probes, np.int64)
        numbers = self.numbers()
        spikes: list[list[list[Array]]] = [[[] for _ in self.probes] for _ in range(width)]
        trace = np.zeros((self.samples, len(self.probes), width))
        capacity = int(BLOCK * MAX_RATE) + 1
        buffer = np.zeros((len(self.probes), capacity, width))
        for start in range(0, self.steps, BLOCK):
            steps = min(BLOCK, self.steps - start)
            wave = self._wave(start, steps)
            counts = np.zeros((len(self.probes), width), np.int64)
            sizes = np.array(
                [n, steps, len(self.pulses), len(self.probes), capacity, self.every, start], np.int64
            )
            row = -(-start // self.every)
            part = np.zeros((-(-(start + steps) // self.every) - row, len(self.probes), width))
            arrays = {
                "state": block, "parameters": parameters, "up": up, "down": down, "parent": geometry.parent.astype(np.int64),
                "region": geometry.region.astype(np.int64), "patch": geometry.patch.astype(float), "wave": wave, "amplitude": amplitude, "site": site, "probe": probe,
                "spikes": buffer, "counts": counts, "trace": part, "scale": scale, "numbers": numbers, "sizes": sizes,
            }  # fmt: skip
            self.kernel.call(*[arrays[name].ctypes.data for name in code.POINTERS])
            trace[row : row + len(part)] = part
            for k in range(len(self.probes)):
                for lane in range(last - first):
                    if counts[k, lane]:
                        spikes[lane][k].append(buffer[k, : counts[k, lane], lane].copy())
            count()
        done = tuple(
            tuple(np.concatenate(found) if found else np.zeros(0) for found in spikes[lane])
            for lane in range(last - first)
        )
        final = block[:, :live].transpose(2, 0, 1)[: last - first].copy()
        return done, trace.transpose(2, 1, 0)[: last - first].copy(), final

    def _wave(self, start: int, steps: int) -> Array:
        """Share of each step during which each pulse is on."""
        edges = (start + np.arange(steps + 1)) * self.dt
        wave = np.zeros((len(self.pulses), steps))
        for k, pulse in enumerate(self.pulses):
            overlap = np.minimum(edges[1:], pulse.start + pulse.duration) - np.maximum(
                edges[:-1], pulse.start
            )
            wave[k] = np.clip(overlap / self.dt, 0.0, 1.0)
        return wave


def _lane_count(
    parameters: Mapping[str, Any], initial: Mapping[str, Any], ratio: Any, lanes: int | None
) -> int:
    sizes = {np.shape(a)[-1] for a in parameters.values() if np.ndim(a) > 0}
    sizes |= {np.shape(a)[0] for a in initial.values() if np.ndim(a) > 0}
    sizes |= {len(ratio)} if np.ndim(ratio) else set()
    sizes |= {lanes} if lanes is not None else set()
    if len(sizes - {1}) > 1:
        raise ModelError(
            f"cable: inputs speak of {', '.join(map(str, sorted(sizes)))} lanes; give each one number or one per lane"
        )
    size = max(sizes, default=1)
    if size < 1:
        raise ModelError("cable: no lanes to run")
    return int(size)


def _check(
    geometry: Geometry, duration: float, dt: float, probes: Sequence[int], pulses: Sequence[Pulse]
) -> None:
    if not np.isfinite(duration) or duration < 0.0:
        raise ModelError(f"cable: duration must be a number of ms, 0 or more, not {duration}")
    if not np.isfinite(dt) or dt <= 0.0:
        raise ModelError(f"cable: the step must be above 0 ms, not {dt}")
    for what, where in [("probe", p) for p in probes] + [("pulse", p.compartment) for p in pulses]:
        if not 0 <= where < geometry.count:
            raise ModelError(
                f"cable: a {what} at compartment {where}; there are compartments 0 to {geometry.count - 1}"
            )
    for pulse in pulses:
        if not np.all(np.isfinite(pulse.amplitude)) or not pulse.duration > 0.0:
            raise ModelError("cable: a pulse needs a finite amplitude (nA) and a duration above 0 ms")


def _parameter_table(
    membrane: Membrane, geometry: Geometry, parameters: Mapping[str, Any], size: int
) -> Array:
    """[region, parameter + hoisted, lane]."""
    recorded = _compiled(membrane).recorded
    regions = int(geometry.region.max()) + 1
    missing, extra = set(membrane.parameters) - set(parameters), set(parameters) - set(membrane.parameters)
    if missing or extra:
        raise ModelError(
            f"membrane `{membrane.name}`: "
            + "; ".join(
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("missing", missing), ("unknown", extra))
                if names
            )
        )
    table = np.empty((regions, len(membrane.parameters) + len(recorded.hoisted), size))
    for k, name in enumerate(membrane.parameters):
        values = np.asarray(parameters[name], float)
        if not np.all(np.isfinite(values)):
            raise ModelError(f"membrane `{membrane.name}`: parameter `{name}` is not a finite number")
        if name.startswith("conductance") and np.any(values < 0.0):
            raise ModelError(
                f"membrane `{membrane.name}`: conductance `{name}` is negative; give 0 or more S/cm2"
            )
        table[:, k] = values if values.ndim == 2 else np.broadcast_to(values, (size,))
    known = {node: table[:, k] for k, node in enumerate(recorded.parameters)}
    for k, value in enumerate(_evaluate(recorded.graph, recorded.hoisted, known)):
        table[:, len(membrane.parameters) + k] = value
    return table


def _evaluate(graph: Graph, roots: Sequence[int], known: Mapping[int, Any]) -> list[Any]:
    with np.errstate(all="ignore"):
        return graph.evaluate(roots, known)


def _initial_state(
    membrane: Membrane,
    recorded: Recorded,
    geometry: Geometry,
    initial: Mapping[str, Any],
    table: Array,
    size: int,
) -> Array:
    """[lane, compartment, voltage + gates + pools]; gates not given start at their target."""
    names = ["v", *membrane.gate_names, *membrane.pools]
    for name, values in initial.items():
        if name not in names:
            raise ModelError(
                f"membrane `{membrane.name}` has no `{name}` to start; it has {', '.join(names)}"
            )
        if not np.all(np.isfinite(values)):
            raise ModelError(f"membrane `{membrane.name}`: the initial `{name}` is not a finite number")
    for name in ("v", *membrane.pools):
        if name not in initial:
            raise ModelError(f"membrane `{membrane.name}`: give the initial `{name}`")
    state = np.empty((size, geometry.count, len(names)))
    for k, name in enumerate(names):
        if name in initial:
            values = np.asarray(initial[name], float)
            state[:, :, k] = values if values.ndim == 2 else np.broadcast_to(values, (size,))[:, None]
    known = _known(recorded, state, table, geometry)
    for k, name in enumerate(membrane.gate_names):
        if name not in initial:
            state[:, :, 1 + k] = _evaluate(recorded.graph, [recorded.targets[k]], known)[0]
    return state


def _known(recorded: Recorded, state: Array, table: Array, geometry: Geometry) -> dict[int, Array]:
    gates = len(recorded.gates)
    known = {recorded.voltage: state[:, :, 0]}
    known |= {node: state[:, :, 1 + gates + k] for k, node in enumerate(recorded.pools)}
    known |= {node: table[geometry.region, k].T for k, node in enumerate(recorded.parameters)}
    return known


def _check_step(
    membrane: Membrane, recorded: Recorded, state: Array, table: Array, geometry: Geometry, dt: float
) -> None:
    """Refuse a step of more than COARSEST time constants of the fastest gate anywhere between -80 and +50 mV."""
    for voltage in np.linspace(-80.0, 50.0, 27):
        known = _known(recorded, state[:, :1], table[:1], Geometry(*_first(geometry)))
        known[recorded.voltage] = np.full_like(state[:, :1, 0], voltage)
        rates = _evaluate(recorded.graph, recorded.rates, known)
        for name, rate in zip(membrane.gate_names, rates, strict=True):
            fastest = float(np.max(rate))
            if not np.isfinite(fastest) or np.min(rate) < 0.0:
                raise ModelError(
                    f"membrane `{membrane.name}`: gate `{name}` has no valid rate at {voltage:g} mV"
                )
            if fastest * dt > COARSEST:
                raise ModelError(
                    f"membrane `{membrane.name}`: a step of {dt:g} ms is too coarse for gate `{name}`, whose time constant falls to "
                    f"{1 / fastest:.3g} ms at {voltage:g} mV; take a step of at most {COARSEST / fastest:.2g} ms"
                )


def _first(geometry: Geometry) -> tuple[Any, ...]:
    """The root compartment alone, in region 0."""
    return (
        geometry.parent[:1],
        geometry.length[:1],
        geometry.diameter[:1],
        geometry.resistivity,
        geometry.region[:1] * 0,
        geometry.patch[:1],
    )
