"""Myelinated fibres as delay lines: velocity, refractory time, and a concentration of each drug that blocks half of them.

    latency = distance / velocity          a pulse within the refractory time of the last conducted one is lost
    conducting share of fibres = 1 / (1 + sum of c / IC50)

Nothing here slows with use, and one fibre stands for all: under a drug it counts as blocked from half block on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.nerve.conduction import FIRST, SECOND, START, Array, Conduction

FILE = "a_fibres"
FIBRES = ("a_delta", "a_beta")
HALF_BLOCK = "half_block"
"""Key of a drug's nerve table that holds the concentration stopping half of the fibres, per class."""


def delay_line(
    fibre: str, times: Array, length: float, concentrations: Mapping[str, float], library: Library
) -> Conduction:
    """What a fibre of `length` mm conducts at `times` (ms) under unbound concentrations (uM).

    Raises `ModelError` for a drug whose block of these fibres was not measured and for pulses that do not ascend.
    """
    moments = np.asarray(times, float)
    if moments.size == 0 or np.any(np.diff(moments) <= 0.0) or not length > 0.0:
        raise ModelError("pulses must ascend and the length must be above 0 mm")
    numbers = library.neurons[FILE].parameters[fibre]
    velocity = float(numbers["velocity"].to("m/s"))
    refractory = float(numbers["refractory"].to("ms"))
    load = sum(amount / _half_block(drug, fibre, library) for drug, amount in concentrations.items())
    places = tuple(share * length for share in (START, FIRST, SECOND))
    conducted = np.zeros(len(moments), bool)
    last = -np.inf
    for k, t in enumerate(moments):
        if load < 1.0 and t - last >= refractory:
            conducted[k], last = True, t
    latency = np.where(conducted, places[2] / velocity, np.nan)
    spikes = tuple(moments[conducted] + place / velocity for place in places)
    return Conduction(
        moments, velocity if conducted.any() else np.nan, latency, np.where(conducted, 0.0, np.nan), conducted, np.nan, np.nan, np.nan,
        spikes, (places[0] * 1e3, places[1] * 1e3, places[2] * 1e3),
    )  # fmt: skip


def _half_block(drug: str, fibre: str, library: Library) -> float:
    """Concentration (uM) of a drug that stops half of the fibres of a class."""
    known = {
        name: record.nerve[HALF_BLOCK] for name, record in library.drugs.items() if HALF_BLOCK in record.nerve
    }
    if fibre not in known.get(drug, {}):
        raise ModelError(
            f"no block of {fibre} fibres is known for {drug}: write nerve.{HALF_BLOCK}.{fibre} in the drug's file; "
            f"known are {', '.join(name for name, fibres in known.items() if fibre in fibres)}"
        )
    return float(known[drug][fibre].to("uM"))
