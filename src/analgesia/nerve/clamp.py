"""Voltage clamp of one channel: activation, inactivation, recovery, deactivation, current against voltage; what opens it but voltage.

Gates follow their equations in closed form at a held voltage, g(t) = target + (g0 - target) exp(-rate t), and the shares of a scheme's
states p(t) = exp(Q t) p0, so nothing is integrated.
Protocols (mV, ms), for channels that depolarisation opens, and (in brackets) for those that hyperpolarisation opens:

    activation      from -100 [0], steps of STEP_TIME to a range of voltages; the peak [the value after CONDITION]
    inactivation    CONDITION at a range of voltages, then a step to 0; where the file's `available` names gates
    recovery        CONDITION at 0, a gap at -100, then a step to 0; where the file's `available` names gates
    deactivation    at 0 [-120] to the peak, or for CONDITION where nothing inactivates; then back at -100 [0]

The open probability is reported, and for current its product with the distance from the ion's reversal potential. What voltage does not
open alone is shown against the concentration that does (`against`).
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
HOLD_OPEN_BELOW, TEST_OPEN_BELOW = 0.0, -120.0
"""mV, for a channel that hyperpolarisation opens."""
TINY = 1e-300
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


OPENERS: Mapping[str, tuple[float, float]] = {"Ca": (1e-5, 0.1), "Na": (1.0, 200.0), "Ko": (0.5, 50.0)}
"""Concentrations (mM) over which a channel that they open is shown: calcium and sodium inside, potassium outside."""


@dataclass(frozen=True)
class Clamp:
    """Curves of one channel, held at `hold` and tested at `test` (mV).

    Against `voltages` (mV): open probability after a step (`activation`, reached `peak_time` ms after it), at rest of each voltage
    (`steady`) and at a test step after long conditioning (`inactivation`, None for a channel that does not inactivate); `current` over
    conductance (mV). Against `gaps` (ms): open probability at the second of two steps (`recovery`, None likewise) and, after the return
    from a step, its share of that at the end of the step (`deactivation`).
    """

    voltages: Array
    activation: Array
    peak_time: Array
    steady: Array
    inactivation: Array | None
    current: Array
    gaps: Array
    recovery: Array | None
    deactivation: Array
    hold: float
    test: float


def clamp(channel: Channel, celsius: float = 37.0, voltages: Array | None = None) -> Clamp:
    """Run the protocols on one channel at once for all voltages. Raises `ModelError` where a gate has no finite rate, and for a pump."""
    if channel.kind == "pump":
        raise ModelError(f"{channel.name} is a pump: it has no gates to clamp")
    v = np.linspace(-120.0, 60.0, 181) if voltages is None else np.asarray(voltages, float)
    gaps = np.geomspace(0.005, 5000.0, 100)
    steady = _open(channel, _steady(channel, v, celsius), v)
    below = bool(np.all(np.diff(steady) <= 0.0) and steady[0] > steady[-1])
    hold, test = (HOLD_OPEN_BELOW, TEST_OPEN_BELOW) if below else (HOLD, TEST)
    times = np.concatenate([[0.0], np.geomspace(1e-2, STEP_TIME, 240)])
    held, tested = _steady(channel, np.array([hold]), celsius), np.array([test])

    def courses(start: Mapping[str, Array], at: Array) -> Array:
        """Open probability [voltage, time] after a step."""
        gates = _relax(channel, start, at[:, None], times[None, :], celsius)
        return np.broadcast_to(_open(channel, gates, at[:, None]), (_rows(start, at), len(times)))

    def tested_after(start: Mapping[str, Array]) -> Array:
        return courses(_columns(start), tested).max(axis=1)

    if below:
        after = _relax(channel, held, v, np.full(len(v), CONDITION), celsius)
        activation, peak_time = _open(channel, after, v), np.full(len(v), CONDITION)
    else:
        course = courses(held, v)
        peak = np.argmax(course, axis=1)
        activation, peak_time = course[np.arange(len(v)), peak], times[peak]
    inactivation = recovery = None
    lasting = CONDITION
    if channel.inactivates:
        inactivation = tested_after(_relax(channel, held, v, np.full(len(v), CONDITION), celsius))
        used = _relax(channel, held, tested, np.array([CONDITION]), celsius)
        recovery = tested_after(_relax(channel, used, np.array([hold]), gaps, celsius))
        lasting = float(times[np.argmax(courses(held, tested)[0])])
    opened = _relax(channel, held, tested, np.array([lasting]), celsius)
    closing = _relax(channel, opened, np.array([hold]), gaps, celsius)
    before = max(float(_open(channel, opened, tested)[0]), TINY)
    deactivation = np.broadcast_to(_open(channel, closing, np.array([hold])), gaps.shape) / before
    current = activation * (v - REVERSAL.get(channel.kind, 0.0))
    found = Clamp(
        v, activation, peak_time, steady, inactivation, current, gaps, recovery, deactivation, hold, test
    )
    for name in ("activation", "steady", "inactivation", "current", "recovery", "deactivation"):
        curve = getattr(found, name)
        if curve is not None and not np.all(np.isfinite(curve)):
            raise ModelError(f"channel {channel.name}: {name} under voltage clamp is not finite")
    return found


def openers(channel: Channel) -> tuple[str, ...]:
    """What opens the channel (or drives the pump) but voltage, of OPENERS."""
    return tuple(ion for ion in OPENERS if ion in channel.surroundings)


def against(channel: Channel, ion: str, voltage: float = 0.0, celsius: float = 37.0) -> tuple[Array, Array]:
    """Concentrations (mM) of an ion of OPENERS and, at rest of a held `voltage` (mV), the open probability; of a pump the current that
    potassium carries (mA/cm2). The other concentrations are those of SURROUNDINGS. Raises `ModelError` where it is not finite.
    """
    low, high = OPENERS[ion]
    amounts = np.geomspace(low, high, 121)
    around = {**SURROUNDINGS, "V": np.full(amounts.shape, voltage), ion: amounts}
    with np.errstate(all="ignore"):
        if channel.kind == "pump":
            found = channel.flow("potassium", **around)
        else:
            found = channel.open(channel.rest(celsius, **around), **around)
    found = np.broadcast_to(np.asarray(found, float), amounts.shape)
    if not np.all(np.isfinite(found)):
        raise ModelError(
            f"channel {channel.name}: not finite everywhere from {low:g} to {high:g} mM of {ion}"
        )
    return amounts, found


def kinetics(channel: Channel, gate: str, v: Any, celsius: float) -> tuple[Array, Array]:
    """Target and rate (1/ms; infinite for a gate that follows at once) at voltages, refusing what is not finite or negative."""
    with np.errstate(all="ignore"):
        if gate in channel.instant:
            found = channel.at_once(V=v, **SURROUNDINGS)[gate], np.inf
        else:
            found = channel.kinetics(gate, celsius, V=v, **SURROUNDINGS)
    target, rate = (np.broadcast_to(np.asarray(a, float), np.shape(v)) for a in found)
    timed = gate in channel.instant or np.all(np.isfinite(rate))
    if not (np.all(np.isfinite(target)) and timed and np.all(rate >= 0.0)):
        raise ModelError(
            f"channel {channel.name}: gate `{gate}` has no valid target and rate everywhere from -120 to 60 mV"
        )
    return target, rate


def time_constants(channel: Channel, v: Array, celsius: float) -> dict[str, Array]:
    """ms at voltages: of each gate its time constant, of each state of a scheme the mean time in it."""
    if not channel.states:
        return {gate: 1.0 / kinetics(channel, gate, v, celsius)[1] for gate in channel.moving}
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
            channel.instant,
        )
        surroundings = {key: p[key] for key in around}
        rates = {"unused": 0.0 * p.rate}
        if channel.states:
            return rates | bare.scheme(0.0, **surroundings).flow(
                {state: y[state] for state in channel.states}
            )
        for gate in channel.moving:
            target, rate = bare.kinetics(gate, 0.0, **surroundings)
            rates[gate] = rate * (target - y[gate])
        for gate, target in bare.at_once(**surroundings).items():
            rates[gate] = p.rate * (target - y[gate])
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
            rest = channel.rest(celsius, V=v, **SURROUNDINGS)
        return {state: np.broadcast_to(share, v.shape) for state, share in rest.items()}
    return {gate: kinetics(channel, gate, v, celsius)[0] for gate in channel.gates}


def _relax(
    channel: Channel, start: Mapping[str, Array], v: Array, times: Array, celsius: float
) -> dict[str, Array]:
    gates = {}
    if channel.states:
        return _relax_states(channel, start, v, times, celsius)
    for gate in channel.gates:
        target, rate = kinetics(channel, gate, v, celsius)
        left = 0.0 * times if gate in channel.instant else np.exp(-rate * times)
        gates[gate] = target + (start[gate] - target) * left
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


def _rows(start: Mapping[str, Array], at: Array) -> int:
    """How many courses a step makes: one for each start or each voltage."""
    return max([len(at), *(np.shape(value)[0] for value in start.values())])


def _columns(gates: Mapping[str, Array]) -> dict[str, Array]:
    return {gate: np.asarray(value)[:, None] for gate, value in gates.items()}


def _open(channel: Channel, gates: Mapping[str, Array], v: Array) -> Array:
    shape = np.broadcast_shapes(np.shape(v), *(np.shape(g) for g in gates.values()))
    return np.broadcast_to(np.asarray(channel.open(gates, V=v, **SURROUNDINGS), float), shape)
