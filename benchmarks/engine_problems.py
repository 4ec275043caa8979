"""The problems of the engine's benchmark: one `System` each, that every solver receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analgesia.engine import System
from analgesia.kinetic_models import kinetic_model

RTOL, ATOL = 1e-6, 1e-9


@dataclass(frozen=True)
class Problem:
    """`centre` and `spread`: parameters are log-normal around the centre; `initial` is the same for everybody."""

    name: str
    system: System
    centre: Mapping[str, float]
    initial: Mapping[str, float]
    times: np.ndarray
    spread: float = 0.3
    atol: float = ATOL

    def parameters(self, patients: int, seed: int = 0) -> dict[str, np.ndarray]:
        """One value per patient and parameter."""
        rng = np.random.default_rng(seed)
        return {k: v * np.exp(self.spread * rng.standard_normal(patients)) for k, v in self.centre.items()}

    def start(self) -> np.ndarray:
        """Initial states in the order of the system."""
        return np.array([float(self.initial.get(s, 0.0)) for s in self.system.states])


def _slow(t, y, p):
    """A drug, its metabolite, their binding at one receptor, desensitisation, tolerance and two effects; invented numbers."""
    c, cm = y.central / p.V, y.metabolite / p.Vm
    met = p.vmax * c / (p.km + c)
    free = 1 - y.bound - y.bound_metabolite - y.desensitised
    effect = (0.35 * y.bound + 0.9 * y.bound_metabolite) * (1 - y.tolerance)
    hill = effect / (p.ec50 + effect)
    q2, q3 = p.Q2 * (c - y.shallow / p.V2), p.Q3 * (c - y.deep / p.V3)
    qm = p.Qm * (cm - y.metabolite_shallow / p.Vm2)
    return {
        "gut": -p.ktr * y.gut,
        "absorbing": p.ktr * y.gut - p.ka * y.absorbing,
        "central": p.ka * y.absorbing - p.CL * c - met - q2 - q3,
        "shallow": q2,
        "deep": q3,
        "metabolite": met - p.CLm * cm - qm,
        "metabolite_shallow": qm,
        "brain": p.kin * c - p.kout * y.brain,
        "metabolite_brain": p.kinm * cm - p.koutm * y.metabolite_brain,
        "bound": p.kon * y.brain * free - p.koff * y.bound,
        "bound_metabolite": p.konm * y.metabolite_brain * free - p.koffm * y.bound_metabolite,
        "desensitised": p.kdes * (y.bound + y.bound_metabolite) - p.kres * y.desensitised,
        "tolerance": p.ktol * effect * (1 - y.tolerance) - p.krec * y.tolerance,
        "pain": p.kp * (1 - p.emax * hill - y.pain),
        "ventilation": p.kv * (1 - hill - y.ventilation),
        "mood": 0.1 * (y.pain - y.mood),
    }


_SLOW_STATES = (
    "gut", "absorbing", "central", "shallow", "deep", "metabolite", "metabolite_shallow", "brain", "metabolite_brain",
    "bound", "bound_metabolite", "desensitised", "tolerance", "pain", "ventilation", "mood",
)  # fmt: skip
_SLOW_CENTRE = {
    "ka": 1.5, "ktr": 6.0, "CL": 45.0, "V": 300.0, "Q2": 60.0, "V2": 2000.0, "Q3": 20.0, "V3": 6000.0,
    "vmax": 40.0, "km": 8.0, "CLm": 70.0, "Vm": 100.0, "Qm": 30.0, "Vm2": 200.0, "kin": 0.7, "kout": 1.2,
    "kinm": 0.3, "koutm": 1.0, "kon": 10.0, "koff": 60.0, "konm": 40.0, "koffm": 50.0, "kdes": 0.15, "kres": 0.05,
    "ktol": 0.01, "krec": 0.004, "kv": 2.0, "ec50": 0.25, "emax": 0.7, "kp": 0.8,
}  # fmt: skip


def _robertson(t, y, p):
    slow, fast, middle = p.k1 * y.a, p.k2 * y.b * y.b, p.k3 * y.b * y.c
    return {"a": middle - slow, "b": slow - middle - fast, "c": fast}


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem(
            "slow_system",
            System("slow_system", dict.fromkeys(_SLOW_STATES, "1"), dict.fromkeys(_SLOW_CENTRE, "1"), _slow),
            _SLOW_CENTRE,
            {"gut": 40.0, "pain": 1.0, "ventilation": 1.0, "mood": 1.0},
            np.linspace(0.0, 24.0, 97),
        ),
        Problem(
            "three_compartment_oral",
            kinetic_model("three_compartment_oral"),
            {
                "clearance": 10.0, "central_volume": 30.0, "intercompartmental_clearance": 20.0, "peripheral_volume": 100.0,
                "deep_intercompartmental_clearance": 3.0, "deep_peripheral_volume": 400.0, "absorption_rate": 1.5,
            },
            {"depot": 100.0},
            np.linspace(0.0, 24.0, 97),
        ),
        Problem(
            "robertson",
            System("robertson", dict.fromkeys("abc", "1"), {"k1": "1/s", "k2": "1/s", "k3": "1/s"}, _robertson, time_unit="s"),
            {"k1": 0.04, "k2": 3e7, "k3": 1e4},
            {"a": 1.0},
            np.concatenate([[0.0], 0.4 * 10.0 ** np.arange(6)]),
            atol=1e-10,
        ),
    )
}  # fmt: skip


def error(found: np.ndarray, reference: np.ndarray) -> float:
    """Greatest difference from the reference over patients, times and states, relative to each state's peak in each patient."""
    peak = np.maximum(np.abs(reference).max(axis=1, keepdims=True), 1e-300)
    return float(np.max(np.abs(found - reference) / peak))
