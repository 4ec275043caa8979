"""The landscape of exposure over potency on a page: the volcano, its table, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analgesia.claims.landscape import Landscape, Point
from analgesia.claims.sentences import percent, plain
from analgesia.claims.sites import TOTAL
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.report.document import section
from analgesia.report.figures import (
    GRID,
    INK,
    SERIES,
    SHORT_SITES,
    SOFT,
    WIDTH,
    drawing,
    frame,
    positional,
    svg,
)
from analgesia.report.labels import Box, Placed, place
from analgesia.report.markup import Content, Markup, element, figure, folded, table
from analgesia.report.parts import mark, source_link
from analgesia.report.pictures import save

KRATOM = "kratom_alkaloid"
WEAK = ("recalled", "assumed")
"""Statuses whose points are hollow."""

CLASSES: Mapping[str, tuple[str, str, str]] = {
    KRATOM: ("kratom alkaloid", "o", SERIES[1]),
    "opioid": ("opioid", "s", SERIES[3]),
    "opioid_antagonist": ("opioid antagonist", "D", SERIES[3]),
    "gabapentinoid": ("gabapentinoid", "v", SERIES[0]),
    "antidepressant": ("antidepressant", "^", SERIES[2]),
    "nsaid": ("anti-inflammatory", "P", SERIES[0]),
    "local_anaesthetic": ("sodium-channel blocker", "X", SERIES[4]),
    "antiarrhythmic": ("sodium-channel blocker", "X", SERIES[4]),
    "anticonvulsant": ("sodium-channel blocker", "X", SERIES[4]),
}
"""Class of a drug -> words, sign and colour; the sign alone tells classes apart."""

OTHER = ("other", "h", SERIES[4])

SHORT_TARGETS = {
    "mu_opioid": "mu",
    "delta_opioid": "delta",
    "kappa_opioid": "kappa",
    "alpha2delta": "alpha-2-delta",
    "kv11_1": "hERG",
    "kir3_1": "heart GIRK",
    "cox1": "COX-1",
    "cox2": "COX-2",
    "cox2_suppression": "COX-2 in cells",
    "cox1_half_in_blood": "COX-1 in blood",
    "cox2_half_in_blood": "COX-2 in blood",
    "prostaglandin_half_in_cells": "prostaglandin in cells",
    "noradrenaline_transporter": "NET",
    "serotonin_transporter": "SERT",
    "nerve_conduction_block": "nerve block, isolated",
    "neuromuscular_block": "muscle block, isolated",
    "cyp3a_inactivation": "CYP3A inactivated",
    "cyp3a_reversible_inhibition": "CYP3A",
    "cyp2d6_inhibition": "CYP2D6",
    "cyp2c8_inhibition": "CYP2C8",
    "cyp2c9_inhibition": "CYP2C9",
    "cyp2c19_inhibition": "CYP2C19",
    "ugt2b7_inhibition": "UGT2B7",
    "prior.half_block": "nerve block, guessed",
    "half_block.a_delta": "A-delta fibres",
    "half_block.a_beta": "A-beta fibres",
}
"""Targets in labels, where space is short."""

KIND_SHORT = {
    "affinity": "binding",
    "potency": "half effect",
    "functional_inhibition": "half block",
    "effects": "seen outside the body",
    "nerve": "block of channels or nerve",
    "interactions": "half inhibition",
}
"""Section of a drug file -> what its concentration stands for."""

CONSTANTS = {"potency": "EC50", "functional_inhibition": "IC50"}
"""Added to a label that is no binding constant."""

NEXT = 10
LABELS = 60
"""Labels tried, the most important first."""

HEIGHT = 5.4
LEFT, RIGHT, BOTTOM, TOP = 0.55, 0.12, 0.95, 0.3
LETTER, LINE, SIGN, GAP = 0.056, 0.115, 0.045, 0.075
"""Inches: a letter and a line of a label, half a sign, the distance of a label from its point."""

ONE_IN_TWENTY = 1.645
"""Standard deviations beyond which less than one run in twenty lies on the other side of 1."""


SURE_WORDS = "above: less than 1 run in 20 on the other side of 1"


def target_short(key: str) -> str:
    """A target as a label calls it: nav1_7.inactivated -> Nav1.7 inactivated, serotonin_5ht1a -> 5-HT1A."""
    if key in SHORT_TARGETS:
        return SHORT_TARGETS[key]
    name, _, state = key.partition(".")
    if name.startswith("nav"):
        return f"Nav{name[3:].replace('_', '.')} {state}".strip()
    if name.startswith("serotonin_5ht"):
        return f"5-HT{name[13:].upper()}"
    if name.endswith("_adrenergic"):
        word = name.removesuffix("_adrenergic")
        return f"{word[:5]}-{word[5:].upper()}"
    return key.replace("_", " ").replace(".", " ")


def volcano_figure(found: Landscape, name: str = "landscape") -> Markup | None:
    """Every compound at every target with a number: how far the median margin lies from 1, and how surely on that side."""
    points = drawable(found)
    if not points:
        return None
    with drawing(name):
        words = "; ".join(_said(point) for point in sorted(points, key=lambda one: -one.log_median))
        title = "Free peak concentration divided by potency, all compounds and targets"
        return svg(_picture(points), name, title, words)


def draw_volcano(found: Landscape, path: Path) -> None:
    """The same picture in a file of its own. ModelError when there is nothing to draw."""
    points = drawable(found)
    if not points:
        alone = bool(found.points) and found.patients * found.draws == 1
        why = (
            "one run has no spread; ask for more people or draws"
            if alone
            else "no potency meets a documented exposure"
        )
        raise ModelError(f"there is no ratio to draw: {why}")
    with drawing("landscape"):
        save(_picture(points), path)


def drawable(found: Landscape) -> list[Point]:
    """The points of the picture; what is not finite is never drawn."""
    return [
        point for point in found.nearest if math.isfinite(point.log_median) and math.isfinite(point.distance)
    ]


def _picture(points: Sequence[Point]) -> Any:
    from matplotlib import pyplot as plt

    picture, axes = plt.subplots(figsize=(WIDTH, HEIGHT))
    frame(picture, LEFT, RIGHT, BOTTOM, TOP)
    _axes(axes, points)
    _region(axes)
    _signs(axes, points)
    _labels(axes, points)
    _legend(picture, points)
    return picture


def _axes(axes: Any, points: Sequence[Point]) -> None:
    low = min(-1.0, *(point.log_median for point in points)) - 0.35
    high = max(1.0, *(point.log_median for point in points)) + 0.35
    top = max(3.0, *(point.distance for point in points)) * 1.08
    axes.set_xlim(low, high)
    axes.set_yscale("function", functions=(_root, _square))
    axes.set_ylim(0.0, top)
    whole = range(math.ceil(low), math.floor(high) + 1)
    axes.set_xticks(list(whole), [positional(10.0**power, 0) for power in whole])
    axes.set_yticks([tick for tick in (0, 0.5, 1, 2, 4, 8, 16) if tick < top])
    axes.yaxis.set_major_formatter(positional)
    axes.set_xlabel("free peak \u00f7 potency, median", loc="right")
    axes.set_ylabel("distance from 1 in standard deviations")


def _root(value: Any) -> Any:
    import numpy as np

    return np.sqrt(np.maximum(value, 0.0))


def _square(value: Any) -> Any:
    import numpy as np

    return np.square(np.maximum(value, 0.0))


def _region(axes: Any) -> None:
    """The half where the peak exceeds the potency, and the height above which that is hardly in doubt."""
    axes.axvspan(0.0, axes.get_xlim()[1], color=GRID, alpha=0.55, linewidth=0)
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.axhline(ONE_IN_TWENTY, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    across = axes.get_yaxis_transform()
    axes.text(0.004, ONE_IN_TWENTY, SURE_WORDS, transform=across, va="bottom", fontsize=7.0, color=SOFT)
    up = axes.get_xaxis_transform()
    axes.text(
        0.04,
        1.01,
        "above 1",
        transform=up,
        ha="left",
        va="bottom",
        fontsize=8.0,
    )
    axes.text(-0.04, 1.01, "below 1", transform=up, ha="right", va="bottom", fontsize=8.0, color=SOFT)


def _signs(axes: Any, points: Sequence[Point]) -> None:
    for point in sorted(points, key=lambda one: one.drug_class == KRATOM):
        _words, sign, colour = CLASSES.get(point.drug_class, OTHER)
        hollow = point.margin.potency_status in WEAK
        axes.plot(
            [point.log_median],
            [point.distance],
            sign,
            markersize=6.0,
            markerfacecolor="none" if hollow else colour,
            markeredgecolor=colour,
            markeredgewidth=1.1,
        )


def _labels(axes: Any, points: Sequence[Point]) -> None:
    """Names beside the points that matter most, over no sign, no line and no other name."""
    low, high = axes.get_xlim()
    top = float(_root(axes.get_ylim()[1]))
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP

    def inches(x: float, distance: float) -> tuple[float, float]:
        return (x - low) / (high - low) * wide, float(_root(distance)) / top * tall

    one, _ = inches(0.0, 0.0)
    _, sure = inches(0.0, ONE_IN_TWENTY)
    blocked = [
        Box(one - 0.01, 0.0, one + 0.01, tall),
        Box(0.0, sure - 0.01, wide, sure + 0.01),
        Box(0.0, sure, 0.05 + LETTER * len(SURE_WORDS), sure + 1.2 * LINE),
    ]
    blocked += [
        Box(x - SIGN, y - SIGN, x + SIGN, y + SIGN)
        for x, y in (inches(point.log_median, point.distance) for point in points)
    ]
    chosen = ranked(points)[:LABELS]
    alone = len({point.margin.compound for point in points}) == 1
    words = [name_of(point, with_compound=not alone) for point in chosen]
    anchors = [inches(point.log_median, point.distance) for point in chosen]
    inside = Box(0.02, 0.02, wide - 0.02, tall - 0.02)
    for put in place(anchors, [LETTER * len(each) for each in words], LINE, blocked, inside, GAP):
        _label(axes, put, words[put.index], anchors[put.index], wide, tall)


def name_of(point: Point, *, with_compound: bool = True) -> str:
    """Compound and target as a label calls them; what is no binding constant says so."""
    one = point.margin
    compound = one.compound.replace("_", "-") if with_compound else ""
    return " ".join(word for word in (compound, target_short(one.target), CONSTANTS.get(one.kind)) if word)


def _label(axes: Any, put: Placed, words: str, point: tuple[float, float], wide: float, tall: float) -> None:
    box, (x, y) = put.box, put.box.end(point)
    side = "left" if x == box.left else "right" if x == box.right else "center"
    where: dict[str, Any] = {"transform": axes.transAxes}
    middle = (box.bottom + box.top) / 2.0
    axes.text(x / wide, middle / tall, words, ha=side, va="center", fontsize=7.0, color=INK, **where)
    if put.led:
        ends = [point[0] / wide, x / wide], [point[1] / tall, y / tall]
        axes.plot(*ends, color=SOFT, linewidth=0.5, **where)


def ranked(points: Sequence[Point]) -> list[Point]:
    """In the order in which they deserve a label: the furthest of each kratom alkaloid, ten more, the furthest of other drugs, the rest."""
    first: dict[str, Point] = {}
    for point in sorted(points, key=lambda one: -one.log_median):
        first.setdefault(point.margin.compound, point)
    heads = sorted(first.values(), key=lambda one: (one.drug_class != KRATOM, -one.log_median))
    kratom = sorted((one for one in points if one.drug_class == KRATOM), key=lambda one: -one.log_median)
    rest = [one for one in kratom if one not in heads]
    first_of_kratom = [one for one in heads if one.drug_class == KRATOM]
    return list(dict.fromkeys([*first_of_kratom, *rest[:NEXT], *heads, *rest[:-4:-1], *rest]))


def _legend(picture: Any, points: Sequence[Point]) -> None:
    from matplotlib.lines import Line2D

    present = dict.fromkeys(CLASSES.get(point.drug_class, OTHER) for point in points)
    handles = [
        Line2D([], [], linestyle="", marker=sign, color=colour, markersize=6.0, label=words)
        for words, sign, colour in sorted(present, key=lambda one: one[0] != CLASSES[KRATOM][0])
    ]
    handles += [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=SOFT,
            markersize=6.0,
            label="filled: potency from a source",
        ),
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=SOFT,
            markersize=6.0,
            markerfacecolor="none",
            label="hollow: recalled or assumed",
        ),
    ]
    picture.legend(
        handles=handles, loc="lower center", ncols=4, fontsize=7.5, handletextpad=0.2, columnspacing=1.0
    )


def _said(point: Point) -> str:
    one = point.margin
    low, high = one.interval90 or (0.0, 0.0)
    return f"{one.compound} at {target_short(one.target)}: {one.median:.2g} ({low:.2g} to {high:.2g})"


def landscape_section(found: Landscape, library: Library, *, drug: str | None = None) -> Markup:
    """Picture, table and what is not known; of one drug where `drug` is given."""
    part = found if drug is None else found.of([drug])
    ident = "landscape" if drug is None else f"landscape-{drug.replace('_', '-')}"
    heading = "How far each compound reaches"
    shown = part.furthest
    if not shown:
        nothing = "No potency of it can be set against a documented exposure; the reasons are listed here."
        return section(heading, element("p", nothing), _not_known(part), anchor=ident)
    above = sum((point.margin.median or 0.0) >= 1.0 for point in part.nearest)
    said = (
        f"Every number of a potency that the library holds for a compound, set against the highest free concentration at the place "
        f"where the target acts, in {found.patients} people under {found.draws} draws of what is not known. Of the documented ways of "
        f"taking it, the one that reaches furthest is shown. {above} of {len(part.nearest)} medians lie above 1. A ratio of 1 "
        "says that the peak equals the potency; it does not say that anything is felt, nor in which direction. A drug that works "
        "need not lie above 1: few receptors can be enough where there are more than needed, and constants measured in a dish "
        "are not those of a nerve."
    )
    return section(
        heading,
        element("p", said),
        figure(volcano_figure(part, f"{ident}-volcano"), CAPTION),
        folded(f"All {len(shown)} ratios", _table(shown, library)),
        _not_known(part),
        anchor=ident,
    )


def landscape_sources(found: Landscape) -> set[str]:
    """Sources that the section names."""
    return {
        name for point in found.furthest for name in (*point.margin.potency_sources, point.regimen.source)
    }


CAPTION = (
    "Across: median of free peak \u00f7 potency, each compound at each target, at the site it reaches furthest (grey: above 1). "
    "Up: how surely it lies on that side, as the distance of the median from 1 in standard deviations of the ratio's logarithm over "
    "people and over what is not known. Hollow: the potency is recalled or assumed. Errors of the model itself are in neither."
)


def _table(points: Sequence[Point], library: Library) -> Markup:
    rows = [_row(point, library) for point in sorted(points, key=lambda one: -one.log_median)]
    return table(
        "Highest concentration \u00f7 potency, the furthest first; free concentration unless total is said",
        (
            "Compound and target",
            "Where",
            "Potency",
            "Peak",
            "Ratio, median (90 % interval)",
            "Runs above 1",
            "Taken as",
        ),
        rows,
        class_="numbers",
    )


def _row(point: Point, library: Library) -> Sequence[Content]:
    one = point.margin
    low, high = one.interval90 or (0.0, 0.0)
    sources: list[Content] = []
    for name in one.potency_sources:
        sources += [", " if sources else " ", source_link(name, library)]
    unknown = None if point.spread else ", spread not known"
    total = " (total)" if point.basis == TOTAL else ""
    return (
        f"{one.compound}, {target_short(one.target)}",
        SHORT_SITES[one.site] + total,
        [
            f"{plain(one.potency)} nM",
            mark(one.potency_status),
            f", {KIND_SHORT[one.kind]}{unknown or ''}",
            sources,
        ],
        [f"{plain(one.exposure_median or 0.0)} nM", mark(point.fraction_unbound_status or "read")],
        f"{plain(one.median or 0.0)} ({plain(low)} to {plain(high)})",
        percent(one.share_above_one or 0.0),
        [point.regimen.arm.name, ", ", source_link(point.regimen.source, library)],
    )


def _not_known(part: Landscape) -> Markup | None:
    """Everything that has no ratio, grouped by reason."""
    reasons: dict[str, list[str]] = {}
    for one in part.not_known:
        named = ", ".join(
            word for word in (one.compound, None if one.target is None else target_short(one.target)) if word
        )
        reasons.setdefault(one.reason, []).append(named)
    if not reasons:
        return None
    rows = [(reason, str(len(names)), "; ".join(names)) for reason, names in reasons.items()]
    return folded(
        f"{len(part.not_known)} ratios that are not known",
        table("No ratio, by reason", ("Reason", "How many", "Which"), rows, class_="numbers"),
    )
