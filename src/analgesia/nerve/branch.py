"""A question about trains past the branch to the cell body, as the command and Python ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analgesia import evidence
from analgesia.errors import ModelError
from analgesia.evidence import Library
from analgesia.nerve.ask import MYELINATED, Question, Reply, as_run, prepared, remarks
from analgesia.nerve.conduction import Progress
from analgesia.nerve.junction import PERIPHERY, PULSES, Following, following

OWN_WIDTH = f"the branch has its own widths and lengths, {PERIPHERY[0] / 1e3:g} mm of periphery {PERIPHERY[1]:g} um wide"


@dataclass(frozen=True)
class BranchAnswer(Reply):
    """How fast the fibre follows past the branch and without it."""

    branch: Following
    straight: Following

    def to_dict(self) -> dict[str, Any]:
        """As `analgesia nerve --branch --json` prints it."""
        return {**self.branch.to_dict(), "straight": self.straight.to_dict(), **self.told()}


def ask_branch(
    question: Question,
    library: Library,
    *,
    pulses: int = PULSES,
    progress: Progress | None = None,
) -> BranchAnswer:
    """Following frequency of the fibre of `question` (its diameter, length and times do not matter here) for trains of `pulses`.

    Raises `ModelError` for a myelinated fibre and for what makes no sense.
    """
    if question.fibre in MYELINATED:
        raise ModelError(
            f"the branch to the cell body is that of a C fibre: ask c or c_polymodal instead of {question.fibre}"
        )
    with evidence.tally() as used:
        ready = prepared(question, library)
        branch, straight = (
            following(ready.fibre, junction=past, state=ready.state, pulses=pulses, progress=progress)
            for past in (True, False)
        )
    told = remarks(question, library, ready, branch.frequency > 0.0)
    words = [f"{question.fibre} fibre past the branch to its cell body", f"trains of {pulses} pulses"]
    words += [*question.drugs, *([question.condition] if question.condition else [])]
    return BranchAnswer(
        as_run(question, None, library), "; ".join(words), dict(used.counts), (*told, OWN_WIDTH), ready.amounts, branch, straight
    )  # fmt: skip
