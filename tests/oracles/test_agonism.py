"""The operational model inverted by hand, and the constants of known drugs against it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analgesia import agonism, evidence, receptors
from analgesia.errors import EvidenceError

LIBRARY = evidence.load()
MU = "mu_opioid"


def test_emax_and_ec50_of_a_simulated_assay_give_back_k_and_tau() -> None:
    """A concentration-response curve of the model, read at its top and its middle, returns the constants it was made with."""
    k, tau = 514.0, 0.515
    concentrations = np.geomspace(1e-3, 1e9, 200_001)
    response = receptors.stimulus([concentrations], [k], [tau])
    top = response[-1]
    half = np.interp(top / 2.0, response, concentrations)
    assert agonism.efficacy_of(top) == pytest.approx(tau, rel=1e-5)
    assert agonism.affinity_of(half, agonism.efficacy_of(top)) == pytest.approx(k, rel=1e-4)


def test_by_hand() -> None:
    """Mitragynine in BRET: Emax 34 %, EC50 339 nM, Ki 233 nM in one laboratory."""
    tau = agonism.efficacy_of(0.34)
    assert tau == pytest.approx(0.34 / 0.66)
    assert agonism.affinity_of(339.0, tau) == pytest.approx(339.0 / 0.66)
    assert agonism.shift_of(339.0, 233.0, 0.515) == pytest.approx((339 * 1.515 / 233 - 1) / 0.515)
    assert agonism.shifted(1.4, 0.0, 12.0) == 1.4


def test_stored_efficacies_are_those_of_the_stored_maxima() -> None:
    """Where a drug's tau says that it was computed from Emax, it was."""
    for name in ("mitragynine", "7-hydroxymitragynine"):
        drug = LIBRARY.drugs[name]
        assert drug.efficacy[MU].to("1") == pytest.approx(
            agonism.efficacy_of(drug.maximum[MU].to("1")), rel=0.01
        )


def test_the_shifts_are_recomputed_from_the_pairs() -> None:
    """Every pair behind the binding shift, from its printed constants."""
    pairs = [
        (339, 233, 0.515),
        (34.5, 47, 0.887),
        (125, 4.19, 4.0),
        (39, 1, 71 / 29),
        (9, 1, 59 / 41),
        (90, 1, 76 / 24),
    ]
    stored = [m.value for m in LIBRARY.receptors[MU].parameters["binding_shift"].measured if m.limit is None]
    assert stored == pytest.approx([agonism.shift_of(*pair) for pair in pairs], rel=0.005)


def test_two_kinds_of_evidence_are_weighted_by_their_precision() -> None:
    """Morphine's constant: logarithms of EC50 (1 + tau) and Ki (1 + c tau), inverse variances, by hand."""
    drug, c = LIBRARY.drugs["morphine"], LIBRARY.receptors[MU].parameters["binding_shift"]
    potency, affinity, tau = drug.potency[MU], drug.affinity[MU], drug.efficacy[MU]
    t, ct = tau.value, c.value * tau.value
    functional = potency.uncertainty_sd_log**2 + (t / (1 + t) * tau.uncertainty_sd_log) ** 2
    binding = affinity.uncertainty_sd_log**2 + (ct / (1 + ct)) ** 2 * (
        c.uncertainty_sd_log**2 + tau.uncertainty_sd_log**2
    )
    share = functional / (functional + binding)
    expected = math.exp(
        (1 - share) * math.log(potency.value * (1 + t)) + share * math.log(affinity.value * (1 + ct))
    )
    found = receptors.constants_for(MU, ["morphine"], LIBRARY, 1)
    assert found.affinities["morphine"][0] == pytest.approx(expected, rel=1e-12)
    assert 0.0 < share < 0.2, "function decides, binding hardly moves it"


def test_an_antagonist_keeps_its_binding_constant() -> None:
    found = receptors.constants_for(MU, ["naloxone"], LIBRARY, 1)
    assert found.affinities["naloxone"][0] == LIBRARY.drugs["naloxone"].affinity[MU].to("nM")


def test_naloxone_meets_its_apparent_constant_in_people() -> None:
    """0.602 ng/mL in plasma halves the free receptors against morphine in volunteers: 1.0 nM unbound, its constant within a factor of 2."""
    drug = LIBRARY.drugs["naloxone"]
    apparent = 0.602 / drug.molar_mass.to("g/mol") * 1e3 * drug.fraction_unbound["plasma"].to("1")
    ratio = drug.affinity[MU].to("nM") / apparent
    assert 0.5 < ratio < 2.0


def test_what_lacks_is_named() -> None:
    def draw(number: evidence.Number, unit: str, key: str) -> np.ndarray:
        return np.array([number.to(unit)])

    with pytest.raises(EvidenceError, match="no efficacy"):
        agonism.working("gabapentin", MU, LIBRARY, draw)
    with pytest.raises(EvidenceError, match="binding_shift is missing"):
        agonism._parameter(LIBRARY, "kv11_1", "binding_shift")
