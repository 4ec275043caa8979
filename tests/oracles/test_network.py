"""Fixed-step networks against NumPy, closed forms and their own order."""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
from tests.oracles.network_reference import run_reference

from analgesia.engine import exp, machine, maximum, where
from analgesia.engine.network import METHODS, FixedDelay, Network, run
from analgesia.engine.network_code import module_text, record
from analgesia.engine.noise import inverse_normal, lane_keys, standard_normal
from analgesia.errors import ModelError

POOLS = Network(
    "pools",
    {"v": "mV", "w": "mV", "gate": "1", "spare": "1"},
    {"drive": "mV/ms", "tau": "ms", "lag": "ms", "kick": "mV"},
    lambda t, y, p, past: {
        "v": (-y.v - 4.0 * past.late * y.gate) / p.tau + p.drive + 0.3 * past.spike,
        "w": (maximum(y.v - y.w, 0.0) - y.w) / 7.0,
        "gate": (1.0 / (1.0 + exp(-y.v)) - y.gate) / (2.0 + y.w * y.w),
        "spare": 0.0,
    },
    {"fired": "1", "v": "mV"},
    lambda t, y, p: {"fired": where(y.v > 2.0, 1.0, 0.0), "v": y.v},
    noise=lambda t, y, p: {"v": p.kick, "w": 0.01 * (1.0 + y.gate)},
    update=lambda t, y, p: {"v": where(y.v > 2.0, 0.2, y.v)},
    delays={"late": FixedDelay("w", "lag"), "spike": FixedDelay("fired", 1.5)},
    initial={"gate": 0.2, "v": "kick"},
)
VALUES = {
    "drive": np.linspace(0.1, 1.2, 11), "tau": 4.0, "lag": np.linspace(0.0, 3.0, 11), "kick": np.linspace(0.0, 0.4, 11),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_agrees_with_numpy(method: str) -> None:
    result = run(POOLS, VALUES, dt=0.1, duration=30.0, record="trace", seed=5, method=method)
    trace, final = run_reference(POOLS, VALUES, dt=0.1, duration=30.0, seed=5, method=method)
    close = 1e-6 if method == "exponential_euler" else 1e-9
    np.testing.assert_allclose(result.trace, trace, rtol=close, atol=close)
    np.testing.assert_allclose(result.final, final, rtol=close, atol=close)
    np.testing.assert_allclose(result.mean, trace.mean(axis=1), rtol=close, atol=close)
    assert trace[..., 0].sum() > 10


def test_same_bytes_for_any_number_of_threads_and_any_chunk() -> None:
    whole = run(POOLS, VALUES, dt=0.1, duration=20.0, seed=2, threads=1)
    again = run(POOLS, VALUES, dt=0.1, duration=20.0, seed=2, threads=3)
    part = run(
        POOLS,
        {k: v[4:7] if np.ndim(v) else v for k, v in VALUES.items()},
        dt=0.1,
        duration=20.0,
        seed=2,
        first_lane=4,
    )
    assert whole.final.tobytes() == again.final.tobytes()
    assert whole.mean.tobytes() == again.mean.tobytes()
    assert whole.final[4:7].tobytes() == part.final.tobytes()
    other = run(POOLS, VALUES, dt=0.1, duration=20.0, seed=3)
    assert (other.final != whole.final).any()


def circle(t, y, p):
    return {"x": p.speed * y.z, "z": -p.speed * y.x}


@pytest.mark.parametrize(
    ("method", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4), ("exponential_euler", 1)]
)
def test_order_of_convergence(method: str, order: int) -> None:
    wheel = Network("wheel", {"x": "1", "z": "1"}, {"speed": "1/ms"}, circle, initial={"z": 1.0})
    speed = np.array([0.7, 1.0])
    errors = []
    for dt in (0.1, 0.05):
        final = run(wheel, {"speed": speed}, dt=dt, duration=5.0, method=method).final
        errors.append(np.hypot(final[:, 0] - np.sin(5 * speed), final[:, 1] - np.cos(5 * speed)).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_exponential_euler_is_exact_for_a_gate() -> None:
    gate = Network("gate", {"m": "1"}, {"tau": "ms"}, lambda t, y, p: {"m": (0.8 - y.m) / p.tau})
    tau = np.array([0.05, 3.0, 1e12])
    final = run(gate, {"tau": tau}, dt=1.0, duration=5.0, method="exponential_euler").final[:, 0]
    np.testing.assert_allclose(final, -0.8 * np.expm1(-5.0 / tau), rtol=1e-12)


def test_noise_has_the_variance_of_the_ornstein_uhlenbeck_process() -> None:
    process = Network(
        "ou", {"x": "1"}, {"tau": "ms"}, lambda t, y, p: {"x": -y.x / p.tau},
        {"square": "1", "x": "1"}, lambda t, y, p: {"square": y.x * y.x, "x": y.x},
        noise=lambda t, y, p: {"x": 3.0 * (2.0 / p.tau) ** 0.5},
    )  # fmt: skip
    result = run(
        process, {"tau": np.full(400, 5.0)}, dt=0.05, duration=1000.0, record_from=50.0, method="midpoint"
    )
    assert result.output("square").mean() == pytest.approx(9.0, rel=0.03)
    assert abs(result.output("x").mean()) < 0.05


def test_counted_numbers_are_normal_and_independent() -> None:
    keys = lane_keys(1, ("a",), np.arange(4000, dtype=np.uint64))
    z = np.stack([standard_normal(keys, s) for s in range(50)])
    assert abs(z.mean()) < 0.01
    assert z.std() == pytest.approx(1.0, abs=0.01)
    assert (z**4).mean() == pytest.approx(3.0, abs=0.1)
    assert abs((z[1:] * z[:-1]).mean()) < 0.01
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 0.01
    from scipy.stats import norm

    u = np.concatenate([np.geomspace(1e-15, 0.5, 500), 1 - np.geomspace(1e-12, 0.5, 500)])
    np.testing.assert_allclose(inverse_normal(u), norm.ppf(u), rtol=2e-9, atol=1e-9)


def test_delayed_decay_is_that_of_the_method_of_steps() -> None:
    decay = Network(
        "late", {"x": "1"}, {"lag": "ms"}, lambda t, y, p, past: {"x": -past.x},
        {"x": "1"}, lambda t, y, p: {"x": y.x}, delays={"x": FixedDelay("x", "lag")}, initial={"x": 1.0},
    )  # fmt: skip
    result = run(decay, {"lag": np.array([1.0, 2.0])}, dt=0.0005, duration=3.0, record="trace", every=1.0)
    np.testing.assert_allclose(result.traced("x"), [[0, -1 / 2, -1 / 6], [0, -1, -1.5]], atol=1e-3)
    np.testing.assert_allclose(result.times, [1, 2, 3])


def test_a_lane_that_blows_up_is_marked_and_alone() -> None:
    grow = Network(
        "grow", {"x": "1"}, {"a": "1/ms"}, lambda t, y, p: {"x": p.a * y.x * y.x}, initial={"x": 1.0}
    )
    result = run(grow, {"a": np.array([-1.0, 50.0, -2.0])}, dt=0.01, duration=5.0)
    assert result.finite.tolist() == [True, False, True]
    np.testing.assert_allclose(result.final[[0, 2], 0], [1 / 6, 1 / 11], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0.3}, "duration 5.0 is not a whole number of steps"),
        ({"dt": -1.0}, "must be positive"),
        ({"parameters": {}}, "it lacks speed"),
        ({"parameters": {"speed": 1.0, "mass": 2.0}}, "it has no mass"),
        ({"parameters": {"speed": np.nan}}, "speed must be finite"),
        ({"parameters": {"speed": np.zeros(0)}}, "zero length"),
        ({"method": "magic"}, "method 'magic' is not known"),
        ({"record_from": 5.0}, "leaves nothing"),
        ({"initial": {"q": 1.0}}, "unknown states q"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_bad_requests_are_refused(change: dict, message: str) -> None:
    wheel = Network("wheel", {"x": "1", "z": "1"}, {"speed": "1/ms"}, circle, initial={"z": 1.0})
    options = {"parameters": {"speed": 1.0}, "dt": 0.1, "duration": 5.0} | change
    with pytest.raises(ModelError, match=message):
        run(wheel, options.pop("parameters"), **options)


def test_functions_that_name_wrong_states_are_refused() -> None:
    wrong = Network("wheel", {"x": "1"}, {}, lambda t, y, p: {"z": 1.0})
    with pytest.raises(ModelError, match="derivative missing or unknown: x, z"):
        run(wrong, {}, dt=0.1, duration=1.0)
    noisy = Network("wheel", {"x": "1"}, {}, lambda t, y, p: {"x": 1.0}, noise=lambda t, y, p: {"q": 1.0})
    with pytest.raises(ModelError, match="noise of unknown states q"):
        run(noisy, {}, dt=0.1, duration=1.0)
    late = Network(
        "wheel", {"x": "1"}, {}, lambda t, y, p, past: {"x": past.a}, delays={"a": FixedDelay("q", 1.0)}
    )
    with pytest.raises(ModelError, match="neither a state nor an output"):
        run(late, {}, dt=0.1, duration=1.0)


def test_the_kernel_is_vector_code() -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the listing of another processor")
    listing = machine.assembly(module_text(POOLS, record(POOLS), "rk4", machine.preferred_lanes()))
    packed = len(re.findall(r"\bv?(?:mul|add|sub|div|fn?m(?:add|sub)\d+)pd\b", listing))
    single = len(re.findall(r"\bv?(?:mul|add|sub|div|fn?m(?:add|sub)\d+)sd\b", listing))
    assert packed > 200
    assert single < 20
