"""Blockers of sodium channels: from a concentration at the nerve to what it does to the membrane.

    K_app = 1 / ((1 - a) / K_I + a / K_R),    a: share of channels that is not inactivated

A drug's file says K_R, K_I and the rate of unbinding for each channel under `nerve`. A drug on which no channel was ever clamped may
hold a prior instead, which is left out unless it is asked for. Concentrations are unbound, at the nerve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from analgesia.engine import draws
from analgesia.errors import ModelError, UnitError
from analgesia.evidence import Library
from analgesia.nerve.states import Block, NerveState, combined
from analgesia.quantities import Quantity

PRIOR = "prior"
"""Table of a drug's `nerve` that stands for a guess rather than a measurement."""

MOST = 1e7
"""uM; more of a drug than any liquid holds."""


def parse_drug(text: str, library: Library) -> tuple[str, float]:
    """Read "NAME AMOUNT", such as "lidocaine 0.8 mM": name and concentration in uM. Raises `ModelError` otherwise."""
    name, _, amount = text.strip().partition(" ")
    if not amount.strip() or _number(name):
        raise ModelError(
            f'drug {text!r}: write its name, then its concentration at the nerve, such as "lidocaine 0.8 mM"'
        )
    record = library.drugs[name]
    cure = 'write a concentration like "0.8 mM" or "2 ug/mL"'
    try:
        concentration = Quantity.parse(amount)
    except UnitError:
        raise ModelError(f"drug {text!r}: {amount.strip()!r} is no quantity; {cure}") from None
    try:
        value = concentration.to("uM", float(record.molar_mass.to("g/mol")))
    except UnitError as error:
        raise UnitError(f"drug {text!r}: {error}; {cure}") from None
    if concentration.of is not None:
        raise ModelError(
            f"drug {text!r}: {concentration.of!r} after the unit belongs to nothing; one --drug each"
        )
    if value < 0.0:
        raise ModelError(f"drug {text!r}: a concentration is 0 or more")
    if value > MOST:
        raise ModelError(f"drug {text!r}: no liquid holds that much; give at most {MOST / 1e6:g} M")
    return name, value


def _number(word: str) -> bool:
    """Whether a word is a number, which no drug is called."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def block_at(
    concentrations: Mapping[str, Any],
    library: Library,
    *,
    channels: tuple[str, ...] = ("nav1_7", "nav1_8", "nav1_9"),
    prior: bool = False,
    guesses: int = 0,
    seed: int = 1,
) -> NerveState:
    """What unbound concentrations (uM; each a number or one per lane) do to the membrane of a fibre.

    `prior`: also use guesses about drugs on which no channel was measured. `guesses`: draw that many values of every constant within
    what is not known, one per lane. Raises `ModelError` for a drug without known block.
    """
    for name, amount in concentrations.items():
        if not np.all(np.isfinite(amount)) or np.any(np.asarray(amount) < 0.0):
            raise ModelError(f"{name} at {amount} uM: give a concentration of 0 or more")
    states = [
        _state(name, amount, library, channels, prior=prior, guesses=guesses, seed=seed)
        for name, amount in concentrations.items()
    ]
    return combined(states)


def block_as(
    concentrations: Mapping[str, Any],
    library: Library,
    sodium: tuple[str, ...],
    alike: tuple[str, ...],
    *,
    prior: bool = False,
    guesses: int = 0,
    seed: int = 1,
) -> NerveState:
    """`block_at` for sodium channels that nobody clamped under drugs: all are blocked as the first of `alike` that the drug's file has.

    Raises `ModelError` for a drug that has none of them.
    """
    states = []
    for name, amount in concentrations.items():
        found = block_at(
            {name: amount}, library, channels=alike, prior=prior, guesses=guesses, seed=seed
        ).blocks
        known = [channel for channel in alike if channel in found]
        states.append(NerveState(blocks=dict.fromkeys(sodium, found[known[0]]) if known else {}))
    return combined(states)


def told(
    drugs: Iterable[str], library: Library, stands: Mapping[str, tuple[str, ...]], *, prior: bool = False
) -> list[str]:
    """What a reader should know of the constants of a block, one sentence a drug: which are assumed, or of another channel.

    `stands`: the channels of the fibre or cell, and for each those whose block stands for its own, the first that a drug's file has.
    """
    notes = []
    for name in drugs:
        table = library.drugs[name].nerve
        if PRIOR in table:
            notes.append(
                f"no sodium channel was ever clamped under {name}; "
                + (
                    "a guess is used that the finding on conduction allows"
                    if prior
                    else "it blocks nothing here (--prior uses our guess)"
                )
            )
            continue
        used: dict[str, list[str]] = {}
        for own, alike in stands.items():
            for channel in [each for each in alike if each in table][:1]:
                used.setdefault(channel, []).append(own)
        parts = []
        for channel, theirs in used.items():
            others = [each for each in theirs if each != channel]
            if others:
                verb, them = ("is", "it") if len(others) == 1 else ("are", "them")
                parts.append(
                    f"{', '.join(others)} {verb} blocked as {channel}, since no drug was tried on {them}"
                )
        reasons: dict[str, dict[str, list[str]]] = {}
        for channel in used:
            for kind in ("resting", "inactivated"):
                number = table[channel][kind]
                for member in number.measured or (number,):
                    reason = f"assumed: {member.assumed}" if member.assumed else member.translation
                    if reason:
                        reasons.setdefault(reason, {}).setdefault(kind, []).append(channel)
        for why, kinds in reasons.items():
            where = " and ".join(f"{kind} {', '.join(dict.fromkeys(keys))}" for kind, keys in kinds.items())
            parts.append(
                f"its block of {where} is {why}" if why.startswith("assumed") else f"for {where}, {why}"
            )
        if parts:
            notes.append(f"{name}: " + "; ".join(parts))
    return notes


def _state(
    name: str,
    amount: Any,
    library: Library,
    channels: tuple[str, ...],
    *,
    prior: bool,
    guesses: int,
    seed: int,
) -> NerveState:
    table = library.drugs[name].nerve
    if not table:
        known = sorted(drug for drug in library.drugs if library.drugs[drug].nerve)
        raise ModelError(
            f"no block of a nerve's channels is known for {name}: write nerve.CHANNEL.resting, .inactivated and .unbinding in its file; "
            f"known are {', '.join(known)}"
        )

    def constant(number: Any, unit: str, label: str) -> Any:
        value = float(number.to(unit))
        if not guesses:
            return value
        z = draws.normal(seed, f"nerve.{name}.{label}", guesses)
        return value * np.exp(number.uncertainty_sd_log * z)

    if PRIOR in table:
        half = constant(table[PRIOR]["half_block"], "uM", "half_block")
        if not prior:
            float(table[PRIOR]["default"].to("1"))
            return NerveState()
        share = amount / half
        return NerveState(blocks={channel: Block(share, share, 5e-3) for channel in channels})
    blocks = {}
    for channel in channels:
        if channel in table:
            constants = table[channel]
            blocks[channel] = Block(
                amount / constant(constants["resting"], "uM", f"{channel}.resting"),
                amount / constant(constants["inactivated"], "uM", f"{channel}.inactivated"),
                float(constants["unbinding"].to("1/ms")),
            )
    if not blocks:
        raise ModelError(
            f"no block of {' or '.join(channels)} is known for {name}: write nerve.{channels[0]}.resting, .inactivated and .unbinding "
            "in its file"
        )
    return NerveState(blocks=blocks)
