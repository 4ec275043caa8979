"""What every test shares: hypothesis settings, a cache folder of its own, and the data that lies outside the package."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    deadline=None,  # a shared machine is slow now and then; no test is about time
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("search", settings.get_profile("repeatable"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_configure() -> None:
    """Give the tests a cache of their own (shared by parallel workers, which inherit the environment) and no window."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    if "ANALGESIA_CACHE" not in os.environ:
        os.environ["ANALGESIA_CACHE"] = tempfile.mkdtemp(prefix="analgesia-test-cache-")


@pytest.fixture(scope="session")
def external() -> Path:
    """The folder of reference data named by ANALGESIA_EXTERNAL; tests that need it skip where it is not set."""
    folder = os.environ.get("ANALGESIA_EXTERNAL")
    if not folder or not Path(folder).is_dir():
        pytest.skip("reference data are not here: set ANALGESIA_EXTERNAL to the folder that holds nmtests/")
    return Path(folder)
