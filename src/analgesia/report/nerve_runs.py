"""Short runs of the nerve for the pictures of a report, each once for a version of the evidence; about fifteen seconds together.

A train of pulses on a C fibre in several states, one spike into a bath of local anaesthetic, spontaneous discharge of ganglion cells, and
the concentrations that stop a fibre. Where a run takes a drug on which no channel was measured, its prior is used and said to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.claims.judge import Judgement
from analgesia.claims.nerve_endpoints import stopping
from analgesia.evidence import Library
from analgesia.nerve.block import blocking_concentration, crossing
from analgesia.nerve.conduction import Conduction, Course, conduct
from analgesia.nerve.drugs import block_at
from analgesia.nerve.ectopia import RECORDED, ectopia
from analgesia.nerve.injury import injured
from analgesia.nerve.membranes import Fibre, fibre
from analgesia.nerve.states import HEALTHY

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

KIND = "conduction"
"""Kind of the endpoint whose claim gets these pictures."""
REFERENCE = "lidocaine"
"""The blocker that was measured on the channels and on nerves."""
RATE, PULSES, LENGTH = 2.0, 16, 20.0
"""Hz, number, mm of the train."""
BELOW, ABOVE = 0.5, 1.5
"""Shares of the blocking concentration of the reference: one that slows, one that blocks."""
PEOPLE = 6
"""Whose cells the raster shows."""
GUESSES = 16
"""Of the reference's block."""


@dataclass(frozen=True)
class Train:
    """A train of pulses under a state: its key, its label, what arrived."""

    key: str
    label: str
    found: Conduction


@dataclass(frozen=True)
class Discharge:
    """Spikes (s) of the same cells in health and in a condition."""

    condition: str
    duration: float
    healthy: tuple[Array, ...]
    injured: tuple[Array, ...]


def asks_the_nerve(judgement: Judgement) -> bool:
    """Whether a claim's endpoint is block of conduction and was computed."""
    prediction = judgement.prediction
    return prediction.endpoint.split(".", 1)[0] == KIND and "blocking" in judgement.series


def condition_of(judgement: Judgement, library: Library) -> str | None:
    """The disease of the people of a claim."""
    return library.populations[judgement.claim.experiment.population].condition


def drug_of(judgement: Judgement) -> str:
    """The drug whose block a claim asks about."""
    return judgement.prediction.endpoint.split(".", 1)[1]


def prepare(judgements: Sequence[Judgement], library: Library, progress: Progress | None = None) -> None:
    """Make all runs that the pictures of these claims need, so that drawing them later takes no time."""
    wanted = [step for judgement in judgements for step in _steps(judgement, library)]
    for done, step in enumerate(wanted, start=1):
        step()
        if progress is not None:
            progress(done, len(wanted))


def _steps(judgement: Judgement, library: Library) -> list[Callable[[], Any]]:
    if not asks_the_nerve(judgement):
        return []
    condition = condition_of(judgement, library)
    wanted: list[Callable[[], Any]] = [lambda: reference_blocks(library), lambda: crossings(library)]
    wanted += [
        partial(_train, library.hash, *one, PULSES, library) for one in _asked_trains(judgement, library)
    ]
    if condition is not None:
        wanted.append(lambda: discharge(condition, library))
    return wanted


def trains(judgement: Judgement, library: Library) -> list[Train]:
    """Healthy fibre, condition, reference below and at its blocking concentration, the drug at its free peak."""
    return [_train(library.hash, *one, PULSES, library) for one in _asked_trains(judgement, library)]


def _asked_trains(judgement: Judgement, library: Library) -> list[tuple[str, str, str, float]]:
    """Key, label, name of condition or drug, and uM or share of each train."""
    drug, condition = drug_of(judgement), condition_of(judgement, library)
    first = judgement.prediction.arms[0].arm
    peak = float(judgement.prediction.context["free_peak_uM"][first]["median"] or 0.0)
    found = [("healthy", "healthy", "", 0.0)]
    if condition is not None:
        found.append(("condition", condition.replace("_", " "), condition, 0.0))
    return [
        *found,
        ("below", f"{REFERENCE}, half of what blocks", REFERENCE, BELOW),
        ("at", f"{REFERENCE}, what blocks", REFERENCE, 1.0),
        ("drug", f"{drug}, free peak, by its prior", drug, peak),
    ]


@lru_cache(maxsize=2)
def _fibre(version: str, library: Library) -> tuple[Fibre, float]:
    """The C fibre and the concentration (uM) of the reference that stops it."""
    built = fibre("c_fibre", library)
    return built, float(blocking_concentration(built, REFERENCE, library)[0])


@lru_cache(maxsize=32)
def _train(
    version: str, key: str, label: str, name: str, amount: float, pulses: int, library: Library
) -> Train:
    """Pulses at RATE, all of the fibre under one state."""
    built, blocking = _fibre(version, library)
    state = HEALTHY
    if key == "condition":
        state = injured(name, library, "c_fibre")
    elif key in ("below", "at"):
        state = block_at({name: amount * blocking}, library, channels=built.sodium)
    elif key == "drug":
        state = block_at({name: amount}, library, channels=built.sodium, prior=True)
    times = [1e3 / RATE * pulse for pulse in range(pulses)]
    return Train(
        key, label, conduct(built, times, diameter=built.parameters["diameter"], length=LENGTH, state=state)
    )


def crossings(library: Library) -> tuple[Course, Course]:
    """One spike through the middle of a fibre without drug and with more of the reference than it stands."""
    return _crossings(library.hash, library)


@lru_cache(maxsize=2)
def _crossings(version: str, library: Library) -> tuple[Course, Course]:
    built, blocking = _fibre(version, library)
    drugged = block_at({REFERENCE: ABOVE * blocking}, library, channels=built.sodium)
    return crossing(built, HEALTHY), crossing(built, drugged)


def discharge(condition: str, library: Library) -> Discharge:
    """The same cells in health and in a condition."""
    return _discharge(library.hash, condition, library)


@lru_cache(maxsize=8)
def _discharge(version: str, condition: str, library: Library) -> Discharge:
    healthy, hurt = (ectopia(which, PEOPLE, library).firing.spikes for which in (None, condition))
    return Discharge(condition, RECORDED, tuple(healthy), tuple(hurt))


def reference_blocks(library: Library) -> Array:
    """Concentrations (uM) of the reference that stop a C fibre, within what is not known of its constants."""
    return stopping(REFERENCE, GUESSES, library)
