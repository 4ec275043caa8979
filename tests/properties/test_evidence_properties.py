"""What must hold for any number, unit and overlay."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analgesia import evidence
from analgesia.errors import UnitError
from analgesia.evidence import Number, plain_units, units
from analgesia.evidence.layers import Entry, overlaid
from analgesia.evidence.library import Library, walk_numbers
from analgesia.evidence.numbers import pooled_number
from analgesia.evidence.parsing import parse_number
from analgesia.evidence.pooling import pool

PAIRS = [
    ("mL/min", "L/h"), ("nM", "uM"), ("µM", "pM"), ("mg/g", "%"), ("1/s", "1/h"), ("mS/cm^2", "S/m^2"), ("d", "min"),
    ("L/h/kg", "mL/min/kg"), ("ng*h/mL", "mg*min/L"), ("degC", "K"), ("mmHg", "kPa"), ("mV", "V"), ("NRS", "NRS"),
]  # fmt: skip
positive = st.floats(1e-6, 1e6)


@given(positive, st.sampled_from(PAIRS))
def test_a_unit_and_back(value: float, pair: tuple[str, str]) -> None:
    there = units.convert(value, *pair)
    assert units.convert(there, pair[1], pair[0]) == pytest.approx(value, rel=1e-9)


@given(positive, st.floats(50.0, 1000.0))
def test_mass_to_amount_and_back(value: float, molar_mass: float) -> None:
    amount = units.convert(value, "ng/mL", "nM", molar_mass)
    assert amount == pytest.approx(value * 1e3 / molar_mass, rel=1e-12)
    assert units.convert(amount, "nM", "ng/mL", molar_mass) == pytest.approx(value, rel=1e-12)


def test_mass_to_amount_needs_the_molar_mass() -> None:
    with pytest.raises(UnitError, match="molar mass"):
        units.convert(1.0, "ng/mL", "nM")


def test_plain_units_agree_with_pint() -> None:
    """Every unit of the evidence that is read without pint has pint's factor and dimension."""
    written = {leaf.unit for number in evidence.load().numbers() for leaf in (number, *number.measured)}
    for unit in sorted(written | {unit for pair in PAIRS for unit in pair}):
        quick = plain_units.read(units.normalise(unit))
        if quick is None:
            units.check(unit)
            continue
        quantity = units.registry().Quantity(1.0, units._parsed(unit)).to_base_units()
        base = units.registry().Quantity(1.0, "1")
        for name, power in zip(("m", "kg", "s", "A", "K", "mol"), quick[1], strict=True):
            base = base * units.registry().Quantity(1.0, name) ** power
        assert quantity.dimensionality == base.dimensionality, unit
        assert quick[0] == pytest.approx(quantity.to(base.units).magnitude, rel=1e-12), unit


def test_plain_tokens_agree_with_pint() -> None:
    for token, (factor, _) in plain_units._KNOWN.items():
        quantity = units.registry().Quantity(1.0, units._parsed(token)).to_base_units()
        in_grams = 1e3 if "gram" in str(quantity.units) and "kilogram" not in str(quantity.units) else 1.0
        assert quantity.magnitude / in_grams == pytest.approx(factor, rel=1e-12), token


members = st.lists(st.tuples(positive, st.none() | st.floats(0.01, 2.0)), min_size=1, max_size=8)


@given(members)
def test_pooled_lies_within_its_members(given_members: list[tuple[float, float | None]]) -> None:
    values, spreads = [v for v, _ in given_members], [s for _, s in given_members]
    result = pool(values, spreads)
    assert min(values) * (1 - 1e-9) <= math.exp(result.mean_log) <= max(values) * (1 + 1e-9)
    assert result.between_sd_log >= 0.0
    assert result.prediction_sd_log >= result.se_log


@given(members, st.randoms())
def test_pooling_does_not_depend_on_the_order(
    given_members: list[tuple[float, float | None]], random: object
) -> None:
    shuffled = list(given_members)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = pool([v for v, _ in given_members], [s for _, s in given_members])
    second = pool([v for v, _ in shuffled], [s for _, s in shuffled])
    assert second.mean_log == pytest.approx(first.mean_log, rel=1e-9, abs=1e-12)
    assert second.prediction_sd_log == pytest.approx(first.prediction_sd_log, rel=1e-6, abs=1e-9)


@given(members, positive)
def test_scaling_commutes_with_pooling(
    given_members: list[tuple[float, float | None]], factor: float
) -> None:
    head = Number(math.nan, "nM", "assumed", file="f", key="k")
    parts = [Number(v, "nM", "assumed", gsd=None if s is None else math.exp(s)) for v, s in given_members]
    before = pooled_number(head, parts).scaled(factor, "test")
    after = pooled_number(head, [replace(part, value=part.value * factor) for part in parts])
    assert before.value == pytest.approx(after.value, rel=1e-9)
    assert before.uncertainty_sd_log == pytest.approx(after.uncertainty_sd_log, rel=1e-6, abs=1e-9)


@given(positive, st.floats(0.0, 3.0))
def test_spreads_say_the_same_in_any_form(value: float, relative: float) -> None:
    """A standard error of a ratio scale, and the geometric SD and the 95 % interval that follow from it."""
    table = {"value": value, "unit": "nM", "assumed": "test"}
    by_se = parse_number({**table, "se": value * relative}, "f", "k")
    by_gsd = parse_number({**table, "gsd": math.exp(by_se.uncertainty_sd_log)}, "f", "k")
    assert by_gsd.uncertainty_sd_log == pytest.approx(by_se.uncertainty_sd_log, rel=1e-9, abs=1e-12)
    low, high = by_gsd.interval()
    if high > low:
        by_interval = parse_number({**table, "ci95": [low, high]}, "f", "k")
        assert by_interval.uncertainty_sd_log == pytest.approx(by_se.uncertainty_sd_log, rel=1e-6, abs=1e-9)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_ignorance_and_diversity_are_drawn_apart(first: float, second: float) -> None:
    number = parse_number({"value": 5.0, "unit": "nM", "assumed": "t", "gsd": 1.5, "iiv": 0.4}, "f", "k")
    expected = 5.0 * 1.5**first * math.exp(second * math.sqrt(math.log1p(0.16)))
    assert number.draw(first, second) == pytest.approx(expected)
    assert number.draw() == 5.0


@given(st.sampled_from(["drugs", "receptors", "products"]), st.integers(0, 3))
def test_laying_the_library_over_itself_changes_nothing(folder: str, index: int) -> None:
    library = evidence.load()
    layer = library._layer
    name = sorted(layer[folder])[index % len(layer[folder])]
    entry = layer[folder][name]
    alone = {
        key: ({name: Entry(dict(entry.table), entry.files, entry.written)} if key == folder else {})
        for key in layer
    }
    assert Library(overlaid(layer, alone)).hash == library.hash


def test_weakest_status_shows_on_a_pooled_number() -> None:
    for number in evidence.load().numbers():
        used = [m.status for m in number.measured if m.not_pooled is None and m.limit is None]
        if used and not number.assumed:
            assert evidence.STATUSES.index(number.status) == max(map(evidence.STATUSES.index, used)), (
                number.place
            )


def test_tally_counts_each_measurement_once() -> None:
    number = evidence.load().drugs["mitragynine"].affinity["mu_opioid"]
    with evidence.tally() as outer, evidence.tally() as inner:
        number.to("nM")
        number.to("uM")
    assert outer.counts == inner.counts == {"secondary": 3, "recalled": 2}
    assert set(inner.sources) == {
        "obeng2020",
        "obeng2021",
        "opioid_alkaloids2026",
        "kruegel2016",
        "boyer2008",
    }
    assert list(walk_numbers({"a": [{"b": number}]})) == [number]
