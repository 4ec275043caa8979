"""Receptors: concentration of several ligands at a site -> occupancy and stimulus, in equilibrium.

With x_i = A_i / K_i (unbound concentration over affinity constant) and tau_i the efficacy of ligand i, relative to the tissue's
receptor density rho (Black & Leff 1983, extended to competing ligands):

    occupancy_i = x_i / (1 + sum_j x_j)
    stimulus    = sum_i x_i rho tau_i / (1 + sum_j x_j (1 + rho tau_j))

An antagonist has tau = 0. Every function is written of plain scalars: floats, NumPy arrays and the engine's symbols all pass.
Ignored: binding kinetics (equilibrium by default), allosteric ligands, several active states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.errors import EvidenceError


def bound_ratio(concentration: Any, affinity: Any) -> Any:
    """Concentration as a multiple of the affinity constant, x = A / K; both in nM."""
    return concentration / affinity


def occupancies(concentrations: Sequence[Any], affinities: Sequence[Any]) -> list[Any]:
    """Share of the receptors held by each ligand when all compete: x_i / (1 + sum x). Concentrations and constants in nM."""
    ratios = [bound_ratio(c, k) for c, k in zip(concentrations, affinities, strict=True)]
    free = 1.0 + _total(ratios)
    return [ratio / free for ratio in ratios]


def occupancy(concentrations: Sequence[Any], affinities: Sequence[Any]) -> Any:
    """Share of the receptors held by any ligand: sum x / (1 + sum x)."""
    total = _total([bound_ratio(c, k) for c, k in zip(concentrations, affinities, strict=True)])
    return total / (1.0 + total)


def stimulus(
    concentrations: Sequence[Any], affinities: Sequence[Any], efficacies: Sequence[Any], density: Any = 1.0
) -> Any:
    """Operational-model stimulus of all ligands together: sum x tau / (1 + sum x (1 + tau)), tau scaled by `density`.

    `density` is the one receptor-density scale of the tissue; tolerance lowers it. 0 where nothing is bound, below 1 always.
    """
    driven: Any = 0.0
    held: Any = 0.0
    for concentration, affinity, efficacy in zip(concentrations, affinities, efficacies, strict=True):
        ratio = bound_ratio(concentration, affinity)
        push = ratio * (density * efficacy)
        driven = driven + push
        held = held + ratio + push
    return driven / (1.0 + held)


def _total(terms: Sequence[Any]) -> Any:
    """Sum of any number of scalars, 0 for none."""
    total: Any = 0.0
    for term in terms:
        total = total + term
    return total


@dataclass(frozen=True)
class Constants:
    """Affinity constants (nM) and efficacies (1) of the ligands of one receptor; arrays run over draws of ignorance.

    `binding` is "agonism", or "occupancy" for a site where being held is the whole effect (alpha2delta): there every ligand
    counts alike and the stimulus is the occupancy.
    """

    receptor: str
    ligands: tuple[str, ...]
    affinities: Mapping[str, NDArray[np.float64]]
    efficacies: Mapping[str, NDArray[np.float64]]
    binding: str = "agonism"

    def widened(self, dimensions: int) -> Constants:
        """The same constants with trailing axes of length 1, to meet concentrations of `dimensions` axes, draws first."""

        def wide(values: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
            return {
                name: array.reshape(array.shape[0], *(1,) * (dimensions - 1))
                for name, array in values.items()
            }

        return Constants(
            self.receptor, self.ligands, wide(self.affinities), wide(self.efficacies), self.binding
        )

    def occupancy(self, concentrations: Mapping[str, Any]) -> Any:
        """Share of the receptors held by any ligand present; `concentrations` by drug name, unbound nM."""
        return occupancy(
            [concentrations[name] for name in self.ligands], [self.affinities[n] for n in self.ligands]
        )

    def stimulus(self, concentrations: Mapping[str, Any], density: Any = 1.0) -> Any:
        """Stimulus of all ligands present; `concentrations` by drug name, unbound nM."""
        if self.binding == "occupancy":
            return density * self.occupancy(concentrations)
        return stimulus(
            [concentrations[name] for name in self.ligands],
            [self.affinities[name] for name in self.ligands],
            [self.efficacies[name] for name in self.ligands],
            density,
        )


def constants_for(
    receptor: str, drugs: Sequence[str], library: Any, seed: int, replicate: NDArray[np.int64] | None = None
) -> Constants:
    """Affinities and efficacies of `drugs` at `receptor`, one value per draw of ignorance (or the central value, length 1).

    A drug without an affinity for the receptor is no ligand of it. Draws are lognormal with the spread of the number's ignorance
    and keyed by `ignorance/<drug>.affinity.<receptor>`, so that adding a drug changes no other drug's draw.
    """
    ligands = [name for name in drugs if receptor in library.drugs[name].affinity]
    binding = library.receptors[receptor].binding
    affinities, efficacies = {}, {}
    for name in ligands:
        drug = library.drugs[name]
        affinities[name] = drawn(
            drug.affinity[receptor], "nM", f"{name}.affinity.{receptor}", seed, replicate
        )
        if binding == "agonism" and receptor not in drug.efficacy:
            raise EvidenceError(
                f"drug {name}: an affinity for {receptor} but no efficacy; add [efficacy.{receptor}] (0 for an antagonist)"
            )
        if receptor in drug.efficacy:
            efficacies[name] = drawn(
                drug.efficacy[receptor], "1", f"{name}.efficacy.{receptor}", seed, replicate
            )
        else:
            efficacies[name] = np.zeros_like(affinities[name])
        if not np.all(affinities[name] > 0.0) or not np.all(efficacies[name] >= 0.0):
            raise EvidenceError(
                f"drug {name}, receptor {receptor}: an affinity must be > 0 nM and an efficacy >= 0"
            )
    return Constants(receptor, tuple(ligands), affinities, efficacies, binding)


def drawn(
    number: Any, unit: str, name: str, seed: int, replicate: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """The number in `unit`, once per draw of ignorance: its value times exp(sd z), z keyed by `ignorance/<name>`."""
    value = float(number.to(unit))
    if replicate is None:
        return np.full(1, value)
    index = np.asarray(replicate, dtype=np.int64)
    if index.size == 0:
        return np.zeros(0)
    z = draws.normal(seed, f"ignorance/{name}", int(index.max()) + 1)[index]
    return np.asarray(value * np.exp(number.uncertainty_sd_log * z))
