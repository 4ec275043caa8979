"""Myelinated fibres against NEURON 9 with `extracellular`, and against what is measured of A fibres.

The references are runs of the same equations in NEURON 9.0 (backward Euler, dt 0.005 ms, 21 nodes, pulses of 0.1 ms at 1 and 4 ms into the
first node, from the file's `start` with P = 0): spike times are crossings of -10 mV, interpolated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analgesia import evidence
from analgesia.engine.cable import Pulse, simulate
from analgesia.errors import EvidenceError, ModelError
from analgesia.nerve import delay, saltatory
from analgesia.nerve.block import blocking_concentration
from analgesia.nerve.drugs import block_as
from analgesia.nerve.myelinated import Myelinated, anatomy, myelinated, parameters
from analgesia.nerve.states import HEALTHY, NerveState

LIBRARY = evidence.load()
BETA, DELTA = (myelinated(name, LIBRARY) for name in ("a_beta_fibre", "a_delta_fibre"))
NEURON = [
    (BETA, 10.0, 2.0, [1.1416780, 4.1690599], [1.3611691, 4.4413459], 26.373102, [-80.722624, -78.554709, -78.591759], -75.291281),
    (BETA, 5.7, 2.0, [1.1362611, 4.1635509], [1.3822636, 4.4710546], 27.083534, [-80.487426, -78.676312, -78.863739], -75.350475),
    (DELTA, 4.5, 1.0, [1.1780302, 4.2055440], [1.4969072, 4.5801894], 17.677839, [-65.926562, -75.952638, -78.900221], -79.313384),
]  # fmt: skip
"""Fibre, um, nA; ms at nodes 5 and 15; peak at node 15; mV there at 2, 3 and 9 ms, and of the internode next to it at 9 ms."""


@pytest.mark.parametrize(
    ("fibre", "diameter", "current", "near", "far", "peak", "later", "internode"), NEURON
)
def test_the_double_cable_is_neuron_s(fibre, diameter, current, near, far, peak, later, internode):
    """Velocity, recovery after 3 ms, peak, afterpotentials: to the rounding of the references."""
    membrane, given = parameters(fibre, diameter, HEALTHY)
    found = simulate(
        membrane, anatomy(fibre, diameter, 21), given, initial={"v": fibre.numbers["start"]}, duration=9.01, dt=0.005,
        method="backward-euler", probes=[55, 165, 170], sample_every=0.005, long_steps=False,
        pulses=[Pulse(0, t, 0.1, current) for t in (1.0, 4.0)],
    )  # fmt: skip
    np.testing.assert_allclose(found.spikes[0][0], near, atol=2e-6)
    np.testing.assert_allclose(found.spikes[0][1], far, atol=2e-6)
    voltage = found.voltage[0]
    assert voltage[1].max() == pytest.approx(peak, abs=2e-5)
    np.testing.assert_allclose(voltage[1][np.array([400, 600, 1800])], later, atol=2e-5)
    assert voltage[2][1800] == pytest.approx(internode, abs=2e-5)


def test_the_step_converges_with_order_two_and_its_error_is_as_stated():
    """Travel over ten internodes; the steps of `saltatory` are 0.3 and 1.3 % from the limit."""
    membrane, given = parameters(BETA, 10.0, HEALTHY)
    times = []
    for dt in (0.005, 0.0025, 0.00125):
        found = simulate(
            membrane, anatomy(BETA, 10.0, 21), given, initial={"v": BETA.numbers["start"]}, duration=2.0, dt=dt, probes=[55, 165],
            pulses=[Pulse(0, 1.0, 0.1, 2.0)],
        )  # fmt: skip
        times.append(float(found.spikes[0][1][0] - found.spikes[0][0][0]))
    assert (times[0] - times[1]) / (times[1] - times[2]) == pytest.approx(4.0, rel=0.1)
    limit = times[2] - (times[1] - times[2]) / 3.0
    assert times[0] / limit == pytest.approx(1.013, abs=0.002)
    assert times[1] / limit == pytest.approx(1.003, abs=0.001)


def test_the_far_end_is_not_felt():
    """Velocity is the same to 0.1 % whichever node of a fibre with a longer tail is recorded from."""
    speeds = [
        saltatory.conduct(BETA, [0.0], diameter=12.4, length=length).velocity for length in (18.1, 20.0, 22.0)
    ]
    np.testing.assert_allclose(speeds, speeds[-1], rtol=1e-3)


def test_velocity_is_about_proportional_to_the_width_and_that_of_afferents():
    """A-beta 35-70 m/s between 7.5 and 12 um; A-delta 13 m/s (laser, people) to 19 m/s (single nociceptor) between 3.8 and 5.1 um."""
    for fibre, widths, slowest, fastest in ((BETA, (7.5, 12.0), 35.0, 70.0), (DELTA, (3.8, 5.1), 13.0, 19.0)):
        speeds = [saltatory.conduct(fibre, [0.0], diameter=d, length=20.0).velocity for d in widths]
        assert slowest <= speeds[0] < speeds[1] <= fastest
        steeper = np.log(speeds[1] / speeds[0]) / np.log(widths[1] / widths[0])
        assert 0.9 < steeper < 1.5


@pytest.mark.parametrize(("fibre", "shortest"), [(BETA, 1.0), (DELTA, 1.2)])
def test_recovery_and_following(fibre, shortest):
    """Refractory for about 1 ms, then slowed and nearly back after 50 ms; 300 Hz are followed, 1000 Hz are not."""
    given = {"stimulus": 1.0, "length": 10.0, "step": 0.005}
    assert saltatory.conduct(fibre, [0.0, 0.6], **given).conducted.tolist() == [True, False]
    slowing = [saltatory.conduct(fibre, [0.0, gap], **given).slowing[1] for gap in (shortest, 5.0, 50.0)]
    assert slowing[0] > 30.0 > 10.0 > slowing[1] > 5.0 > 2.0 > slowing[2] > 0.0
    follows = saltatory.conduct(fibre, 1e3 / 300.0 * np.arange(5), **given)
    assert follows.conducted.all()
    assert np.all(np.diff(follows.slowing) > -0.1)
    assert not saltatory.conduct(fibre, np.arange(8.0), **given).conducted.all()


def test_coarse_steps_between_pulses_change_nothing():
    times = np.array([0.0, 20.0, 40.0])
    found = saltatory.conduct(BETA, times, length=10.0, step=0.005)
    whole = simulate(
        *_run(BETA, 10.0), duration=46.0, dt=0.005, probes=[9 * 11],
        pulses=[Pulse(0, 5.0 + t, 0.1, found.stimulus) for t in times], threshold=saltatory.THRESHOLD,
        initial=saltatory.rested(BETA, parameters(BETA, BETA.diameter, HEALTHY)[0], *_run(BETA, 10.0)[1:]),
    )  # fmt: skip
    np.testing.assert_allclose(whole.spikes[0][0] - 5.0 - times, found.latency, atol=2e-4)


def _run(fibre: Myelinated, length: float):
    membrane, given = parameters(fibre, fibre.diameter, HEALTHY)
    nodes = saltatory.node_count(fibre, fibre.diameter, length) + saltatory.BEYOND
    return membrane, anatomy(fibre, fibre.diameter, nodes), given


@pytest.mark.parametrize(("fibre", "name"), [(BETA, "a_beta"), (DELTA, "a_delta")])
def test_lidocaine_stops_a_fibres_where_it_does_in_rats(fibre, name):
    """Rat sciatic nerve in vivo: A-beta 0.41 (0.15), A-delta 0.32 (0.18) mM (mean, spread); nothing here was fitted to them."""
    number = LIBRARY.drugs["lidocaine"].nerve["half_block"][name]
    stops = float(blocking_concentration(fibre, "lidocaine", LIBRARY, low=100.0, high=900.0)[0])
    assert abs(stops - number.to("uM")) < number.se * 1e3


def test_drugs_block_the_node_as_the_first_channel_that_was_clamped():
    state = block_as({"lidocaine": 100.0}, LIBRARY, BETA.sodium, BETA.blocked_as)
    assert set(state.blocks) == set(BETA.sodium)
    assert len({block.inactivated for block in state.blocks.values()}) == 1
    assert block_as({"mitragynine": 1e3}, LIBRARY, BETA.sodium, BETA.blocked_as).empty
    assert not block_as({"mitragynine": 1e3}, LIBRARY, BETA.sodium, BETA.blocked_as, prior=True).empty
    with pytest.raises(ModelError, match="nav1_3"):
        block_as({"lidocaine": 1.0}, LIBRARY, BETA.sodium, ("nav1_3",))


@pytest.mark.parametrize("drug", ["lidocaine", "amitriptyline"])
def test_a_fibre_in_a_drug_rests_with_as_many_channels_bound_as_the_modulated_receptor_says(drug):
    """x / (1 + x), x = a c/K_R + (1 - a) c/K_I at the rest that was reached, for a drug that leaves in 0.2 s and for one that takes 8 s."""
    state = block_as({drug: 2.0}, LIBRARY, DELTA.sodium, DELTA.blocked_as)
    membrane, given = parameters(DELTA, DELTA.diameter, state)
    rest = saltatory.rested(DELTA, membrane, anatomy(DELTA, DELTA.diameter, 9), given)
    a = rest["nav_node.h"][0, 4 * DELTA.period]
    x = a * state.blocks["nav_node"].resting + (1.0 - a) * state.blocks["nav_node"].inactivated
    assert rest["nav_node.bound"][0, 4 * DELTA.period] == pytest.approx(x / (1.0 + x), rel=1e-3)


def test_a_drug_slows_before_it_stops():
    healthy = saltatory.conduct(DELTA, [0.0], length=10.0)
    slowed = saltatory.conduct(
        DELTA,
        [0.0],
        length=10.0,
        state=block_as({"lidocaine": 50.0}, LIBRARY, DELTA.sodium, DELTA.blocked_as),
    )
    assert 0.5 * healthy.velocity < slowed.velocity < 0.9 * healthy.velocity
    less = saltatory.conduct(DELTA, [0.0], length=10.0, state=NerveState({"nav_node": 0.7}))
    assert less.velocity < healthy.velocity


@pytest.fixture(scope="module")
def line() -> delay.DelayLine:
    return delay.learned(BETA, length=10.0)


def test_a_delay_line_is_the_cable_on_trains_it_has_not_seen(line):
    """Its own statement of its error, and an irregular train that neither learning nor that statement used."""
    assert 0.0 < line.error < 0.03
    assert line.alike == delay.HELD_OUT[-1]
    assert line.refractory == pytest.approx(1.05, abs=0.15)
    times = np.array([0.0, 3.0, 4.5, 12.0, 14.0, 14.6, 30.0])
    cable = saltatory.conduct(BETA, times, length=10.0, stimulus=line.stimulus, step=0.005)
    found = line.carry(times)
    assert found.conducted.tolist() == cable.conducted.tolist()
    assert not found.conducted.all()
    np.testing.assert_allclose(found.latency, cable.latency, rtol=0.03)
    assert found.velocity == pytest.approx(cable.velocity, rel=1e-3)


def test_a_delay_line_vouches_for_no_train_on_which_it_was_wrong(line):
    """0.2 mM lidocaine: at 100 Hz an A-delta cable loses other pulses, so nothing was compared and no error may be stated."""
    assert "at most" in line.vouched([0.0, 5.0])
    assert "not known" in line.vouched([0.0, 2.0])
    near_block = replace(line, alike=0.0, error=0.0)
    with pytest.raises(ModelError, match="other pulses than its cable at 100 Hz, and yours come at 10 Hz"):
        near_block.vouched([0.0, 1000.0, 1100.0])
    assert "at most" not in near_block.vouched([0.0, 400.0])
    with pytest.raises(ModelError, match=r"at 300 Hz.*up to 150 Hz"):
        replace(line, alike=150.0).vouched([0.0, 5.0])


def test_a_delay_line_of_a_blocked_fibre_conducts_nothing(line):
    nothing = replace(line, latencies=(np.nan,) * 3)
    assert not nothing.carry(np.arange(5.0)).conducted.any()
    assert np.isnan(nothing.carry([0.0]).velocity)
    many = line.carry(10.0 * np.arange(5000))
    assert many.conducted.all()
    assert np.ptp(many.slowing[100:]) < 1e-6


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: saltatory.conduct(BETA, [0.0], diameter=4.0), "5.7 to 16 um"),
        (lambda: saltatory.conduct(BETA, [0.0], length=3.0), "nodes of this fibre"),
        (lambda: saltatory.conduct(BETA, [0.0], length=np.inf), "length"),
        (lambda: saltatory.conduct(BETA, [0.0, 0.05]), "ascend"),
        (lambda: saltatory.conduct(BETA, [0.0], step=0.05), "too coarse"),
        (lambda: parameters(BETA, 10.0, NerveState({"nav1_8": 2.0})), "has no nav1_8"),
        (lambda: parameters(BETA, 10.0, NerveState({"ks_node": -1.0})), "0 or more"),
        (lambda: parameters(BETA, 10.0, NerveState(depolarisation=4.0)), "depolarisation"),
        (lambda: replace(BETA, numbers=BETA.numbers | {"flut_offset": 900.0}).sizes(10.0), "closer than"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_message(ask, message):
    with pytest.raises((ModelError, EvidenceError), match=message):
        ask()


def test_a_file_that_lacks_something_is_refused(tmp_path):
    folder = tmp_path / "neurons"
    folder.mkdir()
    text = 'name = "mine"\n[equations]\nchannels = "nav_node"\n'
    (folder / "mine.toml").write_text(text)
    with pytest.raises(EvidenceError, match="lacks cable"):
        myelinated("mine", evidence.load(overlays=[tmp_path]))
