"""The working scale of agonism: affinity constant and efficacy of a ligand where it pushes, from what laboratories measured.

Three kinds of constants exist for one drug and one receptor, and they are not the same thing:

    binding     Ki    displacement of a radioligand, mostly with little sodium and no GDP: it sees receptors coupled to their G protein
    functional  EC50  half the greatest effect in a cell, Emax its greatest effect relative to a full agonist
    apparent    C50   half an effect in a person, from the concentration in plasma

A stimulus needs the second. With the operational model (Black & Leff 1983) an assay obeys

    Emax = tau / (1 + tau),   EC50 = K_A / (1 + tau)     so that     tau = Emax / (1 - Emax),   K_A = EC50 (1 + tau).

Binding without GDP is tighter than K_A the more a ligand favours the coupled receptor, that is the greater its efficacy, and equal to it
for an antagonist, which favours nothing (ternary complex, De Lean et al. 1980):

    K_A = Ki (1 + c tau),    c the binding shift of the receptor, from drugs that were measured both ways.

Where a drug has an EC50 and a Ki, both speak of one K_A: their logarithms are averaged, each weighted by its inverse variance; c is badly
known, so that a measured EC50 decides and a Ki hardly moves it. Where it has a Ki alone, that is what there is. tau is on the scale of
the reference assay; a tissue multiplies it by its receptor reserve (`reserve`). Ignored: signalling bias, kinetics of binding, several
agonist-bound states.
Source: Black & Leff 1983 doi:10.1098/rspb.1983.0093; De Lean, Stadel & Lefkowitz 1980, J Biol Chem 255:7108.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import log
from analgesia.errors import EvidenceError
from analgesia.evidence import Library, Number
from analgesia.evidence.schema import Drug

Array = NDArray[np.float64]
Draw = Callable[[Number, str, str], Array]
"""Number, unit, key of its luck -> its value, once per draw of ignorance."""

SHIFT = "binding_shift"
RESERVE = "reserve"


def efficacy_of(maximum: Any) -> Any:
    """tau from the greatest effect relative to a full agonist, 0 <= Emax < 1: Emax / (1 - Emax)."""
    return maximum / (1.0 - maximum)


def maximum_of(efficacy: Any) -> Any:
    """Greatest effect relative to a full agonist: tau / (1 + tau)."""
    return efficacy / (1.0 + efficacy)


def affinity_of(half_effect: Any, efficacy: Any) -> Any:
    """K_A from the concentration of half the greatest effect: EC50 (1 + tau), in the unit of EC50."""
    return half_effect * (1.0 + efficacy)


def half_effect_of(affinity: Any, efficacy: Any) -> Any:
    """EC50 = K_A / (1 + tau), in the unit of K_A."""
    return affinity / (1.0 + efficacy)


def shifted(binding: Any, efficacy: Any, shift: Any) -> Any:
    """K_A from the binding constant: Ki (1 + c tau), in the unit of Ki; an antagonist (tau 0) keeps its Ki."""
    return binding * (1.0 + shift * efficacy)


def shift_of(half_effect: Any, binding: Any, efficacy: Any) -> Any:
    """c of a drug measured both ways: (EC50 (1 + tau) / Ki - 1) / tau, tau > 0."""
    return (affinity_of(half_effect, efficacy) / binding - 1.0) / efficacy


@dataclass(frozen=True)
class Working:
    """A ligand on the working scale: K_A in nM, and tau before the reserve of a tissue; arrays run over draws of ignorance."""

    affinity: Array
    efficacy: Array


def is_ligand(drug: Drug, receptor: str) -> bool:
    """Whether the drug has any constant at the receptor from which a working constant follows."""
    pushes = receptor in drug.efficacy or receptor in drug.maximum
    return receptor in drug.affinity or (receptor in drug.potency and pushes)


def working(name: str, receptor: str, library: Library, draw: Draw) -> Working:
    """Working constants of drug `name` at a receptor of agonism.

    Raises EvidenceError naming what the files lack, and for an affinity that is not above 0 or an efficacy below 0.
    """
    drug = library.drugs[name]
    tau, middle, spread = _efficacy(name, drug, receptor, draw)
    functional = binding = None
    weights = {}
    if receptor in drug.potency:
        potency = drug.potency[receptor]
        half = draw(potency, "nM", f"{name}.potency.{receptor}")
        functional = affinity_of(half, tau)
        weights["functional"] = potency.uncertainty_sd_log**2 + (maximum_of(middle) * spread) ** 2
    if receptor in drug.affinity:
        number = drug.affinity[receptor]
        bound = draw(number, "nM", f"{name}.affinity.{receptor}")
        binding, variance = bound, number.uncertainty_sd_log**2
        if middle > 0.0:
            c = _parameter(library, receptor, SHIFT)
            binding = shifted(bound, tau, draw(c, "1", f"{receptor}.{SHIFT}"))
            variance += maximum_of(c.value * middle) ** 2 * (c.uncertainty_sd_log**2 + spread**2)
        weights["binding"] = variance
    affinity = _averaged(functional, binding, weights)
    if affinity is None:
        raise EvidenceError(
            f"drug {name}: neither an affinity nor a potency for {receptor}; add [affinity.{receptor}]"
        )
    if not np.all(affinity > 0.0) or not np.all(tau >= 0.0):
        raise EvidenceError(
            f"drug {name}, receptor {receptor}: an affinity must be > 0 nM and an efficacy >= 0"
        )
    return Working(affinity, tau)


def efficacy(name: str, receptor: str, library: Library, draw: Draw) -> Array:
    """tau of drug `name` on the scale of the reference assay, per draw of ignorance."""
    return _efficacy(name, library.drugs[name], receptor, draw)[0]


def reserve(receptor: str, library: Library, draw: Draw) -> Array:
    """How many times the receptor reserve of the working tissue exceeds that of the assay in which tau is given."""
    return draw(_parameter(library, receptor, RESERVE), "1", f"{receptor}.{RESERVE}")


def _averaged(functional: Array | None, binding: Array | None, variances: dict[str, float]) -> Array | None:
    """Mean of the logarithms, weighted by inverse variance; the one there is when the other is missing."""
    if functional is None or binding is None:
        return functional if binding is None else binding
    total = variances["functional"] + variances["binding"]
    share = variances["functional"] / total if total > 0.0 else 0.0
    if not (np.all(functional > 0.0) and np.all(binding > 0.0)):
        return np.minimum(functional, binding)
    return np.asarray(np.exp((1.0 - share) * log(functional) + share * log(binding)))


def _efficacy(name: str, drug: Drug, receptor: str, draw: Draw) -> tuple[Array, float, float]:
    """tau per draw, its central value, and the SD of its logarithm: as stated, or from Emax."""
    if receptor in drug.efficacy:
        number = drug.efficacy[receptor]
        drawn = draw(number, "1", f"{name}.efficacy.{receptor}")
        return drawn, number.to("1"), number.uncertainty_sd_log
    if receptor in drug.maximum:
        number = drug.maximum[receptor]
        middle = number.to("1")
        if not 0.0 < middle < 1.0:
            raise EvidenceError(
                f"{number.place}: a greatest effect relative to the full agonist lies between 0 and 100 %; got {100 * middle:g} %. "
                f"For a full agonist write [efficacy.{receptor}]"
            )
        steep = 1.0 / (1.0 - middle)
        moved = draw(number, "1", f"{name}.maximum.{receptor}") / middle
        central = efficacy_of(middle)
        return np.asarray(central * moved**steep), central, steep * number.uncertainty_sd_log
    raise EvidenceError(
        f"drug {name}: an affinity for {receptor} but no efficacy; add [efficacy.{receptor}] (0 for an antagonist)"
    )


def _parameter(library: Library, receptor: str, key: str) -> Number:
    record = library.receptors[receptor]
    if key not in record.parameters:
        raise EvidenceError(
            f"{', '.join(record.files) or receptor}: parameters.{key} is missing; agonists of the receptor need it"
        )
    return record.parameters[key]
