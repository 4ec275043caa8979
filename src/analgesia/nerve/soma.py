"""The soma of a small ganglion cell, with noise: does it fire on its own, and how often?

    C dv/dt = -sum g_c open_c (v - E_c) + (drive + x)/area + balance
    dx = -x/tau dt + strength sqrt(2/tau) dW                    (Ornstein-Uhlenbeck current, pA, of standard deviation `strength`)
    d[Ca]/dt = ([Ca]rest - [Ca])/tau_Ca, and a step up at every spike

Every unit is a lane of the fixed-step network kernel. A spike is a crossing of 0 mV after the voltage was below -30 mV. The gates keep
their own reference temperatures, at which the core was published. Sources: Verma 2020 (core), Mandge 2018 (M and h current), Kovalsky 2009
(persistent sodium). SK follows calcium at once.
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


@dataclass(frozen=True)
class Soma:
    """Channels, numbers and circuit of a soma; `parameters` of the healthy cell without drive and noise."""

    channels: Mapping[str, Channel]
    network: Network
    parameters: Mapping[str, float]
    rest: float


def soma(library: Library, name: str = "drg_soma") -> Soma:
    """Build the cell from `library.neurons[name]`."""
    record = library.neurons[name]
    channels = {key: channel(key, library) for key in record.equations["channels"].split()}
    densities, cell, noise = (record.parameters[key] for key in ("conductance", "cell", "noise"))
    parameters = {f"conductance_{key}": float(number.to("mS/cm2")) for key, number in densities.items()}
    parameters |= {
        f"activation_shift_{key}": 0.0 for key, found in channels.items() if found.kind == "sodium"
    }
    parameters |= {f"block_{key}": 0.0 for key, found in channels.items() if found.kind == "sodium"}
    parameters |= {
        "capacitance": float(cell["capacitance"].to("uF/cm2")),
        "area": float(cell["area"].to("cm2")),
        "leak_reversal": float(cell["leak_reversal"].to("mV")),
        "sodium_reversal": float(cell["sodium_reversal"].to("mV")),
        "potassium_reversal": float(cell["potassium_reversal"].to("mV")),
        "cation_reversal": float(cell["cation_reversal"].to("mV")),
        "calcium_rest": float(cell["calcium_rest"].to("mM")),
        "calcium_per_spike": float(cell["calcium_per_spike"].to("mM")),
        "calcium_removal": float(cell["calcium_removal"].to("ms")),
        "correlation": float(noise["correlation"].to("ms")),
        "strength": float(noise["strength"].to("pA")),
        "drive": 0.0,
        "balance": 0.0,
    }
    rest = float(cell["resting_potential"].to("mV"))
    built = Soma(channels, _network(tuple(channels.items())), parameters, rest)
    return Soma(channels, built.network, parameters | {"balance": balance(built, parameters)}, rest)


def balance(cell: Soma, parameters: Mapping[str, Any]) -> float:
    """Constant current (uA/cm2) with which the healthy cell rests at its resting potential."""
    gates = resting_gates(cell, cell.rest)
    return float(
        _current(tuple(cell.channels.items()), cell.rest, gates, parameters["calcium_rest"], parameters)
    )


def resting_gates(cell: Soma, v: float) -> dict[str, Any]:
    """Every gate after a long time at a voltage."""
    return {
        f"{key}.{gate}": found.kinetics(gate, _own_temperature(found), V=v)[0]
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
) -> Any:
    """Outward current, uA/cm2."""
    ions = {
        "sodium": v - p["sodium_reversal"],
        "potassium": v - p["potassium_reversal"],
        "cation": v - p["cation_reversal"],
    }
    total = p["conductance_leak"] * (v - p["leak_reversal"])
    for key, found in channels:
        if found.name == "sk":
            own = {"n": found.kinetics("n", _own_temperature(found), V=v, Ca=calcium)[0]}
        else:
            own = {gate: gates[f"{key}.{gate}"] for gate in found.gates}
        flow = p[f"conductance_{key}"] * found.open(own, V=v) * ions[found.kind]
        if found.kind == "sodium":
            flow = flow * (1.0 - p[f"block_{key}"])
        total = total + flow
    return total


@cache
def _network(channels: tuple[tuple[str, Channel], ...]) -> Network:
    names = {f"{key}.{gate}": "1" for key, found in channels for gate in _gates(found)}
    sodium = [key for key, found in channels if found.kind == "sodium"]

    def derivatives(t: Any, y: Any, p: Any) -> dict[str, Any]:
        rates: dict[str, Any] = {}
        for key, found in channels:
            for gate in _gates(found):
                felt = (
                    y.v - p[f"activation_shift_{key}"] if key in sodium and gate in found.activation else y.v
                )
                target, rate = found.kinetics(gate, _own_temperature(found), V=felt)
                rates[f"{key}.{gate}"] = rate * (target - y[f"{key}.{gate}"])
        outward = _current(channels, y.v, {name: y[name] for name in names}, y.calcium, p)
        injected = (p.drive + y.noise) * PER_DENSITY / p.area
        rates["v"] = (injected + p.balance - outward) / p.capacitance
        rates["noise"] = -y.noise / p.correlation
        rates["calcium"] = (p.calcium_rest - y.calcium) / p.calcium_removal
        rates["count"] = rates["armed"] = 0.0
        return rates

    def noise(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {"noise": p.strength * (2.0 / p.correlation) ** 0.5}

    def update(t: Any, y: Any, p: Any) -> dict[str, Any]:
        spike = (y.v > HIGH) & (y.armed > 0.5)
        return {
            "count": where(spike, y.count + 1.0, y.count),
            "calcium": where(spike, y.calcium + p.calcium_per_spike, y.calcium),
            "armed": where(spike, 0.0, where(y.v < LOW, 1.0, y.armed)),
        }

    return Network(
        name="drg_soma",
        states={"v": "mV", **names, "noise": "pA", "calcium": "mM", "count": "1", "armed": "1"},
        parameters={
            **{f"conductance_{key}": "mS/cm2" for key, _ in channels},
            "conductance_leak": "mS/cm2",
            **{f"{what}_{key}": unit for key in sodium for what, unit in (("activation_shift", "mV"), ("block", "1"))},
            "capacitance": "uF/cm2", "area": "cm2", "leak_reversal": "mV", "sodium_reversal": "mV", "potassium_reversal": "mV",
            "cation_reversal": "mV", "calcium_rest": "mM", "calcium_per_spike": "mM", "calcium_removal": "ms", "correlation": "ms",
            "strength": "pA", "drive": "pA", "balance": "uA/cm2",
        },
        derivatives=derivatives,
        outputs={"spikes": "1", "voltage": "mV"},
        observe=lambda t, y, p: {"spikes": y.count + 0.0, "voltage": y.v + 0.0},
        noise=noise,
        update=update,
    )  # fmt: skip


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
    start |= {"v": cell.rest, "armed": 1.0, "calcium": parameters["calcium_rest"]}
    network = cell.network
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
