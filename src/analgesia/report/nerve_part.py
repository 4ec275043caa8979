"""What a report shows of the nerve for the claims whose endpoint asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analgesia.claims.judge import Judgement
from analgesia.claims.sentences import plain, signed
from analgesia.evidence import Library
from analgesia.nerve.block import BATH
from analgesia.nerve.block import LENGTH as BATHED
from analgesia.nerve.ectopia import ACTIVE
from analgesia.report import nerve_figures, nerve_runs
from analgesia.report.markup import Content, Markup, element, figure, table
from analgesia.report.nerve_runs import Train

LATENCY_CAPTION = (
    "Latency of every pulse of a train at two a second, 18 mm along a simulated C fibre that lies in the drug over its whole length. "
    "A fibre that is used slows, and block grows with use. "
)
KYMOGRAPH_CAPTION = (
    "One spike on its way: brightness is voltage, upwards is along the fibre, to the right is time. Between the dashed lines the fibre "
    "lies in the drug; with too much of it the spike ends there."
)
RASTER_CAPTION = (
    "Spikes that nobody asked for: the same simulated ganglion cells in health and in disease, one row each, one tick for each spike; "
    f"active from {ACTIVE:g} spikes a second on. "
    "The share of active cells was fitted to a count in patients; when they fire was not."
)
BLOCK_CAPTION = (
    "Above: for each concentration the share of guesses under which a fibre in that bath is stopped. For lidocaine guesses lie within "
    "what measured constants leave open, for {drug} within a prior made from one finding on isolated nerve. Below: free peaks in people, "
    "median and 90 % interval."
)
HEAT_CAPTION = (
    "Impulses a second of a simulated nociceptor over heat: healthy, inflamed, and inflamed under each regimen by way of prostaglandin "
    "alone (medians; band: 90 % interval over what is not known). The thin line is the heat of the table."
)
WAYS_CAPTION = (
    "The same change split by way of action: dot, median; bar, 90 % interval over what is not known. Dashed: what taking away all "
    "prostaglandin of inflammation would do, with its interval in grey. How strongly opioid receptors act on an ending is assumed."
)


def nerve_part(judgement: Judgement, library: Library) -> Markup | None:
    """Pictures and numbers of the nerve behind a prediction; nothing where the endpoint does not ask it."""
    if nerve_runs.asks_the_nerve(judgement):
        return _conduction(judgement, library)
    if "curves" in judgement.series and judgement.prediction.context:
        return _ending(judgement)
    return None


def _conduction(judgement: Judgement, library: Library) -> Markup:
    drug, context = nerve_runs.drug_of(judgement), judgement.prediction.context
    condition = nerve_runs.condition_of(judgement, library)
    trains = nerve_runs.trains(judgement, library)
    distance = trains[0].found.electrodes[2] / 1e3
    blocks = {
        f"{drug} (prior)": judgement.series["blocking"],
        nerve_runs.REFERENCE: nerve_runs.reference_blocks(library),
    }
    raster = (
        None if condition is None else nerve_figures.raster_figure(nerve_runs.discharge(condition, library))
    )
    bath = (BATH[0] * BATHED, BATH[1] * BATHED)
    titles = ("no drug", f"{nerve_runs.REFERENCE}, {nerve_runs.ABOVE:g} times what blocks")
    return element(
        "div",
        element("h4", "The nerve fibre behind it"),
        figure(
            nerve_figures.block_figure(blocks, context["free_peak_uM"], drug), BLOCK_CAPTION.format(drug=drug)
        ),
        figure(nerve_figures.latency_figure(trains, distance), LATENCY_CAPTION + apart_words(trains, drug)),
        figure(
            nerve_figures.kymograph_figure(nerve_runs.crossings(library), titles, ((), bath)),
            KYMOGRAPH_CAPTION,
        ),
        figure(raster, RASTER_CAPTION),
    )


def apart_words(trains: Sequence[Train], drug: str) -> str:
    """How far the train under the drug lies from that of the healthy fibre."""
    latency = {one.key: one.found.latency for one in trains}
    both = np.isfinite(latency["healthy"]) & np.isfinite(latency["drug"])
    if not both.any():
        return f"Under {drug}, whose block is a guess, nothing arrives."
    share = float(np.max(np.abs(latency["drug"][both] / latency["healthy"][both] - 1.0)))
    said = "less than 0.1 %" if share < 1e-3 else f"{100.0 * share:.2g} %"
    return (
        f"Under {drug}, whose block is a guess, latencies differ from those of the healthy fibre by {said}."
    )


def _ending(judgement: Judgement) -> Markup:
    context, series = judgement.prediction.context, judgement.series
    current = context["c_fibre_threshold_nA"]
    return element(
        "div",
        element("h4", "The inflamed nerve ending behind it"),
        figure(
            nerve_figures.heat_figure(series["heat"], series["curves"], context["heat_degC"]), HEAT_CAPTION
        ),
        figure(nerve_figures.ways_figure(context), WAYS_CAPTION),
        table(
            f"The inflamed ending at {context['heat_degC']:g} °C: median (90 % interval over what is not known)",
            (
                "Regimen",
                "Prostaglandin stopped (%)",
                "Change of firing by it (%)",
                "By opioid receptors on the ending (%)",
                "By both (%)",
            ),
            [
                *(ending_row(arm, one) for arm, one in context["arms"].items()),
                (
                    "all prostaglandin of inflammation taken away",
                    "100",
                    signed_cell(context["change_percent_without_inflammation"]),
                    "",
                    "",
                ),
            ],
            class_="numbers",
        ),
        element(
            "p",
            f"Without a drug the ending fires {_cell(context['firing_hz']['inflamed'])} impulses a second inflamed and "
            f"{_cell(context['firing_hz']['healthy'])} healthy, at {_cell(context['prostaglandin_e2_nM']['inflamed'])} and "
            f"{_cell(context['prostaglandin_e2_nM']['healthy'])} nM of prostaglandin E2. In the cable of a C fibre the same prostaglandin "
            f"lowers the current that starts a spike by {100.0 * (1.0 - current['inflamed'] / current['healthy']):.0f} %.",
            class_="note",
        ),
    )


def ending_row(arm: str, one: Mapping[str, Any]) -> tuple[Content, ...]:
    """One regimen as a row."""
    change = one["change_percent"]
    return (
        arm,
        _cell(one["prostaglandin_stopped_percent"]),
        *(signed_cell(change[way]) for way in ("prostaglandin", "opioid", "both")),
    )


def signed_cell(one: Mapping[str, Any]) -> str:
    """Median and interval of a change."""
    return _cell(one, signed)


def _cell(one: Mapping[str, Any], write: Any = plain) -> str:
    if one["median"] is None:
        return "could not be computed"
    low, high = one["interval90"]
    return f"{write(one['median'])} ({write(low)} to {write(high)})"
