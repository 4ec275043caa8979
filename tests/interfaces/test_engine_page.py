"""The code of docs/engine.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np


def test_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/engine.md", "exec"), names)  # noqa: S102
    assert np.isfinite(names["solution"].outputs).all()  # type: ignore[attr-defined]
    assert np.isfinite(names["more"].outputs).all()  # type: ignore[attr-defined]
    assert (names["slopes"].output("concentration@clearance")[:, 1] < 0).all()  # type: ignore[attr-defined]
