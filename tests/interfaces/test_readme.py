"""The README tells the truth: its Python runs, its commands exist, its pictures are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from analgesia import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = "\n".join(blocks("sh")).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.startswith("analgesia ")]


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  the point of the test


@pytest.mark.parametrize("line", commands())
def test_commands(line: str) -> None:
    small = ["--patients", "5", "--draws", "2"] if line.startswith("analgesia check") else []
    done = CliRunner().invoke(cli.main, [*shlex.split(line)[1:], *small])
    assert done.exit_code == 0, done.output
    assert done.output.strip()


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_pictures(file: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / file).read_text(encoding="utf-8")):
        assert target.startswith("https://") or (ROOT / target).exists(), f"{file} points at {target}"


def test_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for file in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        for target in re.findall(r"(?:^|`)make ([a-z]+)\b", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{file} names make {target}"


def test_page_of_commands_is_fresh() -> None:
    # in a program of its own: a command called without `analgesia` around it keeps the help option it had then
    write = "import runpy, sys; sys.stdout.write(runpy.run_path('docs/commands.py')['text']())"
    page = subprocess.run([sys.executable, "-c", write], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page.stdout, "run make docs"
