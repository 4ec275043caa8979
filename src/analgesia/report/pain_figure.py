"""The picture of published trials of pain beside the same trials simulated."""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.calibration import PainComparison
from analgesia.report.figures import (
    INK,
    LETTER,
    SERIES,
    SOFT,
    WIDTH,
    drawing,
    frame,
    source_words,
    svg,
)
from analgesia.report.markup import Markup

REACH = 1.96
"""Standard errors on either side of a 95 % interval."""


def pain_check_figure(rows: Sequence[PainComparison]) -> Markup | None:
    """Observed change of pain (circle, 95 % interval) over the interval of simulated trials, one row per result."""
    from matplotlib import pyplot as plt

    done = [one for one in rows if one.simulated is not None and one.trial_interval90 is not None]
    if not done:
        return None
    with drawing("pain-trials"):
        labels = [f"{source_words(one.source)}: {one.arm}" for one in done]
        figure, axes = plt.subplots(figsize=(WIDTH, 0.75 + 0.3 * len(done)))
        for place, one in enumerate(done):
            low, high = one.trial_interval90 or (0.0, 0.0)
            axes.plot([low, high], [place + 0.14] * 2, color=SERIES[0], linewidth=3.0, alpha=0.55)
            axes.plot([one.simulated or 0.0], [place + 0.14], "o", color=SERIES[0], markersize=5.0)
            reach = REACH * one.se
            axes.plot(
                [one.published - reach, one.published + reach],
                [place - 0.14] * 2,
                color=SERIES[1],
                linewidth=1.2,
            )
            axes.plot(
                [one.published],
                [place - 0.14],
                "o",
                markeredgecolor=SERIES[1],
                color=SERIES[1] if one.role == "calibrate" else "none",
                markersize=5.0,
            )
        axes.plot([], [], "o-", color=SERIES[1], linewidth=1.2, markersize=5.0, label="observed")
        axes.plot([], [], "o-", color=SERIES[0], linewidth=3.0, markersize=5.0, label="model")
        axes.axvline(0.0, color=INK, linewidth=1.0)
        axes.set_ylim(len(done) - 0.45, -0.55)
        axes.set_yticks(range(len(done)), labels, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("change of pain against placebo (left: less pain)", loc="right")
        figure.legend(loc="lower left", ncols=2, fontsize=8.5, labelcolor=SOFT)
        frame(figure, LETTER * max(map(len, labels)) + 0.1, 0.12, 0.62, 0.1)
        words = "; ".join(
            f"{label}: observed {one.published:.2g}, model {one.simulated or 0.0:.2g}"
            for label, one in zip(labels, done, strict=True)
        )
        return svg(figure, "pain-trials", "Observed and simulated change of pain in published trials", words)
