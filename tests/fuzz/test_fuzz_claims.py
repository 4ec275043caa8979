"""Damaged claim files: each is either still a claim or refused by name, never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analgesia import evidence
from analgesia.claims.experiment import chosen, verify
from analgesia.errors import AnalgesiaError

FOLDER = Path(evidence.__file__).parent / "claims"
FILES = sorted(FOLDER.glob("*.toml"))
JUNK = st.sampled_from(
    [
        '"nonsense"',
        "-1",
        "0",
        "1e400",
        "nan",
        "true",
        "[]",
        "{}",
        '""',
        "2026-11-25",
        '"none"',
        '"mu_opioid"',
        "[1, 2]",
        "=",
    ]
) | st.text(max_size=8)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FILES), st.integers(1, 200), st.sampled_from(["drop", "value", "double", "line"]), JUNK
)
def test_a_damaged_claim_is_refused_by_name_or_still_a_claim(
    file: Path, place: int, how: str, junk: str
) -> None:
    lines = file.read_text().replace(f'name = "{file.stem}"', 'name = "damaged"', 1).splitlines()
    place = place % (len(lines) - 1) + 1
    if how == "drop":
        del lines[place]
    elif how == "double":
        lines.insert(place, lines[place])
    elif how == "value":
        lines[place] = f"{lines[place].split('=')[0]}= {junk}"
    else:
        lines.insert(place, junk)
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder) / "claims"
        overlay.mkdir()
        (overlay / "damaged.toml").write_text("\n".join(lines), encoding="utf-8", errors="replace")
        try:
            library = evidence.load(overlays=[Path(folder)])
            verify(chosen(["damaged"], library)[0], library)
        except AnalgesiaError:
            return
