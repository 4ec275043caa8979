"""Figures as inline SVG that takes its colours from the page, so that dark mode and print need no second picture.

matplotlib draws with placeholder colours; each is replaced by a CSS variable. Ids are prefixed so that many figures can
live in one page, metadata is removed, and text stays text.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

import numpy as np

from analgesia.claims.judge import Judgement
from analgesia.claims.margins import Margin
from analgesia.claims.sentences import target_words
from analgesia.report.markup import Markup

INK, SOFT, GRID, LINE = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#0a0101", "#0b0101", "#0c0101", "#0d0101", "#0e0101")
VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    GRID: "var(--grid)",
    LINE: "var(--line)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(SERIES, start=1)},
}
"""Placeholder colour -> CSS variable of the page."""

COMPOUND_COLOURS = {
    "mitragynine": SERIES[0],
    "7-hydroxymitragynine": SERIES[1],
    "morphine": SERIES[3],
    "gabapentin": SERIES[2],
}

WIDTH = 7.4
"""Width of a figure in inches; the page scales it."""

MOST_OTHERS = 3
"""How many margins that are not essential are drawn for each regimen; the rest stand in the table."""

LETTER = 0.066
"""Width of a letter of a row label in inches."""

SUPERSCRIPT = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 9.0,
    "axes.titleweight": "normal",
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def drawing(name: str) -> Any:
    """Matplotlib with the style of the page; `name` makes the ids of the figure."""
    import matplotlib as mpl

    mpl.use("svg", force=False)
    settings: Any = STYLE | {"svg.hashsalt": name}
    with mpl.rc_context(settings):
        yield


def svg(figure: Any, name: str, title: str, description: str) -> Markup:
    """The figure as an accessible inline SVG element."""
    from matplotlib import pyplot as plt

    stream = StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    raw = stream.getvalue()
    raw = raw[raw.index("<svg") :]
    raw = re.sub(r"<metadata>.*?</metadata>", "", raw, flags=re.DOTALL)
    raw = re.sub(r"<!--.*?-->", "", raw, flags=re.DOTALL)
    raw = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", raw)
    raw = re.sub(r'\bxlink:href="', 'href="', raw)
    raw = re.sub(r'\bid="', f'id="{name}-', raw)
    raw = re.sub(r'href="#', f'href="#{name}-', raw)
    raw = re.sub(r"url\(#", f"url(#{name}-", raw)
    raw = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--sans)", raw)
    for colour, variable in VARIABLES.items():
        raw = raw.replace(colour, variable)
    raw = re.sub(r'<svg ([^>]*?)\s*(width|height)="[^"]*"', r"<svg \1", raw)
    raw = re.sub(r'<svg ([^>]*?)\s*(width|height)="[^"]*"', r"<svg \1", raw)
    label = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    names = (
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    )
    return Markup(_labelled(raw, label, names))


def frame(figure: Any, left: float, right: float, bottom: float, top: float, **gaps: float) -> None:
    """Margins around the panels in inches; far quicker than letting matplotlib search for them."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left / width, right=1.0 - right / width, bottom=bottom / height, top=1.0 - top / height, **gaps
    )


def _labelled(raw: str, label: str, names: str) -> str:
    end = raw.index(">")
    return f"{raw[:4]} {label}{raw[4:end]}>{names}{raw[end + 1 :]}".strip()


SHORT_SITES = {
    "plasma": "plasma",
    "brain": "brain",
    "spinal_cord": "spinal cord",
    "nociceptor": "pain fibres",
}
"""Sites in labels, where space is short."""


def margin_words(one: Margin) -> str:
    """Row label of a margin."""
    target = (
        target_words(one.target)
        if one.kind != "effects"
        else {
            "nerve_conduction_block": "nerve block outside the body",
            "neuromuscular_block": "muscle block outside the body",
            "cox2_suppression": "COX-2 in cells",
            "cyp3a_inactivation": "CYP3A inactivation",
        }.get(one.target, target_words(one.target))
    )
    return f"{one.compound.replace('_', ' ')}, {target}, {SHORT_SITES[one.site]}"


def margins_shown(judgement: Judgement) -> list[Margin]:
    """The margins in the picture: the essential ones, and of each regimen the others that reach furthest."""
    rows = [one for one in judgement.margins if one.interval90 is not None and one.median is not None]
    shown: set[int] = {id(one) for one in rows if one.essential}
    for arm in {one.arm for one in rows}:
        others = [one for one in rows if one.arm == arm and not one.essential]
        others.sort(key=lambda one: -(one.interval90 or (0.0, 0.0))[1])
        shown |= {id(one) for one in others[:MOST_OTHERS]}
    return [one for one in rows if id(one) in shown]


def margin_figure(judgement: Judgement) -> Markup | None:
    """Unbound exposure ÷ potency as dot and 90 % interval on a log axis, with the line at 1."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator

    rows = margins_shown(judgement)
    if not rows:
        return None
    threshold = judgement.claim.rule.reached_above
    name = f"margins-{judgement.claim.name.replace('_', '-')}"
    arms = list(dict.fromkeys(one.arm for one in rows))
    with drawing(name):
        figure, axes = plt.subplots(figsize=(WIDTH, 0.5 + 0.23 * (len(rows) + 1.25 * len(arms))))
        place, ticks, labels = 0.0, [], []
        for arm in arms:
            axes.text(
                0.0,
                place,
                arm,
                transform=axes.get_yaxis_transform(),
                ha="left",
                va="center",
                fontsize=8.5,
                color=SOFT,
            )
            place += 1.0
            for one in (row for row in rows if row.arm == arm):
                colour = COMPOUND_COLOURS.get(one.compound, SERIES[4])
                low, high = one.interval90 or (0.0, 0.0)
                axes.plot(
                    [low, high],
                    [place, place],
                    color=colour,
                    linewidth=2.2,
                    solid_capstyle="round",
                    alpha=0.75,
                )
                axes.plot([one.median or 0.0], [place], "o", color=colour, markersize=5.5)
                ticks.append(place)
                labels.append(margin_words(one))
                place += 1.0
            place += 0.25
        low = min(row.interval90[0] for row in rows if row.interval90)
        high = max(row.interval90[1] for row in rows if row.interval90)
        axes.set_xscale("log")
        axes.set_xlim(min(low / 2.0, threshold / 3.0), max(high * 2.0, 3.0))
        axes.set_ylim(place - 0.4, -0.7)
        axes.axvspan(axes.get_xlim()[0], threshold, color=GRID, alpha=0.55, linewidth=0)
        axes.axvline(1.0, color=INK, linewidth=1.0)
        axes.text(
            1.0, 1.005, " 1", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8.5
        )
        axes.set_yticks(ticks, labels, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(positional)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("free peak ÷ potency (grey: too little to matter)", loc="right")
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        frame(figure, LETTER * max(map(len, labels)) + 0.1, 0.12, 0.48, 0.2)
        description = "; ".join(
            f"{margin_words(one)}, {one.arm}: {one.median:.2g} ({one.interval90[0]:.2g} to {one.interval90[1]:.2g})"
            for one in rows
            if one.interval90
        )
        return svg(figure, name, "Free concentration against potency, median and 90 % interval", description)


def exposure_figure(judgement: Judgement) -> Markup | None:
    """Free concentration over time, one panel per regimen, median and 5-95 % band over people and ignorance."""
    from matplotlib import pyplot as plt

    series = judgement.series
    curves = {
        key: bands
        for key, bands in series.get("concentration", {}).items()
        if np.isfinite(bands).any() and np.nanmax(bands) > 0.0
    }
    if not curves:
        return None
    arms = list(dict.fromkeys(arm for arm, _ in curves))
    name = f"time-{judgement.claim.name.replace('_', '-')}"
    with drawing(name):
        figure, panels = plt.subplots(1, len(arms), figsize=(WIDTH, 2.9), sharey=True, squeeze=False)
        top = max(float(np.nanmax(bands)) for bands in curves.values())
        for axes, arm in zip(panels[0], arms, strict=True):
            for (of, compound), bands in curves.items():
                if of == arm:
                    colour = COMPOUND_COLOURS.get(compound, SERIES[4])
                    floor = np.maximum(bands, top * 1e-5)
                    axes.fill_between(
                        series["time"], floor[0], floor[2], color=colour, alpha=0.18, linewidth=0
                    )
                    axes.plot(series["time"], floor[1], color=colour, linewidth=1.6, label=compound)
            axes.set_yscale("log")
            axes.set_ylim(top * 1e-4, top * 1.6)
            axes.set_xlim(0, float(series["time"][-1]))
            axes.set_xticks(np.arange(0, float(series["time"][-1]) + 1, 8 if len(arms) > 2 else 6))
            axes.set_xlabel("hours")
            axes.set_title(wrapped(arm, 66 // len(arms)), fontsize=8.5 if len(arms) < 4 else 7.5)
        panels[0][0].set_ylabel(f"free, {SHORT_SITES[series['site']]} (nM)")
        panels[0][0].yaxis.set_major_formatter(positional)
        handles = {
            text: line
            for axes in panels[0]
            for line, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(handles.values()), list(handles), loc="lower center", ncols=3, fontsize=8.5)
        frame(figure, 0.62, 0.1, 0.78, 0.62, wspace=0.08)
        return svg(
            figure,
            name,
            "Free concentration over time",
            f"Median and band from the 5th to the 95th percentile over people and ignorance, for {', '.join(arms)}.",
        )


def pain_figure(judgement: Judgement) -> Markup | None:
    """Simulated pain over a day on placebo and on each regimen, people and ignorance as bands."""
    from matplotlib import pyplot as plt

    pain = judgement.series.get("pain")
    if not pain:
        return None
    time = judgement.series["pain_time"]
    comparators = {arm.name for arm in judgement.claim.experiment.arms if arm.comparator}
    drugs = [arm for arm in pain if arm != "placebo"]
    name = f"pain-{judgement.claim.name.replace('_', '-')}"
    with drawing(name):
        columns = 3
        lines = -(-len(drugs) // columns)
        figure, panels = plt.subplots(
            lines, columns, figsize=(WIDTH, 0.45 + 1.75 * lines), sharex=True, sharey=True, squeeze=False
        )
        for axes in panels.flat[len(drugs) :]:
            axes.set_visible(False)
        for axes, arm in zip(panels.flat, drugs, strict=False):
            colour = SERIES[3] if arm in comparators else SERIES[1]
            for label, bands, tint in (("placebo", pain["placebo"], SERIES[4]), (arm, pain[arm], colour)):
                axes.fill_between(time, bands[0], bands[2], color=tint, alpha=0.14, linewidth=0)
                axes.plot(
                    time,
                    bands[1],
                    color=tint,
                    linewidth=1.7,
                    label=label,
                    linestyle="--" if label == "placebo" else "-",
                )
            axes.set_title(wrapped(arm, 30), fontsize=8.5)
            axes.set_ylim(0, 10)
            axes.set_yticks(range(0, 11, 2))
            axes.set_xlim(float(time[0]), float(time[-1]))
            axes.set_xticks(np.arange(0, float(time[-1]) + 1, 8))
        for axes in panels[:, 0]:
            axes.set_ylabel("pain, 0 to 10")
        figure.supxlabel("hours   (dashed: placebo; bands: 5th to 95th percentile)", fontsize=8.5, color=SOFT)
        frame(figure, 0.5, 0.1, 0.55, 0.42, wspace=0.08, hspace=0.42)
        return svg(
            figure,
            name,
            "Simulated pain over a day, each regimen against placebo",
            "; ".join(f"{arm}: median at the end {pain[arm][1][-1]:.2f}" for arm in pain),
        )


def source_words(name: str) -> str:
    """The key of a source as author and year: huestis2024 -> Huestis 2024."""
    found = re.fullmatch(r"([a-z_]+)(\d{4})(.*)", name)
    return f"{found[1].replace('_', ' ').capitalize()} {found[2]}" if found else name.replace("_", " ")


def positional(value: float, _place: float) -> str:
    """A tick: plain from a thousandth to a thousand, a power of ten beyond."""
    if value > 0.0 and not 1e-3 <= value <= 1e3:
        power = round(float(np.log10(value)))
        return "10" + str(power).translate(SUPERSCRIPT)
    return str(np.format_float_positional(float(f"{value:.3g}"), trim="-"))


def wrapped(words: str, width: int) -> str:
    """Words broken into lines of about `width` letters."""
    from textwrap import fill

    return fill(words, width, break_long_words=False)
