"""The soma of a ganglion cell, with noise: does it fire on its own, and how often?

    C dv/dt = -sum g_c open_c (v - E_c) + (drive + x)/area + balance
    dx = -x/tau dt + strength sqrt(2/tau) dW                    (Ornstein-Uhlenbeck current, pA, of standard deviation `strength`)
    d[Ca]/dt = ([Ca]rest - [Ca])/tau_Ca - (I_Ca - I_Ca,rest) / (2 F depth (1 + buffer))        in a shell below the membrane

Every unit is a lane of the fixed-step network kernel. A spike is a crossing of 0 mV after the voltage was below -30 mV. The gates keep
their own reference temperatures, at which the cores were published. SK follows calcium at once. Channels that the healthy cell has not
(`[parameters.added]` of its file: a sodium channel of injured cells, the potassium channel that opioids open) have a density of 0 until
something opens them. Sources: the neurons' files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.channels import Channel, channel
from analgesia.engine import where
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
    if any(found.kind == "calcium" for found in channels.values()):
        shell = float(cell["calcium_depth"].to("um")) * PER_CENTIMETRE
        free = 1.0 / (1.0 + float(cell["calcium_buffer"].to("1")))
        parameters["calcium_entry"] = 1e-3 * free / (2.0 * FARADAY * shell)  # uA/cm2 into mM/ms
        parameters["calcium_balance"] = 0.0
    rest = float(cell["resting_potential"].to("mV"))
    built = Soma(
        channels, _network(name, tuple(channels.items()), tuple(parameters)), parameters, rest, added
    )
    if "calcium_entry" in parameters:
        parameters["calcium_balance"] = _calcium(built, parameters)
    return Soma(channels, built.network, parameters | {"balance": balance(built, parameters)}, rest, added)


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
    """Every gate after a long time at a voltage."""
    return {
        f"{key}.{gate}": found.kinetics(
            gate, _own_temperature(found), V=v, Ca=cell.parameters.get("calcium_rest", 0.0)
        )[0]
        for key, found in cell.channels.items()
        for gate in _gates(found)
    }


def _gates(found: Channel) -> tuple[str, ...]:
    """Gates that are states: those of SK follow calcium at once."""
    return () if found.name == "sk" else found.gates


def _own_temperature(found: Channel) -> float:
    return found.constants.get("reference_temperature", 22.0)


def _current(
    channels: tuple[tuple[str, Channel], ...], v: Any, gates: Mapping[str, Any], calcium: Any, p: Any
) -> tuple[Any, Any]:
    """Outward current and the part of it that is calcium, uA/cm2."""
    total, entering = p["conductance_leak"] * (v - p["leak_reversal"]), 0.0 * v
    for key, found in channels:
        if found.name == "sk":
            own = {"n": found.kinetics("n", _own_temperature(found), V=v, Ca=calcium)[0]}
        else:
            own = {gate: gates[f"{key}.{gate}"] for gate in found.gates}
        flow = p[f"conductance_{key}"] * found.open(own, V=v) * (v - p[f"{found.kind}_reversal"])
        if found.kind == "sodium":
            flow = flow * (1.0 - p[f"block_{key}"])
        if found.kind == "calcium":
            entering = entering + flow
        total = total + flow
    return total, entering


@cache
def _network(name: str, channels: tuple[tuple[str, Channel], ...], parameters: tuple[str, ...]) -> Network:
    names = {f"{key}.{gate}": "1" for key, found in channels for gate in _gates(found)}
    sodium = [key for key, found in channels if found.kind == "sodium"]
    pool = "calcium_entry" in parameters

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        rates: dict[str, Any] = {}
        calcium = y.calcium if pool else 0.0
        for key, found in channels:
            for gate in _gates(found):
                felt = (
                    y.v - p[f"activation_shift_{key}"] if key in sodium and gate in found.activation else y.v
                )
                target, rate = found.kinetics(gate, _own_temperature(found), V=felt, Ca=calcium)
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
        return {
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
        parameters={key: _unit(key) for key in parameters},
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
    inner = network.derivatives

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return dict(inner(t, y, p)) | {name: 0.0 * y[name] for name in frozen}

    return Network(
        network.name, network.states, network.parameters, derivatives, network.outputs, network.observe, network.noise, network.update
    )  # fmt: skip
