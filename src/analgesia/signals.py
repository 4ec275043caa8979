"""What one scale tells the next: the name, the axes and the unit of every array that crosses a border.

A scale never imports another; it receives and returns arrays that are described here, once. Labels of plots and attributes
of results come from the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError


@dataclass(frozen=True)
class Signal:
    """Name, axes, unit and label of one kind of array."""

    name: str
    axes: tuple[str, ...]
    unit: str
    label: str

    def check(self, array: NDArray[Any], **sizes: int) -> NDArray[Any]:
        """Return `array` if its shape is that of the signal; `sizes` fixes the length of named axes."""
        if array.ndim != len(self.axes):
            raise ModelError(f"{self.name} has axes {self.axes}, not an array of shape {array.shape}")
        for axis, length in zip(self.axes, array.shape, strict=True):
            if axis in sizes and sizes[axis] != length:
                raise ModelError(
                    f"{self.name}: axis {axis!r} has {length} entries where {sizes[axis]} are expected"
                )
        return array


CONCENTRATION = Signal("concentration", ("patient", "time", "analyte", "site"), "nM", "unbound concentration")
PLASMA = Signal("plasma", ("patient", "time", "analyte"), "ng/mL", "total plasma concentration")
OCCUPANCY = Signal("occupancy", ("patient", "time", "receptor", "site"), "1", "receptor occupancy")
STIMULUS = Signal("stimulus", ("patient", "time", "receptor", "site"), "1", "receptor stimulus")
MODULATION = Signal("modulation", ("patient", "time"), "1", "modulation")
FIRING = Signal("firing", ("patient", "fibre"), "1/s", "firing rate")
DRIVE = Signal("drive", ("patient", "time"), "1/s", "drive of the projection neurons")
PAIN = Signal("pain", ("patient", "time"), "NRS", "pain rating (0-10)")

Concentration = Annotated[NDArray[np.float64], CONCENTRATION]
Plasma = Annotated[NDArray[np.float64], PLASMA]
Occupancy = Annotated[NDArray[np.float64], OCCUPANCY]
Stimulus = Annotated[NDArray[np.float64], STIMULUS]
Modulation = Annotated[NDArray[np.float64], MODULATION]
Firing = Annotated[NDArray[np.float64], FIRING]
Drive = Annotated[NDArray[np.float64], DRIVE]
Pain = Annotated[NDArray[np.float64], PAIN]

SITES = ("plasma", "brain", "spinal_cord", "nociceptor")
"""Where unbound drug is followed. Brain and spinal cord lie behind the blood-brain barrier, the nociceptor outside it."""
