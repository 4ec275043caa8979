"""Pictures of the nerve in a report: latencies of a train, the spike on its way, rasters, block against exposure, firing over heat.

What is not a finite number is never drawn: failed pulses have their own mark, empty rows stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.nerve.conduction import Course
from analgesia.nerve.ectopia import ACTIVE
from analgesia.report.figures import (
    GRID,
    INK,
    SERIES,
    SOFT,
    WIDTH,
    drawing,
    frame,
    positional,
    svg,
    wrapped,
)
from analgesia.report.markup import Markup
from analgesia.report.nerve_runs import Discharge, Train

Array = NDArray[np.float64]

LOOKS: Mapping[str, tuple[str, Any]] = {
    "healthy": (SERIES[4], "-"),
    "condition": (SERIES[3], "-"),
    "below": (SERIES[1], "-"),
    "at": (SERIES[1], ":"),
    "drug": (SERIES[0], (0, (2, 2))),
}
"""Colour and line of a train by its key."""

SHOWN = 32.0
"""ms of a kymograph."""


def latency_figure(trains: Sequence[Train], distance: float) -> Markup | None:
    """Latency of every pulse at `distance` (mm) and its slowing against the first, one line for each state; lost pulses are crosses."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    arrived = [one.found.latency[one.found.conducted] for one in trains if one.found.conducted.any()]
    if not arrived:
        return None
    low, high = (float(edge(np.concatenate(arrived))) for edge in (np.min, np.max))
    lost_at = high + max(0.12 * (high - low), 1.0)
    with drawing("nerve-latency"):
        figure, (axes, slowed) = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
        for one in trains:
            colour, line = LOOKS[one.key]
            pulse = np.arange(1, len(one.found.times) + 1)
            known, lost = one.found.conducted, ~one.found.conducted
            style: Any = {"linestyle": line, "linewidth": 2.2 if one.key == "drug" else 1.5, "color": colour}
            if known.sum() > 1:
                axes.plot(pulse[known], one.found.latency[known], label=one.label, **style)
                slowed.plot(pulse[known], one.found.slowing[known], **style)
            elif known.any():
                axes.plot(pulse[known], one.found.latency[known], "o", color=colour, markersize=4.0)
            if lost.any():
                label = f"{one.label}: {int(lost.sum())} of {len(pulse)} lost"
                axes.plot(
                    pulse[lost], np.full(lost.sum(), lost_at), "x", color=colour, markersize=4.5, label=label
                )
        axes.set_ylim(0.0, lost_at + 0.06 * lost_at)
        axes.set_ylabel(f"latency at {distance:.3g} mm (ms)")
        slowed.set_ylabel("slowing against the first pulse (%)")
        for panel in (axes, slowed):
            panel.set_xlim(0.5, len(trains[0].found.times) + 0.5)
            panel.set_xlabel("pulse, two a second")
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*axes.get_legend_handles_labels(), loc="lower center", ncols=2, fontsize=8.5)
        frame(figure, 0.55, 0.1, 1.2, 0.12, wspace=0.25)
        said = "; ".join(
            f"{one.label}: {int(one.found.conducted.sum())} of {len(one.found.times)} pulses arrive"
            + (
                f", the first after {_first(one):.1f} ms, the last after {_last(one):.1f} ms"
                if one.found.conducted.any()
                else ""
            )
            for one in trains
        )
        return svg(figure, "nerve-latency", "Latency of each pulse of a train in a C fibre", said)


def _first(one: Train) -> float:
    return float(one.found.latency[one.found.conducted][0])


def _last(one: Train) -> float:
    return float(one.found.latency[one.found.conducted][-1])


def kymograph_figure(
    courses: Sequence[Course], titles: Sequence[str], baths: Sequence[tuple[float, ...]]
) -> Markup | None:
    """Voltage over place and time, one panel for each run; the edges of its bath (mm) are marked."""
    from matplotlib import pyplot as plt

    known = np.concatenate([voltage[np.isfinite(voltage)] for _, _, voltage in courses])
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    with drawing("nerve-kymograph"):
        figure, panels = plt.subplots(1, len(courses), figsize=(WIDTH, 3.0), sharey=True, squeeze=False)
        for axes, title, bath, (places, times, voltage) in zip(
            panels[0], titles, baths, courses, strict=True
        ):
            shown = times <= SHOWN
            extent = (
                float(times[0]),
                float(times[shown][-1]),
                float(places[0]) / 1e3,
                float(places[-1]) / 1e3,
            )
            drawn = axes.imshow(
                np.ma.masked_invalid(voltage[:, shown]), origin="lower", aspect="auto", extent=extent, cmap="cividis", vmin=low, vmax=high,
                interpolation="bilinear",
            )  # fmt: skip
            for edge in bath:
                axes.axhline(edge, color="white", linewidth=0.8, linestyle="--")
            axes.set_title(title, fontsize=8.5)
            axes.set_xlabel("time after the pulse (ms)")
        panels[0][0].set_ylabel("place along the fibre (mm)")
        frame(figure, 0.55, 1.0, 0.5, 0.3, wspace=0.1)
        width, height = figure.get_size_inches()
        bar = figure.add_axes((1.0 - 0.85 / width, 0.5 / height, 0.12 / width, 1.0 - 0.8 / height))
        figure.colorbar(drawn, cax=bar).set_label("voltage (mV)", color=SOFT)
        bar.tick_params(labelsize=8)
        return svg(
            figure,
            "nerve-kymograph",
            "A spike travelling along a C fibre",
            "; ".join(f"{title}: {_fate(course)}" for title, course in zip(titles, courses, strict=True)),
        )


def _fate(course: Course) -> str:
    places, _, voltage = course
    fired = np.flatnonzero((np.where(np.isfinite(voltage), voltage, -np.inf) > 0.0).any(axis=1))
    return f"the spike gets as far as {places[fired[-1]] / 1e3:.1f} mm" if fired.size else "no spike"


def raster_figure(found: Discharge) -> Markup:
    """Every spike of the same cells in health and in the condition, in one order: most active in the condition first."""
    from matplotlib import pyplot as plt

    order = sorted(range(len(found.injured)), key=lambda unit: -len(found.injured[unit]))
    words = (
        ("healthy", found.healthy, SERIES[4]),
        (found.condition.replace("_", " "), found.injured, SERIES[3]),
    )
    with drawing("nerve-raster"):
        figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.1), sharey=True)
        for axes, (title, spikes, colour) in zip(panels, words, strict=True):
            rows = [spikes[unit][np.isfinite(spikes[unit])] for unit in order]
            axes.eventplot(rows, colors=colour, linelengths=0.75, linewidths=0.8)
            axes.set_title(
                f"{title}: {_active(spikes, found.duration)} of {len(spikes)} cells active", fontsize=8.5
            )
            axes.set_xlim(0, found.duration)
            axes.set_xticks(
                np.arange(0, found.duration + 1, 5), [f"{x:g}" for x in np.arange(0, found.duration + 1, 5)]
            )
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.set_xlabel("time (s)")
        panels[0].set_yticks([0, len(order) - 1], ["1", str(len(order))])
        panels[0].set_ylabel("cell")
        frame(figure, 0.5, 0.12, 0.5, 0.32, wspace=0.08)
        said = "; ".join(
            f"{title}: {_active(spikes, found.duration)} of {len(spikes)} cells active within {found.duration:g} s"
            for title, spikes, _ in words
        )
        return svg(figure, "nerve-raster", "Spontaneous discharge of ganglion cells", said)


def _active(spikes: Sequence[Array], duration: float) -> int:
    """Cells that count as active, as in `analgesia ectopia`: a single stray spike is none."""
    return sum(int(np.isfinite(one).sum() >= ACTIVE * duration) for one in spikes)


def block_figure(
    blocks: Mapping[str, Array], exposures: Mapping[str, Mapping[str, Any]], drug: str
) -> Markup | None:
    """Share of guesses under which a fibre is stopped, over concentration; below, the free peak of each regimen with its interval."""
    from matplotlib import pyplot as plt

    known = {arm: one for arm, one in exposures.items() if one["median"] is not None and one["median"] > 0.0}
    curves = {name: np.sort(values[np.isfinite(values)]) for name, values in blocks.items()}
    curves = {name: values for name, values in curves.items() if values.size}
    if not known or not curves:
        return None
    low = min(one["interval90"][0] for one in known.values())
    high = max(float(values[-1]) for values in curves.values())
    with drawing("nerve-block"):
        figure, (upper, lower) = plt.subplots(
            2, 1, figsize=(WIDTH, 2.6 + 0.3 * len(known)), sharex=True, height_ratios=(2.0, 0.35 * len(known))
        )
        for (name, values), colour in zip(curves.items(), (SERIES[0], SERIES[1]), strict=False):
            steps = 100.0 * np.arange(1, len(values) + 1) / len(values)
            x = np.concatenate([[low / 3.0], values, [high * 3.0]])
            upper.step(
                x,
                np.concatenate([[0.0], steps, [100.0]]),
                where="post",
                color=colour,
                linewidth=1.8,
                label=name,
            )
        upper.set_ylabel("guesses under which\nthe fibre is stopped (%)")
        upper.set_ylim(-4, 104)
        upper.legend(loc="upper left", fontsize=8.5)
        for place, (arm, one) in enumerate(known.items()):
            lower.plot(
                one["interval90"],
                [place, place],
                color=SERIES[0],
                linewidth=2.4,
                alpha=0.75,
                solid_capstyle="round",
            )
            lower.plot([one["median"]], [place], "o", color=SERIES[0], markersize=5.5)
            lower.text(one["interval90"][1] * 2.0, place, arm, va="center", fontsize=8.5, color=SOFT)
        lower.set_ylim(len(known) - 0.4, -0.6)
        lower.set_yticks([])
        lower.spines["left"].set_visible(False)
        lower.set_xscale("log")
        lower.set_xlim(low / 3.0, high * 3.0)
        lower.xaxis.set_major_formatter(positional)
        lower.set_xlabel(f"free concentration at the nerve (µM); bars: peaks of {drug} in people")
        lower.grid(axis="x", color=GRID)
        upper.grid(axis="x", color=GRID)
        frame(figure, 0.75, 0.12, 0.5, 0.1, hspace=0.08)
        said = [
            f"{name} stops the fibre at {_middle(values)} uM in the middle guess"
            for name, values in curves.items()
        ]
        said += [f"{arm}: free peak {one['median']:.2g} uM" for arm, one in known.items()]
        return svg(
            figure,
            "nerve-block",
            "Concentrations that stop a C fibre, and free peaks in people",
            "; ".join(said),
        )


def _middle(values: Array) -> str:
    return f"{float(np.median(values)):.3g}"


def heat_figure(heat: Array, curves: Mapping[str, Array], stated: float) -> Markup | None:
    """Firing over heat: healthy and inflamed ending, and one panel for each regimen against both."""
    from matplotlib import pyplot as plt

    arms = [name for name in curves if name not in ("healthy", "inflamed")]
    if not arms or not all(np.isfinite(bands).all() for bands in curves.values()):
        return None
    columns = min(len(arms), 4)
    lines = -(-len(arms) // columns)
    with drawing("nerve-heat"):
        figure, panels = plt.subplots(
            lines, columns, figsize=(WIDTH, 0.75 + 2.1 * lines), sharex=True, sharey=True, squeeze=False
        )
        for axes in panels.flat[len(arms) :]:
            axes.set_visible(False)
        for axes, arm in zip(panels.flat, arms, strict=False):
            axes.axvline(stated, color=GRID, linewidth=1.0)
            axes.fill_between(heat, curves[arm][0], curves[arm][2], color=SERIES[0], alpha=0.14, linewidth=0)
            axes.plot(heat, curves["healthy"][1], color=SERIES[4], linewidth=1.4, label="healthy")
            axes.plot(heat, curves["inflamed"][1], color=SERIES[1], linewidth=1.6, label="inflamed")
            axes.plot(
                heat,
                curves[arm][1],
                color=SERIES[0],
                linewidth=1.8,
                linestyle=(0, (4, 2)),
                label="inflamed, with the regimen",
            )
            axes.set_title(wrapped(arm, 84 // columns), fontsize=8.5 if columns < 4 else 7.5)
            axes.set_xlim(float(heat[0]), float(heat[-1]))
        for axes in panels[:, 0]:
            axes.set_ylabel("impulses a second")
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=8.5)
        figure.supxlabel("heat (°C)", fontsize=8.5, color=SOFT, y=0.36 / figure.get_size_inches()[1])
        frame(figure, 0.5, 0.1, 0.78, 0.5, wspace=0.08, hspace=0.5)
        place = int(np.argmin(np.abs(heat - stated)))
        said = "; ".join(
            f"{name}: {bands[1][place]:.1f} impulses a second at {stated:g} degrees"
            for name, bands in curves.items()
        )
        return svg(figure, "nerve-heat", "Firing of a nociceptor over heat", said)


def ways_figure(context: Mapping[str, Any]) -> Markup | None:
    """Change of firing of the inflamed ending by each way, one row for each regimen, against inhibition of all prostaglandin."""
    from matplotlib import pyplot as plt

    rows = {arm: one["change_percent"] for arm, one in context["arms"].items()}
    rows = {
        arm: ways for arm, ways in rows.items() if all(way["median"] is not None for way in ways.values())
    }
    full = context["change_percent_without_inflammation"]
    if not rows or full["median"] is None:
        return None
    with drawing("nerve-ways"):
        figure, axes = plt.subplots(figsize=(WIDTH, 1.05 + 0.5 * len(rows)))
        axes.axvspan(*full["interval90"], color=GRID, alpha=0.6, linewidth=0)
        axes.axvline(full["median"], color=SOFT, linewidth=1.0, linestyle="--", label="no inflammation")
        for place, ways in enumerate(rows.values()):
            for offset, way, colour, words in (
                (-0.16, "prostaglandin", SERIES[1], "by prostaglandin"),
                (0.16, "opioid", SERIES[0], "by opioid receptors on the ending"),
            ):
                one = ways[way]
                label = words if place == 0 else None
                axes.plot(
                    one["interval90"],
                    [place + offset] * 2,
                    color=colour,
                    linewidth=2.4,
                    alpha=0.75,
                    solid_capstyle="round",
                )
                axes.plot([one["median"]], [place + offset], "o", color=colour, markersize=5.5, label=label)
        axes.axvline(0.0, color=INK, linewidth=1.0)
        axes.set_yticks(range(len(rows)), [wrapped(arm, 26) for arm in rows], fontsize=8.5)
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("change of firing against placebo (%)")
        figure.legend(*axes.get_legend_handles_labels(), loc="lower center", ncols=3, fontsize=8.5)
        frame(figure, 1.75, 0.15, 0.8, 0.08)
        said = "; ".join(
            f"{arm}: {ways['prostaglandin']['median']:.2g} % by prostaglandin, {ways['opioid']['median']:.2g} % by opioid receptors"
            for arm, ways in rows.items()
        )
        return svg(figure, "nerve-ways", "Change of firing of the inflamed ending, by way of action", said)
