"""Files a user meets: written whole or not at all, and pictures only where they can be drawn."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analgesia.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
"""Endings of the pictures that commands draw."""


@contextmanager
def _in_its_place(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; it takes the place of `path` when the block ends well, and is gone otherwise."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place only when the block ends well, so that nobody ever meets half of it.

    Lines end as they are written. Raises `OSError` where it cannot be written; nothing is left behind then.
    """
    with _in_its_place(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        yield file


def save_picture(figure: Figure, path: Path, **settings: Any) -> None:
    """Write a figure in one step, in the format its ending names; `settings` as of `Figure.savefig`.

    Raises `OSError` where it cannot be written; nothing is left behind then.
    """
    with _in_its_place(path) as part:
        figure.savefig(part, format=path.suffix.lower().removeprefix("."), **settings)


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step; see `whole`."""
    with whole(path) as file:
        file.write(text)


def write_all(documents: Mapping[str, str], folder: Path) -> list[Path]:
    """Write texts by their names below `folder`, making folders as needed; the paths written."""
    written = []
    for name, text in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
        written.append(path)
    return written


def check_picture(path: Path) -> None:
    """Raise `ModelError` unless a picture can be written to `path`: known format, existing folder."""
    if path.suffix.lower() not in PICTURES:
        raise ModelError(f"cannot draw into {str(path)!r}: end the name in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise ModelError(f"cannot draw into {str(path)!r}: there is no folder {str(path.parent)!r}")
