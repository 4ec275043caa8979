"""What a person meets on the command line: help, names, exit codes, one clear sentence for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from analgesia import __version__, cli
from analgesia.commands import _common

HEAVY = ("numpy", "scipy", "llvmlite", "pint", "pydantic", "xarray", "matplotlib", "pandas", "rich", "jax")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def program(*arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "analgesia", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom analgesia.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("Usage: analgesia")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, analgesia\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_has_a_summary_and_help() -> None:
    with click.Context(cli.main) as context:
        names = cli.main.list_commands(context)
    listing = run("--help").output
    assert names
    for name in names:
        assert cli.summary(name), f"commands/{name}.py needs a line SUMMARY = '...'"
        assert name in listing
        shown = run(name, "--help")
        assert shown.exit_code == 0, shown.output
        assert f"Usage: analgesia {name}" in shown.output


def test_version() -> None:
    assert run("--version").output == f"analgesia {__version__}\n"


def test_mistyped_command_names_the_near_one() -> None:
    done = run("complettion")
    assert done.exit_code == 2
    assert "did you mean" in done.output
    assert "completion" in done.output


def test_unknown_command_lists_the_commands() -> None:
    done = run("zzzzzz")
    assert done.exit_code == 2
    assert "the commands are" in done.output
    assert "completion" in done.output


def test_arguments_that_are_no_text_make_one_message() -> None:
    done = program(b"\xff\xfe")
    assert done.returncode == 2
    assert b"There is no command" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("folder", ["/no/such/folder", b"\xff", ""])
def test_evidence_must_be_a_folder(folder: str | bytes) -> None:
    done = program("--evidence", folder, "completion", "bash")
    assert done.returncode == 2
    assert b"is not a folder" in done.stderr


def test_null_characters_are_refused() -> None:
    done = run("completion", "ba\0sh")
    assert done.exit_code == 2
    assert "null character" in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_ANALGESIA_COMPLETE" in done.output


def test_completion_offers_the_commands() -> None:
    done = program(_ANALGESIA_COMPLETE="bash_complete", COMP_WORDS="analgesia comp", COMP_CWORD="1")
    assert b"completion" in done.stdout


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make every command raise what the test asks for."""

    @click.command("completion")
    def fail() -> None:
        raise request.param

    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: fail)


def _grown_from(cause: BaseException) -> ImportError:
    """What a library raises that is interrupted while it is loaded."""
    error = ImportError("numpy cannot be loaded")
    error.__context__ = cause
    return error


@pytest.mark.parametrize("broken", [ZeroDivisionError("division by zero\nand more")], indirect=True)
@pytest.mark.usefixtures("broken")
def test_a_fault_of_the_program_is_one_sentence_and_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)
    done = run("completion")
    assert done.exit_code == 1
    assert "ZeroDivisionError: division by zero" in done.output
    assert "analgesia --debug completion" in done.output
    assert "Traceback" not in done.output
    assert isinstance(run("--debug", "completion").exception, ZeroDivisionError)
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    assert isinstance(run("completion").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (cli.AnalgesiaError("drugs/x.toml: clearance: no unit. Add unit."), 2),
        (PermissionError(13, "Permission denied", "/report.html"), 2),
        (MemoryError(), 2),
        (KeyboardInterrupt(), 130),
        (_grown_from(KeyboardInterrupt()), 130),
        (click.UsageError("no"), 2),
    ],
    indirect=["broken"],
)
@pytest.mark.usefixtures("broken")
def test_exit_codes(code: int) -> None:
    done = run("completion")
    assert done.exit_code == code
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("arguments", ["completion bash", "--help"])
def test_a_reader_that_leaves_early_is_no_error(arguments: str) -> None:
    command = f"{sys.executable} -m analgesia {arguments} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_holds_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    _common.write_json(
        {"a": np.array([1.0, np.nan]), "b": float("inf"), "c": Path("x"), 1: {np.float64(2.5)}}
    )
    assert json.loads(capsys.readouterr().out) == {"a": [1.0, None], "b": None, "c": "x", "1": [2.5]}


def test_table_lines_up() -> None:
    assert (
        _common.table(["drug", "n"], [["mitragynine", 1]]) == "drug         n\n-----------  -\nmitragynine  1"
    )


def test_progress_is_silent_unless_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with _common.progress("simulating") as report:
        report(1, 2)
    assert capsys.readouterr() == ("", "")
