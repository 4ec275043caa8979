"""Oxygen and carbon dioxide of blood: content from partial pressures and back, and what the carotid body makes of them.

Equations of Spencer, Firouztale and Mellins (1979) as used in doi 10.1002/cpt.2696. `p` holds the constants: `Z` (L/mmol), capacities
`c_O`, `c_C` (mmol/L), half-pressures `K_O`, `K_C` (mmHg), shapes `a_O`, `a_C`, Bohr `alpha_O`, `beta_O` and Haldane `alpha_C`, `beta_C`
(1/mmHg). Works on floats, arrays and symbols alike.
"""

from __future__ import annotations

from typing import Any

from analgesia.engine import exp, log, maximum, power, sqrt

SMALLEST = 1e-30
"""Stands for 0 below a power, whose slope there is infinite or undefined."""


def contents(oxygen: Any, carbon_dioxide: Any, p: Any) -> tuple[Any, Any]:
    """O2 and CO2 content of blood (L gas per L) at partial pressures `oxygen` and `carbon_dioxide` (mmHg, >= 0).

    D_O = P_O (1 + beta_O P_C)/(1 + alpha_O P_C),  X_O = Z c_O r/(1 + r),  r = (D_O/K_O)^(1/a_O);  CO2 with the letters exchanged.
    """
    virtual_o = oxygen * (1.0 + p.beta_O * carbon_dioxide) / (1.0 + p.alpha_O * carbon_dioxide)
    virtual_c = carbon_dioxide * (1.0 + p.beta_C * oxygen) / (1.0 + p.alpha_C * oxygen)
    ratio_o = power(maximum(virtual_o / p.K_O, SMALLEST), 1.0 / p.a_O)
    ratio_c = power(maximum(virtual_c / p.K_C, SMALLEST), 1.0 / p.a_C)
    return p.Z * p.c_O * ratio_o / (1.0 + ratio_o), p.Z * p.c_C * ratio_c / (1.0 + ratio_c)


def pressures(oxygen: Any, carbon_dioxide: Any, p: Any) -> tuple[Any, Any]:
    """Partial pressures of O2 and CO2 (mmHg) at contents `oxygen` and `carbon_dioxide` (L/L): the exact inverse of `contents`.

    The two virtual pressures D follow from the contents; eliminating one pressure leaves a quadratic for the other.
    """
    virtual_o = p.K_O * power(oxygen / (p.Z * p.c_O - oxygen), p.a_O)
    virtual_c = p.K_C * power(carbon_dioxide / (p.Z * p.c_C - carbon_dioxide), p.a_C)
    cross = p.alpha_O * p.alpha_C * virtual_o * virtual_c
    return (
        _positive_root(
            p.beta_O * p.alpha_C * virtual_c + p.beta_C,
            1.0 + p.beta_O * virtual_c - p.beta_C * virtual_o - cross,
            virtual_o * (1.0 + p.alpha_O * virtual_c),
        ),
        _positive_root(
            p.beta_C * p.alpha_O * virtual_o + p.beta_O,
            1.0 + p.beta_C * virtual_o - p.beta_O * virtual_c - cross,
            virtual_c * (1.0 + p.alpha_C * virtual_o),
        ),
    )


def _positive_root(a: Any, b: Any, c: Any) -> Any:
    """The positive root of a x^2 + b x - c = 0 for a, c > 0."""
    return (sqrt(b * b + 4.0 * a * c) - b) / (2.0 * a)


def discharge(oxygen: Any, carbon_dioxide: Any, p: Any) -> Any:
    """Discharge of the peripheral chemoreceptors (1/s) at arterial pressures (mmHg).

    K_f ln(P_C/P_f) (f_max + f_min E)/(1 + E),  E = exp((P_O - P_f50)/w_f).
    """
    hyperoxia = exp((oxygen - p.P_f50) / p.w_f)
    return p.K_f * log(carbon_dioxide / p.P_f) * (p.f_max + p.f_min * hyperoxia) / (1.0 + hyperoxia)
