"""A question to the surrogate of a fibre: learned when it is first asked for, kept on disk, and refused with the reason where it cannot be.

What is kept counts only for the same evidence, fibre, width, membrane, program and kind of machine: the key is a hash of all of them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from analgesia import evidence
from analgesia.engine.cache import stored
from analgesia.engine.compiler import cache_key
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.nerve.ask import MYELINATED, Prepared, Question, Reply, as_run, prepared, remarks, title_of
from analgesia.nerve.conduction import PULSE
from analgesia.nerve.learning import derive
from analgesia.nerve.membranes import Fibre
from analgesia.nerve.surrogate import Error, Forecast, Form, Surrogate

REFUSED = "refused"


@dataclass(frozen=True)
class LongAnswer(Reply):
    """What arrived according to the surrogate."""

    forecast: Forecast

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --surrogate --json` prints it."""
        return {
            **self.forecast.to_dict(),
            **self.told(),
            "diameter_um": self.question.diameter,
            "length_mm": self.question.length,
            "pulse_duration_ms": PULSE,
        }


def ask_long(question: Question, library: Library) -> LongAnswer:
    """Answer from the surrogate of the asked fibre. Raises `ModelError` where there is none, with the reason."""
    if question.fibre in MYELINATED:
        raise ModelError(
            f"{question.fibre} fibres have no surrogate; long trains of them are answered by a delay line: leave out --surrogate"
        )
    with evidence.tally() as used:
        ready = prepared(question, library)
        found = learned(ready, question, library).conduct(question.times, length=question.length)
    inside = found.outside == 0
    notes = remarks(question, library, ready, bool(found.conducted[inside].all()))
    notes.append(said(found.error))
    if not inside.all():
        counts = ", ".join(f"{count} {words}" for words, count in found.to_dict()["outside_pulses"].items())
        notes.append(f"of {len(inside)} pulses nothing is said about {int((~inside).sum())}: {counts}")
    return LongAnswer(
        as_run(question, ready.diameter, library), title_of(question, ready.diameter) + "; surrogate",
        dict(used.counts), tuple(notes), ready.amounts, found,
    )  # fmt: skip


def said(error: Error) -> str:
    """The stated error as a sentence."""
    close = (
        f" ({100.0 * error.close_rms:.1f} and {100.0 * error.close_greatest:.1f} % for spikes within 30 ms of another)"
        if error.close_rms == error.close_rms
        else ""
    )
    return (
        f"a surrogate learned from the cable: latency off by {100.0 * error.rms:.1f} % rms, {100.0 * error.greatest:.1f} % at most{close} "
        f"on {error.pulses} pulses it was not learned from, of which it called {error.wrong} wrongly lost or conducted"
    )


def learned(ready: Prepared[Fibre], question: Question, library: Library) -> Surrogate:
    """The surrogate of a prepared fibre, from disk where it was learned before. Raises `ModelError` where it was refused."""
    words = ", ".join([*question.drugs, *([question.condition] if question.condition else [])]) or "healthy"

    def make() -> bytes:
        try:
            return to_text(
                derive(ready.fibre, state=ready.state, diameter=ready.diameter, words=words)
            ).encode()
        except ModelError as refused:
            return json.dumps({REFUSED: str(refused)}).encode()

    return from_text(stored(_key(ready, words, library), make).decode())


def _key(ready: Prepared[Fibre], words: str, library: Library) -> str:
    state = ready.state
    parts = (
        "surrogate", library.hash, _sources(), ready.fibre.name, repr(float(ready.diameter)), words, repr(sorted(state.factors.items())),
        repr(sorted(state.shifts.items())), repr(state.depolarisation), repr(sorted(state.blocks.items())),
    )  # fmt: skip
    return cache_key(*parts)


@cache
def _sources() -> str:
    """Hash of the program between the evidence and the engine, which the key knows."""
    nerve = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for path in (*sorted(nerve.glob("*.py")), nerve.parent / "channels.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def to_text(surrogate: Surrogate) -> str:
    """A surrogate as JSON; numbers keep every digit."""

    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, np.ndarray) else value

    return json.dumps(asdict(surrogate), default=plain)


def from_text(text: str) -> Surrogate:
    """Read what `to_text` wrote. Raises `ModelError` for a refusal, with its reason."""
    table = json.loads(text)
    if REFUSED in table:
        raise ModelError(table[REFUSED])
    forms = {
        key: Form(table[key]["rest"], np.array(table[key]["coefficients"])) for key in ("delay", "along")
    }
    arrays = {key: np.array(table[key]) for key in ("loss", "most")}
    return Surrogate(**{**table, **forms, **arrays, "error": Error(**table["error"])})
