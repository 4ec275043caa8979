"""What a nerve cannot be asked: one clear message for each, from Python and from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analgesia import evidence
from analgesia.cli import main
from analgesia.errors import AnalgesiaError
from analgesia.nerve.conduction import conduct
from analgesia.nerve.drugs import block_at
from analgesia.nerve.ending import ending, inflamed, rate
from analgesia.nerve.injury import injured
from analgesia.nerve.membranes import Fibre, fibre
from analgesia.nerve.people import conduct_people
from analgesia.nerve.states import NerveState

LIBRARY = evidence.load()
C: Fibre = fibre("c_fibre", LIBRARY)
PAIN = "painful_diabetic_neuropathy"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: conduct(C, [0.0], diameter=0.0, length=5.0), "diameter"),
        (lambda: conduct(C, [0.0], diameter=np.nan, length=5.0), "diameter"),
        (lambda: conduct(C, [0.0], diameter=1.0, length=np.inf), "length"),
        (lambda: conduct(C, [0.0, np.nan], diameter=1.0, length=5.0), "pulse"),
        (lambda: conduct(C, [], diameter=1.0, length=5.0), "pulse"),
        (lambda: conduct(C, [0.0, 1e12], diameter=1.0, length=5.0), "within"),
        (lambda: conduct(C, [0.0], diameter=1.0, length=5.0, step=2.0), "too coarse for gate"),
        (lambda: conduct(C, [0.0], diameter=1.0, length=5.0, state=NerveState({"kdr": -1.0})), "0 or more"),
        (lambda: conduct(C, [0.0], diameter=1.0, length=5.0, state=NerveState({"kdr": np.nan})), "0 or more"),
        (lambda: conduct(C, [0.0], diameter=1.0, length=5.0, state=NerveState({"nav1_3": 2.0})), "has no nav1_3"),
        (lambda: conduct_people(C, [0.0], LIBRARY, patients=0, length=5.0), "people"),
        (lambda: block_at({"gabapentin": 1.0}, LIBRARY), "no block"),
        (lambda: block_at({"lidocaine": -1.0}, LIBRARY), "0 or more"),
        (lambda: block_at({"lidocaine": np.array([1.0, np.nan])}, LIBRARY), "0 or more"),
        (lambda: injured(PAIN, LIBRARY, "c_fibre", float("nan")), "severity"),
        (lambda: injured(PAIN, LIBRARY, "c_fibre", np.array([0.5, 2.0])), "severity"),
        (lambda: rate(ending(LIBRARY), "light", 1.0), "not known"),
        (lambda: inflamed(ending(LIBRARY), prostaglandin_e2=float("nan")), "0 or more"),
    ],
)  # fmt: skip
def test_python_is_answered_with_one_clear_message(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(AnalgesiaError, match=message) as refused:
        ask()
    assert "\n" not in str(refused.value)


NO_GATE = 'name = "km"\n[equations]\ngates = "missing"\nopen = "missing"\n'
NEGATIVE = (
    'name = "c_fibre"\n[parameters.conductance]\nkdr = { value = -0.1, unit = "S/cm2", assumed = "a test" }\n'
)
WRONG_UNIT = (
    'name = "c_fibre"\n[parameters.conductance]\nkdr = { value = 0.1, unit = "mV", assumed = "a test" }\n'
)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("channels", NO_GATE, "gate `missing` needs"),
        ("neurons", NEGATIVE, "negative"),
        ("neurons", WRONG_UNIT, "mV"),
    ],
)
def test_evidence_of_one_s_own_is_answered_in_one_sentence(
    tmp_path: Path, kind: str, text: str, message: str
) -> None:
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "x.toml").write_text(text)
    for words in (["nerve", "--length", "2mm"], ["nerve", "--length", "2mm", "--patients", "2"]):
        done = CliRunner().invoke(main, ["--evidence", str(tmp_path), *words])
        assert done.exit_code == 2, done.output
        assert message in done.output
        assert "Traceback" not in done.output


@pytest.mark.parametrize("command", ["nerve", "ectopia"])
def test_a_drug_without_known_block_is_named_with_those_that_have_one(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--drug", "ibuprofen 1 uM"])
    assert done.exit_code == 2
    assert "no block of a nerve's channels is known for ibuprofen" in done.output
    assert "lidocaine" in done.output
