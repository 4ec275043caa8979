"""Draw the pictures of the README from the program itself, into docs/images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

import analgesia as an

IMAGES = Path(__file__).parent / "images"
FORMAT = {
    "dpi": 144,
    "metadata": {"Software": None},
}  # no version in the file: the same picture is the same bytes

WORDS = {
    "affinity": "binding",
    "potency": "half effect",
    "functional_inhibition": "half block",
    "effects": "seen outside the body",
}
COLOURS = {"read": "#1b6ca8", "secondary": "#7a9cb8"}
"""Measured potencies in blue (second-hand paler), everything else in orange."""


def margins() -> None:
    """Draw, for the highest of the documented doses, unbound peak over potency for each target of the claims."""
    best: dict[tuple[str, str, str], dict[str, Any]] = {}
    for judgement in an.check():
        for margin in judgement.to_dict()["mechanism"]["margins"]:
            key = (margin["compound"], margin["target"], margin["kind"])
            if margin["median"] and margin["median"] > best.get(key, margin)["median"] * (key in best):
                best[key] = margin
    rows = sorted(best.values(), key=lambda margin: margin["median"])
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.3), layout="constrained")
    for row, margin in enumerate(rows):
        colour = COLOURS.get(margin["potency"]["status"], "#c96f1a")
        axes.plot(
            margin["interval90"], [row, row], color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt"
        )
        axes.plot(margin["median"], row, "o", color=colour)
    names = [
        f"{m['compound']}: {m['target'].replace('_', ' ')} ({WORDS[m['kind']]}, {m['site'].replace('_', ' ')})"
        for m in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.text(1, len(rows) - 0.4, " half of the receptors, or half of the effect", va="bottom", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel(
        "unbound peak concentration at the site / concentration that has the effect [1]\n"
        "dot: median; bar: 90 % of people and of what is not known; orange: the potency is recalled, fitted or assumed",
        fontsize=8,
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / "margins.png", **FORMAT)


def exposure() -> None:
    """Draw unbound concentrations in the spinal cord over two days of leaf capsules."""
    people = an.population("healthy_volunteer", size=200, seed=1)
    leaf = an.product("leaf_capsule").dose("4 g", every="8 h", days=2)
    result = an.simulate(people, arms=[leaf], duration="48 h")
    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    result.plot("concentration", by="analyte", arm=leaf.name, site="spinal_cord", axes=axes)
    axes.set_yscale("log")
    axes.set_title(
        "4 g of leaf in capsules every 8 h, 200 virtual volunteers: median and 90 % band", fontsize=10
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / "exposure.png", **FORMAT)


if __name__ == "__main__":
    mpl.use("Agg")
    IMAGES.mkdir(exist_ok=True)
    margins()
    exposure()
