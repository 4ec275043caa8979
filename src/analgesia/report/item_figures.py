"""Pictures of the pages of a drug and of a product: courses at every site, and what several sources measured of one quantity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from analgesia.claims.margins import Margin
from analgesia.evidence import Number
from analgesia.report.exposed import Exposed
from analgesia.report.figures import (
    COMPOUND_COLOURS,
    GRID,
    INK,
    LETTER,
    SERIES,
    SHORT_SITES,
    SOFT,
    WIDTH,
    drawing,
    frame,
    positional,
    source_words,
    svg,
)
from analgesia.report.markup import Markup
from analgesia.report.wording import spoken
from analgesia.signals import SITES

SPAN = 1e-4
"""Lowest concentration drawn, as a share of the highest."""

LABEL_LETTERS = 42
"""Longest label of a row; longer ones are cut, and stand in full in the table below."""

REACH_LETTERS = 54
"""The same for margins, whose picture needs less room."""

ROW, GAP = 0.22, 0.3
"""Height of a row and of the gap before a group, in inches."""


def safe(name: str) -> str:
    """A name as part of an id."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def courses_figure(exposed: Exposed, analytes: Sequence[str], name: str) -> Markup | None:
    """Free concentration at the four sites over time, one panel per site: median and 5-95 % band of each analyte."""
    from matplotlib import pyplot as plt

    shown = [
        one
        for one in analytes
        if any(np.nanmax(exposed.free.get((one, site), [0.0])) > 0.0 for site in SITES)
    ]
    if not shown:
        return None
    top = max(float(np.nanmax(exposed.free[one, site])) for one in shown for site in SITES)
    end = float(exposed.time[-1])
    colours = _colours(shown)
    with drawing(name):
        figure, panels = plt.subplots(2, 2, figsize=(WIDTH, 4.6), sharex=True, sharey=True)
        for axes, site in zip(panels.flat, SITES, strict=True):
            for one in shown:
                low, middle, high = np.maximum(exposed.free[one, site], top * SPAN / 10.0)
                axes.fill_between(exposed.time, low, high, color=colours[one], alpha=0.16, linewidth=0)
                axes.plot(exposed.time, middle, color=colours[one], linewidth=1.6, label=spoken(one))
            axes.set_title(SHORT_SITES[site], fontsize=9.0)
            axes.set_yscale("log")
            axes.set_ylim(top * SPAN, top * 1.7)
            axes.set_xlim(0.0, end)
            axes.set_xticks(np.arange(0.0, end + 0.1, _step(end)))
            axes.yaxis.set_major_formatter(positional)
        for axes in panels[:, 0]:
            axes.set_ylabel("free (nM)")
        figure.supxlabel("hours", fontsize=9.0, color=SOFT, y=0.075)
        lines, texts = panels[0][0].get_legend_handles_labels()
        figure.legend(lines, texts, loc="lower center", ncols=min(len(shown), 4), fontsize=8.5)
        frame(figure, 0.75, 0.12, 0.82, 0.25, wspace=0.08, hspace=0.22)
        words = "; ".join(
            f"{spoken(one)}, {SHORT_SITES[site]}: peak of the median {float(exposed.free[one, site][1].max()):.2g} nM"
            for one in shown
            for site in SITES
        )
        return svg(figure, name, f"Free concentration over time after {exposed.regimen.arm.name}", words)


def _colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each, its own where it has one, never the same twice."""
    own = {one: COMPOUND_COLOURS[one] for one in names if one in COMPOUND_COLOURS}
    free = [colour for colour in SERIES if colour not in own.values()]
    return {one: own[one] if one in own else free.pop(0) for one in names}


def _step(end: float) -> float:
    """Hours between ticks: about six to eight of them."""
    return next((step for step in (4.0, 6.0, 8.0, 12.0, 24.0, 48.0, 96.0) if end / step <= 8.0), 168.0)


def forest_figure(quantities: Sequence[tuple[str, Number]], unit: str, name: str) -> Markup | None:
    """Every measured value of each quantity with its interval, and what is used (diamond, 95 %); all in `unit`, on a log axis.

    Filled: enters the pooled value. Open: kept beside it. Arrow: a limit. A value of 0 has no place on the axis and is written.
    """
    from matplotlib import pyplot as plt

    groups = [(label, number) for label, number in quantities if number.value > 0.0 or number.measured]
    if not groups:
        return None
    rows = sum(len(number.measured) + 1 if number.measured else 0 for _, number in groups)
    with drawing(name):
        figure, axes = plt.subplots(figsize=(WIDTH, 0.6 + ROW * rows + GAP * len(groups)))
        place, ticks, labels, said = 0.0, [], [], []
        for label, number in groups:
            if number.measured:
                _heading(axes, place, label)
                place += ROW
            for member in number.measured:
                value = member._convert(member.value, number.unit)
                _member(axes, place, member, value, number.unit)
                ticks.append(place)
                labels.append(_cut(_origin(member)))
                said.append(f"{label}, {_origin(member)}: {value:.3g}")
                place += ROW
            low, high = number.interval()
            _used(axes, place, number)
            ticks.append(place)
            labels.append("used" if number.measured else _cut(label))
            said.append(f"{label}, used: {number.value:.3g} ({low:.3g} to {high:.3g})")
            place += GAP
        axes.set_xscale("log")
        axes.set_ylim(place - GAP / 2, -ROW)
        axes.set_yticks(ticks, labels, fontsize=8.0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _decades(axes)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel(unit or "ratio", loc="right")
        frame(figure, LETTER * 0.98 * max(map(len, labels)) + 0.15, 0.15, 0.48, 0.1)
        return svg(figure, name, "Measured values of one quantity, and what is used", "; ".join(said))


def _heading(axes: Any, place: float, label: str) -> None:
    """The name of a quantity above its values."""
    axes.text(
        0.0,
        place,
        label,
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        fontsize=8.5,
        color=SOFT,
    )


def _nought(axes: Any, place: float, colour: str) -> None:
    """A value of 0, which has no place on the axis."""
    axes.text(
        0.02,
        place,
        "0",
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        fontsize=8.5,
        color=colour,
    )


def _used(axes: Any, place: float, number: Number) -> None:
    """What is used: diamond and 95 %."""
    if number.value <= 0.0:
        _nought(axes, place, INK)
        return
    low, high = number.interval()
    axes.plot([max(low, number.value * 1e-6), high], [place] * 2, color=INK, linewidth=1.4)
    axes.plot([number.value], [place], "D", color=INK, markersize=5.5)


def _member(axes: Any, place: float, member: Number, value: float, unit: str) -> None:
    """One measured value: filled when it is pooled, open when it is kept beside, an arrow when it is a limit."""
    pooled = member.not_pooled is None and member.limit is None
    colour = SERIES[0] if pooled else SERIES[4]
    if value <= 0.0:
        _nought(axes, place, colour)
        return
    low, high = member.interval(unit)
    if high > low > 0.0:
        axes.plot([low, high], [place] * 2, color=colour, linewidth=1.6, alpha=0.7)
    marker = {"upper": "<", "lower": ">"}.get(member.limit or "", "o")
    axes.plot(
        [value],
        [place],
        marker,
        markerfacecolor=colour if pooled else "none",
        markeredgecolor=colour,
        markersize=5.0,
    )


def _decades(axes: Any) -> None:
    """Ticks at powers of ten, or at 1, 2, 5 where the axis holds fewer than two of them."""
    from matplotlib.ticker import LogLocator

    low, high = axes.get_xlim()
    few = np.log10(high / low) < 2.0
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=8))
    axes.xaxis.set_major_formatter(positional)
    axes.xaxis.set_minor_formatter(lambda _value, _place: "")


def _origin(member: Number) -> str:
    """Source, species and system of a measured value."""
    who = source_words(member.source) if member.source else "assumed" if member.assumed else member.status
    return ", ".join(part for part in (who, member.species, member.system) if part)


def _cut(words: str, letters: int = LABEL_LETTERS) -> str:
    return words if len(words) <= letters else words[: letters - 1].rstrip(" ,") + "\u2026"


def reach_figure(rows: Sequence[tuple[str, Margin]], name: str) -> Markup | None:
    """Free peak ÷ potency of one drug over its targets: dot, median; bar, 90 % interval; the line is at 1."""
    from matplotlib import pyplot as plt

    shown = [(label, one) for label, one in rows if one.interval90 is not None and one.median]
    if not shown:
        return None
    labels = [_cut(label, REACH_LETTERS) for label, _ in shown]
    with drawing(name):
        figure, axes = plt.subplots(figsize=(WIDTH, 0.7 + 0.23 * len(shown)))
        for place, (_, one) in enumerate(shown):
            low, high = one.interval90 or (0.0, 0.0)
            colour = SERIES[0] if high >= 1.0 else SERIES[4]
            axes.plot(
                [max(low, 1e-12), high],
                [place] * 2,
                color=colour,
                linewidth=2.2,
                alpha=0.75,
                solid_capstyle="round",
            )
            axes.plot([one.median or 0.0], [place], "o", color=colour, markersize=5.5)
        axes.set_xscale("log")
        left, right = axes.get_xlim()
        axes.set_xlim(left, max(right, 3.0))
        axes.axvline(1.0, color=INK, linewidth=1.0)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_yticks(range(len(shown)), labels, fontsize=8.0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _decades(axes)
        axes.set_xlabel("free peak ÷ potency", loc="right")
        frame(figure, LETTER * 0.96 * max(map(len, labels)) + 0.12, 0.15, 0.48, 0.1)
        words = "; ".join(
            f"{label}: {one.median:.2g} ({one.interval90[0]:.2g} to {one.interval90[1]:.2g})"
            for label, one in shown
            if one.interval90
        )
        return svg(figure, name, "Free peak divided by potency, median and 90 % interval", words)
