"""Outcomes of the nerve in a run of the pathway: how near a drug comes to stopping a fibre, and how an inflamed ending fires.

Each draw of ignorance has its own guess of every number of the nerve, the same in all arms; concentrations are those of each person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analgesia.evidence import Library, Tally, fill, tally
from analgesia.evidence.provenance import note
from analgesia.nerve.block import blocking_concentration
from analgesia.nerve.conduction import threshold
from analgesia.nerve.ending import FILE, Mediators, inflamed
from analgesia.nerve.inflammation import HEAT, half_inhibition, inflamed_ending, inhibition
from analgesia.nerve.membranes import fibre
from analgesia.results import by_lane

Array = NDArray[np.float64]
T = TypeVar("T")

NANO_PER_MICRO = 1e3
SITE = "nociceptor"
OPIOID = "mu_opioid"
PARTS = ("prostaglandin", "opioid", "both")
"""By which way a drug reaches the inflamed ending."""
BAND = (0.05, 0.5, 0.95)
TOLERANCE = 0.002
"""Of the threshold current of a fibre; inflammation moves it by a few percent."""


def share_of_blocking(result: Any, arm: str, drug: str, library: Library) -> Array:
    """Peak unbound concentration at the nerve ending as % of the one that stops a C fibre [replicate, patient].

    The guess of the block comes from the prior where no channel was ever measured.
    """
    peak = free_peak(result, arm, drug)
    return 100.0 * peak / stopping(drug, len(peak), library)[:, None]


def free_peak(result: Any, arm: str, drug: str) -> Array:
    """Highest unbound concentration at the nerve ending, uM [replicate, patient]."""
    return by_lane(result.concentration.sel(arm=arm, analyte=drug, site=SITE)).max(axis=-1) / NANO_PER_MICRO


def conduction_context(result: Any, arms: Sequence[str], drug: str, library: Library) -> dict[str, Any]:
    """What the share is made of: free peaks and the concentrations that stop a C fibre, uM."""
    draws = int(result.concentration.sizes["replicate"])
    return {
        "free_peak_uM": {arm: interval(free_peak(result, arm, drug)) for arm in arms},
        "blocking_uM": interval(stopping(drug, draws, library)),
    }


def stopping(drug: str, draws: int, library: Library) -> Array:
    """Concentrations (uM) that stop a C fibre, one per draw of what is not known of the drug's block."""
    return _kept(_stopping(library.hash, drug, draws, library))


@lru_cache(maxsize=8)
def _stopping(version: str, drug: str, draws: int, library: Library) -> tuple[Array, Tally]:
    """The same with the numbers behind it; computed once for a version of the evidence."""
    with tally() as used:
        found = blocking_concentration(fibre("c_fibre", library), drug, library, guesses=draws)
    return found, used


def firing_change(result: Any, arm: str, part: str, start: float, library: Library) -> Array:
    """Change (%) of the inflamed ending's firing at HEAT against placebo, mean over times from `start` (h) [replicate, patient]."""
    cell = inflamed_ending(library, guesses=_draws(result)).widened(3)
    inhibited: Any = inhibited_share(result, arm, library) if part != "opioid" else 0.0
    opioid: Any = _opioid(result, arm) if part != "prostaglandin" else 0.0
    late = np.asarray(result.time.values >= start)
    fired = np.broadcast_to(cell.inflamed(HEAT, inhibited, opioid), _shape(result))[..., late]
    placebo = np.broadcast_to(cell.inflamed(HEAT), fired.shape)
    change = np.divide(100.0 * (fired - placebo), placebo, out=np.zeros_like(fired), where=placebo > 0.0)
    return np.asarray(change.mean(axis=-1))


def inhibited_share(result: Any, arm: str, library: Library) -> Array:
    """Share of the making of prostaglandin E2 that the drugs of an arm stop at the ending [replicate, patient, time]."""
    ratios: list[Any] = [np.zeros(_shape(result))]
    for drug in map(str, result.analyte.values):
        half = half_inhibition(drug, library)
        if half is None:
            continue
        unbound = by_lane(result.concentration.sel(arm=arm, analyte=drug, site=SITE))
        if not np.any(unbound):  # nan counts as present
            continue
        constant = half.guessed(drug, _draws(result))[:, None, None]
        if half.total:
            constant = constant * _free_share(result, arm, drug, half.molar_mass)
        ratios.append(unbound / constant)
    return np.asarray(inhibition(ratios))


def ending_context(result: Any, arms: Mapping[str, float], library: Library) -> dict[str, Any]:
    """What the change is made of: firing without drug, without inflammation and by each way, prostaglandin, threshold of a C fibre."""
    cell = inflamed_ending(library, guesses=_draws(result))
    placebo, healthy = cell.inflamed(HEAT), cell.healthy(HEAT)
    ways: dict[str, Any] = {}
    for arm, start in arms.items():
        late = np.asarray(result.time.values >= start)
        stopped = inhibited_share(result, arm, library)[..., late].mean(axis=-1)
        ways[arm] = {
            "change_percent": {
                part: interval(people_mean(firing_change(result, arm, part, start, library)))
                for part in PARTS
            },
            "prostaglandin_stopped_percent": interval(100.0 * people_mean(stopped)),
            "opioid_stimulus": interval(people_mean(_opioid(result, arm)[..., late].mean(axis=-1))),
        }
    return {
        "heat_degC": HEAT,
        "prostaglandin_e2_nM": {
            "inflamed": interval(cell.level()),
            "healthy": interval(cell.prostaglandin_rest),
        },
        "firing_hz": {"inflamed": interval(placebo), "healthy": interval(healthy)},
        "change_percent_without_inflammation": interval(100.0 * (healthy / placebo - 1.0)),
        "arms": ways,
        "c_fibre_threshold_nA": _kept(_thresholds(library.hash, library)),
    }


@lru_cache(maxsize=4)
def _thresholds(version: str, library: Library) -> tuple[dict[str, float], Tally]:
    """Current (nA) that starts a spike in a C fibre whose membrane is that of a healthy and of an inflamed ending."""
    with tally() as used:
        built, central = fibre("c_fibre", library), inflamed_ending(library)
        mediators = fill(Mediators, library.neurons[FILE])
        levels = {"healthy": central.prostaglandin_rest, "inflamed": central.level()}
        currents = {
            name: threshold(
                built,
                built.parameters["diameter"],
                inflamed(mediators, prostaglandin_e2=float(level[0])),
                tolerance=TOLERANCE,
            )
            for name, level in levels.items()
        }
    return currents, used


def people_mean(values: Array) -> Array:
    """Mean over the people who could be computed, for each draw; nan where there are none [replicate]."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def interval(values: Array) -> dict[str, Any]:
    """Median and 90 % interval of what is finite; None without anything."""
    finite = np.asarray(values)[np.isfinite(values)]
    if not finite.size:
        return {"median": None, "interval90": None}
    low, median, high = (float(x) for x in np.quantile(finite, BAND))
    return {"median": median, "interval90": [low, high]}


def firing_curves(result: Any, arms: Mapping[str, float], library: Library) -> dict[str, Any]:
    """Firing over heat: bands [quantile, heat] of the healthy and the inflamed ending and of each arm over its last interval."""
    heat = np.linspace(38.0, 52.0, 57)
    cell = inflamed_ending(library, guesses=_draws(result)).widened(2)

    def bands(fired: Array) -> Array:
        return np.asarray(np.quantile(fired, BAND, axis=0))

    curves = {"healthy": bands(cell.healthy(heat)), "inflamed": bands(cell.inflamed(heat))}
    for arm, start in arms.items():
        late = np.asarray(result.time.values >= start)
        stopped = people_mean(inhibited_share(result, arm, library)[..., late].mean(axis=-1))
        known = np.isfinite(stopped)
        if known.any():
            curves[arm] = bands(cell.inflamed(heat, stopped[:, None])[known])
    return {"heat": heat, "curves": curves}


def _free_share(result: Any, arm: str, drug: str, molar_mass: float) -> Array:
    """Unbound over total in plasma of each lane [replicate, patient, 1], read where total is highest; 1 where there is no drug."""
    unbound = (
        by_lane(result.concentration.sel(arm=arm, analyte=drug, site="plasma")) * molar_mass / NANO_PER_MICRO
    )
    total = by_lane(result.plasma.sel(arm=arm, analyte=drug))
    place = np.argmax(np.nan_to_num(total), axis=-1)[..., None]
    free, all_of_it = (np.take_along_axis(each, place, axis=-1) for each in (unbound, total))
    return np.divide(free, all_of_it, out=np.ones_like(free), where=all_of_it > 0.0)


def _opioid(result: Any, arm: str) -> Array:
    return by_lane(result.stimulus.sel(arm=arm, receptor=OPIOID, site=SITE))


def _draws(result: Any) -> int:
    return int(result.concentration.sizes["replicate"])


def _shape(result: Any) -> tuple[int, int, int]:
    sizes = result.concentration.sizes
    return sizes["replicate"], sizes["patient"], sizes["time"]


def _kept(answer: tuple[T, Tally]) -> T:
    """An answer kept from before; what it rests on is noted again."""
    found, used = answer
    for number in used.numbers.values():
        note(number)
    return found
