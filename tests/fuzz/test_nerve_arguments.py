"""Any arguments to `nerve` and `ectopia`: an answer that any reader of JSON accepts, or one sentence and exit code 2."""

from __future__ import annotations

import json
import math
import tempfile
from contextlib import chdir
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import analgesia.nerve.delay
import analgesia.nerve.ectopia
import analgesia.nerve.people
import analgesia.nerve.saltatory  # noqa: F401  patched below
from analgesia.cli import main
from analgesia.errors import ModelError
from analgesia.nerve.conduction import Conduction

BUSY = "not computed in this test"
LONG = (
    "analgesia.nerve.conduction.simulate",
    "analgesia.nerve.ectopia.fire",
    "analgesia.nerve.people.simulate",
    "analgesia.nerve.saltatory.simulate",
    "analgesia.nerve.delay.simulate",
)

NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-0", "1", "0.5", "2", "8", "1e-300", "1e300", "1e400", "nan", "inf", "-1", "", "1e", "٣"]
    ),
    st.integers(-3, 20_000).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
)
UNITS = st.sampled_from(
    [
        "um",
        "µm",
        "mm",
        "cm",
        "m",
        "Hz",
        "kHz",
        "1/s",
        "ms",
        "s",
        "h",
        "mM",
        "uM",
        "nM",
        "mg/L",
        "kg",
        "%",
        "",
        "lightyear",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        [
            "c",
            "c_polymodal",
            "a_delta",
            "C-fiber",
            "a-beta",
            "spinal_cord_injury_pain",
            "gout",
            "lidocaine",
            "--help ",
        ]
    ),
)
QUANTITIES = st.one_of(
    st.builds("{}{}{}".format, NUMBERS, st.sampled_from(["", " ", "  "]), UNITS), NUMBERS, TEXTS
)
DRUGS = st.one_of(
    st.builds(
        "{} {}".format,
        st.sampled_from(["lidocaine", "mitragynine", "7-hydroxymitragynine", "morphine", "lidocain", "0.8"]),
        QUANTITIES,
    ),
    TEXTS,
)
OPTIONS = {
    "nerve": {
        "--fibre": TEXTS,
        "--diameter": QUANTITIES,
        "--length": QUANTITIES,
        "--stimulate": QUANTITIES,
        "--interval": QUANTITIES,
        "--pulses": NUMBERS,
        "--drug": DRUGS,
        "--condition": TEXTS,
        "--severity": NUMBERS,
        "--patients": NUMBERS,
        "--seed": NUMBERS,
        "--precision": TEXTS,
        "--kymograph": TEXTS,
        "--plot": TEXTS,
    },
    "ectopia": {
        "--patients": NUMBERS,
        "--drug": DRUGS,
        "--condition": TEXTS,
        "--opioid": NUMBERS,
        "--seed": NUMBERS,
        "--plot": TEXTS,
    },
}
FLAGS = ("--prior", "--json")


@st.composite
def requests(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(OPTIONS)))
    words = [command]
    for option in draw(st.lists(st.sampled_from(sorted(OPTIONS[command])), max_size=4)):
        words += [option, draw(OPTIONS[command][option])]
    return words + draw(st.lists(st.sampled_from(FLAGS), max_size=2))


@given(requests())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_sentence_or_an_answer(words: list[str]) -> None:
    runner = CliRunner()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        patches = [mock.patch(name, side_effect=ModelError(BUSY)) for name in LONG]
        for patch in patches:
            patch.start()
        try:
            done = runner.invoke(main, words)
        finally:
            for patch in patches:
                patch.stop()
        left = list(Path().iterdir())
    assert done.exit_code in (0, 2), (words, done.output, done.exception)
    assert "Traceback" not in done.output
    if done.exit_code == 2:
        said = done.output.strip().splitlines()
        assert said[-1].startswith("Error: "), words
        assert not left, words


def arrived(latencies: list[float | None]) -> Conduction:
    """What a fibre might conduct, ms after pulses half a second apart."""
    times = 500.0 * np.arange(len(latencies))
    latency = np.array([math.nan if each is None else each for each in latencies])
    known = latency[np.isfinite(latency)]
    slowing = 100.0 * (latency / (known[0] if known.size else math.nan) - 1.0)
    velocity = 1.0 if known.size else math.nan
    where = (100.0, 600.0, 1800.0)
    return Conduction(
        times, velocity, latency, slowing, np.isfinite(latency), 0.4, 50.0, 0.025, (known,) * 3, where
    )


@given(st.lists(st.none() | st.floats(0.5, 500.0), min_size=1, max_size=40), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_an_answer_is_whole_and_plain(latencies: list[float | None], amount: float) -> None:
    """Every pulse has its latency, slowing and word on whether it arrived; what did not arrive is null, and nothing is NaN."""
    words = ["nerve", "--length", "2 mm", "--pulses", str(len(latencies)), "--stimulate", "2 Hz", "--json"]
    with mock.patch("analgesia.nerve.ask.conduct", return_value=arrived(latencies)):
        done = CliRunner().invoke(main, [*words, "--drug", f"lidocaine {amount!r} mM"])
        said = CliRunner().invoke(main, words[:-1])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(word))
    assert found["latency_ms"] == pytest.approx(latencies)
    assert found["conducted"] == [each is not None for each in latencies]
    assert [each is None for each in found["slowing_percent"]] == [each is None for each in latencies]
    assert (found["conduction_velocity_m_per_s"] is None) == (not any(found["conducted"]))
    assert found["concentrations_uM"]["lidocaine"] == pytest.approx(1e3 * amount)
    assert said.exit_code == 0
    assert "nan" not in said.output


@pytest.mark.parametrize(
    "stopped", ["analgesia.nerve.conduction.simulate", "matplotlib.figure.Figure.savefig"]
)
def test_an_interrupted_run_leaves_nothing(
    stopped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it computes, or while half of the picture is on the disk: what stood there before is still whole."""
    picture = tmp_path / "latency.svg"
    picture.write_text("before")

    def stop(*places: object, **_: object) -> None:
        for place in places:
            if isinstance(place, Path):
                place.write_text("half of a pict")
        raise KeyboardInterrupt

    if not stopped.endswith("simulate"):
        monkeypatch.setattr("analgesia.nerve.ask.conduct", lambda *_, **__: arrived([20.0, None]))
        monkeypatch.setattr("analgesia.nerve.ask.course", lambda *_, **__: None)
    monkeypatch.setattr(stopped, stop)
    done = CliRunner().invoke(main, ["nerve", "--length", "2mm", "--plot", str(picture)])
    assert done.exit_code == 130, done.output
    assert "interrupted" in done.output
    assert picture.read_text() == "before"
    assert list(tmp_path.iterdir()) == [picture]
