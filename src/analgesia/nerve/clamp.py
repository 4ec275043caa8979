"""Voltage clamp of one channel: activation, inactivation, recovery, current against voltage.

Gates follow their equations in closed form at a held voltage, g(t) = target + (g0 - target) exp(-rate t), and the shares of a scheme's
states p(t) = exp(Q t) p0, so nothing is integrated.
Protocols (mV, ms): activation from HOLD, steps of STEP_TIME to a range of voltages; inactivation, CONDITION ms at a range of voltages,
then a test step; recovery, CONDITION ms at the test voltage, a gap at HOLD, then the test step. The open probability is reported, and for
current its product with the distance from the ion's reversal potential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analgesia.channels import Channel
from analgesia.engine import units
from analgesia.engine.system import System
from analgesia.errors import ModelError

Array = NDArray[np.float64]

HOLD, TEST = -100.0, 0.0
STEP_TIME, CONDITION = 500.0, 2000.0
SURROUNDINGS: Mapping[str, float] = {
    "Na": 11.4, "Nao": 154.0, "K": 121.7, "Ko": 5.6, "Ca": 2e-4, "Cao": 2.0
}  # fmt: skip
"""Concentrations of a clamped patch, mM: those of the C fibre; calcium of a cell at rest, a little raised."""
REVERSAL: Mapping[str, float] = {
    "sodium": 69.6,
    "potassium": -82.3,
    "calcium": 123.1,
    "cation": -6.0,
    "pump": 0.0,
}
"""mV, the Nernst potentials of those concentrations at 37 degrees; the mixed channel halfway between sodium and potassium."""


@dataclass(frozen=True)
class Clamp:
    """Curves of one channel: voltages (mV) with peak open probability after a step (`activation`), open probability at a test step after
    long conditioning (`inactivation`), current per conductance (`current`, mV); gaps (ms) with recovered share (`recovery`); and
    `steady`: open probability at rest of each voltage; `peak_time` ms.
    """

    voltages: Array
    activation: Array
    peak_time: Array
    steady: Array
    inactivation: Array
    current: Array
    gaps: Array
    recovery: Array


def clamp(channel: Channel, celsius: float = 37.0, voltages: Array | None = None) -> Clamp:
    """Run the protocols on one channel at once for all voltages. Raises `ModelError` where a gate has no finite rate."""
    v = np.linspace(-120.0, 60.0, 181) if voltages is None else np.asarray(voltages, float)
    times = np.concatenate([[0.0], np.geomspace(1e-2, STEP_TIME, 240)])
    held = _steady(channel, np.array([HOLD]), celsius)
    course = _open(channel, _relax(channel, held, v[:, None], times[None, :], celsius), v[:, None])
    peak = np.argmax(course, axis=1)
    activation = course[np.arange(len(v)), peak]
    tested = np.array([TEST])
    conditioned = _relax(channel, held, v, np.full(len(v), CONDITION), celsius)
    after = _relax(channel, _columns(conditioned), tested[:, None], times[None, :], celsius)
    inactivation = _open(channel, after, tested[:, None]).max(axis=1)
    gaps = np.geomspace(0.1, 5000.0, 60)
    used = _relax(channel, held, tested, np.array([CONDITION]), celsius)
    rested = _relax(channel, used, np.array([HOLD]), gaps, celsius)
    again = _relax(channel, _columns(rested), tested[:, None], times[None, :], celsius)
    recovery = _open(channel, again, tested[:, None]).max(axis=1)
    reversal = REVERSAL.get(channel.kind, 0.0)
    steady = _open(channel, _steady(channel, v, celsius), v)
    found = Clamp(
        v, activation, times[peak], steady, inactivation, activation * (v - reversal), gaps, recovery
    )
    for name in ("activation", "steady", "inactivation", "current", "recovery"):
        if not np.all(np.isfinite(getattr(found, name))):
            raise ModelError(f"channel {channel.name}: {name} under voltage clamp is not finite")
    return found


def kinetics(channel: Channel, gate: str, v: Any, celsius: float) -> tuple[Array, Array]:
    """Target and rate (1/ms) of a gate at voltages, refusing what is not finite or negative."""
    with np.errstate(all="ignore"):
        target, rate = channel.kinetics(gate, celsius, V=v, **SURROUNDINGS)
    target, rate = (np.broadcast_to(np.asarray(a, float), np.shape(v)) for a in (target, rate))
    if not (np.all(np.isfinite(target)) and np.all(np.isfinite(rate)) and np.all(rate >= 0.0)):
        raise ModelError(
            f"channel {channel.name}: gate `{gate}` has no valid target and rate everywhere from -120 to 60 mV"
        )
    return target, rate


def time_constants(channel: Channel, v: Array, celsius: float) -> dict[str, Array]:
    """ms at voltages: of each gate its time constant, of each state of a scheme the mean time in it."""
    if not channel.states:
        return {gate: 1.0 / kinetics(channel, gate, v, celsius)[1] for gate in channel.gates}
    matrices = _matrices(channel, v, celsius)
    return {state: -1.0 / matrices[:, k, k] for k, state in enumerate(channel.states)}


def _matrices(channel: Channel, v: Array, celsius: float) -> Array:
    """Q at voltages [voltage, to, from], 1/ms, refusing rates that are not finite or negative."""
    matrices = np.zeros((len(v), len(channel.states), len(channel.states)))
    with np.errstate(all="ignore"):
        scheme = channel.scheme(celsius, V=v, **SURROUNDINGS)
    for (source, target), rate in scheme.rates.items():
        values = np.broadcast_to(np.asarray(rate, float), v.shape)
        if not np.all(np.isfinite(values)) or np.any(values < 0.0):
            raise ModelError(
                f"channel {channel.name}: the rate from {source} to {target} is not valid everywhere from -120 to 60 mV"
            )
        i, j = channel.states.index(source), channel.states.index(target)
        matrices[:, j, i] += values
        matrices[:, i, i] -= values
    return matrices


def check_units(channel: Channel) -> None:
    """Record the channel's equations on symbols and walk them: every unit must fit. Raises `UnitError`."""
    constants = {
        key: unit.replace("cm2", "cm**2")
        for key, unit in channel.units.items()
        if not key.startswith(("q10", "reference"))
    }
    around = {"V": "mV"} | dict.fromkeys(SURROUNDINGS, "mM")

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        bare = Channel(
            channel.name,
            channel.kind,
            channel.gates,
            channel.equations,
            {key: p[key] for key in constants},
            channel.units,
            channel.states,
            channel.transitions,
        )
        surroundings = {key: p[key] for key in around}
        rates = {"unused": 0.0 * p.rate}
        if channel.states:
            return rates | bare.scheme(0.0, **surroundings).flow(
                {state: y[state] for state in channel.states}
            )
        for gate in channel.gates:
            target, rate = bare.kinetics(gate, 0.0, **surroundings)
            rates[gate] = rate * (target - y[gate])
        return rates

    def observe(t: Any, y: Any, p: Any) -> dict[str, Any]:
        known = {key: p[key] for key in (*constants, *around)} | {gate: y[gate] for gate in channel.gates}
        found = {}
        for name in ("open", "available"):
            if name in channel.equations:
                found[name] = channel.equations[name].run(known) + 0.0
        if channel.kind == "pump":
            found["potassium"] = channel.equations["potassium"].run(known)
        return found

    outputs = {name: "1" for name in ("open", "available") if name in channel.equations}
    if channel.kind == "pump":
        outputs["potassium"] = "mA/cm**2"
    units.check(
        System(
            name=channel.name,
            states={"unused": "1", **dict.fromkeys(channel.gates, "1")},
            parameters={"rate": "1/ms", **constants, **around},
            derivatives=derivatives,
            outputs=outputs,
            observe=observe,
            time_unit="ms",
        )
    )


def _steady(channel: Channel, v: Array, celsius: float) -> dict[str, Array]:
    if channel.states:
        _matrices(channel, v, celsius)  # refuses rates that are no rates
        with np.errstate(all="ignore"):
            return channel.rest(celsius, V=v, **SURROUNDINGS)
    return {gate: kinetics(channel, gate, v, celsius)[0] for gate in channel.gates}


def _relax(
    channel: Channel, start: Mapping[str, Array], v: Array, times: Array, celsius: float
) -> dict[str, Array]:
    gates = {}
    if channel.states:
        return _relax_states(channel, start, v, times, celsius)
    for gate in channel.gates:
        target, rate = kinetics(channel, gate, v, celsius)
        gates[gate] = target + (start[gate] - target) * np.exp(-rate * times)
    return gates


def _relax_states(
    channel: Channel, start: Mapping[str, Array], v: Array, times: Array, celsius: float
) -> dict[str, Array]:
    """exp(Q t) p0 by eigenvectors or, where those are too close to each other, by SciPy's exponential."""
    shape = np.broadcast_shapes(np.shape(v), np.shape(times), *(np.shape(p) for p in start.values()))
    shares = np.stack([np.broadcast_to(start[state], shape).ravel() for state in channel.states], axis=-1)
    held, which = np.unique(np.broadcast_to(v, shape).ravel(), return_inverse=True)
    lasting = np.broadcast_to(times, shape).ravel()
    result = np.empty_like(shares)
    for k, matrix in enumerate(_matrices(channel, held, celsius)):
        here = which == k
        speeds, vectors = np.linalg.eig(matrix)
        if np.linalg.cond(vectors) < 1e8:
            parts = np.linalg.solve(vectors, shares[here].T) * np.exp(np.outer(speeds, lasting[here]))
            result[here] = np.real(vectors @ parts).T
        else:
            moved = linalg.expm(matrix * lasting[here][:, None, None])
            result[here] = np.einsum("tij,tj->ti", moved, shares[here])
    result = np.clip(result, 0.0, 1.0)
    return {state: result[:, k].reshape(shape) for k, state in enumerate(channel.states)}


def _columns(gates: Mapping[str, Array]) -> dict[str, Array]:
    return {gate: np.asarray(value)[:, None] for gate, value in gates.items()}


def _open(channel: Channel, gates: Mapping[str, Array], v: Array) -> Array:
    shape = np.broadcast_shapes(np.shape(v), *(np.shape(g) for g in gates.values()))
    return np.broadcast_to(np.asarray(channel.open(gates, V=v, **SURROUNDINGS), float), shape)
