"""One simulation, tile after tile: what the kernel reads laid out, time in stages and blocks, lanes that left the tables run again."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import cache as cache_on_disk
from analgesia.engine import machine
from analgesia.engine.cable import code, tables
from analgesia.engine.cable.along import AlongKernel
from analgesia.engine.cable.geometry import Geometry
from analgesia.engine.cable.layout import INTEGERS, NUMBERS, POINTERS, Layout
from analgesia.engine.cable.membrane import Membrane, Recorded, record
from analgesia.engine.cable.pace import BLOCK, Call, Stage, calls, reach
from analgesia.engine.cable.sheath import kernel_numbers
from analgesia.engine.cable.sheathed import SheathedKernel
from analgesia.engine.compiler import cache_key

Array = NDArray[np.float64]
Precision = Literal["double", "single"]


@dataclass(frozen=True)
class Pulse:
    """A rectangular current into one compartment: nA from `start` for `duration` ms; `amplitude` one number or one per lane."""

    compartment: int
    start: float
    duration: float
    amplitude: float | Array


@cache
def recorded(membrane: Membrane) -> Recorded:
    """A membrane's graph, recorded once."""
    return record(membrane)


@dataclass(frozen=True)
class Kernel:
    """Compiled code of one membrane."""

    layout: Layout
    lanes: int
    along: bool
    real: type
    call: Any
    loaded: machine.Loaded


def compiled(membrane: Membrane, along: bool, form: tables.Form, sheathed: bool = False) -> Kernel:
    """Machine code of a membrane in a form, from the disk where it is known; threads that want the same wait for one to make it."""
    with _compiling:
        return _compiled(membrane, along, form, sheathed)


_compiling = threading.Lock()


@cache
def _compiled(membrane: Membrane, along: bool, form: tables.Form, sheathed: bool) -> Kernel:
    single = form.precision == "single"
    lanes = machine.preferred_lanes() * (2 if single else 1)
    kind = AlongKernel if along else SheathedKernel if sheathed else code.Kernel
    writer = kind(recorded(membrane), lanes, form)
    text = writer.text()
    made = cache_on_disk.stored(cache_key("cable", text), lambda: machine.compile_module(text))
    loaded = machine.Loaded(made)
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(POINTERS))
    call = signature(loaded.address(code.NAME))
    return Kernel(writer.layout, lanes, along, np.float32 if single else np.float64, call, loaded)


@dataclass(frozen=True)
class Output:
    """What one call of a kernel found: spike times [probe, spike, lane], their numbers [probe, lane], voltage [row, probe, lane]."""

    spikes: Array
    counts: NDArray[np.int64]
    trace: Array
    left: int


@dataclass(frozen=True)
class Run:
    """One simulation, of one tile after another."""

    membrane: Membrane
    along: bool
    tables: tables.Tables
    geometry: Geometry
    stages: tuple[Stage, ...]
    sample_every: float | None
    threshold: float
    probes: tuple[int, ...]
    pulses: tuple[Pulse, ...]

    def _kernel(self, tabulated: bool) -> Kernel:
        form = self.tables.form
        return compiled(self.membrane, self.along, form if tabulated else form.direct(), self.sheathed)

    @property
    def sheathed(self) -> bool:
        """Whether the cable has a second layer."""
        return self.geometry.sheath is not None

    @property
    def lanes(self) -> int:
        """Lanes of a vector."""
        form = self.tables.form
        return machine.preferred_lanes() * (2 if form.precision == "single" else 1)

    @property
    def real(self) -> type:
        """Type of the numbers the kernel computes with."""
        return np.float32 if self.tables.form.precision == "single" else np.float64

    @property
    def layout(self) -> Layout:
        """Where a compartment's vectors lie."""
        r, form = recorded(self.membrane), self.tables.form
        return Layout.of(r, form, self.sheathed)

    @property
    def width(self) -> int:
        """Neurites that run together."""
        return 1 if self.along else self.lanes

    def _calls(self, number: int) -> Iterator[Call]:
        return calls(self.stages, number, self.tables.form.pace)

    @property
    def blocks(self) -> int:
        """Number of calls of the kernel per tile."""
        return sum(len(list(self._calls(number))) for number in range(len(self.stages)))

    def _every(self, stage: Stage) -> int:
        return max(1, round((self.sample_every or stage.duration + stage.dt) / stage.dt))

    def sample_times(self) -> Array:
        """ms of the voltage samples."""
        parts: list[Array] = []
        start = 0.0
        for stage in self.stages:
            parts.append(start + np.arange(0, stage.steps, self._every(stage), dtype=np.float64) * stage.dt)
            start += stage.steps * stage.dt
        return np.concatenate([np.zeros(0), *parts])

    def _numbers(self, stage: Stage, call: Call) -> Array:
        """What the kernel must know of the method; see `layout.NUMBERS`."""
        lowest, highest = tables.span(self.tables.form)
        ahead = reach(stage, call.every) / (call.every * stage.dt)
        given = {
            "dt": stage.dt,
            "half": stage.dt / 2 if stage.centred else stage.dt,
            "now": 1.0 + ahead,
            "before": ahead,
            "threshold": self.threshold,
            "reach": 2.0 if stage.centred else 1.0,
            "gates": call.move.short,
            "rarely": call.move.long,
            "long": call.every * stage.dt,
            "share": call.apart / call.every,
            "lowest": lowest,
            "highest": highest,
        }
        return np.array([given[name] for name in NUMBERS])

    def tile(
        self, table: Array, state: Array, ratio: Array, lanes: NDArray[np.int64], count: Callable[[], None]
    ) -> tuple[Any, ...]:
        """Run some lanes through every stage: spikes, voltage [lane, probe, sample], final state."""
        arrays, block = self._laid_out(table, state, ratio, lanes)
        spikes: list[list[list[Array]]] = [[[] for _ in self.probes] for _ in lanes]
        traces = [np.zeros((0, len(self.probes), self.width))]
        real = (1 << len(lanes)) - 1
        start = 0.0
        for number, stage in enumerate(self.stages):
            tabulated = self.tables.form.tabulated and not stage.quiet
            kernel = self._kernel(tabulated)
            for call in self._calls(number):
                given = arrays | self._given(stage, start, call)
                before = aligned(block, self.real) if tabulated else block
                left = self._outside(block) if tabulated else 0
                found = self._call(kernel, given | {"state": block}, stage, call, left)
                if found.left & (-1 if self.along else real):
                    again = self._call(self._kernel(False), given | {"state": before}, stage, call)
                    found = self._merged(block, before, found, again)
                traces.append(found.trace)
                for k in range(len(self.probes)):
                    for lane in range(len(lanes)):
                        if found.counts[k, lane]:
                            spikes[lane][k].append(found.spikes[k, : found.counts[k, lane], lane].copy())
                count()
            start += stage.steps * stage.dt
        found_spikes = tuple(
            tuple(np.concatenate([np.zeros(0), *part]) for part in spikes[lane]) for lane in range(len(lanes))
        )
        voltage = np.concatenate(traces).transpose(2, 1, 0)[: len(lanes)]
        return found_spikes, voltage, self._gathered(block, len(lanes))

    def _given(self, stage: Stage, start: float, call: Call) -> dict[str, Any]:
        """Arrays that differ from call to call."""
        real = self.real
        coefficients = self.tables.numbers.get(call.move, np.zeros(1))
        return {
            "wave": self._wave(start + call.first * stage.dt, call.steps, stage.dt).astype(real),
            "numbers": self._numbers(stage, call).astype(real),
            "clock": np.array([stage.dt, start]),
            "tables": aligned(coefficients, real),
            "grid": self.tables.grid.astype(real),
        }

    def _outside(self, block: Array) -> int:
        """Bits of the lanes that begin a call outside the tables: the kernel looks at the voltage after each step alone."""
        lowest, highest = tables.span(self.tables.form)
        inside = np.all((block[:, 0] >= lowest) & (block[:, 0] < highest), axis=0)
        return sum(1 << int(lane) for lane in np.flatnonzero(~inside))

    def _call(
        self, kernel: Kernel, given: dict[str, Any], stage: Stage, call: Call, outside: int = 0
    ) -> Output:
        """One call of a kernel; `outside`: bits of the lanes known to have left the tables."""
        width, every, probes = self.width, self._every(stage), len(self.probes)
        first, steps = call.first, call.steps
        capacity = min(BLOCK, steps) // 2 + 1  # upward crossings lie at least two steps apart
        rows = -(-(first + steps) // every) - -(-first // every)
        shape = (given["state"].shape[0] * (kernel.lanes if kernel.along else 1), steps, len(self.pulses))
        buffer = np.zeros((probes, capacity, width))
        counts = np.zeros((probes, width), np.int64)
        trace = aligned(np.zeros((rows, probes, width)), kernel.real)
        left = np.full(1, outside, np.int64)
        arrays = given | {
            "spikes": buffer, "counts": counts, "trace": trace, "left": left,
            "sizes": np.array([*shape, probes, capacity, every, first, call.every, call.apart], np.int64),
        }  # fmt: skip
        kernel.call(*[arrays[name].ctypes.data for name in POINTERS])
        return Output(buffer, counts, trace.astype(np.float64), int(left[0]))

    def _merged(self, block: Array, again: Array, table: Output, direct: Output) -> Output:
        """Lanes that left the tables as the equations give them, the others as they were; `block` is changed in place."""
        if self.along:
            block[:] = again
            return direct
        lanes = np.array([bool(table.left >> lane & 1) for lane in range(self.lanes)])
        block[..., lanes] = again[..., lanes]
        return Output(
            np.where(lanes, direct.spikes, table.spikes),
            np.where(lanes, direct.counts, table.counts),
            np.where(lanes, direct.trace, table.trace),
            0,
        )

    def _laid_out(
        self, table: Array, state: Array, ratio: Array, lanes: NDArray[np.int64]
    ) -> tuple[dict[str, Any], Array]:
        """Arrays as the kernel reads them; a tile of lanes is filled up with copies of its last one."""
        geometry, layout, width = self.geometry, self.layout, self.lanes
        live = layout.live
        up, down = geometry.couplings()
        where = np.array([pulse.compartment for pulse in self.pulses], np.int64)
        amplitude = np.array(
            [np.broadcast_to(np.asarray(pulse.amplitude, float), (len(ratio),)) for pulse in self.pulses]
        ).reshape(-1, len(ratio))
        amplitude = amplitude * 1e-6 / geometry.area[where][:, None]
        parent, patch, region = geometry.parent, geometry.patch.astype(float), geometry.region
        if self.along:
            lane, extra = int(lanes[0]), -geometry.count % width
            groups = (geometry.count + extra) // width
            filled = np.concatenate([np.arange(geometry.count), np.full(extra, geometry.count - 1)])
            block = np.zeros((groups, layout.size, width))
            block[:, live] = state[lane, filled].reshape(groups, width, len(live)).transpose(0, 2, 1)
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
            block[:, live] = state[chosen].transpose(1, 2, 0)
            parameters = table[:, :, chosen]
            amplitude = amplitude[:, chosen]
            scale = np.array([ratio[chosen], 1.0 / ratio[chosen]])
            axial = np.zeros(1)
        arrays = {
            "state": block, "parameters": parameters, "up": up, "down": down, "parent": parent.astype(np.int64),
            "region": region.astype(np.int64), "patch": patch, "axial": axial, "amplitude": amplitude, "site": where,
            "probe": np.array(self.probes, np.int64), "scale": scale,
            "sheath": kernel_numbers(geometry),
        }  # fmt: skip
        plain = {
            name: aligned(array, np.int64 if name in INTEGERS else self.real)
            for name, array in arrays.items()
        }
        return plain, plain["state"]

    def _gathered(self, block: Array, lanes: int) -> Array:
        """[lane, compartment, state], the state as in `Layout.live`."""
        live = block[:, self.layout.live].astype(np.float64)
        if self.along:
            return live.transpose(0, 2, 1).reshape(1, -1, live.shape[1])[:, : self.geometry.count].copy()
        return live.transpose(2, 0, 1)[:lanes].copy()

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


def aligned(array: Any, kind: type) -> NDArray[Any]:
    """A contiguous copy that starts at a cache line, so that no vector lies across two."""
    given = np.asarray(array)
    room = np.empty(given.size * np.dtype(kind).itemsize + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy: NDArray[Any] = (
        room[start : start + given.size * np.dtype(kind).itemsize].view(kind).reshape(given.shape)
    )
    copy[...] = given
    return copy
