"""The engine beside other solvers: same equations, same tolerances, same outputs, one run.

    python benchmarks/engine.py [--quick] [--json]

`us_per_patient_core` is processor time of the whole process over patients (so threads, and other programs on the machine, do not
flatter or spoil it); `us_per_patient` is wall time over patients. `error` is the greatest deviation, over the patients compared, from
SciPy LSODA at a relative tolerance of 1e-12, relative to the peak of each state. Compilation is not in the times; it has its own rows.
A peer that is not installed, or cannot do a problem, has a row that says so. README.md tells how to install the peers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engine_c
import numpy as np
from engine_peers import PEERS, UnfitError
from engine_problems import PROBLEMS, RTOL, Problem, error

from analgesia.engine import solve
from analgesia.engine.ensemble import stream

Row = dict[str, Any]
COMPARED = 16  # patients held against the reference
QUICK_BUDGET = 42.0  # seconds after which a quick run waits for nothing more
REFERENCE_RTOL = 1e-12
COLD = """
import sys, time; begin = time.perf_counter()
sys.path.insert(0, {folder!r})
from engine_problems import PROBLEMS
from analgesia.engine import solve
p = PROBLEMS["slow_system"]
solve(p.system, p.parameters(8), times=p.times, initial=p.initial)
print(time.perf_counter() - begin)
"""


def measured(action: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """(result, processor seconds, wall seconds) of the quickest of a few runs."""
    best = (np.inf, np.inf)
    result = None
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        result = action()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return result, *best


def row(
    problem: str,
    solver: str,
    patients: int,
    cpu: float,
    wall: float,
    deviation: float | None,
    threads: int,
    **more: Any,
) -> Row:
    return {
        "problem": problem, "solver": solver, "us_per_patient_core": 1e6 * cpu / patients, "us_per_patient": 1e6 * wall / patients,
        "error": deviation, "threads": threads, "patients": patients, **more,
    }  # fmt: skip


def absent(problem: str, solver: str, why: str) -> Row:
    return {
        "problem": problem,
        "solver": solver,
        "us_per_patient_core": None,
        "error": None,
        "threads": None,
        "note": why,
    }


def reference(problem: Problem) -> np.ndarray | None:
    """States of the first patients at a far tighter tolerance; without Numba, by the engine itself at that tolerance."""
    chosen = {k: v[:COMPARED] for k, v in problem.parameters(10_000).items()}
    try:
        return PEERS["scipy_lsoda_numba"](problem)(chosen, REFERENCE_RTOL)
    except ImportError:
        return engine(problem, chosen, 1e-11)


def engine(
    problem: Problem, parameters: dict[str, np.ndarray], rtol: float = RTOL, threads: int | None = None
) -> np.ndarray:
    atol = problem.atol * min(1.0, rtol / RTOL)
    return solve(
        problem.system,
        parameters,
        times=problem.times,
        initial=problem.initial,
        rtol=rtol,
        atol=atol,
        threads=threads,
    ).states


def first_call(problem: Problem) -> float:
    """Seconds until a few patients are solved in a process that has not met the equation, with an empty cache on disk."""
    few = {k: v[:8] for k, v in problem.parameters(10_000).items()}
    with tempfile.TemporaryDirectory() as folder:
        before, kept = time.perf_counter(), os.environ.get("ANALGESIA_CACHE")
        os.environ["ANALGESIA_CACHE"] = folder
        engine(problem, few)
        taken = time.perf_counter() - before
        os.environ.pop("ANALGESIA_CACHE") if kept is None else os.environ.update(ANALGESIA_CACHE=kept)
    return taken


def ours(problem: Problem, patients: int, exact: np.ndarray, compile_time: float) -> Iterator[Row]:
    some = {k: np.resize(v, patients) for k, v in problem.parameters(10_000).items()}
    for threads in (1, available()):
        found, cpu, wall = measured(lambda t=threads: engine(problem, some, threads=t), 7)
        yield row(
            problem.name,
            "analgesia",
            patients,
            cpu,
            wall,
            error(found[:COMPARED], exact),
            threads,
            compile_s=compile_time,
        )


def available() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peer(name: str, problem: Problem, patients: int, exact: np.ndarray) -> Row:
    parameters = {k: v[:patients] for k, v in problem.parameters(10_000).items()}
    try:
        before = time.perf_counter()
        run = PEERS[name](problem)
        run(parameters if name.startswith("diffrax") else {k: v[:1] for k, v in parameters.items()}, RTOL)
        ready = time.perf_counter() - before
        found, cpu, wall = measured(lambda: run(parameters, RTOL), 1)
    except ImportError as missing:
        return absent(problem.name, name, f"not installed ({missing.name})")
    except UnfitError as reason:
        return absent(problem.name, name, str(reason))
    except Exception as failure:  # noqa: BLE001  a peer that breaks is a row, not the end
        return absent(problem.name, name, f"failed: {type(failure).__name__}: {failure}"[:200])
    compared = min(patients, COMPARED)
    deviation = error(found[:compared], exact[:compared])
    threads = available() if name.startswith("diffrax") else 1
    return row(problem.name, name, patients, cpu, wall, deviation, threads, compile_s=ready)


def against_c(problem: Problem) -> Row:
    """The bare C step beside the engine: `engine_over_c` with all outputs stored, `engine_step_over_c` with the last alone."""
    per_step = engine_c.seconds_per_step(problem)
    if per_step is None:
        return absent(problem.name, "c_step_gcc", "no gcc on this machine")
    parameters = {k: v[:2048] for k, v in problem.parameters(10_000).items()}
    options = {"initial": problem.initial, "atol": problem.atol, "threads": 1}
    ratios, steps = [], 0.0
    for times in (problem.times, problem.times[-1:]):
        found, cpu, _ = measured(lambda t=times: solve(problem.system, parameters, times=t, **options), 5)
        steps = float(found.steps.mean())
        ratios.append(cpu / 2048 / steps / per_step)
    return row(problem.name, "c_step_gcc", 1, per_step * steps, per_step * steps, None, 1, steps_per_patient=steps,
               us_per_step=1e6 * per_step, engine_over_c=ratios[0], engine_step_over_c=ratios[1])  # fmt: skip


def cold_start() -> Row:
    """Seconds of a fresh process from its first line to the first result, machine code in the cache."""
    script = COLD.format(folder=str(Path(__file__).resolve().parent))
    seconds = [float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)
               for _ in range(3)]  # fmt: skip
    return {"problem": "slow_system", "solver": "analgesia cold start", "us_per_patient_core": None, "error": None,
            "threads": available(), "seconds": min(seconds[1:])}  # fmt: skip


def linearity(problem: Problem, sizes: list[int]) -> Iterator[Row]:
    """Time for growing ensembles, results passed on chunk by chunk."""
    parameters = problem.parameters(10_000)
    for patients in sizes:
        many = {k: np.resize(v, patients) for k, v in parameters.items()}

        def run(many: dict[str, np.ndarray] = many) -> float:
            options = {"initial": problem.initial, "atol": problem.atol}
            return sum(
                float(part.states[:, -1, 0].sum())
                for part in stream(problem.system, many, times=problem.times, **options)
            )

        _, cpu, wall = measured(run, 1 if patients > 50_000 else 3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield row(
            problem.name,
            "analgesia stream",
            patients,
            cpu,
            wall,
            None,
            available(),
            seconds=wall,
            peak_mib=peak,
        )


def worker(name: str, problem: str, patients: int, limit: float) -> Row:
    """One peer on one problem in a process of its own: a slow compiler can be stopped, a crash is a row."""
    command = [sys.executable, __file__, "--worker", name, problem, str(patients)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return absent(problem, name, f"not ready after {limit:.0f} s")
    except subprocess.CalledProcessError as failure:
        return absent(problem, name, f"ended with code {failure.returncode}: {failure.stderr.strip()[-160:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def costly(began: float, patients: int, quick: bool) -> Iterator[Row]:
    """The peers that take long to compile or to run."""
    pairs = [
        (name, problem)
        for problem in PROBLEMS
        for name in ("diffrax_kvaerno5", "diffrax_tsit5", "scipy_bdf_numba")
    ]
    for name, problem in pairs:
        left = QUICK_BUDGET - (time.perf_counter() - began) if quick else 900.0
        if left < 3.0:
            yield absent(problem, name, "left out of a quick run")
        else:
            yield worker(name, problem, min(patients, 64) if name.startswith("scipy") else patients, left)


def rows(quick: bool) -> Iterator[Row]:
    began = time.perf_counter()
    exact = {}
    for problem in PROBLEMS.values():
        compile_time = first_call(problem)
        exact[problem.name] = reference(problem)
        yield from ours(problem, 2_000 if quick else 10_000, exact[problem.name], compile_time)
    slow = PROBLEMS["slow_system"]
    with ThreadPoolExecutor(1) as aside:
        patients = 16 if quick else 512
        # A quick run lets the slow compilers work beside the rest; processor time, not wall time, is compared.
        beside = aside.submit(lambda: list(costly(began, patients, quick))) if quick else None
        yield against_c(slow)
        yield cold_start()
        yield from linearity(
            slow, [100, 1_000, 10_000] if quick else [100, 1_000, 10_000, 100_000, 1_000_000]
        )
        for name in ("libroadrunner", "heyoka", "scipy_lsoda_numba"):
            for problem in PROBLEMS.values():
                yield peer(
                    name,
                    problem,
                    min(patients, 64) if name.startswith("scipy") else patients,
                    exact[problem.name],
                )
        yield from beside.result() if beside is not None else costly(began, patients, quick)


def show(line: Row) -> str:
    if line["us_per_patient_core"] is None:
        said = line.get("note") or f"{line['seconds']:.2f} s"
        return f"{line['problem']:<24}{line['solver']:<22}{said}"
    text = f"{line['problem']:<24}{line['solver']:<22}{line['us_per_patient_core']:>12.2f} us per patient and core"
    text += "" if line["error"] is None else f"   error {line['error']:.1e}"
    more = (
        "threads",
        "patients",
        "compile_s",
        "seconds",
        "peak_mib",
        "us_per_step",
        "engine_over_c",
        "engine_step_over_c",
    )
    return text + "".join(f"   {k} {line[k]:.4g}" for k in more if k in line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="under 50 s: fewer patients, costly peers left out"
    )
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, problem, patients = options.worker[0], PROBLEMS[options.worker[1]], int(options.worker[2])
        print(json.dumps(peer(name, problem, patients, reference(problem))))
        return
    collected = []
    for line in rows(options.quick):
        collected.append(line)
        if not options.json:
            print(show(line), flush=True)
    if options.json:
        print(json.dumps(collected, indent=2))


if __name__ == "__main__":
    main()
