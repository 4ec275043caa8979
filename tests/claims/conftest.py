"""The twelve claims judged on a stand-in for the pathway, once for all tests of this folder."""

from __future__ import annotations

import pytest
from tests.claims import fake

from analgesia import evidence
from analgesia.claims import experiment


@pytest.fixture(scope="session")
def library() -> evidence.Library:
    return evidence.load()


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let experiments run on the stand-in."""
    monkeypatch.setattr(experiment.pathway, "simulate", fake.simulate)
    monkeypatch.setattr(experiment.patients, "population", fake.population)
