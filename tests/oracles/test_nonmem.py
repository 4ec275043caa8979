"""Dosing regimens against the output of NONMEM itself (ADVAN2 TRANS2; files of `external/nmtests`)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from analgesia.dosing_records import RecordedCourse, run_events

FOLDER = Path(os.environ.get("ANALGESIA_EXTERNAL", "")) / "nmtests"
IDS = (1, 2, 3, 5, 6, 8, 9, 12, 15, 16, 18, 20, 22, 24, 26, 28)
VALUES = ("clearance=1.1 L/h", "central_volume=20 L", "absorption_rate=1.5 1/h")

pytestmark = pytest.mark.skipif(
    not (os.environ.get("ANALGESIA_EXTERNAL") and FOLDER.is_dir()),
    reason="ANALGESIA_EXTERNAL names no folder that holds nmtests",
)


@pytest.fixture(scope="module")
def course() -> RecordedCourse:
    return run_events(FOLDER / "regimens.csv", "one_compartment_oral", VALUES)


@pytest.fixture(scope="module")
def nonmem() -> list[dict[str, str]]:
    with (FOLDER / "nonmem.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_for_each_record(course: RecordedCourse, nonmem: list[dict[str, str]]) -> None:
    assert course.ids == tuple(r["ID"] for r in nonmem)
    assert [float(t) for t in course.times] == [float(r["TIME"]) for r in nonmem]


@pytest.mark.parametrize("regimen", IDS)
def test_concentration_is_that_of_nonmem(
    regimen: int, course: RecordedCourse, nonmem: list[dict[str, str]]
) -> None:
    rows = [i for i, r in enumerate(nonmem) if int(r["ID"]) == regimen]
    wanted = np.array([float(nonmem[i]["CP"]) for i in rows])
    np.testing.assert_allclose(course.concentration[rows], wanted, rtol=1e-4, atol=0.0)
