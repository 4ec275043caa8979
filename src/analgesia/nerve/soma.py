"""The soma of a ganglion cell, with noise: does it fire on its own, and how often?

    C dv/dt = -sum g_c open_c (v - E_c) + (drive + x)/area + balance
    dx = -x/tau dt + strength sqrt(2/tau) dW                    (Ornstein-Uhlenbeck current, pA, of standard deviation `strength`)
    d[Ca]/dt = ([Ca]rest - [Ca])/tau_Ca - (I_Ca - I_Ca,rest) / (2 F depth (1 + buffer))        in a shell below the membrane

Every unit is a lane of the fixed-step network kernel. A spike is a crossing of 0 mV after the voltage was below -30 mV. All gates run at
the temperature of the cell's file; without one, each keeps its own reference temperature, at which the cores were published. Gates that
follow at once are no states. Calcium is a state where a channel asks for it.

A cell with gates that follow the voltage at once, or with a scheme of states, oscillates with so little damping that a step of first order
would feed the oscillation: its gates and states (`engine.markov`) move after the voltage, at the rates of the new voltage, which makes the
step of second order.

Channels that the healthy cell has not (`[parameters.added]` of its file: a sodium channel of injured cells, the potassium channel that
opioids open) have a density of 0 until something opens them. Sources: the neurons' files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.channels import Channel, channel
from analgesia.engine import exp, where
from analgesia.engine.network import Network, run
from analgesia.errors import ModelError
from analgesia.evidence import Library

Array = NDArray[np.float64]

STEP = 0.05
"""ms; halving it moves the rate at 200 pA by less than two per cent."""
LOW, HIGH = -30.0, 0.0
"""mV between which a cell is armed again and a spike is counted."""
PER_DENSITY = 1e-6
"""uA in a pA."""
FARADAY = 96485.33212  # C/mol
PER_CENTIMETRE = 1e-4
"""cm in a um."""


@dataclass(frozen=True)
class Soma:
    """Channels, numbers and circuit of a soma; `parameters` of the healthy cell without drive.

    `added`: densities (mS/cm2) of channels that are closed until an injury or an opioid opens them.
    """

    channels: Mapping[str, Channel]
    network: Network
    parameters: Mapping[str, float]
    rest: float
    added: Mapping[str, float]
    temperature: float | None = None


def soma(library: Library, name: str = "drg_soma") -> Soma:
    """Build the cell from `library.neurons[name]`."""
    record = library.neurons[name]
    channels = {key: channel(key, library) for key in record.equations["channels"].split()}
    densities, cell, noise = (record.parameters[key] for key in ("conductance", "cell", "noise"))
    added = {key: float(number.to("mS/cm2")) for key, number in record.parameters.get("added", {}).items()}
    channels |= {key: channel(key, library) for key in added}
    parameters = {f"conductance_{key}": float(number.to("mS/cm2")) for key, number in densities.items()}
    parameters |= {f"conductance_{key}": 0.0 for key in added}
    sodium = [key for key, found in channels.items() if found.kind == "sodium"]
    parameters |= {f"{what}_{key}": 0.0 for key in sodium for what in ("activation_shift", "block")}
    units = {name: unit for name, unit in CELL.items() if name in cell}
    parameters |= {name: float(cell[name].to(unit)) for name, unit in units.items()}
    parameters |= {
        "correlation": float(noise["correlation"].to("ms")),
        "strength": float(noise["strength"].to("pA")),
        "drive": 0.0,
        "balance": 0.0,
    }
    if any(_asks_calcium(found) for found in channels.values()):
        shell = float(cell["calcium_depth"].to("um")) * PER_CENTIMETRE
        free = 1.0 / (1.0 + float(cell["calcium_buffer"].to("1")))
        parameters["calcium_entry"] = 1e-3 * free / (2.0 * FARADAY * shell)  # uA/cm2 into mM/ms
        parameters["calcium_balance"] = 0.0
    rest = float(cell["resting_potential"].to("mV"))
    temperature = float(cell["temperature"].to("degC")) if "temperature" in cell else None
    circuit = _network(name, tuple(channels.items()), tuple(parameters), temperature)
    built = Soma(channels, circuit, parameters, rest, added, temperature)
    if "calcium_entry" in parameters:
        parameters["calcium_balance"] = _calcium(built, parameters)
    return replace(built, parameters=parameters | {"balance": balance(built, parameters)})


CELL: Mapping[str, str] = {
    "capacitance": "uF/cm2", "area": "cm2", "leak_reversal": "mV", "sodium_reversal": "mV", "potassium_reversal": "mV",
    "cation_reversal": "mV", "calcium_reversal": "mV", "calcium_rest": "mM", "calcium_removal": "ms",
}  # fmt: skip
"""What a cell's file may say of the cell, and the unit it is run in."""


def balance(cell: Soma, parameters: Mapping[str, Any]) -> float:
    """Constant current (uA/cm2) with which the healthy cell rests at its resting potential."""
    return float(_currents(cell, parameters)[0])


def _calcium(cell: Soma, parameters: Mapping[str, Any]) -> float:
    """Calcium current (uA/cm2, outward) at rest."""
    return float(_currents(cell, parameters)[1])


def _currents(cell: Soma, parameters: Mapping[str, Any]) -> tuple[Any, Any]:
    gates, calcium = resting_gates(cell, cell.rest), parameters.get("calcium_rest", 0.0)
    return _current(tuple(cell.channels.items()), cell.rest, gates, calcium, parameters)


def resting_gates(cell: Soma, v: float) -> dict[str, Any]:
    """Every gate and state that takes time, after a long time at a voltage."""
    calcium = cell.parameters.get("calcium_rest", 0.0)
    found: dict[str, Any] = {}
    for key, each in cell.channels.items():
        at_rest = each.rest(_temperature(each, cell.temperature), V=v, Ca=calcium)
        found |= {f"{key}.{gate}": at_rest[gate] for gate in each.moving}
    return found


def _temperature(found: Channel, cell: float | None) -> float:
    """Temperature (degrees) at which a channel runs: the cell's, else its own."""
    return found.constants.get("reference_temperature", 22.0) if cell is None else cell


def _asks_calcium(found: Channel) -> bool:
    return any("Ca" in equation.names() for equation in found.equations.values())


def _at_once_with_voltage(found: Channel) -> bool:
    names: set[str] = set()
    for gate in found.instant:
        for side in ("inf", "alpha", "beta"):
            equation = found.equations.get(f"{side}_{gate}")
            names |= equation.names() if equation else set()
    return "V" in names


def _felt(key: str, found: Channel, gates: tuple[str, ...], v: Any, p: Any) -> Any:
    """Voltage that gates feel: less by the shift, where they are activation gates of a sodium channel."""
    moved = found.kind == "sodium" and all(gate in found.activation for gate in gates)
    return v - p[f"activation_shift_{key}"] if moved else v


def _current(
    channels: tuple[tuple[str, Channel], ...], v: Any, gates: Mapping[str, Any], calcium: Any, p: Any
) -> tuple[Any, Any]:
    """Outward current and the part of it that is calcium, uA/cm2."""
    total, entering = p["conductance_leak"] * (v - p["leak_reversal"]), 0.0 * v
    for key, found in channels:
        own = {gate: gates[f"{key}.{gate}"] for gate in found.moving}
        for gate in found.instant:
            own[gate] = found.at_once(V=_felt(key, found, (gate,), v, p), Ca=calcium)[gate]
        flow = p[f"conductance_{key}"] * found.open(own, V=v) * (v - p[f"{found.kind}_reversal"])
        if found.kind == "sodium":
            flow = flow * (1.0 - p[f"block_{key}"])
        if found.kind == "calcium":
            entering = entering + flow
        total = total + flow
    return total, entering


@cache
def _network(
    name: str,
    channels: tuple[tuple[str, Channel], ...],
    parameters: tuple[str, ...],
    temperature: float | None,
) -> Network:
    names = {f"{key}.{gate}": "1" for key, found in channels for gate in found.moving}
    staggered = any(found.states or _at_once_with_voltage(found) for _, found in channels)
    pool = "calcium_entry" in parameters

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        rates: dict[str, Any] = {}
        calcium = y.calcium if pool else 0.0
        for key, found in channels:
            for gate in found.moving:
                if staggered:  # they move in `update`
                    rates[f"{key}.{gate}"] = 0.0
                    continue
                felt = _felt(key, found, (gate,), y.v, p)
                target, rate = found.kinetics(gate, _temperature(found, temperature), V=felt, Ca=calcium)
                rates[f"{key}.{gate}"] = rate * (target - y[f"{key}.{gate}"])
        outward, entering = _current(channels, y.v, {name: y[name] for name in names}, calcium, p)
        injected = (p.drive + y.noise) * PER_DENSITY / p.area
        rates["v"] = (injected + p.balance - outward) / p.capacitance
        rates["noise"] = -y.noise / p.correlation
        if pool:
            entry = (p.calcium_balance - entering) * p.calcium_entry
            rates["calcium"] = (p.calcium_rest - y.calcium) / p.calcium_removal + entry
        rates["count"] = rates["armed"] = 0.0
        return rates

    def noise(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {"noise": p.strength * (2.0 / p.correlation) ** 0.5}

    def update(t: Any, y: Any, p: Any) -> dict[str, Any]:
        spike = (y.v > HIGH) & (y.armed > 0.5)
        moved: dict[str, Any] = {}
        for key, found in channels if staggered else ():
            celsius, calcium = _temperature(found, temperature), y.calcium if pool else 0.0
            if found.states:
                felt = _felt(key, found, found.states, y.v, p)
                scheme = found.scheme(celsius, V=felt, Ca=calcium).named(f"{key}.")
                change = scheme.step({state: y[state] for state in scheme.states}, p.step)
                moved |= {state: y[state] + more for state, more in change.items()}
                continue
            for gate in found.moving:
                felt = _felt(key, found, (gate,), y.v, p)
                target, rate = found.kinetics(gate, celsius, V=felt, Ca=calcium)
                left = exp(-rate * p.step)
                moved[f"{key}.{gate}"] = target + (y[f"{key}.{gate}"] - target) * left
        return moved | {
            "count": where(spike, y.count + 1.0, y.count),
            "armed": where(spike, 0.0, where(y.v < LOW, 1.0, y.armed)),
        }

    states = {
        "v": "mV",
        **names,
        "noise": "pA",
        **({"calcium": "mM"} if pool else {}),
        "count": "1",
        "armed": "1",
    }
    return Network(
        name=name,
        states=states,
        parameters={key: _unit(key) for key in parameters} | ({"step": "ms"} if staggered else {}),
        derivatives=derivatives,
        outputs={"spikes": "1", "voltage": "mV"},
        observe=lambda t, y, p: {"spikes": y.count + 0.0, "voltage": y.v + 0.0},
        noise=noise,
        update=update,
    )


def _unit(parameter: str) -> str:
    """Unit in which the circuit runs a parameter."""
    for start, unit in (("conductance_", "mS/cm2"), ("activation_shift_", "mV"), ("block_", "1")):
        if parameter.startswith(start):
            return unit
    others = {
        "correlation": "ms", "strength": "pA", "drive": "pA", "balance": "uA/cm2", "calcium_balance": "uA/cm2",
        "calcium_entry": "mM/ms/(uA/cm2)",
    }  # fmt: skip
    return {**CELL, **others}[parameter]


@dataclass(frozen=True)
class Firing:
    """Spike times of each unit (s, to the resolution of the record) over `duration` s, and whether the unit stayed finite."""

    spikes: tuple[Array, ...]
    duration: float
    finite: NDArray[np.bool_]
    voltage: Array

    @property
    def rates(self) -> Array:
        """Spikes per second of each unit."""
        return np.array([len(s) / self.duration for s in self.spikes])


def fire(
    cell: Soma,
    parameters: Mapping[str, Any],
    duration: float,
    *,
    seed: int = 1,
    settle: float = 500.0,
    every: float = 5.0,
    step: float = STEP,
    frozen: tuple[str, ...] = (),
    first: int = 0,
) -> Firing:
    """Run units (lanes of `parameters`) for `duration` ms after `settle` ms. `frozen`: gates held at 1 (for the published core).

    Raises `ModelError` if a unit leaves the finite numbers.
    """
    start: dict[str, Any] = resting_gates(cell, cell.rest)
    network = cell.network
    if "step" in network.parameters:
        parameters = {**parameters, "step": step}
    start |= {"v": cell.rest, "armed": 1.0}
    if "calcium" in network.states:
        start["calcium"] = parameters["calcium_rest"]
    if frozen:
        start |= dict.fromkeys(frozen, 1.0)
        network = _held(network, frozen)
    result = run(
        network, parameters, dt=step, duration=settle + duration, record="trace", record_from=settle, every=every, seed=seed,
        method="exponential_euler", initial=start, first_lane=first,
    )  # fmt: skip
    if not result.finite.all():
        raise ModelError("a unit left the finite numbers: a parameter is far outside what a cell can have")
    counts = np.rint(result.traced("spikes")).astype(int)
    gained = np.diff(counts, axis=1)
    times = (result.times[1:] - settle) / 1e3
    spikes = tuple(np.repeat(times, row) for row in gained)
    return Firing(spikes, duration / 1e3, result.finite, result.traced("voltage"))


def _held(network: Network, frozen: tuple[str, ...]) -> Network:
    """The same cell with some gates that do not move."""
    inner, after = network.derivatives, network.update

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return dict(inner(t, y, p)) | {name: 0.0 * y[name] for name in frozen}

    def update(t: Any, y: Any, p: Any) -> dict[str, Any]:
        moved = {} if after is None else after(t, y, p)
        return {name: value for name, value in moved.items() if name not in frozen}

    return replace(network, derivatives=derivatives, update=update)
