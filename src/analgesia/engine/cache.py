"""What is costly to make, on disk: compiled code and surrogates, by a key that names all that it depends on.

A file is used only when it belongs to the user, names exactly the key asked for and its checksum fits; anything else is ignored
and replaced. Files are written beside and moved into place, so that processes may share a folder. When all together exceed ROOM, those
written longest ago go first.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MAGIC = b"analgesia object 1\n"
_LARGEST = 1 << 28
ROOM = 1 << 28
"""Bytes of all files together."""


def folder() -> Path:
    """`ANALGESIA_CACHE`, or the platform's place for caches."""
    given = os.environ.get("ANALGESIA_CACHE")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "analgesia"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "analgesia"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "analgesia"


def _header(key: str, code: bytes) -> bytes:
    return (
        _MAGIC
        + key.encode()
        + b"\n"
        + hashlib.sha256(key.encode() + b"\0" + code).hexdigest().encode()
        + b"\n"
    )


def read(key: str) -> bytes | None:
    """The object code stored under a key, or None when there is none that can be trusted."""
    try:
        path = folder() / f"{key}.o"
        status = path.stat()
        if status.st_size > _LARGEST or (
            hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022)
        ):
            return None
        content = path.read_bytes()
    except (OSError, RuntimeError):  # a user without a home has no cache
        return None
    parts = content.split(b"\n", 3)
    if len(parts) != 4:
        return None
    code = parts[3]
    return code if content == _header(key, code) + code else None


def write(key: str, code: bytes) -> None:
    """Store object code under a key, atomically; a cache that cannot be written is no error."""
    try:
        target = folder()
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=target, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(key, code) + code)
            Path(name).replace(target / f"{key}.o")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _make_room(target)
    except (OSError, RuntimeError):
        return


def _make_room(target: Path) -> None:
    """Remove what was written longest ago until the rest fits into ROOM; a file that another process has removed is no error."""
    ages: list[tuple[float, int, Path]] = []
    for path in (*target.glob("*.o"), *target.glob("*.part")):
        with suppress(OSError):
            status = path.stat()
            ages.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in ages)
    for _, size, path in sorted(ages):
        if total <= ROOM:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def stored(key: str, make: Callable[[], bytes]) -> bytes:
    """What is stored under a key, or else what `make` gives, stored for the next time."""
    known = read(key)
    if known is None:
        known = make()
        write(key, known)
    return known
