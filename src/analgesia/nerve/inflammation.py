"""From an anti-inflammatory drug to the firing of an inflamed ending under heat.

    x_i       = c_i / half_i              inhibited = sum x / (1 + sum x)             (all compete for one site)
    PGE2      = rest + (inflamed - rest) (1 - inhibited)
    threshold = T_rest - shift PGE2 / (PGE2 + EC50)            firing = `ending.discharge`

A drug's half-inhibition concentration stands in its file under one of HALVES; a drug without one does nothing here. Opioid receptors on
the ending divide its drive and leave prostaglandin alone, so that the two ways can be told apart.
Ignored: time the enzyme takes to be lost or made, other mediators than prostaglandin E2, temperature of the tissue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.evidence import Library, Number
from analgesia.nerve.ending import FILE, discharge, prostaglandin, sensitisation

Array = NDArray[np.float64]

HEAT = 45.0
"""degC: the heat at which endings are compared, some degrees above their threshold in healthy skin."""

HALVES = (
    ("effects", "cox2_half_in_blood", True),
    ("effects", "prostaglandin_half_in_cells", False),
    ("functional_inhibition", "cox2", False),
)
"""Where a drug's file may hold its half-inhibition concentration, the best first, and whether that is total drug in blood."""

UNITS: Mapping[str, str] = {
    "heat_threshold": "degC",
    "heat_slope": "delta_degC",
    "greatest_rate": "Hz",
    "prostaglandin_half": "nM",
    "prostaglandin_heat": "delta_degC",
    "opioid_inhibition": "1",
    "prostaglandin_inflamed": "nM",
    "prostaglandin_rest": "nM",
}


@dataclass(frozen=True)
class InflamedEnding:
    """The ending's numbers that heat and prostaglandin E2 meet, each once per guess [guess], in the units of UNITS."""

    heat_threshold: Array
    heat_slope: Array
    greatest_rate: Array
    prostaglandin_half: Array
    prostaglandin_heat: Array
    opioid_inhibition: Array
    prostaglandin_inflamed: Array
    prostaglandin_rest: Array

    def widened(self, dimensions: int) -> InflamedEnding:
        """The same with trailing axes of length 1, to meet arrays of `dimensions` axes, guesses first."""
        shape = (-1, *(1,) * (dimensions - 1))
        return InflamedEnding(**{name: getattr(self, name).reshape(shape) for name in UNITS})

    def level(self, inhibited: Any = 0.0) -> Any:
        """Prostaglandin E2 (nM) around the inflamed ending when a share of what makes it is inhibited."""
        return prostaglandin(self.prostaglandin_inflamed, inhibited, self.prostaglandin_rest)

    def firing(self, heat: Any, prostaglandin_e2: Any, opioid: Any = 0.0) -> Any:
        """Impulses per second at `heat` (degC); `opioid`: stimulus of receptors on the ending, 0 to 1."""
        sensitised = sensitisation(prostaglandin_e2, self.prostaglandin_half)
        excess = (heat - self.heat_threshold + self.prostaglandin_heat * sensitised) / self.heat_slope
        return discharge(excess, self.greatest_rate, self.opioid_inhibition * opioid)

    def inflamed(self, heat: Any, inhibited: Any = 0.0, opioid: Any = 0.0) -> Any:
        """Firing of the inflamed ending."""
        return self.firing(heat, self.level(inhibited), opioid)

    def healthy(self, heat: Any) -> Any:
        """Firing of the ending without inflammation, which is also what an inhibitor of everything leaves."""
        return self.firing(heat, self.prostaglandin_rest)


def inflamed_ending(library: Library, *, guesses: int = 1, seed: int = 1) -> InflamedEnding:
    """Read the ending; with more than one guess, every number is drawn within what is not known of it."""
    numbers = library.neurons[FILE].parameters
    return InflamedEnding(
        **{
            name: guessed(numbers[name], unit, f"nerve.{FILE}.{name}", guesses, seed)
            for name, unit in UNITS.items()
        }
    )


def guessed(
    number: Number, unit: str, label: str, guesses: int, seed: int, molar_mass: float | None = None
) -> Array:
    """The number once per guess: its central value for one, value exp(sd z) for more."""
    value = float(number.to(unit, molar_mass))
    if guesses <= 1:
        return np.full(1, value)
    return value * np.exp(number.uncertainty_sd_log * draws.normal(seed, label, guesses))


@dataclass(frozen=True)
class HalfInhibition:
    """Concentration (nM) that halves what inflammation makes of prostaglandin E2; `total`: of total drug in blood, else unbound."""

    number: Number
    total: bool
    molar_mass: float

    def guessed(self, drug: str, guesses: int, seed: int = 1) -> Array:
        """nM, once per guess."""
        return guessed(self.number, "nM", f"nerve.{drug}.half_inhibition", guesses, seed, self.molar_mass)


def half_inhibition(drug: str, library: Library) -> HalfInhibition | None:
    """The best half-inhibition concentration a drug's file holds; None where it holds none."""
    record = library.drugs[drug]
    for section, key, total in HALVES:
        number = getattr(record, section).get(key)
        if number is not None:
            return HalfInhibition(number, total, float(record.molar_mass.to("g/mol")))
    return None


def inhibition(ratios: list[Any]) -> Any:
    """Share of the making of prostaglandin that is stopped by drugs at `ratios` = concentration over half-inhibition concentration."""
    together: Any = 0.0
    for ratio in ratios:
        together = together + ratio
    return together / (1.0 + together)
