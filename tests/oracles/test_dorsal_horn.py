"""The dorsal horn does what dorsal horns do: allodynia, opioid resistance, graded drive; and its steady state is one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from analgesia import evidence
from analgesia.engine.network import run
from analgesia.perception import felt, rating
from analgesia.spinal import NODES, cord

BRUSH = {"input.a_beta": 30.0}
CURVE = {"wide_dynamic_range_weight": "1", "half_drive": "1/s", "exponent": "1"}
PINCH = {"input.c_fibre": 8.0, "input.a_delta": 6.0, "input.a_beta": 36.0}
MU = {"mu_presynaptic": 1.0, "mu_postsynaptic": 1.0, "mu_descending": 1.0}
CHLORIDE = (-72.0, -66.0, -60.0, -57.0, -55.0, -53.0, -51.0, -48.0)


class Scope(dict[str, float]):
    """Values by name, as an equation reads them: v["a.b"], v.a, v.scope("a").b."""

    def __getattr__(self, name: str) -> float:
        return self[name]

    def scope(self, name: str) -> Scope:
        """The values below a name."""
        inside = {k.removeprefix(f"{name}."): v for k, v in self.items() if k.startswith(f"{name}.")}
        return Scope(inside)


def lane(
    stimulus: Mapping[str, float], chloride: float, nodes: Mapping[str, float] | None = None
) -> dict[str, float]:
    """One copy of the cord: a stimulus (rates in 1/s), an E_Cl, some nodes."""
    given = dict.fromkeys(("input.c_fibre", "input.a_delta", "input.a_beta"), 0.0)
    given |= {name: rate * 1e-3 for name, rate in stimulus.items()}
    given |= {f"node.{node}": (nodes or {}).get(node, 0.0) for node in NODES}
    return given | {"chloride_reversal": chloride, "alpha2delta_upregulation": 0.0}


LANES = {f"brush {e:g}": lane(BRUSH, e) for e in CHLORIDE}
LANES |= {f"pinch {e:g}": lane(PINCH, e) for e in (-72.0, -52.0, -48.0)}
LANES |= {f"pinch mu {e:g}": lane(PINCH, e, MU) for e in (-72.0, -52.0)}
LANES |= {
    f"C {rate:g}": lane({"input.c_fibre": rate}, -72.0) for rate in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0)
}
LANES |= {
    "brush mu": lane(BRUSH, -72.0, MU),
    "pinch presynaptic": lane(PINCH, -72.0, {"mu_presynaptic": 1.0}),
    "pinch postsynaptic": lane(PINCH, -72.0, {"mu_postsynaptic": 1.0}),
    "pinch descending": lane(PINCH, -72.0, {"mu_descending": 1.0}),
    "pinch alpha2a": lane(PINCH, -72.0, {"alpha2a_presynaptic": 1.0}),
}


def rates(
    lanes: list[dict[str, float]], memory: float = 20.0, dt: float = 0.5, length: float = 600.0
) -> np.ndarray:
    """[lane, pool] in 1/s at the end."""
    network, circuit = cord(evidence.load())
    given = {name: np.array([one[name] for one in lanes]) for name in lanes[0]}
    end = run(
        network,
        {**circuit.values, **given, "memory": memory},
        dt=dt,
        duration=length,
        record_from=length - dt,
        method="euler",
    )
    assert end.finite.all()
    return np.stack([end.output(pool) for pool in ("projection", "wide_dynamic_range")], axis=1) * 1e3


@pytest.fixture(scope="module")
def found() -> dict[str, np.ndarray]:
    """Projection and wide-dynamic-range rate of every lane."""
    return dict(zip(LANES, rates(list(LANES.values())), strict=True))


def test_allodynia_has_a_sharp_threshold(found: dict[str, np.ndarray]) -> None:
    """Touch moves projection neurons only when E_Cl rises past the threshold that the evidence names, and then strongly."""
    brush = np.array([found[f"brush {e:g}"][0] for e in CHLORIDE])
    assert (np.diff(brush) > 0.0).all()
    assert brush[:3].max() < 1.0
    assert brush[-1] > 20.0 * brush[3]
    threshold = evidence.load().circuits["dorsal_horn"].parameters["chloride"]["allodynia_threshold"].to("mV")
    crossing = np.interp(np.log(2.5), np.log(brush), CHLORIDE)
    assert crossing == pytest.approx(threshold, abs=1.0)


def test_opioids_work_in_health_and_hardly_under_disinhibition(found: dict[str, np.ndarray]) -> None:
    """A full mu agonist takes pinch from about 27 to 5 /s in health, from about 60 to 49 /s at E_Cl -52 mV."""
    assert found["pinch -72"][0] == pytest.approx(27.0, rel=0.15)
    assert found["pinch mu -72"][0] == pytest.approx(5.0, rel=0.2)
    assert found["pinch -52"][0] == pytest.approx(60.0, rel=0.25)
    assert found["pinch mu -52"][0] == pytest.approx(49.0, rel=0.15)


def test_output_neurons_are_not_saturated(found: dict[str, np.ndarray]) -> None:
    """Even a pinch on a disinhibited cord leaves the projection pool below its greatest rate."""
    greatest = (
        evidence.load().circuits["dorsal_horn"].parameters["pools"]["projection"]["maximal_rate"].to("1/s")
    )
    assert found["pinch -48"][0] < 0.9 * greatest
    assert found["pinch -72"][0] < 0.4 * greatest


def test_wind_up_rests_on_substance_p_alone() -> None:
    """A known shortfall, kept in sight: volleys of C fibres at 0.5 /s grow a little, and NMDA block does not stop it."""
    network, circuit = cord(evidence.load())
    no_nmda = {name: 0.0 for name in circuit.values if name.endswith(".nmda")}
    no_nk1 = {name: 0.0 for name in circuit.values if name.endswith(".nk1")}
    changes = [{}, no_nmda, no_nk1]
    values = {name: np.array([{**circuit.values, **c}[name] for c in changes]) for name in circuit.values}
    quiet = {**values, **lane({}, -72.0), "memory": 1e9}
    state, grown = None, []
    for _ in range(8):
        total = np.zeros(len(changes))
        for rate, length in ((0.1, 20.0), (0.0, 1980.0)):
            part = run(
                network,
                {**quiet, "input.c_fibre": rate},
                dt=0.5,
                duration=length,
                method="euler",
                initial=state,
            )
            state = {name: part.final[:, k] for k, name in enumerate(network.states)}
            total += part.output("projection") * length
        grown.append(total)
    ratio = grown[-1] / grown[0]
    assert 1.1 < ratio[0] < 2.0
    assert ratio[1] == pytest.approx(ratio[0], rel=0.05)
    assert ratio[2] == pytest.approx(1.0, abs=0.02)


def test_each_node_of_an_opioid_lowers_a_pinch(found: dict[str, np.ndarray]) -> None:
    """Ending, potassium conductance and descending control each do part of it, the ending most (heinke2011, marker2005)."""
    without = found["pinch -72"][0]
    parts = {name: found[f"pinch {name}"][0] for name in ("presynaptic", "postsynaptic", "descending")}
    assert max(parts.values()) < 0.95 * without
    assert min(parts, key=parts.__getitem__) == "presynaptic"
    assert found["pinch mu -72"][0] < min(parts.values())


def test_noradrenaline_at_the_endings_lowers_a_pinch(found: dict[str, np.ndarray]) -> None:
    """Pinch under 50 uM noradrenaline: less than half is left (7.5 of 27 /s in the prototype)."""
    assert 5.0 < found["pinch alpha2a"][0] < 0.45 * found["pinch -72"][0]


def test_wide_dynamic_range_neurons_answer_to_touch(found: dict[str, np.ndarray]) -> None:
    """Brush: 12.3 /s without and 8.4 /s with a full mu agonist, whose endings A-beta fibres lack."""
    assert found["brush -72"][1] == pytest.approx(12.3, rel=0.2)
    assert found["brush mu"][1] == pytest.approx(8.4, rel=0.2)


def test_drive_is_graded_with_c_fibre_firing(found: dict[str, np.ndarray]) -> None:
    """More C-fibre input, more drive; at rest nearly silent."""
    graded = np.array([found[f"C {rate:g}"][0] for rate in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0)])
    assert (np.diff(graded) > 0.0).all()
    assert graded[0] < 0.6
    assert graded[1] > 1.5 * graded[0]


def test_capping_slow_gates_moves_no_steady_state() -> None:
    """The steady state of the true time constants (NK1: 3 s) is the one that capped ones reach sooner."""
    some = [LANES[name] for name in ("brush -51", "pinch -72", "pinch mu -52", "C 8")]
    slow = rates(some, memory=1e9, dt=1.0, length=15_000.0)
    np.testing.assert_allclose(rates(some), slow, rtol=2e-3)


def test_the_step_moves_no_steady_state() -> None:
    """Explicit Euler has no error at a fixed point."""
    some = [LANES[name] for name in ("brush -51", "pinch -72", "pinch mu -52", "C 8")]
    np.testing.assert_allclose(rates(some), rates(some, dt=0.25), rtol=1e-4)


def test_pain_of_a_healthy_person_follows_c_fibre_firing(found: dict[str, np.ndarray]) -> None:
    """A C-fibre rate of 0.5 /s is at the threshold of pain (tillman1995); magnitude grows about as its 0.35th power (yarnitsky1992)."""
    numbers = evidence.load().circuits["perception"].parameters
    weight, half, exponent = (numbers[n].to(u) for n, u in CURVE.items())
    above = {rate: felt(*(found[f"C {rate:g}"] - found["C 0"]), weight) for rate in (0.5, 2.0, 12.0)}
    threshold, middle, strong = (rating(above[rate], half, exponent) for rate in (0.5, 2.0, 12.0))
    assert 0.5 < threshold < 1.5
    assert np.log(strong / middle) / np.log(12.0 / 2.0) == pytest.approx(0.35, abs=0.1)


def test_scipy_reaches_the_same_state() -> None:
    """LSODA on the same equations, one float at a time, ends where the compiled network does."""
    network, circuit = cord(evidence.load())
    one = LANES["pinch mu -52"]
    values = Scope({**circuit.values, **one, "memory": 20.0})
    names = list(network.states)
    start = [network.initial.get(name, 0.0) for name in names]
    start = [values[value] if isinstance(value, str) else value for value in start]

    def slope(t: float, y: np.ndarray) -> list[float]:
        rates = network.derivatives(t, Scope(dict(zip(names, map(float, y), strict=True))), values)
        return [rates[name] for name in names]

    end = solve_ivp(slope, (0.0, 400.0), start, method="LSODA", rtol=1e-7, atol=1e-9).y[:, -1]
    seen = network.observe(0.0, Scope(dict(zip(names, map(float, end), strict=True))), values)
    assert seen["projection"] * 1e3 == pytest.approx(rates([one], length=400.0)[0, 0], rel=1e-4)
