"""Sparse LU of gamma-shifted Jacobians, unrolled: the order is fixed before any number is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analgesia.engine.mathematics import Vector

Entry = tuple[int, int]


def markowitz(size: int, entries: Iterable[Entry]) -> list[int]:
    """Pivot order that keeps fill low: next comes the pivot with the least (row count - 1)(column count - 1)."""
    rows: list[set[int]] = [{i} for i in range(size)]
    columns: list[set[int]] = [{i} for i in range(size)]
    for i, j in entries:
        rows[i].add(j)
        columns[j].add(i)
    left, order = set(range(size)), []
    while left:
        pivot = min(sorted(left), key=lambda k: (len(rows[k]) - 1) * (len(columns[k]) - 1))
        order.append(pivot)
        left.remove(pivot)
        for i in columns[pivot] - {pivot}:
            for j in rows[pivot] - {pivot}:
                rows[i].add(j)
                columns[j].add(i)
            rows[i].discard(pivot)
        for j in rows[pivot] - {pivot}:
            columns[j].discard(pivot)
    return order


@dataclass(frozen=True)
class Pattern:
    """The factors' structure: `lower` and `upper` entries in elimination order, after fill."""

    order: tuple[int, ...]
    lower: tuple[Entry, ...]
    upper: tuple[Entry, ...]

    @property
    def slots(self) -> int:
        """Values the factors hold: one reciprocal pivot per state, then lower, then upper."""
        return len(self.order) + len(self.lower) + len(self.upper)

    def lower_slot(self, entry: Entry) -> int:
        return len(self.order) + self.lower.index(entry)

    def upper_slot(self, entry: Entry) -> int:
        return len(self.order) + len(self.lower) + self.upper.index(entry)


def pattern(size: int, entries: Iterable[Entry]) -> Pattern:
    """Symbolic factorisation."""
    present = set(entries) | {(i, i) for i in range(size)}
    order = markowitz(size, present)
    lower, upper = [], []
    for position, pivot in enumerate(order):
        rest = order[position + 1 :]
        below, right = [i for i in rest if (i, pivot) in present], [j for j in rest if (pivot, j) in present]
        lower += [(i, pivot) for i in below]
        upper += [(pivot, j) for j in right]
        present.update((i, j) for i in below for j in right)
    return Pattern(tuple(order), tuple(lower), tuple(upper))


def factor(v: Vector, shape: Pattern, jacobian: Mapping[Entry, Any], shift: Any) -> list[Any]:
    """Values of the factors of (shift I - J), in the slots of the pattern."""
    a: dict[Entry, Any] = {}
    for entry, value in jacobian.items():
        a[entry] = v.sub(shift, value) if entry[0] == entry[1] else v.b.fneg(value)
    for k in shape.order:
        a.setdefault((k, k), shift)
    pivots: dict[int, Any] = {}
    below: dict[int, list[int]] = {}
    right: dict[int, list[int]] = {}
    for i, k in shape.lower:
        below.setdefault(k, []).append(i)
    for k, j in shape.upper:
        right.setdefault(k, []).append(j)
    factors: dict[Entry, Any] = {}
    for k in shape.order:
        pivots[k] = v.div(v.const(1.0), a[k, k])
        for i in below.get(k, []):
            factors[i, k] = multiplier = v.mul(a[i, k], pivots[k])
            for j in right.get(k, []):
                product = v.mul(multiplier, a[k, j])
                a[i, j] = v.sub(a[i, j], product) if (i, j) in a else v.b.fneg(product)
    return [
        *(pivots[k] for k in range(len(shape.order))),
        *(factors[e] for e in shape.lower),
        *(a[e] for e in shape.upper),
    ]


def substitute(v: Vector, shape: Pattern, factors: list[Any], right_side: list[Any]) -> list[Any]:
    """Solve with the factors."""
    x = list(right_side)
    size = len(shape.order)
    for slot, (i, k) in enumerate(shape.lower, size):
        x[i] = v.sub(x[i], v.mul(factors[slot], x[k]))
    first = size + len(shape.lower)
    rows: dict[int, list[tuple[int, int]]] = {}
    for slot, (k, j) in enumerate(shape.upper, first):
        rows.setdefault(k, []).append((slot, j))
    for k in reversed(shape.order):
        for slot, j in rows.get(k, []):
            x[k] = v.sub(x[k], v.mul(factors[slot], x[j]))
        x[k] = v.mul(x[k], factors[k])
    return x
