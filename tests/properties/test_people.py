"""Virtual people: each keeps their luck whoever else is drawn, and the population matches what it was drawn from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence, patients, perception
from analgesia.errors import EvidenceError, ModelError

NAMES = sorted(evidence.load().populations)
IN_PAIN = [name for name in NAMES if evidence.load().populations[name].condition is not None]


def people(name: str, size: int, seed: int = 1) -> patients.People:
    """A population of the library."""
    return patients.population(name, size, seed, evidence.load())


def arrays(group: patients.People) -> dict[str, np.ndarray]:
    """Every property that is an array."""
    found = {field.name: getattr(group, field.name) for field in dataclasses.fields(group)}
    return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("name", NAMES)
def test_a_person_is_the_same_in_any_company(name: str) -> None:
    """The first ten of a thousand are the ten; selection permutes and repeats people with everything they have."""
    many, few = people(name, 1000), people(name, 10)
    order = np.array([7, 2, 2])
    for prop, values in arrays(few).items():
        np.testing.assert_array_equal(arrays(many.select(np.arange(10)))[prop], values)
        np.testing.assert_array_equal(arrays(few.select(order))[prop], values[order])
    assert len(few.select(order)) == 3


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_finite_and_in_its_range(name: str) -> None:
    """No NaN, shares in 0..1, weights and clearances inside what the population allows."""
    group = people(name, 2000)
    assert all(np.isfinite(values).all() for values in arrays(group).values() if values.dtype.kind == "f")
    for share in (group.severity, group.placebo_maximum):
        assert ((share >= 0.0) & (share <= 1.0)).all()
    low, high = evidence.load().populations[name].covariates["weight"].within or (0.0, np.inf)
    assert low <= group.weight.min()
    assert group.weight.max() <= high
    assert ((group.baseline_pain >= 0.0) & (group.baseline_pain < 10.0)).all()
    assert set(group.units()) <= set(arrays(group))


@pytest.mark.parametrize("name", ["painful_diabetic_neuropathy", "postherpetic_neuralgia"])
def test_share_above_the_threshold_is_the_share_with_allodynia(name: str) -> None:
    """E_Cl above the allodynia threshold as often as dynamic allodynia is found (not where the mean E_Cl is stated)."""
    library = evidence.load()
    condition = library.conditions[library.populations[name].condition or ""]
    threshold = library.circuits["dorsal_horn"].parameters["chloride"]["allodynia_threshold"].to("mV")
    share = (people(name, 4000).chloride_reversal > threshold).mean()
    assert share == pytest.approx(condition.phenotypes["dynamic_allodynia"].to("1"), abs=0.03)


@pytest.mark.parametrize("name", IN_PAIN)
def test_placebo_of_the_population_is_that_of_the_condition(name: str) -> None:
    """Mean change after twelve weeks as in the meta-regression; the rating at the start as in the trials."""
    library, group = evidence.load(), people(name, 4000)
    record = library.populations[name]
    fraction = perception.placebo_fraction(group.placebo_maximum, group.placebo_half_time, 84.0)
    change = library.conditions[record.condition or ""].placebo["change"].to("NRS")
    assert -(group.baseline_pain * fraction).mean() == pytest.approx(change, rel=0.1)
    assert group.baseline_pain.mean() == pytest.approx(record.pain["baseline"].to("NRS"), abs=0.15)
    r = record.pain["severity_correlation"].to("1")
    assert np.corrcoef(group.severity, group.baseline_pain)[0, 1] == pytest.approx(r, abs=0.05)


def test_seeds_differ_and_repeat() -> None:
    """Another seed, other people; the same seed, the same."""
    name = "painful_diabetic_neuropathy"
    np.testing.assert_array_equal(people(name, 50).weight, people(name, 50).weight)
    assert not np.array_equal(people(name, 50).weight, people(name, 50, seed=2).weight)


def test_phenotypes_come_at_their_frequency() -> None:
    """CYP2D6 poor metabolisers: about one in twenty, with activity 0."""
    group = people("healthy_volunteer", 4000)
    poor = group.cyp2d6_phenotype == "poor"
    share = evidence.load().populations["healthy_volunteer"].genotypes["cyp2d6"]["poor"].to("1")
    assert poor.mean() == pytest.approx(share, abs=0.012)
    assert (group.cyp2d6_activity[poor] == 0.0).all()


def test_what_is_not_there_is_refused() -> None:
    """An unknown population suggests the nearest; a size below 0 is a ModelError; nobody at all is fine."""
    with pytest.raises(EvidenceError, match="healthy_volunteer"):
        people("healthy_volunter", 10)
    with pytest.raises(ModelError, match="negative"):
        people("healthy_volunteer", -1)
    assert len(people("painful_diabetic_neuropathy", 0)) == 0


def test_a_condition_that_says_too_little_or_nonsense_is_refused(tmp_path: Path) -> None:
    """An overlay with a negative rate, or a new condition without its numbers: one sentence with file and key."""
    (tmp_path / "conditions").mkdir()
    bad = tmp_path / "conditions" / "bad.toml"
    bad.write_text(
        'name = "postherpetic_neuralgia"\n[parameters.c_fibre_rate]\nvalue = -1\nunit = "Hz"\nassumed = "a mistake"\n'
    )
    with pytest.raises(EvidenceError, match="c_fibre_rate: must not be negative"):
        patients.population("postherpetic_neuralgia", 3, 1, evidence.load([tmp_path]))
    bad.write_text('name = "phantom_pain"\n')
    (tmp_path / "populations").mkdir()
    (tmp_path / "populations" / "new.toml").write_text(
        'name = "amputees"\ncondition = "phantom_pain"\n[covariates]\n'
    )
    with pytest.raises(EvidenceError, match=r"new\.toml: genotypes\.cyp2d6"):
        patients.population("amputees", 3, 1, evidence.load([tmp_path]))
