"""The recorded operations of an equation: a directed graph without duplicates, constants folded as they arrive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

ARITHMETIC = ("add", "sub", "mul", "div", "neg", "pow", "abs", "min", "max", "where")
ELEMENTARY = ("exp", "log", "log1p", "expm1", "sqrt", "tanh", "logistic")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
BOOLEAN = frozenset((*COMPARISONS, "and", "or", "not", "truth"))
COMMUTATIVE = frozenset(("add", "mul", "min", "max", "eq", "ne", "and", "or"))

_REFLECTED = {"gt": "lt", "ge": "le"}  # a > b is stored as b < a
_NUMERIC: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "logistic": lambda x: 0.5 * (1.0 + np.tanh(0.5 * x)),
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": lambda c, a, b: a if c else b,
}

Place = tuple[str, int]  # file and line of the equation
NOWHERE: Place = ("", 0)


class Graph:
    """Append-only, hash-consed: equal operations on equal operands are one node, so indices are a topological order.

    `ops[i]` names the operation, `args[i]` its operands, `values[i]` the number of a constant or the name of an input,
    `places[i]` the line of the equation that first asked for it.
    """

    def __init__(self) -> None:
        self.ops: list[str] = []
        self.args: list[tuple[int, ...]] = []
        self.values: list[float | str | bool | None] = []
        self.places: list[Place] = []
        self._memo: dict[tuple[object, ...], int] = {}

    def __len__(self) -> int:
        return len(self.ops)

    def _append(
        self,
        key: tuple[object, ...],
        op: str,
        args: tuple[int, ...],
        value: float | str | bool | None,
        place: Place,
    ) -> int:
        index = self._memo.get(key)
        if index is None:
            index = self._memo[key] = len(self.ops)
            self.ops.append(op)
            self.args.append(args)
            self.values.append(value)
            self.places.append(place)
        return index

    def constant(self, value: float) -> int:
        """Node of a number; 0.0 and -0.0 are two, every nan is one."""
        value = float(value)
        key = "nan" if math.isnan(value) else value.hex()
        return self._append(("const", key), "const", (), value, NOWHERE)

    def truth(self, value: bool) -> int:
        """Node of a truth value known while recording."""
        return self._append(("truth", value), "truth", (), value, NOWHERE)

    def input(self, name: str) -> int:
        """Node of a named input."""
        return self._append(("input", name), "input", (), name, NOWHERE)

    def number(self, index: int) -> float | None:
        """The value of a constant node, else None."""
        value = self.values[index]
        return value if self.ops[index] == "const" and isinstance(value, float) else None

    def node(self, op: str, args: tuple[int, ...], place: Place = NOWHERE) -> int:
        """Node of an operation, after folding what is known."""
        if op in _REFLECTED:
            op, args = _REFLECTED[op], args[::-1]
        folded = self._fold(op, args, place)
        if folded is not None:
            return folded
        if op in COMMUTATIVE:
            args = tuple(sorted(args))
        return self._append((op, *args), op, args, None, place)

    def _fold(self, op: str, args: tuple[int, ...], place: Place) -> int | None:
        """The simpler node an operation comes to, if there is one."""
        if all(self.ops[a] in ("const", "truth") for a in args):
            with np.errstate(all="ignore"):
                known = [
                    np.float64(self.values[a]) if self.ops[a] == "const" else self.values[a] for a in args
                ]
                result = _NUMERIC[op](*known)
            return self.truth(bool(result)) if op in BOOLEAN else self.constant(float(result))
        if op in ("add", "sub"):
            return self._fold_sum(op, args, place)
        if op in ("mul", "div", "pow"):
            return self._fold_product(op, args, place)
        return self._fold_choice(op, args)

    def _fold_sum(self, op: str, args: tuple[int, ...], place: Place) -> int | None:
        first, second = args
        if self.number(second) == 0.0:
            return first
        if self.number(first) == 0.0:
            return second if op == "add" else self.node("neg", (second,), place)
        if self.ops[second] == "neg":
            return self.node("sub" if op == "add" else "add", (first, self.args[second][0]), place)
        if op == "add" and self.ops[first] == "neg":
            return self.node("sub", (second, self.args[first][0]), place)
        return None

    def _fold_product(self, op: str, args: tuple[int, ...], place: Place) -> int | None:
        first, second = args
        left, right = self.number(first), self.number(second)
        if op == "mul":
            if 0.0 in (left, right):
                return self.constant(0.0)
            for number, other in ((left, second), (right, first)):
                if number == 1.0:
                    return other
                if number == -1.0:
                    return self.node("neg", (other,), place)
        elif right == 1.0:  # x / 1, x ** 1
            return first
        elif op == "div" and left == 0.0:
            return self.constant(0.0)
        elif op == "pow" and right == 0.0:
            return self.constant(1.0)
        elif op == "pow" and right == 0.5:
            return self.node("sqrt", (first,), place)
        return None

    def _fold_choice(self, op: str, args: tuple[int, ...]) -> int | None:
        first, second = args[0], args[-1]
        if op in ("neg", "not") and self.ops[first] == op:
            return self.args[first][0]
        if op in ("and", "or"):
            for known, other in ((first, second), (second, first)):
                if self.ops[known] == "truth":
                    return known if bool(self.values[known]) == (op == "or") else other
        if op in ("and", "or", "min", "max") and first == second:
            return first
        if op == "where" and self.ops[first] == "truth":
            return args[1] if self.values[first] else args[2]
        if op == "where" and args[1] == args[2]:
            return args[1]
        return None

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Every node the roots depend on, operands before their users."""
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            index = stack.pop()
            if index not in seen:
                seen.add(index)
                stack.extend(self.args[index])
        return sorted(seen)

    def evaluate(self, roots: Iterable[int], known: Mapping[int, Any]) -> list[Any]:
        """Values of nodes on NumPy arrays or floats; `known` holds the inputs."""
        wanted = list(roots)
        found: dict[int, Any] = {}
        for index in self.reachable(wanted):
            if index in known:
                found[index] = known[index]
            elif self.ops[index] in ("const", "truth"):
                found[index] = self.values[index]
            else:
                function = np.where if self.ops[index] == "where" else _NUMERIC[self.ops[index]]
                found[index] = function(*(found[a] for a in self.args[index]))
        return [found[index] for index in wanted]

    def text(self, index: int, depth: int = 4) -> str:
        """Short readable form of a node, for messages."""
        op, value = self.ops[index], self.values[index]
        if op in ("const", "truth", "input"):
            return f"{value:g}" if isinstance(value, float) else str(value)
        if depth == 0:
            return "..."
        return f"{op}({', '.join(self.text(a, depth - 1) for a in self.args[index])})"
