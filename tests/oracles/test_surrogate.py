"""A surrogate against the cable it was learned from: the stored one was learned by `derive(c_fibre)` as this program does it.

After a change of the C fibre or of the learning:
    python -c "from tests.oracles.test_surrogate import renew; renew()"        (about a minute)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.nerve import history, learning
from analgesia.nerve.conduction import conduct
from analgesia.nerve.long_runs import from_text, to_text
from analgesia.nerve.membranes import fibre
from analgesia.nerve.states import NerveState
from analgesia.nerve.surrogate import INSIDE, SOON_AFTER, TOO_CLOSE, TOO_MUCH, UNSURE

STORED = Path(__file__).parent / "data" / "surrogate_c_fibre.json"
LIBRARY = evidence.load()
LEARNED = from_text(STORED.read_text())


def renew() -> None:
    STORED.write_text(to_text(learning.derive(fibre("c_fibre", LIBRARY))) + "\n")


def cable(times, length=8.0):
    return conduct(fibre("c_fibre", LIBRARY), times, diameter=1.0, length=length, grid=50.0, step=0.025)


@pytest.mark.parametrize(
    "times",
    [
        [0.0, 3.0, 400.0, 430.0, 900.0, 914.0],
        [*(25.0 * np.arange(5)), *(700.0 + 50.0 * np.arange(4))],
        [0.0, 150.0, 230.0, 245.0, 600.0, 700.0, 703.0, 760.0],
    ],
    ids=["pairs", "bursts", "irregular"],
)
def test_latency_and_loss_are_the_cables_within_the_stated_error(times):
    """Recovery cycle, bursts, irregular firing: none of these trains was learned or held out."""
    found, said = cable(times), LEARNED.conduct(times, length=8.0)
    assert np.all(said.outside == INSIDE)
    np.testing.assert_array_equal(said.conducted, found.conducted)
    both = found.conducted
    greatest = 1.2 * max(
        LEARNED.error.greatest, LEARNED.error.close_greatest
    )  # a greatest error of 259 pulses is no bound
    np.testing.assert_allclose(said.latency[both], found.latency[both], rtol=greatest)
    assert said.latency[0] == pytest.approx(found.latency[0], rel=0.005)
    assert (
        np.ptp(found.latency[both]) > 2.0 * greatest * found.latency[0]
    )  # what is predicted is more than the error


def test_intervals_change_on_the_way_so_a_long_fibre_slows_a_close_spike_less():
    """In the cable too: the second of two spikes falls back until it is no longer slowed."""
    shares = []
    for length in (6.0, 24.0):
        found, said = cable([0.0, 10.0], length), LEARNED.conduct([0.0, 10.0], length=length)
        assert said.latency[1] == pytest.approx(found.latency[1], rel=1.2 * LEARNED.error.close_greatest)
        shares.append(said.slowing[1])
    assert shares[1] < 0.8 * shares[0]


def test_the_stated_error_is_that_of_unseen_trains_and_small():
    error = LEARNED.error
    assert error.pulses + error.unsaid == sum(len(train) for train in learning.held_out_trains().values())
    assert 0.0 < error.rms < 0.01
    assert error.rms < error.greatest < 0.03
    assert error.lost >= 5
    assert error.wrong <= 0.01 * error.pulses


def test_learning_finds_a_law_it_can_express():
    """Tracks of an invented fibre: slowness 1.4 exp(0.3 exp(-I/30) + 0.1 ln(1 + 3 z)) ms/mm, pulses within 5 ms of a spike lost."""
    trains = [train[:160] for train in learning.learned_trains()]
    tracks = []
    for train in trains:
        came, last = np.ones(len(train), bool), -np.inf
        for k, t in enumerate(train):
            came[k] = t - last > 5.0
            last = t if came[k] else last
        t, places = train[came], np.array([0.5, 1.0, 1.5])
        begin = history.begins(len(t))
        passed = [t + 1.0]
        for apart in np.diff(places):
            gaps = history.intervals(passed[-1], begin)
            z = history.traces(passed[-1], begin, gaps)
            passed.append(
                passed[-1]
                + apart * 1.4 * np.exp(0.3 * np.exp(-gaps / 30.0) + 0.1 * history.saturating(z)[:, 1])
            )
        full = np.full((len(train), 3), np.nan)
        full[came] = np.array(passed).T
        tracks.append(learning.Tracks(train, full, places, np.array([])))
    found = learning.fitted(fibre("c_fibre", LIBRARY), tracks, 1.0, "invented")
    assert found.velocity == pytest.approx(1 / 1.4)
    said = found.conduct([0.0, 4.0, 400.0, 420.0], length=10.0)
    assert said.conducted.tolist() == [True, False, True, True]
    assert said.latency[0] == pytest.approx(1.0 + 8.5 * 1.4, rel=1e-3)
    gaps = np.array([np.inf, np.inf, 20.0])
    z = history.traces(np.array([0.0, 400.0, 420.0]), history.begins(3), gaps)
    assert said.latency[3] == pytest.approx(
        1.0 + 8.5 * 1.4 * np.exp(0.3 * np.exp(-20 / 30.0) + 0.1 * history.saturating(z)[2, 1]), rel=0.02
    )


def test_no_surrogate_of_a_fibre_that_fires_by_itself_or_fails():
    one = learning.learned_trains()[0][:40]
    passed = np.add.outer(one, [1.0, 2.0, 3.0])
    tracks = learning.Tracks(one, passed, np.array([0.5, 1.0, 1.5]), np.array([7.0]))
    built = fibre("c_fibre", LIBRARY)
    with pytest.raises(ModelError, match="fires without a pulse"):
        learning.fitted(built, [tracks], 1.0, "invented")
    passed[5:] = np.nan
    with pytest.raises(ModelError, match="conducts 5 of 40"):
        learning.fitted(built, [replace(tracks, extra=np.array([]))], 1.0, "invented")
    with pytest.raises(ModelError, match="conducts nothing"):
        learning.derive(built, state=NerveState(factors={"nav1_7": 0.02, "nav1_8": 0.02}))


def test_a_fibre_that_fires_again_after_close_pulses_is_learned_without_them(monkeypatch):
    """An invented fibre: a second spike of its own after any pulse nearer than 25 ms to the one before."""

    def tracked(fibre, pulses, diameter, state):
        close = pulses[np.diff(pulses, prepend=-np.inf) < 25.0]
        passed = np.add.outer(pulses, [1.0, 2.0, 3.0])
        return learning.Tracks(pulses, passed, np.array([0.5, 1.0, 1.5]), close + 0.1)

    monkeypatch.setattr(learning, "tracked", tracked)
    monkeypatch.setattr(learning, "judged", lambda surrogate, fibre, state: surrogate)
    found = learning.derive(fibre("c_fibre", LIBRARY))
    assert 25.0 <= found.shortest < 1.6 * 25.0
    said = found.conduct([0.0, 20.0, 2000.0, 2050.0], length=10.0)
    assert said.outside.tolist() == [INSIDE, TOO_CLOSE, INSIDE, INSIDE]


def test_a_surrogate_that_calls_pulses_wrongly_or_is_far_off_is_refused(monkeypatch):
    built = fibre("c_fibre", LIBRARY)
    monkeypatch.setattr(learning, "held_out_trains", lambda: {"pairs": np.array([0.0, 2.0, 500.0, 502.0])})
    never = np.r_[1.0, np.zeros(len(LEARNED.loss) - 1)]
    with pytest.raises(ModelError, match="wrongly"):
        learning.judged(replace(LEARNED, loss=never), built, NerveState())
    slow = replace(LEARNED, along=replace(LEARNED.along, rest=2.0 * LEARNED.along.rest))
    with pytest.raises(ModelError, match="off by up to"):
        learning.judged(slow, built, NerveState())


def test_outside_of_what_was_learned_it_says_so():
    said = LEARNED.conduct([0.0, 1.1, 200.0, 3000.0], length=20.0)
    assert said.outside.tolist() == [INSIDE, TOO_CLOSE, SOON_AFTER, INSIDE]
    assert np.isnan(said.latency[1:3]).all() and not said.conducted[1:3].any()
    assert np.isfinite(said.latency[3])
    edge = LEARNED.conduct([0.0, 5.2, 300.0], length=20.0)
    assert edge.outside.tolist() == [INSIDE, UNSURE, INSIDE]
    loaded = LEARNED.conduct(50.0 * np.arange(4000), length=20.0)  # 20 Hz for 200 s
    assert TOO_MUCH in loaded.outside
    assert np.isnan(loaded.latency[loaded.outside != INSIDE]).all()
    assert loaded.to_dict()["outside_pulses"]
    assert loaded.to_conduction(20.0).times.size == (loaded.outside == INSIDE).sum()


@pytest.mark.parametrize(
    ("times", "more", "message"),
    [
        ([0.0, 0.0], {}, "ascend"),
        ([], {}, "ascend"),
        ([0.0, np.nan], {}, "ascend"),
        ([0.0], {"diameter": 0.7}, "width of 1 um, not 0.7"),
        ([0.0], {"length": 200.0}, "5 to 50 mm"),
    ],
)
def test_bad_input(times, more, message):
    with pytest.raises(ModelError, match=message):
        LEARNED.conduct(times, **{"length": 20.0, **more})


GAPS = st.lists(st.floats(1.3, 2000.0), min_size=0, max_size=40)


@settings(max_examples=15, deadline=None)
@given(GAPS, GAPS)
def test_properties(one, other):
    """Latencies are positive and never below what a supernormal fibre allows, runs repeat exactly, trains do not see each other."""
    trains = [np.r_[100.0, 100.0 + np.cumsum(gaps)] for gaps in (one, other)]
    first, second = LEARNED.conduct_many(trains, length=20.0)
    again = LEARNED.conduct_many(trains[::-1], length=20.0)[::-1]
    for a, b, t in zip((first, second), again, trains, strict=True):
        np.testing.assert_array_equal(a.latency, b.latency)
        np.testing.assert_array_equal(a.latency, LEARNED.conduct(t - 0.0, length=20.0).latency)
        assert np.all(a.latency[a.conducted] > 0.8 * a.rested)
        assert np.isnan(a.latency[~a.conducted]).all()
        assert np.all(np.diff((t + a.latency)[a.conducted]) > 0.0)  # spikes keep their order
        assert a.latency[0] == pytest.approx(a.rested, rel=1e-12)


@pytest.mark.parametrize("rate", [5.0, 40.0, 150.0])
def test_pulses_decided_together_are_those_decided_in_turn(rate):
    t = np.cumsum(np.maximum(np.random.default_rng(2).exponential(1e3 / rate, 400), 1.3))
    first = history.begins(len(t))
    together, _ = LEARNED._decided(t, first)
    np.testing.assert_array_equal(together, LEARNED._in_turn(t, first))
    assert not together.all()


def test_traces_are_sums_over_the_spikes_before():
    t = np.array([0.0, 10.0, 25.0, 100.0, 130.0])
    first = np.array([True, False, False, True, False])
    for tau in (8.0, 1000.0):
        expected = [0.0, np.exp(-10 / tau), np.exp(-25 / tau) + np.exp(-15 / tau), 0.0, np.exp(-30 / tau)]
        np.testing.assert_allclose(history.trace(t, first, tau), expected, rtol=1e-12)


def test_kept_surrogates_are_the_same_to_the_last_digit():
    again = from_text(to_text(LEARNED))
    t = np.array([0.0, 30.0, 38.0, 500.0])
    np.testing.assert_array_equal(
        LEARNED.conduct(t, length=20.0).latency, again.conduct(t, length=20.0).latency
    )
    with pytest.raises(ModelError, match="fires without"):
        from_text('{"refused": "it fires without a pulse"}')


def test_a_quarter_of_a_day_takes_a_moment():
    """25 000 spikes in 7 h: well under a second of one processor."""
    import time

    t = np.cumsum(np.maximum(np.random.default_rng(5).exponential(1000.0, 25_000), 1.3))
    start = time.process_time()
    said = LEARNED.conduct(t, length=20.0)
    assert time.process_time() - start < 1.5
    assert (said.outside == INSIDE).mean() > 0.99
