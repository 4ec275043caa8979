"""What may be said of a claim and what may not: sentences from tables for what follows from the computed parts, then the file's own.

Both lists begin with what the certainty, the margins and the prediction allow, so that they cannot contradict the verdict; what only
a reader of the papers can know stands in the claim's file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analgesia.claims.verdict import Word

if TYPE_CHECKING:
    from analgesia.claims.certainty import Certainty
    from analgesia.claims.margins import Margin
    from analgesia.claims.prediction import Prediction
    from analgesia.evidence.claim_schema import Claim

MAY_OF_EVIDENCE: dict[tuple[str, str], str] = {
    ("none", "none"): "That no study in people was found.",
    (
        "indirect",
        "supports",
    ): "That studies in people of something near it point for it, and that none tests it.",
    (
        "indirect",
        "contradicts",
    ): "That studies in people of something near it point against it, and that none tests it.",
    (
        "indirect",
        "both",
    ): "That studies in people of something near it point both ways, and that none tests it.",
    ("indirect", "neutral"): "That studies in people of something near it were made, and that none tests it.",
    (
        "below",
        "supports",
    ): "That observations in people point for it, together with the words: certainty {level}, and none can decide it.",
    (
        "below",
        "contradicts",
    ): "That observations in people point against it, together with the words: certainty {level}, and none can decide it.",
    (
        "below",
        "both",
    ): "That observations in people point both ways and cannot decide it (certainty {level}).",
    ("below", "neutral"): "That people were observed and nothing points one way (certainty {level}).",
    (
        "deciding",
        "supports",
    ): "That studies in people point for it, together with the words: certainty {level}.",
    (
        "deciding",
        "contradicts",
    ): "That studies in people point against it, together with the words: certainty {level}.",
    ("deciding", "both"): "That studies in people point both ways (certainty {level}).",
    ("deciding", "neutral"): "That studies in people leave it open (certainty {level}).",
}
"""(standing, direction) of the evidence from people -> what may be said of it."""

MAY_OF_MARGINS = (
    "How the free concentration compares with a potency, as an interval and with the regimen it is for."
)
MAY_OF_PREDICTION = (
    "What the model computes, called a calculation, with its interval and how far the model was tested."
)

MAY_NOT_OF_WORD: dict[Word, str] = {
    Word.SUPPORTED: "That it is certain: the certainty is {level}.",
    Word.LABORATORY: "That what was seen in the laboratory happens in people.",
    Word.UNTESTED: "That it is so, or that it is not so.",
    Word.NOT_REACHED: "That what was seen at concentrations people do not reach happens in people.",
    Word.CONTRADICTED: "That the matter is closed: the certainty of the evidence from people is {level}.",
    Word.CANNOT_TELL: "That it is so, or that it is not so.",
}
"""Word of the verdict -> what may not be made of it."""

MAY_NOT_OF_HIGH = "More than the studies tested."
MAY_NOT_OF_MARGINS = "That a concentration above a potency means an effect in a person, or one below it none."
MAY_NOT_OF_PREDICTION = "That the model's number was seen in anybody."


def may_say(
    claim: Claim, certainty: Certainty, margins: Sequence[Margin], prediction: Prediction
) -> tuple[str, ...]:
    """What may be said: of the evidence, of the margins and of the prediction where there are any, then the file's own."""
    said = [MAY_OF_EVIDENCE[(certainty.standing, certainty.direction)].format(level=certainty.level)]
    if any(one.median is not None for one in margins):
        said.append(MAY_OF_MARGINS)
    if prediction.arms:
        said.append(MAY_OF_PREDICTION)
    return (*said, *claim.may_say)


def may_not_say(
    claim: Claim, word: Word, certainty: Certainty, margins: Sequence[Margin], prediction: Prediction
) -> tuple[str, ...]:
    """What may not be said: of the word, of the margins and of the prediction where there are any, then the file's own."""
    known = word in (Word.SUPPORTED, Word.CONTRADICTED) and certainty.level == "high"
    said = [MAY_NOT_OF_HIGH if known else MAY_NOT_OF_WORD[word].format(level=certainty.level)]
    if any(one.median is not None for one in margins):
        said.append(MAY_NOT_OF_MARGINS)
    if prediction.arms:
        said.append(MAY_NOT_OF_PREDICTION)
    return (*said, *claim.may_not_say)
