"""Which gates and pools of a membrane move in every step, which in every sixth, and the calls of the kernel that follow from it.

A gate is moved once in a long step (EVERY steps), by all of it, if even so it is followed far more finely than the fastest gate of its
membrane: if EVERY times its greatest rate is at most FAIR of that gate's (and the long step itself not too coarse for it). It moves
exponentially, so exactly for a held voltage, and lives half a long step ahead, so that its value is right in the middle of the steps that
use it and the error is of second order in the long step, as that of a fast gate is in the short one. The same holds for pools that ease
back slowly and open no gate: their rate is taken in every third step, since what a spike carries passes in a few tenths of a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable.checks import batches
from analgesia.engine.cable.membrane import Recorded

Array = NDArray[np.float64]
Method = Literal["crank-nicolson", "backward-euler"]

EVERY = 6
"""Steps in a long step."""
APART = 3
"""Steps between two looks at the rates of pools: odd, so that each lies in the middle of its third or half, and a divisor of EVERY."""
FAIR = 0.05
"""Greatest rate of a gate or pool that moves rarely, times EVERY, over the rate of the fastest gate."""
LARGEST = 0.15
"""Greatest share of its way (to first order) that it may go in a long step, however fast others are."""
BLOCK = 2000
"""Steps between two looks at progress; spikes of one block must fit the buffer, which therefore never overflows."""


@dataclass(frozen=True)
class Stage:
    """A stretch of time run with one step: ms, ms. `quiet` says that nothing fires in it, so that a coarse step may pass."""

    duration: float
    dt: float
    method: Method = "crank-nicolson"
    quiet: bool = False

    @property
    def steps(self) -> int:
        """Number of steps."""
        return round(self.duration / self.dt)

    @property
    def centred(self) -> bool:
        """Whether the voltage is taken at the middle of a step."""
        return self.method == "crank-nicolson"


@dataclass(frozen=True)
class Pace:
    """`gates[k]`: gate k moves in long steps alone; `pools`: so do the pools."""

    gates: tuple[bool, ...] = ()
    pools: bool = False

    @property
    def every(self) -> int:
        """Steps in a long step."""
        return EVERY if self.pools or self.rare else 1

    @property
    def rare(self) -> tuple[int, ...]:
        """Numbers of the gates that move in long steps alone."""
        return tuple(k for k, rarely in enumerate(self.gates) if rarely)


@dataclass(frozen=True)
class Move:
    """ms by which gates move in a step, and those that move rarely in a long one."""

    short: float
    long: float


@dataclass(frozen=True)
class Call:
    """One call of the kernel: first step of the stage, number of steps, steps in a long one, how far gates move."""

    first: int
    steps: int
    every: int
    move: Move

    @property
    def apart(self) -> int:
        """Steps between two looks at the rates of pools."""
        return min(APART, self.every)


def calls(stages: Sequence[Stage], number: int, pace: Pace) -> Iterator[Call]:
    """The calls of a stage. The run's first step stands alone: gates move to where they live. Steps too few for a long one are short."""
    stage, first = stages[number], 0
    every = 1 if stage.quiet else pace.every
    whole = stage.steps // every * every
    if number == 0 and stage.steps:
        far = every if whole else 1
        yield Call(0, 1, far, Move(reach(stage, 1), reach(stage, far)))
        first = 1
    while first < whole:
        steps = min(BLOCK, whole - first)
        yield Call(first, steps, every, Move(stage.dt, every * stage.dt))
        first += steps
    if first < stage.steps:
        yield Call(first, stage.steps - first, 1, Move(stage.dt, stage.dt))


def moves(stages: Sequence[Stage], pace: Pace) -> tuple[Move, ...]:
    """How far gates move in the calls of all stages that are not quiet."""
    found = {
        call.move
        for number, stage in enumerate(stages)
        if not stage.quiet
        for call in calls(stages, number, pace)
    }
    return tuple(sorted(found, key=lambda move: (move.short, move.long)))


def reach(stage: Stage, every: int) -> float:
    """ms by which what moves every so many steps lives ahead of the voltage, to be right in the middle of the steps that use it."""
    return ((every if stage.centred else every - 1) / 2) * stage.dt


def even(recorded: Recorded) -> Pace:
    """Everything moves in every step."""
    return Pace((False,) * len(recorded.gates))


def pace(recorded: Recorded, table: Array, known: dict[int, Any], stages: Sequence[Stage]) -> Pace:
    """What may move rarely in the longest step of stages that are not quiet.

    `table`: parameters [region, parameter, lane]; `known`: gates, pools and parameters of some compartments by node.
    """
    step = max((stage.dt for stage in stages if not stage.quiet), default=0.0)
    if step == 0.0:
        return even(recorded)
    graph, voltage = recorded.graph, np.linspace(-100.0, 50.0, 61)[:, None, None]
    others = {*recorded.gates, *recorded.pools}
    given: dict[int, Any] = {node: table[None, :, k] for k, node in enumerate(recorded.parameters)}
    given[recorded.voltage] = voltage
    found: list[float] = []
    for rate, change in zip(recorded.rates, recorded.changes, strict=True):
        if change >= 0 or not others.isdisjoint(graph.reachable([rate])):
            found.append(np.inf)
            continue
        with np.errstate(all="ignore"):
            found.append(float(np.max(graph.evaluate([rate], given)[0])))
    fastest = max((rate for rate in found if np.isfinite(rate)), default=0.0)
    limit = min(LARGEST / step, FAIR * fastest) / EVERY
    return Pace(tuple(rate <= limit for rate in found), _pools_are_slow(recorded, known, limit))


def _pools_are_slow(recorded: Recorded, known: dict[int, Any], limit: float) -> bool:
    """Whether pools ease back slowly, with gates at their targets, and no gate follows them."""
    graph, nodes = (
        recorded.graph,
        [n for n in (*recorded.targets, *recorded.rates, *recorded.changes) if n >= 0],
    )
    if not recorded.pools or not set(recorded.pools).isdisjoint(graph.reachable(nodes)):
        return False
    for voltage in batches(np.linspace(-100.0, 50.0, 16), known):
        here = {**known, recorded.voltage: voltage}
        with np.errstate(all="ignore"):
            targets = graph.evaluate(recorded.targets, here)
            here |= dict(zip(recorded.gates, targets, strict=True))
            for easing in graph.evaluate(recorded.easing, here):
                if not np.all(np.abs(np.asarray(easing, float)) <= limit):
                    return False
    return True
