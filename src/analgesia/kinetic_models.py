"""The classical compartment models, linear, by name.

Amounts A in mg, time in h. With k_i = flow out of compartment i over its volume

    depot' = -absorption_rate depot
    central' = absorption_rate depot - (clearance + sum of q_i) C + sum of q_i C_i,        C = central / central_volume
    peripheral_i' = q_i (C - C_i),                                                        C_i = peripheral_i / volume_i

and q_i the intercompartmental clearance. Compartments are numbered in the order of their states: with a depot 1 is the depot and
2 is central (NONMEM's ADVAN2, ADVAN4, ADVAN12), without one 1 is central (ADVAN1, ADVAN3, ADVAN11).

Source: Gibaldi & Perrier, Pharmacokinetics, 2nd ed., 1982, chapters 1 and 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from analgesia.engine.system import Namespace, System
from analgesia.errors import ModelError

_PERIPHERALS: Mapping[int, tuple[tuple[str, str, str], ...]] = {
    0: (),
    1: (("peripheral", "intercompartmental_clearance", "peripheral_volume"),),
    2: (
        ("peripheral", "intercompartmental_clearance", "peripheral_volume"),
        ("deep_peripheral", "deep_intercompartmental_clearance", "deep_peripheral_volume"),
    ),
}
_NAMES = {
    "one_compartment": (False, 0),
    "one_compartment_oral": (True, 0),
    "two_compartment": (False, 1),
    "two_compartment_oral": (True, 1),
    "three_compartment": (False, 2),
    "three_compartment_oral": (True, 2),
}
NAMES = tuple(_NAMES)


@cache
def kinetic_model(name: str) -> System:
    """The compartment model of that name; its output `concentration` is central / central_volume, mg/L."""
    if name not in _NAMES:
        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(NAMES)}"
        raise ModelError(f"no kinetic model `{name}`; {hint}")
    oral, count = _NAMES[name]
    peripherals = _PERIPHERALS[count]
    states = {"depot": "mg"} if oral else {}
    states |= {"central": "mg"} | {compartment: "mg" for compartment, _, _ in peripherals}
    parameters = {"clearance": "L/h", "central_volume": "L"}
    for _, flow, volume in peripherals:
        parameters |= {flow: "L/h", volume: "L"}
    if oral:
        parameters["absorption_rate"] = "1/h"
    return System(
        name=name,
        states=states,
        parameters=parameters,
        derivatives=_derivatives(oral, peripherals),
        outputs={"concentration": "mg/L"},
        observe=lambda t, y, p: {"concentration": y.central / p.central_volume},
    )


def _derivatives(
    oral: bool, peripherals: tuple[tuple[str, str, str], ...]
) -> Callable[..., Mapping[str, Any]]:
    def derivatives(t: Any, y: Namespace, p: Namespace) -> Mapping[str, Any]:
        concentration = y.central / p.central_volume
        central = -p.clearance * concentration
        rates = {}
        for compartment, flow, volume in peripherals:
            exchange = p[flow] * (concentration - y[compartment] / p[volume])
            rates[compartment] = exchange
            central = central - exchange
        if oral:
            absorbed = p.absorption_rate * y.depot
            rates["depot"] = -absorbed
            central = central + absorbed
        return rates | {"central": central}

    return derivatives
