"""Spikes along a fibre are given to the pulses that they began at."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.nerve.ask import Question, ask
from analgesia.nerve.matching import along

NAN = np.nan


@pytest.mark.parametrize(
    ("times", "near", "far", "passed"),
    [
        pytest.param([0, 8], [1.8, 10.5], [26, 39.2], [26, 39.2], id="each its own"),
        pytest.param([0, 4, 20], [1.8, 21.9], [26, 46.6], [26, NAN, 46.6], id="a lost one takes no later spike"),
        pytest.param([0, 20, 24, 30], [1.8, 21.8, 32.4], [26, 46.6, 61.4], [26, 46.6, NAN, 61.4], id="nor that of a pulse 6 ms later"),
        pytest.param([0, 14, 18], [1.7, 15.9, 47.9], [24, 41, 68], [24, 41, NAN], id="nor one that the fibre fired by itself"),
        pytest.param([0, 14], [1.7, 15.9, 47.9], [24, 41, 68], [24, 41], id="which is left over"),
        pytest.param([0, 50], [1.7, 51.7], [24], [24, NAN], id="lost on the way"),
        pytest.param([0, 50], [1.7, 51.7], [24, 54, 75], [24, 75], id="begun beyond the first electrode"),
        pytest.param([0, 6, 12], [1.8, 9.2, 15.8], [26, 38.9, 50.5], [26, 38.9, 50.5], id="slowed by more than half an interval"),
    ],
)  # fmt: skip
def test_a_spike_is_its_own_pulses(times, near, far, passed):
    """As cables of C fibres gave them (20 mm, electrodes at 1 and 18 mm), shortened."""
    spikes = [np.asarray(each, float) for each in (near, far)]
    found = along(np.asarray(times, float), spikes, 1.4, 17.0, 143.0)
    np.testing.assert_array_equal(found[-1], passed)


def test_a_fibre_that_fires_by_itself_does_not_conduct_more_and_says_so():
    """After two pulses 14 ms apart the fibre of postherpetic neuralgia fires in its middle; that spike meets the one of the third pulse."""
    asked = Question(times=(0.0, 14.0, 70.0), condition="postherpetic_neuralgia", severity=1.0)
    found = ask(asked, evidence.load())
    assert found.conduction.conducted.tolist() == [True, True, False]
    assert found.to_dict()["spikes_of_no_pulse"] == 2
    assert any("fires by itself" in note for note in found.notes)
