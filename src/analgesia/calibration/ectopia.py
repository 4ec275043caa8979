"""Fit the mean drive of C cells, and the scatter of damage between them, to the C units counted in patients.

Whether a cell fires depends on its own drive u (pA) and its damage s. Cells are recorded on a grid of both; at node (i, j), p_r is the
share of recordings with at least r spikes a second. Over all people, with a mean drive d and a scatter w, the share of such units is

    P_r(d, w) = sum_ij A_i(w) B_j(d) p_r(s_i, u_j)

where A and B are the weights of linear interpolation, averaged over severity of people and scatter of damage (A) and over the spread of
drive (B), both as in `nerve.ectopia`, by quadrature. So no sample of people is fitted. Two equations are solved:

    P_active = the share counted,        P_fast / P_active = the share of active units that fire at FAST or more.

Every node is recorded once, and once more where a neighbour differs; with the d and w found so, the rest of the recordings goes where it
tells most about the two shares, each measured by the interval of what it is fitted to:

    n_ij ~ A_i B_j sqrt(sum_r p_r (1 - p_r) / width_r^2),        p_r the mean over a node and its neighbours

The errors of the counts become errors of d and w: both shares are drawn from logit-normals as wide as their intervals, and each draw is
solved. The error of the recordings (Monte Carlo) is given beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.calibration.quadrature import Floats, between, deviates, grid_weights
from analgesia.engine import draws
from analgesia.errors import ModelError
from analgesia.nerve.ectopia import ACTIVE, CLASSES, MOST, UNITS, injured_cell, record, scattered
from analgesia.nerve.injury import severity_at
from analgesia.nerve.soma import soma

if TYPE_CHECKING:
    from analgesia.evidence import Library, Number

Progress = Callable[[int, int], None]

CONDITION = "painful_diabetic_neuropathy"
TARGETS = "ectopia_targets"
"""Record of `fits` with what is fitted to beside the count of active units."""
FAST = 5.0
"""Spikes per second."""
DAMAGES = np.linspace(0.0, MOST, 21)
DRIVES = np.linspace(-110.0, 110.0, 23)
"""pA; drives of single cells on the grid."""
MEANS = np.linspace(-35.0, 35.0, 141)
"""pA; mean drives among which the fit looks: with three standard deviations of 25 pA on either side they stay on the grid."""
SPREADS = np.linspace(0.05, 1.5, 59)
POINTS = 200
"""Of each quadrature."""
SIZE = 400
"""People as whose units many cells are recorded after the first pass."""
DRAWS = 2000
"""Of the counts, for the errors."""
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Nodes:
    """Recordings: damage and drive index of each, and its rate (Hz)."""

    damage: NDArray[np.int_]
    drive: NDArray[np.int_]
    rates: Floats

    def joined(self, other: Nodes) -> Nodes:
        """Both."""
        return Nodes(
            np.concatenate([self.damage, other.damage]),
            np.concatenate([self.drive, other.drive]),
            np.concatenate([self.rates, other.rates]),
        )

    @property
    def n(self) -> Floats:
        """Recordings at each node [damage, drive]."""
        found = np.zeros((DAMAGES.size, DRIVES.size))
        np.add.at(found, (self.damage, self.drive), 1.0)
        return found

    def shares(self, rate: float) -> Floats:
        """Share of recordings with at least this rate at each node."""
        found = np.zeros((DAMAGES.size, DRIVES.size))
        np.add.at(found, (self.damage, self.drive), self.rates >= rate)
        return np.asarray(found / self.n)

    def variance(self, rate: float) -> Floats:
        """Of one recording at each node; none where there is one alone, which neighbours agree with."""
        p = self.shares(rate)
        return np.asarray(p * (1.0 - p) * self.n / np.maximum(self.n - 1.0, 1.0))

    def around(self, rate: float) -> Floats:
        """Mean share over each node and its neighbours."""
        p = np.pad(self.shares(rate), 1, mode="edge")
        tiles = [p[i : i + DAMAGES.size, j : j + DRIVES.size] for i in range(3) for j in range(3)]
        return np.asarray(np.mean(tiles, axis=0))


@dataclass(frozen=True)
class EctopiaFit:
    """The fit. `drive` in pA; intervals hold 95 % of the draws of the counts; `monte_carlo` are standard errors of the recordings alone."""

    drive: float
    damage_spread: float
    drive95: tuple[float, float]
    damage_spread95: tuple[float, float]
    correlation: float
    share: float
    fast: float
    share_monte_carlo: float
    fast_monte_carlo: float
    drive_monte_carlo: float
    spread_monte_carlo: float
    rates: tuple[float, ...]
    mean_rate: float
    counted: Number
    told: Number
    recordings: int
    at_edge: float

    @property
    def sources(self) -> tuple[str, ...]:
        """What was fitted to."""
        return tuple(name for name in (self.counted.source, self.told.source) if name)

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia calibrate ectopia --json` prints it."""
        results = (
            ("active C units", self.counted, self.share, self.share_monte_carlo),
            (f"active C units at {FAST:g} Hz or more", self.told, self.fast, self.fast_monte_carlo),
        )
        numbers = (
            ("drive", self.drive, "pA", self.drive95, self.drive_monte_carlo),
            (
                "damage_spread",
                self.damage_spread,
                "1",
                self.damage_spread95,
                self.spread_monte_carlo,
            ),
        )
        return {
            "numbers": [
                {"name": name, "value": value, "unit": unit, "interval95": list(bounds), "monte_carlo": error}
                for name, value, unit, bounds, error in numbers
            ],
            "correlation": self.correlation,
            "results": [
                {
                    "result": what,
                    "published": target.to("1"),
                    "interval95": list(target.interval("1")),
                    "simulated": value,
                    "monte_carlo": error,
                }
                for what, target, value, error in results
            ],
            "rate_of_active_units_hz": {
                f"{q:.0%}": rate for q, rate in zip(QUANTILES, self.rates, strict=True)
            },
            "mean_rate_of_active_units_hz": self.mean_rate,
            "recordings": self.recordings,
            "share_of_draws_at_edge": self.at_edge,
        }


def everyone(condition: str, library: Library) -> tuple[Floats, Floats]:
    """Severity of the person and standard normal deviate of the damage of every cell, by quadrature over both."""
    severity, z = np.meshgrid(severity_at(condition, library, deviates(POINTS)), deviates(POINTS))
    return severity.ravel(), z.ravel()


class Surface:
    """Shares over all people as functions of mean drive and scatter of damage."""

    def __init__(self, library: Library, nodes: Nodes) -> None:
        population = library.neurons[CLASSES["c"][0]].parameters["population"]
        z = np.clip(deviates(8 * POINTS), -3.0, 3.0)
        spread = float(population["drive_spread"].to("pA"))
        reach = DRIVES[-1] - MEANS[-1]
        if 3.0 * spread > reach:
            raise ModelError(
                f"{population['drive_spread'].place}: a spread of drive above {reach / 3:.3g} pA is outside the grid of the fit"
            )
        severity, z_damage = everyone(CONDITION, library)
        self.damaged = np.stack([grid_weights(DAMAGES, scattered(severity, w, z_damage)) for w in SPREADS])
        self.driven = np.stack([grid_weights(DRIVES, d + spread * z) for d in MEANS])
        self.nodes = nodes

    def over(self, shares: Floats) -> Floats:
        """Share over all people [spread, mean]."""
        return np.asarray(self.damaged @ shares @ self.driven.T)

    def solve(self, share: Floats, fast: Floats) -> tuple[Floats, Floats]:
        """Mean drive and spread at which P_active = share and P_fast / P_active = fast; at the edge of the range where it ends."""
        active, quick = (self.over(self.nodes.shares(rate)) for rate in (ACTIVE, FAST))
        drives = np.stack([np.interp(share, row, MEANS) for row in active])  # [spread, draw]
        found = np.stack([np.interp(d, MEANS, row) for d, row in zip(drives, quick, strict=True)]) / share
        rising = np.maximum.accumulate(found, axis=0)
        spread = np.array([np.interp(q, column, SPREADS) for q, column in zip(fast, rising.T, strict=True)])
        drive = np.array([np.interp(w, SPREADS, column) for w, column in zip(spread, drives.T, strict=True)])
        return drive, spread

    def shares(self, drive: float, spread: float) -> Floats:
        """Share of active units and share of fast ones among them."""
        a, b = self.at(drive, spread)
        active, quick = (float(a @ self.nodes.shares(rate) @ b) for rate in (ACTIVE, FAST))
        return np.array([active, quick / active])

    def at(self, drive: float, spread: float) -> tuple[Floats, Floats]:
        """Weights of the damages and of the drives."""
        a, b = between(SPREADS, spread), between(MEANS, drive)
        return np.asarray(a @ self.damaged), np.asarray(b @ self.driven)


def fit(library: Library, *, size: int = SIZE, seed: int = 1, progress: Progress | None = None) -> EctopiaFit:
    """Fit to the counted share; `size`: the recordings after the first pass are those of so many people.

    Raises `ModelError` where no mean drive and scatter within the ranges looked at give what was counted.
    """
    counted, told = _targets(library)
    budget = size * UNITS
    total = DAMAGES.size * DRIVES.size + budget

    def recorded(damage: NDArray[np.int_], drive: NDArray[np.int_], first: int) -> Nodes:
        report = None if progress is None else lambda done, _: progress(first + done, total)
        return Nodes(damage, drive, _rates(library, DAMAGES[damage], DRIVES[drive], seed, first, report))

    i, j = (each.ravel() for each in np.indices((DAMAGES.size, DRIVES.size)))
    nodes = recorded(i, j, 0)
    surface = Surface(library, nodes)
    start = _solution(surface, counted, told)
    widths = {rate: np.ptp(each.interval("1")) for rate, each in ((ACTIVE, counted), (FAST, told))}
    widths[FAST] *= counted.to("1")
    where = _allocated(surface, *start, widths, budget)
    surface.nodes = nodes.joined(recorded(*where, first=i.size))
    return _found(surface, counted, told, seed)


def _solution(surface: Surface, counted: Number, told: Number) -> tuple[float, float]:
    """Mean drive and scatter. Raises `ModelError` where there is none within the ranges."""
    share, fast = (each.to("1") for each in (counted, told))
    drive, spread = (float(each[0]) for each in surface.solve(np.array([share]), np.array([fast])))
    if drive in MEANS[[0, -1]] or spread in SPREADS[[0, -1]]:
        raise ModelError(
            f"no mean drive between {MEANS[0]:g} and {MEANS[-1]:g} pA with a scatter of damage between {SPREADS[0]:g} and "
            f"{SPREADS[-1]:g} gives {share:.1%} of active C units, {fast:.1%} of them at {FAST:g} Hz or more"
        )
    return drive, spread


def _targets(library: Library) -> tuple[Number, Number]:
    if TARGETS not in library.fits:
        raise ModelError(f"a calibration of ectopia needs fits/{TARGETS}.toml")
    counted = library.conditions[CONDITION].phenotypes.get("active_c_units")
    if counted is None:
        raise ModelError(
            f"a calibration of ectopia needs phenotypes.active_c_units in conditions/{CONDITION}.toml"
        )
    return counted, library.fits[TARGETS].parameters["fast_units"]


def _rates(
    library: Library, damage: Floats, drive: Floats, seed: int, first: int, progress: Progress | None
) -> Floats:
    """Spikes per second of cells with a damage and a drive (pA) each."""
    name, step = CLASSES["c"]
    cell = soma(library, name)
    parameters = injured_cell(cell, name, CONDITION, library, drive, damage)
    return record(cell, parameters, drive.size, step=step, seed=seed, first=first, progress=progress).rates


def _allocated(
    surface: Surface, drive: float, spread: float, widths: Mapping[float, float], budget: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Node of each further recording; `widths`: of the interval of the share that fires at a rate or more."""
    near = {rate: surface.nodes.around(rate) for rate in widths}
    variance = np.sum([near[rate] * (1.0 - near[rate]) / widths[rate] ** 2 for rate in widths], axis=0)
    wanted = (np.outer(*surface.at(drive, spread)) * np.sqrt(variance)).ravel()
    twice = np.flatnonzero(variance)[:budget]
    edges = np.cumsum(wanted) / wanted.sum()
    rest = budget - twice.size
    where = np.concatenate([twice, np.searchsorted(edges, (np.arange(rest) + 0.5) / rest)])
    damage, place = np.unravel_index(where, variance.shape)
    return damage, place


def _found(surface: Surface, counted: Number, told: Number, seed: int) -> EctopiaFit:
    shares = [
        _logit_normal(each, draws.normal(seed, f"calibration.ectopia.{what}", DRAWS))
        for each, what in ((counted, "share"), (told, "fast"))
    ]
    drives, spreads = surface.solve(*shares)
    edge = (np.isin(drives, MEANS[[0, -1]]) | np.isin(spreads, SPREADS[[0, -1]])).mean()
    drive, spread = _solution(surface, counted, told)
    nodes, n = surface.nodes, surface.nodes.n
    a, b = surface.at(drive, spread)
    weights = np.outer(a, b)
    share, fast = (float(each) for each in surface.shares(drive, spread))
    scatter = np.array([np.sqrt(np.sum(weights**2 * nodes.variance(rate) / n)) for rate in (ACTIVE, FAST)])
    scatter[1] /= share
    moved = np.linalg.inv(_slope(surface, drive, spread)) * scatter
    each = (weights / n)[nodes.damage, nodes.drive]
    fires = nodes.rates >= ACTIVE
    low, high = np.quantile(drives, (0.025, 0.975)), np.quantile(spreads, (0.025, 0.975))
    return EctopiaFit(
        drive=drive,
        damage_spread=spread,
        drive95=(float(low[0]), float(low[1])),
        damage_spread95=(float(high[0]), float(high[1])),
        correlation=float(np.corrcoef(drives, spreads)[0, 1]),
        share=share,
        fast=fast,
        share_monte_carlo=float(scatter[0]),
        fast_monte_carlo=float(scatter[1]),
        drive_monte_carlo=float(np.linalg.norm(moved[0])),
        spread_monte_carlo=float(np.linalg.norm(moved[1])),
        rates=tuple(_quantile(nodes.rates[fires], each[fires], q) for q in QUANTILES),
        mean_rate=float(np.average(nodes.rates[fires], weights=each[fires])),
        counted=counted,
        told=told,
        recordings=nodes.rates.size,
        at_edge=float(edge),
    )


def _slope(surface: Surface, drive: float, spread: float) -> Floats:
    """Change of the two shares [share, number] with mean drive (per pA) and with scatter."""
    columns = []
    for moved in ((5.0, 0.0), (0.0, 0.05)):
        up, down = (surface.shares(drive + k * moved[0], spread + k * moved[1]) for k in (1.0, -1.0))
        columns.append((up - down) / (2.0 * sum(moved)))
    return np.stack(columns, axis=1)


def _quantile(values: Floats, weights: Floats, q: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, q * total[-1])])


def _logit_normal(number: Number, z: Floats) -> Floats:
    """Draws of a share as wide as its interval."""
    from scipy.special import expit, logit

    low, high = number.interval("1")
    sd = (logit(high) - logit(low)) / (2.0 * 1.959964)
    return np.asarray(expit(logit(number.to("1")) + sd * z), dtype=np.float64)
