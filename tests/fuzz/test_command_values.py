"""Every value of every option of the commands that simulate: what makes no sense is one clear message and exit code 2, before the work.

What takes long is refused with BUSY, so that a request that gets there was accepted; `fine` lists which of the values may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from analgesia.cli import main
from analgesia.errors import ModelError

BUSY = "not computed in this test"
LONG = (
    "analgesia.calibration.fit",
    "analgesia.calibration.fit_pain",
    "analgesia.claims.experiment.pathway.simulate",
    "analgesia.exposures.report.observe",
    "analgesia.nerve.conduction.simulate",
    "analgesia.nerve.ectopia.fire",
    "analgesia.nerve.people.simulate",
    "analgesia.report.build.exposure_check",
    "analgesia.report.build.pain_check",
    "analgesia.ventilation.course._Case.follow",
)

QUANTITIES = ("nan", "inf", "-inf", "-1", "1e400", "9" * 400)
"""With the option's unit behind them, all refused everywhere."""
WORDS = ("", "parrot", "5 kg/m", "5 5", "\x00", "😀", "a" * 300, "1; rm x", "[]")
NUMBERS = ("", "nan", "inf", "-inf", "-1", "1e999", "parrot", "\x00", "😀")


@dataclass(frozen=True)
class Asked:
    """A request that is in order, its options by kind, and pairs (option, value) that may pass though they look absurd."""

    good: tuple[str, ...]
    quantities: dict[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = ()


AMOUNTS = ("nan mM", "inf mM", "-1 mM", "1e300 M", "5 kg", "1", "  ")
"""Behind the name of a drug."""
ANTAGONISTS = (
    "",
    "water",
    "naloxone",
    "naloxone nan mg im at 2 s",
    "naloxone 2 mg im at nan s",
    "naloxone -2 mg im at 2 s",
)

COMMANDS = {
    "nerve": Asked(
        ("nerve", "--pulses", "2", "--condition", "painful_diabetic_neuropathy"),
        {"--diameter": "um", "--length": "mm", "--stimulate": "Hz", "--interval": "ms"},
        ("--pulses", "--patients", "--seed", "--severity"),
        ("--fibre", "--condition", "--drug", "--precision"),
        ("--plot", "--kymograph"),
        (
            *(("--drug", f"lidocaine {text}") for text in AMOUNTS),
            ("--length", "1e30 mm"),
            ("--diameter", "1e30 um"),
            ("--interval", "1e30 ms"),
            ("--stimulate", "1e-30 Hz"),
        ),
    ),
    "ectopia": Asked(
        ("ectopia", "--patients", "2"),
        {},
        ("--patients", "--seed"),
        ("--condition", "--drug"),
        ("--plot",),
        tuple(("--drug", f"lidocaine {text}") for text in AMOUNTS),
    ),
    "exposure": Asked(
        ("exposure", "leaf_capsule", "--dose", "4 g", "--patients", "2", "--doses", "3", "--every", "8 h"),
        {"--dose": "mg", "--every": "h", "--sample-until": "h", "--lloq": "ng/mL", "--sampling": "h"},
        ("--doses", "--patients", "--seed"),
        ("--route", "--population"),
        ("--plot",),
        (
            ("--sample-until", "1e30 h"),
            ("--every", "1e30 h"),
            ("--sampling", "1, 1e30 h"),
            ("--sampling", "2, 1 h"),
        ),
    ),
    "ventilation": Asked(
        ("ventilation", "--opioid", "fentanyl", "--bolus", "0.2 mg", "--hours", "0.1"),
        {"--bolus": "mg"},
        ("--patients", "--seed", "--hours"),
        ("--opioid", "--subject", "--form"),
        ("--plot",),
        (
            *(("--antagonist", text) for text in ANTAGONISTS),
            ("--hours", "1e30"),
            ("--patients", "1000000000"),
        ),
    ),
    "calibrate": Asked(("calibrate",), {}, ("--people",), (), ()),
    "report": Asked(
        ("report", "claims", "acts_on_opioid_receptors", "--json"),
        {},
        ("--patients", "--draws", "--seed"),
        (),
        (),
        (("--html", "nowhere/x.html"), ("--patients", "1000000")),
    ),
    "sources": Asked(("sources",), {}, (), ("--status",), ()),
    "margins": Asked(("margins",), {}, (), (), ()),
}


def requests() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for asked in COMMANDS.values():
        pairs: list[tuple[str, str]] = list(asked.more)
        for option, unit in asked.quantities.items():
            pairs += [(option, f"{number} {unit}") for number in QUANTITIES]
            pairs += [(option, word) for word in (*WORDS, "5 kg/m", f"5 {unit} {unit} x")]
        pairs += [(option, number) for option in asked.numbers for number in NUMBERS]
        pairs += [
            (option, word)
            for option in asked.names
            for word in ("", "parrot", "nan", "\x00", "😀", "a" * 300)
        ]
        pairs += [
            (option, name)
            for option in asked.pictures
            for name in ("", "x", "x.doc", "no/x.png", "nan", "\x00.png")
        ]
        pairs += [("--nothing", "1"), ("--evidence", "nowhere")]
        found += [(*asked.good, option, value) for option, value in dict.fromkeys(pairs)]
    return found


REQUESTS = requests()


@pytest.fixture
def nothing_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ModelError(BUSY)

    import analgesia.calibration
    import analgesia.nerve.people
    import analgesia.report.build
    import analgesia.ventilation.course  # noqa: F401

    for name in LONG:
        monkeypatch.setattr(name, refuse, raising=name != "analgesia.calibration.fit_pain")


@pytest.mark.usefixtures("nothing_long")
@pytest.mark.parametrize("command", COMMANDS)
def test_absurd_values_are_refused_before_anything_is_computed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = []
    for words in (one for one in REQUESTS if one[0] == command):
        done = CliRunner().invoke(main, list(words))
        said = done.output.strip().splitlines()
        if (
            done.exit_code != 2
            or not isinstance(done.exception, SystemExit | None)
            or "Traceback" in done.output
            or not said
            or BUSY in done.output
            or not said[-1].startswith("Error: ")
            or len(said[-1]) < 15
            or list(tmp_path.iterdir())
        ):
            wrong.append((words[-2:], done.exit_code, said[-1:] or repr(done.exception)))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.usefixtures("nothing_long")
@pytest.mark.parametrize("command", ["nerve", "ectopia", "exposure", "ventilation"])
def test_the_request_itself_is_in_order(command: str) -> None:
    done = CliRunner().invoke(main, list(COMMANDS[command].good))
    assert BUSY in done.output, done.output
