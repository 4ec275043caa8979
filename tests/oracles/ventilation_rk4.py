"""Ventilation under opioids by classical Runge-Kutta: the oracle of `analgesia.ventilation`.

The published equations (doi 10.1002/cpt.2696) in the published units (mg, ng, pM, L/min), written apart from the package and
solved by the plainest method that suffices: fourth order, fixed step, stored history read by linear interpolation, patients
along the last axis of NumPy arrays. Parameters are the tables of the published program, in `data/ventilation_parameters.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STATES = (
    "d",
    "g1",
    "g2",
    "cN",
    "eN",
    "a1",
    "a2",
    "a3",
    "eF",
    "rF",
    "rN",
    "PAC",
    "PAO",
    "xBC",
    "xBO",
    "xTC",
    "xTO",
    "psiC",
    "psiO",
    "vp",
    "vc",
    "h",
    "chi",
    "cN2",
    "F",
)
START = {
    "PAC": 40.28,
    "PAO": 100.2,
    "xBC": 0.645,
    "xBO": 9.78e-4,
    "xTC": 0.605,
    "xTO": 1.3e-3,
    "h": 1.0,
    "chi": 1.0,
}
INDEX = {name: i for i, name in enumerate(STATES)}
INSPIRED_OXYGEN = 149.0
HISTORY = 60.0  # s; the longest delay is 57 s
DATA = Path(__file__).parent / "data" / "ventilation_parameters.csv"


def table(product: str = "value") -> dict[str, float]:
    """Parameters of the typical naive subject; `product` chooses the column of the antagonist's kinetics."""
    with DATA.open() as file:
        return {row["name"]: float(row[product] or row["value"]) for row in csv.DictReader(file)}


def content(oxygen: Any, carbon_dioxide: Any, p: Any) -> tuple[Any, Any]:
    """O2 and CO2 content of blood (L/L) at two partial pressures (mmHg)."""
    d_o = oxygen * (1 + p.beta_O * carbon_dioxide) / (1 + p.alpha_O * carbon_dioxide)
    d_c = carbon_dioxide * (1 + p.beta_C * oxygen) / (1 + p.alpha_C * oxygen)
    r_o, r_c = (d_o / p.K_O) ** (1 / p.a_O), (d_c / p.K_C) ** (1 / p.a_C)
    return p.Z * p.c_O * r_o / (1 + r_o), p.Z * p.c_C * r_c / (1 + r_c)


def pressure(x_o: Any, x_c: Any, p: Any) -> tuple[Any, Any]:
    """Partial pressures of O2 and CO2 (mmHg) from the two contents: the inverse of `content`."""
    d_o = p.K_O * (x_o / (p.Z * p.c_O - x_o)) ** p.a_O
    d_c = p.K_C * (x_c / (p.Z * p.c_C - x_c)) ** p.a_C

    def root(a: Any, b: Any, c: Any) -> Any:
        return (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)

    cross = p.alpha_O * p.alpha_C * d_o * d_c
    oxygen = root(
        p.beta_O * p.alpha_C * d_c + p.beta_C,
        1 + p.beta_O * d_c - p.beta_C * d_o - cross,
        -d_o * (1 + p.alpha_O * d_c),
    )
    carbon_dioxide = root(
        p.beta_C * p.alpha_O * d_o + p.beta_O,
        1 + p.beta_C * d_o - p.beta_O * d_c - cross,
        -d_c * (1 + p.alpha_C * d_o),
    )
    return oxygen, carbon_dioxide


def firing(oxygen: Any, carbon_dioxide: Any, p: Any) -> Any:
    """Discharge of the peripheral chemoreceptors (1/s)."""
    e = np.exp((oxygen - p.P_f50) / p.w_f)
    return p.K_f * np.log(carbon_dioxide / p.P_f) * (p.f_max + p.f_min * e) / (1 + e)


def gases(y: Array, p: Any) -> SimpleNamespace:
    """Flows, contents and pressures that follow from the states at one instant."""
    s = SimpleNamespace(**{name: y[i] for name, i in INDEX.items()})
    g = SimpleNamespace()
    g.QB = p.Q_B0 / 60 * (1 + s.psiC + s.psiO) * s.chi
    g.QT = p.Q_T0 / 60 * (1 + p.r_T * s.psiO) * s.chi
    g.Q = g.QB + g.QT
    positive = lambda x: np.maximum(x, 0.0)  # noqa: E731
    g.PBC, g.PBO = (positive(s.xBC) - p.bic_B) / p.sol_C, positive(s.xBO) / p.sol_O
    g.PTC, g.PTO = (positive(s.xTC) - p.bic_T) / p.sol_C, positive(s.xTO) / p.sol_O
    g.xvBO, g.xvBC = content(g.PBO, g.PBC, p)
    g.xvTO, g.xvTC = content(g.PTO, g.PTC, p)
    g.xeO, g.xeC = content(s.PAO, positive(s.PAC), p)
    share = g.QB / g.Q
    g.xvO, g.xvC = share * g.xvBO + (1 - share) * g.xvTO, share * g.xvBC + (1 - share) * g.xvTC
    g.xaO, g.xaC = (1 - p.s) * g.xeO + p.s * g.xvO, (1 - p.s) * g.xeC + p.s * g.xvC
    g.PaO, g.PaC = pressure(g.xaO, g.xaC, p)
    g.wake = p.W - p.W_max * s.rF**p.gamma_w
    g.fade = np.where(g.Q * 60 > 0.98, 1.0, np.where(g.Q * 60 > 0.49, g.Q * 60 / 0.98, 0.0))
    g.reflex = positive(np.where(s.vp >= 0, s.h * s.vp, s.vp) + s.vc)
    g.VE = g.fade * positive(g.wake + g.reflex)
    g.sigma = 1 + 1 / (1 + np.exp((p.sigma_mid - g.Q * 60 / p.Q_ref) / p.sigma_width))
    return g


def derivatives(t: float, y: Array, g: SimpleNamespace, past: tuple[Array, Array, Array], p: Any) -> Array:
    """Right-hand side; `past` holds delayed arterial O2, arterial CO2 and brain CO2 pressure (mmHg)."""
    s = SimpleNamespace(**{name: y[i] for name, i in INDEX.items()})
    d = np.zeros_like(y)

    def put(name: str, value: Any) -> None:
        d[INDEX[name]] = value

    put("a1", -(p.k10 + p.k12 + p.k13) * s.a1 + p.k21 * s.a2 + p.k31 * s.a3)
    put("a2", p.k12 * s.a1 - p.k21 * s.a2)
    put("a3", p.k13 * s.a1 - p.k31 * s.a3)
    put("eF", p.k_eF * (1e9 * s.a1 * g.sigma / (p.V_F * p.M_F) - s.eF))
    put("eN", p.k_eN * (1e6 * s.cN / p.M_N - s.eN))
    put("d", -p.k_tr * s.d)
    put("g1", s.F * p.k_tr * s.d - p.k_tr * s.g1)
    put("g2", p.k_tr * s.g1 - p.k_abs * s.g2)
    put("cN", g.sigma / p.V_N1 * (p.k_abs * s.g2 - p.CL_N * s.cN - p.Q_N * s.cN + p.Q_N * s.cN2))
    put("cN2", p.Q_N / p.V_N2 * (s.cN - s.cN2))
    free = 1 - s.rF - s.rN
    put("rF", p.kon_F * free * np.maximum(s.eF, 0) ** p.n_F - p.koff_F * s.rF)
    put("rN", p.kon_N * free * np.maximum(s.eN, 0) ** p.n_N - p.koff_N * s.rN)

    alveolar = p.phi_A * g.VE / 60
    exchange = p.kappa * g.Q * (1 - p.s)
    put("PAC", (alveolar * (p.P_IC - s.PAC) + exchange * (g.xvC - g.xeC)) / p.V_A)
    put("PAO", (alveolar * (INSPIRED_OXYGEN - s.PAO) + exchange * (g.xvO - g.xeO)) / p.V_A)
    mu = (np.maximum(p.W - p.W_max * s.rF**p.gamma_w, 0) / p.W_scale) ** p.gamma_m
    for k, flow, oxygen in (("B", g.QB, g.PBO), ("T", g.QT, g.PTO)):
        lack = np.minimum(1, oxygen / p.P_crit)
        volume = getattr(p, f"V_{k}")
        for gas, floor, sign in (("C", p.mu_C, 1), ("O", p.mu_O, -1)):
            made = getattr(p, f"M_{k}{gas}") / 60 * np.maximum(mu, floor) * lack
            put(
                f"x{k}{gas}",
                (flow * (getattr(g, f"xa{gas}") - getattr(g, f"xv{k}{gas}")) + sign * made) / volume,
            )
    put(
        "psiC",
        (
            (p.a_psi + p.b_psi / (1 + np.exp(-(g.PaC - p.c_psi) / p.d_psi))) * p.m_br / (100 * 1000 * p.Q_B0)
            - s.psiC
        )
        / p.tau_psiC,
    )
    put(
        "psiO",
        (
            np.minimum(p.psi_cap, p.A_psiO * (np.exp(-g.PaO / p.B_psiO) - np.exp(-p.P_psiO / p.B_psiO)))
            - s.psiO
        )
        / p.tau_psiO,
    )
    put("chi", np.where(t >= p.t_CA, -p.kappa_T * (p.k_CA_base + p.k_CA_CO2 * g.PaC / p.P_kT) * s.chi, 0.0))
    past_o, past_c, past_b = past
    depth = 1 - s.rF**p.gamma_c
    put("vp", (depth * p.G_p * (firing(past_o, past_c, p) - p.f_0) - s.vp) / p.tau_p)
    put("vc", (depth * p.G_c * (past_b - p.P_c0) - s.vc) / p.tau_c)
    put("h", (1 + p.G_h * (np.clip(g.PBO, p.P_h_min, p.P_h_max) - p.P_h0) / p.P_h0 - s.h) / p.tau_h)
    return d


OUTPUTS: dict[str, Callable[[Array, SimpleNamespace, Any], Array]] = {
    "VE": lambda y, g, p: g.VE,
    "PaO": lambda y, g, p: g.PaO,
    "PaC": lambda y, g, p: g.PaC,
    "PBO": lambda y, g, p: g.PBO,
    "PBC": lambda y, g, p: g.PBC,
    "QB": lambda y, g, p: 60 * g.QB,
    "Q": lambda y, g, p: 60 * g.Q,
    "plasma": lambda y, g, p: 1000 * y[INDEX["a1"]] * g.sigma / p.V_F,
    **{name: (lambda y, g, p, i=i: y[i]) for name, i in INDEX.items()},
}


@dataclass(frozen=True)
class Jump:
    """At `time` (s), a multiple of the step, `amount` is added to `state`."""

    time: float
    state: str
    amount: Any


def integrate(
    parameters: Mapping[str, Any],
    start: Array,
    *,
    until: float,
    step: float = 0.25,
    jumps: Sequence[Jump] = (),
    every: float = 1.0,
    outputs: Sequence[str] = ("VE", "PaO", "PaC", "rF"),
) -> tuple[Array, dict[str, Array], Array]:
    """Times [T], outputs [T, n] and final state [state, n] of `start` [state, n] over `until` seconds."""
    p = SimpleNamespace(**parameters)
    y = start.copy()
    steps, stride = round(until / step), round(every / step)
    depth = round(HISTORY / step) + 2
    history = np.zeros((depth, 3, y.shape[1]))
    columns = np.arange(y.shape[1])
    pending = sorted(jumps, key=lambda jump: jump.time)
    times: list[float] = []
    record: dict[str, list[Array]] = {name: [] for name in outputs}

    def delayed(t: float, now: int, g: SimpleNamespace) -> tuple[Array, Array, Array]:
        found = []
        for volume, rows, present in ((p.K_p, (0, 1), (g.PaO, g.PaC)), (p.K_c, (2,), (g.PBC,))):
            lag = np.where(g.Q * 60 < 0.98, 0.0, volume / g.Q)
            at = t - lag
            whole = np.minimum(np.floor(np.maximum(at, 0) / step).astype(int), max(now - 1, 0))
            weight = np.maximum(at, 0) / step - whole
            for row, value in zip(rows, present, strict=True):
                low, high = history[whole % depth, row, columns], history[(whole + 1) % depth, row, columns]
                found.append(np.where((at > 0) & (lag > 0), low + weight * (high - low), value))
        return found[0], found[1], found[2]

    with np.errstate(all="ignore"):
        for i in range(steps + 1):
            t = i * step
            g = gases(y, p)
            history[i % depth] = g.PaO, g.PaC, g.PBC
            if i % stride == 0:
                times.append(t)
                for name in outputs:
                    record[name].append(np.array(OUTPUTS[name](y, g, p)))
            while pending and pending[0].time <= t + 1e-9:
                y[INDEX[pending[0].state]] += pending.pop(0).amount
            if i == steps:
                break

            def slope(at: float, state: Array, now: int = i) -> Array:
                here = gases(state, p)
                return derivatives(at, state, here, delayed(at, now, here), p)

            k1 = slope(t, y)
            k2 = slope(t + step / 2, y + step / 2 * k1)
            k3 = slope(t + step / 2, y + step / 2 * k2)
            k4 = slope(t + step, y + step * k3)
            y = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.array(times), {name: np.array(rows) for name, rows in record.items()}, y


def steady_start(parameters: Mapping[str, Any]) -> Array:
    """State [state, 1] after 3,600 s on room air without drug."""
    y = np.array([[START.get(name, 0.0)] for name in STATES])
    y[INDEX["F"]] = parameters["F"]
    return integrate(parameters, y, until=3600.0, every=3600.0)[2]
