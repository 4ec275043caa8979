"""What a kernel reads and writes: its arguments, and where a compartment's vectors lie."""

from __future__ import annotations

from dataclasses import dataclass

from analgesia.engine.cable.membrane import Recorded
from analgesia.engine.cable.tables import Form
from analgesia.engine.cable.terms import resting

POINTERS = (
    "state",
    "parameters",
    "up",
    "down",
    "parent",
    "region",
    "patch",
    "axial",
    "wave",
    "amplitude",
    "site",
    "probe",
    "spikes",
    "counts",
    "trace",
    "scale",
    "tables",
    "grid",
    "numbers",
    "clock",
    "sizes",
    "left",
    "sheath",
)
"""Arguments of the kernel: pointers to numbers of its precision, but those of INTEGERS and DOUBLES."""
INTEGERS = frozenset(("parent", "region", "site", "probe", "counts", "sizes", "left"))
DOUBLES = frozenset(("spikes", "clock"))
SIZES = ("compartments", "steps", "stimuli", "probes", "capacity", "every", "first", "long", "apart")
NUMBERS = (
    "dt", "half", "now", "before", "threshold", "reach", "gates", "lowest", "highest", "rarely", "long", "share"
)  # fmt: skip
"""`gates`, `rarely`: ms by which gates move in a step, and those that move rarely in a long one; `long`: its ms; `share`: one over the
number of looks at pools in it; `lowest`, `highest`: mV between which tables hold (`left` notes lanes that left them).
"""
CLOCK = ("dt", "origin")
SCRATCH = ("pivot", "side", "middle", "diagonal", "incoming")
"""Pivot, right-hand side (later the old voltage), D of the step, what the children add to diagonal and side."""
SHEATH = (
    "space", "mixed", "outer", "side_space", "inside", "around", "children_cross", "children_space", "incoming_space"
)  # fmt: skip
"""Potential of the periaxonal space; the rest of the inverse block and of the right-hand side; E and Q; what the children add."""


@dataclass(frozen=True)
class Layout:
    """Places of a compartment's vectors within its block, and their number."""

    gates: int
    pools: int
    slow: tuple[int, ...] = ()
    single: bool = False
    sheathed: bool = False
    kept: int = 0
    rare: tuple[int, ...] = ()

    @classmethod
    def of(cls, membrane: Recorded, form: Form, sheathed: bool = False) -> Layout:
        """The layout of a membrane in a form."""
        slow = tuple(k for k, is_slow in enumerate(form.slow) if is_slow)
        kept = len(resting(membrane, form.pace)[1])
        return cls(
            len(membrane.gates),
            len(membrane.pools),
            slow,
            form.precision == "single",
            sheathed,
            kept,
            form.pace.rare,
        )

    @property
    def size(self) -> int:
        """Vectors per compartment."""
        return self._sheath + (len(SHEATH) if self.sheathed else 0)

    @property
    def _sheath(self) -> int:
        return self._lost + (1 + self.pools + len(self.slow) if self.single else 0)

    @property
    def live(self) -> list[int]:
        """Places of the state: voltage, gates, pools and, in a sheath, the potential of the periaxonal space."""
        gates, pools = map(self.gate, range(self.gates)), (self.pool(k, 0) for k in range(self.pools))
        return [0, *gates, *pools, *([self.sheath("space")] if self.sheathed else [])]

    def sheath(self, part: str) -> int:
        """What a sheath needs beside the rest; see SHEATH."""
        return self._sheath + SHEATH.index(part)

    @property
    def _cold(self) -> int:
        """Behind all that most steps need."""
        return self.keep(self.kept)

    @property
    def _lost(self) -> int:
        return self._cold + len(self.rare) + 5 * self.pools

    def keep(self, k: int) -> int:
        """Value k of those kept between long steps."""
        return 1 + self.gates - len(self.rare) + len(SCRATCH) + k

    @property
    def lost_voltage(self) -> int:
        """What rounding has cut from the voltage."""
        return self._lost

    def lost_pool(self, k: int) -> int:
        """What rounding has cut from pool k."""
        return self._lost + 1 + k

    def lost_gate(self, k: int) -> int:
        """What rounding has cut from gate k, which must be slow."""
        return self._lost + 1 + self.pools + self.slow.index(k)

    def gate(self, k: int) -> int:
        """Gate k."""
        if k in self.rare:
            return self._cold + self.rare.index(k)
        return 1 + k - sum(rare < k for rare in self.rare)

    def pool(self, k: int, part: int) -> int:
        """Pool k: 0 its value, 1 the rate before, 2 offset and 3 gain of the rate now, 4 its mean so far."""
        return self._cold + len(self.rare) + part * self.pools + k

    def scratch(self, part: str) -> int:
        """One of SCRATCH."""
        return 1 + self.gates - len(self.rare) + SCRATCH.index(part)
