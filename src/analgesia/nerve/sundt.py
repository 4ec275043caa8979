"""Second opinion on the T-junction: the published branch of a C fibre, with the membrane it was published with.

    periphery - ganglion (periphery's end, stem, soma, start of the centre) - centre
    c_m dV/dt = axial - sum g_c open_c (V - E_c)          d[Ca]/dt = ([Ca]rest - [Ca])/tau - I_Ca / (2 F depth)

Every piece rests at the resting potential (its leak reversal is set so). The reversal of calcium is that of its resting concentration.
Source: Sundt, Gamper & Jaffe 2015 (doi 10.1152/jn.00226.2015), by what its authors deposited (figure 8c) and public versions of the rest;
published following frequencies: 110 Hz with sodium and delayed rectifier alone, 30 Hz with M current, 6 Hz with a slow calcium-opened
potassium current as well. The density of the M current and where its shift acts are not at hand: docs/nerve.md has what they decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.channels import Channel, channel
from analgesia.engine import minimum
from analgesia.engine.cable import Branch, Geometry, Membrane, Pulse, simulate, tree
from analgesia.engine.system import Namespace
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.nerve.matching import arrived
from analgesia.nerve.membranes import FARADAY, GAS_CONSTANT, ZERO_CELSIUS

Array = NDArray[np.float64]

FILE = "c_junction"
AXON, GANGLION, SOMA = 0, 1, 2
"""Regions of the membrane."""
GRID, FINE, STEP = 50.0, 10.0, 0.025
"""um of the axons, um within the ganglion, ms."""
CURRENT, PULSE, SETTLE, THRESHOLD = 0.2, 1.0, 5.0, -10.0
"""nA and ms of a pulse, ms before the first, mV that a spike crosses."""
PAUSE = 1.0
"""ms by which a period is longer in the deposited loop, which counts it from the end of a pulse: its 110 Hz is a pulse every 10.1 ms."""
FASTEST = 100.0
"""1/ms; no gate is run faster. Only the calcium channel, closed at rest, would be (0.002 ms)."""
TRAVEL = 60.0
"""ms that a spike is given to arrive."""


@dataclass(frozen=True)
class Junction:
    """Channels, membrane, parameters [region] and geometry of the published branch."""

    channels: Mapping[str, Channel]
    membrane: Membrane
    parameters: Mapping[str, Array]
    geometry: Geometry
    straight: Geometry
    initial: Mapping[str, float]


def junction(
    library: Library,
    *,
    km: float = 0.0,
    kca: float = 0.0,
    opened: float = 0.0,
    stem: float = 1.0,
    axotomy: float = 0.0,
) -> Junction:
    """Build it from `library.neurons[FILE]`; `km`, `kca`: factors on the density of the M and the calcium-opened current of the file.

    `axotomy`: share, 0 to 1, of the calcium lost that a cell loses whose peripheral axon was cut.

    `opened`: potassium conductance (S/cm2) that something, such as an opioid, opens in the ganglion of the resting fibre; it is not
    balanced. `stem`: factor on the diameter of the stem. Raises `ModelError` for a conductance below 0.
    """
    if min(km, kca, opened) < 0.0 or not stem > 0.0 or not 0.0 <= axotomy <= 1.0:
        raise ModelError(
            "conductances and factors on them are 0 or more, a factor on the diameter is above 0, axotomy is 0 to 1"
        )
    record = library.neurons[FILE]
    tables = record.parameters
    channels = {key: channel(key, library) for key in record.equations["channels"].split()}
    density = {key: np.zeros(3) for key in (*channels, "leak")}
    for table, regions in (
        ("conductance", (AXON, GANGLION, SOMA)),
        ("ganglion", (GANGLION, SOMA)),
        ("soma", (SOMA,)),
    ):
        for key, number in tables[table].items():
            density[key][list(regions)] = float(number.to("S/cm2"))
    density["km_junction"] = km * density["km_junction"]
    for key in ("cal_junction", "kca_junction"):
        density[key] = (kca if key == "kca_junction" else float(kca > 0.0)) * density[key]
    kept = float(tables["axotomy"]["calcium_entry"].to("1"))
    density["cal_junction"] = (1.0 + axotomy * (kept - 1.0)) * density["cal_junction"]
    cable = tables["cable"]
    units = {
        "capacitance": "uF/cm2", "temperature": "degC", "sodium_reversal": "mV", "potassium_reversal": "mV", "calcium_rest": "mM",
        "calcium_removal": "ms",
    }  # fmt: skip
    parameters = {name: np.full(3, float(cable[name].to(unit))) for name, unit in units.items()}
    parameters |= {f"conductance_{key}": values for key, values in density.items()}
    thermal = GAS_CONSTANT * (parameters["temperature"] + ZERO_CELSIUS) / FARADAY * 1e3
    parameters["calcium_reversal"] = (
        thermal / 2.0 * np.log(float(cable["calcium_outside"].to("mM")) / parameters["calcium_rest"])
    )
    share = float(cable["calcium_share"].to("1"))
    parameters["calcium_entry"] = np.full(
        3, share * 1e4 / (2.0 * FARADAY * float(cable["calcium_depth"].to("um")))
    )
    parameters |= {"leak_reversal": np.zeros(3), "calcium_balance": np.zeros(3)}
    parameters["conductance_opened"] = opened * np.array([0.0, 1.0, 1.0])
    rest = float(cable["resting_potential"].to("mV"))
    membrane = _membrane(channels)
    parameters |= _balanced(channels, parameters, rest)
    resistivity = float(cable["axial_resistivity"].to("ohm*cm"))
    initial = _resting(channels, parameters, rest)
    return Junction(
        channels, membrane, parameters, *_geometry(tables["geometry"], resistivity, stem), initial
    )


def follows(
    found: Junction,
    rates: Sequence[float] | Array,
    *,
    pulses: int = 20,
    branched: bool = True,
    pause: float = 0.0,
) -> Array:
    """Share of `pulses` at each of `rates` (Hz) that arrive, each by a spike of its own, at the far end of the centre.

    `branched=False`: of the straight axon. `pause`: ms added to every period (PAUSE for the rates as published).
    """
    rates_ = np.asarray(rates, float)
    if rates_.size == 0 or np.any(rates_ <= 0.0) or np.any(rates_ >= 1e3 / PULSE):
        raise ModelError(f"rates of a train are above 0 and below {1e3 / PULSE:g} Hz")
    geometry = found.geometry if branched else found.straight
    lanes = len(rates_)
    times = SETTLE + (1e3 / rates_ + pause)[:, None] * np.arange(pulses)
    stimuli = [
        Pulse(0, t, PULSE, np.where(np.arange(lanes) == k, CURRENT, 0.0))
        for k, row in enumerate(times)
        for t in row
    ]
    regions = int(geometry.region.max()) + 1
    result = simulate(
        found.membrane, geometry, {k: np.repeat(v[:regions, None], lanes, axis=1) for k, v in found.parameters.items()},
        initial=found.initial, lanes=lanes, dt=STEP, probes=[geometry.count - 1],
        duration=float(np.ceil(times.max() + TRAVEL)), threshold=THRESHOLD, pulses=stimuli,
    )  # fmt: skip
    return np.array(
        [arrived(row, spikes[0], TRAVEL).mean() for row, spikes in zip(times, result.spikes, strict=True)]
    )


def following_frequency(
    found: Junction,
    *,
    low: float = 2.0,
    high: float = 250.0,
    pulses: int = 20,
    branched: bool = True,
    pause: float = 0.0,
) -> float:
    """Highest rate (Hz) at which every pulse arrives, to 6 %; 0 if not even `low` does, `high` if that rate is followed.

    Eight rates at once; where a rate fails below one that passes, the lower counts.
    """
    if follows(found, [low], pulses=pulses, branched=branched, pause=pause)[0] < 1.0:
        return 0.0
    if follows(found, [high], pulses=pulses, branched=branched, pause=pause)[0] >= 1.0:
        return high
    while high / low > 1.06:
        tried = np.geomspace(low, high, 8)
        kept = follows(found, tried[1:-1], pulses=pulses, branched=branched, pause=pause) >= 1.0
        first = int(np.argmin(kept)) if not kept.all() else len(kept)
        low, high = float(tried[first]), float(tried[first + 1])
    return float(np.sqrt(low * high))


def _geometry(table: Mapping[str, Any], resistivity: float, stem: float) -> tuple[Geometry, Geometry]:
    """The branch, and the periphery alone."""
    um = {key: float(number.to("um")) for key, number in table.items()}
    wide, thin = um["periphery_diameter"], um["centre_diameter"]
    axon, within = round(um["periphery"] / GRID), round(um["junction"] / FINE)
    branch = tree(
        [
            Branch(None, um["periphery"], wide, axon, AXON),
            Branch(0, um["junction"], wide, within, GANGLION),
            Branch(1, um["stem"], um["stem_diameter"] * stem, round(um["stem"] / FINE), GANGLION),
            Branch(2, um["soma"], um["soma"], 1, SOMA),
            Branch(1, um["junction"], thin, within, GANGLION),
            Branch(4, um["centre"], thin, round(um["centre"] / GRID), AXON),
        ],
        resistivity,
    )
    return branch, tree([Branch(None, um["periphery"], wide, axon, AXON)], resistivity)


def _membrane(channels: Mapping[str, Channel]) -> Membrane:
    def gates(v: Any, y: Namespace, p: Namespace) -> Mapping[str, tuple[Any, Any]]:
        moves = {}
        for key, found in channels.items():
            for gate in found.gates:
                target, rate = found.kinetics(gate, p.temperature, V=v, Ca=y.calcium)
                moves[f"{key}.{gate}"] = target, minimum(rate, FASTEST)
        return moves

    def flow(key: str, v: Any, y: Namespace, p: Namespace) -> Any:
        found = channels[key]
        opened = found.open({gate: y[f"{key}.{gate}"] for gate in found.gates}, V=v, Ca=y.calcium)
        return p[f"conductance_{key}"] * opened * (v - p[f"{found.kind}_reversal"])

    def current(v: Any, y: Namespace, p: Namespace) -> Any:
        total = p.conductance_leak * (v - p.leak_reversal) + p.conductance_opened * (v - p.potassium_reversal)
        for key in channels:
            total = total + flow(key, v, y, p)
        return total

    def pool_rates(v: Any, y: Namespace, p: Namespace) -> Mapping[str, Any]:
        entering = p.calcium_balance - sum(
            flow(k, v, y, p) for k, c in channels.items() if c.kind == "calcium"
        )
        return {"calcium": (p.calcium_rest - y.calcium) / p.calcium_removal + entering * p.calcium_entry}

    units = {
        **{f"conductance_{key}": "S/cm2" for key in (*channels, "leak", "opened")},
        "capacitance": "uF/cm2", "temperature": "degC", "sodium_reversal": "mV", "potassium_reversal": "mV", "calcium_reversal": "mV",
        "leak_reversal": "mV", "calcium_rest": "mM", "calcium_removal": "ms", "calcium_entry": "mM/ms/(mA/cm2)",
        "calcium_balance": "mA/cm2",
    }  # fmt: skip
    names = tuple(f"{key}.{gate}" for key, found in channels.items() for gate in found.gates)
    return Membrane(FILE, names, {"calcium": "mM"}, units, gates, current, pool_rates)


def _resting(
    channels: Mapping[str, Channel], parameters: Mapping[str, Array], rest: float
) -> dict[str, float]:
    """Voltage, calcium and gates at rest, the same in every region."""
    calcium, celsius = float(parameters["calcium_rest"][0]), float(parameters["temperature"][0])
    gates = {
        f"{key}.{gate}": float(found.kinetics(gate, celsius, V=rest, Ca=calcium)[0])
        for key, found in channels.items()
        for gate in found.gates
    }
    return {"v": rest, "calcium": calcium, **gates}


def _balanced(
    channels: Mapping[str, Channel], parameters: Mapping[str, Array], rest: float
) -> dict[str, Array]:
    """Leak reversal (mV) and constant calcium entry (mA/cm2) with which every region rests."""
    state = _resting(channels, parameters, rest)
    net, calcium = np.zeros(3), np.zeros(3)
    for key, found in channels.items():
        own = {gate: state[f"{key}.{gate}"] for gate in found.gates}
        flow = parameters[f"conductance_{key}"] * found.open(own, V=rest, Ca=state["calcium"])
        flow = flow * (rest - parameters[f"{found.kind}_reversal"])
        net = net + flow
        calcium = calcium + (flow if found.kind == "calcium" else 0.0)
    return {"leak_reversal": rest + net / parameters["conductance_leak"], "calcium_balance": calcium}
