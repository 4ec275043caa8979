"""A scale declares what it needs and in which unit; the evidence fills it or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from analgesia import evidence
from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence import Number


@dataclass(frozen=True)
class Needs:
    clearance: Annotated[float, "L/h"]
    volume: Annotated[float, "L"]
    delay: Annotated[float, "h"] = 0.25
    label: str = "x"


def number(value: float, unit: str) -> Number:
    return Number(value, unit, "assumed", assumed="test", file="drugs/test.toml", key="parameters.clearance")


def test_values_arrive_in_the_declared_units() -> None:
    filled = evidence.fill(Needs, {"clearance": number(350, "mL/min"), "volume": number(20_000, "mL")})
    assert filled == Needs(clearance=pytest.approx(21.0), volume=pytest.approx(20.0))
    assert evidence.declared_units(Needs) == {"clearance": "L/h", "volume": "L", "delay": "h"}


def test_what_was_used_is_counted() -> None:
    used = evidence.Tally()
    with evidence.tally() as seen:
        evidence.fill(Needs, {"clearance": number(1, "L/h")}, used=used, volume=3.0)
    assert used.counts == seen.counts == {"assumed": 1}


def test_wrong_dimension_names_file_key_both_units_and_who_asked() -> None:
    with pytest.raises(
        UnitError, match=r"drugs/test\.toml: parameters\.clearance: .*'h'.*'L/h'.*Needs\.clearance"
    ):
        evidence.fill(Needs, {"clearance": number(1, "h"), "volume": number(1, "L")})


def test_a_missing_number_names_itself_and_the_nearest() -> None:
    with pytest.raises(
        EvidenceError, match='clearance is missing; Needs needs it in L/h; did you mean "clearence"'
    ):
        evidence.fill(Needs, {"clearence": number(1, "L/h"), "volume": number(1, "L")})


def test_a_table_is_not_a_number() -> None:
    with pytest.raises(EvidenceError, match="must be one number"):
        evidence.fill(Needs, {"clearance": {"male": number(1, "L/h")}, "volume": number(1, "L")})


def test_a_choice_among_measurements_is_pooled_again() -> None:
    affinity = evidence.load().drugs["mitragynine"].affinity["mu_opioid"]
    chosen = affinity.only(lambda m: m.source in ("kruegel2016", "boyer2008"), "other laboratories")
    assert chosen.pooled is not None
    assert chosen.pooled.count == 2
    assert 204 < chosen.value < 233
    assert len(chosen.measured) == len(affinity.measured)
    single = affinity.only(lambda m: m.source == "kruegel2016", "other laboratories")
    assert (single.value, single.se, single.pooled) == (233, 48, None)
    with pytest.raises(EvidenceError, match="no measurement is left"):
        affinity.only(lambda _: False, "none wanted")
