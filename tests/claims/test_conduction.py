"""The claim on sodium channels asks the nerve: peak concentration against the one that stops a fibre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analgesia import evidence
from analgesia.claims.experiment import Size, check
from analgesia.claims.sentences import plain

SIZE = Size(patients=8, replicates=3)
CLAIM = "blocks_sodium_channels"


def judged(library: evidence.Library):
    return check([CLAIM], library=library, size=SIZE)[0]


def test_the_nerve_is_asked_and_the_word_stays_the_evidence_s():
    found = judged(evidence.load())
    answer = found.to_dict()["prediction"]
    assert answer["endpoint"] == "conduction.mitragynine"
    assert answer["unit"] == "%"
    assert 0.0 < answer["median"] < 0.1
    assert str(found.verdict.word) == "not reached at documented human exposure"
    assert found.numbers == judged(evidence.load()).numbers


def test_a_block_a_hundred_times_stronger_is_a_share_a_hundred_times_larger(tmp_path: Path):
    (tmp_path / "drugs").mkdir()
    (tmp_path / "drugs" / "x.toml").write_text(
        'name = "mitragynine"\n[nerve.prior.half_block]\nmultiply = 0.01\n'
    )
    before, after = judged(evidence.load()), judged(evidence.load([tmp_path]))
    ratio = after.to_dict()["prediction"]["median"] / before.to_dict()["prediction"]["median"]
    assert ratio == pytest.approx(100.0, rel=0.1)


@pytest.mark.parametrize(
    ("value", "text"), [(4.9e-5, "0.000049"), (0.0033, "0.0033"), (12.3, "12"), (120.4, "120"), (0.0, "0")]
)
def test_small_numbers_are_written_out(value: float, text: str):
    assert plain(value) == text
    assert "e" not in plain(float(np.nextafter(value, 1)))
