"""The structural model: one set of equations, true of every drug, from the gut to the unbound sites of action.

For each drug d (amounts in nmol, concentrations in nM = nmol/L, C = central / V the total plasma concentration):

    d solid/dt      = -k_diss solid
    uptake          = k_abs lumen / (1 + s lumen)                          saturable where s > 0
    d lumen/dt      = k_diss solid - uptake - k_loss lumen                 transit and degradation compete with uptake
    F_gut           = Q_gut / (Q_gut + CLint_gut G)                        gut wall, G = active CYP3A there
    portal          = F_gut uptake (+ what the gut wall makes of a parent)
    K               = CLint_3A A + CLint_other                             A = active CYP3A in the liver
    metabolised     = K / (Q_h + K) (portal + Q_h C + formed in liver)     well-stirred liver
    d central/dt    = portal + formed + depot - metabolised - distribution - renal - other - plasma conversion
    d site/dt       = k_site (Kp,uu fu C - site)                           unbound, takes no mass from plasma

A metabolite is formed as `yield` times what one way (`formed_from.by`) takes of its parent: CYP3A in gut wall and liver
("cyp3a", unless stated), the rest of the liver's metabolism ("other"), or plasma ("plasma"). What gut wall and liver form is
exposed to the liver before it reaches the circulation. Active CYP3A turns over and is destroyed by a time-dependent inactivator:

    dE/dt = k_turnover (1 - E) - E sum_d k_inact I_d / (K_I + I_d),   I_liver = fu (C + portal / Q_h),   I_gut = uptake / Q_gut

Ignored: red-cell partition (flows are plasma-equivalent), transporters other than the saturable uptake, reversible inhibition
(constants of several uM against unbound concentrations of tens of nM), enterohepatic recirculation.
Sources of the form: well-stirred liver and Q_gut as in Rostami-Hodjegan & Tucker; enzyme turnover as in Mayhew 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analgesia.engine import System, maximum
from analgesia.signals import SITES

TISSUES = tuple(site for site in SITES if site != "plasma")
"""Sites that equilibrate with unbound plasma at a finite rate; each is a state."""

WAYS = ("cyp3a", "other", "plasma")
"""By which a metabolite may be formed from its parent."""

DRUG_STATES: Mapping[str, str] = {
    "solid": "nmol",
    "lumen": "nmol",
    "depot": "nmol",
    "central": "nmol",
    "peripheral": "nmol",
    "deep": "nmol",
    "urine": "nmol",
    "eliminated": "nmol",
    **dict.fromkeys(TISSUES, "nM"),
}

DRUG_PARAMETERS: Mapping[str, str] = {
    "molar_mass": "kg/mol",
    "dissolution_rate": "1/h",
    "absorption_rate": "1/h",
    "absorption_saturation": "1/nmol",
    "gut_loss_rate": "1/h",
    "depot_absorption_rate": "1/h",
    "gut_intrinsic_clearance": "L/h",
    "cyp3a_intrinsic_clearance": "L/h",
    "other_intrinsic_clearance": "L/h",
    "renal_clearance": "L/h",
    "extrahepatic_clearance": "L/h",
    "plasma_conversion_rate": "1/h",
    "formation_yield": "1",
    "central_volume": "L",
    "peripheral_volume": "L",
    "peripheral_flow": "L/h",
    "deep_volume": "L",
    "deep_flow": "L/h",
    "unbound_fraction": "1",
    "cyp3a_inactivation_rate": "1/h",
    "cyp3a_inactivation_constant": "nM",
    **{f"{site}_partition": "1" for site in TISSUES},
    **{f"{site}_equilibration_rate": "1/h" for site in TISSUES},
}

BODY_PARAMETERS: Mapping[str, str] = {
    "hepatic_flow": "L/h",
    "gut_flow": "L/h",
    "plasma_volume": "L",
    "cyp3a_liver_turnover": "1/h",
    "cyp3a_gut_turnover": "1/h",
}

BODY_STATES: Mapping[str, str] = {"cyp3a_liver": "1", "cyp3a_gut": "1"}


ABSOLUTE_TOLERANCE: Mapping[str, float] = {"nmol": 1e-5, "nM": 1e-7, "1": 1e-8}
"""Error allowed of a state near 0, by unit: far below what any assay sees."""


def absolute_tolerances(drugs: Sequence[Any]) -> dict[str, float]:
    """`atol` for `solve` of the system of `drugs`, per state."""
    return {state: ABSOLUTE_TOLERANCE[unit] for state, unit in system(drugs).states.items()}


@dataclass(frozen=True)
class Structure:
    """What the equations must know of a drug besides numbers: its name and, for a metabolite, its parent and the way."""

    name: str
    parent: str | None = None
    formed_by: str = "cyp3a"


def system(drugs: Sequence[Any]) -> System:
    """Kinetics of all `drugs` present together; each offers `.name` and `.parent` (`Structure` or `DrugKinetics`).

    States and parameters are called `<drug>.<name>` and `body.<name>`. Outputs: `<drug>.total` (total plasma concentration,
    ng/mL) and, per site, `<drug>.<site>` (unbound, nM).
    """
    plan = tuple(Structure(drug.name, drug.parent, getattr(drug, "formed_by", "cyp3a")) for drug in drugs)
    names = [drug.name for drug in plan]
    return System(
        name="pharmacokinetics of " + ", ".join(names),
        states={
            **{f"{name}.{state}": unit for name in names for state, unit in DRUG_STATES.items()},
            **{f"body.{state}": unit for state, unit in BODY_STATES.items()},
        },
        parameters={
            **{f"{name}.{key}": unit for name in names for key, unit in DRUG_PARAMETERS.items()},
            **{f"body.{key}": unit for key, unit in BODY_PARAMETERS.items()},
        },
        derivatives=_derivatives(plan),
        outputs={
            **{f"{name}.total": "ng/mL" for name in names},
            **{f"{name}.{site}": "nM" for name in names for site in SITES},
        },
        observe=_observe(plan),
        time_unit="h",
        initial={f"body.{state}": 1.0 for state in BODY_STATES},
    )


@dataclass(frozen=True)
class Fluxes:
    """What a drug hands to its metabolite and to the enzyme: amounts per hour, and inlet concentrations in nM."""

    gut_cyp3a: Any
    liver_cyp3a: Any
    liver_other: Any
    plasma: Any
    gut_inlet: Any
    liver_inlet: Any
    changes: Mapping[str, Any]


def drug_fluxes(
    y: Any, p: Any, body: Any, liver: Any, gut: Any, parent: Fluxes | None, by: str = "cyp3a"
) -> Fluxes:
    """Rates of change of one drug's states, and what it hands on; `liver` and `gut` are the active fractions of CYP3A."""
    concentration = y.central / p.central_volume
    uptake = p.absorption_rate * y.lumen / (1.0 + p.absorption_saturation * y.lumen)
    lost = p.gut_loss_rate * y.lumen
    gut_work = p.gut_intrinsic_clearance * gut
    gut_metabolised = uptake * gut_work / (body.gut_flow + gut_work)
    portal = uptake - gut_metabolised
    formed: Any = 0.0
    appearing: Any = 0.0
    if parent is not None and by == "cyp3a":
        portal = portal + p.formation_yield * parent.gut_cyp3a
        formed = p.formation_yield * parent.liver_cyp3a
    elif parent is not None and by == "other":
        formed = p.formation_yield * parent.liver_other
    elif parent is not None:
        appearing = p.formation_yield * parent.plasma
    cyp3a_work = p.cyp3a_intrinsic_clearance * liver
    work = cyp3a_work + p.other_intrinsic_clearance
    per_work = (portal + formed + body.hepatic_flow * concentration) / (body.hepatic_flow + work)
    metabolised = work * per_work
    absorbed = p.depot_absorption_rate * y.depot
    renal = p.renal_clearance * concentration
    converted = p.plasma_conversion_rate * body.plasma_volume * concentration
    elsewhere = p.extrahepatic_clearance * concentration + converted
    to_peripheral = p.peripheral_flow * (concentration - y.peripheral / p.peripheral_volume)
    to_deep = p.deep_flow * (concentration - y.deep / p.deep_volume)
    unbound = p.unbound_fraction * concentration
    changes = {
        "solid": -p.dissolution_rate * y.solid,
        "lumen": p.dissolution_rate * y.solid - uptake - lost,
        "depot": -absorbed,
        "central": portal
        + formed
        + appearing
        + absorbed
        - metabolised
        - renal
        - elsewhere
        - to_peripheral
        - to_deep,
        "peripheral": to_peripheral,
        "deep": to_deep,
        "urine": renal,
        "eliminated": lost + gut_metabolised + metabolised + elsewhere,
    }
    for site in TISSUES:
        rate, partition = p[f"{site}_equilibration_rate"], p[f"{site}_partition"]
        changes[site] = rate * (partition * unbound - y[site])
    return Fluxes(
        gut_cyp3a=gut_metabolised,
        liver_cyp3a=cyp3a_work * per_work,
        liver_other=p.other_intrinsic_clearance * per_work,
        plasma=converted,
        gut_inlet=uptake / body.gut_flow,
        liver_inlet=p.unbound_fraction * (concentration + portal / body.hepatic_flow),
        changes=changes,
    )


def _derivatives(plan: tuple[Structure, ...]) -> Callable[[Any, Any, Any], Mapping[str, Any]]:
    """Rates of change of every state of the drugs in `plan` and of the enzyme they share."""

    def derivatives(t: Any, y: Any, p: Any) -> Mapping[str, Any]:
        body, enzyme = p.scope("body"), y.scope("body")
        changes: dict[str, Any] = {}
        fluxes: dict[str, Fluxes] = {}
        liver_loss: Any = 0.0
        gut_loss: Any = 0.0
        for drug in _parents_first(plan):
            own = p.scope(drug.name)
            flux = drug_fluxes(
                y.scope(drug.name),
                own,
                body,
                enzyme.cyp3a_liver,
                enzyme.cyp3a_gut,
                fluxes.get(drug.parent or ""),
                drug.formed_by,
            )
            fluxes[drug.name] = flux
            changes |= {f"{drug.name}.{state}": change for state, change in flux.changes.items()}
            fastest, half = own.cyp3a_inactivation_rate, own.cyp3a_inactivation_constant
            liver_loss = liver_loss + fastest * flux.liver_inlet / (half + flux.liver_inlet)
            gut_loss = gut_loss + fastest * flux.gut_inlet / (half + flux.gut_inlet)
        liver, gut = enzyme.cyp3a_liver, enzyme.cyp3a_gut
        changes["body.cyp3a_liver"] = body.cyp3a_liver_turnover * (1.0 - liver) - liver_loss * liver
        changes["body.cyp3a_gut"] = body.cyp3a_gut_turnover * (1.0 - gut) - gut_loss * gut
        return changes

    return derivatives


def _observe(plan: tuple[Structure, ...]) -> Callable[[Any, Any, Any], Mapping[str, Any]]:
    """Total plasma concentration and unbound concentration at each site; what rounding leaves below 0 is 0."""

    def observe(t: Any, y: Any, p: Any) -> Mapping[str, Any]:
        seen: dict[str, Any] = {}
        for drug in plan:
            state, own = y.scope(drug.name), p.scope(drug.name)
            concentration = maximum(state.central, 0.0) / own.central_volume
            seen[f"{drug.name}.total"] = concentration * own.molar_mass
            seen[f"{drug.name}.plasma"] = own.unbound_fraction * concentration
            seen |= {f"{drug.name}.{site}": maximum(state[site], 0.0) for site in TISSUES}
        return seen

    return observe


def _parents_first(plan: tuple[Structure, ...]) -> list[Structure]:
    """The drugs ordered so that a parent is worked out before its metabolite; a chain may be any length."""
    present = {drug.name: drug for drug in plan}
    ordered: dict[str, Structure] = {}

    def visit(drug: Structure) -> None:
        if drug.parent in present and drug.parent not in ordered:
            visit(present[drug.parent])
        ordered.setdefault(drug.name, drug)

    for drug in plan:
        visit(drug)
    return list(ordered.values())
