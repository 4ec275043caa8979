"""Other solvers behind one signature: `prepare(problem) -> solve(parameters, rtol) -> states[patient, time, state]`.

A peer that is not installed raises ImportError in `prepare`; one that cannot solve a problem raises `UnfitError`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from engine_problems import Problem

from analgesia.engine.graph import Graph
from analgesia.engine.program import record

Solve = Callable[[Mapping[str, np.ndarray], float], np.ndarray]


class UnfitError(Exception):
    """The solver cannot do this problem (an explicit method on a stiff one, say)."""


def _columns(parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(parameters.values()), axis=1)


# ------------------------------------------------------------------------------------------------ libRoadRunner
_TAGS = {"add": "plus", "sub": "minus", "mul": "times", "div": "divide", "neg": "minus", "exp": "exp", "log": "ln",
         "pow": "power"}  # fmt: skip


def _mathml(graph: Graph, node: int, names: Mapping[int, str]) -> str:
    if node in names:
        return f"<ci>{names[node]}</ci>"
    op, value = graph.ops[node], graph.values[node]
    if op == "const":
        return f"<cn>{value!r}</cn>"
    inner = "".join(_mathml(graph, a, names) for a in graph.args[node])
    return f"<apply><{_TAGS[op]}/>{inner}</apply>"


def sbml(problem: Problem) -> str:
    """The problem as rate rules; an expression used more than once becomes an assignment rule."""
    program = record(problem.system)
    graph = program.graph
    names = {n: f"y_{s}" for n, s in zip(program.states, problem.system.states, strict=True)}
    names |= {n: f"p_{s}" for n, s in zip(program.parameters, problem.system.parameters, strict=True)}
    order = graph.reachable(program.rates)
    uses = np.zeros(len(graph.ops), int)
    for node in order:
        for a in graph.args[node]:
            uses[a] += 1
    shared, rules = [], []
    for node in order:
        if uses[node] > 1 and graph.ops[node] not in ("const", "input"):
            rules.append(f'<assignmentRule variable="x_{node}"><math xmlns="http://www.w3.org/1998/Math/MathML">'
                         f"{_mathml(graph, node, names)}</math></assignmentRule>")  # fmt: skip
            names[node] = f"x_{node}"
            shared.append(names[node])
    for state, rate in zip(problem.system.states, program.rates, strict=True):
        rules.append(f'<rateRule variable="y_{state}"><math xmlns="http://www.w3.org/1998/Math/MathML">'
                     f"{_mathml(graph, rate, names)}</math></rateRule>")  # fmt: skip
    given = [(f"y_{s}", v, "false") for s, v in zip(problem.system.states, problem.start(), strict=True)]
    given += [(f"p_{k}", v, "true") for k, v in problem.centre.items()] + [(x, 0.0, "false") for x in shared]
    listed = "".join(
        f'<parameter id="{i}" value="{v!r}" constant="{c}"/>'
        for i, v, c in ((i, float(v), c) for i, v, c in given)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
        f'<model id="m"><listOfParameters>{listed}</listOfParameters><listOfRules>{"".join(rules)}</listOfRules></model></sbml>'
    )


def libroadrunner(problem: Problem) -> Solve:
    """CVODE (BDF) inside libRoadRunner, one patient after another."""
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    runner = roadrunner.RoadRunner(sbml(problem))
    runner.timeCourseSelections = [f"y_{s}" for s in problem.system.states]
    integrator = runner.getIntegrator()
    integrator.setValue("stiff", True)
    integrator.setValue("absolute_tolerance", problem.atol)
    integrator.setValue("maximum_num_steps", 1_000_000)
    ids = runner.model.getGlobalParameterIds()
    places = [ids.index(f"p_{k}") for k in problem.centre]
    states = [ids.index(f"y_{s}") for s in problem.system.states]
    start, times = problem.start(), problem.times
    even = np.allclose(np.diff(times), times[1] - times[0])

    def solve(parameters: Mapping[str, np.ndarray], rtol: float) -> np.ndarray:
        integrator.setValue("relative_tolerance", rtol)
        columns = _columns(parameters)
        result = np.empty((len(columns), len(times), len(states)))
        for i, row in enumerate(columns):
            runner.reset()
            runner.model.setGlobalParameterValues(places, list(row))
            runner.model.setGlobalParameterValues(states, list(start))
            result[i] = (
                runner.simulate(times[0], times[-1], len(times))
                if even
                else runner.simulate(times=list(times))
            )
        return result

    return solve


# ------------------------------------------------------------------------------------------------ diffrax
def _diffrax(problem: Problem, solver_name: str) -> Solve:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    jax.config.update(
        "jax_compilation_cache_dir", str(Path(tempfile.gettempdir()) / "analgesia-benchmark-jax")
    )
    names, keys = list(problem.system.states), list(problem.centre)
    times, start = jnp.asarray(problem.times), jnp.asarray(problem.start())

    def field(t, y, p):
        rates = problem.system.evaluate(t, dict(zip(names, y, strict=True)), dict(zip(keys, p, strict=True)))
        return jnp.stack(list(rates.values()))

    def one(p, rtol):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field), getattr(diffrax, solver_name)(), times[0], times[-1], None, start, p,
            saveat=diffrax.SaveAt(ts=times), max_steps=100_000, throw=False,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=problem.atol),
        )  # fmt: skip
        return solution.ys, solution.result == diffrax.RESULTS.successful

    many = jax.jit(jax.vmap(one, in_axes=(0, None)))

    def solve(parameters: Mapping[str, np.ndarray], rtol: float) -> np.ndarray:
        found, good = many(jnp.asarray(_columns(parameters)), rtol)
        if not bool(good.all()):
            raise UnfitError("more than 100,000 steps")
        return np.asarray(found)

    return solve


def diffrax_kvaerno5(problem: Problem) -> Solve:
    """Implicit Runge-Kutta of order 5, vmap and jit."""
    return _diffrax(problem, "Kvaerno5")


def diffrax_tsit5(problem: Problem) -> Solve:
    """Explicit Runge-Kutta of order 5, vmap and jit."""
    if problem.name == "robertson":
        raise UnfitError("explicit method, stiff problem")
    return _diffrax(problem, "Tsit5")


# ------------------------------------------------------------------------------------------------ heyoka
def heyoka(problem: Problem) -> Solve:
    """Adaptive Taylor series, patients in the SIMD lanes, one core."""
    import heyoka as hy

    if problem.name == "robertson":
        raise UnfitError("explicit method, stiff problem")
    variables = hy.make_vars(*[f"y{i}" for i in range(len(problem.system.states))])
    keys = {k: hy.par[i] for i, k in enumerate(problem.centre)}
    rates = problem.system.evaluate(hy.time, dict(zip(problem.system.states, variables, strict=True)), keys)
    batch = hy.recommended_simd_size()
    start = np.repeat(problem.start()[:, None], batch, axis=1)
    integrators: dict[float, object] = {}
    grid = np.repeat(problem.times[:, None], batch, axis=1)

    def solve(parameters: Mapping[str, np.ndarray], rtol: float) -> np.ndarray:
        if rtol not in integrators:
            integrators[rtol] = hy.taylor_adaptive_batch(
                list(zip(variables, rates.values(), strict=True)),
                state=start,
                pars=np.ones((len(keys), batch)),
                tol=rtol,
            )
        ta = integrators[rtol]
        columns = _columns(parameters)
        result = np.empty((len(columns), len(problem.times), len(variables)))
        for first in range(0, len(columns), batch):
            index = np.minimum(np.arange(first, first + batch), len(columns) - 1)
            ta.set_time(0.0)
            ta.state[:] = start
            ta.pars[:] = columns[index].T
            found = ta.propagate_grid(grid)
            found = found[-1] if isinstance(found, tuple) else found
            last = min(first + batch, len(columns))
            result[first:last] = found.transpose(2, 0, 1)[: last - first]
        return result

    return solve


# ------------------------------------------------------------------------------------------------ SciPy + Numba
_CODE = {"add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "div": "({} / {})", "neg": "(-{})", "exp": "exp({})",
         "log": "log({})", "pow": "({} ** {})"}  # fmt: skip


def python_source(problem: Problem) -> str:
    """`rhs(t, y, p)` filling an array, one line an operation."""
    program = record(problem.system)
    graph = program.graph
    names = {n: f"y[{i}]" for i, n in enumerate(program.states)} | {
        n: f"p[{i}]" for i, n in enumerate(program.parameters)
    }
    lines = ["def rhs(t, y, p):", f"    f = empty({len(program.rates)})"]
    for node in graph.reachable(program.rates):
        if node in names:
            continue
        if graph.ops[node] == "const":
            names[node] = repr(graph.values[node])
            continue
        names[node] = f"x{node}"
        lines.append(f"    x{node} = " + _CODE[graph.ops[node]].format(*(names[a] for a in graph.args[node])))
    lines += [f"    f[{i}] = {names[n]}" for i, n in enumerate(program.rates)]
    return "\n".join([*lines, "    return f"])


def _scipy(problem: Problem, method: str) -> Solve:
    import numba
    from scipy.integrate import solve_ivp

    space = {"empty": np.empty, "exp": np.exp, "log": np.log}
    exec(python_source(problem), space)  # noqa: S102  our own generated source
    rhs = numba.njit(space["rhs"])
    start = problem.start()
    rhs(0.0, start, np.array(list(problem.centre.values())))

    def solve(parameters: Mapping[str, np.ndarray], rtol: float) -> np.ndarray:
        rows = []
        for p in _columns(parameters):
            found = solve_ivp(rhs, (problem.times[0], problem.times[-1]), start, method=method, t_eval=problem.times, args=(p,),
                              rtol=rtol, atol=problem.atol if rtol > 1e-10 else 1e-14)  # fmt: skip
            rows.append(found.y.T)
        return np.stack(rows)

    return solve


def scipy_lsoda(problem: Problem) -> Solve:
    """SciPy LSODA with a right-hand side compiled by Numba."""
    return _scipy(problem, "LSODA")


def scipy_bdf(problem: Problem) -> Solve:
    """SciPy BDF with a right-hand side compiled by Numba."""
    return _scipy(problem, "BDF")


PEERS: dict[str, Callable[[Problem], Solve]] = {
    "libroadrunner": libroadrunner,
    "diffrax_kvaerno5": diffrax_kvaerno5,
    "diffrax_tsit5": diffrax_tsit5,
    "heyoka": heyoka,
    "scipy_lsoda_numba": scipy_lsoda,
    "scipy_bdf_numba": scipy_bdf,
}
