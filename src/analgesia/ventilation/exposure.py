"""Plasma courses of the drugs of the receptor form: injected into a vein (mammillary compartments) or swallowed (one compartment)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.evidence.schema import Harm
from analgesia.ventilation.receptor_form import record

Array = NDArray[np.float64]
NANOGRAMS_PER_MILLILITRE = 1e3
"""One mg/L in ng/mL."""


def bolus(library: Library, drug: str, milligrams: float, times: Array) -> Array:
    """Total plasma concentration (ng/mL) at `times` (h) after an intravenous bolus; by the eigenvalues of the compartment matrix."""
    form = record(library, drug)
    if "V1" not in form.parameters:
        raise ModelError(
            f"{drug}: kinetics after injection into a vein with a source were not found for the receptor form"
        )
    matrix, volume = _mammillary(form)
    values, vectors = np.linalg.eig(matrix)
    weights = np.linalg.solve(vectors, np.eye(len(matrix))[0] * milligrams)
    amount = (vectors[0] * weights) @ np.exp(np.outer(values, np.maximum(times, 0.0)))
    return np.asarray(np.real(amount) / volume * NANOGRAMS_PER_MILLILITRE)


def oral(library: Library, drug: str, milligrams: float, times: Array) -> Array:
    """Total plasma concentration (ng/mL) at `times` (h) after a dose by mouth; apparent clearance and volume, first-order absorption."""
    form = record(library, drug)
    if "oral" not in form.parameters:
        raise ModelError(f"{drug}: kinetics by mouth are not part of the receptor form")
    numbers = form.parameters["oral"]
    volume, absorption = numbers["volume"].to("L"), numbers["absorption"].to("1/h")
    elimination = numbers["clearance"].to("L/h") / volume
    if np.isclose(absorption, elimination):
        absorption *= 1.0 + 1e-6
    late = np.maximum(times, 0.0)
    rise = np.exp(-elimination * late) - np.exp(-absorption * late)
    return np.asarray(
        milligrams / volume * absorption / (absorption - elimination) * rise * NANOGRAMS_PER_MILLILITRE
    )


def outside(library: Library, drug: str, milligrams: float, route: str) -> str | None:
    """Why a dose lies beyond what was studied, or None; `route` is "bolus" or "oral"."""
    studied = record(library, drug).parameters.get("studied", {})
    if milligrams <= 0.0:
        return None
    if route not in studied:
        return f"{drug} {milligrams:g} mg {route}: no dose by this route has ventilation data behind it"
    highest = studied[route].to("mg")
    if milligrams > highest * (1 + 1e-9):
        return f"{drug} {milligrams:g} mg: only doses up to {highest:g} mg have ventilation data behind them"
    return None


def _mammillary(form: Harm) -> tuple[Array, float]:
    """Rate matrix (1/h) of central and peripheral amounts, and the central volume (L)."""
    numbers = form.parameters
    volume = numbers["V1"].to("L")
    if "k10" in numbers:
        out = numbers["k10"].to("1/h")
        pairs = [
            (numbers[a].to("1/h"), numbers[b].to("1/h"))
            for a, b in (("k12", "k21"), ("k13", "k31"))
            if a in numbers
        ]
    else:
        out = numbers["clearance"].to("L/h") / volume
        flows = [
            (numbers[q].to("L/h"), numbers[v].to("L"))
            for q, v in (("Q2", "V2"), ("Q3", "V3"))
            if q in numbers
        ]
        pairs = [(flow / volume, flow / side) for flow, side in flows]
    matrix = np.zeros((1 + len(pairs),) * 2)
    matrix[0, 0] = -out - sum(away for away, _ in pairs)
    for i, (away, back) in enumerate(pairs, start=1):
        matrix[i, 0], matrix[0, i], matrix[i, i] = away, back, -back
    return matrix, volume
