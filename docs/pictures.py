"""Draw the pictures of the README from the program itself, into docs/images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import analgesia as an
from analgesia.evidence import load
from analgesia.pathway import simulate

IMAGES = Path(__file__).parent / "images"
FORMAT = {
    "dpi": 144,
    "metadata": {"Software": None},
}  # no version in the file: the same picture is the same bytes

TARGETS = {
    "mu_opioid": "binds the mu opioid receptor",
    "kappa_opioid": "binds the kappa opioid receptor",
    "delta_opioid": "binds the delta opioid receptor",
    "alpha2a_adrenergic": "binds the alpha-2A receptor",
    "kv11_1": "half blocks hERG (heart)",
    "cox2_suppression": "lowers COX-2 in cells",
    "cyp3a_inactivation": "inactivates CYP3A (liver)",
    "neuromuscular_block": "blocks muscle twitch ex vivo",
    "nerve_conduction_block": "blocks nerve conduction ex vivo",
}
COMPOUNDS = ("mitragynine", "7-hydroxymitragynine")
"""Drawn at every target named; the other alkaloids at the mu receptor alone. All others stand in the report."""
COLOURS = {"read": "#1b6ca8", "secondary": "#7fa8c9"}
OTHER = "#c96f1a"


def margins() -> None:
    """Draw, for the highest of the documented doses, unbound peak over potency for some targets of the claims."""
    best: dict[tuple[str, str, str], dict[str, Any]] = {}
    for judgement in an.check():
        for margin in judgement.to_dict()["mechanism"]["margins"]:
            if margin["target"] not in (TARGETS if margin["compound"] in COMPOUNDS else ("mu_opioid",)):
                continue
            key = (margin["compound"], margin["target"], margin["kind"])
            if margin["median"] and margin["median"] > best.get(key, margin)["median"] * (key in best):
                best[key] = margin
    rows = sorted(best.values(), key=lambda margin: margin["median"])
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(rows) + 1.5), layout="constrained")
    for row, margin in enumerate(rows):
        colour = COLOURS.get(margin["potency"]["status"], OTHER)
        axes.plot(
            margin["interval90"], [row, row], color=colour, linewidth=6, alpha=0.5, solid_capstyle="butt"
        )
        axes.plot(margin["median"], row, "o", color=colour)
    names = [f"{m['compound'].replace('_', ' ')} {TARGETS[m['target']]}" for m in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("unbound peak at the site / concentration that does it  (1 = reached)", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    colours = {
        "read in its paper": COLOURS["read"],
        "second-hand": COLOURS["secondary"],
        "pooled with recalled, or assumed": OTHER,
    }
    marks = [axes.plot([], [], "o", color=colour)[0] for colour in colours.values()]
    axes.legend(
        marks,
        list(colours),
        title="the concentration that does it is",
        fontsize=8,
        title_fontsize=8,
        loc="upper left",
    )
    figure.suptitle(
        "At the highest documented dose. Dot: median; bar: 90 % over people and over what is not known",
        fontsize=9,
    )
    figure.savefig(IMAGES / "margins.png", **FORMAT)


def exposure() -> None:
    """Draw unbound concentrations in the spinal cord over two days of leaf capsules."""
    people = an.population("healthy_volunteer", size=200, seed=1)
    leaf = an.product("leaf_capsule").dose("4 g", every="8 h", days=2)
    result = simulate(people, [leaf], library=load(), times=np.linspace(0, 48, 193), cord=False)
    figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    result = type(result)(result.dataset.sel(analyte=list(COMPOUNDS)))
    result.plot("concentration", by="analyte", arm=leaf.name, site="spinal_cord", axes=axes)
    axes.set_ylim(bottom=0)
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
