"""Block of conduction against what was measured in nerves, and the drug terms against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.nerve import block
from analgesia.nerve.block import blocking_concentration
from analgesia.nerve.drugs import block_at, told
from analgesia.nerve.ectopia import AS, ectopia
from analgesia.nerve.membranes import at_rest, fibre
from analgesia.nerve.myelinated import myelinated
from analgesia.nerve.soma import soma
from analgesia.nerve.states import NerveState, altered, combined

LIBRARY = evidence.load()


@pytest.fixture(scope="module")
def c_fibre():
    return fibre("c_fibre", LIBRARY)


def test_lidocaine_stops_c_fibres_where_it_does_in_the_rat(c_fibre):
    """Tonic block of C fibres in vivo: 0.80 (0.32) mM (huang1997); none of our constants was fitted to it."""
    found = blocking_concentration(c_fibre, "lidocaine", LIBRARY)[0]
    assert 480.0 < found < 1120.0


def test_a_guess_beyond_the_range_that_is_searched_is_found_all_the_same(monkeypatch, c_fibre):
    """Constants of a drug may be uncertain by a factor of hundreds; the answer is not that of the end of a range."""
    stops = np.array([0.003, 50.0, 3e6])
    monkeypatch.setattr(block, "block_at", lambda amounts, *rest, **given: amounts["lidocaine"])
    monkeypatch.setattr(block, "_passes", lambda fibre, amount, lanes: amount < stops)
    found = blocking_concentration(c_fibre, "lidocaine", LIBRARY, guesses=3)
    np.testing.assert_allclose(found, stops, rtol=block.TOLERANCE)
    stops[2] = 1e9
    with pytest.raises(ModelError, match="no concentration of lidocaine"):
        blocking_concentration(c_fibre, "lidocaine", LIBRARY, guesses=3)


def test_the_share_bound_at_rest_is_that_of_the_modulated_receptor(c_fibre):
    state = block_at({"lidocaine": 200.0}, LIBRARY)
    parameters, initial = altered(c_fibre, 1.0, state)
    table = LIBRARY.drugs["lidocaine"].nerve["nav1_8"]
    available = np.prod([initial[f"nav1_8.{gate}"] for gate in "hsu"])
    apparent = 1 / ((1 - available) / table["inactivated"].to("uM") + available / table["resting"].to("uM"))
    assert initial["nav1_8.bound"] == pytest.approx(200.0 / (200.0 + apparent))
    assert at_rest(c_fibre, parameters, c_fibre.initial)["nav1_8.bound"] == pytest.approx(
        initial["nav1_8.bound"]
    )


def test_depolarisation_makes_the_tetrodotoxin_resistant_current_more_sensitive(c_fibre):
    """About fivefold from -90 to -60 mV in the rat (brau2001); ours less, for the cell's slow gates are half shut at most."""
    bound = []
    for v in (-90.0, -60.0):
        parameters, _ = altered(c_fibre, 1.0, block_at({"lidocaine": 100.0}, LIBRARY))
        share = at_rest(c_fibre, parameters, c_fibre.initial | {"v": v})["nav1_8.bound"]
        bound.append(share / (1 - share))
    assert 1.5 < bound[1] / bound[0] < 6.0


def test_two_blockers_compete_for_one_site():
    one, two = (block_at({"lidocaine": 50.0}, LIBRARY), block_at({"mexiletine": 50.0}, LIBRARY))
    both = combined([one, two]).blocks["nav1_7"]
    assert both.resting == pytest.approx(one.blocks["nav1_7"].resting + two.blocks["nav1_7"].resting)
    assert both.inactivated == pytest.approx(
        one.blocks["nav1_7"].inactivated + two.blocks["nav1_7"].inactivated
    )


def test_no_drug_is_no_change():
    assert block_at({}, LIBRARY).empty
    assert combined([NerveState(), block_at({"mitragynine": 1e4}, LIBRARY)]).empty


@pytest.mark.parametrize(
    ("drug", "stands", "words"),
    [
        ("lidocaine", {"nav_node": ("nav1_6", "nav1_7")}, ["nav_node is blocked as nav1_7", "late current"]),
        ("oxcarbazepine", {"nav1_8": ("nav1_8",)}, ["resting nav1_8 and inactivated nav1_8 is assumed: as carbamazepine"]),
        ("mexiletine", {"nav1_7": ("nav1_7",)}, ["muscle channel"]),
        ("mitragynine", {"nav1_7": ("nav1_7",)}, ["no sodium channel was ever clamped under mitragynine", "blocks nothing"]),
    ],
)  # fmt: skip
def test_where_the_constants_of_a_block_come_from_is_told(drug, stands, words):
    (note,) = told([drug], LIBRARY, stands)
    assert all(each in note for each in words)


def test_what_was_measured_on_the_channel_itself_needs_no_note():
    assert told(["lidocaine"], LIBRARY, {"nav1_8": ("nav1_8",)}) == []


def test_the_cells_and_the_nodes_are_blocked_as_the_same_channels():
    """Resurgent current is Nav1.6 as the node's is, Nav1.3 itself; until a drug is tried on them, both as Nav1.7."""
    node = myelinated("a_delta_fibre", LIBRARY)
    assert set(node.blocked_as) == set(AS["nav_resurgent"])
    cell = soma(LIBRARY, "drg_soma_a")
    sodium = {key for key, found in cell.channels.items() if found.kind == "sodium"}
    assert sodium <= set(AS)
    found = ectopia(None, 1, LIBRARY, unit="a_beta", concentrations={"oxcarbazepine": 10.0})
    assert "nav_resurgent" in found.to_dict()["notes"][0]
    assert "as carbamazepine" in found.to_dict()["notes"][0]


def test_a_drug_that_was_tried_on_none_of_the_channels_is_refused():
    with pytest.raises(
        ModelError, match=r"no block of nav1_3 is known for lidocaine: write nerve\.nav1_3\.resting"
    ):
        block_at({"lidocaine": 1.0}, LIBRARY, channels=("nav1_3",))
