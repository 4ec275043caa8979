"""Compartments of a neurite: a tree of cylinders cut into pieces, children after their parents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError

CM_PER_UM = 1e-4


@dataclass(frozen=True)
class Geometry:
    """Compartments in an order in which every parent stands before its children.

    `parent[i]`: index of the neighbour towards the root, -1 for the root (compartment 0). `length`, `diameter`: um.
    `resistivity`: axial, ohm cm. `region[i]`: which block of membrane parameters the compartment uses.
    """

    parent: NDArray[np.int64]
    length: NDArray[np.float64]
    diameter: NDArray[np.float64]
    resistivity: float
    region: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.parent)
        if n == 0:
            raise ModelError("a cable needs at least one compartment")
        for what, array in (("length", self.length), ("diameter", self.diameter), ("region", self.region)):
            if len(array) != n:
                raise ModelError(f"cable: {n} parents but {len(array)} entries of {what}")
        if self.parent[0] != -1 or np.any(self.parent[1:] >= np.arange(1, n)) or np.any(self.parent[1:] < 0):
            raise ModelError("cable: compartment 0 is the root (parent -1) and every parent stands before its children")
        for what, array in (("length", self.length), ("diameter", self.diameter)):
            if not np.all(np.isfinite(array)) or np.any(array <= 0.0):
                raise ModelError(f"cable: every {what} must be a positive number of um")
        if not self.resistivity > 0.0:
            raise ModelError(f"cable: axial resistivity must be above 0 ohm cm, not {self.resistivity:g}")
        if np.any(self.region < 0):
            raise ModelError("cable: regions are numbered from 0")

    @property
    def count(self) -> int:
        """Number of compartments."""
        return len(self.parent)

    @property
    def area(self) -> NDArray[np.float64]:
        """Membrane of each compartment, cm2: pi d L."""
        return np.pi * self.diameter * self.length * CM_PER_UM**2

    def couplings(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Axial conductance to the parent per membrane area of the compartment and of its parent, S/cm2 (0 at the root).

        The resistance between two centres is the half of each: sum of R_a (L/2) / (pi d^2 / 4).
        """
        half = self.resistivity * (self.length / 2 * CM_PER_UM) / (np.pi * (self.diameter * CM_PER_UM) ** 2 / 4)
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
            x[i] = x[p] + (self.length[p] + self.length[i]) / 2
        return x

    def nearest(self, distance: float) -> int:
        """Compartment whose centre is nearest to a distance from the start, um."""
        return int(np.argmin(np.abs(self.centres() - distance)))


def cylinder(length: float, diameter: float, compartments: int, resistivity: float) -> Geometry:
    """A straight, unbranched cable of equal compartments; `length` and `diameter` in um, `resistivity` in ohm cm."""
    if compartments < 1:
        raise ModelError(f"cable: at least one compartment is needed, not {compartments}")
    if not length > 0.0 or not diameter > 0.0:
        raise ModelError(f"cable: length and diameter must be above 0 um, not {length:g} and {diameter:g}")
    index = np.arange(compartments)
    return Geometry(
        parent=index - 1,
        length=np.full(compartments, length / compartments),
        diameter=np.full(compartments, float(diameter)),
        resistivity=resistivity,
        region=np.zeros(compartments, np.int64),
    )
