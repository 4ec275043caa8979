"""Forward sensitivities: the variational equations of a system, written symbolically, as a larger system.

With S = dy/dp:  dS/dt = (df/dy) S + df/dp,  d output/dp = (dg/dy) S + dg/dp. The state `y@p` is S of state y and parameter p; doses do not
depend on parameters, so actions leave it alone, and its initial value is 1 where the state starts at that parameter, else 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analgesia.engine.graph import Graph
from analgesia.engine.program import derivatives, record
from analgesia.engine.symbols import FUNCTIONS
from analgesia.engine.system import System
from analgesia.errors import ModelError

_NAMES = {"pow": "power", "min": "minimum", "max": "maximum", "abs": "absolute"}


def with_sensitivities(system: System, parameters: Sequence[str]) -> System:
    """The system with states and outputs `name@parameter` added for each parameter named."""
    if system.delays:
        raise ModelError(f"system `{system.name}` has delays; sensitivities are for systems without")
    positions = [system.parameter_index(p) for p in parameters]
    program = record(system)
    states, outputs = list(system.states), list(system.outputs)
    inputs = (*program.states, *(program.parameters[m] for m in positions))
    rows = derivatives(program.graph, (*program.rates, *program.outputs), inputs)
    graph = program.graph
    names = dict(zip(program.states, states, strict=True))

    def values(t: Any, y: Any, p: Any, roots: Sequence[int]) -> dict[int, Any]:
        known: dict[int, Any] = {program.time: t}
        known |= {node: y[name] for node, name in names.items()}
        known |= dict(zip(program.parameters, (p[name] for name in system.parameters), strict=True))
        return evaluate(graph, roots, known)

    def extend(
        t: Any,
        y: Any,
        p: Any,
        labels: Sequence[str],
        roots: Sequence[int],
        partials: Sequence[Mapping[int, int]],
    ) -> dict[str, Any]:
        found = values(t, y, p, [*roots, *(node for row in partials for node in row.values())])
        result = {label: found[root] for label, root in zip(labels, roots, strict=True)}
        for parameter, position in zip(parameters, positions, strict=True):
            for label, row in zip(labels, partials, strict=True):
                direct = row.get(program.parameters[position])
                total = found[direct] if direct is not None else 0.0
                for node, name in names.items():
                    if node in row:
                        total = total + found[row[node]] * y[f"{name}@{parameter}"]
                result[f"{label}@{parameter}"] = total
        return result

    def units(of: Mapping[str, str]) -> dict[str, str]:
        added = {
            f"{n}@{p}": f"({u or 1})/({system.parameters[p] or 1})" for p in parameters for n, u in of.items()
        }
        return dict(of) | added

    started = {f"{s}@{v}": 1.0 for s, v in system.initial.items() if isinstance(v, str) and v in parameters}
    count = len(states)
    return System(
        f"{system.name} with sensitivities",
        units(system.states),
        system.parameters,
        lambda t, y, p: extend(t, y, p, states, program.rates, rows[:count]),
        units(system.outputs),
        (lambda t, y, p: extend(t, y, p, outputs, program.outputs, rows[count:])) if outputs else None,
        system.time_unit,
        dict(system.initial) | started,
    )


def evaluate(graph: Graph, roots: Sequence[int], known: Mapping[int, Any]) -> dict[int, Any]:
    """Values of nodes on any kind of scalar: floats, arrays, tracers, symbols of another graph."""
    found: dict[int, Any] = {}
    for index in graph.reachable(roots):
        op, value = graph.ops[index], graph.values[index]
        if index in known:
            found[index] = known[index]
        elif op in ("const", "truth"):
            found[index] = value
        else:
            found[index] = _apply(op, [found[a] for a in graph.args[index]])
    return found


def _apply(op: str, x: list[Any]) -> Any:
    match op:
        case "add":
            return x[0] + x[1]
        case "sub":
            return x[0] - x[1]
        case "mul":
            return x[0] * x[1]
        case "div":
            return x[0] / x[1]
        case "neg":
            return -x[0]
        case "lt":
            return x[0] < x[1]
        case "le":
            return x[0] <= x[1]
        case "eq":
            return x[0] == x[1]
        case "ne":
            return x[0] != x[1]
        case "and":
            return x[0] & x[1]
        case "or":
            return x[0] | x[1]
        case "not":
            return ~x[0]
    return FUNCTIONS[_NAMES.get(op, op)](*x)
