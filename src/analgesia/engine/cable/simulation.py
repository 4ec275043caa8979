"""Run a membrane on a geometry: lanes gathered in tiles, tiles over threads, time in stages and blocks with progress between them."""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import cache as cache_on_disk
from analgesia.engine import machine
from analgesia.engine.cable import checks, code
from analgesia.engine.cable.along import AlongKernel
from analgesia.engine.cable.geometry import Geometry
from analgesia.engine.cable.membrane import Membrane, Recorded, record

Array = NDArray[np.float64]
Method = Literal["crank-nicolson", "backward-euler"]

BLOCK = 2000
"""Steps between two looks at progress; spikes of one block must fit the buffer, which therefore never overflows."""
MAX_RATE = 0.5
"""No neurite crosses the threshold more often than once in two steps, so a block has at most BLOCK / 2 upward crossings."""


@dataclass(frozen=True)
class Pulse:
    """A rectangular current into one compartment: nA from `start` for `duration` ms; `amplitude` one number or one per lane."""

    compartment: int
    start: float
    duration: float
    amplitude: float | Array


@dataclass(frozen=True)
class Stage:
    """A stretch of time run with one step: ms, ms. `quiet` says that nothing fires in it, so that a coarse step may pass."""

    duration: float
    dt: float
    method: Method = "crank-nicolson"
    quiet: bool = False


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
    initial: Mapping[str, float | Array],
    duration: float = 0.0,
    dt: float = 0.025,
    method: Method = "crank-nicolson",
    stages: Sequence[Stage] | None = None,
    pulses: Sequence[Pulse] = (),
    probes: Sequence[int] = (),
    threshold: float = -10.0,
    sample_every: float | None = None,
    diameter_ratio: float | Array = 1.0,
    lanes: int | None = None,
    along: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CableResult:
    """Advance every lane from `initial` for `duration` ms in steps of `dt` ms, or through `stages`.

    `parameters[name]`: a number, one per lane `[lanes]`, or `[regions, lanes]` where `geometry.region` uses several.
    `initial`: voltage as `"v"` (mV) and every gate and pool; a number, `[lanes]` or `[lanes, compartments]`. Gates that are
    absent start at their target for the initial voltage. `diameter_ratio`: lane's diameter over that of the geometry
    (couplings scale with it, injected current density with its inverse; pools must take it from a parameter). `along`: vectors run
    along each neurite instead of across neurites, several times faster for a few of them, equal up to rounding.

    Raises `ModelError` for missing or non-finite input, a step too coarse for the fastest gate, a probe outside.
    """
    plan = [Stage(duration, dt, method)] if stages is None else list(stages)
    size = checks.lane_count(parameters, initial, diameter_ratio, lanes)
    checks.check_stages(plan)
    checks.check_places(geometry, probes, pulses)
    checks.check_parameters(membrane, parameters)
    checks.check_initial(membrane, initial)
    kernel = _compiled(membrane, along)
    table = _parameter_table(membrane, kernel.recorded, geometry, parameters, size)
    state = _initial_state(membrane, kernel.recorded, geometry, initial, table, size)
    known = _known(kernel.recorded, state[:, :1], table, geometry.region[:1])
    for step in {stage.dt for stage in plan if not stage.quiet}:
        checks.check_step(membrane, kernel.recorded, known, step)
    ratio = np.broadcast_to(np.asarray(diameter_ratio, float), (size,))
    run = _Run(kernel, geometry, tuple(plan), sample_every, threshold, tuple(probes), tuple(pulses))
    width = 1 if kernel.along else kernel.lanes
    tiles = [np.arange(first, min(first + width, size)) for first in range(0, size, width)]
    total, done = len(tiles) * max(run.blocks, 1), 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    def one(tile: NDArray[np.int64]) -> tuple[Any, ...]:
        return run.tile(table, state, ratio, tile, count)

    workers = min(threads or os.cpu_count() or 1, len(tiles))
    if workers == 1:
        parts = [one(tile) for tile in tiles]
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(one, tiles))
    finals = np.concatenate([part[2] for part in parts])
    return CableResult(
        tuple(probes),
        tuple(spikes for part in parts for spikes in part[0]),
        run.sample_times(),
        np.concatenate([part[1] for part in parts]),
        np.isfinite(finals).all(axis=(1, 2)),
        finals,
    )


@dataclass(frozen=True)
class _Kernel:
    recorded: Recorded
    layout: code.Layout
    lanes: int
    along: bool
    call: Any
    loaded: machine.Loaded


@cache
def _compiled(membrane: Membrane, along: bool) -> _Kernel:
    recorded = record(membrane)
    lanes = machine.preferred_lanes()
    writer = (AlongKernel if along else code.Kernel)(recorded, lanes)
    text = writer.text()
    key = hashlib.blake2b(f"cable {machine.description()} {text}".encode(), digest_size=20).hexdigest()
    loaded = machine.Loaded(cache_on_disk.stored(key, lambda: machine.compile_module(text)))
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(code.POINTERS))
    return _Kernel(recorded, writer.layout, lanes, along, signature(loaded.address(code.NAME)), loaded)


@dataclass(frozen=True)
class _Run:
    """One simulation, of one tile after another."""

    kernel: _Kernel
    geometry: Geometry
    stages: tuple[Stage, ...]
    sample_every: float | None
    threshold: float
    probes: tuple[int, ...]
    pulses: tuple[Pulse, ...]

    @property
    def blocks(self) -> int:
        """Number of calls of the kernel per tile."""
        return sum(-(-_steps(stage) // BLOCK) for stage in self.stages)

    def _every(self, stage: Stage) -> int:
        return max(1, round((self.sample_every or stage.duration + stage.dt) / stage.dt))

    def sample_times(self) -> Array:
        """ms of the voltage samples."""
        parts: list[Array] = []
        start = 0.0
        for stage in self.stages:
            parts.append(start + np.arange(0, _steps(stage), self._every(stage), dtype=np.float64) * stage.dt)
            start += _steps(stage) * stage.dt
        return np.concatenate([np.zeros(0), *parts])

    def _numbers(self, stage: Stage, start: float, first: bool) -> Array:
        """What the kernel must know of the method; see `code.NUMBERS`."""
        centred = stage.method == "crank-nicolson"
        given = {
            "dt": stage.dt,
            "half": stage.dt / 2 if centred else stage.dt,
            "now": 1.5 if centred else 1.0,
            "before": 0.5 if centred else 0.0,
            "threshold": self.threshold,
            "reflect": 1.0 if centred else 0.0,
            "lead": (stage.dt / 2 if centred else 0.0) if first else stage.dt,
            "origin": start,
        }
        return np.array([given[name] for name in code.NUMBERS])

    def tile(
        self, table: Array, state: Array, ratio: Array, lanes: NDArray[np.int64], count: Callable[[], None]
    ) -> tuple[Any, ...]:
        """Run some lanes through every stage: spikes, voltage [lane, probe, sample], final state."""
        arrays, block = self._laid_out(table, state, ratio, lanes)
        width = 1 if self.kernel.along else self.kernel.lanes
        spikes: list[list[list[Array]]] = [[[] for _ in self.probes] for _ in lanes]
        traces = [np.zeros((0, len(self.probes), width))]
        capacity = int(BLOCK * MAX_RATE) + 1
        buffer = np.zeros((len(self.probes), capacity, width))
        start = 0.0
        for number, stage in enumerate(self.stages):
            every = self._every(stage)
            numbers = self._numbers(stage, start, number == 0)
            for first in range(0, _steps(stage), BLOCK):
                steps = min(BLOCK, _steps(stage) - first)
                counts = np.zeros((len(self.probes), width), np.int64)
                rows = -(-(first + steps) // every) - -(-first // every)
                trace = np.zeros((rows, len(self.probes), width))
                shape = (
                    block.shape[0] * (self.kernel.lanes if self.kernel.along else 1),
                    steps,
                    len(self.pulses),
                )
                sizes = np.array([*shape, len(self.probes), capacity, every, first], np.int64)
                given = arrays | {
                    "wave": self._wave(start + first * stage.dt, steps, stage.dt),
                    "spikes": buffer, "counts": counts, "trace": trace, "numbers": numbers, "sizes": sizes,
                }  # fmt: skip
                self.kernel.call(*[given[name].ctypes.data for name in code.POINTERS])
                traces.append(trace)
                for k in range(len(self.probes)):
                    for lane in range(len(lanes)):
                        if counts[k, lane]:
                            spikes[lane][k].append(buffer[k, : counts[k, lane], lane].copy())
                count()
            start += _steps(stage) * stage.dt
        found = tuple(
            tuple(np.concatenate([np.zeros(0), *part]) for part in spikes[lane]) for lane in range(len(lanes))
        )
        voltage = np.concatenate(traces).transpose(2, 1, 0)[: len(lanes)]
        return found, voltage, self._gathered(block, len(lanes))

    def _laid_out(
        self, table: Array, state: Array, ratio: Array, lanes: NDArray[np.int64]
    ) -> tuple[dict[str, Any], Array]:
        """Arrays as the kernel reads them; a tile of lanes is filled up with copies of its last one."""
        kernel, geometry = self.kernel, self.geometry
        width, layout = kernel.lanes, kernel.layout
        live = 1 + layout.gates + layout.pools
        up, down = geometry.couplings()
        where = np.array([pulse.compartment for pulse in self.pulses], np.int64)
        amplitude = np.array(
            [np.broadcast_to(np.asarray(pulse.amplitude, float), (len(ratio),)) for pulse in self.pulses]
        ).reshape(-1, len(ratio))
        amplitude = amplitude * 1e-6 / geometry.area[where][:, None]
        parent, patch, region = geometry.parent, geometry.patch.astype(float), geometry.region
        if kernel.along:
            lane, extra = int(lanes[0]), -geometry.count % width
            groups = (geometry.count + extra) // width
            filled = np.concatenate([np.arange(geometry.count), np.full(extra, geometry.count - 1)])
            block = np.zeros((groups, layout.size, width))
            block[:, :live] = state[lane, filled].reshape(groups, width, live).transpose(0, 2, 1)
            parameters = table[region[filled], :, lane].reshape(groups, width, -1).transpose(0, 2, 1)
            up, down = (np.concatenate([a * ratio[lane], np.zeros(extra)]) for a in (up, down))
            parent = np.concatenate([parent, np.zeros(extra, np.int64)])
            patch = np.concatenate([patch, np.ones(extra)])
            axial = up + np.bincount(np.maximum(parent, 0), down, minlength=len(up))
            amplitude = amplitude[:, lane] / ratio[lane]
            scale = np.ones((2, width))
        else:
            chosen = np.concatenate([lanes, np.full(width - len(lanes), lanes[-1])])
            block = np.zeros((geometry.count, layout.size, width))
            block[:, :live] = state[chosen].transpose(1, 2, 0)
            parameters = table[:, :, chosen]
            amplitude = amplitude[:, chosen]
            scale = np.array([ratio[chosen], 1.0 / ratio[chosen]])
            axial = np.zeros(1)
        arrays = {
            "state": block, "parameters": parameters, "up": up, "down": down, "parent": parent.astype(np.int64),
            "region": region.astype(np.int64), "patch": patch, "axial": axial, "amplitude": amplitude, "site": where,
            "probe": np.array(self.probes, np.int64), "scale": scale,
        }  # fmt: skip
        return {name: np.ascontiguousarray(array) for name, array in arrays.items()}, block

    def _gathered(self, block: Array, lanes: int) -> Array:
        """[lane, compartment, voltage + gates + pools]."""
        live = 1 + self.kernel.layout.gates + self.kernel.layout.pools
        if self.kernel.along:
            return block[:, :live].transpose(0, 2, 1).reshape(1, -1, live)[:, : self.geometry.count].copy()
        return block[:, :live].transpose(2, 0, 1)[:lanes].copy()

    def _wave(self, start: float, steps: int, dt: float) -> Array:
        """Share of each step during which each pulse is on."""
        edges = start + np.arange(steps + 1) * dt
        wave = np.zeros((len(self.pulses), steps))
        for k, pulse in enumerate(self.pulses):
            overlap = np.minimum(edges[1:], pulse.start + pulse.duration) - np.maximum(
                edges[:-1], pulse.start
            )
            wave[k] = np.clip(overlap / dt, 0.0, 1.0)
        return wave


def _steps(stage: Stage) -> int:
    return round(stage.duration / stage.dt)


def _parameter_table(
    membrane: Membrane, recorded: Recorded, geometry: Geometry, parameters: Mapping[str, Any], size: int
) -> Array:
    """[region, parameter + hoisted, lane]."""
    regions = int(geometry.region.max()) + 1
    table = np.empty((regions, len(membrane.parameters) + len(recorded.hoisted), size))
    for k, name in enumerate(membrane.parameters):
        values = np.asarray(parameters[name], float)
        table[:, k] = values if values.ndim == 2 else np.broadcast_to(values, (size,))
    known = {node: table[:, k] for k, node in enumerate(recorded.parameters)}
    with np.errstate(all="ignore"):
        for k, value in enumerate(recorded.graph.evaluate(recorded.hoisted, known)):
            table[:, len(membrane.parameters) + k] = value
    return table


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
    state = np.zeros((size, geometry.count, len(names)))
    for k, name in enumerate(names):
        if name in initial:
            values = np.asarray(initial[name], float)
            state[:, :, k] = values if values.ndim == 2 else np.broadcast_to(values, (size,))[:, None]
    missing = [k for k, name in enumerate(membrane.gate_names) if name not in initial]
    for _ in range(2):  # a gate's target may depend on gates that relax by themselves
        known = _known(recorded, state, table, geometry.region)
        with np.errstate(all="ignore"):
            targets = recorded.graph.evaluate([recorded.targets[k] for k in missing], known)
        for k, target in zip(missing, targets, strict=True):
            state[:, :, 1 + k] = target
    return state


def _known(recorded: Recorded, state: Array, table: Array, region: NDArray[np.int64]) -> dict[int, Array]:
    """Voltage, gates, pools and parameters by node, each [lane, compartment]."""
    gates = len(recorded.gates)
    known = {recorded.voltage: state[:, :, 0]}
    known |= {node: state[:, :, 1 + k] for k, node in enumerate(recorded.gates)}
    known |= {node: state[:, :, 1 + gates + k] for k, node in enumerate(recorded.pools)}
    known |= {node: table[region, k].T for k, node in enumerate(recorded.parameters)}
    return known
