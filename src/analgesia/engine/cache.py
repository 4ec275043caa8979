"""Compiled code on disk, keyed by what it computes and the machine it is for.

A file is used only when it belongs to the user, names exactly the key asked for and its checksum fits; anything else is ignored
and replaced.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_MAGIC = b"analgesia object 1\n"
_LARGEST = 1 << 28


def folder() -> Path:
    """`ANALGESIA_CACHE`, or the platform's place for caches."""
    given = os.environ.get("ANALGESIA_CACHE")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "analgesia"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "analgesia"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "analgesia"


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
    path = folder() / f"{key}.o"
    try:
        status = path.stat()
        if status.st_size > _LARGEST or (
            hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022)
        ):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    parts = content.split(b"\n", 3)
    if len(parts) != 4:
        return None
    code = parts[3]
    return code if content == _header(key, code) + code else None


def write(key: str, code: bytes) -> None:
    """Store object code under a key, atomically; a cache that cannot be written is no error."""
    target = folder()
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=target, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(key, code) + code)
            Path(name).replace(target / f"{key}.o")
        except OSError:
            Path(name).unlink(missing_ok=True)
    except OSError:
        return


def stored(key: str, make: Callable[[], bytes]) -> bytes:
    """What is stored under a key, or else what `make` gives, stored for the next time."""
    known = read(key)
    if known is None:
        known = make()
        write(key, known)
    return known
