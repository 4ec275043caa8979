"""Where the labels of a crowded picture go: beside their points, over no other label and no point, or nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DEGREES = (0, 180, 30, 150, -30, -150, 55, 125, -55, -125, 15, 165, -15, -165, 90, -90)
DIRECTIONS = tuple((math.cos(math.radians(turn)), math.sin(math.radians(turn))) for turn in DEGREES)
"""Directions in which a label is tried, the first that is free taken."""

REACHES = (1.0, 2.2, 3.4, 4.6, 5.8, 7.0)
"""How far away, in gaps; beyond the first a line leads to the point."""


STEPS = 24
"""Parts of a line that are looked at."""


@dataclass(frozen=True)
class Box:
    """A rectangle, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """True when the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, point: tuple[float, float]) -> bool:
        """True when the point lies inside."""
        return self.left < point[0] < self.right and self.bottom < point[1] < self.top

    def end(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where a line from a point outside meets it: the middle of the side that faces it."""
        x, y = point
        if self.left >= x or self.right <= x:
            return (self.left if self.left >= x else self.right), (self.bottom + self.top) / 2.0
        return (self.left + self.right) / 2.0, self.bottom if self.bottom >= y else self.top

    def within(self, other: Box) -> bool:
        """True when it lies inside."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True)
class Placed:
    """A label at its place: which one, its box, and whether it needs a line to its point."""

    index: int
    box: Box
    led: bool


def place(
    anchors: Sequence[tuple[float, float]],
    widths: Sequence[float],
    height: float,
    blocked: Sequence[Box],
    bounds: Box,
    gap: float,
) -> list[Placed]:
    """Labels in order of importance, each at the first free place around its anchor; one that finds none is left out.

    All lengths in one unit. `blocked` is what no label may cover: signs, lines and other words.
    """
    taken = list(blocked)
    lines: list[tuple[float, float]] = []
    placed: list[Placed] = []
    for index, (anchor, width) in enumerate(zip(anchors, widths, strict=True)):
        for box, led in _candidates(anchor, width, height, gap):
            line = _line(anchor, box) if led else []
            if (
                box.within(bounds)
                and not any(box.meets(other) for other in taken)
                and not any(box.holds(point) for point in lines)
                and not any(
                    other.holds(point) for other in taken if not other.holds(anchor) for point in line
                )
            ):
                taken.append(box)
                lines += line
                placed.append(Placed(index, box, led))
                break
    return placed


def _candidates(
    anchor: tuple[float, float], width: float, height: float, gap: float
) -> Iterator[tuple[Box, bool]]:
    """Places around an anchor, the nearest first, and whether each needs a line."""
    x, y = anchor
    for reach in REACHES:
        for across, up in DIRECTIONS:
            yield (
                _box(x + across * gap * reach, y + up * gap * reach, across, width, height),
                reach > REACHES[0],
            )


def _line(anchor: tuple[float, float], box: Box) -> list[tuple[float, float]]:
    """Points along the line from an anchor to its label, both ends left out."""
    x, y = box.end(anchor)
    return [
        (anchor[0] + (x - anchor[0]) * part, anchor[1] + (y - anchor[1]) * part)
        for part in (step / STEPS for step in range(1, STEPS))
    ]


def _box(x: float, y: float, across: float, width: float, height: float) -> Box:
    """The box of a label that begins, ends or is centred at x, by the side on which it lies."""
    left = x if across > 0.1 else x - width if across < -0.1 else x - width / 2.0
    return Box(left, y - height / 2.0, left + width, y + height / 2.0)
