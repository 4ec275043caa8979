"""The evidence: facts as TOML files, and the reader that checks, converts, pools and layers them."""

from __future__ import annotations

from analgesia.evidence.filling import declared_units, fill
from analgesia.evidence.library import Folder, Library, load, walk_numbers
from analgesia.evidence.numbers import Number
from analgesia.evidence.provenance import MARKS, MEANINGS, STATUSES, Footing, Tally, tally

__all__ = [
    "MARKS",
    "MEANINGS",
    "STATUSES",
    "Folder",
    "Footing",
    "Library",
    "Number",
    "Tally",
    "declared_units",
    "fill",
    "load",
    "tally",
    "walk_numbers",
]
