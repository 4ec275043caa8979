"""Gates whose target and rate follow from the voltage alone, as piecewise polynomials.

Over one step at a held voltage a gate moves the share 1 - exp(-rate dt) of its way to the target. Target and share are smooth functions of
the voltage, the same in every lane and compartment whose parameters are the same, so that per segment of the voltage a polynomial
of low degree gives them to TOLERANCE of their greatest value in that segment. This replaces several exponentials and divisions per gate.

With 512-bit registers there are few segments of some millivolts: one register pair holds a coefficient for all of them and one instruction
picks each lane's. Elsewhere there are many segments with cubics: the four coefficients of a lane lie together, and those of several lanes
are transposed in registers.

Where an equation has a kink (`where`, `minimum`, `maximum`) segments are laid so that the kink lies between two of them. A function that
needs a degree above the highest, or whose parameters differ between lanes or regions, is left to be computed as written. Voltages outside
the table are noticed by the kernel, and the lanes concerned are run again without tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import machine
from analgesia.engine.cable.membrane import Recorded
from analgesia.engine.cable.pace import Move, Pace, even
from analgesia.engine.graph import BOOLEAN

Array = NDArray[np.float64]

TOLERANCE = {"double": 1e-7, "single": 2e-7}
"""Greatest error of a tabulated function, relative to its greatest value in the segment."""
SEGMENTS = {"double": 16, "single": 32}
"""Entries that two 512-bit registers hold."""
ROWS = 672
"""Segments where coefficients are read from memory: of 1/4 mV, so that kinks at round numbers lie between two of them."""
ROOM = 1024
"""Rows that are there, a power of two: whatever the voltage, a row is read, and thrown away where it is none of the segments."""
LOWEST, WIDTH = -104.0, 168.0
"""mV: start and width of all segments together; a kink may move them down by up to one segment."""
HIGHEST = 12
"""No polynomial has a higher degree."""
CUBIC = 3
"""The degree of every polynomial read from memory: its coefficients are one load."""
SLOW = 1e-4
"""In single precision a gate that somewhere goes less than this share of its way in a step is summed with the digits that rounding cuts;
the others follow their target to 3e-4 of themselves even where every increment is rounded away."""


@dataclass(frozen=True)
class Form:
    """What the code of a kernel depends on besides its membrane.

    `pace`: what moves rarely.
    `slow[k]`: gate k keeps its lost digits. `degrees[f]`, `grids[f]`: function f's polynomial and the grid of its segments.
    `rows`: coefficients are read from memory, [segment, function, power]; else from registers, [function, power, segment].
    `target[k]`, `share[k]`: number of the function that gives a gate's target and its share of the way; -1 where it is computed.
    """

    precision: str = "double"
    slow: tuple[bool, ...] = ()
    degrees: tuple[int, ...] = ()
    grids: tuple[int, ...] = ()
    target: tuple[int, ...] = ()
    share: tuple[int, ...] = ()
    pace: Pace = field(default_factory=Pace)
    rows: bool = False

    @property
    def segments(self) -> int:
        """Segments of every polynomial."""
        return segments(self.precision, self.rows)

    @property
    def tabulated(self) -> bool:
        """Whether any gate comes from a table."""
        return bool(self.degrees)

    def direct(self) -> Form:
        """The same without tables."""
        return Form(self.precision, self.slow, pace=self.pace)


@dataclass(frozen=True)
class Tables:
    """A form with its numbers: coefficients by length of the step, and of each grid minus its start over the segment's width."""

    form: Form
    numbers: Mapping[Move, Array] = field(default_factory=dict)
    grid: Array = field(default_factory=lambda: np.zeros(1))


def segments(precision: str, rows: bool) -> int:
    """Number of segments in memory or in registers."""
    return ROWS if rows else SEGMENTS[precision]


def span(form: Form) -> tuple[float, float]:
    """mV: voltages that every grid covers."""
    return LOWEST, LOWEST + WIDTH - WIDTH / form.segments


def tabulate(
    recorded: Recorded, table: Array, precision: str, moves: Sequence[Move], pace: Pace | None = None
) -> Tables:
    """Fit what can be fitted for every length of step.

    `table`: parameters [region, parameter, lane]; `pace`: which gates move by `Move.long`, none where it is not given.
    """
    pace = pace or even(recorded)
    uniform = (
        np.ptp(table, axis=(0, 2)) == 0.0 if np.all(np.isfinite(table)) else np.zeros(table.shape[1], bool)
    )
    known = tuple((node, float(table[0, k, 0])) for k, node in enumerate(recorded.parameters) if uniform[k])
    slow = _slow(recorded, table, moves, pace) if precision == "single" else ()
    form = Form(precision, slow, pace=pace, rows=not machine.has("avx512f"))
    return _fitted(recorded, known, form, tuple(moves)) if recorded.gates and moves else Tables(form)


@lru_cache(maxsize=64)
def _fitted(
    recorded: Recorded,
    known: tuple[tuple[int, float], ...],
    form: Form,
    moves: tuple[Move, ...],
) -> Tables:
    search = _Search(recorded, dict(known), form, moves)
    target, share = [], []
    for k, (aim, rate) in enumerate(zip(recorded.targets, recorded.rates, strict=True)):
        if recorded.changes[k] >= 0:
            target.append(-1)
            share.append(-1)
            continue
        both = (search.function(aim, None), search.function(rate, "long" if form.pace.gates[k] else "short"))
        found = both if min(both) >= 0 else (-1, -1)
        target.append(found[0])
        share.append(found[1])
    return search.finished(form, target, share)


def _slow(recorded: Recorded, table: Array, moves: Sequence[Move], pace: Pace) -> tuple[bool, ...]:
    voltage = np.linspace(-100.0, 50.0, 61)[:, None, None]
    known: dict[int, Any] = {node: table[None, :, k] for k, node in enumerate(recorded.parameters)}
    known[recorded.voltage] = voltage
    found = []
    for k, (rate, change) in enumerate(zip(recorded.rates, recorded.changes, strict=True)):
        if change >= 0:
            found.append(True)
            continue
        step = min((m.long if pace.gates[k] else m.short for m in moves if m.short > 0.0), default=1.0)
        free = set(recorded.graph.reachable([rate])) & {*recorded.gates, *recorded.pools}
        with np.errstate(all="ignore"):
            found.append(bool(free) or not np.min(recorded.graph.evaluate([rate], known)[0]) * step > SLOW)
    return tuple(found)


class _Search:
    """Functions of the voltage, each fitted once."""

    def __init__(
        self, recorded: Recorded, known: Mapping[int, Any], form: Form, moves: tuple[Move, ...]
    ) -> None:
        self.recorded, self.known, self.moves = recorded, known, moves
        self.segments, self.tolerance = form.segments, TOLERANCE[form.precision]
        self.degrees = range(CUBIC, CUBIC + 1) if form.rows else range(1, HIGHEST + 1)
        self.width = WIDTH / self.segments
        self.starts: list[float] = [LOWEST]
        self.fits: list[tuple[int, int, tuple[Array, ...]]] = []  # degree, grid, coefficients by step
        self.memo: dict[tuple[int, str | None], int] = {}

    def _values(self, node: int, voltage: Array) -> Array:
        known = dict(self.known)
        known[self.recorded.voltage] = voltage
        with np.errstate(all="ignore"):
            return np.broadcast_to(self.recorded.graph.evaluate([node], known)[0], voltage.shape)

    def function(self, node: int, moving: str | None) -> int:
        """Number of the function of a node, or of the share 1 - exp(-node dt), dt that part of a `Move`; -1 if it has none."""
        key = (node, moving)
        if key not in self.memo:
            fit = self._fit(node, moving)
            self.memo[key] = -1 if fit is None else len(self.fits)
            if fit is not None:
                self.fits.append(fit)
        return self.memo[key]

    def _fit(self, node: int, moving: str | None) -> tuple[int, int, tuple[Array, ...]] | None:
        graph, voltage = self.recorded.graph, self.recorded.voltage
        inputs = {n for n in graph.reachable([node]) if graph.ops[n] == "input"}
        if not inputs <= {voltage, *self.known}:
            return None
        kinks = self._kinks(node)
        offsets = {round((kink - LOWEST) % self.width, 9) % self.width for kink in kinks}
        if len(offsets) > 1:
            return None
        offset = next(iter(offsets), 0.0)
        start = LOWEST + offset - self.width if offset else LOWEST
        middle = start + (np.arange(self.segments)[:, None] + 0.5) * self.width
        count = self.degrees[-1] + 1
        nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        fine = np.linspace(-1.0, 1.0, 3 * count)
        inside = 1.0 - 1e-9  # on a kink itself either side would do; stay on the segment's own
        at, check = (self._values(node, middle + x * inside * self.width / 2) for x in (nodes, fine))
        series, wanted = [], []
        for move in self.moves:
            y, exact = (-np.expm1(-a * getattr(move, moving)) for a in (at, check)) if moving else (at, check)
            if not (np.all(np.isfinite(y)) and np.all(np.isfinite(exact))):
                return None
            series.append(np.asarray(np.polynomial.chebyshev.chebfit(nodes, y.T, count - 1), np.float64))
            wanted.append(exact)
        for degree in self.degrees:
            if all(self._good(c[: degree + 1], fine, exact) for c, exact in zip(series, wanted, strict=True)):
                powers = tuple(_powers(c[: degree + 1]) for c in series)
                if start not in self.starts:
                    self.starts.append(start)
                return degree, self.starts.index(start), powers
        return None

    def _good(self, series: Array, fine: Array, exact: Array) -> bool:
        found = np.polynomial.chebyshev.chebval(fine, series)
        return bool(np.all(np.abs(found - exact).max(axis=1) <= self.tolerance * np.abs(exact).max(axis=1)))

    def _kinks(self, node: int) -> list[float]:
        """Voltages at which a condition within the node turns."""
        graph = self.recorded.graph
        conditions: set[tuple[int, int]] = set()
        for n in graph.reachable([node]):
            if graph.ops[n] in ("min", "max"):
                conditions.add((graph.args[n][0], graph.args[n][1]))
            elif graph.ops[n] == "abs":
                conditions.add((graph.args[n][0], -1))
            elif graph.ops[n] in BOOLEAN and graph.ops[n] != "truth":
                conditions.add((n, n))
        grid = np.arange(
            LOWEST - self.width + 0.0123, LOWEST + WIDTH, 0.03125
        )  # meets no round number, where x / x may be caught
        found = []
        for condition in sorted(conditions):
            truth = self._truth(condition, grid)
            for k in np.flatnonzero(truth[1:] != truth[:-1]):
                low, high = grid[k], grid[k + 1]
                for _ in range(50):
                    middle = (low + high) / 2
                    same = self._truth(condition, np.array([middle]))[0] == truth[k]
                    low, high = (middle, high) if same else (low, middle)
                found.append(float(round(high, 10)))
        return found

    def _truth(self, condition: tuple[int, int], voltage: Array) -> NDArray[np.bool_]:
        """Truth of a node (n, n), of a < b (a, b) or of a < 0 (a, -1)."""
        first, second = condition
        left = self._values(first, voltage)
        if first == second:
            return np.asarray(left, bool)
        return left < (0.0 if second < 0 else self._values(second, voltage))

    def finished(self, form: Form, target: list[int], share: list[int]) -> Tables:
        """The form and its numbers, without functions that no gate uses."""
        used = sorted({f for f in (*target, *share) if f >= 0})
        rare = set(form.pace.rare)
        often = {f for k, pair in enumerate(zip(target, share, strict=True)) for f in pair if k not in rare}
        used.sort(key=lambda f: f not in often)  # what most steps read lies together
        if not used:
            return Tables(form)
        place = {f: k for k, f in enumerate(used)} | {-1: -1}
        form = replace(
            form,
            degrees=tuple(self.fits[f][0] for f in used),
            grids=tuple(self.fits[f][1] for f in used),
            target=tuple(place[f] for f in target),
            share=tuple(place[f] for f in share),
        )
        numbers = {}
        for k, move in enumerate(self.moves):
            powers = [self.fits[f][2][k] for f in used]  # [power, segment] each
            if form.rows:
                numbers[move] = np.zeros((ROOM, len(used), CUBIC + 1))
                numbers[move][:ROWS] = np.stack(powers).transpose(2, 0, 1)
            else:
                numbers[move] = np.concatenate(powers)
        grid = np.array([-start / self.width - 0.5 for start in self.starts])
        return Tables(form, numbers, grid)


def _powers(series: Array) -> Array:
    """Chebyshev series [degree + 1, segment] on [-1, 1] as powers [degree + 1, segment] of a coordinate on [-1/2, 1/2]."""
    return np.asarray(_conversion(len(series)) @ series)


@cache
def _conversion(count: int) -> Array:
    """Matrix from `count` Chebyshev coefficients to powers of half the coordinate."""
    matrix = np.zeros((count, count))
    for k in range(count):
        powers = np.polynomial.chebyshev.cheb2poly(np.eye(count)[k])
        matrix[: len(powers), k] = powers
    return np.asarray(matrix * 2.0 ** np.arange(count)[:, None])
