"""Pictures of a nerve: latency of every pulse, the spike on its way (kymograph), rasters. What is not finite is never drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.nerve.clamp import time_constants

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analgesia.channels import Channel
    from analgesia.nerve.clamp import Clamp
    from analgesia.nerve.conduction import Conduction, Course
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
    picture.savefig(path, dpi=150)


def kymograph(course: Course, title: str, path: Path) -> None:
    """Voltage over place and time around the first pulse, alone."""
    picture = new_figure()
    axes = picture.add_subplot()
    _kymograph(axes, course)
    axes.set_title(title, fontsize=10)
    picture.savefig(path, dpi=150)


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
    picture.savefig(path, dpi=150)


def raster(
    spikes: Sequence[NDArray[np.float64]], duration: float, title: str, path: Path, most: int = 200
) -> None:
    """One row per unit, one tick per spike (s); at most `most` units are drawn, active ones first."""
    order = sorted(range(len(spikes)), key=lambda k: -len(spikes[k]))[:most]
    rows = [spikes[k][np.isfinite(spikes[k])] for k in order]
    picture = new_figure()
    axes = picture.add_subplot()
    axes.eventplot(rows, colors=BLUE, linelengths=0.8, linewidths=0.6)
    axes.set_xlim(0, duration)
    axes.set_ylim(-1, max(len(rows), 1))
    axes.set_xlabel("time (s)")
    axes.set_ylabel("unit, most active first")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    picture.savefig(path, dpi=150)


def clamped(channel: Channel, found: Clamp, path: Path) -> None:
    """Activation and inactivation, time constants, recovery, current against voltage of one channel."""
    picture = new_figure(9, 7)
    first, second, third, fourth = picture.subplots(2, 2).flat
    v = found.voltages
    first.plot(v, found.activation / max(found.activation.max(), 1e-300), color=BLUE, label="activation")
    if "available" in channel.equations:
        first.plot(
            v, found.inactivation / max(found.inactivation.max(), 1e-300), color=RUST, label="inactivation"
        )
    first.plot(v, found.steady / max(found.steady.max(), 1e-300), color=GREY, linestyle=":", label="steady")
    first.set(xlabel="voltage (mV)", ylabel="open probability over its greatest")
    for k, (gate, constant) in enumerate(time_constants(channel, v, 37.0).items()):
        color, line = f"C{k % COLOURS}", LINES[k // COLOURS % len(LINES)]
        second.plot(v, constant, label=gate, color=color, linestyle=line)
    what = "mean time in a state" if channel.states else "time constant"
    second.set(xlabel="voltage (mV)", ylabel=f"{what} at 37 °C (ms)", yscale="log")
    third.plot(found.gaps, found.recovery / max(found.recovery.max(), 1e-300), color=BLUE)
    third.set(xlabel="gap at -100 mV (ms)", ylabel="recovered share", xscale="log", ylim=(0, 1.05))
    fourth.plot(v, found.current, color=BLUE)
    fourth.axhline(0, color=GREY, linewidth=0.6)
    fourth.set(xlabel="voltage (mV)", ylabel="current over conductance (mV)")
    for axes in (first, second):
        labels = len(axes.get_legend_handles_labels()[0])
        if labels > COLOURS:
            axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        elif labels:
            axes.legend(frameon=False, fontsize=8)
    for axes in (first, second, third, fourth):
        axes.spines[["top", "right"]].set_visible(False)
    picture.suptitle(f"{channel.name} under voltage clamp, 37 °C", fontsize=11)
    picture.savefig(path, dpi=150)
