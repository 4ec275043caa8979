"""The picture of an exposure: median and 90 % band of each analyte over time."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analgesia.errors import ModelError
from analgesia.exposures.report import BAND, Exposure
from analgesia.files import check_picture, save_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0b6e99", "#c4602d", "#5b7f2b", "#7a4e9e", "#b8860b", "#a23b5e", "#4a6fa5", "#6b6b6b")
"""Taken in turn; a tea has as many analytes."""


def figure(exposure: Exposure, path: Path | None = None, *, logarithmic: bool = False) -> Figure:
    """Draw an exposure that was made with `curves=True`; the figure is saved where `path` says, in the format of its ending.

    Raises ModelError when no curves were kept or the format is unknown.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not exposure.curves:
        raise ModelError("no curves were kept; make the exposure with curves=True")
    picture = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(picture)
    if path is not None:
        check_picture(path)
    axes = picture.add_subplot()
    for colour, (name, drawn) in zip(cycle(COLOURS), exposure.curves.items(), strict=False):
        _band(axes, exposure, drawn, colour, name)
        limit = exposure.regimen["lloq"][name]["value"]
        if logarithmic and limit > 0:
            axes.axhline(limit, color=colour, linewidth=0.8, linestyle=":")
    if logarithmic:
        limits = [entry["value"] for entry in exposure.regimen["lloq"].values() if entry["value"] > 0]
        axes.set_yscale("log")
        axes.set_ylim(bottom=min(limits, default=0.01) / 3)
    else:
        axes.set_ylim(bottom=0)
    asked = exposure.regimen
    several = f", {asked['doses']} doses, one every {asked['every']}" if asked["doses"] > 1 else ""
    axes.set_xlim(left=0)
    axes.set_xlabel("time after the first dose (h)" if several else "time after the dose (h)")
    axes.set_ylabel("total plasma concentration (ng/mL)")
    axes.set_title(
        f"{asked['item']}, {asked['dose']}{several}\nmedian and 90 % of {asked['patients']} people",
        fontsize=10,
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    if path is not None:
        save_picture(picture, path, dpi=150)
    return picture


def _band(axes: Any, exposure: Exposure, drawn: Any, colour: str, name: str) -> None:
    """Median line and 90 % band of one analyte."""
    low, middle, high = np.nanpercentile(drawn, (BAND[0], 50.0, BAND[1]), axis=0)
    axes.fill_between(exposure.curve_times, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(exposure.curve_times, middle, color=colour, label=name)
