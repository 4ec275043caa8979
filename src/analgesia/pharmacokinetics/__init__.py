"""Dose -> free concentration at each site: structure (equations), kinetics (numbers), dosing, non-compartmental analysis."""

from __future__ import annotations

from analgesia.pharmacokinetics.dosing import Administration, Part, administration, dose_times
from analgesia.pharmacokinetics.kinetics import (
    DrugKinetics,
    Lanes,
    People,
    TypicalPeople,
    drug_kinetics,
    parameters_for,
    with_metabolites,
)
from analgesia.pharmacokinetics.noncompartmental import Noncompartmental, Reason, analyse
from analgesia.pharmacokinetics.sampling import limits_of_quantification, sampling_times
from analgesia.pharmacokinetics.structure import Structure, absolute_tolerances, system
from analgesia.pharmacokinetics.study import STATISTICS, Findings, Plan, observe

__all__ = [
    "Administration",
    "DrugKinetics",
    "Findings",
    "Plan",
    "STATISTICS",
    "Lanes",
    "Noncompartmental",
    "Part",
    "People",
    "Reason",
    "Structure",
    "TypicalPeople",
    "absolute_tolerances",
    "administration",
    "analyse",
    "dose_times",
    "drug_kinetics",
    "limits_of_quantification",
    "observe",
    "parameters_for",
    "sampling_times",
    "system",
    "with_metabolites",
]
