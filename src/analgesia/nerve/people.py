"""The fibre of each of many people, in the lanes of one run: they differ in diameter, and in density where a source says how.

    diameter_i = diameter exp(sd z_i),  |z| <= REACH          latency_i, slowing_i, ... as for one fibre (`conduction`)

All lanes share grid and step, set by the thinnest fibre; the stimulus is twice the threshold of the healthy fibre of the file, taken to the
power 3/2 of the diameter. The spread of a number is its `iiv`; without one, people do not differ in it. Severity of a condition differs as
its file says. Who a person is does not depend on how many there are; the shared grid does, and moves a velocity by less than 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.engine.cable import CableResult, Precision, Pulse, Stage, cylinder, simulate
from analgesia.errors import ModelError
from analgesia.evidence import Library, Number
from analgesia.nerve import conduction as one
from analgesia.nerve import saltatory
from analgesia.nerve.conduction import Conduction
from analgesia.nerve.membranes import Fibre
from analgesia.nerve.myelinated import Myelinated
from analgesia.nerve.states import NerveState, combined

Array = NDArray[np.float64]

REACH = 3.0
"""Standard deviations beyond which nobody is drawn."""
MOST = 20_000
"""People times pulses of one run."""
MOST_MYELINATED = 1_000
"""The same of fibres that are run one after the other."""
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class People:
    """Diameters (um) and severities of the people, what arrived in each, and whose run left the finite numbers."""

    diameters: Array
    severities: Array
    found: tuple[Conduction, ...]
    finite: NDArray[np.bool_]

    def to_dict(self) -> dict[str, Any]:
        """Each person, and a summary over those who could be computed."""
        return {
            "patients": len(self.found),
            "summary": self.summary(),
            "per_patient": [
                {
                    "patient": index,
                    "diameter_um": float(self.diameters[index]),
                    "severity": float(self.severities[index]),
                    "conduction_velocity_m_per_s": found.velocity,
                    "latency_ms": found.latency.tolist(),
                    "slowing_percent": found.slowing.tolist(),
                    "conducted": found.conducted.tolist(),
                    "status": "ok" if self.finite[index] else "left the finite numbers",
                }
                for index, found in enumerate(self.found)
            ],
        }

    def summary(self) -> dict[str, Any]:
        """Spread over people of velocity, first latency and last slowing, and the share that conducts each pulse."""
        latency = np.array([found.latency for found in self.found])
        slowing = np.array([found.slowing for found in self.found])
        conducted = np.array([found.conducted for found in self.found])
        return {
            "conduction_velocity_m_per_s": _spread(np.array([found.velocity for found in self.found])),
            "first_latency_ms": _spread(latency[:, 0]),
            "last_slowing_percent": _spread(slowing[:, -1]),
            "conducting_share": conducted[self.finite].mean(axis=0).tolist() if self.finite.any() else None,
            "failed": int((~self.finite).sum()),
        }


def _spread(values: Array) -> dict[str, float | None]:
    """Mean, SD and quantiles of what is finite."""
    known = values[np.isfinite(values)]
    if not known.size:
        return {"mean": None, "sd": None, **{f"{q:.0%}": None for q in QUANTILES}}
    return {
        "mean": float(known.mean()),
        "sd": float(known.std(ddof=1)) if known.size > 1 else None,
        **{f"{q:.0%}": float(np.quantile(known, q)) for q in QUANTILES},
    }


def drawn(
    number: Number, unit: str, label: str, patients: int, seed: int, middle: float | None = None
) -> Array:
    """A number once per person: its value (or `middle`) and its diversity; alike for all where no spread is known."""
    value = float(number.to(unit)) if middle is None else middle
    z = np.clip(draws.normal(seed, label, patients), -REACH, REACH)
    return np.asarray(value * np.exp(number.diversity_sd_log * z))


def counted(patients: int) -> str:
    """How many people, in words."""
    return "1 person" if patients == 1 else f"{patients:,} people"


def densities(fibre: Fibre, library: Library, patients: int, seed: int) -> NerveState:
    """Factor on each conductance whose number says how people differ in it."""
    numbers: Mapping[str, Number] = library.neurons[fibre.name].parameters.get("conductance", {})
    return NerveState(
        {
            key: drawn(number, number.unit, f"nerve.{fibre.name}.conductance.{key}", patients, seed, 1.0)
            for key, number in numbers.items()
            if number.diversity_sd_log
        }
    )


def conduct_people(
    fibre: Fibre,
    times: Sequence[float] | Array,
    library: Library,
    *,
    patients: int,
    length: float,
    diameter: float | None = None,
    state: NerveState | None = None,
    severities: Array | None = None,
    seed: int = 1,
    precision: Precision = "double",
    progress: one.Progress | None = None,
) -> People:
    """Stimulate the fibre of each person at `times` (ms); `diameter` (um): the middle one, by default the file's.

    `state` may hold one value per person. Raises `ModelError` for input that makes no sense and for too much of it.
    """
    moments = np.asarray(times, float)
    middle = diameter if diameter is not None else float(fibre.parameters["diameter"])
    one.check(moments, middle, length)
    if not 1 <= patients * len(moments) <= MOST:
        raise ModelError(
            f"{patients} people with {len(moments)} pulses each: at most {MOST:,} together; ask for fewer of either"
        )
    number: Number = library.neurons[fibre.name].parameters["cable"]["diameter"]
    diameters = np.clip(
        drawn(number, "um", f"nerve.{fibre.name}.diameter", patients, seed, middle), *one.DIAMETERS
    )
    own = combined([densities(fibre, library, patients, seed), *([state] if state is not None else [])])
    found, finite = _run(fibre, moments, diameters, length, own, precision, progress)
    return People(diameters, np.zeros(patients) if severities is None else severities, found, finite)


def conduct_myelinated(
    fibre: Myelinated,
    times: Sequence[float] | Array,
    library: Library,
    *,
    patients: int,
    length: float,
    diameter: float,
    state: NerveState,
    seed: int = 1,
    progress: one.Progress | None = None,
) -> People:
    """The same for myelinated fibres, one after the other: each width has an anatomy of its own, within what the file covers.

    Raises `ModelError` for too much of it.
    """
    if not 1 <= patients * len(times) <= MOST_MYELINATED:
        raise ModelError(
            f"{patients} people with {len(times)} pulses each: at most {MOST_MYELINATED:,} together in myelinated fibres; ask for "
            "fewer of either"
        )
    number: Number = library.neurons[fibre.name].parameters["cable"]["diameter"]
    widths = drawn(number, "um", f"nerve.{fibre.name}.diameter", patients, seed, diameter)
    widths = np.clip(widths, fibre.numbers["thinnest"], fibre.numbers["widest"])
    found = []
    for k, width in enumerate(widths):
        found.append(saltatory.conduct(fibre, times, diameter=float(width), length=length, state=state))
        if progress is not None:
            progress(k + 1, patients)
    return People(widths, np.zeros(patients), tuple(found), np.ones(patients, bool))


def _run(
    fibre: Fibre,
    times: Array,
    diameters: Array,
    length: float,
    state: NerveState,
    precision: Precision,
    progress: one.Progress | None,
) -> tuple[tuple[Conduction, ...], NDArray[np.bool_]]:
    coarse, dt = one.FINE if len(times) <= one.FEW else one.COARSE
    thinnest, reference = float(diameters.min()), float(fibre.parameters["diameter"])
    dx = coarse * math.sqrt(thinnest)
    ratio = diameters / reference
    membrane, parameters, initial = one.prepared(fibre, diameters, state)
    currents = one.ABOVE_THRESHOLD * one.threshold(fibre, reference) * ratio**1.5
    geometry = cylinder(length * 1e3, reference, max(20, round(length * 1e3 / dx)), fibre.resistivity)
    where = [geometry.nearest(share * length * 1e3) for share in (one.START, one.FIRST, one.SECOND)]
    slowest = length / (one.VELOCITY * math.sqrt(thinnest))

    def run(pulses: Array, stages: Sequence[Stage]) -> CableResult:
        return simulate(
            membrane, geometry, parameters, initial=initial, stages=stages, probes=where, threshold=one.THRESHOLD,
            pulses=[Pulse(0, one.SETTLE + t, one.PULSE, currents) for t in pulses], lanes=len(diameters),
            diameter_ratio=ratio, along=len(diameters) < ALONG_BELOW, precision=precision,
            progress=progress,
        )  # fmt: skip

    result = one.run_in_stages(run, times, slowest, dt, one.COARSE[1], changed=not state.empty)
    found = tuple(
        one.read(
            result,
            geometry,
            where,
            times,
            one.LATEST * length / (one.VELOCITY * math.sqrt(d)),
            float(current),
            dx,
            dt,
            precision,
            lane,
        )
        for lane, (d, current) in enumerate(zip(diameters, currents, strict=True))
    )
    finite = np.asarray(result.finite, bool)
    return tuple(f if ok else _nothing(f) for f, ok in zip(found, finite, strict=True)), finite


ALONG_BELOW = 4
"""With fewer people than this, vectors run along the fibre instead of across people."""


def _nothing(found: Conduction) -> Conduction:
    """A person whose run failed: nothing is known, and nothing is said to have arrived."""
    unknown = np.full(len(found.times), np.nan)
    return replace(
        found, velocity=math.nan, latency=unknown, slowing=unknown, conducted=np.zeros(len(found.times), bool)
    )
