"""The cable kernel: membranes along a branched or straight neurite, many neurites in the lanes of the machine.

`Membrane` says what happens at one place, `Geometry` where the places are, `simulate` runs them.
"""

from __future__ import annotations

from analgesia.engine.cable.geometry import Geometry, cylinder
from analgesia.engine.cable.membrane import Membrane
from analgesia.engine.cable.simulation import CableResult, Pulse, simulate

__all__ = ["CableResult", "Geometry", "Membrane", "Pulse", "cylinder", "simulate"]
