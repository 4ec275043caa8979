"""Fewer divisions: sums and products of fractions carried as numerator over denominator, divided once at the end.

A gate's target alpha / (alpha + beta) with alpha = a / (1 + x) and beta = b / (1 + y) needs three divisions as written and one as
a (1 + y) / (a (1 + y) + b (1 + x)). Numerators and denominators of membranes are products of a few exponentials of V / k, far from
the ends of the number range.
"""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.engine.graph import Graph


def merged(graph: Graph, roots: Sequence[int]) -> list[int]:
    """Nodes equal to the roots with the divisions among + - * / gathered into one each."""
    parts: dict[int, tuple[int, int | None]] = {}

    def closed(index: int) -> int:
        top, bottom = parts[index]
        return top if bottom is None else graph.node("div", (top, bottom), graph.places[index])

    for index in graph.reachable(roots):
        op, args, place = graph.ops[index], graph.args[index], graph.places[index]
        if op in ("const", "truth", "input"):
            parts[index] = (index, None)
            continue

        def times(a: int | None, b: int | None, place: tuple[str, int] = place) -> int | None:
            return b if a is None else a if b is None else graph.node("mul", (a, b), place)

        if op in ("add", "sub"):
            (n1, d1), (n2, d2) = parts[args[0]], parts[args[1]]
            if d1 == d2:
                parts[index] = (graph.node(op, (n1, n2), place), d1)
            else:
                left, right = times(n1, d2), times(n2, d1)
                assert left is not None
                assert right is not None
                parts[index] = (graph.node(op, (left, right), place), times(d1, d2))
        elif op in ("mul", "div"):
            (n1, d1), (n2, d2) = parts[args[0]], parts[args[1]]
            upper, lower = (n2, d2) if op == "mul" else (d2, n2)
            top = times(n1, upper)
            assert top is not None
            parts[index] = (top, times(d1, lower))
        elif op == "neg":
            top, bottom = parts[args[0]]
            parts[index] = (graph.node("neg", (top,), place), bottom)
        else:
            parts[index] = (graph.node(op, tuple(closed(a) for a in args), place), None)
    return [closed(root) for root in roots]
