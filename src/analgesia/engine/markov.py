"""Schemes of states with transitions between them, on any kind of scalar: rest, and one step at held rates.

With p the shares of the states and q_ij the rate from i to j, dp/dt = Q p, (Q p)_j = sum_i q_ij p_i - p_j sum_k q_jk. One step is

    p <- R(h Q) p,    R(z) = 1 / (1 - z + z^2/2 - z^3/6) = exp(z) + z^4/24 + ...

which is of third order, damps transitions that are fast beside the step to their equilibrium, leaves a relaxation between two states
positive, and changes nothing at rest. R - 1 is a sum over the poles s of R, so that p changes by

    sum_s C_s (s - h Q)^-1 (h Q p)

The matrices s - h Q are diagonally dominant by columns, so elimination needs no search for pivots; it is written out state by state, with
complex numbers for the pair of complex poles. The first state takes what the others leave of 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analgesia.errors import ModelError

Transitions = Mapping[tuple[str, str], Any]

_POLES = np.roots([-1 / 6, 1 / 2, -1.0, 1.0])
_POLES = _POLES[_POLES.imag >= -1e-12]
_WEIGHTS = -1.0 / (_POLES * np.polyval(np.polyder([-1 / 6, 1 / 2, -1.0, 1.0]), _POLES))
TERMS = tuple(
    (complex(s.real, s.imag if abs(s.imag) > 1e-9 else 0.0), complex(w))
    for s, w in zip(_POLES, _WEIGHTS, strict=True)
)
"""Pole and weight: the real one, and one of the complex pair."""


@dataclass(frozen=True)
class Scheme:
    """States, and the rate (1/ms) of every transition there is, as (from, to)."""

    states: tuple[str, ...]
    rates: Transitions

    def check(self, name: str) -> None:
        """Raise `ModelError` unless every state can be reached from every other."""
        for start, backwards in ((self.states[0], False), (self.states[0], True)):
            seen, pending = {start}, [start]
            while pending:
                here = pending.pop()
                for a, b in self.rates:
                    source, target = (b, a) if backwards else (a, b)
                    if source == here and target not in seen:
                        seen.add(target)
                        pending.append(target)
            lost = [state for state in self.states if state not in seen]
            if lost:
                way = f"cannot be left for `{start}`" if backwards else f"cannot be reached from `{start}`"
                raise ModelError(f"{name}: state `{lost[0]}` {way}; give the rate of a transition")

    def named(self, prefix: str) -> Scheme:
        """The same with `prefix` before the name of every state."""
        rates = {(prefix + a, prefix + b): rate for (a, b), rate in self.rates.items()}
        return Scheme(tuple(prefix + state for state in self.states), rates)

    def rest(self) -> dict[str, Any]:
        """Shares after a long time at these rates, by elimination without differences (Grassmann, Taksar and Heyman 1985)."""
        rates: dict[tuple[str, str], Any] = dict(self.rates)
        order = self.states
        for k in range(len(order) - 1, 0, -1):
            last, before = order[k], order[:k]
            total = _sum([rates[last, j] for j in before if (last, j) in rates])
            for i in before:
                if (i, last) not in rates:
                    continue
                rates[i, last] = rates[i, last] / total
                for j in before:
                    if j != i and (last, j) in rates:
                        more = rates[i, last] * rates[last, j]
                        rates[i, j] = rates[i, j] + more if (i, j) in rates else more
        weight: dict[str, Any] = {order[0]: 1.0}
        for k in range(1, len(order)):
            weight[order[k]] = _sum(
                [weight[i] * rates[i, order[k]] for i in order[:k] if (i, order[k]) in rates]
            )
        whole = _sum(list(weight.values()))
        return {state: value / whole for state, value in weight.items()}

    def flow(self, shares: Mapping[str, Any]) -> dict[str, Any]:
        """Q p: the rate at which every share grows."""
        terms: dict[str, list[Any]] = {state: [] for state in self.states}
        for (source, target), rate in self.rates.items():
            moved = rate * shares[source]
            terms[target].append(moved)
            terms[source].append(-moved)
        return {state: _sum(found) for state, found in terms.items()}

    def step(self, shares: Mapping[str, Any], dt: Any) -> dict[str, Any]:
        """Change of every share in one step of `dt` ms."""
        scaled = Scheme(self.states, {key: rate * dt for key, rate in self.rates.items()})
        flow = scaled.flow(shares)
        change: dict[str, Any] = {}
        for pole, weight in TERMS:
            solved = scaled._solve(pole, flow)
            for state, (real, imaginary) in solved.items():
                part = weight.real * real
                if pole.imag:  # the pair: twice the real part
                    part = 2.0 * (part - weight.imag * imaginary)
                change[state] = change[state] + part if state in change else part
        first, *others = self.states
        left = 1.0 - _sum([shares[state] + change[state] for state in others])
        change[first] = left - shares[first]
        return {state: change[state] for state in self.states}

    def _solve(self, pole: complex, side: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """(pole - Q) x = side, real and imaginary parts; the state with the fewest neighbours goes first."""
        rows: dict[str, dict[str, _Number]] = {state: {} for state in self.states}
        for state in self.states:
            out = [rate for (source, _), rate in self.rates.items() if source == state]
            rows[state][state] = _Number(pole.real + (_sum(out) if out else 0.0), pole.imag or None)
        for (source, target), rate in self.rates.items():
            rows[target][source] = _Number(-rate, None)
        right = {state: _Number(value, None) for state, value in side.items()}
        done: list[tuple[str, _Number, dict[str, _Number]]] = []
        left = list(self.states)
        while left:
            here = min(left, key=lambda s: (sum(s in rows[i] for i in left), self.states.index(s)))
            left.remove(here)
            inverse = rows[here].pop(here).inverse()
            done.append((here, inverse, rows[here]))
            for other in left:
                factor = rows[other].pop(here, None)
                if factor is not None:
                    share = factor * inverse
                    for column, value in rows[here].items():
                        less = share * value
                        rows[other][column] = rows[other][column] - less if column in rows[other] else -less
                    right[other] = right[other] - share * right[here]
        found: dict[str, _Number] = {}
        for here, inverse, row in reversed(done):
            total = right[here]
            for column, value in row.items():
                total = total - value * found[column]
            found[here] = total * inverse
        return {state: (number.real, number.imaginary) for state, number in found.items()}


@dataclass(frozen=True)
class _Number:
    """A complex scalar whose imaginary part may be known to be 0 (None)."""

    real: Any
    imaginary: Any

    def __neg__(self) -> _Number:
        return _Number(-self.real, None if self.imaginary is None else -self.imaginary)

    def __sub__(self, other: _Number) -> _Number:
        if other.imaginary is None:
            return _Number(self.real - other.real, self.imaginary)
        imaginary = -other.imaginary if self.imaginary is None else self.imaginary - other.imaginary
        return _Number(self.real - other.real, imaginary)

    def __mul__(self, other: _Number) -> _Number:
        a, b, c, d = self.real, self.imaginary, other.real, other.imaginary
        if b is None or d is None:
            imaginary = None if b is None and d is None else (a * d if b is None else b * c)
            return _Number(a * c, imaginary)
        return _Number(a * c - b * d, a * d + b * c)

    def inverse(self) -> _Number:
        """1 / self."""
        if self.imaginary is None:
            return _Number(1.0 / self.real, None)
        size = 1.0 / (self.real * self.real + self.imaginary * self.imaginary)
        return _Number(self.real * size, -self.imaginary * size)


def _sum(values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
