"""Nodes of a graph as vector instructions, patients in the lanes.

`Emitter(builder, graph, lanes, leaves)` turns nodes into `<lanes x double>` values; `leaves[node]()` supplies the value of an
input node, or
of any node already computed elsewhere (a memory load, usually), when it is first needed. Truth values are `<lanes x i1>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import llvmlite.ir as ir

from analgesia.engine.graph import Graph
from analgesia.engine.mathematics import UNARY, Vector
from analgesia.errors import ModelError

_RELATION = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}


class Emitter:
    """Emits each node once, in the order given by the graph."""

    def __init__(
        self, builder: ir.IRBuilder, graph: Graph, lanes: int, leaves: Mapping[int, Callable[[], Any]]
    ) -> None:
        self.v = Vector(builder, lanes)
        self.graph = graph
        self.leaves = leaves
        self.values: dict[int, Any] = {}

    def bind(self, node: int, value: Any) -> None:
        """Give a node a value that is already in a register."""
        self.values[node] = value

    def emit(self, roots: Iterable[int]) -> list[Any]:
        """Values of the roots, with everything they need emitted first."""
        wanted = list(roots)
        pending = [r for r in wanted if r not in self.values]
        needed: set[int] = set()
        while pending:
            index = pending.pop()
            if index not in needed and index not in self.values:
                needed.add(index)
                if index not in self.leaves:
                    pending.extend(a for a in self.graph.args[index] if a not in self.values)
        for index in sorted(needed):
            if index not in self.values:
                self.values[index] = self._one(index)
        return [self.values[r] for r in wanted]

    def _one(self, index: int) -> Any:
        graph, v = self.graph, self.v
        if index in self.leaves:
            return self.leaves[index]()
        op, value = graph.ops[index], graph.values[index]
        args = [self.values[a] for a in graph.args[index]]
        match op:
            case "const":
                assert isinstance(value, float)
                return v.const(value)
            case "truth":
                return ir.Constant(ir.VectorType(ir.IntType(1), v.lanes), [int(bool(value))] * v.lanes)
            case "add" | "sub" | "mul" | "div":
                return getattr(v, op)(*args)
            case "neg":
                return v.b.fneg(args[0])
            case "min":
                return v.minimum(*args)
            case "max":
                return v.maximum(*args)
            case "lt" | "le" | "eq" | "ne":
                return v.compare(_RELATION[op], *args)
            case "and":
                return v.b.and_(*args)
            case "or":
                return v.b.or_(*args)
            case "not":
                return v.b.not_(args[0])
            case "where":
                return v.select(*args)
            case "pow":
                exponent = graph.number(graph.args[index][1])
                whole = exponent is None or exponent == round(exponent)
                return v.power(args[0], args[1], whole)
        if op in UNARY:
            return getattr(v, UNARY[op].__name__)(args[0])  # a vector may bring its own
        file, line = graph.places[index]
        raise ModelError(
            f"{file}:{line}: operation `{op}` has no vector code; use {', '.join(sorted(UNARY))} and arithmetic"
        )
