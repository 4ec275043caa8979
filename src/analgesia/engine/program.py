"""A system recorded once: flat program, exact sparsity, symbolic derivatives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analgesia.engine.graph import BOOLEAN, Graph
from analgesia.engine.symbols import Symbol
from analgesia.engine.system import Namespace, System


@dataclass(frozen=True)
class Program:
    """Nodes of one graph, by role. `rates[i]`, `outputs[k]`, `lags[d]` are node indices in the order of the system's names."""

    graph: Graph
    time: int
    states: tuple[int, ...]
    parameters: tuple[int, ...]
    past: tuple[int, ...]
    rates: tuple[int, ...]
    outputs: tuple[int, ...]
    lags: tuple[int, ...]
    names: Mapping[str, int] = field(default_factory=dict)

    def digest(self) -> str:
        """Hash of what the program computes (not of where it was written)."""
        graph = self.graph
        roots = (*self.rates, *self.outputs, *self.lags)
        order = graph.reachable((*roots, self.time, *self.states, *self.parameters, *self.past))
        number = {index: k for k, index in enumerate(order)}
        text = hashlib.blake2b(digest_size=20)
        for index in order:
            value = graph.values[index]
            shown = (
                value.hex()
                if isinstance(value, float)
                else ""
                if graph.ops[index] == "input"
                else repr(value)
            )
            text.update(f"{graph.ops[index]} {[number[a] for a in graph.args[index]]} {shown};".encode())
        groups = (self.time,), self.states, self.parameters, self.past, self.rates, self.outputs, self.lags
        text.update(repr([[number[i] for i in group] for group in groups]).encode())
        return text.hexdigest()


def record(system: System) -> Program:
    """Run the equations of a system once on symbols."""
    graph = Graph()

    time = Symbol(graph, graph.input("t"))
    states, parameters, past = (
        inputs(graph, "y", system.states),
        inputs(graph, "p", system.parameters),
        inputs(graph, "past", system.delays),
    )
    rates = system.evaluate(time, states, parameters, past)
    observed = system.observations(time, states, parameters)
    lags = [
        d.by(time, Namespace(states, "state"), Namespace(parameters, "parameter"))
        for d in system.delays.values()
    ]

    def indices(values: Sequence[object]) -> tuple[int, ...]:
        return tuple(number(graph, value) for value in values)

    return Program(
        graph,
        time.index,
        indices(list(states.values())),
        indices(list(parameters.values())),
        indices(list(past.values())),
        indices(list(rates.values())),
        indices(list(observed.values())),
        indices(lags),
    )


def inputs(graph: Graph, prefix: str, names: Iterable[str]) -> dict[str, Symbol]:
    """Named inputs of a graph, as symbols an equation can use."""
    return {name: Symbol(graph, graph.input(f"{prefix}.{name}")) for name in names}


def number(graph: Graph, value: object) -> int:
    """Node of what an equation returned: a symbol, a truth value (1 or 0) or a plain number."""
    if isinstance(value, Symbol):
        if value.boolean:
            return graph.node(
                "where", (value.index, graph.constant(1.0), graph.constant(0.0)), graph.places[value.index]
            )
        return value.index
    return graph.constant(float(value))  # type: ignore[arg-type]


def derivatives(graph: Graph, roots: Sequence[int], inputs: Sequence[int]) -> list[dict[int, int]]:
    """Sparse forward derivatives: for every root a map input -> node of d root / d input; absent means exactly zero."""
    seeds = {node: k for k, node in enumerate(inputs)}
    partial: dict[int, dict[int, int]] = {}
    one = graph.constant(1.0)
    for index in graph.reachable(roots):
        if index in seeds:
            partial[index] = {index: one}
            continue
        args = graph.args[index]
        if graph.ops[index] in BOOLEAN or not any(partial.get(a) for a in args):
            partial[index] = {}
            continue
        partial[index] = _combine(graph, index, [partial[a] for a in args])
    zero = graph.constant(0.0)
    return [{k: v for k, v in sorted(partial[root].items()) if v != zero} for root in roots]


def _combine(graph: Graph, index: int, tangents: list[dict[int, int]]) -> dict[int, int]:
    op, args, place = graph.ops[index], graph.args[index], graph.places[index]
    zero = graph.constant(0.0)

    def n(kind: str, *operands: int) -> int:
        return graph.node(kind, operands, place)

    keys = sorted({k for t in tangents for k in t})
    if op == "where":
        return {k: n("where", args[0], tangents[1].get(k, zero), tangents[2].get(k, zero)) for k in keys}
    if op in ("min", "max"):
        first = n("le", args[0], args[1]) if op == "min" else n("le", args[1], args[0])
        return {k: n("where", first, tangents[0].get(k, zero), tangents[1].get(k, zero)) for k in keys}
    factors = _partials(graph, index, n, [bool(t) for t in tangents])
    result: dict[int, int] = {}
    for factor, tangent in zip(factors, tangents, strict=True):
        for k, value in tangent.items():
            term = n("mul", factor, value)
            result[k] = n("add", result[k], term) if k in result else term
    return result


def _partials(graph: Graph, index: int, n: object, active: list[bool]) -> list[int]:
    """d node / d operand for each operand, constants folded by the graph."""
    op, args = graph.ops[index], graph.args[index]
    assert callable(n)
    one, zero = graph.constant(1.0), graph.constant(0.0)
    a, b = args[0], args[-1]
    match op:
        case "add":
            return [one, one]
        case "sub":
            return [one, graph.constant(-1.0)]
        case "mul":
            return [b, a]
        case "div":
            return [
                n("div", one, b) if active[0] else zero,
                n("neg", n("div", index, b)) if active[1] else zero,
            ]
        case "neg":
            return [graph.constant(-1.0)]
        case "abs":
            return [n("where", n("lt", a, zero), graph.constant(-1.0), one)]
        case "exp":
            return [index]
        case "log":
            return [n("div", one, a)]
        case "log1p":
            return [n("div", one, n("add", one, a))]
        case "expm1":
            return [n("add", index, one)]
        case "sqrt":  # the slope is infinite at 0, where no finite step could be taken: 0 stands in
            return [n("where", n("eq", a, zero), zero, n("div", graph.constant(0.5), index))]
        case "tanh":
            return [n("sub", one, n("mul", index, index))]
        case "logistic":
            return [n("mul", index, n("sub", one, index))]
        case "pow":
            exponent = graph.number(b)
            if exponent is not None and exponent == round(exponent):
                return [n("mul", b, n("pow", a, graph.constant(exponent - 1.0))), zero]
            at_zero = n(
                "eq", a, zero
            )  # 0**(b - 1) is infinite for b < 1, where no finite step could be taken: 0 stands in
            base = n("where", at_zero, zero, n("div", n("mul", b, index), a)) if active[0] else zero
            top = n("where", at_zero, zero, n("mul", index, n("log", a))) if active[1] else zero
            return [base, top]
    raise AssertionError(op)
