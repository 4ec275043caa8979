"""A stand-in for the pathway: smooth curves with the axes and units of a real run, and people it never looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analgesia.engine import draws
from analgesia.results import Result, Variable
from analgesia.signals import CONCENTRATION, DRIVE, OCCUPANCY, PAIN, PLASMA, SITES, STIMULUS

PEAK = {"mitragynine": 5.0, "7-hydroxymitragynine": 3.0, "morphine": 40.0, "gabapentin": 20_000.0}
"""Unbound peak in nM."""


class People:
    """Only what the fake needs: how many they are."""

    def __init__(self, size: int) -> None:
        self.index = np.arange(size)


def population(_name: str, size: int, _seed: int, _library: Any) -> People:
    return People(size)


def simulate(
    people: People,
    arms: Sequence[Any],
    *,
    library: Any,
    duration: str = "24 h",
    times: Any = None,
    seed: int = 0,
    replicates: int = 1,
    cord: bool = True,
    footing: Any = None,
    progress: Any = None,
) -> Result:
    """Rise and fall after every dose, spread over people and draws; pain falls by a little with the mu stimulus."""
    time = np.linspace(0.0, 24.0, 13) if times is None else np.asarray(times)
    names = ["placebo", *(arm.name for arm in arms)]
    analytes, receptors = list(PEAK), list(library.receptors)
    lanes = (replicates, people.index.size)
    spread = np.exp(0.6 * draws.normal(seed, "fake", lanes[0] * lanes[1])).reshape(lanes)
    unbound = np.zeros((len(names), *lanes, time.size, len(analytes), len(SITES)))
    for place, arm in enumerate(arms, start=1):
        for column, analyte in enumerate(analytes):
            if analyte == arm.item or (
                arm.kind == "product" and analyte in ("mitragynine", "7-hydroxymitragynine")
            ):
                since = np.mod(time, 8.0)
                shape = (np.exp(-since / 6.0) - np.exp(-since / 0.7)) * PEAK[analyte]
                unbound[place, ..., column, :] = (spread[..., None] * shape)[..., None]
    bound = unbound[..., :2, :].sum(axis=-2) / 100.0
    occupancy = np.repeat((bound / (1 + bound))[..., None, :], len(receptors), axis=-2)
    axes = ("arm", "replicate")
    variables = {
        "concentration": Variable.of(CONCENTRATION, unbound, *axes),
        "plasma": Variable.of(PLASMA, unbound[..., 0], *axes),
        "occupancy": Variable.of(OCCUPANCY, occupancy, *axes),
        "stimulus": Variable.of(STIMULUS, 0.5 * occupancy, *axes),
    }
    if cord:
        relief = occupancy[..., 0, 1]
        pain = 6.2 - 2.0 * relief + 0.2 * (spread[None, ..., None] - 1.0)
        variables |= {
            "drive": Variable.of(DRIVE, 20.0 * (1.0 - 0.5 * relief), *axes),
            "pain": Variable.of(PAIN, pain, *axes),
            "pain_change": Variable(-2.0 * relief, (*axes, "patient", "time"), "NRS", "change of pain"),
        }
    if progress is not None:
        progress(1, 1)
    coordinates = {
        "arm": names,
        "replicate": np.arange(replicates),
        "patient": people.index,
        "time": time,
        "analyte": analytes,
        "site": list(SITES),
        "receptor": receptors,
    }
    return Result.build(variables, coordinates, numbers={}, sources=[], duration=duration)
