"""Compartments of a neurite: a tree of cylinders cut into pieces, children after their parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable.sheath import Sheath
from analgesia.errors import ModelError

CM_PER_UM = 1e-4


@dataclass(frozen=True)
class Geometry:
    """Compartments in an order in which every parent stands before its children.

    `parent[i]`: index of the neighbour towards the root, -1 for the root (compartment 0). `length`, `diameter`: um.
    `resistivity`: axial, ohm cm. `region[i]`: which block of membrane parameters the compartment uses. `patch[i]` is False for
    a branch point, which has no membrane and no length of its own. `sheath`: myelin around it, if any.
    """

    parent: NDArray[np.int64]
    length: NDArray[np.float64]
    diameter: NDArray[np.float64]
    resistivity: float
    region: NDArray[np.int64]
    patch: NDArray[np.bool_]
    sheath: Sheath | None = None

    def __post_init__(self) -> None:
        n = len(self.parent)
        if n == 0:
            raise ModelError("a cable needs at least one compartment")
        for what, array in (
            ("length", self.length),
            ("diameter", self.diameter),
            ("region", self.region),
            ("patch", self.patch),
        ):
            if len(array) != n:
                raise ModelError(f"cable: {n} parents but {len(array)} entries of {what}")
        if self.parent[0] != -1 or np.any(self.parent[1:] >= np.arange(1, n)) or np.any(self.parent[1:] < 0):
            raise ModelError(
                "cable: compartment 0 is the root (parent -1) and every parent stands before its children"
            )
        for what, array in (("length", self.length), ("diameter", self.diameter)):
            if not np.all(np.isfinite(array)) or np.any(array <= 0.0):
                raise ModelError(f"cable: every {what} must be a positive number of um")
        if not self.resistivity > 0.0:
            raise ModelError(f"cable: axial resistivity must be above 0 ohm cm, not {self.resistivity:g}")
        if np.any(self.region < 0):
            raise ModelError("cable: regions are numbered from 0")
        if self.sheath is not None and self.sheath.count != n:
            raise ModelError(f"cable: {n} parents but a sheath of {self.sheath.count} compartments")

    @property
    def count(self) -> int:
        """Number of compartments."""
        return len(self.parent)

    @property
    def area(self) -> NDArray[np.float64]:
        """Membrane of each compartment, cm2: pi d L. A branch point counts as 1, its equation holds for any area."""
        return np.where(self.patch, np.pi * self.diameter * self.length * CM_PER_UM**2, 1.0)

    def couplings(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Axial conductance to the parent per membrane area of the compartment and of its parent, S/cm2 (0 at the root).

        The resistance between two centres is the half of each: sum of R_a (L/2) / (pi d^2 / 4).
        """
        half = (
            self.resistivity * (self.length / 2 * CM_PER_UM) / (np.pi * (self.diameter * CM_PER_UM) ** 2 / 4)
        )
        own, towards = np.zeros(self.count), np.zeros(self.count)
        parents = self.parent[1:]
        conductance = 1.0 / (half[1:] + half[parents])
        own[1:] = conductance / self.area[1:]
        towards[1:] = conductance / self.area[parents]
        return own, towards

    def centres(self) -> NDArray[np.float64]:
        """Distance of each centre from the start of the root along the tree, um."""
        x = np.zeros(self.count)
        x[0] = self.length[0] / 2
        for i in range(1, self.count):
            p = self.parent[i]
            x[i] = x[p] + (self.length[p] * self.patch[p] + self.length[i] * self.patch[i]) / 2
        return x

    def nearest(self, distance: float) -> int:
        """Compartment whose centre is nearest to a distance from the start, um."""
        return int(np.argmin(np.abs(self.centres() - distance)))


@dataclass(frozen=True)
class Branch:
    """A piece of a tree: the branch whose end it grows from (None for the first), um, um, number of compartments, region."""

    parent: int | None
    length: float
    diameter: float
    compartments: int
    region: int = 0


def tree(branches: Sequence[Branch], resistivity: float) -> Geometry:
    """Join branches end to start; where one has several children a branch point without membrane stands between them."""
    if not branches or branches[0].parent is not None:
        raise ModelError("cable: the first branch is the root; its parent is None")
    children = [sum(other.parent == k for other in branches) for k in range(len(branches))]
    rows: list[tuple[int, float, float, int, bool]] = []
    ends: list[int] = []
    for k, branch in enumerate(branches):
        if branch.parent is not None and not 0 <= branch.parent < k:
            raise ModelError(
                f"cable: branch {k} grows from branch {branch.parent}, which does not stand before it"
            )
        if k and branch.parent is None:
            raise ModelError(f"cable: branch {k} has no parent; there is one root")
        if branch.compartments < 1 or not branch.length > 0.0 or not branch.diameter > 0.0:
            raise ModelError(
                f"cable: branch {k} needs at least one compartment and a length and diameter above 0 um"
            )
        before = -1 if branch.parent is None else ends[branch.parent]
        for _ in range(branch.compartments):
            rows.append((before, branch.length / branch.compartments, branch.diameter, branch.region, True))
            before = len(rows) - 1
        if children[k] > 1:
            rows.append((before, 1.0, branch.diameter, branch.region, False))
            before = len(rows) - 1
        ends.append(before)
    parent, length, diameter, region, patch = (np.array(column) for column in zip(*rows, strict=True))
    return Geometry(parent, length, diameter, resistivity, region, patch)


def cylinder(length: float, diameter: float, compartments: int, resistivity: float) -> Geometry:
    """A straight, unbranched cable of equal compartments; `length` and `diameter` in um, `resistivity` in ohm cm."""
    return tree([Branch(None, length, diameter, compartments)], resistivity)
