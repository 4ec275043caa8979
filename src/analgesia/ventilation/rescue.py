"""Plasma course of an antagonist in a person whose circulation is at rest: the kinetics of `equations` without the rest of the body.

The chain is linear between doses, so each stretch is one matrix exponential. Used by the receptor form; the overdose model carries the
same equations itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.ventilation.dosing import INJECTION
from analgesia.ventilation.regimens import Regimen, antagonist
from analgesia.ventilation.scoring import first_at_or_below

Array = NDArray[np.float64]
SECONDS = 3600.0
DEPOT, CENTRAL, VEIN, STATES = 0, 3, 5, 8
"""Positions of depot, central amount and vein among depot, two transits, central, peripheral, vein, fast, slow."""


def course(library: Library, regimen: Regimen, times: Array, share: Array | None = None) -> Array:
    """Total plasma concentration (ng/mL) at `times` (h, increasing) after a regimen.

    `share` [time] is the ventilation of the untreated person as a share of its start, needed where the regimen waits for its fall; if it
    never falls so far, nothing is given.
    """
    first = regimen.wait
    if regimen.share is not None:
        if share is None:
            raise ModelError(f"{regimen.text!r} waits for ventilation to fall, but no ventilation was given")
        first += float(first_at_or_below(times * SECONDS, share[None, :], regimen.share)[0])
    if not np.isfinite(first):
        return np.zeros_like(times)
    doses = [first + offset for offset in regimen.offsets]
    numbers = antagonist(library, regimen.drug).parameters
    grams = numbers["molar_mass"].to("g/mol")
    amounts, volume = _stepped(library, regimen, doses, times * SECONDS)
    return np.asarray(amounts / volume * grams * 1e-3)


def _stepped(
    library: Library, regimen: Regimen, doses: Sequence[float], seconds: Array
) -> tuple[Array, float]:
    """Amount (nmol) that makes the plasma concentration, at each time, and the volume (L) it is in."""
    from scipy.linalg import expm

    numbers = antagonist(library, regimen.drug).parameters["products"][regimen.product]
    into_vein = regimen.product == "iv"
    stops: list[tuple[float, str]] = [(t, "dose") for t in doses]
    if into_vein:
        stops = [stop for t in doses for stop in ((t, "on"), (t + INJECTION, "off"))]
    share, fallen, after = _shares(library, regimen)
    points = sorted({*seconds.tolist(), *(t for t, _ in stops), 0.0})
    state, rate, given, now = np.zeros(STATES + 1), 0.0, 0, points[0]
    state[-1] = 1.0
    found: dict[float, float] = {}
    for point in points:
        if point > now:
            current = fallen if given > after else share
            state = expm(_matrix(numbers, current, rate, into_vein) * (point - now)) @ state
            now = point
        found[point] = float(state[VEIN] if into_vein else state[CENTRAL])
        for _, kind in (stop for stop in stops if stop[0] == point):
            given += kind != "off"
            if kind == "dose":
                state[DEPOT] += regimen.amount
            else:
                rate += regimen.amount / INJECTION * (1.0 if kind == "on" else -1.0)
    volume = numbers["V_V" if into_vein else "V_N1"].to("L")
    return np.array([found[t] for t in seconds.tolist()]), volume


def _shares(library: Library, regimen: Regimen) -> tuple[float, float, int]:
    """F, the F to which it falls, and after how many doses it falls."""
    numbers = antagonist(library, regimen.drug).parameters["products"][regimen.product]
    if "F" not in numbers:
        return 1.0, 1.0, 0
    usual = numbers["F"].to("1")
    if "F_third" not in numbers:
        return usual, usual, 0
    if regimen.milligrams >= 2.0 * numbers["lowest"].to("mg") * (1.0 - 1e-9):
        return usual, numbers["F_double"].to("1"), 1
    return usual, numbers["F_third"].to("1"), 2


def _matrix(numbers: dict[str, object], share: float, rate: float, into_vein: bool) -> Array:
    """Rates (1/s) between the amounts; the last column feeds the injection."""

    def value(name: str, unit: str) -> float:
        return float(numbers[name].to(unit))  # type: ignore[attr-defined]

    matrix = np.zeros((STATES + 1, STATES + 1))
    if into_vein:
        k10, k12, k21, k13, k31 = (value(f"{k}_V", "1/s") for k in ("k10", "k12", "k21", "k13", "k31"))
        matrix[5, 5], matrix[5, 6], matrix[5, 7] = -(k10 + k12 + k13), k21, k31
        matrix[6, 5], matrix[6, 6], matrix[7, 5], matrix[7, 7] = k12, -k21, k13, -k31
        matrix[5, -1] = rate
        return matrix
    transit, absorption = value("k_tr", "1/s"), value("k_abs", "1/s")
    clearance, exchange = value("CL_N", "L/s"), value("Q_N", "L/s")
    central, peripheral = value("V_N1", "L"), value("V_N2", "L")
    matrix[0, 0], matrix[1, 0], matrix[1, 1] = -transit, share * transit, -transit
    matrix[2, 1], matrix[2, 2], matrix[3, 2] = transit, -absorption, absorption
    matrix[3, 3], matrix[3, 4] = -(clearance + exchange) / central, exchange / peripheral
    matrix[4, 3], matrix[4, 4] = exchange / central, -exchange / peripheral
    return matrix
