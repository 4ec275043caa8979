"""The nerve beside other programs: the same cables, the same people, one run.

    python benchmarks/nerve.py [--quick] [--patients 64|256] [--json]

Problems (nerve_problems.py): `rallpack3`, 1,000 compartments of squid axon, and `c_fibre`, 500 compartments with 17 gates, four ion
concentrations and a pump; 50 ms (the axon 20 ms in a quick run), step 0.025 ms, with 64 and 256 patients that differ in two conductances
(peers get fewer; the column `patients` says how many). `us_per_patient_core` is processor time over patients; `million_compartment_steps`
is work per second of processor time. `error` is the relative error of conduction velocity (c_fibre) or of the last spike's time
(rallpack3) of the first patient, `spike_error_ms` the error of its last spike, both against this program at a twentieth of the step: they
are the error of step and method; `from_double_ms` is how far the last spike lies from that of the same method in double precision.
`times_neuron` is the ratio to NEURON's default method with the equations computed, `times_neuron_tables` to NEURON with its gates
interpolated in tables (0.1 mV apart), in the same run. The rows `arithmetic limit` say how many billion multiply-adds a second one core of
this machine does in double and single precision, and `share_of_limit` what share of that the kernel's operations come to.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from nerve_peers import PEERS, UnfitError
from nerve_problems import PROBLEMS, Cable

from analgesia.engine.cable import Pulse, cylinder, simulate

Row = dict[str, Any]
QUICK_BUDGET = 26.0
QUICK_MS = 20.0
PEOPLE = (64, 256)
FORMS: dict[str, dict[str, Any]] = {
    "analgesia": {},
    "analgesia, single precision": {"precision": "single"},
    "analgesia, backward Euler": {"method": "backward-euler"},
}
SLOW_TO_START = ("brian2", "jaxley", "neuron, Crank-Nicolson")
"""Left out of a quick run."""


def geometry_of(cable: Cable) -> Any:
    return cylinder(cable.length, cable.diameter, cable.compartments, cable.resistivity)


def ours(cable: Cable, patients: int, threads: int, **settings: Any) -> Callable[[], Any]:
    geometry = geometry_of(cable)
    given = dict(cable.parameters) | cable.people(patients)
    start, length = cable.pulse

    def run() -> Any:
        choice = {"dt": cable.dt} | settings
        return simulate(
            cable.membrane, geometry, given, initial=cable.initial, duration=cable.duration, probes=list(cable.probes),
            pulses=[Pulse(0, start, length, cable.current)], threshold=cable.threshold, threads=threads, **choice,
        ).spikes  # fmt: skip

    return run


def quantity(cable: Cable, spikes: Any) -> float:
    """Velocity (m/s) of the first patient's first spike, or the time of the last spike at the far probe (ms)."""
    near, far = spikes[0]
    if cable.name == "c_fibre":
        x = geometry_of(cable).centres()[list(cable.probes)]
        return float((x[1] - x[0]) * 1e-3 / (far[0] - near[0]))
    return float(far[-1])


def measured(run: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """(spikes, processor seconds, wall seconds) of the quickest run."""
    best = (np.inf, np.inf)
    found = None
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        found = run()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return found, *best


def row(cable: Cable, solver: str, patients: int, cpu: float, wall: float, spikes: Any, exact: Any) -> Row:
    return {
        "problem": cable.name, "solver": solver, "patients": patients, "us_per_patient_core": 1e6 * cpu / patients,
        "us_per_patient": 1e6 * wall / patients, "error": quantity(cable, spikes) / quantity(cable, exact) - 1,
        "spike_error_ms": float(spikes[0][1][-1] - exact[0][1][-1]), "threads": 1,
        "million_compartment_steps": cable.work * patients / cpu / 1e6,
    }  # fmt: skip


def absent(cable: Cable, solver: str, why: str) -> Row:
    return {
        "problem": cable.name,
        "solver": solver,
        "us_per_patient_core": None,
        "error": None,
        "threads": None,
        "note": why,
    }


def arithmetic_limit() -> list[Row]:
    """Billion fused multiply-adds per second of one core, from a compiled loop of independent chains."""
    from nerve_limit import multiply_adds

    return [
        {
            "problem": "arithmetic limit", "solver": precision, "us_per_patient_core": None, "error": None, "threads": 1,
            "billion_multiply_adds": multiply_adds(precision),
        }
        for precision in ("double", "single")
    ]  # fmt: skip


def our_rows(
    cable: Cable, exact: Any, limits: list[Row], patients: tuple[int, ...], quick: bool
) -> list[Row]:
    """This program in each of its forms."""
    from nerve_limit import operations

    found: list[Row] = []
    double = 0.0
    for solver, settings in FORMS.items():
        single = settings.get("precision") == "single"
        limit = limits[int(single)]["billion_multiply_adds"] * 1e3
        for people in patients:
            spikes, cpu, wall = measured(ours(cable, people, 1, **settings), 1 if quick else 3)
            entry = row(cable, solver, people, cpu, wall, spikes, exact)
            count = operations(cable, "single" if single else "double")
            entry["share_of_limit"] = entry["million_compartment_steps"] * count / limit
            double = double if single or "method" in settings else float(spikes[0][1][-1])
            if "method" not in settings:
                entry["from_double_ms"] = float(spikes[0][1][-1]) - double
            found.append(entry)
    return found


def rows(quick: bool, only: str | None, patients: tuple[int, ...]) -> list[Row]:
    began = time.perf_counter()
    limits = arithmetic_limit()
    found: list[Row] = list(limits)
    cables = [
        build(QUICK_MS) if quick and name == "rallpack3" else build() for name, build in PROBLEMS.items()
    ]
    cables.reverse()  # the fibre first: it is what the program is for
    for cable in cables:  # our code is compiled before a peer fills the address space
        for settings in FORMS.values():
            ours(cable, 1, 1, **settings)()
    for cable in cables:
        exact = ours(cable, 1, 1, dt=cable.dt / 20, along=True)()
        here = our_rows(cable, exact, limits, patients, quick)
        for solver, prepare in PEERS.items():
            if only and not solver.startswith(only):
                continue
            if quick and (time.perf_counter() - began > QUICK_BUDGET or solver in SLOW_TO_START):
                here.append(absent(cable, solver, "no time left in a quick run"))
                continue
            here += peer(cable, solver, prepare, exact, quick)
        for baseline, column in (("neuron", "times_neuron"), ("neuron, tables", "times_neuron_tables")):
            base = next((r for r in here if r["solver"] == baseline and r["us_per_patient_core"]), None)
            for entry in here:
                if entry["us_per_patient_core"] and base:
                    entry[column] = base["us_per_patient_core"] / entry["us_per_patient_core"]
        found += here
    return found


def peer(cable: Cable, solver: str, prepare: Callable[..., Any], exact: Any, quick: bool) -> list[Row]:
    """One peer, with few patients first and, where that was quick, as many as ours."""
    try:
        found = []
        for patients in (1,) if quick else (1, 8):
            spikes, cpu, wall = measured(prepare(cable, patients), 1 if quick or patients == 1 else 3)
            found = [row(cable, solver, patients, cpu, wall, spikes, exact)]
            if wall > 20:
                break
        return found
    except ImportError as problem:
        return [absent(cable, solver, f"not installed ({problem})")]
    except UnfitError as problem:
        return [absent(cable, solver, str(problem))]
    except Exception as problem:  # noqa: BLE001  a peer's failure is a row, not the end of the benchmark
        return [absent(cable, solver, f"failed: {type(problem).__name__}: {str(problem)[:120]}")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", help="only this peer")
    parser.add_argument("--patients", type=int, choices=PEOPLE, help="only so many of ours")
    arguments = parser.parse_args()
    patients = (arguments.patients,) if arguments.patients else PEOPLE[:1] if arguments.quick else PEOPLE
    found = rows(arguments.quick, arguments.peer, patients)
    if arguments.json:
        json.dump(found, sys.stdout, indent=1)
        print()
        return
    columns = {
        "problem": 16, "solver": 28, "patients": 8, "us_per_patient_core": 20, "million_compartment_steps": 26, "error": 11,
        "spike_error_ms": 15, "from_double_ms": 15, "times_neuron": 13, "times_neuron_tables": 20, "share_of_limit": 15,
    }  # fmt: skip
    print(" ".join(f"{c:>{width}}" for c, width in columns.items()))
    for entry in found:
        cells = []
        for c, width in columns.items():
            value = entry.get(c)
            text = "-" if value is None else value if isinstance(value, str) else f"{value:.4g}"
            cells.append(f"{text:>{width}}")
        print(" ".join(cells), entry.get("note", ""), entry.get("billion_multiply_adds", ""))


if __name__ == "__main__":
    main()
