"""The nerve ending: from heat, cold or pressure to a generator current and the rate of impulses, and what inflammation does to it.

    drive = 0 below threshold, (stimulus - threshold) / slope above            rate = most drive / (1 + drive)
    threshold moves with sensitisation:  T = T_rest - shift e,    e = E max c/(c + EC50)

Prostaglandin E2 shifts activation of the TTX-resistant current by up to -6 mV; it is made by cyclo-oxygenase, and an inhibitor with
occupancy o leaves 1 - o of what inflammation adds. TNF raises sodium currents. Opioid receptors on the ending close its calcium and
open its potassium channels: the drive is divided by 1 + k S with S the stimulus. Sources and statuses stand in `nociceptor_ending`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from analgesia.engine import maximum
from analgesia.errors import ModelError
from analgesia.evidence import Library, fill
from analgesia.nerve.states import NerveState

FILE = "nociceptor_ending"
MODALITIES = ("heat", "cold", "pressure")


@dataclass(frozen=True, kw_only=True)
class Mediators:
    """What prostaglandin E2 and TNF do to the sodium current of Nav1.8, and the concentrations of half of it."""

    prostaglandin_shift: Annotated[float, "mV"]
    prostaglandin_half: Annotated[float, "nM"]
    tumour_necrosis_sodium: Annotated[float, "1"]
    tumour_necrosis_half: Annotated[float, "nM"]


@dataclass(frozen=True, kw_only=True)
class Ending(Mediators):
    """Thresholds and slopes by kind of stimulus; greatest rate; sensitisation."""

    heat_threshold: Annotated[float, "degC"]
    heat_slope: Annotated[float, "delta_degC"]
    cold_threshold: Annotated[float, "degC"]
    cold_slope: Annotated[float, "delta_degC"]
    pressure_threshold: Annotated[float, "mN"]
    pressure_slope: Annotated[float, "mN"]
    greatest_rate: Annotated[float, "Hz"]
    prostaglandin_heat: Annotated[float, "delta_degC"]
    prostaglandin_pressure: Annotated[float, "1"]
    opioid_inhibition: Annotated[float, "1"]


def ending(library: Library) -> Ending:
    """Read the ending's numbers."""
    return fill(Ending, library.neurons[FILE].parameters)


def prostaglandin(inflamed: Any, cox_inhibition: Any = 0.0, rest: Any = 0.0) -> Any:
    """PGE2 at the ending, nM: what was there and what inflammation adds, of which an inhibitor of COX leaves a share."""
    return rest + (inflamed - rest) * (1.0 - cox_inhibition)


def rate(
    cell: Ending, modality: str, strength: Any, *, prostaglandin_e2: Any = 0.0, opioid: Any = 0.0
) -> Any:
    """Impulses per second under a steady stimulus: degrees C of heat or cold, mN of pressure; `prostaglandin_e2` in nM.

    `opioid`: stimulus of receptors on the ending, 0 to 1. Raises `ModelError` for an unknown kind of stimulus.
    """
    sensitised = sensitisation(prostaglandin_e2, cell.prostaglandin_half)
    if modality == "heat":
        excess = (strength - cell.heat_threshold + cell.prostaglandin_heat * sensitised) / cell.heat_slope
    elif modality == "cold":
        excess = (cell.cold_threshold - strength) / cell.cold_slope
    elif modality == "pressure":
        threshold = cell.pressure_threshold * (1.0 - cell.prostaglandin_pressure * sensitised)
        excess = (strength - threshold) / cell.pressure_slope
    else:
        raise ModelError(f"stimulus {modality!r} is not known; choose {', '.join(MODALITIES)}")
    return discharge(excess, cell.greatest_rate, cell.opioid_inhibition * opioid)


def sensitisation(prostaglandin_e2: Any, half: Any) -> Any:
    """Share of the greatest effect of prostaglandin E2: c / (c + EC50), both in nM."""
    return prostaglandin_e2 / (prostaglandin_e2 + half)


def discharge(excess: Any, greatest: Any, inhibition: Any) -> Any:
    """Impulses per second of a drive `excess` that opioids divide by 1 + `inhibition`; at most `greatest`."""
    drive = maximum(excess, 0.0) / (1.0 + inhibition)
    return greatest * drive / (1.0 + drive)


def inflamed(cell: Mediators, *, prostaglandin_e2: float = 0.0, tumour_necrosis: float = 0.0) -> NerveState:
    """What prostaglandin E2 and TNF (nM) do to the membrane of a C fibre near its ending."""
    if not (prostaglandin_e2 >= 0.0 and tumour_necrosis >= 0.0):  # nan is not either
        raise ModelError("concentrations of prostaglandin E2 and TNF are 0 or more")
    shift = cell.prostaglandin_shift * sensitisation(prostaglandin_e2, cell.prostaglandin_half)
    share = tumour_necrosis / (tumour_necrosis + cell.tumour_necrosis_half)
    factors: Mapping[str, float] = {"nav1_8": 1.0 + cell.tumour_necrosis_sodium * share} if share else {}
    return NerveState(factors, {"nav1_8": shift} if shift else {})
