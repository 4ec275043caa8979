"""The stiff solver against closed forms and the reference solutions of the Test Set for IVP Solvers (Mazzia and Magherini, 2008)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analgesia.engine import Status, System, exp, rodas, solve

ONE = "1"


def system(names: str, rhs, initial: dict[str, float], parameters: tuple[str, ...] = ()) -> System:
    states = dict.fromkeys(names.split(), ONE)
    return System("problem", states, dict.fromkeys(parameters, ONE), rhs, time_unit="1", initial=initial)


def robertson(t, y, p):
    slow, fast = 0.04 * y.a, 3e7 * y.b * y.b
    return {"a": -slow + 1e4 * y.b * y.c, "b": slow - 1e4 * y.b * y.c - fast, "c": fast}


def hires(t, y, p):
    light = 280.0 * y.f * y.h
    return {
        "a": -1.71 * y.a + 0.43 * y.b + 8.32 * y.c + 0.0007,
        "b": 1.71 * y.a - 8.75 * y.b,
        "c": -10.03 * y.c + 0.43 * y.d + 0.035 * y.e,
        "d": 8.32 * y.b + 1.71 * y.c - 1.12 * y.d,
        "e": -1.745 * y.e + 0.43 * (y.f + y.g),
        "f": -light + 0.69 * y.d + 1.71 * y.e - 0.43 * y.f + 0.69 * y.g,
        "g": light - 1.81 * y.g,
        "h": -light + 1.81 * y.g,
    }


def oregonator(t, y, p):
    return {
        "a": 77.27 * (y.b + y.a * (1.0 - 8.375e-6 * y.a - y.b)),
        "b": (y.c - (1.0 + y.a) * y.b) / 77.27,
        "c": 0.161 * (y.a - y.c),
    }


def van_der_pol(t, y, p):
    return {"y": y.z, "z": ((1.0 - y.y**2) * y.z - y.y) * 1e6}  # mu = 1e3 in the time t / mu


PROBLEMS = {
    "robertson": (system("a b c", robertson, {"a": 1.0}), 1e11, (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050)),
    "hires": (
        system("a b c d e f g h", hires, {"a": 1.0, "h": 0.0057}),
        321.8122,
        (0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
         0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2),
    ),
    "oregonator": (
        system("a b c", oregonator, {"a": 1.0, "b": 2.0, "c": 3.0}),
        360.0,
        (0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3),
    ),
    "van_der_pol": (system("y z", van_der_pol, {"y": 2.0}), 2.0, (0.1706167732170469e1, -0.8928097010248125)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_stiff_problems_follow_their_tolerance(name: str) -> None:
    problem, end, reference = PROBLEMS[name]
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        solution = solve(
            problem, {}, times=[0.0, end], until=end, rtol=rtol, atol=1e-6 * rtol * 1e-8
        ).raise_for_status()
        errors.append(float(np.max(np.abs(solution.final_states[0] / reference - 1.0))))
    for rtol, error in zip((1e-4, 1e-6, 1e-8, 1e-10), errors, strict=True):
        assert error < 400.0 * rtol + 2e-12, errors
    assert errors[2] < errors[0] / 100.0, errors


def fixed_steps(
    problem: System, parameters: dict[str, float], end: float, count: int, theta: float = 1.0
) -> np.ndarray:
    """States at end - (1 - theta) of the last of `count` equal steps, with error control out of the way."""
    step = end / count
    time = end - (1.0 - theta) * step
    solution = solve(
        problem, parameters, times=[0.0, time], until=end, max_step=step * (1 + 1e-9), rtol=0.999, atol=1e9
    )
    return solution.states[0, -1]


def orders(errors: list[float]) -> np.ndarray:
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def test_order_five_on_a_smooth_problem_and_four_between_steps() -> None:
    def rhs(t, y, p):
        return {"y": -(y.y**2) * (1.0 + 0.5 * t), "z": y.y - 0.3 * y.z * y.z}

    problem = system("y z", rhs, {"y": 1.0, "z": 0.2})
    counts = (16, 32, 64)
    for theta, order in ((1.0, 5.0), (0.4, 4.0)):
        errors = []
        for count in counts:
            time = 2.0 - (1.0 - theta) * 2.0 / count
            exact = 1.0 / (1.0 + time + 0.25 * time * time)
            errors.append(abs(fixed_steps(problem, {}, 2.0, count, theta)[0] - exact))
        assert orders(errors)[-1] > order - 0.35, (theta, errors)


@pytest.mark.parametrize("stiffness", [1e2, 1e4, 1e6])
def test_no_order_loss_on_prothero_robinson(stiffness: float) -> None:
    """y' = -L (y - g(t)) + g'(t), g = 10 - (10 + t) exp(-t)."""

    def rhs(t, y, p):
        g, slope = 10.0 - (10.0 + t) * exp(-t), (9.0 + t) * exp(-t)
        return {"y": -p.rate * (y.y - g) + slope}

    problem = system("y", rhs, {}, ("rate",))
    exact = 10.0 - 12.0 * math.exp(-2.0)
    errors = [abs(fixed_steps(problem, {"rate": stiffness}, 2.0, n)[0] - exact) for n in (4, 8, 16)]
    assert orders(errors)[0] > 4.0 or errors[0] < 1e-12, errors
    assert errors[-1] < 1e-7


def test_tableau_satisfies_the_conditions_of_a_stiffly_accurate_method() -> None:
    n = rodas.STAGES
    a, c = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        a[i, :i], c[i, :i] = rodas.A[i], rodas.C[i]
    inverse = np.eye(n) / rodas.GAMMA - c  # of the matrix of gammas
    gammas = np.linalg.inv(inverse)
    alpha = a @ gammas
    weights = np.append(rodas.A[-1], 1.0) @ gammas
    assert np.allclose(alpha.sum(axis=1), rodas.TIMES, atol=1e-12)
    assert np.allclose(gammas.sum(axis=1), rodas.SLOPES, atol=1e-12)
    beta = alpha + gammas
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights @ beta.sum(axis=1) == pytest.approx(0.5, abs=1e-12)
    assert weights @ alpha.sum(axis=1) ** 2 == pytest.approx(1 / 3, abs=1e-12)
    assert weights @ alpha.sum(axis=1) ** 4 == pytest.approx(1 / 5, abs=1e-11)
    assert np.allclose(beta[-1], weights, atol=1e-12)


def test_time_in_the_equation_and_every_kind_of_operation_matches_scipy() -> None:
    from scipy.integrate import solve_ivp

    from analgesia.engine import (
        absolute,
        expm1,
        log,
        log1p,
        logistic,
        maximum,
        minimum,
        power,
        sqrt,
        tanh,
        where,
    )

    def rhs(t, y, p):
        forcing = exp(-t) * logistic(t - 1.0) + tanh(t) * log1p(t) + expm1(-t)
        return {
            "a": forcing
            - p.k * power(maximum(y.a, 0.0), p.n)
            + where((y.b > 0.5) | (y.a < 0.0), 0.1, 0.2 * y.b),
            "b": sqrt(absolute(y.a) + 0.1) - minimum(y.b, 3.0) ** 3 + log(1.0 + y.b**2) - y.b / p.k,
        }

    problem = system("a b", rhs, {"a": 1.0, "b": 0.3}, ("k", "n"))
    parameters = {"k": np.linspace(0.5, 2.0, 11), "n": np.linspace(0.6, 2.7, 11)}
    times = np.linspace(0.0, 4.0, 9)
    got = solve(problem, parameters, times=times, rtol=1e-9, atol=1e-11).raise_for_status()
    for i in (0, 5, 10):
        one = {name: float(values[i]) for name, values in parameters.items()}

        def slopes(t, y, one=one):
            return list(problem.evaluate(float(t), {"a": float(y[0]), "b": float(y[1])}, one).values())

        want = solve_ivp(slopes, (0.0, 4.0), [1.0, 0.3], method="LSODA", rtol=1e-10, atol=1e-12, t_eval=times)
        assert np.allclose(got.states[i], want.y.T, rtol=3e-7, atol=3e-7)


def test_a_failing_patient_has_a_status_and_disturbs_nobody() -> None:
    def rhs(t, y, p):
        return {"y": p.k * y.y * y.y, "z": -y.z}

    problem = system("y z", rhs, {"y": 1.0, "z": 1.0}, ("k",))
    rates = np.tile([0.1, 0.2, 1.0, 0.05, 0.3], 8)  # y is infinite at 1 / k: within the run for k = 1
    times = np.linspace(0.0, 2.0, 5)
    mixed = solve(problem, {"k": rates}, times=times)
    failed = rates == 1.0
    assert (mixed.status[~failed] == Status.OK).all()
    assert np.isin(mixed.status[failed], (Status.NOT_FINITE, Status.STEP_TOO_SMALL)).all()
    assert np.allclose(mixed.failure_time[failed], 1.0, atol=1e-3)
    assert (mixed.failure_state[failed] == 0).all()
    assert (
        np.isnan(mixed.states[failed][:, times > 1.0]).all()
        and np.isfinite(mixed.states[failed][:, times < 1.0]).all()
    )
    alone = solve(problem, {"k": rates[~failed]}, times=times)
    assert np.array_equal(alone.states, mixed.states[~failed])
    assert np.array_equal(alone.steps, mixed.steps[~failed])
    with pytest.raises(Exception, match=r"8 of 40 patients failed .* first patient 2 at"):
        mixed.raise_for_status()
    limited = solve(problem, {"k": 0.1}, times=times, max_steps=3)
    assert limited.status[0] == Status.STEP_LIMIT and limited.steps[0] == 3
