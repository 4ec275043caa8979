"""Receptors: concentration of several ligands at a site -> occupancy and stimulus, in equilibrium.

With x_i = A_i / K_i (unbound concentration over affinity constant) and tau_i the efficacy of ligand i, relative to the tissue's
receptor density rho (Black & Leff 1983, extended to competing ligands):

    occupancy_i = x_i / (1 + sum_j x_j)
    stimulus    = sum_i x_i rho tau_i / (1 + sum_j x_j (1 + rho tau_j))

An antagonist has tau = 0. K_i and tau are those of the working scale (`agonism`), not of binding assays; rho is the receptor reserve of
the tissue over that of the assay. Every function is written of plain scalars: floats, NumPy arrays and the engine's symbols all pass.
Ignored: binding kinetics (equilibrium by default), allosteric ligands, several active states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.agonism import Draw, Working, is_ligand, reserve, working
from analgesia.errors import EvidenceError
from analgesia.evidence import Library, Number
from analgesia.joint import deviates

Array = NDArray[np.float64]

ENDOGENOUS = "endogenous_shift"
"""Parameter of a receptor: how much weaker ligands bind where its own ligand competes, 1 + its concentration over its constant."""


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
    """Affinity constants (nM), efficacies (1) and reserve (1) of one receptor's ligands; arrays run over draws of ignorance.

    `binding` is "agonism", with constants on the working scale, or "occupancy" for a site where being held is the whole effect
    (alpha2delta): there every ligand counts alike, the constants are those of binding, shifted by the site's own ligand where the
    receptor says so, and the stimulus is the occupancy.
    """

    receptor: str
    ligands: tuple[str, ...]
    affinities: Mapping[str, Array]
    efficacies: Mapping[str, Array]
    reserve: Array
    binding: str = "agonism"

    def widened(self, dimensions: int) -> Constants:
        """The same constants with trailing axes of length 1, to meet concentrations of `dimensions` axes, draws first."""

        def wide(array: Array) -> Array:
            return array.reshape(array.shape[0], *(1,) * (dimensions - 1))

        return replace(
            self,
            affinities={name: wide(array) for name, array in self.affinities.items()},
            efficacies={name: wide(array) for name, array in self.efficacies.items()},
            reserve=wide(self.reserve),
        )

    def occupancy(self, concentrations: Mapping[str, Any]) -> Any:
        """Share of the receptors held by any ligand present; `concentrations` by drug name, unbound nM."""
        return occupancy(
            [concentrations[name] for name in self.ligands], [self.affinities[n] for n in self.ligands]
        )

    def stimulus(self, concentrations: Mapping[str, Any], density: Any = 1.0) -> Any:
        """Stimulus of all ligands present; `concentrations` by drug name, unbound nM; `density` scales the reserve (tolerance)."""
        if self.binding == "occupancy":
            return density * self.occupancy(concentrations)
        return stimulus(
            [concentrations[name] for name in self.ligands],
            [self.affinities[name] for name in self.ligands],
            [self.efficacies[name] for name in self.ligands],
            density * self.reserve,
        )


def constants_for(
    receptor: str,
    drugs: Sequence[str],
    library: Library,
    seed: int,
    replicate: NDArray[np.int64] | None = None,
) -> Constants:
    """Constants of `drugs` at `receptor`, one value per draw of ignorance (or the central value, length 1).

    A drug without any constant for the receptor is no ligand of it. Draws are lognormal with the spread of the number's ignorance
    and keyed by `ignorance/<drug>.affinity.<receptor>` and the like, so that adding a drug changes no other drug's draw; what was
    fitted together errs together (`joint`).
    """

    def draw(number: Number, unit: str, key: str) -> Array:
        fitted = f"receptors.{key}"
        return drawn(number, unit, seed, replicate, lambda count: deviates(library, fitted, key, seed, count))

    binding = library.receptors[receptor].binding
    agonism = binding == "agonism"
    ligands = [
        name
        for name in drugs
        if (is_ligand(library.drugs[name], receptor) if agonism else receptor in library.drugs[name].affinity)
    ]
    if agonism and ligands:
        found = {name: working(name, receptor, library, draw) for name in ligands}
        scale = reserve(receptor, library, draw)
    else:
        found = {name: _held(name, receptor, library, draw) for name in ligands}
        scale = np.ones(1 if replicate is None else len(replicate))
    return Constants(
        receptor,
        tuple(ligands),
        {name: each.affinity for name, each in found.items()},
        {name: each.efficacy for name, each in found.items()},
        scale,
        binding,
    )


def _held(name: str, receptor: str, library: Library, draw: Draw) -> Working:
    """Constants of a site where being held is the effect: the binding constant times what endogenous ligands make of it in tissue."""
    affinity = draw(library.drugs[name].affinity[receptor], "nM", f"{name}.affinity.{receptor}")
    parameters = library.receptors[receptor].parameters
    if ENDOGENOUS in parameters:
        affinity = affinity * draw(parameters[ENDOGENOUS], "1", f"{receptor}.{ENDOGENOUS}")
    if not np.all(affinity > 0.0):
        raise EvidenceError(f"drug {name}, receptor {receptor}: an affinity must be > 0 nM")
    return Working(affinity, np.zeros_like(affinity))


def drawn(
    number: Number,
    unit: str,
    seed: int,
    replicate: NDArray[np.int64] | None,
    luck: Callable[[int], Array],
) -> Array:
    """The number in `unit`, once per draw of ignorance: its value times exp(sd z), z = luck(count)[replicate]."""
    value = float(number.to(unit))
    if replicate is None:
        return np.full(1, value)
    index = np.asarray(replicate, dtype=np.int64)
    if index.size == 0:
        return np.zeros(0)
    z = luck(int(index.max()) + 1)[index]
    return np.asarray(value * np.exp(number.uncertainty_sd_log * z))
