"""Nerve: from ion channels to a spike that arrives, and what drugs and injury do to it."""

from __future__ import annotations

from analgesia.nerve.block import blocking_concentration
from analgesia.nerve.drugs import block_at
from analgesia.nerve.states import NerveState, combined

__all__ = ["NerveState", "block_at", "blocking_concentration", "combined"]
