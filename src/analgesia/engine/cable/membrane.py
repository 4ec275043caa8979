"""What happens at one place of a membrane, written once as plain functions of scalars, and its recorded form.

A membrane has gates, which relax exponentially towards a target, schemes of states with transitions between them (`engine.markov`; their
states count among the gates), and pools (ion concentrations), which follow a rate.
The kernel needs the current linear in the voltage over one step; the slope is derived from the equation, never typed:

    I(V) ~ I(V_n) + I'(V_n) (V - V_n)          (exact for conductances, second order for the rest)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analgesia.engine.cable.fractions import merged
from analgesia.engine.graph import Graph
from analgesia.engine.lowering import hoist, parameter_only, transfer
from analgesia.engine.markov import Scheme
from analgesia.engine.program import derivatives, inputs, number
from analgesia.engine.symbols import Symbol
from analgesia.engine.system import Namespace
from analgesia.errors import ModelError


@dataclass(frozen=True, eq=False)
class Membrane:
    """Gates, currents and pools of one patch.

    `gates(v, y, p) -> {gate: (target, rate)}`: dg/dt = rate (target - g), rate in 1/ms.
    `current(v, y, p)`: outward current density through the membrane without capacitance, mA/cm2.
    `pool_rates(v, y, p) -> {pool: d/dt}`: per ms; at most linear in v.
    `schemes(v, y, p) -> [Scheme]`: rates between states, which stand among `gate_names` and not in `gates`.
    `v` in mV; `y` holds gates and pools; `p` the parameters, of which `capacitance` (uF/cm2) must be one.
    """

    name: str
    gate_names: tuple[str, ...]
    pools: Mapping[str, str]
    parameters: Mapping[str, str]
    gates: Callable[[Any, Namespace, Namespace], Mapping[str, tuple[Any, Any]]]
    current: Callable[[Any, Namespace, Namespace], Any]
    pool_rates: Callable[[Any, Namespace, Namespace], Mapping[str, Any]] | None = None
    schemes: Callable[[Any, Namespace, Namespace], Sequence[Scheme]] | None = None

    def __post_init__(self) -> None:
        if self.parameters.get("capacitance") != "uF/cm2":
            raise ModelError(f"membrane `{self.name}`: a parameter `capacitance` in uF/cm2 is needed")
        if self.pools and self.pool_rates is None:
            raise ModelError(f"membrane `{self.name}` has pools but no `pool_rates`")


@dataclass(frozen=True)
class Recorded:
    """A membrane as nodes of one graph.

    `targets[g]`, `rates[g]`: gates; of a state, its share at rest and the rate at which it is left. `changes[g]`: what a step of
    `step` ms adds to a state; -1 for a gate. `current`, `slope`: I and dI/dV; `offset[k]`, `gain[k]`: pool rate = offset + gain V;
    `easing[k]`: derivative of a pool's rate by the pool.
    `hoisted`: nodes that depend on parameters alone; the kernel reads them as further parameters.
    """

    graph: Graph
    voltage: int
    gates: tuple[int, ...]
    pools: tuple[int, ...]
    parameters: tuple[int, ...]
    targets: tuple[int, ...]
    rates: tuple[int, ...]
    changes: tuple[int, ...]
    step: int
    current: int
    slope: int
    offset: tuple[int, ...]
    gain: tuple[int, ...]
    easing: tuple[int, ...]
    capacitance: int
    hoisted: tuple[int, ...] = field(default=())


def record(membrane: Membrane) -> Recorded:
    """Run the membrane's equations once on symbols and take the derivatives the kernel needs."""
    graph = Graph()

    v = Symbol(graph, graph.input("v"))
    gates, pools = inputs(graph, "gate", membrane.gate_names), inputs(graph, "pool", membrane.pools)
    parameters = inputs(graph, "p", membrane.parameters)
    y, p = Namespace(gates | pools, "state"), Namespace(parameters, "parameter")
    moves = dict(membrane.gates(v, y, p))
    step = Symbol(graph, graph.input("step"))
    changes: dict[str, Any] = {}
    for scheme in membrane.schemes(v, y, p) if membrane.schemes is not None else ():
        scheme.check(f"membrane `{membrane.name}`")
        rest = scheme.rest()
        changes |= scheme.step({state: gates[state] for state in scheme.states if state in gates}, step)
        for state in scheme.states:
            moves[state] = (
                rest[state],
                sum(rate for (source, _), rate in scheme.rates.items() if source == state),
            )
    if set(moves) != set(gates):
        raise ModelError(
            f"membrane `{membrane.name}`: gates {sorted(set(moves) ^ set(gates))} are named on one side only"
        )
    current = number(graph, membrane.current(v, y, p))
    slope = derivatives(graph, [current], [v.index])[0].get(v.index, graph.constant(0.0))
    flows = membrane.pool_rates(v, y, p) if membrane.pool_rates is not None else {}
    if set(flows) != set(pools):
        raise ModelError(
            f"membrane `{membrane.name}`: pools {sorted(set(flows) ^ set(pools))} are named on one side only"
        )
    rates = [number(graph, flows[name]) for name in pools]
    gains = [d.get(v.index, graph.constant(0.0)) for d in derivatives(graph, rates, [v.index])]
    if any(graph_depends(graph, gain, {v.index}) for gain in gains):
        raise ModelError(f"membrane `{membrane.name}`: the rate of a pool must be linear in the voltage")
    own = derivatives(graph, rates, [s.index for s in pools.values()])
    easing = [d.get(s.index, graph.constant(0.0)) for d, s in zip(own, pools.values(), strict=True)]
    offsets = [
        graph.node("sub", (r, graph.node("mul", (g, v.index)))) for r, g in zip(rates, gains, strict=True)
    ]
    plain = [name for name in gates if name not in changes]
    merged_pairs = [merged(graph, [number(graph, moves[name][side]) for name in plain]) for side in (0, 1)]
    pairs = {name: (number(graph, moves[name][0]), number(graph, moves[name][1])) for name in changes}
    pairs |= {name: (merged_pairs[0][k], merged_pairs[1][k]) for k, name in enumerate(plain)}
    return _simplified(
        graph,
        voltage=[v.index],
        gates=[s.index for s in gates.values()],
        pools=[s.index for s in pools.values()],
        parameters=[s.index for s in parameters.values()],
        targets=[pairs[name][0] for name in gates],
        rates=[pairs[name][1] for name in gates],
        changes=[number(graph, changes[name]) if name in changes else -1 for name in gates],
        step=[step.index],
        current=[current],
        slope=[slope],
        offset=offsets,
        gain=gains,
        easing=easing,
        capacitance=[parameters["capacitance"].index],
    )


def _simplified(graph: Graph, **groups: list[int]) -> Recorded:
    """Copy the groups into a graph with powers as products and divisions by parameters as products; hoist what is fixed."""
    simple = Graph()
    copy: dict[int, int] = {}
    everything = [node for group in groups.values() for node in group if node >= 0]
    transfer(graph, simple, everything, copy, parameter_only(graph, groups["parameters"]))
    moved = {name: tuple(copy.get(node, -1) for node in group) for name, group in groups.items()}
    needed = ("targets", "rates", "changes", "current", "slope", "offset", "gain")
    roots = [n for name in needed for n in moved[name] if n >= 0]
    return Recorded(
        simple,
        moved["voltage"][0],
        moved["gates"],
        moved["pools"],
        moved["parameters"],
        moved["targets"],
        moved["rates"],
        moved["changes"],
        moved["step"][0],
        moved["current"][0],
        moved["slope"][0],
        moved["offset"],
        moved["gain"],
        moved["easing"],
        moved["capacitance"][0],
        hoist(simple, roots, moved["parameters"]),
    )


def graph_depends(graph: Graph, root: int, inputs: set[int]) -> bool:
    """Whether a node depends on any of the inputs."""
    return not inputs.isdisjoint(graph.reachable([root]))
