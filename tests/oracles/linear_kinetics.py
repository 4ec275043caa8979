"""Exact one-compartment kinetics with absorption, and an exact walk through an action table of a linear system."""

from __future__ import annotations

import numpy as np

from analgesia.engine.actions import ActionTable, Kind
from analgesia.engine.system import System

CLEARANCE, VOLUME, ABSORPTION = 1.1, 20.0, 1.5
ELIMINATION = CLEARANCE / VOLUME
PARAMETERS = {"clearance": CLEARANCE, "central_volume": VOLUME, "absorption_rate": ABSORPTION}


def bolus(t, amount=1.0):
    """Central amount t after a bolus into central."""
    return np.where(t >= 0, amount * np.exp(-ELIMINATION * np.maximum(t, 0)), 0.0)


def oral(t, amount=1.0):
    """Central amount t after a bolus into the depot (Bateman)."""
    t, s = np.asarray(t, float), np.maximum(t, 0)
    factor = ABSORPTION / (ABSORPTION - ELIMINATION)
    return np.where(t >= 0, amount * factor * (np.exp(-ELIMINATION * s) - np.exp(-ABSORPTION * s)), 0.0)


def infusion(t, rate, duration):
    """Central amount t after the start of an infusion into central."""
    on = lambda s: rate / ELIMINATION * (1 - np.exp(-ELIMINATION * np.maximum(s, 0)))  # noqa: E731
    return on(np.asarray(t, float)) - on(np.asarray(t, float) - duration)


def depot_infusion(t, rate, duration):
    """Central amount t after the start of an infusion into the depot: the integral of `oral` over the input."""

    def on(s):
        s = np.maximum(s, 0)
        factor = ABSORPTION / (ABSORPTION - ELIMINATION)
        return (
            rate
            * factor
            * ((1 - np.exp(-ELIMINATION * s)) / ELIMINATION - (1 - np.exp(-ABSORPTION * s)) / ABSORPTION)
        )

    return on(np.asarray(t, float)) - on(np.asarray(t, float) - duration)


def walk(system: System, table: ActionTable, patient: int, parameters: dict, rows: int) -> np.ndarray:
    """States after each OUTPUT action of one patient, by the eigenvalues of a linear system whose matrix is regular."""
    n = len(system.states)

    def slope(y):
        rates = system.evaluate(0.0, dict(zip(system.states, y, strict=True)), parameters)
        return np.array(list(rates.values()), float)

    zero = slope(np.zeros(n))
    matrix = np.stack([slope(row) - zero for row in np.eye(n)], axis=1)
    speeds, vectors = np.linalg.eig(matrix)
    back = np.linalg.inv(vectors)
    y, rate, now = np.zeros(n), np.zeros(n), None
    shown = np.full((rows, n), np.nan)
    for k in range(*table.rows(patient).indices(table.time.size)):
        t, kind, target, value = table.time[k], table.kind[k], table.target[k], table.value[k]
        if now is not None and t > now:
            level = -np.linalg.solve(matrix, rate + zero)
            y = level + (vectors @ (np.exp(speeds * (t - now)) * (back @ (y - level)))).real
        now = t
        if kind == Kind.ADD:
            y[target] += value
        elif kind == Kind.RATE:
            rate[target] += value
        elif kind == Kind.SET_STATE:
            y[target] = value
        elif kind == Kind.RESET:
            y[:], rate[:] = 0, 0
        elif kind == Kind.OUTPUT:
            shown[target] = y
    return shown
