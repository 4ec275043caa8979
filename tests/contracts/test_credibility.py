"""Every file of evidence/credibility: the tests it names exist, every question is covered, the ratings are complete."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from analgesia import evidence
from analgesia.claims.credibility import MARGINS, kinds_of
from analgesia.claims.endpoints import endpoint_of
from analgesia.evidence.credibility_schema import CategoryKey, Oracle, Rate, RowKey

ROOT = Path(__file__).parents[2]
LIBRARY = evidence.load()
RECORDS = LIBRARY.credibility.values()
ORACLES = [(record.name, oracle) for record in RECORDS for oracle in record.oracles]
RANKS = {rate: place for place, rate in enumerate(get_args(Rate))}


@pytest.mark.parametrize(("scale", "oracle"), ORACLES, ids=lambda value: getattr(value, "test", value))
def test_the_test_that_is_named_exists(scale: str, oracle: Oracle) -> None:
    file, _, function = oracle.test.partition("::")
    assert (ROOT / file).is_file(), f"{scale}: {file}"
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert function in found, f"{scale}: {file} has no {function}"


def test_no_test_is_listed_twice_in_one_scale() -> None:
    named = [(scale, oracle.test) for scale, oracle in ORACLES]
    assert len(named) == len(set(named))


def test_kinds_and_rows_are_complete_and_in_order() -> None:
    keys = [one.key for record in RECORDS for one in record.categories]
    assert keys == list(get_args(CategoryKey))
    rows = [one.key for record in RECORDS for one in record.rows]
    assert rows == list(get_args(RowKey))


def test_what_is_fitted_is_no_oracle() -> None:
    """Calibration is traced from the numbers themselves, and population-based validation is not claimed anywhere."""
    assert not {oracle.category for _scale, oracle in ORACLES} & {"calibration", "population"}


def test_the_matrix_is_complete_and_takes_the_greater() -> None:
    cells = {(one.influence, one.consequence): one.risk for record in RECORDS for one in record.risks}
    assert set(cells) == set(product(RANKS, RANKS))
    assert len(cells) == sum(len(record.risks) for record in RECORDS)
    for (influence, consequence), risk in cells.items():
        assert RANKS[risk] == max(RANKS[influence], RANKS[consequence])


def test_every_claim_is_rated_and_nothing_else() -> None:
    rated = [name for record in RECORDS for name in record.consequences]
    assert sorted(rated) == sorted(LIBRARY.claims)


def test_every_kind_of_outcome_is_rated_and_has_scales() -> None:
    impacts = {name for record in RECORDS for name in record.impacts}
    used = {kind for record in RECORDS for kind in record.used_by}
    for claim in LIBRARY.claims.values():
        assert claim.experiment.endpoint.split(".", 1)[0] in impacts, claim.name
        assert set(kinds_of(claim)) <= used, claim.name
    assert used - {MARGINS} <= impacts


def test_every_outcome_a_scale_names_is_one_a_claim_may_ask_for() -> None:
    claim = next(iter(LIBRARY.claims.values()))
    parts = {"stimulus": ".mu_opioid.brain", "exposure": ".morphine", "conduction": ".lidocaine"}
    for kind in {kind for record in RECORDS for kind in record.used_by} - {MARGINS}:
        asked = claim.experiment.model_copy(update={"endpoint": kind + parts.get(kind, "")})
        assert endpoint_of(claim.model_copy(update={"experiment": asked}), LIBRARY) is not None


def test_guidance_is_cited_as_it_was_seen() -> None:
    for record in RECORDS:
        assert all(one.status == "secondary" for one in record.categories)
        assert all(one.status == "read" for one in record.rows)
