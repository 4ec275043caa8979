"""The spinal cord: release of afferents and drugs at its nodes -> drive to the brain.

`drive` gives people's drive over hours; `cord` the millisecond network itself, for stimuli and tests; `NODES` names
where drugs enter.
"""

from __future__ import annotations

from analgesia.spinal.equations import NODES
from analgesia.spinal.steady import Drive, cord, drive

__all__ = ["NODES", "Drive", "cord", "drive"]
