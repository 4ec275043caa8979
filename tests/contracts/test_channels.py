"""Every channel of the evidence under voltage clamp, and its units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence, show
from analgesia.channels import channel
from analgesia.cli import main
from analgesia.errors import EvidenceError, ModelError
from analgesia.nerve.clamp import REVERSAL, against, check_units, clamp, kinetics, openers
from analgesia.nerve.conduction import conduct
from analgesia.nerve.membranes import fibre

LIBRARY = evidence.load()
GATED = [name for name in LIBRARY.channels if channel(name, LIBRARY).kind != "pump"]


@pytest.mark.parametrize("name", list(LIBRARY.channels))
def test_units_of_every_equation(name):
    check_units(channel(name, LIBRARY))


VOLTAGES = np.linspace(-150.0, 80.0, 461)
FALLING = ("hcn", "hcn_internode", "girk")
"""Opened by hyperpolarisation."""
TIMELESS = ("ks_node",)
"""Below -90 mV both published rates vanish, and at the holding voltage their quotient is near 1: nothing to begin an activation from."""
INACTIVATING = (
    "nav1_3", "nav1_6", "nav1_7", "nav1_8", "nav1_8_soma", "nav1_9", "nav_resurgent", "nav_junction",
    "ka", "ka_soma", "kdr_junction", "cav2_2", "cav3",
)  # fmt: skip


def clamped(name):
    return clamp(channel(name, LIBRARY), voltages=VOLTAGES)


def half_and_slope(v, y):
    """Voltage at which a rising or falling curve is a half of its greatest value, and the slope factor of the Boltzmann function there."""
    if y[0] > y[-1]:
        half, slope = half_and_slope(-v[::-1], y[::-1])
        return -half, slope
    end = int(np.argmax(y)) + 1
    low, half, high = np.interp([1 / (1 + np.e), 0.5, np.e / (1 + np.e)], y[:end] / y[end - 1], v[:end])
    return half, (high - low) / 2


@pytest.mark.parametrize("name", GATED)
def test_voltage_clamp(name):
    found, curves = channel(name, LIBRARY), clamped(name)
    assert found.inactivates == (name in INACTIVATING) or name not in NAMED
    for values in (curves.activation, curves.steady, curves.inactivation, curves.recovery):
        if values is not None:
            assert np.all((values >= -1e-12) & (values <= 1 + 1e-12))
    assert np.all(curves.activation >= curves.steady - 1e-3) or found.kind in ("cation", "potassium")
    assert curves.activation.max() > 1e-3
    if found.states:
        shares = found.rest(37.0, V=VOLTAGES)
        np.testing.assert_allclose(sum(shares.values()), 1.0, atol=1e-12)
        assert all(np.all(share >= 0.0) for share in shares.values())
        return
    for gate in found.gates:
        target, rate = kinetics(found, gate, VOLTAGES, 37.0)
        assert np.all((target >= 0) & (target <= 1))
        assert np.all(rate > 0), (gate, rate.min())


NAMED = (
    "nav1_3", "nav1_6", "nav1_7", "nav1_8", "nav1_9", "kdr", "ka", "km", "kna", "sk", "bk", "hcn", "cav2_2", "cav3", "girk", "nak_pump",
    "nav_persistent", "nav_resurgent",
)  # fmt: skip
"""The channels that a nociceptor has at least."""


def test_every_channel_of_a_nociceptor_is_there():
    assert set(NAMED) <= set(LIBRARY.channels)


@pytest.mark.parametrize("name", GATED)
def test_activation(name):
    """Depolarisation opens, hyperpolarisation opens, or voltage has no say; what was opened closes again."""
    found, curves = channel(name, LIBRARY), clamped(name)
    opened = curves.activation
    if "V" not in found.surroundings:
        assert np.ptp(opened) == 0.0
        assert openers(found)
        return
    if name in FALLING:
        assert np.all(np.diff(opened) < 0.0)
        assert (curves.hold, curves.test) == (0.0, -120.0)
    elif name not in TIMELESS:
        assert opened[VOLTAGES > 20].min() > 5 * opened[VOLTAGES < -90].max()
        assert (curves.hold, curves.test) == (-100.0, 0.0)
    if name in TIMELESS:
        return
    assert curves.deactivation[-1] < 0.1
    if not set(found.activation) <= set(found.instant):
        assert curves.deactivation[0] > curves.deactivation[-1]


@pytest.mark.parametrize("name", INACTIVATING)
def test_inactivation_and_recovery(name):
    curves = clamped(name)
    share = curves.inactivation / curves.inactivation.max()
    first_half = VOLTAGES <= 0.0
    assert share[0] > 0.99
    assert share[-1] < 0.05
    assert np.all(np.diff(share[first_half]) <= 1e-9)
    recovered = curves.recovery / curves.inactivation.max()
    assert np.all(np.diff(recovered) >= -1e-6)
    assert recovered[0] < 0.05
    assert recovered[-1] > 0.85


@pytest.mark.parametrize("name", GATED)
def test_current_against_voltage(name):
    """Inward below the ion's potential and outward above it; the least of an inward current lies where such currents have it."""
    found, curves = channel(name, LIBRARY), clamped(name)
    flow, reversal = curves.current, REVERSAL[found.kind]
    assert np.all(flow[reversal > VOLTAGES] <= 0.0)
    assert np.all(flow[reversal < VOLTAGES] >= 0.0)
    at = {v: float(np.interp(v, VOLTAGES, flow)) for v in (-120.0, -100.0, -60.0, -40.0, 40.0)}
    if found.kind in ("sodium", "calcium"):
        assert -45.0 < VOLTAGES[np.argmin(flow)] < 25.0
        assert flow.min() < 20.0 * at[-100.0]
    elif name in FALLING:  # inward rectification
        assert at[-120.0] < -10.0 * abs(at[40.0])
    elif "V" in found.surroundings and name not in TIMELESS:  # outward rectification
        assert at[40.0] > 20.0 * abs(at[-100.0])


HALF_ACTIVATION = {  # mV; what the sources give for the conductance
    "kdr": (-25 + 15.4 * np.log(1 / (2**0.25 - 1)), None),  # n4 of -25, 15.4
    "kdr_soma": (-14.62, 18.38),
    "km": (-30.0, 6.0),
    "km_junction": (-30.0, 10.0),
    "nav_persistent": (-51.8, 4.6),
    "nav_late_a": (-51.8, 4.6),
    "nav_intermediate_a": (-25.3, 9.05),
    "nav1_3": (-26.0, None),  # peak currents, broadened by inactivation
    "cav2_2": (-4.0, 7.5),
    "cav3": (-47.0, 5.75),
    "hcn": (-87.2, 9.7),
}
HALF_INACTIVATION = {
    "nav1_3": (-65.0, 8.8),
    "nav1_6": (-53.0, 5.4),
    "ka": (-34.9, 4.6),
    "ka_soma": (-49.9, 4.6),
    "cav2_2": (-81.0, 8.6),
    "cav3": (-61.0, 6.0),
    "nav_fast_a": (-56.4, 7.22),
    "nav_intermediate_a": (-72.5, 8.0),
    "nav_late_a": (-55.67, 6.552),
}


@pytest.mark.parametrize("name", HALF_ACTIVATION)
def test_half_activation_is_that_of_the_source(name):
    half, slope = half_and_slope(VOLTAGES, clamped(name).activation)
    known, steepness = HALF_ACTIVATION[name]
    assert half == pytest.approx(known, abs=2.0)
    assert slope == pytest.approx(steepness if steepness else slope, rel=0.15)


@pytest.mark.parametrize("name", HALF_INACTIVATION)
def test_half_inactivation_is_that_of_the_source(name):
    half, slope = half_and_slope(VOLTAGES, clamped(name).inactivation)
    known, steepness = HALF_INACTIVATION[name]
    assert half == pytest.approx(known, abs=1.0)
    assert slope == pytest.approx(steepness, rel=0.05)


def test_inactivation_of_nav1_8_is_the_product_of_its_three_gates():
    """h -32.2/4, s -45/8, u -51/8 (tigerholm2014); two seconds bring the slowest gate to most of its target."""
    product = np.prod(
        [1 / (1 + np.exp((VOLTAGES - v) / k)) for v, k in ((-32.2, 4), (-45, 8), (-51, 8))], axis=0
    )
    known, _ = half_and_slope(VOLTAGES, product)
    found, _ = half_and_slope(VOLTAGES, clamped("nav1_8").inactivation)
    assert found == pytest.approx(known, abs=2.0)


@pytest.mark.parametrize("name", ["nav1_3", "nav1_6", "ka", "ka_soma"])
def test_recovery_follows_the_one_gate_that_inactivates(name):
    """1 - (1 - r) exp(-t / tau), tau that of the gate at -100 mV."""
    found, curves = channel(name, LIBRARY), clamped(name)
    (gate,) = found.equations["available"].names()
    target, rate = kinetics(found, gate, np.array([-100.0]), 37.0)
    left, _ = kinetics(found, gate, np.array([0.0]), 37.0)
    known = 1.0 - (1.0 - left / target) * np.exp(-rate * curves.gaps)
    np.testing.assert_allclose(curves.recovery / curves.recovery[-1], known, atol=0.02)


def test_nav1_3_recovers_faster_than_nav1_7_and_that_faster_than_nav1_8():
    """Rapid repriming of Nav1.3 (cummins2001); the TTX-resistant current of the axon is slower still."""
    times = []
    for name in ("nav1_3", "nav1_7", "nav1_8"):
        curves = clamped(name)
        times.append(np.interp(0.5, curves.recovery / curves.recovery[-1], curves.gaps))
    assert times[0] < 5.0 < 20.0 * times[0] < times[1] < times[2]


def test_what_sodium_and_calcium_open():
    """KNa: half at 38.7 mM, 3.5th power, 0.37 at most; SK: half at 10^-6.4 M; BK: -50 mV for a decade of calcium."""
    amounts, opened = against(channel("kna", LIBRARY), "Na")
    assert np.interp(0.37 / 2, opened, amounts) == pytest.approx(38.7, rel=1e-3)
    low, high = np.interp([38.7 / 4, 38.7 / 2], amounts, opened)
    assert np.log2(high / (0.37 - high) / (low / (0.37 - low))) == pytest.approx(3.5, rel=0.01)
    amounts, opened = against(channel("sk", LIBRARY), "Ca")
    assert np.interp(0.5, opened, amounts) == pytest.approx(10**-6.4 * 1e3, rel=0.01)
    bk = channel("bk", LIBRARY)
    gates = [float(bk.rest(22.0, V=v, Ca=ca)["m"]) for v, ca in ((0.0, 1e-3), (-50.0, 1e-2))]
    assert gates[0] == pytest.approx(gates[1], rel=1e-9)
    assert np.all(np.diff(against(bk, "Ca")[1]) > 0)


def test_the_pump_moves_three_sodium_for_two_potassium_and_more_the_more_there_is():
    pump = channel("nak_pump", LIBRARY)
    potassium = pump.flow("potassium", Na=11.4, Ko=5.6)
    assert potassium < 0.0 < pump.flow("sodium", potassium=potassium)
    assert pump.flow("sodium", potassium=potassium) / potassium == pytest.approx(-1.5)
    for ion in ("Na", "Ko"):
        assert np.all(np.diff(against(pump, ion)[1]) < 0.0)
    with pytest.raises(ModelError, match="pump"):
        clamp(pump)


@pytest.mark.parametrize("name", list(LIBRARY.channels))
def test_temperature_is_stated(name):
    """A Q10 with its reference temperature, or the reason why there is none; ten degrees change every rate by it."""
    found, record = channel(name, LIBRARY), LIBRARY.channels[name]
    factors = [key for key in found.constants if key.startswith("q10")]
    assert bool(factors) != bool(record.no_q10), (
        "write q10 and reference_temperature, or no_q10 with the reason"
    )
    if not factors:
        return
    reference = found.constants["reference_temperature"]
    assert 6.0 <= reference <= 37.0
    for gate in found.gates if not found.states else ():
        assert found.factor(reference, gate) == 1.0
        assert 1.0 < found.factor(reference + 10.0, gate) <= 4.0
    v = np.array([-60.0, 0.0])
    if not found.states:
        for gate in found.gates:
            warm, cold = (kinetics(found, gate, v, celsius)[1] for celsius in (37.0, 27.0))
            np.testing.assert_allclose(warm / cold, found.factor(37.0, gate) / found.factor(27.0, gate))


@pytest.mark.parametrize("name", ["nav1_8", "hcn", "kna", "sk", "nak_pump"])
def test_a_channel_is_drawn(name, tmp_path):
    """Whatever opens it: voltage, hyperpolarisation, sodium at once, calcium; and the pump."""
    picture = tmp_path / "clamp.svg"
    done = CliRunner().invoke(main, ["show", "channel", name, "--plot", str(picture), "--json"])
    assert done.exit_code == 0, done.output
    assert list(tmp_path.iterdir()) == [picture]
    drawn = picture.read_text()
    assert LIBRARY.channels[name].title in drawn
    assert "nan" not in drawn.lower()


@pytest.mark.parametrize("name", NAMED)
def test_density_and_its_origin_are_shown(name):
    data = show.show("channel", name, LIBRARY)
    assert data["densities"] or LIBRARY.channels[name].unused or name == "nak_pump"
    known = {source["name"] for source in data["sources"]}
    for each in data["densities"]:
        assert each["value"] >= 0.0
        assert {"source", "assumed", "fitted_to"} & set(each), each["neuron"]
        assert each.get("source", "") in known | {""}


def test_every_channel_is_in_some_neuron_or_says_why_not():
    used = set()
    for record in LIBRARY.neurons.values():
        used |= set(record.equations.get("channels", "").split()) | set(record.parameters.get("added", {}))
    for name, record in LIBRARY.channels.items():
        assert (name in used) != bool(record.unused), name


def overlay(tmp_path: Path, text: str) -> evidence.Library:
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "mine.toml").write_text(text)
    return evidence.load(overlays=[tmp_path])


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ('gates = "m h"\nopen = "m * h"\ninf_m = "1 / 2"\ntau_m = "t"', "gate `h` needs"),
        ('gates = "m"\nopen = "m * x"\ninf_m = "1 / 2"\ntau_m = "t"', "uses x"),
        ('gates = "m"\nopen = "m"\ninf_m = "__import__(1)"\ntau_m = "t"', "not allowed"),
        ('gates = "m"\nopen = "m"\ninf_m = "1 +"\ntau_m = "t"', "not arithmetic"),
    ],
)
def test_a_broken_channel_is_one_clear_message(tmp_path, equations, message):
    library = overlay(
        tmp_path,
        'name = "mine"\ntitle = "Mine"\nkind = "potassium"\ndescription = "a test"\n[equations]\n'
        + equations
        + '\n[parameters]\nt = { value = 1, unit = "ms", assumed = "a test" }\n',
    )
    with pytest.raises(EvidenceError, match=message):
        channel("mine", library)


def test_a_fibre_needs_a_density_for_each_channel(tmp_path):
    folder = tmp_path / "neurons"
    folder.mkdir()
    (folder / "c.toml").write_text('name = "c_fibre"\n[equations]\nchannels = "nav1_7 nav1_8 nav1_3"\n')
    with pytest.raises(EvidenceError, match="nav1_3"):
        fibre("c_fibre", evidence.load(overlays=[tmp_path]))


def test_a_negative_conductance_is_refused(tmp_path):
    folder = tmp_path / "neurons"
    folder.mkdir()
    (folder / "c.toml").write_text(
        'name = "c_fibre"\n[parameters.conductance]\nkdr = { value = -0.1, unit = "S/cm2", assumed = "a test" }\n'
    )
    built = fibre("c_fibre", evidence.load(overlays=[tmp_path]))
    with pytest.raises(Exception, match="negative"):
        conduct(built, [0.0], diameter=1.0, length=5.0)


@pytest.mark.parametrize(
    "name", ["kf_node", "ks_node", "nav_node", "nav_node_sensory", "nav_persistent_node", "hcn_internode"]
)
def test_channels_of_the_node_stay_finite_at_any_voltage(name):
    """A stimulating electrode may take the first node far from any clamp, and rates are quotients that vanish at two voltages."""
    found = channel(name, LIBRARY)
    places = [v for key, v in found.constants.items() if key.startswith(("va_", "vb_"))]
    v = np.array(
        [
            -1000.0,
            -300.0,
            *places,
            *(np.array(places) + 1.1e-5),
            *(np.array(places) - 9e-6),
            0.0,
            300.0,
            1000.0,
        ]
    )
    for gate in found.gates:
        with np.errstate(
            divide="ignore", invalid="ignore"
        ):  # the quotient that is not taken where its limit is
            target, rate = found.kinetics(gate, 37.0, V=v)
        assert np.all((target >= 0.0) & (target <= 1.0))
        assert np.all(np.isfinite(rate) & (rate > 0.0))
