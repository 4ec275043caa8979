"""Forward sensitivities against differences, closed forms and, where installed, JAX through diffrax."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia.engine import Doses, System, exp, power, solve, units
from analgesia.engine.sensitivities import with_sensitivities


def rates(t, y, p):
    concentration = y.central / p.volume
    eliminated = p.vmax * power(concentration, p.hill) / (p.km + power(concentration, p.hill))
    return {
        "depot": -p.absorption * y.depot,
        "central": p.absorption * y.depot - eliminated * exp(-0.02 * y.central),
    }


PARAMETERS = {"absorption": 1.3, "vmax": 4.0, "km": 2.0, "hill": 1.4, "volume": 10.0, "dose": 60.0}
SYSTEM = System(
    "saturable", {"depot": "1", "central": "1"}, dict.fromkeys(PARAMETERS, "1"), rates,
    {"concentration": "1"}, lambda t, y, p: {"concentration": y.central / p.volume}, "1", {"depot": "dose"},
)  # fmt: skip
TIMES = np.linspace(0.0, 12.0, 7)
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


def test_sensitivities_agree_with_differences_and_leave_the_solution_alone() -> None:
    names = list(PARAMETERS)
    larger = with_sensitivities(SYSTEM, names)
    got = solve(larger, PARAMETERS, times=TIMES, **TIGHT).raise_for_status()
    base = solve(SYSTEM, PARAMETERS, times=TIMES, **TIGHT)
    assert np.allclose(got.output("concentration"), base.output("concentration"), rtol=1e-8, atol=1e-10)
    for name in names:
        step = 1e-4 * PARAMETERS[name]
        moved = {
            k: np.array([v + (k == name) * s * step for s in (-2, -1, 1, 2)]) for k, v in PARAMETERS.items()
        }
        low2, low, high, high2 = solve(SYSTEM, moved, times=TIMES, **TIGHT).output("concentration")
        difference = (8 * (high - low) - (high2 - low2)) / (12 * step)
        assert np.abs(got.output(f"concentration@{name}")[0] - difference).max() < 1e-6 * max(
            1.0, np.abs(difference).max()
        ), name


def test_sensitivity_of_a_dosed_exponential_and_its_units() -> None:
    decay = System("decay", {"y": "mg"}, {"k": "1/h"}, lambda t, y, p: {"y": -p.k * y.y})
    larger = with_sensitivities(decay, ["k"])
    units.check(larger)
    dose = Doses.from_columns(patient=0, time=1.0, amount=5.0, compartment="y")
    got = solve(larger, {"k": 0.7}, times=TIMES, doses=dose, patients=1, **TIGHT)
    since = np.maximum(TIMES - 1.0, 0.0)
    assert np.allclose(
        got.state("y@k")[0], -5.0 * since * np.exp(-0.7 * since) * (TIMES > 1.0), rtol=1e-7, atol=1e-9
    )


def test_the_same_equation_runs_through_diffrax() -> None:
    jax = pytest.importorskip("jax")
    diffrax = pytest.importorskip("diffrax")
    jax.config.update("jax_enable_x64", True)
    numpy = jax.numpy

    def concentration(values):
        p = dict(zip(PARAMETERS, values, strict=True))

        def field(t, y, args):
            return numpy.stack(list(SYSTEM.evaluate(t, dict(zip(SYSTEM.states, y, strict=True)), p).values()))

        start = numpy.stack([p["dose"], numpy.zeros(())])
        control = diffrax.PIDController(rtol=1e-10, atol=1e-12)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Kvaerno5(), 0.0, TIMES[-1], 0.01, start, stepsize_controller=control,
            saveat=diffrax.SaveAt(ts=TIMES), max_steps=100_000, adjoint=diffrax.ForwardMode(),
        )  # fmt: skip
        return solution.ys[:, 1] / p["volume"]

    gradient = jax.jit(jax.jacfwd(concentration))(numpy.array(list(PARAMETERS.values())))
    got = solve(with_sensitivities(SYSTEM, list(PARAMETERS)), PARAMETERS, times=TIMES, **TIGHT)
    for m, name in enumerate(PARAMETERS):
        ours, theirs = got.output(f"concentration@{name}")[0, 1:], np.asarray(gradient[1:, m])
        assert np.abs(ours - theirs).max() < 1e-6 * max(1.0, np.abs(theirs).max()), name
