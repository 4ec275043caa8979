"""The T-junction with the membrane it was published with: Sundt, Gamper & Jaffe 2015."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.nerve import junction as ours
from analgesia.nerve import sundt
from analgesia.nerve.sundt import AXON, GANGLION, SOMA, follows, junction

LIBRARY = evidence.load()


def test_leak_reversals_are_those_of_the_published_code():
    """-60 mV in the axons and -54 mV in the ganglion, typed there; here they follow from the resting potential."""
    reversal = junction(LIBRARY, km=1.0).parameters["leak_reversal"]
    assert reversal[AXON] == pytest.approx(-60.0, abs=0.5)
    assert reversal[GANGLION] == pytest.approx(-54.0, abs=0.5)
    assert reversal[SOMA] == pytest.approx(-54.0, abs=0.5)


def test_published_following_frequencies():
    """110 Hz without, 30 Hz with M current, 6 Hz with a slow calcium-opened current too. The first is met; the second here is between 50
    and 75 Hz, and the third at half the density of the code."""
    bare, slow = junction(LIBRARY), junction(LIBRARY, km=1.0)
    assert list(follows(bare, [110.0, 140.0], pulses=8) >= 1.0) == [True, False]
    assert follows(slow, [90.0], pulses=8)[0] < 1.0
    assert follows(slow, [40.0], pulses=6)[0] == 1.0
    assert follows(junction(LIBRARY, km=1.0, kca=1.0), [30.0], pulses=6)[0] < 0.7


def test_the_straight_axon_follows_what_the_branch_does_not():
    assert follows(junction(LIBRARY), [200.0], pulses=8, branched=False)[0] == 1.0
    assert follows(junction(LIBRARY), [200.0], pulses=8)[0] < 1.0


def test_a_wider_stem_and_an_open_potassium_channel_make_it_fail():
    """Propagation was highly sensitive to the diameter of the stem (published); potassium channels opened in the ganglion do the same."""
    assert follows(junction(LIBRARY, stem=1.3), [20.0], pulses=4)[0] < 1.0
    assert follows(junction(LIBRARY, stem=0.7), [125.0], pulses=8)[0] == 1.0
    assert follows(junction(LIBRARY, opened=1e-4), [20.0], pulses=4)[0] < 1.0
    assert list(follows(junction(LIBRARY, opened=2e-5), [25.0, 75.0], pulses=5) >= 1.0) == [True, False]


def test_a_lane_does_not_depend_on_its_neighbours():
    found = junction(LIBRARY, km=1.0)
    together = follows(found, [60.0, 90.0, 140.0], pulses=6)
    assert np.array_equal(together, [follows(found, [rate], pulses=6)[0] for rate in (60.0, 90.0, 140.0)])


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ModelError, match="0 or more"):
        junction(LIBRARY, km=-1.0)
    with pytest.raises(ModelError, match="rates"):
        follows(junction(LIBRARY), [0.0])


def test_both_junctions_have_the_same_widths():
    table = LIBRARY.neurons["c_junction"].parameters["geometry"]
    um = {key: number.to("um") for key, number in table.items()}
    assert (ours.PERIPHERY[1], ours.CENTRE[1]) == (um["periphery_diameter"], um["centre_diameter"])
    assert ((um["stem"], um["stem_diameter"]), (um["soma"], um["soma"])) == (ours.STEM, ours.SOMA)


@pytest.mark.parametrize(
    ("true", "low", "high"), [(110.0, 100.0, 121.0), (1.0, 0.0, 0.0), (900.0, 250.0, 250.0)]
)
def test_a_following_frequency_lies_between_the_rates_that_pass_and_fail(monkeypatch, true, low, high):
    monkeypatch.setattr(
        sundt, "follows", lambda _, rates, **given: np.where(np.asarray(rates) <= true, 1.0, 0.5)
    )
    monkeypatch.setattr(ours, "follows", lambda _, rate, **given: 1.0 if rate <= true else 0.5)
    assert low <= sundt.following_frequency(None, high=250.0) <= high
    assert low <= ours.following_frequency(None, junction=True, high=250.0) <= high
