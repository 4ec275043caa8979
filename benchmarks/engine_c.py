"""One step of the engine's method as C with explicit vector types, compiled by gcc: what a careful hand would write.

The same operations as the engine's own step (right-hand side, sparse Jacobian, unrolled sparse LU, eight stages, error), as straight-line
C on GCC vectors; no step control, no output, no events. Returns seconds per patient and step.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from engine_problems import RTOL, Problem

from analgesia.engine import machine, rodas, sparse
from analgesia.engine.lowering import lower
from analgesia.engine.program import record

_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class _Writer:
    """Names of C variables instead of LLVM values: what `sparse.factor` and `sparse.substitute` compute with."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.b = self

    def put(self, text: str) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"const V {name} = {text};")
        return name

    def const(self, value: float) -> str:
        return f"splat({value!r})"

    def add(self, x: str, y: str) -> str:
        return self.put(f"{x} + {y}")

    def sub(self, x: str, y: str) -> str:
        return self.put(f"{x} - {y}")

    def mul(self, x: str, y: str) -> str:
        return self.put(f"{x} * {y}")

    def div(self, x: str, y: str) -> str:
        return self.put(f"{x} / {y}")

    def fneg(self, x: str) -> str:
        return self.put(f"-{x}")


def source(problem: Problem, lanes: int) -> str:
    """C text of `run(groups, repeats, x, out)`: x[group][states + parameters + 1], the step size last."""
    low = lower(record(problem.system))
    graph, n = low.graph, len(low.states)
    shape = sparse.pattern(n, low.jacobian)
    w = _Writer()
    inputs = {node: w.put(f"x[{n + i}]") for i, node in enumerate(low.parameters)}
    h = w.put(f"x[{n + len(low.parameters)}]")

    def nodes(roots: list[int], known: dict[int, str]) -> list[str]:
        names = known
        for node in graph.reachable(roots):
            if node in names:
                continue
            args = [names[a] for a in graph.args[node]]
            op = graph.ops[node]
            if op == "const":
                names[node] = w.const(float(graph.values[node]))
            else:
                names[node] = w.fneg(args[0]) if op == "neg" else w.put(f"{args[0]} {_BINARY[op]} {args[1]}")
        return [names[r] for r in roots]

    y = [w.put(f"x[{i}]") for i in range(n)]
    fixed = dict(inputs)
    nodes(list(low.hoisted), fixed)
    inverse = w.div(w.const(1.0), h)
    shift = w.mul(inverse, w.const(1.0 / rodas.GAMMA))
    entries = list(low.jacobian)
    here = fixed | dict(zip(low.states, y, strict=True))
    values = nodes([low.jacobian[e] for e in entries], here)
    factors = sparse.factor(w, shape, dict(zip(entries, values, strict=True)), shift)
    stages: list[list[str]] = []
    current = y
    for s in range(rodas.STAGES):
        if 0 < s < 6:
            current = [
                w.put(" + ".join([y[i], *(f"{w.const(rodas.A[s][q])} * {stages[q][i]}" for q in range(s))]))
                for i in range(n)
            ]
        elif s >= 6:
            current = [w.add(current[i], stages[s - 1][i]) for i in range(n)]
        slopes = nodes(list(low.rates), fixed | dict(zip(low.states, current, strict=True)))
        if s:
            slopes = [
                w.put(
                    f"{f} + {inverse} * ("
                    + " + ".join(f"{w.const(rodas.C[s][q])} * {stages[q][i]}" for q in range(s))
                    + ")"
                )
                for i, f in enumerate(slopes)
            ]
        stages.append(sparse.substitute(w, shape, factors, slopes))
    new = [w.add(current[i], stages[-1][i]) for i in range(n)]
    errors = []
    for i in range(n):
        scale = w.put(f"splat({problem.atol!r}) + splat({RTOL!r}) * larger({y[i]}, {new[i]})")
        ratio = w.div(stages[-1][i], scale)
        errors.append(w.mul(ratio, ratio))
    body = "\n      ".join(w.lines)
    stores = " ".join(
        f"o[{i}] = {v};" for i, v in enumerate([*new, "(" + " + ".join(errors) + f") / splat({float(n)!r})"])
    )
    return f"""
typedef double V __attribute__((vector_size({8 * lanes})));
static inline V splat(double a) {{ return a - (V){{0}}; }}
typedef long L __attribute__((vector_size({8 * lanes})));
static inline V larger(V a, V b) {{
  L p = (L)a & 0x7fffffffffffffffL, q = (L)b & 0x7fffffffffffffffL, m = (V)p > (V)q;
  return (V)((p & m) | (q & ~m));
}}
void run(long groups, long repeats, const V *restrict all, V *restrict out) {{
  for (long r = 0; r < repeats; r++)
    for (long g = 0; g < groups; g++) {{
      const V *x = all + g * {n + len(low.parameters) + 1};
      V *o = out + g * {n + 1};
      {body}
      {stores}
      __asm__ volatile("" ::: "memory");
    }}
}}
"""


def seconds_per_step(problem: Problem) -> float | None:
    """None where gcc is missing."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    lanes, groups = machine.preferred_lanes(), 16
    n, parameters = len(problem.system.states), problem.parameters(groups * lanes)
    wide = n + len(parameters) + 1
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder) / "step.c", Path(folder) / "step.so"
        text.write_text(source(problem, lanes))
        flags = [
            "-O3",
            "-march=native",
            "-mprefer-vector-width=512",
            "-ffp-contract=fast",
            "-shared",
            "-fPIC",
            "-w",
        ]
        subprocess.run([compiler, *flags, str(text), "-o", str(library)], check=True)
        run = ctypes.CDLL(str(library)).run
    run.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    raw = np.zeros(groups * wide * lanes + 16)
    x = raw[(-raw.ctypes.data // 8) % 16 :][: groups * wide * lanes].reshape(groups, wide, lanes)
    x[:, :n] = 0.3
    x[:, n:-1] = np.stack(list(parameters.values())).reshape(-1, groups, lanes).transpose(1, 0, 2)
    x[:, -1] = 0.1
    room = np.zeros(groups * (n + 1) * lanes + 16)
    out = room[(-room.ctypes.data // 8) % 16 :]
    best = np.inf
    for _ in range(5):
        begin = time.process_time()
        run(groups, 300, x.ctypes.data, out.ctypes.data)
        best = min(best, time.process_time() - begin)
    return best / 300 / groups / lanes
