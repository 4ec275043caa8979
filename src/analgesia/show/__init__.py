"""What is known about one thing, and about one source: as plain data, and as text with every doubtful number marked.

A number that was not read in its paper carries a mark (`analgesia.evidence.MARKS`) wherever it is shown, with the legend below.
"""

from __future__ import annotations

from analgesia.show.data import KINDS, describe_number, describe_source, list_sources, show, source_flags
from analgesia.show.ledger import (
    list_collections,
    list_conflicts,
    list_coverage,
    list_left_out,
    list_searches,
    render_conflicts,
    render_coverage,
    render_left_out,
    render_searches,
)
from analgesia.show.marks import legend, marked, significant
from analgesia.show.text import render, render_sources, source_line

__all__ = [
    "KINDS",
    "describe_number",
    "describe_source",
    "legend",
    "list_collections",
    "list_conflicts",
    "list_coverage",
    "list_left_out",
    "list_searches",
    "list_sources",
    "marked",
    "render",
    "render_conflicts",
    "render_coverage",
    "render_left_out",
    "render_searches",
    "render_sources",
    "show",
    "significant",
    "source_flags",
    "source_line",
]
