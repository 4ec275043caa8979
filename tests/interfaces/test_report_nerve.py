"""The nerve in a report: pictures that name themselves, never hold what is not a number, and are made once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import evidence
from analgesia.claims.experiment import Size, check
from analgesia.claims.judge import Judgement
from analgesia.nerve.conduction import Conduction
from analgesia.report import nerve_figures as figures
from analgesia.report import nerve_runs as runs
from analgesia.report.nerve_part import nerve_part

CLAIMS = ("blocks_sodium_channels", "anti_inflammatory")
PATHS = re.compile(r' d="([^"]*)"|(?: x| y|points|transform)="([^"]*)"')


@pytest.fixture(scope="module", autouse=True)
def short_runs() -> Iterator[None]:
    """Few pulses, guesses and cells, a short fibre: quick to run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, few in (("PULSES", 4), ("GUESSES", 3), ("PEOPLE", 3), ("LENGTH", 8.0)):
            patch.setattr(runs, name, few)
        yield


@pytest.fixture(scope="module")
def judged() -> list[Judgement]:
    return check(CLAIMS, library=evidence.load(), size=Size(patients=4, replicates=3))


def drawn_numbers(picture: str) -> str:
    return " ".join(a or b for a, b in PATHS.findall(picture)).lower()


def assert_sound(picture: str | None) -> None:
    if picture is not None:
        assert "nan" not in drawn_numbers(picture)
        assert "inf" not in drawn_numbers(picture)
        assert "<title" in picture
        assert "<desc" in picture


def test_both_claims_show_the_nerve(judged: list[Judgement]) -> None:
    library, seen = evidence.load(), []
    runs.prepare(judged, library, lambda done, total: seen.append((done, total)))
    assert seen == [(k, 8) for k in range(1, 9)]
    conduction, ending = (str(nerve_part(one, library)) for one in judged)
    for name in ("nerve-block", "nerve-latency", "nerve-kymograph", "nerve-raster"):
        assert f'id="{name}-title"' in conduction
    for name in ("nerve-heat", "nerve-ways"):
        assert f'id="{name}-title"' in ending
    for page in (conduction, ending):
        assert_sound(page)
        assert page.count("<figcaption") == page.count("<figure")
    assert "differ from those of the healthy fibre by less than 0.1 %" in conduction
    assert "all prostaglandin of inflammation taken away" in ending
    assert runs.trains(judged[0], library)[0] is runs.trains(judged[0], library)[0]


def test_a_claim_that_asks_something_else_shows_nothing() -> None:
    (one,) = check(["acts_on_opioid_receptors"], library=evidence.load(), size=Size(patients=2, replicates=2))
    assert nerve_part(one, evidence.load()) is None
    calls: list[Any] = []
    runs.prepare([one], evidence.load(), lambda *done: calls.append(done))
    assert not calls


def conduction(latency: list[float]) -> Conduction:
    values = np.array(latency)
    times = 500.0 * np.arange(len(values))
    known = np.isfinite(values)
    first = values[known][0] if known.any() else np.nan
    slowing = 100.0 * (values / first - 1.0)
    return Conduction(times, np.nan, values, slowing, known, 1.0, 50.0, 0.025, (times,) * 3, (1e3, 6e3, 18e3))


NUMBER = st.floats(1.0, 200.0) | st.just(np.nan)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(NUMBER, min_size=4, max_size=4), min_size=1, max_size=5))
def test_lost_pulses_are_marked_and_never_drawn_as_numbers(latencies: list[list[float]]) -> None:
    trains = [
        runs.Train(key, key, conduction(one)) for key, one in zip(figures.LOOKS, latencies, strict=False)
    ]
    picture = figures.latency_figure(trains, 18.0)
    assert_sound(picture)
    assert (picture is None) == (not any(np.isfinite(one).any() for one in latencies))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_left_out(hole: float) -> None:
    voltage = np.full((6, 40), -55.0)
    voltage[2:4, 5:9] = hole
    course = (np.arange(6) * 1e3, np.arange(40.0), voltage)
    assert_sound(figures.kymograph_figure([course], ["x"], [(1.0,)]))
    assert figures.kymograph_figure([(*course[:2], np.full((6, 40), np.nan))], ["x"], [()]) is None
    spikes = (np.array([1.0, hole, 3.0]), np.array([]))
    assert_sound(figures.raster_figure(runs.Discharge("x", 20.0, spikes, spikes)))
    arm = {"a": {"median": 0.01, "interval90": [0.005, 0.02]}, "b": {"median": None, "interval90": None}}
    assert_sound(figures.block_figure({"m": np.array([10.0, hole, 30.0])}, arm, "m"))
    assert figures.block_figure({"m": np.array([np.nan])}, arm, "m") is None
    heat = np.linspace(40.0, 50.0, 3)
    bands = np.ones((3, 3))
    assert_sound(figures.heat_figure(heat, {"healthy": bands, "inflamed": bands, "a": bands}, 45.0))
    assert figures.heat_figure(heat, {"healthy": bands, "inflamed": bands, "a": bands * hole}, 45.0) is None
    nothing = {"median": None, "interval90": None}
    assert figures.ways_figure({"arms": {}, "change_percent_without_inflammation": nothing}) is None


def test_pictures_of_the_command_leave_out_what_is_not_finite(tmp_path: Path) -> None:
    from analgesia.nerve.pictures import latencies, raster

    target = tmp_path / "x.svg"
    for case in ([1.0, np.nan, 2.0], [np.nan, np.nan]):
        latencies(conduction(case), "x", target)
        assert_sound(f"<title<desc{target.read_text()}")
    raster([np.array([1.0, np.nan]), np.array([])], 20.0, "x", target)
    assert_sound(f"<title<desc{target.read_text()}")


def test_a_stray_spike_makes_no_active_cell() -> None:
    """As the command counts: from 0.1 spikes a second on, two in 20 s."""
    spikes = (np.array([3.0]), np.array([3.0, 9.0]), np.array([]))
    picture = str(figures.raster_figure(runs.Discharge("x", 20.0, spikes, spikes)))
    assert "1 of 3 cells active within 20 s" in picture
