"""What a cable simulation refuses, each with one clear message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine.cable.geometry import Geometry
from analgesia.engine.cable.membrane import Membrane, Recorded
from analgesia.errors import ModelError

Array = NDArray[np.float64]

COARSEST = 5.0
"""A step longer than this many time constants of the fastest gate is refused: the gate follows exactly, the spike no longer does."""

SPACE = "space"
"""Name of the periaxonal space's potential among the initial values."""

LONGEST = 4096
"""Numbers that are evaluated at once, as far as one voltage needs no more."""

CUT = 1e-4
"""Single precision is refused where an equation of the membrane differs by more than this part from its value in double."""


def lane_count(
    parameters: Mapping[str, Any], initial: Mapping[str, Any], ratio: Any, lanes: int | None
) -> int:
    """Number of lanes that all inputs agree on."""
    sizes = {np.shape(a)[-1] for a in parameters.values() if np.ndim(a) > 0}
    sizes |= {np.shape(a)[0] for a in initial.values() if np.ndim(a) > 0}
    sizes |= {len(ratio)} if np.ndim(ratio) else set()
    sizes |= {lanes} if lanes is not None else set()
    if len(sizes - {1}) > 1:
        raise ModelError(
            f"cable: inputs speak of {', '.join(map(str, sorted(sizes)))} lanes; give each one number or one per lane"
        )
    size = max(sizes, default=1)
    if size < 1:
        raise ModelError("cable: no lanes to run")
    return int(size)


def check_precision(precision: str) -> None:
    """A precision the kernel has."""
    if precision not in ("double", "single"):
        raise ModelError(f"cable: there is no {precision!r} precision; choose double or single")


def check_stages(stages: Sequence[Any]) -> None:
    """Durations and steps."""
    for stage in stages:
        if not np.isfinite(stage.duration) or stage.duration < 0.0:
            raise ModelError(f"cable: duration must be a number of ms, 0 or more, not {stage.duration}")
        if not np.isfinite(stage.dt) or stage.dt <= 0.0:
            raise ModelError(f"cable: the step must be above 0 ms, not {stage.dt}")


def check_places(geometry: Geometry, probes: Sequence[int], pulses: Sequence[Any]) -> None:
    """Probes and pulses lie on the cable; pulses are finite."""
    for what, where in [("probe", p) for p in probes] + [("pulse", p.compartment) for p in pulses]:
        if not 0 <= where < geometry.count:
            raise ModelError(
                f"cable: a {what} at compartment {where}; there are compartments 0 to {geometry.count - 1}"
            )
    for pulse in pulses:
        if not np.all(np.isfinite(pulse.amplitude)) or not pulse.duration > 0.0:
            raise ModelError("cable: a pulse needs a finite amplitude (nA) and a duration above 0 ms")


def check_parameters(membrane: Membrane, parameters: Mapping[str, Any]) -> None:
    """Every parameter present, known, finite; no negative conductance."""
    missing, extra = set(membrane.parameters) - set(parameters), set(parameters) - set(membrane.parameters)
    if missing or extra:
        raise ModelError(
            f"membrane `{membrane.name}`: "
            + "; ".join(
                f"{what} {', '.join(sorted(names))}"
                for what, names in (("missing", missing), ("unknown", extra))
                if names
            )
        )
    for name, given in parameters.items():
        values = np.asarray(given, float)
        if not np.all(np.isfinite(values)):
            raise ModelError(f"membrane `{membrane.name}`: parameter `{name}` is not a finite number")
        if name.startswith("conductance") and np.any(values < 0.0):
            raise ModelError(
                f"membrane `{membrane.name}`: conductance `{name}` is negative; give 0 or more S/cm2"
            )


def check_initial(membrane: Membrane, initial: Mapping[str, Any], sheathed: bool = False) -> None:
    """Voltage and pools given, nothing unknown, all finite."""
    names = ["v", *membrane.gate_names, *membrane.pools, *([SPACE] if sheathed else [])]
    for name, values in initial.items():
        if name not in names:
            raise ModelError(
                f"membrane `{membrane.name}` has no `{name}` to start; it has {', '.join(names)}"
            )
        if not np.all(np.isfinite(values)):
            raise ModelError(f"membrane `{membrane.name}`: the initial `{name}` is not a finite number")
    for name in ("v", *membrane.pools):
        if name not in initial:
            raise ModelError(f"membrane `{membrane.name}`: give the initial `{name}`")


def check_sheathed(along: bool, precision: str, ratio: Any) -> None:
    """Refuse what a cable with a sheath does not do."""
    if along:
        raise ModelError("cable: with a sheath, vectors run across neurites only; leave `along` out")
    if precision != "double":
        raise ModelError("cable: with a sheath, only double precision is known to be enough")
    if np.any(np.asarray(ratio, float) != 1.0):
        raise ModelError(
            "cable: a sheath does not grow with the diameter; give each diameter a geometry and a run of its own"
        )


def check_single(membrane: Membrane, recorded: Recorded, known: Mapping[int, Any]) -> None:
    """Refuse single precision where the equations lose more of their digits in it than CUT, between -100 and +50 mV.

    Compared with double: targets; rates relative to themselves; the current relative to itself and to what 10 mV would add.
    """
    nodes = (*recorded.targets, *recorded.rates, recorded.current, recorded.slope)
    names = [
        *(f"target of `{g}`" for g in membrane.gate_names),
        *(f"rate of `{g}`" for g in membrane.gate_names),
        "current",
    ]
    gates = len(membrane.gate_names)
    for voltage in batches(np.linspace(-100.0, 50.0, 31), known):
        whole = {**known, recorded.voltage: voltage}
        short = {node: np.float32(value) for node, value in whole.items()}
        with np.errstate(all="ignore"):
            exact = [np.asarray(a, float) for a in recorded.graph.evaluate(nodes, whole)]
            found = [np.asarray(a, float) for a in recorded.graph.evaluate(nodes, short)]
        scales = [np.ones(1)] * gates + [np.abs(rate) for rate in exact[gates : 2 * gates]]
        scales.append(np.abs(exact[-2]) + 10.0 * np.abs(exact[-1]))
        for name, given, right, scale in zip(names, found, exact, scales, strict=False):
            bad = np.isfinite(right) & ~(np.abs(given - right) <= CUT * scale)
            if np.any(bad):
                raise ModelError(
                    f"membrane `{membrane.name}`: the {name} is not within {CUT:g} of itself in single precision at "
                    f"{first(bad, voltage):g} mV; run it in double precision"
                )


def batches(voltages: Array, known: Mapping[int, Any]) -> Iterator[Array]:
    """Voltages as `[n, 1, 1]`, beside values `[lane, compartment]`: as many at a time as keep arrays short."""
    size = max((np.size(value) for value in known.values()), default=1)
    count = max(1, LONGEST // size)
    for start in range(0, len(voltages), count):
        yield voltages[start : start + count, None, None]


def first(bad: Any, voltage: Array) -> float:
    """The first voltage at which something is bad."""
    where, at = np.broadcast_arrays(bad, voltage)
    return float(at[where].flat[0])


def check_step(membrane: Membrane, recorded: Recorded, known: Mapping[int, Any], dt: float) -> None:
    """Refuse a step of more than COARSEST time constants of the fastest gate anywhere between -80 and +50 mV.

    `known`: pools and parameters by node.
    """
    for voltage in batches(np.linspace(-80.0, 50.0, 27), known):
        with np.errstate(all="ignore"):
            rates = recorded.graph.evaluate(recorded.rates, {**known, recorded.voltage: voltage})
        for name, rate, change in zip(membrane.gate_names, rates, recorded.changes, strict=True):
            fastest = float(np.max(rate))
            if not np.isfinite(fastest) or np.min(rate) < 0.0:
                bad = ~(np.isfinite(rate) & (np.asarray(rate) >= 0.0))
                raise ModelError(
                    f"membrane `{membrane.name}`: gate `{name}` has no valid rate at {first(bad, voltage):g} mV"
                )
            if (
                fastest * dt > COARSEST and change < 0
            ):  # fast transitions of a scheme follow their equilibrium
                raise ModelError(
                    f"membrane `{membrane.name}`: a step of {dt:g} ms is too coarse for gate `{name}`, whose time constant falls to "
                    f"{1 / fastest:.3g} ms at {first(np.asarray(rate) == fastest, voltage):g} mV; take a step of at most "
                    f"{COARSEST / fastest:.2g} ms"
                )
