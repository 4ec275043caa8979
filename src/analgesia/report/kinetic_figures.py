"""The picture of one exposure study: concentrations over time, and every printed statistic against simulated studies of its size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analgesia.calibration import Comparison, Course
from analgesia.errors import ModelError
from analgesia.report.figures import (
    GRID,
    INK,
    LETTER,
    SERIES,
    SOFT,
    WIDTH,
    drawing,
    positional,
    svg,
)
from analgesia.report.markup import Markup
from analgesia.report.pictures import save

COLOURS = {"calibrate": SERIES[0], "validate": SERIES[1]}
ROLE_WORDS = {"calibrate": "used to fit: agreement checks the fit", "validate": "held back: tests the model"}

STATISTIC_WORDS = {
    "cmax": "peak",
    "tmax": "time of peak",
    "half_life": "half-life",
    "auc_inf": "area to infinity",
    "auc_last": "area to last sample",
    "auc_interval": "area over an interval",
    "ratio_to_parent": "ratio to parent",
    "accumulation": "accumulation",
}
"""Kinetic statistics as they are called on the page."""


def statistic_words(one: Comparison) -> str:
    """A statistic and how it was summarised."""
    return f"{STATISTIC_WORDS.get(one.statistic, one.statistic.replace('_', ' '))} ({one.summary.replace('_', ' ')})"


COLUMNS = 4
PANEL, ROW, LEFT, RIGHT, GAP = 1.25, 0.2, 0.55, 0.12, 0.42
"""Height of a panel, height of a row, margins, and room between panels, in inches."""

EARLIEST = 0.2
"""h; where the logarithmic time axis begins."""

POINTS = 60
"""Points of a curve, evenly spaced on that axis."""


def study_figure(rows: Sequence[Comparison], courses: Sequence[Course]) -> Markup | None:
    """The picture of one study as a part of the page."""
    name = f"kinetics-{rows[0].study.replace('_', '-')}" if rows else ""
    with drawing(name):
        figure = study_picture(rows, courses)
        if figure is None:
            return None
        words = "; ".join(
            f"{one.analyte}, {statistic_words(one)}: published {one.published:.3g}, simulated {one.simulated:.3g} "
            f"({one.interval90[0]:.3g} to {one.interval90[1]:.3g}) {one.unit}"
            for one in rows
        )
        return svg(figure, name, f"{rows[0].title}, published and simulated", words)


def save_study(rows: Sequence[Comparison], courses: Sequence[Course], path: Path) -> None:
    """The picture of one study as a file of its own (png, svg or pdf). Raises ModelError where there is nothing to draw."""
    with drawing("kinetics"):
        figure = study_picture(rows, courses)
        if figure is None:
            raise ModelError("nothing of this study could be simulated: there is no picture")
        save(figure, path)


def study_picture(rows: Sequence[Comparison], courses: Sequence[Course]) -> Any:
    """A figure with one panel for each analyte over time and, below, one row for each printed value; None where nothing can be drawn.

    Panels: median and 90 % band over people and ignorance; the cross is the printed peak at its printed time with the printed ranges.
    Rows: 90 % interval of the statistic of simulated studies, divided by the printed value.
    """
    from matplotlib import pyplot as plt

    seen = [one for one in rows if np.isfinite([one.ratio, *one.interval90]).all()]
    if not seen:
        return None
    columns = min(COLUMNS, max(len(courses), 1))
    lines = -(-len(courses) // columns)
    head, foot = 0.42, 0.48
    panels = lines * (PANEL + GAP) + (0.2 if lines else 0.0)
    height = head + panels + ROW * len(seen) + foot
    figure = plt.figure(figsize=(WIDTH, height))
    width = min((WIDTH - LEFT - RIGHT - (columns - 1) * GAP) / columns, 2.6)
    for at, course in enumerate(courses):
        line, column = divmod(at, columns)
        axes = figure.add_axes(
            (
                (LEFT + column * (width + GAP)) / WIDTH,
                1.0 - (head + 0.05 + line * (PANEL + GAP) + PANEL) / height,
                width / WIDTH,
                PANEL / height,
            )
        )
        own = [one for one in seen if one.analyte == course.analyte]
        _course(axes, course, own, first=column == 0, last=at + columns >= len(courses))
    labels = [f"{one.analyte}, {statistic_words(one)}" for one in seen]
    left = LETTER * 0.9 * max(map(len, labels)) + 0.1
    axes = figure.add_axes(
        (left / WIDTH, foot / height, 1.0 - (left + RIGHT) / WIDTH, ROW * len(seen) / height)
    )
    _rows(axes, seen, labels)
    figure.text(
        0.1 / WIDTH,
        1.0 - 0.16 / height,
        f"{seen[0].title}. {ROLE_WORDS[seen[0].role].capitalize()}.",
        fontsize=9,
        va="center",
    )
    return figure


def _course(axes: Any, course: Course, rows: Sequence[Comparison], *, first: bool, last: bool) -> None:
    from matplotlib.ticker import NullLocator

    colour = COLOURS[rows[0].role] if rows else SERIES[0]
    wanted = np.geomspace(EARLIEST, course.times[-1], POINTS)
    shown = np.unique([*np.searchsorted(course.times, wanted[:-1]).tolist(), course.times.size - 1])
    time, (low, middle, high) = course.times[shown], course.bands[:, shown]
    floor = max(course.limit, float(np.nanmax(high)) * 1e-4) / 2.0
    axes.fill_between(
        time, np.maximum(low, floor), np.maximum(high, floor), color=colour, alpha=0.18, linewidth=0
    )
    axes.plot(time, np.where(middle > floor, middle, np.nan), color=colour, linewidth=1.5)
    if course.limit > 0.0:
        axes.axhline(course.limit, color=SOFT, linewidth=0.8, linestyle=":")
    peaks = {one.statistic: one for one in rows if one.summary in ("median", "mean")}
    if "cmax" in peaks and "tmax" in peaks:
        x, y = peaks["tmax"], peaks["cmax"]
        reach = {
            key: [[one.published - one.published_low], [one.published_high - one.published]]
            for key, one in (("xerr", x), ("yerr", y))
            if one.published_low is not None and one.published_high is not None
        }
        axes.errorbar([x.published], [y.published], **reach, fmt="x", color=INK, markersize=5, linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(EARLIEST, float(time[-1]))
    axes.set_ylim(bottom=floor)
    ticks = [tick for tick in (0.5, 2, 8, 24, 120) if tick <= time[-1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=7.5)
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(positional)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_title(course.analyte + (f", after {course.dose}" if course.several else ""), fontsize=7.5)
    if last:
        axes.set_xlabel("hours after the dose", fontsize=7)
    if first:
        axes.set_ylabel("ng/mL", fontsize=7)


def _rows(axes: Any, rows: Sequence[Comparison], labels: Sequence[str]) -> None:
    for place, one in enumerate(rows):
        colour = COLOURS[one.role]
        low, high = (value / one.published for value in one.interval90)
        axes.plot([low, high], [place] * 2, color=colour, linewidth=2.2, alpha=0.6, solid_capstyle="round")
        axes.plot([one.ratio], [place], "o", color=colour, markersize=4.5)
        if one.published_low and one.published_high:
            axes.plot(
                [one.published_low / one.published, one.published_high / one.published],
                [place + 0.3] * 2,
                color=SOFT,
                linewidth=0.8,
            )
        if not one.inside:
            axes.text(
                0.99,
                place,
                "outside",
                transform=axes.get_yaxis_transform(),
                fontsize=7.5,
                ha="right",
                va="center",
            )
    axes.axvline(1.0, color=INK, linewidth=1.0)
    axes.set_xscale("log")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), labels, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xticks([0.2, 0.5, 1, 2, 5])
    axes.tick_params(axis="x", labelsize=8)
    reach = max(
        4.0, *(max(one.interval90[1] / one.published, one.published / one.interval90[0]) for one in rows)
    )
    axes.set_xlim(1.0 / reach, reach)
    axes.xaxis.set_major_formatter(positional)
    axes.xaxis.set_minor_formatter(lambda _value, _place: "")
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_xlabel("simulated ÷ published (thin line: printed range)", fontsize=8)
