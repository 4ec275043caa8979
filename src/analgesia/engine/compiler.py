"""From a recorded program to machine code that integrates a chunk of patients."""

from __future__ import annotations

import ctypes
import hashlib
import json
import threading
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from analgesia.engine import cache as disk
from analgesia.engine import machine
from analgesia.engine.layout import Word, Workspace
from analgesia.engine.program import Program


class Compiled:
    """Machine code of one system; `run(context, first, last)` integrates patients first..last-1 of a chunk and releases the GIL."""

    def __init__(self, code: bytes, workspace: Workspace) -> None:
        self.workspace = workspace
        self._loaded = machine.Loaded(code)
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64)
        self._run = kind(self._loaded.address("run"))
        self._memory = threading.local()

    def run(self, context: np.ndarray, first: int, last: int) -> None:
        """Integrate; `context` is the int64 array described by `layout.Word`."""
        memory = self._memory
        if not hasattr(memory, "block"):
            memory.block = aligned(self.workspace.vectors * self.workspace.lanes)
            memory.integers = np.zeros(self.workspace.integers, np.int64)
        if context[Word.HISTORY_SIZE]:
            size = int(context[Word.HISTORY_SIZE]) * self.workspace.lanes * (1 + 2 * self.workspace.delays)
            if getattr(memory, "history", np.zeros(0)).size < size:
                memory.history = np.empty(size)
            context[Word.HISTORY] = memory.history.ctypes.data
        memory.block[:] = 0.0
        memory.integers[:] = 0
        self._run(context.ctypes.data, memory.block.ctypes.data, memory.integers.ctypes.data, first, last)


def aligned(count: int) -> np.ndarray:
    """Zeros aligned for the widest vector."""
    raw = np.zeros(count + 16)
    start = (-raw.ctypes.data // 8) % 16
    return raw[start : start + count]


_ready: dict[str, Compiled] = {}
_lock = threading.Lock()


def compiled(
    program: Program,
    *,
    infusions: bool = False,
    delayed: tuple[int, ...] = (),
    triggers: int = 0,
    queue: int = 0,
    lanes: int | None = None,
) -> Compiled:
    """Machine code for a program, from memory, disk or the compiler."""
    width = lanes or machine.preferred_lanes()
    key = cache_key("program", program.digest(), width, infusions, delayed, triggers, queue)
    with _lock:
        if key not in _ready:

            def made() -> bytes:
                listing, workspace = module_text(program, infusions, width, delayed, triggers, queue)
                return json.dumps(asdict(workspace)).encode() + b"\n" + machine.compile_module(listing)

            head, code = disk.stored(key, made).split(b"\n", 1)
            _ready[key] = Compiled(code, Workspace(**json.loads(head)))
        return _ready[key]


def module_text(
    program: Program,
    infusions: bool = False,
    lanes: int | None = None,
    delayed: tuple[int, ...] = (),
    triggers: int = 0,
    queue: int = 0,
) -> tuple[str, Workspace]:
    """LLVM IR of the solver for a program, and the memory it works on; delay d looks back at output `delayed[d]`."""
    import llvmlite.ir as ir

    from analgesia.engine import delays, driver, sparse, stiff
    from analgesia.engine.kernels import Kernels
    from analgesia.engine.lowering import lower

    lowered = lower(program, delayed)
    workspace = Workspace(
        lanes or machine.preferred_lanes(),
        len(lowered.states),
        len(lowered.parameters),
        len(lowered.hoisted),
        len(lowered.outputs),
        triggers,
        queue,
        len(delayed),
    )
    module = Kernels(
        ir.Module("ensemble"),
        lowered,
        workspace,
        sparse.pattern(len(lowered.states), lowered.jacobian),
        infusions,
        delays.look_up if delayed else None,
    )
    stiff.emit(module)
    driver.emit(module)
    return str(module.module), workspace


def cache_key(*what: object) -> str:
    """Key under which a result is kept (`cache.stored`): what it was made from, the machine it is for, the engine that made it."""
    text = "\0".join(map(str, (*what, machine.description(), _engine_digest())))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


@cache
def _engine_digest() -> str:
    """Hash of the engine's own sources: a changed engine trusts no older code."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
