"""The cable kernel: membranes along a branched or straight neurite, many neurites in the lanes of the machine.

`Membrane` says what happens at one place, `Geometry` where the places are, `simulate` runs them.
"""

from __future__ import annotations

from analgesia.engine.cable.geometry import Branch, Geometry, cylinder, tree
from analgesia.engine.cable.membrane import Membrane
from analgesia.engine.cable.pace import Stage
from analgesia.engine.cable.run import Precision, Pulse
from analgesia.engine.cable.sheath import Sheath
from analgesia.engine.cable.simulation import CableResult, simulate

__all__ = [
    "Branch", "CableResult", "Geometry", "Membrane", "Precision", "Pulse", "Sheath", "Stage", "cylinder", "simulate", "tree"
]  # fmt: skip
