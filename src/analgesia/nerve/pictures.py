"""Pictures of a nerve: latency of every pulse, kymograph, rasters, the oscillation of a cell. What is not finite is never drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.files import save_picture
from analgesia.nerve.clamp import SURROUNDINGS, against, openers, time_constants

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analgesia.channels import Channel
    from analgesia.nerve.clamp import Clamp
    from analgesia.nerve.conduction import Conduction, Course
    from analgesia.nerve.oscillation import Courses
    from analgesia.nerve.people import People

BLUE, RUST, GREY = "#0b6e99", "#c4602d", "#8a8f94"
COLOURS, LINES = 6, ("-", "--", ":")
"""Curves of one picture are told apart by so many colours, then by another line."""


def new_figure(width: float = 8.0, height: float = 4.8) -> Figure:
    """An empty figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def latencies(found: Conduction, title: str, path: Path, course: Course | None = None) -> None:
    """Latency against the time of the pulse, failed pulses marked at the bottom, and below it voltage over place and time."""
    kymograph = course is not None
    picture = new_figure(8, 7.2 if kymograph else 4.8)
    axes = picture.add_subplot(2 if kymograph else 1, 1, 1)
    arrived = found.conducted
    scale, unit = (1e3, "s") if found.times[-1] >= 1e3 else (1.0, "ms")
    axes.plot(
        found.times[arrived] / scale, found.latency[arrived], "o", markersize=3, color=BLUE, label="conducted"
    )
    lost = ~arrived
    if lost.any():
        floor = float(found.latency[arrived].min()) if arrived.any() else 0.0
        axes.plot(
            found.times[lost] / scale,
            np.full(lost.sum(), floor),
            "x",
            markersize=5,
            color=RUST,
            label="not conducted",
        )
    axes.set_xlabel(f"time of the pulse ({unit})")
    axes.set_ylabel(f"latency at {found.electrodes[2] / 1e3:.3g} mm (ms)")
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    if course is not None:
        _kymograph(picture.add_subplot(2, 1, 2), course)
    save_picture(picture, path, dpi=150)


def kymograph(course: Course, title: str, path: Path) -> None:
    """Voltage over place and time around the first pulse, alone."""
    picture = new_figure()
    axes = picture.add_subplot()
    _kymograph(axes, course)
    axes.set_title(title, fontsize=10)
    save_picture(picture, path, dpi=150)


def _kymograph(axes: Any, course: Course) -> None:
    """Voltage over place and time around the first pulse."""
    places, times, voltage = course
    shown = np.ma.masked_invalid(voltage)
    drawn = axes.pcolormesh(times, places / 1e3, shown, shading="nearest", cmap="magma", rasterized=True)
    axes.figure.colorbar(drawn, ax=axes, label="voltage (mV)")
    axes.set_xlabel("time after the first pulse (ms)")
    axes.set_ylabel("place along the fibre (mm)")


def people(found: People, title: str, path: Path) -> None:
    """Velocity over diameter, one dot for each person, and the slowing of every person's pulses; who blocks lies at 0 as a cross."""
    picture = new_figure(9, 4.2)
    left, right = picture.subplots(1, 2)
    velocity = np.array([each.velocity for each in found.found])
    known = np.isfinite(velocity)
    left.plot(found.diameters[known], velocity[known], "o", markersize=4, color=BLUE, label="conducts")
    if (~known).any():
        left.plot(
            found.diameters[~known], np.zeros((~known).sum()), "x", markersize=5, color=RUST, label="does not"
        )
    left.set(xlabel="diameter (µm)", ylabel="conduction velocity (m/s)")
    left.set_ylim(bottom=-0.03 if (~known).any() else 0.0)
    left.legend(frameon=False, fontsize=8)
    for each in found.found:
        arrived = each.conducted
        right.plot(
            np.flatnonzero(arrived) + 1,
            each.slowing[arrived],
            ".-",
            linewidth=0.7,
            markersize=3,
            color=BLUE,
            alpha=0.5,
        )
    right.set(xlabel="pulse", ylabel="slowing against the first (%)")
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    picture.suptitle(title, fontsize=10)
    save_picture(picture, path, dpi=150)


def raster(
    spikes: Sequence[NDArray[np.float64]], duration: float, title: str, path: Path, most: int = 200
) -> None:
    """One row per unit that fires, one tick per spike (s); at most `most` units are drawn, active ones first."""
    rasters({"": spikes}, duration, title, path, most)


def rasters(
    classes: Mapping[str, Sequence[NDArray[np.float64]]],
    duration: float,
    title: str,
    path: Path,
    most: int = 200,
) -> None:
    """A raster for each class of unit, one below the other."""
    picture = new_figure(8, 1.6 + 3.2 * len(classes))
    panels = picture.subplots(len(classes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, spikes) in zip(panels, classes.items(), strict=True):
        order = sorted(range(len(spikes)), key=lambda k: -len(spikes[k]))[:most]
        rows = [spikes[k][np.isfinite(spikes[k])] for k in order if len(spikes[k])] or [np.zeros(0)]
        axes.eventplot(rows, colors=BLUE, linelengths=0.8, linewidths=0.6)
        axes.set_xlim(0, duration)
        axes.set_ylim(-1, len(rows))
        axes.set_ylabel(f"{label} units that fire, of {len(spikes)}".strip())
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("time (s)")
    panels[0].set_title(title, fontsize=10)
    save_picture(picture, path, dpi=150)


def oscillation(found: Courses, title: str, path: Path) -> None:
    """Voltage at each drive, without noise (left) and with it (right), on scales of their own: the oscillation is small."""
    picture = new_figure(9, 2.6 * len(found.drives) + 0.6)
    rows = picture.subplots(len(found.drives), 2, sharex=True, squeeze=False)
    for k, drive in enumerate(found.drives):
        for axes, course, colour, noise in (
            (rows[k][0], found.quiet[k], BLUE, "without noise"),
            (rows[k][1], found.noisy[k], RUST, "with noise"),
        ):
            shown = np.isfinite(course)
            axes.plot(found.times[shown], course[shown], color=colour, linewidth=0.7)
            axes.set_title(f"{drive:g} pA, {noise}", fontsize=9)
            axes.set_ylabel("voltage (mV)")
            axes.spines[["top", "right"]].set_visible(False)
    for axes in rows[-1]:
        axes.set_xlabel("time after the current is switched on (ms)")
    picture.suptitle(title, fontsize=10)
    save_picture(picture, path, dpi=150)


def clamped(channel: Channel, found: Clamp, path: Path, title: str | None = None) -> None:
    """One channel under voltage clamp: open probability, what opens it but voltage, time constants, recovery, current against voltage."""
    v = found.voltages

    def opening(axes: Any) -> None:
        what = "activation" if found.hold < found.test else "activation (end of 2 s)"
        axes.plot(v, _scaled(found.activation), color=BLUE, label=what)
        if found.inactivation is not None:
            axes.plot(v, _scaled(found.inactivation), color=RUST, label="inactivation")
        axes.plot(v, _scaled(found.steady), color=GREY, linestyle=":", label="at rest")
        axes.set(xlabel="voltage (mV)", ylabel="open probability over its greatest", ylim=(-0.02, 1.05))

    def speeds(axes: Any) -> None:
        for k, (gate, constant) in enumerate(time_constants(channel, v, 37.0).items()):
            color, line = f"C{k % COLOURS}", LINES[k // COLOURS % len(LINES)]
            axes.plot(v, constant, label=gate, color=color, linestyle=line)
        what = "mean time in a state" if channel.states else "time constant"
        axes.set(xlabel="voltage (mV)", ylabel=f"{what} (ms)", yscale="log")

    def returning(axes: Any) -> None:
        if found.recovery is not None:
            axes.plot(found.gaps, _scaled(found.recovery), color=RUST, label="recovery from inactivation")
        axes.plot(found.gaps, found.deactivation, color=BLUE, label="still open (deactivation)")
        low, high = -0.02, max(1.05, 1.05 * float(found.deactivation.max()))
        axes.set(
            xlabel=f"time at {_signed(found.hold)} mV (ms)", ylabel="share", xscale="log", ylim=(low, high)
        )

    def flowing(axes: Any) -> None:
        axes.plot(v, found.current, color=BLUE)
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set(xlabel="voltage (mV)", ylabel="current over conductance (mV)")

    panels: list[Callable[[Any], None]] = []
    if "V" in channel.surroundings:
        panels.append(opening)
    panels += [partial(_against, channel, ion) for ion in openers(channel)]
    if "V" in channel.surroundings:
        panels += [speeds, returning]
    _panelled([*panels, flowing], f"{title or channel.name} under voltage clamp, 37 °C", path)


def pumped(channel: Channel, path: Path, title: str | None = None) -> None:
    """Potassium current of a pump against each concentration that drives it."""
    panels = [partial(_against, channel, ion) for ion in openers(channel)]
    _panelled(panels, f"{title or channel.name}: pumped potassium", path)


IONS = {"Ca": "calcium inside", "Na": "sodium inside", "Ko": "potassium outside"}


def _against(channel: Channel, ion: str, axes: Any) -> None:
    """Open probability, or a pump's current, against the concentration of an ion; the concentration of a clamped patch is marked."""
    amounts, found = against(channel, ion)
    axes.plot(amounts, found, color=BLUE)
    axes.axvline(SURROUNDINGS[ion], color=GREY, linestyle=":", linewidth=0.8, label="in a resting cell")
    pump = channel.kind == "pump"
    where = " at 0 mV" if "V" in channel.surroundings else ""
    what = "current (mA/cm²)" if pump else f"open probability{where}"
    axes.set(xlabel=f"{IONS[ion]} (mM)", ylabel=what, xscale="log")


def _scaled(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(curve / max(float(curve.max()), 1e-300))


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _panelled(panels: Sequence[Callable[[Any], None]], title: str, path: Path) -> None:
    """Panels in two columns under one title; a legend that would hide curves stands beside its panel."""
    rows = -(-len(panels) // 2)
    picture = new_figure(9, 3.5 * rows)
    for k, draw in enumerate(panels):
        axes = picture.add_subplot(rows, 2, k + 1)
        draw(axes)
        labels = len(axes.get_legend_handles_labels()[0])
        if labels > COLOURS:
            axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        elif labels:
            axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    picture.suptitle(title, fontsize=11)
    save_picture(picture, path, dpi=150)
