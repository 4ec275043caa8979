"""A membrane's current, slope and rates of pools for steps in which some of its gates and pools rest.

What follows from resting gates, resting pools and parameters alone is worked out when they move and kept. To keep as little and compute
as little as possible, sums are gathered around what moves: of

    I = g1 s1 m^3 (V - E) + g2 s2 n (V - E) + g3 s3 (V - E) + i,     s1, s2, s3, E, i at rest,

there remain (a m^3 + b n + c) (V - E) + i, and the slope a m^3 + b n + c is a part of it. Equal to the equations but for rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from analgesia.engine.cable.membrane import Recorded
from analgesia.engine.cable.pace import Pace
from analgesia.engine.graph import Graph
from analgesia.engine.lowering import transfer
from analgesia.engine.program import derivatives

Term = tuple[tuple[int, ...], bool]
"""Factors, sorted, and whether the product is subtracted."""


@lru_cache(maxsize=64)
def resting(recorded: Recorded, pace: Pace) -> tuple[Recorded, tuple[int, ...]]:
    """The membrane in a graph of its own with current, slope and rates of pools gathered, and the nodes to keep between long steps."""
    if pace.every == 1:
        return recorded, ()
    graph, copy = Graph(), dict[int, int]()
    groups = {name: _nodes(recorded, name) for name in recorded.__dataclass_fields__ if name != "graph"}
    everything = [node for group in groups.values() for node in group if node >= 0]
    transfer(recorded.graph, graph, everything, copy, set())
    moved = {name: tuple(copy.get(node, -1) for node in group) for name, group in groups.items()}
    rare = {g for g, rarely in zip(moved["gates"], pace.gates, strict=True) if rarely}
    rare |= set(moved["pools"]) if pace.pools else set()
    gathering = _Gathering(graph, rare, {*moved["parameters"], *moved["hoisted"]})
    current = gathering.gathered(moved["current"][0])
    voltage = moved["voltage"][0]
    slope = derivatives(graph, [current], [voltage])[0].get(voltage, graph.constant(0.0))
    found = Recorded(
        graph,
        *(
            moved[name] if isinstance(getattr(recorded, name), tuple) else moved[name][0]
            for name in recorded.__dataclass_fields__
            if name != "graph"
        ),  # type: ignore[arg-type]
    )
    gathered = replace(
        found,
        current=current,
        slope=slope,
        offset=tuple(gathering.gathered(node) for node in found.offset),
        gain=tuple(gathering.gathered(node) for node in found.gain),
    )
    always = gathering.kept([current, slope])
    pools = gathering.kept([*gathered.offset, *gathered.gain])
    return gathered, (*always, *(node for node in pools if node not in always))


def _nodes(recorded: Recorded, name: str) -> tuple[int, ...]:
    value = getattr(recorded, name)
    return value if isinstance(value, tuple) else (value,)


class _Gathering:
    """Sums and products of a graph written anew around what moves in every step."""

    def __init__(self, graph: Graph, rare: set[int], atoms: set[int]) -> None:
        self.graph, self.atoms = graph, atoms
        self.inputs = rare | {n for n in atoms if graph.ops[n] == "input"}
        self.resting: list[bool] = []
        self.memo: dict[int, int] = {}

    def still(self, node: int) -> bool:
        """Whether a node does not change between long steps."""
        graph, known = self.graph, self.resting
        for n in range(len(known), node + 1):
            inside = all(known[a] for a in graph.args[n])
            known.append(n in self.inputs or (graph.ops[n] != "input" and inside))
        return known[node]

    def kept(self, roots: Sequence[int]) -> tuple[int, ...]:
        """Nodes at rest that something moving needs, but for parameters and numbers."""
        needed = {root for root in roots if self.still(root)}
        for node in self.graph.reachable(roots):
            if not self.still(node):
                needed.update(a for a in self.graph.args[node] if self.still(a))
        plain = {n for n in needed if self.graph.ops[n] in ("const", "truth")}
        return tuple(sorted(needed - plain - self.atoms))

    def gathered(self, node: int) -> int:
        """A node equal to this one."""
        graph = self.graph
        if node in self.memo or node in self.atoms or graph.ops[node] in ("input", "const", "truth"):
            return self.memo.get(node, node)
        if graph.ops[node] in ("add", "sub", "neg", "mul"):
            found = self._sum(self._terms(node, False))
        else:
            args = tuple(self.gathered(a) for a in graph.args[node])
            found = graph.node(graph.ops[node], args, graph.places[node])
        self.memo[node] = found
        return found

    def _terms(self, node: int, minus: bool) -> list[Term]:
        """Terms of a sum."""
        graph = self.graph
        args = graph.args[node]
        if node not in self.atoms:
            if graph.ops[node] in ("add", "sub"):
                return self._terms(args[0], minus) + self._terms(args[1], minus ^ (graph.ops[node] == "sub"))
            if graph.ops[node] == "neg":
                return self._terms(args[0], not minus)
        return [(tuple(sorted(self._factors(node))), minus)]

    def _factors(self, node: int) -> list[int]:
        """Factors of a product, each gathered; a sum is one factor."""
        graph = self.graph
        if node not in self.atoms and graph.ops[node] == "mul":
            return [f for a in graph.args[node] for f in self._factors(a)]
        if node not in self.atoms and graph.ops[node] in ("add", "sub", "neg"):
            if node not in self.memo:
                self.memo[node] = self._sum(self._terms(node, False))
            return [self.memo[node]]
        return [self.gathered(node)]

    def _sum(self, terms: list[Term]) -> int:
        """A sum with the factor that most of its terms share taken out, again and again; what is at rest first."""
        shared = Counter(f for factors, _ in terms for f in set(factors) if not self.still(f))
        common, number = max(shared.items(), key=lambda item: (item[1], -item[0]), default=(-1, 0))
        if number > 1 and len(terms) > 1:
            inside = [(_without(factors, common), minus) for factors, minus in terms if common in factors]
            outside = [term for term in terms if common not in term[0]]
            product = self._product((self._sum(inside), common))
            return self._added([(product, False), *self._written(outside)])
        return self._added(self._written(terms))

    def _written(self, terms: list[Term]) -> list[tuple[int, bool]]:
        """Nodes of terms, those at rest added up as the first."""
        if not terms:
            return []
        shared = Counter(f for factors, _ in terms for f in set(factors) if not self.still(f))
        if len(terms) > 1 and max(shared.values(), default=0) > 1:
            return [(self._sum(terms), False)]
        nodes = [(self._product(factors), minus) for factors, minus in terms]
        rest = [one for one in nodes if self.still(one[0])]
        return [(self._added(rest), False)] * bool(rest) + [one for one in nodes if not self.still(one[0])]

    def _added(self, nodes: list[tuple[int, bool]]) -> int:
        nodes = sorted(nodes, key=lambda one: (not self.still(one[0]), one[1], one[0]))
        total = self.graph.constant(0.0)
        for node, minus in nodes:
            total = self.graph.node("sub" if minus else "add", (total, node))
        return total

    def _product(self, factors: Sequence[int]) -> int:
        """Factors at rest times the powers of the others."""
        graph, total = self.graph, self.graph.constant(1.0)
        for factor in factors:
            if self.still(factor):
                total = graph.node("mul", (total, factor))
        for factor, number in sorted(Counter(f for f in factors if not self.still(f)).items()):
            total = graph.node("mul", (total, self._power(factor, number)))
        return total

    def _power(self, factor: int, number: int) -> int:
        if number == 1:
            return factor
        half = self._power(factor, number // 2)
        square = self.graph.node("mul", (half, half))
        return self.graph.node("mul", (square, factor)) if number % 2 else square


def _without(factors: tuple[int, ...], factor: int) -> tuple[int, ...]:
    k = factors.index(factor)
    return factors[:k] + factors[k + 1 :]
