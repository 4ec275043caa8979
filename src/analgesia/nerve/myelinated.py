"""A myelinated fibre from its file: nodes of Ranvier and internodes, each of paranode (MYSA, FLUT) and STIN, in a sheath of myelin.

    I = sum g_c open_c (V - E_c) + g_leak (V - E_leak)          in every compartment; E of sodium, potassium and cations are fixed

The file gives densities for the four kinds of compartment, the lamellae of the myelin, and as formulae of the fibre's diameter D (um) the
diameters of axon, node and MYSA, the distance of nodes, the length of FLUT and the number of lamellae. A lamella is two membranes, so nl
lamellae have the capacitance c / (2 nl) and the conductance g / (2 nl) per area of the fibre's outside.

Sources: McIntyre, Richardson & Grill 2002 (doi 10.1152/jn.00353.2001); Gaines 2018 (doi 10.1007/s10827-018-0689-5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.channels import Channel, Expression, channel
from analgesia.engine.cable import Geometry, Membrane, Sheath
from analgesia.engine.cable.sheath import ring_resistance
from analgesia.engine.system import Namespace
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library
from analgesia.nerve.membranes import INACTIVATED, RESTING, SHIFT, UNBINDING, bound_ratio
from analgesia.nerve.states import SLOWEST, NerveState

Array = NDArray[np.float64]

KINDS = ("node", "mysa", "flut", "stin")
"""Compartments of a fibre; a kind's place in this row is its region of the cable."""
FORMULAE = ("axon_diameter", "node_diameter", "mysa_diameter", "node_distance", "flut_length", "lamellae")
REVERSALS: Mapping[str, str] = {
    "sodium": "sodium_reversal", "potassium": "potassium_reversal", "cation": "cation_reversal"
}  # fmt: skip
WORDS = ("channels", "blocked_as", "internode_per")
UNITS: Mapping[str, str] = {
    "axial_resistivity": "ohm*cm", "capacitance": "uF/cm2", "temperature": "degC", "start": "mV",
    **dict.fromkeys(("diameter", "thinnest", "widest", "node_length", "mysa_length"), "um"),
    **dict.fromkeys([f"{kind}_space" for kind in KINDS], "um"), **dict.fromkeys(REVERSALS.values(), "mV"),
    "lamella_capacitance": "uF/cm2", "lamella_conductance": "S/cm2", "stin_pieces": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Myelinated:
    """A fibre's file, ready to run.

    `densities[kind]`: S/cm2 by channel, and `leak` with `leak_reversal` (mV). `numbers`: those of cable, sheath and geometry by name (um,
    mV, ohm cm, S/cm2, uF/cm2, degC). `blocked_as`: channels whose block by a drug stands for that of this fibre's own, the first known
    one. `outside`: densities of the internode are per area of the fibre's outside, not of its axon.
    """

    name: str
    channels: Mapping[str, Channel]
    membrane: Membrane
    altered: Membrane
    densities: Mapping[str, Mapping[str, float]]
    numbers: Mapping[str, float]
    formulae: Mapping[str, Expression]
    blocked_as: tuple[str, ...]
    outside: bool

    @property
    def sodium(self) -> tuple[str, ...]:
        """Its sodium channels."""
        return tuple(key for key, found in self.channels.items() if found.kind == "sodium")

    @property
    def diameter(self) -> float:
        """um; of the fibre, myelin included."""
        return self.numbers["diameter"]

    @property
    def period(self) -> int:
        """Compartments from one node to the next."""
        return 5 + round(self.numbers["stin_pieces"])

    def sizes(self, diameter: float) -> dict[str, float]:
        """What the formulae give for a fibre of `diameter` (um): um, and the number of lamellae.

        Raises `ModelError` outside the file's range.
        """
        least, most = self.numbers["thinnest"], self.numbers["widest"]
        if not least <= diameter <= most:
            raise ModelError(
                f"a diameter of {diameter:g} um: {self.name} is known from {least:g} to {most:g} um, myelin included"
            )
        known: dict[str, Any] = {**self.numbers, "D": diameter}
        for name in FORMULAE:
            known[name] = float(self.formulae[name].run(known))
            if not math.isfinite(known[name]) or known[name] <= 0.0:
                raise EvidenceError(
                    f"neuron {self.name}: equations.{name} gives {known[name]:g} for D = {diameter:g} um"
                )
        pieces = self.numbers["stin_pieces"]
        ends = self.numbers["node_length"] + 2.0 * (self.numbers["mysa_length"] + known["flut_length"])
        known["stin_length"] = (known["node_distance"] - ends) / pieces
        if known["stin_length"] <= 0.0:
            raise EvidenceError(
                f"neuron {self.name}: at D = {diameter:g} um nodes are closer than the paranodes between them are long"
            )
        return {name: known[name] for name in (*FORMULAE, "stin_length")}


def myelinated(name: str, library: Library) -> Myelinated:
    """Build a fibre from `library.neurons[name]`. Raises `EvidenceError` for what its file lacks."""
    record = library.neurons[name]
    names = record.equations.get("channels", "").split()
    channels = {key: channel(key, library) for key in names}
    missing = [key for key in ("cable", "sheath", "geometry", *KINDS) if key not in record.parameters] + [
        key for key in FORMULAE if key not in record.equations
    ]
    if missing:
        raise EvidenceError(f"neuron {name}: it lacks {', '.join(missing)}, which a myelinated fibre needs")
    densities = {
        kind: {key: float(number.to("mV" if key == "leak_reversal" else "S/cm2")) for key, number in record.parameters[kind].items()}
        for kind in KINDS
    }  # fmt: skip
    for kind, table in densities.items():
        for key in ("leak", "leak_reversal"):
            if key not in table:
                raise EvidenceError(f"neuron {name}: parameters.{kind} lacks {key}")
        extra = set(table) - {*channels, "leak", "leak_reversal"}
        if extra:
            raise EvidenceError(
                f"neuron {name}: parameters.{kind} has {', '.join(sorted(extra))}, which its channels do not name"
            )
    numbers = {
        key: _number(name, key, number)
        for table in ("cable", "sheath", "geometry")
        for key, number in record.parameters[table].items()
    }
    formulae = {
        key: Expression.parse(text, f"neuron {name}: equations.{key}")
        for key, text in record.equations.items()
        if key not in WORDS
    }
    for k, key in enumerate(FORMULAE):
        unknown = formulae[key].names() - {*numbers, "D", *FORMULAE[:k]}
        if unknown:
            raise EvidenceError(
                f"neuron {name}: equations.{key} uses {', '.join(sorted(unknown))}, which nothing defines"
            )
    pairs = tuple(channels.items())
    return Myelinated(
        name,
        channels,
        membrane(name, pairs),
        membrane(name, pairs, altered=True),
        densities,
        numbers,
        formulae,
        tuple(record.equations.get("blocked_as", "").split()),
        record.equations.get("internode_per") == "fibre",
    )


def _number(name: str, key: str, number: Any) -> float:
    """A number in the unit the equations are written in; those of formulae as typed, in micrometres."""
    if key in UNITS:
        return float(number.to(UNITS[key]))
    if number.unit not in ("1", "um", "1/um"):
        raise EvidenceError(
            f"neuron {name}: {key} is in {number.unit}; numbers of formulae are in um, 1/um or 1"
        )
    return float(number.to(number.unit))


@cache
def membrane(name: str, channels: tuple[tuple[str, Channel], ...], *, altered: bool = False) -> Membrane:
    """Equations shared by all compartments; `altered`: with shifts and blocks of the sodium channels (`membranes`)."""
    sodium = tuple(key for key, found in channels if found.kind == "sodium") if altered else ()
    schemes = [key for key, found in channels if found.states or found.kind not in REVERSALS]
    if schemes:
        raise EvidenceError(
            f"neuron {name}: {', '.join(schemes)} cannot be in a myelinated fibre, which takes gated channels of "
            f"{', '.join(REVERSALS)}"
        )

    def gates(v: Any, y: Namespace, p: Namespace) -> Mapping[str, tuple[Any, Any]]:
        moves = {}
        for key, found in channels:
            for gate in found.gates:
                felt = v - p[SHIFT + key] if key in sodium and gate in found.activation else v
                moves[f"{key}.{gate}"] = found.kinetics(gate, p.temperature, V=felt)
        for key, found in channels:
            if key in sodium:
                x = bound_ratio(found, key, {gate: y[f"{key}.{gate}"] for gate in found.gates}, p)
                moves[f"{key}.bound"] = (x / (1.0 + x), p[UNBINDING + key] * (1.0 + x))
        return moves

    def current(v: Any, y: Namespace, p: Namespace) -> Any:
        total = p.conductance_leak * (v - p.leak_reversal)
        for key, found in channels:
            opened = p[f"conductance_{key}"] * found.open(
                {gate: y[f"{key}.{gate}"] for gate in found.gates}, V=v
            )
            if key in sodium:
                opened = opened * (1.0 - y[f"{key}.bound"])
            total = total + opened * (v - p[REVERSALS[found.kind]])
        return total

    gate_names = tuple(f"{key}.{gate}" for key, found in channels for gate in found.gates)
    units = {
        "capacitance": "uF/cm2", "temperature": "degC", "conductance_leak": "S/cm2", "leak_reversal": "mV",
        **dict.fromkeys(REVERSALS.values(), "mV"), **{f"conductance_{key}": "S/cm2" for key, _ in channels},
        **{SHIFT + key: "mV" for key in sodium}, **{UNBINDING + key: "1/ms" for key in sodium},
        **{prefix + key: "1" for key in sodium for prefix in (RESTING, INACTIVATED)},
    }  # fmt: skip
    return Membrane(name, gate_names + tuple(f"{key}.bound" for key in sodium), {}, units, gates, current)


def anatomy(fibre: Myelinated, diameter: float, nodes: int) -> Geometry:
    """Compartments of a fibre of `diameter` (um) with so many nodes, from the first node to the last."""
    size, n = fibre.sizes(diameter), fibre.numbers
    pieces = round(n["stin_pieces"])
    internode = [1, 2, *[3] * pieces, 2, 1]
    region = np.array([0, *[*internode, 0] * (nodes - 1)], np.int64)
    length = np.array([n["node_length"], n["mysa_length"], size["flut_length"], size["stin_length"]])[region]
    inner = np.array([size["node_diameter"], size["mysa_diameter"], *[size["axon_diameter"]] * 2])[region]
    space = np.array([n[f"{kind}_space"] for kind in KINDS])[region]
    outward, membranes = diameter / inner, 2.0 * size["lamellae"]
    bare = region == 0
    sheath = Sheath(
        np.where(bare, 0.0, n["lamella_capacitance"] / membranes * outward),
        np.where(bare, np.inf, n["lamella_conductance"] / membranes * outward),
        ring_resistance(inner, space, n["axial_resistivity"]),
    )
    parent = np.arange(-1, len(region) - 1)
    return Geometry(parent, length, inner, n["axial_resistivity"], region, np.ones(len(region), bool), sheath)


def parameters(fibre: Myelinated, diameter: float, state: NerveState) -> tuple[Membrane, dict[str, Any]]:
    """Membrane (its lean form where nothing is changed) and parameters by region [kind, lane] of a fibre in a state.

    Raises `ModelError` for a channel the fibre does not have, a factor below 0, and a depolarisation, since rest follows from its leaks.
    """
    _check(fibre, state)
    size = fibre.sizes(diameter)
    inner = {"mysa": size["mysa_diameter"], "flut": size["axon_diameter"], "stin": size["axon_diameter"]}
    wider = [diameter / inner[kind] if fibre.outside and kind in inner else 1.0 for kind in KINDS]
    given: dict[str, Any] = {
        "capacitance": fibre.numbers["capacitance"],
        "temperature": fibre.numbers["temperature"],
        "leak_reversal": _column([fibre.densities[kind]["leak_reversal"] for kind in KINDS]),
        **{name: fibre.numbers[name] for name in REVERSALS.values()},
    }
    for key in (*fibre.channels, "leak"):
        own = [
            fibre.densities[kind].get(key, 0.0) * factor for kind, factor in zip(KINDS, wider, strict=True)
        ]
        given[f"conductance_{key}"] = _column(own) * np.atleast_1d(
            np.asarray(state.factors.get(key, 1.0), float)
        )
    if state.empty:
        return fibre.membrane, given
    for key in fibre.sodium:
        block = state.blocks.get(key)
        given |= {
            SHIFT + key: state.shifts.get(key, 0.0),
            RESTING + key: block.resting if block else 0.0,
            INACTIVATED + key: block.inactivated if block else 0.0,
            UNBINDING + key: block.unbinding if block else SLOWEST,
        }
    return fibre.altered, given


def _check(fibre: Myelinated, state: NerveState) -> None:
    for what, names in (("conductance", state.factors), ("shift", state.shifts), ("block", state.blocks)):
        extra = set(names) - set(fibre.channels if what == "conductance" else fibre.sodium)
        if extra:
            raise ModelError(
                f"fibre {fibre.name} has no {', '.join(sorted(extra))} whose {what} could change; it has {', '.join(fibre.channels)}"
            )
    for key, factor in state.factors.items():
        if not np.all(np.isfinite(factor)) or np.any(np.asarray(factor) < 0.0):
            raise ModelError(
                f"fibre {fibre.name}: a conductance of {key} times {factor}; give a factor of 0 or more"
            )
    if np.any(state.depolarisation):
        raise ModelError(
            f"fibre {fibre.name} rests where its channels let it: a depolarisation cannot be given, change a conductance"
        )


def _column(values: Any) -> Array:
    return np.asarray(values, float)[:, None]
