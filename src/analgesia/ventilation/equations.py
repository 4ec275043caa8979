"""Breathing under an opioid and its antagonist, as one system of delay differential equations.

The mechanistic overdose model of doi 10.1002/cpt.2696: three-compartment opioid kinetics, an antagonist absorbed through two transit
steps (or injected into a vein), competition of both for the mu receptor, gas stores of lung, brain and tissue, chemoreflexes that see
the blood late, and a circulation that collapses after prolonged anoxia. Symbols are those of the cited program; units are s, L, nmol,
nM, mmHg and L/s throughout, so drives and ventilation are in L/s here and per minute in every result.

Verified as a re-implementation; nobody observed the arrests it predicts. What it leaves out: obstruction of the airway, rigidity
of the chest, acid and base, sleep, every effect of the opioid that does not pass through the mu receptor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from analgesia.engine import Delay, System, exp, logistic, maximum, minimum, power, where
from analgesia.ventilation.gases import SMALLEST, contents, discharge, pressures

STATES: Mapping[str, str] = {
    "opioid_central": "nmol",
    "opioid_fast": "nmol",
    "opioid_slow": "nmol",
    "opioid_effect": "nM",
    "opioid_bound": "1",
    "antagonist_depot": "nmol",
    "antagonist_transit_1": "nmol",
    "antagonist_transit_2": "nmol",
    "antagonist_central": "nM",
    "antagonist_peripheral": "nM",
    "antagonist_vein": "nmol",
    "antagonist_vein_fast": "nmol",
    "antagonist_vein_slow": "nmol",
    "antagonist_effect": "nM",
    "antagonist_bound": "1",
    "alveolar_CO2": "mmHg",
    "alveolar_O2": "mmHg",
    "brain_CO2": "1",
    "brain_O2": "1",
    "tissue_CO2": "1",
    "tissue_O2": "1",
    "flow_CO2": "1",
    "flow_O2": "1",
    "peripheral_drive": "L/s",
    "central_drive": "L/s",
    "hypoxic_gain": "1",
    "circulation": "1",
}
"""Amounts, concentrations, receptor fractions, partial pressures, gas contents (L gas per L), relative changes of flow, drives."""

BREATHING = tuple(STATES)[tuple(STATES).index("alveolar_CO2") :]
"""The states that are not at zero without drug."""

PARAMETERS: Mapping[str, str] = {
    **dict.fromkeys(("k10", "k12", "k21", "k13", "k31", "k_eF", "kon_F", "koff_F"), "1/s"),
    **dict.fromkeys(
        ("k_tr", "k_abs", "k10_V", "k12_V", "k21_V", "k13_V", "k31_V", "k_eN", "kon_N", "koff_N"), "1/s"
    ),
    **dict.fromkeys(
        (
            "alpha",
            "n_F",
            "n_N",
            "F",
            "gamma_w",
            "gamma_c",
            "gamma_m",
            "mu_C",
            "mu_O",
            "s",
            "phi_A",
            "r_T",
            "G_h",
        ),
        "1",
    ),
    **dict.fromkeys(("V_F", "V_N1", "V_N2", "V_V", "V_A", "V_B", "V_T", "K_p", "K_c"), "L"),
    **dict.fromkeys(("CL_N", "Q_N", "W", "W_max", "W_scale", "M_BC", "M_BO", "M_TC", "M_TO"), "L/s"),
    **dict.fromkeys(("Q_B0", "Q_T0", "Q_ref", "Q_low", "Q_off"), "L/s"),
    **dict.fromkeys(
        ("P_IO", "P_IC", "kappa", "K_O", "K_C", "P_crit", "c_psi", "d_psi", "B_psiO", "P_psiO"), "mmHg"
    ),
    **dict.fromkeys(("P_f", "P_f50", "w_f", "P_c0", "P_h_min", "P_h_max", "P_h0", "P_kT"), "mmHg"),
    **dict.fromkeys(("alpha_O", "beta_O", "alpha_C", "beta_C", "sol_C", "sol_O"), "1/mmHg"),
    **dict.fromkeys(
        ("a_O", "a_C", "bic_B", "bic_T", "A_psiO", "psi_cap", "K_f", "sigma_mid", "sigma_width"), "1"
    ),
    **dict.fromkeys(("k_CA_base", "k_CA_CO2", "collapsing"), "1"),
    **dict.fromkeys(("tau_psiC", "tau_psiO", "tau_p", "tau_c", "tau_h"), "s"),
    **dict.fromkeys(("f_max", "f_min", "f_0", "kappa_T"), "1/s"),
    "Z": "L/mmol",
    "c_O": "mmol/L",
    "c_C": "mmol/L",
    "a_psi": "L/g/s",
    "b_psi": "L/g/s",
    "m_br": "g",
    "G_p": "L",
    "G_c": "L/s/mmHg",
    "reference": "nM",
}
"""What one subject is made of. `alpha` is the intrinsic activity of the opioid (1 for fentanyl), `reference` the 1 pM at which kon_F and
kon_N hold; `collapsing` is 0 until the arrest rule makes it 1."""

OUTPUTS: Mapping[str, str] = {
    "ventilation": "L/s",
    "wakefulness_drive": "L/s",
    "chemoreflex_drive": "L/s",
    "brain_flow": "L/s",
    "flow": "L/s",
    "arterial_O2": "mmHg",
    "arterial_CO2": "mmHg",
    "brain_O2_pressure": "mmHg",
    "brain_CO2_pressure": "mmHg",
    "opioid_plasma": "nM",
    "antagonist_plasma": "nM",
}


@dataclass(frozen=True)
class Instant:
    """What follows from the states at one instant: flows (L/s), contents (L/L), pressures (mmHg), drives (L/s)."""

    brain_flow: Any
    tissue_flow: Any
    flow: Any
    brain: tuple[Any, Any]
    tissue: tuple[Any, Any]
    capillary: tuple[Any, Any]
    venous: tuple[Any, Any]
    arterial: tuple[Any, Any]
    brain_pressure: tuple[Any, Any]
    tissue_pressure: tuple[Any, Any]
    arterial_pressure: tuple[Any, Any]
    engaged: Any
    wakefulness: Any
    chemoreflex: Any
    fading: Any
    ventilation: Any
    crowding: Any


def instant(y: Any, p: Any) -> Instant:
    """Flows, gases and drives from the states; pairs hold O2 first, CO2 second."""
    brain_flow = p.Q_B0 * (1.0 + y.flow_CO2 + y.flow_O2) * y.circulation
    tissue_flow = p.Q_T0 * (1.0 + p.r_T * y.flow_O2) * y.circulation
    flow = brain_flow + tissue_flow
    brain_pressure = maximum(y.brain_O2, 0.0) / p.sol_O, (maximum(y.brain_CO2, 0.0) - p.bic_B) / p.sol_C
    tissue_pressure = maximum(y.tissue_O2, 0.0) / p.sol_O, (maximum(y.tissue_CO2, 0.0) - p.bic_T) / p.sol_C
    brain, tissue = contents(*brain_pressure, p), contents(*tissue_pressure, p)
    capillary = contents(y.alveolar_O2, maximum(y.alveolar_CO2, 0.0), p)
    share = brain_flow / flow
    venous = tuple(share * b + (1.0 - share) * t for b, t in zip(brain, tissue, strict=True))
    arterial = tuple((1.0 - p.s) * e + p.s * v for e, v in zip(capillary, venous, strict=True))

    engaged = maximum(p.alpha * y.opioid_bound, SMALLEST)
    wakefulness = p.W - p.W_max * power(engaged, p.gamma_w)
    peripheral = where(y.peripheral_drive >= 0.0, y.hypoxic_gain, 1.0) * y.peripheral_drive
    chemoreflex = maximum(peripheral + y.central_drive, 0.0)
    fading = where(flow > p.Q_low, 1.0, where(flow > p.Q_off, flow / p.Q_low, 0.0))
    return Instant(
        brain_flow=brain_flow,
        tissue_flow=tissue_flow,
        flow=flow,
        brain=brain,
        tissue=tissue,
        capillary=capillary,
        venous=venous,
        arterial=arterial,
        brain_pressure=brain_pressure,
        tissue_pressure=tissue_pressure,
        arterial_pressure=pressures(arterial[0], arterial[1], p),
        engaged=engaged,
        wakefulness=wakefulness,
        chemoreflex=chemoreflex,
        fading=fading,
        ventilation=fading * maximum(wakefulness + chemoreflex, 0.0),
        crowding=1.0 + logistic((flow / p.Q_ref - p.sigma_mid) / p.sigma_width),
    )


def derivatives(t: Any, y: Any, p: Any, past: Any) -> dict[str, Any]:
    """Rates of change; `past` holds arterial O2 and CO2 and brain CO2 pressure (mmHg) as the chemoreceptors see them now."""
    now = instant(y, p)
    return {
        **_kinetics(y, p, now),
        **_receptor(y, p),
        **_stores(y, p, now),
        **_circulation(y, p, now),
        **_drives(y, p, now, past),
    }


def observe(t: Any, y: Any, p: Any) -> dict[str, Any]:
    """What is reported, in the units of `OUTPUTS`."""
    now = instant(y, p)
    return {
        "ventilation": now.ventilation,
        "wakefulness_drive": now.fading * now.wakefulness,
        "chemoreflex_drive": now.fading * now.chemoreflex,
        "brain_flow": now.brain_flow,
        "flow": now.flow,
        "arterial_O2": now.arterial_pressure[0],
        "arterial_CO2": now.arterial_pressure[1],
        "brain_O2_pressure": now.brain_pressure[0],
        "brain_CO2_pressure": now.brain_pressure[1],
        "opioid_plasma": now.crowding * y.opioid_central / p.V_F,
        "antagonist_plasma": y.antagonist_central + now.crowding * y.antagonist_vein / p.V_V,
    }


def _kinetics(y: Any, p: Any, now: Instant) -> dict[str, Any]:
    """Opioid and antagonist between dose and effect site; a fast circulation halves the volumes (`crowding`), not the rate constants."""
    absorbed = p.k_abs * y.antagonist_transit_2
    exchanged = p.Q_N * (y.antagonist_central - y.antagonist_peripheral)
    plasma = y.antagonist_central + now.crowding * y.antagonist_vein / p.V_V
    vein, vein_fast, vein_slow = y.antagonist_vein, y.antagonist_vein_fast, y.antagonist_vein_slow
    return {
        "opioid_central": p.k21 * y.opioid_fast
        + p.k31 * y.opioid_slow
        - (p.k10 + p.k12 + p.k13) * y.opioid_central,
        "opioid_fast": p.k12 * y.opioid_central - p.k21 * y.opioid_fast,
        "opioid_slow": p.k13 * y.opioid_central - p.k31 * y.opioid_slow,
        "opioid_effect": p.k_eF * (now.crowding * y.opioid_central / p.V_F - y.opioid_effect),
        "antagonist_depot": -p.k_tr * y.antagonist_depot,
        "antagonist_transit_1": p.k_tr * (p.F * y.antagonist_depot - y.antagonist_transit_1),
        "antagonist_transit_2": p.k_tr * y.antagonist_transit_1 - absorbed,
        "antagonist_central": now.crowding / p.V_N1 * (absorbed - p.CL_N * y.antagonist_central - exchanged),
        "antagonist_peripheral": exchanged / p.V_N2,
        "antagonist_vein": p.k21_V * vein_fast + p.k31_V * vein_slow - (p.k10_V + p.k12_V + p.k13_V) * vein,
        "antagonist_vein_fast": p.k12_V * vein - p.k21_V * vein_fast,
        "antagonist_vein_slow": p.k13_V * vein - p.k31_V * vein_slow,
        "antagonist_effect": p.k_eN * (plasma - y.antagonist_effect),
    }


def _receptor(y: Any, p: Any) -> dict[str, Any]:
    """Both ligands compete for one pool: d rho = kon (1 - rho_F - rho_N) (e / 1 pM)^n - koff rho."""
    free = 1.0 - y.opioid_bound - y.antagonist_bound
    opioid = power(maximum(y.opioid_effect / p.reference, SMALLEST), p.n_F)
    antagonist = power(maximum(y.antagonist_effect / p.reference, SMALLEST), p.n_N)
    return {
        "opioid_bound": p.kon_F * free * opioid - p.koff_F * y.opioid_bound,
        "antagonist_bound": p.kon_N * free * antagonist - p.koff_N * y.antagonist_bound,
    }


def _stores(y: Any, p: Any, now: Instant) -> dict[str, Any]:
    """Gas in lung, brain and tissue; metabolism falls a little with wakefulness and stops for want of oxygen."""
    air = p.phi_A * now.ventilation
    blood = p.kappa * now.flow * (1.0 - p.s)
    (capillary_o, capillary_c), (venous_o, venous_c), (arterial_o, arterial_c) = (
        now.capillary,
        now.venous,
        now.arterial,
    )
    alertness = power(maximum(maximum(now.wakefulness, 0.0) / p.W_scale, SMALLEST), p.gamma_m)
    production, consumption = maximum(alertness, p.mu_C), maximum(alertness, p.mu_O)
    brain_lack = minimum(1.0, now.brain_pressure[0] / p.P_crit)
    tissue_lack = minimum(1.0, now.tissue_pressure[0] / p.P_crit)
    return {
        "alveolar_CO2": (air * (p.P_IC - y.alveolar_CO2) + blood * (venous_c - capillary_c)) / p.V_A,
        "alveolar_O2": (air * (p.P_IO - y.alveolar_O2) + blood * (venous_o - capillary_o)) / p.V_A,
        "brain_CO2": (now.brain_flow * (arterial_c - now.brain[1]) + p.M_BC * production * brain_lack)
        / p.V_B,
        "brain_O2": (now.brain_flow * (arterial_o - now.brain[0]) - p.M_BO * consumption * brain_lack)
        / p.V_B,
        "tissue_CO2": (now.tissue_flow * (arterial_c - now.tissue[1]) + p.M_TC * production * tissue_lack)
        / p.V_T,
        "tissue_O2": (now.tissue_flow * (arterial_o - now.tissue[0]) - p.M_TO * consumption * tissue_lack)
        / p.V_T,
    }


def _circulation(y: Any, p: Any, now: Instant) -> dict[str, Any]:
    """Flow answers CO2 and want of O2; once collapse has begun, what is left of the circulation only falls."""
    oxygen, carbon_dioxide = now.arterial_pressure
    to_co2 = (p.a_psi + p.b_psi * logistic((carbon_dioxide - p.c_psi) / p.d_psi)) * p.m_br / p.Q_B0
    to_o2 = minimum(p.psi_cap, p.A_psiO * (exp(-oxygen / p.B_psiO) - exp(-p.P_psiO / p.B_psiO)))
    collapse = p.kappa_T * (p.k_CA_base + p.k_CA_CO2 * carbon_dioxide / p.P_kT)
    return {
        "flow_CO2": (to_co2 - y.flow_CO2) / p.tau_psiC,
        "flow_O2": (to_o2 - y.flow_O2) / p.tau_psiO,
        "circulation": -p.collapsing * collapse * y.circulation,
    }


def _drives(y: Any, p: Any, now: Instant, past: Any) -> dict[str, Any]:
    """The two chemoreflexes, dulled by the bound opioid of this moment, and the gain that brain oxygen gives the peripheral one."""
    alert = 1.0 - power(now.engaged, p.gamma_c)
    carotid = discharge(past.arterial_O2, past.arterial_CO2, p)
    brain_oxygen = minimum(maximum(now.brain_pressure[0], p.P_h_min), p.P_h_max)
    return {
        "peripheral_drive": (alert * p.G_p * (carotid - p.f_0) - y.peripheral_drive) / p.tau_p,
        "central_drive": (alert * p.G_c * (past.brain_CO2 - p.P_c0) - y.central_drive) / p.tau_c,
        "hypoxic_gain": (1.0 + p.G_h * (brain_oxygen - p.P_h0) / p.P_h0 - y.hypoxic_gain) / p.tau_h,
    }


def _flow(y: Any, p: Any) -> Any:
    return (p.Q_B0 * (1.0 + y.flow_CO2 + y.flow_O2) + p.Q_T0 * (1.0 + p.r_T * y.flow_O2)) * y.circulation


def peripheral_delay(t: Any, y: Any, p: Any) -> Any:
    """Seconds from lung to carotid body: K_p over the present flow, 0 when there is next to none."""
    return where(_flow(y, p) < p.Q_low, 0.0, p.K_p / _flow(y, p))


def central_delay(t: Any, y: Any, p: Any) -> Any:
    """Seconds from lung to brain stem: K_c over the present flow, 0 when there is next to none."""
    return where(_flow(y, p) < p.Q_low, 0.0, p.K_c / _flow(y, p))


@cache
def system() -> System:
    """The model as the engine takes it; the drug states start at 0, the others where `subjects.steady_start` says."""
    return System(
        name="ventilation",
        states=STATES,
        parameters=PARAMETERS,
        derivatives=derivatives,
        outputs=OUTPUTS,
        observe=observe,
        time_unit="s",
        delays={
            "arterial_O2": Delay(of="arterial_O2", by=peripheral_delay, before="present"),
            "arterial_CO2": Delay(of="arterial_CO2", by=peripheral_delay, before="present"),
            "brain_CO2": Delay(of="brain_CO2_pressure", by=central_delay, before="present"),
        },
    )
