"""Two cables for the benchmark of the nerve: the Hodgkin-Huxley axon of Rallpack 3 and the human C fibre. Same numbers for every solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analgesia import evidence
from analgesia.engine import exp, where
from analgesia.engine.cable import Membrane
from analgesia.nerve.conduction import prepared
from analgesia.nerve.membranes import fibre


@dataclass(frozen=True)
class Cable:
    """A straight cable with one pulse into compartment 0; two parameters differ between patients."""

    name: str
    membrane: Membrane
    parameters: Mapping[str, float]
    initial: Mapping[str, float]
    varied: tuple[str, ...]
    length: float  # um
    diameter: float  # um
    resistivity: float  # ohm cm
    compartments: int
    current: float  # nA
    pulse: tuple[float, float]  # ms: start, duration
    duration: float  # ms
    dt: float  # ms
    threshold: float  # mV

    def people(self, patients: int) -> dict[str, np.ndarray]:
        """The varied parameters of each patient; the first has the published ones."""
        factors = np.exp(np.random.default_rng(7).normal(0.0, 0.05, (patients, len(self.varied))))
        factors[0] = 1.0
        return {name: self.parameters[name] * factors[:, k] for k, name in enumerate(self.varied)}

    @property
    def work(self) -> int:
        """Compartment-steps per patient."""
        return self.compartments * round(self.duration / self.dt)

    @property
    def probes(self) -> tuple[int, int]:
        """Where spikes are seen: 30 and 80 % of the length."""
        return round(0.3 * self.compartments), round(0.8 * self.compartments)


def _ratio(x: Any, y: float) -> Any:
    return where(abs(x / y) < 1e-6, y * (1 - x / y / 2), x / (exp(x / y) - 1))


def _squid_gates(v: Any, y: Any, p: Any) -> dict[str, tuple[Any, Any]]:
    am, bm = 0.1 * _ratio(-(v + 40), 10), 4 * exp(-(v + 65) / 18)
    ah, bh = 0.07 * exp(-(v + 65) / 20), 1 / (exp(-(v + 35) / 10) + 1)
    an, bn = 0.01 * _ratio(-(v + 55), 10), 0.125 * exp(-(v + 65) / 80)
    return {"m": (am / (am + bm), am + bm), "h": (ah / (ah + bh), ah + bh), "n": (an / (an + bn), an + bn)}


def _squid_current(v: Any, y: Any, p: Any) -> Any:
    sodium = p.conductance_na * y.m**3 * y.h * (v - 50)
    return sodium + p.conductance_k * y.n**4 * (v + 77) + p.conductance_leak * (v + 65)


def rallpack3(duration: float = 50.0) -> Cable:
    """1 mm of squid axon, 1 um thin, 1,000 compartments, 0.1 nA for good."""
    units = {
        "capacitance": "uF/cm2",
        "conductance_na": "S/cm2",
        "conductance_k": "S/cm2",
        "conductance_leak": "S/cm2",
    }
    membrane = Membrane("squid", ("m", "h", "n"), {}, units, _squid_gates, _squid_current)
    parameters = {
        "capacitance": 1.0,
        "conductance_na": 0.12,
        "conductance_k": 0.036,
        "conductance_leak": 1 / 40_000,
    }
    return Cable(
        "rallpack3", membrane, parameters, {"v": -65.0}, ("conductance_na", "conductance_k"), 1000.0, 1.0, 100.0, 1000, 0.1,
        (0.0, 1e9), duration, 0.025, -20.0,
    )  # fmt: skip


def c_fibre(duration: float = 50.0) -> Cable:
    """25 mm of C fibre, 1 um thin, 500 compartments, one pulse."""
    built = fibre("c_fibre", evidence.load())
    membrane, parameters, initial = prepared(built, 1.0)
    plain = {name: float(np.asarray(value)) for name, value in parameters.items()}
    return Cable(
        "c_fibre", membrane, plain, initial, ("conductance_nav1_7", "conductance_nav1_8"), 25_000.0, 1.0, built.resistivity, 500, 0.4,
        (5.0, 1.0), duration, 0.025, -10.0,
    )  # fmt: skip


PROBLEMS = {"rallpack3": rallpack3, "c_fibre": c_fibre}
