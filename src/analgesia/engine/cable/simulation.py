"""Run a membrane on a geometry: lanes gathered in tiles, tiles over threads, time in stages and blocks with progress between them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable import checks, tables
from analgesia.engine.cable.checks import SPACE
from analgesia.engine.cable.geometry import Geometry
from analgesia.engine.cable.membrane import Membrane, Recorded
from analgesia.engine.cable.pace import Method, Stage, even, moves, pace
from analgesia.engine.cable.run import Array, Precision, Pulse, Run, recorded


@dataclass(frozen=True)
class CableResult:
    """Spike times and voltages at the probes.

    `spikes[lane][probe]`: ms of upward threshold crossings. `voltage`: mV [lane, probe, sample], `times`: ms of the samples.
    `finite[lane]`: False where the solution left the finite numbers; such a lane has no spikes after that.
    `final`: state [lane, compartment, voltage + gates + pools (+ potential of the periaxonal space)], with which a run can go on.
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
    precision: Precision = "double",
    long_steps: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CableResult:
    """Advance every lane from `initial` for `duration` ms in steps of `dt` ms, or through `stages`.

    `parameters[name]`: a number, one per lane `[lanes]`, or `[regions, lanes]` where `geometry.region` uses several.
    `initial`: voltage as `"v"` (mV) and every gate and pool; a number, `[lanes]` or `[lanes, compartments]`. Gates that are
    absent start at their target for the initial voltage; in a sheath `"space"` is the potential of the periaxonal space (mV, 0 if absent).
    `diameter_ratio`: lane's diameter over that of the geometry
    (couplings scale with it, injected current density with its inverse; pools must take it from a parameter). `along`: vectors run
    along each neurite instead of across neurites, several times faster for a few of them, equal up to rounding.
    `precision`: "single" computes in 32 bits with twice the lanes; spikes keep their times to 1e-3 ms and slowing by activity to
    0.01 % on the C fibre and on Rallpack 3 over 250 ms (tests). It is refused where an equation of the membrane is off by more
    than `checks.CUT` in 32 bits. A cable with a sheath runs across neurites, in double precision, with one diameter.

    Raises `ModelError` for missing or non-finite input, a step too coarse for the fastest gate, a probe outside.
    """
    plan = [Stage(duration, dt, method)] if stages is None else list(stages)
    size = checks.lane_count(parameters, initial, diameter_ratio, lanes)
    checks.check_stages(plan)
    checks.check_places(geometry, probes, pulses)
    checks.check_parameters(membrane, parameters)
    checks.check_initial(membrane, initial, geometry.sheath is not None)
    checks.check_precision(precision)
    if geometry.sheath is not None:
        checks.check_sheathed(along, precision, diameter_ratio)
    written = recorded(membrane)
    table = _parameter_table(membrane, written, geometry, parameters, size)
    state = _initial_state(membrane, written, geometry, initial, table, size)
    each = np.unique(geometry.region, return_index=True)[1]  # one compartment of every region
    known = _known(written, state[:, each], table, geometry.region[each])
    for step in {stage.dt for stage in plan if not stage.quiet}:
        checks.check_step(membrane, written, known, step)
    if precision == "single":
        checks.check_single(membrane, written, known)
    ratio = np.broadcast_to(np.asarray(diameter_ratio, float), (size,))
    rhythm = pace(written, table, known, plan) if long_steps else even(written)
    fitted = tables.tabulate(written, table, precision, moves(plan, rhythm), rhythm)
    run = Run(
        membrane, along, fitted, geometry, tuple(plan), sample_every, threshold, tuple(probes), tuple(pulses)
    )
    tiles = [np.arange(first, min(first + run.width, size)) for first in range(0, size, run.width)]
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
    """[lane, compartment, voltage + gates + pools + periaxonal space]; gates not given start at their target, the space at 0."""
    names = ["v", *membrane.gate_names, *membrane.pools, *([SPACE] if geometry.sheath is not None else [])]
    state = np.zeros((size, geometry.count, len(names)))
    for k, name in enumerate(names):
        if name in initial:
            values = np.asarray(initial[name], float)
            state[:, :, k] = values if values.ndim == 2 else np.broadcast_to(values, (size,))[:, None]
    missing = [k for k, name in enumerate(membrane.gate_names) if name not in initial]
    apart = any(np.ndim(values) == 2 for values in initial.values())
    region = (
        np.arange(geometry.count) if apart else geometry.region
    )  # compartments that start alike are worked out once
    _, some, which = np.unique(region, return_index=True, return_inverse=True)
    few = state[:, some]
    for _ in range(2):  # a gate's target may depend on gates that relax by themselves
        known = _known(recorded, few, table, geometry.region[some])
        with np.errstate(all="ignore"):
            targets = recorded.graph.evaluate([recorded.targets[k] for k in missing], known)
        for k, target in zip(missing, targets, strict=True):
            few[:, :, 1 + k] = target
    return np.asarray(few[:, which])


def _known(recorded: Recorded, state: Array, table: Array, region: NDArray[np.int64]) -> dict[int, Array]:
    """Voltage, gates, pools and parameters by node, each [lane, compartment]."""
    gates = len(recorded.gates)
    known = {recorded.voltage: state[:, :, 0]}
    known |= {node: state[:, :, 1 + k] for k, node in enumerate(recorded.gates)}
    known |= {node: state[:, :, 1 + gates + k] for k, node in enumerate(recorded.pools)}
    known |= {node: table[region, k].T for k, node in enumerate(recorded.parameters)}
    return known
