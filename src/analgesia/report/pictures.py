"""A figure of the page saved as a file of its own: the page's placeholders become the colours of its light theme."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from analgesia.report.figures import VARIABLES

COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
"""Properties of an artist that hold a colour."""


def save(figure: Any, path: Path) -> None:
    """Write the figure to `path` (png, svg or pdf) in the colours of paper, and close it."""
    from matplotlib import pyplot as plt
    from matplotlib.colors import to_hex

    colours = light_colours()
    for artist in figure.findobj():
        for name in COLOURED:
            get, put = (getattr(artist, f"{way}_{name}", None) for way in ("get", "set"))
            if get is None or put is None:
                continue
            try:
                known = colours.get(to_hex(get()))
            except ValueError:  # "none", or one colour for each of several
                continue
            if known is not None:
                put(known)
    figure.savefig(path, dpi=160, facecolor=_light("paper"))
    plt.close(figure)


@lru_cache(maxsize=1)
def light_colours() -> dict[str, str]:
    """Placeholder -> colour, from the style of the page."""
    return {
        placeholder: _light(variable.removeprefix("var(--").removesuffix(")"))
        for placeholder, variable in VARIABLES.items()
    }


def _light(variable: str) -> str:
    """The first value that the style gives a variable, which is that of the light theme."""
    style = resources.files("analgesia.report").joinpath("style.css").read_text("utf-8")
    found = re.search(rf"--{variable}: (#[0-9a-f]{{6}})", style)
    assert found is not None, f"style.css has no --{variable}"
    return found[1]
