"""Drive of the spinal cord to the brain: people x modulation over hours -> firing of the output neurons.

The cord settles within a second and drugs move over minutes, so at every drug state the drive is the steady state of
the millisecond equations, solved directly. A person's drug states lie on a path; states closer than `resolution`
(greatest move of any node) are not solved again but interpolated linearly along the path, between states that were.
Turning points are always solved. The error of it is measured on a sample that is solved directly as well and comes
with the result; `resolution=0` solves every state. About 10,000 states a second and core. Every state starts
from a silent cord, so a result never depends on the states before it (there is no hysteresis).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analgesia import evidence
from analgesia.engine import draws
from analgesia.engine.network import Network, run
from analgesia.errors import ModelError
from analgesia.evidence.numbers import Number
from analgesia.evidence.provenance import note
from analgesia.spinal.circuit import Circuit, read
from analgesia.spinal.equations import NODES, PERSON, build

Floats = NDArray[np.float64]

STEP = 0.5
"""ms; explicit Euler is stable up to about 2 ms here and has no error at a fixed point."""
SEGMENT = 150.0
"""ms between two looks at whether a lane has settled."""
SEGMENTS = 20
MEMORY = 20.0
"""ms; cap on the time constants of slow gates while a steady state is sought."""
SETTLED = 1e-4
"""Relative change of the drive over one segment below which a lane has settled."""
QUIET = 1e-6
"""1/ms; changes below SETTLED times this are no changes."""
SAMPLE = 64
"""Interpolated states that are solved as well, to measure the error of interpolation."""
CHUNK = 4096
"""Lanes advanced together; bounds memory and changes no result."""


class Afferents(Protocol):
    """What the cord needs to know of people; every array has one entry a person."""

    @property
    def c_fibre_rate(self) -> Floats:
        """Ongoing rate of the C-fibre pool, 1/s."""

    @property
    def a_delta_rate(self) -> Floats:
        """Ongoing rate of the A-delta pool, 1/s."""

    @property
    def a_beta_rate(self) -> Floats:
        """Ongoing rate of the A-beta pool, 1/s."""

    @property
    def chloride_reversal(self) -> Floats:
        """E_Cl, mV."""

    @property
    def alpha2delta_upregulation(self) -> Floats:
        """N-type current added by alpha2delta, as a share of the healthy one."""


@dataclass(frozen=True)
class Drive:
    """Firing in 1/s. `projection` and `wide_dynamic_range` [patient, time]; `resting_*` [patient]: the same person
    without any drug.

    `settled[patient, time]` is False where no steady state was reached or the modulation is not finite (the drive is
    then the last value, or NaN). `interpolation_error` is the greatest relative error measured on the interpolated
    states of this call.
    """

    projection: Floats
    wide_dynamic_range: Floats
    resting_projection: Floats
    resting_wide_dynamic_range: Floats
    settled: NDArray[np.bool_]
    interpolation_error: float

    @property
    def status(self) -> NDArray[np.str_]:
        """Per person `ok`, or what failed."""
        return np.where(self.settled.all(axis=1), "ok", "the cord found no steady state")


@lru_cache(maxsize=8)
def _cord(library: evidence.Library) -> tuple[Network, Circuit, tuple[Number, ...]]:
    with evidence.tally() as used:
        circuit = read(library)
    return build(circuit), circuit, tuple(used.numbers.values())


def cord(library: evidence.Library) -> tuple[Network, Circuit]:
    """Network and constants of the library's dorsal horn; its numbers are noted in every open tally."""
    network, circuit, numbers = _cord(library)
    for number in numbers:
        note(number)
    return network, circuit


def drive(
    people: Afferents,
    modulation: Mapping[str, Any],
    library: evidence.Library,
    *,
    resolution: float = 0.05,
    seed: int = 0,
    replicate: NDArray[np.int64] | None = None,
    threads: int | None = None,
) -> Drive:
    """Steady drive of every person at every time. `modulation`: node -> array [patient, time] between 0 and 1;
    absent nodes are off. `replicate` [patient]: the draw of ignorance under which each person's cord is built
    (constants that state how well they are known, keyed by `ignorance/dorsal_horn.<name>`); without it every
    constant is central.

    Raises ModelError for an unknown node, a wrong shape or a value outside 0..1. Where a modulation is not finite the
    drive is NaN and `settled` False; nobody else is touched.
    """
    network, circuit = cord(library)
    names, person = _lanes(people, circuit, seed, replicate)
    nodes = _nodes(modulation, len(person))
    usable = np.asarray(np.all(np.isfinite(nodes), axis=2))
    safe = np.where(np.expand_dims(usable, 2), nodes, 0.0)
    path = _path(safe)
    knots = _knots(safe, path, resolution)
    sample = _sample(~knots)
    rows, cols = np.nonzero(knots | sample)
    off = np.zeros((len(person), len(NODES)))
    lanes = np.concatenate([np.hstack([person, off]), np.hstack([person[rows], safe[rows, cols]])])
    rates, ok = _steady(network, circuit, [*names, *(f"node.{node}" for node in NODES)], lanes, threads)
    resting, solved = rates[: len(person)], rates[len(person) :]
    fields, errors = [], [0.0]
    for column in range(2):
        exact = np.full(nodes.shape[:2], np.nan)
        exact[rows, cols] = solved[:, column]
        dense = np.stack([np.interp(s, s[k], row[k]) for s, k, row in zip(path, knots, exact, strict=True)])
        if sample.any():
            errors.append(float(np.nanmax(np.abs(dense[sample] / exact[sample] - 1.0))))
        fields.append(np.where(usable, dense, np.nan))
    settled = np.ones(nodes.shape[:2], dtype=bool)
    settled[rows, cols] = ok[len(person) :]
    return Drive(
        fields[0],
        fields[1],
        resting[:, 0],
        resting[:, 1],
        usable & settled & ok[: len(person), None],
        max(errors),
    )


def _lanes(
    people: Afferents, circuit: Circuit, seed: int, replicate: NDArray[np.int64] | None
) -> tuple[list[str], Floats]:
    """Names and values [patient, name] of what differs between lanes, in the units of the cord's clock."""
    per_ms = 1e-3
    columns = [
        np.asarray(people.c_fibre_rate) * per_ms,
        np.asarray(people.a_delta_rate) * per_ms,
        np.asarray(people.a_beta_rate) * per_ms,
        np.asarray(people.chloride_reversal),
        np.asarray(people.alpha2delta_upregulation),
    ]
    names = list(PERSON)
    if replicate is not None and len(replicate):
        count = int(np.max(replicate)) + 1
        for name, spread in circuit.spreads.items():
            luck = draws.normal(seed, f"ignorance/dorsal_horn.{name}", count)[replicate]
            names.append(name)
            columns.append(circuit.values[name] * np.exp(spread * luck))
    return names, np.stack(columns, axis=1).astype(float)


def _nodes(modulation: Mapping[str, Any], patients: int) -> Floats:
    """[patient, time, node] of the mapping."""
    unknown = sorted(set(modulation) - set(NODES))
    if unknown:
        raise ModelError(f"modulation: no node {', '.join(unknown)}; the cord has {', '.join(NODES)}")
    arrays = {name: np.asarray(array, dtype=float) for name, array in modulation.items()}
    times = 1
    for name, array in arrays.items():
        if array.ndim != 2 or array.shape[0] != patients:
            raise ModelError(
                f"modulation {name}: shape {array.shape} instead of [patient, time] with {patients} patients"
            )
        times = array.shape[1]
        low, high = np.nanmin(array, initial=0.0), np.nanmax(array, initial=0.0)
        if low < 0.0 or high > 1.0:
            raise ModelError(
                f"modulation {name}: {low if low < 0.0 else high:g} is outside 0..1; it is a stimulus or an occupancy"
            )
    if len({array.shape for array in arrays.values()}) > 1:
        raise ModelError("modulation: the nodes have different numbers of times")
    return np.stack([arrays.get(node, np.zeros((patients, times))) for node in NODES], axis=2)


def _path(nodes: Floats) -> Floats:
    """[patient, time] length of the way through node space since the first time, in the greatest-move norm."""
    steps = np.abs(np.diff(nodes, axis=1)).max(axis=2)
    return np.concatenate([np.zeros((len(nodes), 1)), np.cumsum(steps, axis=1)], axis=1)


def _knots(nodes: Floats, path: Floats, resolution: float) -> NDArray[np.bool_]:
    """[patient, time] states to solve: first, last, turning points, and one for every `resolution` of way."""
    knots = np.zeros(path.shape, dtype=bool)
    knots[:, [0, -1]] = True
    if resolution <= 0.0:
        return np.ones_like(knots)
    cell = np.floor(path / resolution)
    knots[:, 1:] |= cell[:, 1:] != cell[:, :-1]
    knots[:, :-1] |= cell[:, 1:] > cell[:, :-1] + 1.0
    move = np.sign(np.diff(nodes, axis=1))
    knots[:, 1:-1] |= (move[:, 1:] * move[:, :-1] < 0.0).any(axis=2)
    return knots


def _sample(candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """At most SAMPLE of the candidates, evenly spread over people and times."""
    where = np.flatnonzero(candidates)
    chosen = where[np.unique(np.linspace(0, len(where) - 1, min(SAMPLE, len(where))).astype(int))]
    sample = np.zeros(candidates.size, dtype=bool)
    sample[chosen] = True
    return sample.reshape(candidates.shape)


def _steady(
    network: Network, circuit: Circuit, names: list[str], lanes: Floats, threads: int | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Steady rates [lane, 2] in 1/s and whether each lane settled; equal lanes are solved once."""
    unique, back = np.unique(lanes, axis=0, return_inverse=True)
    back = back.reshape(-1)
    rates, ok = np.empty((len(unique), 2)), np.empty(len(unique), dtype=bool)
    for start in range(0, len(unique), CHUNK):
        part = slice(start, start + CHUNK)
        given = {name: unique[part, k] for k, name in enumerate(names)}
        rates[part], ok[part] = _settle(network, {**circuit.values, **given}, threads)
    return rates[back] * 1e3, ok[back]


def _settle(
    network: Network, given: Mapping[str, Any], threads: int | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Advance lanes from a silent cord, segment by segment, until each has settled. Rates in 1/ms."""
    varied = {name: value for name, value in given.items() if np.ndim(value)}
    lanes = len(next(iter(varied.values())))
    rates = np.full((lanes, 2), np.nan)
    open_lanes, state = np.arange(lanes), None
    busy = np.ones(lanes, dtype=bool)
    for _ in range(SEGMENTS):
        result = run(
            network,
            {**given, **{name: value[open_lanes] for name, value in varied.items()}, "memory": MEMORY},
            dt=STEP,
            duration=SEGMENT,
            record_from=SEGMENT - STEP,
            method="euler",
            initial=state,
            threads=threads,
        )
        new = np.stack([result.output("projection"), result.output("wide_dynamic_range")], axis=1)
        moved = np.abs(new - rates[open_lanes]) > SETTLED * (np.abs(new) + QUIET)
        busy = ~(np.isfinite(rates[open_lanes]) & ~moved).all(axis=1) & result.finite
        rates[open_lanes] = new
        if not busy.any():
            break
        open_lanes = open_lanes[busy]
        state = {name: result.final[busy, k] for k, name in enumerate(network.states)}
        busy = busy[busy]
    ok = np.isfinite(rates).all(axis=1)
    ok[open_lanes[busy]] = False
    return rates, ok
