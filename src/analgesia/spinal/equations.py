"""Equations of the dorsal horn: six pools as conductance-based rate neurons, on the millisecond clock.

Pool with potential V, conductances g in units of its leak (Wilson-Cowan type, one compartment a pool):

    tau dV/dt = (E_L - V) + g_e (E_e - V) + g_i (E_Cl - V) + g_K (E_K - V)
    rate      = r_max logistic((V - V_T) / k)
    g_e = sum w_AMPA s + B(V) sum w_NMDA s + w_NK1 s + w_ON ON,   B = 1 / (1 + m exp(-V c))   (Jahr & Stevens)
    g_i = sum w_GABA s + sum w_glycine s + w_OFF OFF
    g_K = share x g_GIRK x (1 - (1 - S'_mu)(1 - S'_alpha2a)),   S' = S / (S + shift (1 - S))

g_K is the postsynaptic brake: the odds of the stimulus divided by the right shift of that coupling. Gates: T ds/dt =
T e (1 - s) - s, with e the rate of transmitter events: release x vesicles x rate for an afferent, the rate itself
for an interneuron. Vesicles x of an afferent: T dx/dt = 1 - x - T U e, the short-term depression. Substance P opens
NK1 when the release of C fibres runs faster than a threshold: e = gain x softplus(release x rate - threshold).
Descending control: noxious drive h = P / (P + P_half) excites ON cells and pauses OFF cells, a mu agonist above the
cord (S_d) silences ON and frees OFF: ON -> (1 - S_d) h, OFF -> 1 - (1 - S_d) h. OFF inhibits through E_Cl and
carries the noradrenaline that joins any alpha2A agonist.

`memory` caps the time constants of the slow gates. Above the longest one it changes nothing; a small value leaves
every fixed point where it is (each gate is written as relaxation to its stationary value) and reaches it sooner. It
is how a steady state is computed.

Cannot do: NMDA-dependent wind-up (what little it has rests on substance P alone; without a calcium plateau NMDA block
leaves it), spikes and their synchrony, receptive fields, interneuron-to-interneuron inhibition, presynaptic inhibition by GABA, plasticity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analgesia.engine import exp, log1p, logistic, minimum
from analgesia.engine.network import Network
from analgesia.neurons import FIBRES, combined, n_type_current, release
from analgesia.spinal.circuit import EXCITATORY, FAST, INHIBITORY, POOLS, Circuit

NODES = (
    "mu_presynaptic",
    "mu_postsynaptic",
    "mu_descending",
    "delta_presynaptic",
    "kappa_presynaptic",
    "alpha2a_presynaptic",
    "alpha2a_postsynaptic",
    "alpha2delta",
)
"""Where drug classes enter: a stimulus (of alpha2delta: the occupancy) between 0 and 1 at each. 0 is the drug-free cord."""

PERSON = {
    "input.c_fibre": "1/ms",
    "input.a_delta": "1/ms",
    "input.a_beta": "1/ms",
    "chloride_reversal": "mV",
    "alpha2delta_upregulation": "1",
}
"""What differs between people: firing of each fibre pool, E_Cl, share of N-type current added by alpha2delta."""

_OPIOID_TERMINALS = ("c_fibre", "a_delta")


def states() -> dict[str, str]:
    """State -> unit."""
    found = {f"potential.{pool}": "mV" for pool in POOLS}
    found |= {f"{gate}.{source}": "1" for gate, sources in FAST.items() for source in sources}
    return (
        found
        | {"nk1.c_fibre": "1"}
        | {f"vesicles.{f}": "1" for f in FIBRES}
        | {"on_cells": "1", "off_cells": "1"}
    )


def firing_rate(potential: Any, pool: Any) -> Any:
    """Rate of a pool at a potential, 1/ms; `pool` has maximal_rate, threshold, slope."""
    return pool.maximal_rate * logistic((potential - pool.threshold) / pool.slope)


def right_shifted(stimulus: Any, shift: Any) -> Any:
    """The stimulus of a coupling with less reserve: its odds divided by `shift`. Keeps 0 and 1."""
    return stimulus / (stimulus + shift * (1.0 - stimulus))


def magnesium(potential: Any, p: Any) -> Any:
    """Share of NMDA receptors that magnesium leaves open at a potential."""
    return 1.0 / (1.0 + p["magnesium.strength"] * exp(-potential * p["magnesium.steepness"]))


def softplus(x: Any, width: Any) -> Any:
    """A rectified x with a rounded corner of that width: width log(1 + exp(x / width))."""
    return width * log1p(exp(x / width))


def released(fibre: str, noradrenaline: Any, p: Any) -> Any:
    """Release per spike of one fibre's endings, as a factor on health. A-beta endings carry none of these receptors."""
    if fibre not in _OPIOID_TERMINALS:
        return 1.0
    terminal = p.scope(f"terminal.{fibre}")
    n_type = n_type_current(
        p.alpha2delta_upregulation,
        p["node.alpha2delta"],
        combined(p["node.mu_presynaptic"], p["node.delta_presynaptic"], p["node.kappa_presynaptic"]),
        p["terminal.opioid_block"],
        combined(p["node.alpha2a_presynaptic"], noradrenaline),
        terminal.alpha2a_block,
    )
    return release(terminal.n_type, terminal.p_q_type, terminal.other, n_type, p["terminal.cooperativity"])


def build(circuit: Circuit) -> Network:
    """The dorsal horn of `circuit` as a network of the engine; rates leave it in 1/ms."""

    def gather(y: Any, p: Any, pool: str, gate: str) -> Any:
        total: Any = 0.0
        for source in circuit.onto(pool, gate):
            total = total + p[f"synapses.{source}.{pool}.{gate}"] * y[f"{gate}.{source}"]
        return total

    def membrane(y: Any, p: Any, pool: str, girk: Any) -> Any:
        potential = y[f"potential.{pool}"]
        cell = p.scope(f"pools.{pool}")
        excitation = gather(y, p, pool, "ampa") + gather(y, p, pool, "nk1") + cell.descending_on * y.on_cells
        excitation = excitation + gather(y, p, pool, "nmda") * magnesium(potential, p)
        inhibition = (
            gather(y, p, pool, "gaba") + gather(y, p, pool, "glycine") + cell.descending_off * y.off_cells
        )
        leak = p["membrane.leak_reversal"] - potential
        excited = excitation * (p["membrane.excitatory_reversal"] - potential)
        inhibited = inhibition * (p.chloride_reversal - potential)
        braked = cell.girk_share * girk * (p["membrane.potassium_reversal"] - potential)
        return (leak + excited + inhibited + braked) / p["membrane.time_constant"]

    def derivatives(t: Any, y: Any, p: Any) -> Mapping[str, Any]:
        rate = {pool: firing_rate(y[f"potential.{pool}"], p.scope(f"pools.{pool}")) for pool in POOLS}
        noradrenaline = p["descending.noradrenaline"] * y.off_cells
        brake = combined(
            right_shifted(p["node.mu_postsynaptic"], p["girk.right_shift"]),
            right_shifted(combined(p["node.alpha2a_postsynaptic"], noradrenaline), p["girk.right_shift"]),
        )
        girk = p["girk.conductance"] * brake
        rates = {f"potential.{pool}": membrane(y, p, pool, girk) for pool in POOLS}

        events: dict[str, Any] = {source: rate[source] for source in (*EXCITATORY, *INHIBITORY)}
        for fibre in FIBRES:
            quanta = released(fibre, noradrenaline, p) * p[f"input.{fibre}"]
            recovery, vesicles = p["depression.recovery"], y[f"vesicles.{fibre}"]
            events[fibre] = quanta * vesicles
            used = p["depression.use"] * recovery * quanta * vesicles
            rates[f"vesicles.{fibre}"] = (1.0 - vesicles - used) / minimum(recovery, p.memory)
            if fibre == "c_fibre":
                excess = softplus(quanta - p["substance_p.threshold"], p["substance_p.width"])
                opening = p["transmitters.nk1_decay"] * p["substance_p.gain"] * excess
                rates["nk1.c_fibre"] = gate(y["nk1.c_fibre"], opening, p["transmitters.nk1_decay"], p.memory)
        for name, sources in FAST.items():
            decay = p[f"transmitters.{name}_decay"]
            for source in sources:
                rates[f"{name}.{source}"] = gate(
                    y[f"{name}.{source}"], decay * events[source], decay, p.memory
                )

        noxious = rate["projection"] / (rate["projection"] + p["descending.half_drive"])
        freed = 1.0 - p["node.mu_descending"]
        pace = minimum(p["descending.time_constant"], p.memory)
        rates["on_cells"] = (freed * noxious - y.on_cells) / pace
        rates["off_cells"] = (1.0 - freed * noxious - y.off_cells) / pace
        return rates

    def observe(t: Any, y: Any, p: Any) -> Mapping[str, Any]:
        return {pool: firing_rate(y[f"potential.{pool}"], p.scope(f"pools.{pool}")) for pool in POOLS}

    given = PERSON | {f"node.{node}": "1" for node in NODES} | {"memory": "ms"}
    initial: dict[str, float | str] = {f"potential.{pool}": "membrane.leak_reversal" for pool in POOLS}
    return Network(
        name="dorsal_horn",
        states=states(),
        parameters=dict(circuit.units) | given,
        derivatives=derivatives,
        outputs=dict.fromkeys(POOLS, "1/ms"),
        observe=observe,
        initial=initial | {f"vesicles.{f}": 1.0 for f in FIBRES} | {"off_cells": 1.0},
    )


def gate(opened: Any, opening: Any, decay: Any, memory: Any) -> Any:
    """Rate of change of the open share of a receptor: (opening (1 - s) - s) / decay, the clock capped by `memory`.

    `opening` is dimensionless: decay time x rate of transmitter events.
    """
    return (opening * (1.0 - opened) - opened) / minimum(decay, memory)
