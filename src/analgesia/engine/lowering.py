"""From a recorded program to what the solver needs: rates, sparse Jacobian, time derivative, and what can be computed once per patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analgesia.engine.graph import Graph
from analgesia.engine.program import Program, derivatives

_LARGEST_CHAIN = 32  # whole powers up to this become multiplications


@dataclass(frozen=True)
class Lowered:
    """Roots in a graph prepared for emission.

    `jacobian[(i, j)]` = d rate i / d state j, structurally non-zero entries only; `explicit[i]` = d rate i / d t. `hoisted`:
    nodes that depend on
    parameters alone, computed when a patient is loaded. With delays, `slopes[d]` and `inside[d]` are inputs: the slope of the
    history where delay
    d looks, and the weight of the present value in what it finds (1 when the delay is 0); `delayed[d]` is the output it looks back at and
    `delayed_rows[d]` that output's derivatives by state (or time, -1).
    """

    graph: Graph
    time: int
    states: tuple[int, ...]
    parameters: tuple[int, ...]
    past: tuple[int, ...]
    slopes: tuple[int, ...]
    inside: tuple[int, ...]
    rates: tuple[int, ...]
    outputs: tuple[int, ...]
    lags: tuple[int, ...]
    delayed: tuple[int, ...]
    delayed_rows: tuple[Mapping[int, int], ...]
    jacobian: Mapping[tuple[int, int], int]
    explicit: Mapping[int, int]
    hoisted: tuple[int, ...]


def lower(program: Program, delayed_outputs: tuple[int, ...] = ()) -> Lowered:
    """Simplify, differentiate, hoist. `delayed_outputs[d]` is the output that delay d looks back at."""
    graph = Graph()
    copy: dict[int, int] = {}
    constant = parameter_only(program.graph, program.parameters)
    transfer(program.graph, graph, (*program.rates, *program.outputs, *program.lags), copy, constant)

    def moved(nodes: Iterable[int]) -> tuple[int, ...]:
        return tuple(copy[n] if n in copy else graph.input(str(program.graph.values[n])) for n in nodes)

    time, states, parameters, past = (
        moved([program.time])[0],
        moved(program.states),
        moved(program.parameters),
        moved(program.past),
    )
    rates, outputs, lags = moved(program.rates), moved(program.outputs), moved(program.lags)
    slopes = tuple(graph.input(f"slope.{d}") for d in range(len(past)))
    inside = tuple(graph.input(f"inside.{d}") for d in range(len(past)))
    rows = derivatives(graph, (*rates, *outputs, *lags), (*states, time, *past))
    rate_rows, output_rows, lag_rows = (
        rows[: len(rates)],
        rows[len(rates) : len(rates) + len(outputs)],
        rows[len(rates) + len(outputs) :],
    )
    delayed = tuple(outputs[k] for k in delayed_outputs)
    totals = [dict(row) for row in rate_rows]
    for row, total in zip(rate_rows, totals, strict=True):
        for d, node in enumerate(past):
            if node in row:
                _through_delay(
                    graph,
                    total,
                    row[node],
                    lag_rows[d],
                    output_rows[delayed_outputs[d]],
                    slopes[d],
                    inside[d],
                    time,
                    (*states, time),
                )
    column = {node: j for j, node in enumerate(states)}
    jacobian = {
        (i, column[n]): value for i, row in enumerate(totals) for n, value in row.items() if n in column
    }
    explicit = {i: row[time] for i, row in enumerate(totals) if time in row}
    delayed_rows = [
        {column.get(n, -1): value for n, value in output_rows[k].items() if n in column or n == time}
        for k in delayed_outputs
    ]
    partials = [value for row in delayed_rows for value in row.values()]
    simplified = Graph()
    again: dict[int, int] = {}
    everything = (*rates, *outputs, *lags, *partials, *jacobian.values(), *explicit.values())
    transfer(graph, simplified, everything, again, parameter_only(graph, parameters))

    def final(nodes: Iterable[int]) -> tuple[int, ...]:
        return tuple(again[n] if n in again else simplified.input(str(graph.values[n])) for n in nodes)

    zero = simplified.constant(0.0)
    new_jacobian = {k: n for k, n in zip(jacobian, final(jacobian.values()), strict=True) if n != zero}
    new_explicit = {k: n for k, n in zip(explicit, final(explicit.values()), strict=True) if n != zero}
    roots = (*final(everything),)
    new_parameters = final(parameters)
    return Lowered(
        simplified,
        final([time])[0],
        final(states),
        new_parameters,
        final(past),
        final(slopes),
        final(inside),
        final(rates),
        final(outputs),
        final(lags),
        final(delayed),
        tuple(dict(zip(row, final(row.values()), strict=True)) for row in delayed_rows),
        new_jacobian,
        new_explicit,
        hoist(simplified, roots, new_parameters),
    )


def _through_delay(
    graph: Graph,
    total: dict[int, int],
    factor: int,
    lag: Mapping[int, int],
    present: Mapping[int, int],
    slope: int,
    inside: int,
    time: int,
    inputs: tuple[int, ...],
) -> None:
    """Chain rule through a looked-up value: outside the step it moves along the history, inside it follows the present state."""
    one, zero = graph.constant(1.0), graph.constant(0.0)
    outside = graph.node("sub", (one, inside))
    for node in inputs:
        moved = graph.node("sub", (one if node == time else zero, lag.get(node, zero)))
        along = graph.node("mul", (graph.node("mul", (outside, slope)), moved))
        change = graph.node("add", (along, graph.node("mul", (inside, present.get(node, zero)))))
        if change != zero:
            term = graph.node("mul", (factor, change))
            total[node] = graph.node("add", (total[node], term)) if node in total else term


def parameter_only(graph: Graph, parameters: Iterable[int]) -> set[int]:
    """Nodes that depend on parameters and numbers alone."""
    inputs = set(parameters)
    result: set[int] = set()
    for index, op in enumerate(graph.ops):
        if (
            index in inputs
            or op in ("const", "truth")
            or (op != "input" and all(a in result for a in graph.args[index]))
        ):
            result.add(index)
    return result


def hoist(graph: Graph, roots: Iterable[int], parameters: Iterable[int]) -> tuple[int, ...]:
    """Parameter-only operations that the rest of the program uses."""
    fixed, inputs, wanted = parameter_only(graph, parameters), set(parameters), tuple(roots)
    result = {r for r in wanted if r in fixed}
    for index in graph.reachable(wanted):
        if index not in fixed:
            result.update(a for a in graph.args[index] if a in fixed)
    return tuple(sorted(n for n in result if n not in inputs and graph.ops[n] not in ("const", "truth")))


def transfer(
    source: Graph, target: Graph, roots: Iterable[int], copy: dict[int, int], fixed: set[int]
) -> None:
    """Copy what the roots need, rewriting whole powers as products and division by a per-patient value as multiplication."""
    for index in source.reachable(roots):
        if index in copy:
            continue
        op, place, value = source.ops[index], source.places[index], source.values[index]
        args = tuple(copy[a] for a in source.args[index])
        if op == "const":
            assert isinstance(value, float)
            copy[index] = target.constant(value)
        elif op == "truth":
            copy[index] = target.truth(bool(value))
        elif op == "input":
            copy[index] = target.input(str(value))
        elif op == "div" and source.args[index][1] in fixed and index not in fixed:
            copy[index] = target.node(
                "mul", (args[0], target.node("div", (target.constant(1.0), args[1]), place)), place
            )
        elif op == "pow":
            copy[index] = _power(target, args[0], args[1], place)
        else:
            copy[index] = target.node(op, args, place)


def _power(graph: Graph, base: int, exponent: int, place: tuple[str, int]) -> int:
    number = graph.number(exponent)
    if number is None or number != round(number) or abs(number) > _LARGEST_CHAIN:
        if number is not None and number * 2 == round(number * 2) and abs(number) < _LARGEST_CHAIN:
            root = graph.node("sqrt", (base,), place)
            return graph.node("mul", (_power(graph, base, graph.constant(number - 0.5), place), root), place)
        return graph.node("pow", (base, exponent), place)
    count, result, square = abs(int(number)), None, base
    while count:
        if count & 1:
            result = square if result is None else graph.node("mul", (result, square), place)
        count >>= 1
        if count:
            square = graph.node("mul", (square, square), place)
    assert result is not None
    return graph.node("div", (graph.constant(1.0), result), place) if number < 0 else result
