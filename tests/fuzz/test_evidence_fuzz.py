"""Damaged evidence: whatever is in a file, only our own errors come out, in one line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analgesia import evidence, show
from analgesia.errors import AnalgesiaError
from analgesia.evidence import units
from analgesia.evidence.library import ROOT

FILES = (
    sorted(path for path in ROOT.glob("*/*.toml") if path.parent.name != "sources")
    + sorted(ROOT.glob("sources/*.toml"))[:5]
)
JUNK = (
    "nan", "inf", "-inf", "1e999", "9" * 400, "true", '""', '"\\u0000"', "[]", "[[]]", "{}", "{value=1}", "{multiply=2}", "2024-01-01",
    "07:30:00", '"9^9^9^9"', '"(9^9)^9"', '"m**9**9"', '"__import__"', '"1e9"', "-1", "0", "0x1f", "[1, 2]", "[2, 1]", "[nan, 1]",
    '"unit"', '"🜁"', '"[bold]"', "'''a'''", '{value=1,unit="nM",assumed="x"}', '{measured=[]}', '{measured=[{value=1}]}', "{iiv={value=1}}",
)  # fmt: skip
CHARACTERS = list('"[]{}=#\n.,\\\x00é0 \t')


def outcome(folder: Path) -> str | None:
    """The message of the error, or None when the overlay was accepted and everything in it could be used."""
    try:
        library = evidence.load([folder])
        for number in library.numbers():
            if str(folder) in number.file:
                units.check(number.unit)
                number.interval()
                number.draw(1.0, 1.0)
        for kind in ("drug", "receptor", "product"):
            for name in library.folder(kind):
                if any(str(folder) in file for file in library.folder(kind)[name].files):
                    show.show(kind, name, library)
    except AnalgesiaError as error:
        return str(error)
    return None


def written(folder: Path, kind: str, text: str | bytes) -> Path:
    target = folder / kind
    target.mkdir(parents=True, exist_ok=True)
    (target / "x.toml").write_bytes(
        text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    )
    return folder


@settings(max_examples=150)
@given(st.data())
def test_damaged_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    lines = path.read_text(encoding="utf-8").splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "double", "junk", "swap", "character", "cut"]))
        line = lines[index]
        if action == "drop" and len(lines) > 1:
            del lines[index]
        elif action == "double":
            lines.insert(index, line)
        elif action == "junk" and "=" in line:
            lines[index] = f"{line.split('=')[0]}= {data.draw(st.sampled_from(JUNK))}"
        elif action == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[index], lines[other] = lines[other], line
        elif action == "cut":
            lines[index] = line[: data.draw(st.integers(0, len(line)))]
        else:
            at = data.draw(st.integers(0, len(line)))
            lines[index] = line[:at] + data.draw(st.sampled_from(CHARACTERS)) + line[at:]
    folder = written(tmp_path_factory.mktemp("fuzz"), path.parent.name, "\n".join(lines))
    message = outcome(folder)
    assert message is None or (message and "Traceback" not in message)


@settings(max_examples=60)
@given(
    st.sampled_from(["sources", "drugs", "products", "claims", "circuits", "populations"]),
    st.binary(max_size=120),
)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes) -> None:
    assert outcome(written(tmp_path_factory.mktemp("fuzz"), kind, content)) is not None


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize(
    "key",
    [
        "value",
        "unit",
        "source",
        "at",
        "status",
        "se",
        "ci95",
        "iiv",
        "sd",
        "within",
        "note",
        "measured",
        "multiply",
    ],
)
def test_junk_for_each_key_of_a_number(tmp_path: Path, key: str, junk: str) -> None:
    lines = {
        "value": "2",
        "unit": '"nM"',
        "source": '"kruegel2016"',
        "at": '"x"',
        "status": '"read"',
        key: junk,
    }
    text = 'name = "mitragynine"\n[affinity.mu_opioid]\n' + "\n".join(f"{k} = {v}" for k, v in lines.items())
    outcome(written(tmp_path, "drugs", text))


@pytest.mark.parametrize(
    "text",
    [
        'name = "x"\nnote = ' + "[" * 5000 + "]" * 5000,
        'name = "x"\n' + "a." * 3000 + "b = 1",
        'name = "x"\nnote = ' + "{a=" * 900 + "1" + "}" * 900,
        "\ufeff",
        "name = 'mitragynine'\n" * 2,
    ],
    ids=["deep list", "deep key", "deep table", "byte order mark", "key twice"],
)
def test_hostile_shapes(tmp_path: Path, text: str) -> None:
    assert outcome(written(tmp_path, "drugs", text)) is not None


@settings(max_examples=200)
@given(
    st.text(max_size=30)
    | st.sampled_from(["9^9^9^9", "((9^9)^9)^9", "2**9**9**9", "1e999 m", "m^99999999", "%%", "1/0", "m/0"])
)
def test_any_unit_text(text: str) -> None:
    with suppress(AnalgesiaError):
        units.convert(1.0, text, "nM")


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "drugs" / "x.toml").mkdir(parents=True)
    assert "cannot be read" in str(outcome(tmp_path))
