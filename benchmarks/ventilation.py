"""How fast breathing is simulated, and how exactly, beside SciPy and the published program's own cost.

    python benchmarks/ventilation.py [--quick] [--json] [--peers PYTHON]

`us_per_patient_core` is processor time of all threads over patients (best of three), for a whole patient-scenario of 1.5 h: arrest rule,
rescue and outputs included, compiling left out. `error` is the largest difference of ventilation (L/min) from a far tighter run. The
published program (R deSolve with a compiled right-hand side, relative tolerance 1e-3) needs 0.17 to 0.29 s per patient-scenario and core,
measured elsewhere. Peers run the same equations compiled by Numba, in the interpreter PYTHON (it needs numba and scipy).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analgesia import evidence
from analgesia.ventilation import simulate, subjects
from analgesia.ventilation.equations import STATES

HERE = Path(__file__).parent
SPRAY = "naloxone 4 mg in, 60 s after ventilation < 40 %"
SCENARIOS: tuple[tuple[str, float, tuple[str, ...]], ...] = tuple(
    (opioid, dose, antagonist)
    for opioid, dose in (("fentanyl", 1.625), ("fentanyl", 2.965), ("carfentanil", 0.012))
    for antagonist in (
        (),
        ("naloxone 2 mg im, 60 s after ventilation < 40 %",),
        ("naloxone 2 mg im-syringe, 60 s after ventilation < 40 %",),
        (SPRAY,),
        (f"{SPRAY}, repeat 3 every 150 s",),
    )
)


def row(problem: str, solver: str, cost: float, error: float | None, threads: int) -> dict[str, Any]:
    """One line of the result."""
    return {
        "problem": problem,
        "solver": solver,
        "us_per_patient_core": cost,
        "error": error,
        "threads": threads,
    }


def ours(patients: int, threads: int, library: evidence.Library) -> Iterator[dict[str, Any]]:
    """The package itself: untreated, rescued by a trigger, and fifteen scenarios."""

    def run(opioid: str, dose: float, antagonists: tuple[str, ...], count: int, hours: float = 1.5) -> Any:
        return simulate(
            opioid,
            dose,
            subject="chronic",
            antagonists=antagonists,
            patients=count,
            hours=hours,
            library=library,
            threads=threads,
        )

    for opioid, dose, antagonists in SCENARIOS:  # compile, or read the cache
        run(opioid, dose, antagonists, 2, 0.01)
    for problem, antagonists in (
        ("untreated", ()),
        ("spray on a trigger, 4 doses", (f"{SPRAY}, repeat 3 every 150 s",)),
    ):
        costs = []
        for _ in range(3):
            started = time.process_time()
            course = run("fentanyl", 1.625, antagonists, patients)
            costs.append(time.process_time() - started)
        error = against_tight(course, antagonists, library)
        yield row(
            f"fentanyl 1.625 mg, {problem}, 1.5 h", "analgesia", 1e6 * min(costs) / patients, error, threads
        )
    wall, started = time.perf_counter(), time.process_time()
    for opioid, dose, antagonists in SCENARIOS:
        run(opioid, dose, antagonists, patients)
    spent, wall = time.process_time() - started, time.perf_counter() - wall
    cost = 1e6 * spent / patients / len(SCENARIOS)
    yield row(
        f"{len(SCENARIOS)} scenarios of {patients} patients: {wall:.1f} s of wall time",
        "analgesia",
        cost,
        None,
        threads,
    )


def against_tight(
    course: Any, antagonists: tuple[str, ...], library: evidence.Library, count: int = 8
) -> float:
    """Largest difference of ventilation from a run at a thousandth of the tolerance, over the first people."""
    tight = simulate(
        "fentanyl",
        1.625,
        subject="chronic",
        antagonists=antagonists,
        patients=count,
        library=library,
        tolerance=1e-9,
    )
    return float(np.abs(tight.ventilation - course.ventilation[:count])[:, 1:].max())


def peers(python: str, patients: int, library: evidence.Library) -> Iterator[dict[str, Any]]:
    """Rows of `ventilation_peers.py`, or one row that says why there are none."""
    start = subjects.steady_start(library)
    command = [
        python,
        str(HERE / "ventilation_peers.py"),
        "--patients",
        str(patients),
        "--start",
        json.dumps([start[n] for n in STATES]),
    ]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no output"
        yield row("fentanyl 1.625 mg, untreated, 1.5 h", f"peers skipped: {reason}", float("nan"), None, 1)
        return
    for line in done.stdout.splitlines():
        found = json.loads(line)
        yield row(
            "fentanyl 1.625 mg, untreated, 1.5 h",
            found["solver"],
            found["us_per_patient_core"],
            found["error"],
            1,
        )


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="200 patients and one peer run")
    options.add_argument("--json", action="store_true", dest="as_json")
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    chosen = options.parse_args()
    library = evidence.load()
    rows = []
    published = row(
        "fentanyl 1.625 mg, untreated, 1.5 h",
        "published program, R deSolve + C (quoted: 0.17 to 0.29 s)",
        170_000.0,
        None,
        1,
    )
    for found in (
        *ours(200 if chosen.quick else 2000, chosen.threads, library),
        *peers(chosen.peers, 1 if chosen.quick else 3, library),
        published,
    ):
        rows.append(found)
        if not chosen.as_json:
            error = "" if found["error"] is None else f"{found['error']:.1e} L/min"
            print(
                f"{found['us_per_patient_core']:12,.0f} us/patient/core  {error:14}  {found['solver']:62}  {found['problem']}",
                flush=True,
            )
    if chosen.as_json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
