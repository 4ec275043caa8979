"""What a drug or an injury does to a membrane, as numbers that can be combined.

Factors on conductances multiply, shifts and depolarisations add, concentrations over their constants add (two blockers compete for
one site of the channel). Everything may be a number or one number per lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analgesia.errors import ModelError
from analgesia.nerve.membranes import (
    INACTIVATED,
    RESTING,
    SHIFT,
    UNBINDING,
    Fibre,
    at_rest,
    resting_leaks,
)

SLOWEST = 1e-4
"""1/ms; unbinding of a channel that no drug reaches (nothing is bound then, any rate does)."""


@dataclass(frozen=True)
class Block:
    """A blocker at one channel: concentration over K_R (resting) and over K_I (inactivated), unbinding in 1/ms."""

    resting: Any
    inactivated: Any
    unbinding: Any


@dataclass(frozen=True)
class NerveState:
    """Change of a membrane: factor on each conductance, shift of activation (mV), depolarisation of rest (mV), blocks."""

    factors: Mapping[str, Any] = field(default_factory=dict)
    shifts: Mapping[str, Any] = field(default_factory=dict)
    depolarisation: Any = 0.0
    blocks: Mapping[str, Block] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.factors or self.shifts or self.blocks or np.any(self.depolarisation))


HEALTHY = NerveState()


def combined(states: Iterable[NerveState]) -> NerveState:
    """All of them at once."""
    factors: dict[str, Any] = {}
    shifts: dict[str, Any] = {}
    blocks: dict[str, Block] = {}
    depolarisation: Any = 0.0
    for state in states:
        depolarisation = depolarisation + state.depolarisation
        for name, factor in state.factors.items():
            factors[name] = factors.get(name, 1.0) * factor
        for name, shift in state.shifts.items():
            shifts[name] = shifts.get(name, 0.0) + shift
        for name, block in state.blocks.items():
            known = blocks.get(name)
            blocks[name] = block if known is None else _both(known, block)
    return NerveState(factors, shifts, depolarisation, blocks)


def _both(a: Block, b: Block) -> Block:
    """Two blockers; the bound share leaves at the mean rate, weighted by how much each binds the inactivated channel."""
    total = np.maximum(np.asarray(a.inactivated + b.inactivated, float), 1e-300)
    unbinding = (a.unbinding * a.inactivated + b.unbinding * b.inactivated) / total
    return Block(a.resting + b.resting, a.inactivated + b.inactivated, unbinding)


def altered(fibre: Fibre, diameter: Any, state: NerveState) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and initial state of the altered membrane.

    An injury moves the rest, and the leaks balance the membrane there (without drug); a drug meets a membrane whose leaks are set.
    Raises `ModelError` for a channel the fibre does not have and for factors below 0.
    """
    for what, names in (("conductance", state.factors), ("shift", state.shifts), ("block", state.blocks)):
        extra = set(names) - set(fibre.channels)
        if extra:
            raise ModelError(
                f"fibre {fibre.name} has no {', '.join(sorted(extra))} whose {what} could change; it has {', '.join(fibre.channels)}"
            )
    parameters: dict[str, Any] = {**fibre.parameters, "diameter": diameter}
    for key, factor in state.factors.items():
        if not np.all(np.isfinite(factor)) or np.any(np.asarray(factor) < 0.0):
            raise ModelError(
                f"fibre {fibre.name}: a conductance of {key} times {factor}; give a factor of 0 or more"
            )
        parameters[f"conductance_{key}"] = parameters[f"conductance_{key}"] * factor
    for key in fibre.sodium:
        parameters |= {SHIFT + key: state.shifts.get(key, 0.0), UNBINDING + key: SLOWEST}
        parameters |= {RESTING + key: 0.0, INACTIVATED + key: 0.0}
    initial = {**fibre.initial, "v": fibre.initial["v"] + state.depolarisation}
    parameters |= resting_leaks(fibre, parameters, initial)
    for key, block in state.blocks.items():
        parameters |= {
            RESTING + key: block.resting,
            INACTIVATED + key: block.inactivated,
            UNBINDING + key: block.unbinding,
        }
    return parameters, initial | at_rest(fibre, parameters, initial)
