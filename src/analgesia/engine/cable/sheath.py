"""A second layer around the membrane: myelin, with the thin periaxonal space between it and the axon.

Every compartment has two potentials, across the axolemma (V, the voltage that gates feel) and of the periaxonal space against the outside
(P). What crosses the axolemma charges the space, leaves through the myelin, or runs along the space to its neighbours:

    C dV/dt + I(V) = axial current of the axon, driven by V + P, and what is injected
    C_m dP/dt + g_m P = C dV/dt + I(V) + axial current of the space, driven by P

A bare compartment (a node of Ranvier) has g_m = inf: its space is the outside, P = 0. The outside is earth everywhere.

Source of the double cable: Halter & Clark 1991; McIntyre, Richardson & Grill 2002 (doi 10.1152/jn.00353.2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError

if TYPE_CHECKING:
    from analgesia.engine.cable.geometry import Geometry

Array = NDArray[np.float64]

BARE = 1e10
"""S/cm2 that stand for a short circuit to the outside."""
CM_PER_UM = 1e-4


@dataclass(frozen=True)
class Sheath:
    """Myelin of each compartment: `capacitance` (uF/cm2) and `conductance` (S/cm2, inf where bare), both per area of the axolemma, and
    `resistance` of the periaxonal space along the axis (ohm/cm).
    """

    capacitance: Array
    conductance: Array
    resistance: Array

    def __post_init__(self) -> None:
        for what, array, least in (
            ("capacitance", self.capacitance, 0.0),
            ("resistance", self.resistance, None),
        ):
            low = np.any(array < least) if least is not None else np.any(array <= 0.0)
            if not np.all(np.isfinite(array)) or low:
                raise ModelError(
                    f"sheath: every {what} must be a number {'of 0 or more uF/cm2' if least is not None else 'above 0 ohm/cm'}"
                )
        if np.any(np.isnan(self.conductance)) or np.any(self.conductance < 0.0):
            raise ModelError("sheath: every conductance must be 0 or more S/cm2 (inf where the axon is bare)")

    @property
    def count(self) -> int:
        """Number of compartments it covers; raises `ModelError` where its parts differ."""
        sizes = {len(self.capacitance), len(self.conductance), len(self.resistance)}
        if len(sizes) != 1:
            raise ModelError(
                "sheath: capacitance, conductance and resistance need one entry for each compartment"
            )
        return sizes.pop()


def ring_resistance(diameter: Array, thickness: Array, resistivity: float) -> Array:
    """ohm/cm along a ring of `thickness` (um) around a cylinder of `diameter` (um), filled with `resistivity` (ohm cm)."""
    inner = diameter / 2.0
    return np.asarray(resistivity / (np.pi * ((inner + thickness) ** 2 - inner**2) * CM_PER_UM**2))


def kernel_numbers(geometry: Geometry) -> Array:
    """What the kernel reads of each compartment: capacitance, conductance, axial conductance of the space to the parent per area of the
    compartment and of its parent (S/cm2; 0 at the root).
    """
    sheath = geometry.sheath
    if sheath is None:
        return np.zeros((1, len(NUMBERS)))
    half = sheath.resistance * geometry.length / 2.0 * CM_PER_UM * np.where(geometry.patch, 1.0, 0.0)
    numbers = np.zeros((geometry.count, len(NUMBERS)))
    numbers[:, 0] = np.where(geometry.patch, sheath.capacitance, 0.0)
    numbers[:, 1] = np.where(geometry.patch, np.minimum(sheath.conductance, BARE), 0.0)
    parents = geometry.parent[1:]
    conductance = 1.0 / (half[1:] + half[parents])
    numbers[1:, 2] = conductance / geometry.area[1:]
    numbers[1:, 3] = conductance / geometry.area[parents]
    return numbers


NUMBERS = ("capacitance", "conductance", "up", "down")
