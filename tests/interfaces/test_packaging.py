"""What is installed is what is in the tree, and what is locked is what is declared."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import analgesia

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> dict[str, list[str]]:
    """Name -> pinned versions (one for each range of Python versions)."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)==([^\s;]+)", line):
            pins.setdefault(normal(match[1]), []).append(match[2])
    return pins


def declared(*extras: str) -> set[str]:
    requirements = [*PROJECT["dependencies"]]
    for extra in extras:
        requirements += PROJECT["optional-dependencies"][extra]
    return {normal(re.split(r"[<>=!~;\[ ]", requirement)[0]) for requirement in requirements}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return zipfile.ZipFile(folder / done.stdout.split()[-1])


def test_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    source = ROOT / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "analgesia").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == expected
    assert any(name.endswith(".toml") for name in inside)
    assert "analgesia/py.typed" in inside


def test_wheel_names_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    about = next(name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
    assert b"analgesia = analgesia.cli:main" in wheel.read(f"{about}/entry_points.txt")
    assert b"License-Expression: Apache-2.0" in wheel.read(f"{about}/METADATA")
    assert f"{about}/licenses/LICENSE" in wheel.namelist()


@pytest.mark.parametrize(
    ("file", "extras"), [("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "dev"])]
)
def test_lock_covers_what_is_declared(file: str, extras: list[str]) -> None:
    assert declared(*extras) <= locked(file).keys()


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_is_hashed_and_no_address_is_named(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "==" in entry
        assert "--hash=sha256:" in entry, entry


def test_the_two_locks_agree() -> None:
    tools = locked("requirements-dev.lock")
    for name, versions in locked("requirements.lock").items():
        assert tools[name] == versions


def test_one_version_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'version: "{analgesia.__version__}"' in citation
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(analgesia.__version__)}\b", changelog, re.MULTILINE)


def test_public_names_are_listed_once_and_shadow_no_module() -> None:
    assert set(analgesia.__all__) == set(analgesia._HOME)
    modules = {path.stem for path in (ROOT / "src/analgesia").iterdir()}
    assert not modules & set(analgesia.__all__)
    assert set(analgesia.__all__) <= set(dir(analgesia))


def test_unknown_public_name_lists_the_known() -> None:
    with pytest.raises(AttributeError, match="it offers population, product"):
        _ = analgesia.poplation
