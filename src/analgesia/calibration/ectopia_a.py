"""Fit what an injury adds to the drive of A cells to how much more they discharge, all units taken together.

An injured A cell differs from a healthy one by its drive alone, so its rate f is a curve of one number, recorded on a grid. With a change
of drive D at damage 1, over people and cells,

    M(D) = mean of f(drive + drive_spread z + D s) = sum_i W_i(D) f_i          z bounded at 3, s the damage of a cell

where W are the weights of linear interpolation, averaged over the spread of drive, the severity of people and the scatter of damage as in
`nerve.ectopia`, by quadrature: no sample of people is fitted. The least D is found at which M(D) / M(0) is the fold of the target.

Every node is recorded TWICE; with the D found so, the rest of the recordings goes where it tells most about M(D) - fold M(0):

    n_i ~ |W_i(D) - fold W_i(0)| sd_i        sd_i of single recordings, over a node and its neighbours

The interval holds what the range of the fold leaves open, nothing else: drive and spread of the healthy cells are taken as they are. The
error of the recordings (Monte Carlo) is given beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.calibration.ectopia import POINTS, SIZE, TARGETS, Progress, everyone
from analgesia.calibration.quadrature import Floats, between, deviates, grid_weights
from analgesia.errors import ModelError
from analgesia.nerve.ectopia import CLASSES, LABELS, MOST, UNITS, record, scattered
from analgesia.nerve.soma import soma

if TYPE_CHECKING:
    from analgesia.evidence import Library, Number

CONDITION = "postherpetic_neuralgia"
TARGET = "a_discharge_fold"
A_UNITS = tuple(unit for unit in CLASSES if unit != "c")
WIDEST = 2.0
"""Greatest change of drive that is looked at, in spreads of drive between cells; so are the two steps."""
NODE, CHANGE = 0.05, 0.0125
TWICE = 2


@dataclass(frozen=True)
class DriveFit:
    """The fit of one class of A units; drive, its range (that of the fold) and its Monte Carlo error in pA, rates in Hz over all units."""

    unit: str
    drive: float
    range: tuple[float, float]
    drive_monte_carlo: float
    fold: float
    fold_monte_carlo: float
    healthy: float
    injured: float
    target: Number
    recordings: int

    @property
    def sources(self) -> tuple[str, ...]:
        """What was fitted to."""
        return (self.target.source,) if self.target.source else ()

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia calibrate ectopia --unit a_beta --json` prints it."""
        return {
            "unit": self.unit,
            "condition": CONDITION,
            "numbers": [
                {
                    "name": "drive",
                    "value": self.drive,
                    "unit": "pA",
                    "range": list(self.range),
                    "monte_carlo": self.drive_monte_carlo,
                }
            ],
            "results": [
                {
                    "result": f"discharge of all {LABELS[self.unit]} units, injured over healthy",
                    "published": self.target.to("1"),
                    "range": list(self.target.interval("1")),
                    "simulated": self.fold,
                    "monte_carlo": self.fold_monte_carlo,
                }
            ],
            "mean_rate_hz": {"healthy": self.healthy, "injured": self.injured},
            "recordings": self.recordings,
        }


class Curve:
    """Rates of a cell over its drive, and mean rates over all people as a function of the change of drive."""

    def __init__(self, unit: str, library: Library) -> None:
        name = CLASSES[unit][0]
        _only_drive(name, library)
        population = library.neurons[name].parameters["population"]
        mean, spread = (float(population[key].to("pA")) for key in ("drive", "drive_spread"))
        if spread <= 0.0:
            raise ModelError(
                f"{population['drive_spread'].place}: {spread:g} pA; the fit needs cells that differ"
            )
        self.unit = unit
        self.drives = mean + spread * np.arange(-3.0, 3.0 + MOST * WIDEST + NODE / 2, NODE)
        self.changes = spread * np.arange(0.0, WIDEST + CHANGE / 2, CHANGE)
        added = MOST * self.changes
        severity, z_damage = everyone(CONDITION, library)
        damage = scattered(severity, float(population["damage_spread"].to("1")), z_damage)
        z = np.clip(deviates(8 * POINTS), -3.0, 3.0)
        driven = np.stack([grid_weights(self.drives, mean + x + spread * z) for x in added])
        self.weights = np.stack([grid_weights(added, damage * change) for change in self.changes]) @ driven
        self.node, self.rates = np.zeros(0, int), np.zeros(0)

    def add(self, node: NDArray[np.int_], rates: Floats) -> None:
        """More recordings: the node and the rate (Hz) of each."""
        self.node, self.rates = np.concatenate([self.node, node]), np.concatenate([self.rates, rates])

    @property
    def n(self) -> Floats:
        """Recordings at each node."""
        return np.bincount(self.node, minlength=self.drives.size).astype(np.float64)

    @property
    def mean(self) -> Floats:
        """Mean rate at each node, Hz."""
        return np.asarray(np.bincount(self.node, self.rates, self.drives.size) / self.n)

    @property
    def variance(self) -> Floats:
        """Of one recording at each node, Hz^2."""
        apart = (self.rates - self.mean[self.node]) ** 2
        return np.asarray(np.bincount(self.node, apart, self.drives.size) / (self.n - 1.0))

    @property
    def folds(self) -> Floats:
        """M(D) / M(0) at each change of drive. Raises `ModelError` where no healthy cell fires."""
        total = self.weights @ self.mean
        if total[0] <= 0.0:
            raise ModelError(
                f"no healthy {LABELS[self.unit]} unit fires: a fold of nothing cannot be fitted; raise its drive"
            )
        return np.asarray(total / total[0])

    def solve(self, fold: float) -> float:
        """Least change of drive (pA) with this fold. Raises `ModelError` where there is none within the range looked at."""
        rising = np.maximum.accumulate(self.folds)
        if not rising[0] <= fold <= rising[-1]:
            raise ModelError(
                f"no change of drive between 0 and {self.changes[-1]:.3g} pA lets {LABELS[self.unit]} units discharge {fold:g} times as "
                f"much as healthy ones: {rising[-1]:.3g} times is the most"
            )
        return float(np.interp(fold, rising, self.changes))

    def told(self, change: float, fold: float) -> Floats:
        """What the rate at each node adds to M(change) - fold M(0)."""
        return np.asarray(between(self.changes, change) @ self.weights - fold * self.weights[0])

    def slope(self, change: float) -> float:
        """Change of the fold with the change of drive, per pA."""
        step = 8.0 * (self.changes[1] - self.changes[0])
        low, high = max(change - step, 0.0), min(change + step, self.changes[-1])
        below, above = np.interp([low, high], self.changes, self.folds)
        return float((above - below) / (high - low))


def fit(
    library: Library, unit: str, *, size: int = SIZE, seed: int = 1, progress: Progress | None = None
) -> DriveFit:
    """Fit to the fold of the target; `size`: the recordings after the first pass are those of so many people.

    Raises `ModelError` where the condition changes more of the cell than its drive, and where no change of drive gives the fold.
    """
    if unit not in A_UNITS:
        raise ModelError(f"{unit!r} is no class of A units; choose {', '.join(A_UNITS)}")
    target = _target(library)
    curve = Curve(unit, library)
    budget = size * UNITS
    total = TWICE * curve.drives.size + budget

    def recorded(node: NDArray[np.int_], first: int) -> None:
        report = None if progress is None else lambda done, _: progress(first + done, total)
        curve.add(node, _rates(library, unit, curve.drives[node], seed, first, report))

    recorded(np.repeat(np.arange(curve.drives.size), TWICE), 0)
    fold = target.to("1")
    recorded(_allocated(curve, curve.solve(fold), fold, budget), curve.node.size)
    change = curve.solve(fold)
    low, high = (curve.solve(each) for each in target.interval("1"))
    means = curve.weights @ curve.mean
    injured = float(np.interp(change, curve.changes, means))
    scatter = np.sqrt(np.sum(curve.told(change, fold) ** 2 * curve.variance / curve.n)) / means[0]
    return DriveFit(
        unit=unit,
        drive=change,
        range=(low, high),
        drive_monte_carlo=float(scatter / curve.slope(change)),
        fold=injured / float(means[0]),
        fold_monte_carlo=float(scatter),
        healthy=float(means[0]),
        injured=injured,
        target=target,
        recordings=curve.node.size,
    )


def _target(library: Library) -> Number:
    record = library.fits.get(TARGETS)
    if record is None or TARGET not in record.parameters:
        raise ModelError(f"a calibration of A units needs parameters.{TARGET} in fits/{TARGETS}.toml")
    return record.parameters[TARGET]


def _only_drive(name: str, library: Library) -> None:
    """Refuse a condition in which the rate of a cell is no curve of its drive alone."""
    nerve = library.conditions[CONDITION].changes.get("nerve", {})
    others = [f"{name}.{key}" for key in nerve.get(name, {}) if key != "drive"]
    others += [f"{name}_axotomised"] if f"{name}_axotomised" in nerve else []
    if others:
        raise ModelError(
            f"condition {CONDITION}: changes.nerve.{others[0]} changes more than the drive of the cell, which this fit cannot follow"
        )


def _rates(
    library: Library, unit: str, drive: Floats, seed: int, first: int, progress: Progress | None
) -> Floats:
    """Spikes per second of cells with a drive (pA) each."""
    name, step = CLASSES[unit]
    cell = soma(library, name)
    parameters = {**cell.parameters, "drive": drive}
    return record(cell, parameters, drive.size, step=step, seed=seed, first=first, progress=progress).rates


def _allocated(curve: Curve, change: float, fold: float, budget: int) -> NDArray[np.int_]:
    """Node of each further recording."""
    near = np.convolve(np.pad(curve.variance, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    wanted = np.abs(curve.told(change, fold)) * np.sqrt(near)
    if not wanted.any():  # recordings do not differ: nothing to be learned from more, wherever they go
        wanted = np.ones_like(wanted)
    edges = np.cumsum(wanted) / wanted.sum()
    return np.minimum(np.searchsorted(edges, (np.arange(budget) + 0.5) / budget), wanted.size - 1)
