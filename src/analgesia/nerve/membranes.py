"""The membrane of an unmyelinated fibre, built from channel files: currents, pump, ion pools, rest.

    I = sum g_c open_c (V - E_ion) + pump + leaks              E_ion = RT/F ln(outside / inside)
    d[X]i/dt = -4 I_X / (F d)        theta d[X]o/dt = I_X / F - D ([X]o - bulk)

Leaks of sodium and potassium are set so that both currents vanish at rest (`resting_leaks`).

A fibre under a drug or an injury has three more things, for each sodium channel, in a second form of the same membrane (`altered`):

    activation at V - shift
    conductance times 1 - b,    db/dt = k_off (1 + x) (x / (1 + x) - b),    x = a c/K_R + (1 - a) c/K_I = c / K_app

with a the share of channels that is not inactivated (the channel file's equation `available`) and b the share that holds the drug.

Sources: Tigerholm 2014 (doi 10.1152/jn.00777.2012) for the form; Hille 1977, Hondeghem & Katzung 1977 for the modulated receptor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.channels import Channel, channel
from analgesia.engine import log
from analgesia.engine.cable import Membrane
from analgesia.engine.markov import Scheme
from analgesia.engine.system import Namespace
from analgesia.errors import EvidenceError
from analgesia.evidence import Library

FARADAY = 96485.33212  # C/mol
GAS_CONSTANT = 8.314462618  # J/mol/K
ZERO_CELSIUS = 273.15

POOLS: Mapping[str, str] = {"na_in": "mM", "na_out": "mM", "k_in": "mM", "k_out": "mM"}


@dataclass(frozen=True)
class Fibre:
    """A fibre's file, ready to run: channels, membrane, parameters by name, rest, axial resistivity (ohm cm)."""

    name: str
    channels: Mapping[str, Channel]
    membrane: Membrane
    parameters: Mapping[str, float]
    initial: Mapping[str, float]
    resistivity: float
    altered: Membrane
    sodium: tuple[str, ...]


SHIFT, RESTING, INACTIVATED, UNBINDING = (
    "activation_shift_",
    "resting_block_",
    "inactivated_block_",
    "unbinding_",
)
"""Parameters of an altered membrane for each sodium channel: mV, concentration over K_R and over K_I, 1/ms."""


def fibre(name: str, library: Library) -> Fibre:
    """Build the membrane of `library.neurons[name]` from the channels it names."""
    record = library.neurons[name]
    names = record.equations.get("channels", "").split()
    densities = record.parameters.get("conductance", {})
    channels = {key: channel(key, library) for key in names}
    missing = [key for key, found in channels.items() if found.kind != "pump" and key not in densities]
    if missing:
        raise EvidenceError(
            f"neuron {name}: parameters.conductance lacks {', '.join(missing)}; give a density in S/cm2"
        )
    for key, found in channels.items():
        if found.instant:
            raise EvidenceError(
                f"neuron {name}: gate `{found.instant[0]}` of {key} follows at once, which only the soma of a cell can run"
            )
    cable, pools = record.parameters["cable"], record.parameters["pools"]
    parameters = {f"conductance_{key}": float(number.to("S/cm2")) for key, number in densities.items()}
    parameters |= {
        "capacitance": float(cable["capacitance"].to("uF/cm2")),
        "temperature": float(cable["temperature"].to("degC")),
        "diameter": float(cable["diameter"].to("um")),
        "na_bulk": float(pools["sodium_outside"].to("mM")),
        "k_bulk": float(pools["potassium_outside"].to("mM")),
        "periaxonal_thickness": float(pools["periaxonal_thickness"].to("um")),
        "periaxonal_exchange": float(pools["periaxonal_exchange"].to("um/ms")),
        "conductance_leak_na": 0.0,
        "conductance_leak_k": 0.0,
        "balance_na": 0.0,
        "balance_k": 0.0,
    }
    initial = {
        "v": float(cable["resting_potential"].to("mV")),
        "na_in": float(pools["sodium_inside"].to("mM")),
        "na_out": float(pools["sodium_outside"].to("mM")),
        "k_in": float(pools["potassium_inside"].to("mM")),
        "k_out": float(pools["potassium_outside"].to("mM")),
    }
    return Fibre(
        name,
        channels,
        membrane(name, tuple(channels.items())),
        parameters,
        initial,
        float(cable["axial_resistivity"].to("ohm*cm")),
        membrane(name, tuple(channels.items()), altered=True),
        tuple(key for key, found in channels.items() if found.kind == "sodium"),
    )


@cache
def membrane(name: str, channels: tuple[tuple[str, Channel], ...], *, altered: bool = False) -> Membrane:
    """Equations of a membrane with these channels; `altered`: with shifts and blocks of its sodium channels."""
    sodium = tuple(key for key, found in channels if found.kind == "sodium") if altered else ()
    gate_names = tuple(f"{key}.{gate}" for key, found in channels for gate in found.gates)
    gate_names += tuple(f"{key}.bound" for key in sodium)

    def around(v: Any, y: Namespace) -> dict[str, Any]:
        return {"V": v, "Na": y.na_in, "Nao": y.na_out, "K": y.k_in, "Ko": y.k_out}

    def gates(v: Any, y: Namespace, p: Namespace) -> Mapping[str, tuple[Any, Any]]:
        moves = {}
        for key, found in channels:
            for gate in found.gates if not found.states else ():
                felt = v - p[SHIFT + key] if key in sodium and gate in found.activation else v
                moves[f"{key}.{gate}"] = found.kinetics(gate, p.temperature, **around(felt, y))
        for key, found in channels:
            if key in sodium:
                x = bound_ratio(found, key, {gate: y[f"{key}.{gate}"] for gate in found.gates}, p)
                moves[f"{key}.bound"] = (x / (1.0 + x), p[UNBINDING + key] * (1.0 + x))
        return moves

    def schemes(v: Any, y: Namespace, p: Namespace) -> list[Scheme]:
        return [
            found.scheme(p.temperature, **around(v - p[SHIFT + key] if key in sodium else v, y)).named(
                f"{key}."
            )
            for key, found in channels
            if found.states
        ]

    def currents(v: Any, y: Namespace, p: Namespace) -> tuple[Any, Any]:
        thermal = GAS_CONSTANT * (p.temperature + ZERO_CELSIUS) / FARADAY * 1e3
        driving = {
            "sodium": v - thermal * log(y.na_out / y.na_in),
            "potassium": v - thermal * log(y.k_out / y.k_in),
        }
        flow: dict[str, Any] = {
            "sodium": p.conductance_leak_na * driving["sodium"] + p.balance_na,
            "potassium": p.conductance_leak_k * driving["potassium"] + p.balance_k,
        }
        for key, found in channels:
            if found.kind == "pump":
                pumped = found.flow("potassium", **around(v, y))
                flow["potassium"] = flow["potassium"] + pumped
                flow["sodium"] = flow["sodium"] + found.flow("sodium", potassium=pumped)
                continue
            opened = found.open({gate: y[f"{key}.{gate}"] for gate in found.gates}, **around(v, y))
            conductance = p[f"conductance_{key}"] * opened
            if key in sodium:
                conductance = conductance * (1.0 - y[f"{key}.bound"])
            share = found.constants.get("sodium_share", 1.0 if found.kind == "sodium" else 0.0)
            if share:
                flow["sodium"] = flow["sodium"] + share * conductance * driving["sodium"]
            if share != 1.0:
                flow["potassium"] = flow["potassium"] + (1.0 - share) * conductance * driving["potassium"]
        return flow["sodium"], flow["potassium"]

    def current(v: Any, y: Namespace, p: Namespace) -> Any:
        sodium, potassium = currents(v, y, p)
        return sodium + potassium

    def pool_rates(v: Any, y: Namespace, p: Namespace) -> Mapping[str, Any]:
        sodium, potassium = currents(v, y, p)
        inside = 4.0 / FARADAY * 1e4 / p.diameter  # mA/cm2 over um into mM/ms
        outside = 1.0 / FARADAY * 1e4 / p.periaxonal_thickness
        exchange = p.periaxonal_exchange / p.periaxonal_thickness
        return {
            "na_in": -inside * sodium,
            "na_out": outside * sodium - exchange * (y.na_out - p.na_bulk),
            "k_in": -inside * potassium,
            "k_out": outside * potassium - exchange * (y.k_out - p.k_bulk),
        }

    units = {
        "capacitance": "uF/cm2", "temperature": "degC", "diameter": "um", "na_bulk": "mM", "k_bulk": "mM",
        "periaxonal_thickness": "um", "periaxonal_exchange": "um/ms", "conductance_leak_na": "S/cm2", "conductance_leak_k": "S/cm2",
        "balance_na": "mA/cm2", "balance_k": "mA/cm2",
        **{f"conductance_{key}": "S/cm2" for key, found in channels if found.kind != "pump"},
        **{SHIFT + key: "mV" for key in sodium}, **{UNBINDING + key: "1/ms" for key in sodium},
        **{name + key: "1" for key in sodium for name in (RESTING, INACTIVATED)},
    }  # fmt: skip
    return Membrane(name, gate_names, POOLS, units, gates, current, pool_rates, schemes)


def bound_ratio(found: Channel, key: str, gates: Mapping[str, Any], p: Namespace) -> Any:
    """Concentration over K_app, from the gates of a channel: a c/K_R + (1 - a) c/K_I."""
    available = found.flow("available", **gates)
    return available * p[RESTING + key] + (1.0 - available) * p[INACTIVATED + key]


def at_rest(fibre: Fibre, parameters: Mapping[str, Any], initial: Mapping[str, Any]) -> dict[str, Any]:
    """Gates of the altered membrane, shares of bound channels included, after a long time at the initial voltage."""
    known = Namespace({name: initial[name] for name in POOLS}, "pool")
    p = Namespace(dict(parameters), "parameter")
    gates: dict[str, Any] = {}
    for key, found in fibre.channels.items():
        around = {
            "V": initial["v"],
            "Na": known.na_in,
            "Nao": known.na_out,
            "K": known.k_in,
            "Ko": known.k_out,
        }
        shift = parameters.get(SHIFT + key, 0.0)
        moved = found.rest(p.temperature, **(around | {"V": initial["v"] - shift}))
        still = {} if found.states else found.rest(p.temperature, **around)
        own = {gate: moved[gate] if gate in found.activation else still[gate] for gate in found.gates}
        gates |= {f"{key}.{gate}": value for gate, value in own.items()}
        if RESTING + key in parameters:
            x = bound_ratio(found, key, own, p)
            gates[f"{key}.bound"] = x / (1.0 + x)
    return gates


def resting_leaks(
    fibre: Fibre, parameters: Mapping[str, Any], initial: Mapping[str, Any]
) -> dict[str, NDArray[np.float64]]:
    """Leak conductances (or, where one would be negative, constant currents) with which the membrane rests at its initial state."""
    bare = {
        **parameters,
        "conductance_leak_na": 0.0,
        "conductance_leak_k": 0.0,
        "balance_na": 0.0,
        "balance_k": 0.0,
    }
    v = initial["v"]
    p = Namespace(bare, "parameter")
    changed = SHIFT + fibre.sodium[0] in parameters if fibre.sodium else False
    y = Namespace({**at_rest(fibre, bare, initial), **{name: initial[name] for name in POOLS}}, "state")
    form = fibre.altered if changed else fibre.membrane
    inside, outside = form.pool_rates, 4.0 / FARADAY * 1e4 / np.asarray(bare["diameter"], float)
    assert inside is not None
    flows = inside(v, y, p)
    thermal = GAS_CONSTANT * (np.asarray(bare["temperature"], float) + ZERO_CELSIUS) / FARADAY * 1e3
    result = {}
    for ion, inner, outer in (("na", "na_in", "na_out"), ("k", "k_in", "k_out")):
        net = np.asarray(-flows[inner] / outside, float)
        driving = v - thermal * np.log(np.asarray(initial[outer], float) / initial[inner])
        leak = -net / driving
        result[f"conductance_leak_{ion}"] = np.maximum(leak, 0.0)
        result[f"balance_{ion}"] = np.where(leak >= 0.0, 0.0, -net)
    return result
