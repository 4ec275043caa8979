"""Quantities as a person types them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analgesia.errors import UnitError
from analgesia.quantities import Quantity, parse_positive


@pytest.mark.parametrize(
    ("text", "value", "unit", "of"),
    [
        ("4 g", 4.0, "g", None),
        ("4g", 4.0, "g", None),
        (" 25 mg mitragynine ", 25.0, "mg", "mitragynine"),
        ("1.5e3 ng/mL", 1500.0, "ng/mL", None),
        (".5 µmol 7-hydroxymitragynine", 0.5, "µmol", "7-hydroxymitragynine"),
        ("-1 h", -1.0, "h", None),
    ],
)
def test_parse(text: str, value: float, unit: str, of: str | None) -> None:
    assert Quantity.parse(text) == Quantity(value, unit, of)


@pytest.mark.parametrize("text", ["", "g", "4", "nan g", "inf g", "1e999 g", "4 4", "--4 g", "4\0g", "٤ g"])
def test_refused(text: str) -> None:
    with pytest.raises(UnitError, match="write a number and a unit"):
        Quantity.parse(text)


def test_conversion() -> None:
    assert Quantity.parse("4 g").to("mg") == pytest.approx(4000)
    assert Quantity.parse("2 mg").to("nmol", molar_mass=500.0) == pytest.approx(4000)
    assert parse_positive("90 min", "h", "interval") == pytest.approx(1.5)


@pytest.mark.parametrize("text", ["4 g", "4 parrots", "4 h**9**9", "0 h", "-1 h", "1 h mitragynine"])
def test_conversion_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_positive(text, "h", "interval")


@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_a_unit_error(text: str) -> None:
    with suppress(UnitError):
        Quantity.parse(text).to("h")
