"""Every channel of the evidence under voltage clamp, and its units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence
from analgesia.channels import channel
from analgesia.errors import EvidenceError
from analgesia.nerve.clamp import check_units, clamp, kinetics
from analgesia.nerve.conduction import conduct
from analgesia.nerve.membranes import fibre

LIBRARY = evidence.load()
GATED = [name for name in LIBRARY.channels if channel(name, LIBRARY).kind != "pump"]


@pytest.mark.parametrize("name", list(LIBRARY.channels))
def test_units_of_every_equation(name):
    check_units(channel(name, LIBRARY))


@pytest.mark.parametrize("name", GATED)
def test_voltage_clamp(name):
    found = channel(name, LIBRARY)
    curves = clamp(found)
    for values in (curves.activation, curves.steady, curves.inactivation, curves.recovery):
        assert np.all((values >= -1e-12) & (values <= 1 + 1e-12))
    assert curves.activation.max() > 1e-3
    assert np.all(np.isfinite(curves.current))
    if "available" in found.equations and set(found.gates) - set(found.activation):
        assert curves.inactivation[0] > curves.inactivation[-1]
        assert curves.recovery[-1] >= curves.recovery[0]
    if found.states:
        assert curves.recovery[-1] > curves.recovery[0]
        shares = found.rest(37.0, V=curves.voltages)
        np.testing.assert_allclose(sum(shares.values()), 1.0, atol=1e-12)
        assert all(np.all(share >= 0.0) for share in shares.values())
        return
    for gate in found.gates:
        target, rate = kinetics(found, gate, curves.voltages, 37.0)
        assert np.all((target >= 0) & (target <= 1))
        assert np.all(rate > 0), (gate, rate.min())


@pytest.mark.parametrize(
    "name", ["nav1_3", "nav1_6", "nav1_7", "nav1_8", "nav_persistent", "kdr", "km", "cav2_2"]
)
def test_depolarisation_opens(name):
    curves = clamp(channel(name, LIBRARY))
    assert curves.activation[-1] > 5 * curves.activation[0]


def test_hyperpolarisation_opens_hcn():
    steady = clamp(channel("hcn", LIBRARY)).steady
    assert np.all(np.diff(steady) <= 0)


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
