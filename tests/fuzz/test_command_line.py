"""Whatever is typed, a person meets a result or one sentence: never a traceback, and nothing written where the answer is no."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import cli
from analgesia.errors import ModelError

with click.Context(cli.main) as _context:
    NAMES = cli.main.list_commands(_context)
    COMMANDS = {name: cli.main.get_command(_context, name) for name in NAMES}

# Slashes are left out so that an invented file name stays in the folder made for it.
TEXT = st.text(st.characters(exclude_characters="/\\"), max_size=12)
NUMBERS = [
    "",
    "-",
    "--",
    "0",
    "-1",
    "3",
    "1e999",
    "nan",
    "NaN h",
    "4 g",
    "0 g",
    "-4 g",
    "25 mg mitragynine",
    "8 h",
    "1e30 h",
]
NAMED = [
    "25 mg water",
    "0.5 ng/mL",
    "1 parrot",
    "mitragynine",
    "morphine",
    "leaf_capsule",
    "leaf_capsul",
    "tea",
    "oral",
]
OTHERS = [
    "drug",
    "recalled",
    "acts_on_opioid_receptors",
    "\udcff",
    "a" * 300,
    "[x]",
    "{}",
    "x.png",
    "x.nothing",
    "😀",
    "\n",
]
TELLING = st.sampled_from([*NUMBERS, *NAMED, *OTHERS])
VALUE = TELLING | TEXT

CHEAP = {"--patients": "2"}
"""Options that keep a run small, put last wherever a command has them: the last one counts."""

LONG = (
    "analgesia.pathway.simulate",
    "analgesia.calibration.fit",
    "analgesia.nerve.conduction.simulate",
    "analgesia.nerve.people.simulate",
    "analgesia.nerve.ectopia.fire",
)
"""What takes seconds to minutes. Here it is refused, so that everything before it is tried: other tests run it."""


GOOD = {
    "check": ["acts_on_opioid_receptors"],
    "completion": ["bash"],
    "exposure": ["leaf_capsule", "--dose", "4 g", "--sample-until", "24 h"],
    "ectopia": ["--condition", "painful_diabetic_neuropathy", "--drug", "lidocaine 20 uM"],
    "nerve": ["--fibre", "c", "--pulses", "2", "--interval", "8 ms", "--drug", "lidocaine 0.1 mM"],
    "report": ["claims", "acts_on_opioid_receptors", "--json"],
    "show": ["drug", "mitragynine"],
    "sources": ["--status", "recalled"],
    "ventilation": ["--opioid", "fentanyl", "--bolus", "0.2 mg", "--hours", "0.1"],
}
"""A request that can be honoured, to which absurd things are added."""


def options(command: click.Command) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts if name.startswith("-")]


def cheap(command: click.Command) -> list[str]:
    return [word for option, value in CHEAP.items() if option in options(command) for word in (option, value)]


def vectors(command: click.Command) -> st.SearchStrategy[list[str]]:
    """Argument vectors made of the command's own options, plausible and absurd values, and bare words."""
    known = options(command) or ["--help"]
    pair = st.tuples(st.sampled_from(known), VALUE).map(list)
    piece = st.one_of(pair, st.sampled_from(known).map(lambda name: [name]), VALUE.map(lambda word: [word]))
    start = st.sampled_from([[], GOOD.get(command.name or "", [])])
    more = st.lists(piece, max_size=4).map(lambda pieces: [word for words in pieces for word in words])
    return st.tuples(start, more).map(lambda parts: [*parts[0], *parts[1]])


def check(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path.cwd()
        os.chdir(folder)
        try:
            done = CliRunner().invoke(cli.main, arguments)
        finally:
            os.chdir(home)
        assert done.exit_code in {0, 2}, f"{arguments}: {done.output}"
        assert isinstance(done.exception, SystemExit | None), arguments
        assert "Traceback" not in done.output
        if done.exit_code:
            assert not list(Path(folder).iterdir()), f"{arguments} was refused but wrote a file"
            assert done.stderr.strip(), arguments


def refuse(*_: object, **__: object) -> None:
    raise ModelError("not computed in this test")


@pytest.fixture
def nothing_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LONG:
        monkeypatch.setattr(name, refuse)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("nothing_long")
def test_commands(name: str) -> None:
    command = COMMANDS[name]
    assert command is not None

    command.name = name

    @given(vectors(command))
    @settings(max_examples=30)
    def inner(vector: list[str]) -> None:
        check([name, *vector, *cheap(command)])

    inner()


@given(
    st.lists(
        st.sampled_from(["--evidence", "--debug", "--version", "-h", "--json", "--nothing"]) | VALUE,
        max_size=4,
    )
)
@settings(max_examples=60)
def test_before_the_command(words: list[str]) -> None:
    # A command that is named by chance would run with everything at its default, which takes long and is tested elsewhere.
    check([word for word in words if word not in NAMES and word != "--debug"])
