"""Plain sentences from tables, so that no verdict is ever described in words that were not checked.

A paragraph joins, in this order: the claim as people say it; the opening for (word, level); how certain the evidence from
people is; the leading study, named by its fields; how much was found for and against; what the exposure margins say; what the
model says, named as the calculation it is. No free text of a file stands in it but the claim itself.
No sentence addresses the reader or advises anybody; a test refuses words of advice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analgesia.claims.verdict import Verdict, Word, best_level
from analgesia.evidence.claim_schema import HUMAN_LEVELS, Claim, EvidenceItem

if TYPE_CHECKING:
    from analgesia.claims.certainty import Certainty
    from analgesia.claims.margins import Margin
    from analgesia.claims.prediction import Prediction

NONE = "none"

OPENINGS: dict[tuple[Word, str], str] = {
    (Word.SUPPORTED, "systematic_review"): "A systematic review of studies in people supports this.",
    (Word.SUPPORTED, "rct"): "A randomised trial in people supports this.",
    (
        Word.SUPPORTED,
        "observational",
    ): "Observations in people support this; none of them compared with placebo.",
    (
        Word.LABORATORY,
        "product_assay",
    ): "Chemical analysis of products supports this; nobody has tested it in people.",
    (Word.LABORATORY, "animal"): "This was shown in animals. It has not been shown in people.",
    (
        Word.LABORATORY,
        "ex_vivo",
    ): "This was seen in tissue outside the body. It has not been shown in people.",
    (Word.LABORATORY, "in_vitro"): "This was seen in cells. It has not been shown in people.",
    (
        Word.NOT_REACHED,
        "product_assay",
    ): "Chemical analysis supports this, but the amounts people are known to take fall short of it.",
    (Word.NOT_REACHED, "animal"): (
        "This was seen in animals, but the amounts people are known to take do not bring enough of the substance to the target named."
    ),
    (Word.NOT_REACHED, "ex_vivo"): (
        "This was seen in tissue outside the body, but at concentrations that the amounts people are known to take do not reach."
    ),
    (Word.NOT_REACHED, "in_vitro"): (
        "This was seen in cells, but at concentrations that the amounts people are known to take do not reach."
    ),
    (Word.UNTESTED, NONE): "Nobody has tested this in people: no study of it was found.",
    (
        Word.UNTESTED,
        "observational",
    ): "No trial has tested this; there are only reports and surveys of people who use kratom.",
    (Word.UNTESTED, "product_assay"): "No trial has tested this; only products were analysed.",
    (Word.UNTESTED, "animal"): "Nobody has tested this in people, and the animal studies do not support it.",
    (
        Word.UNTESTED,
        "ex_vivo",
    ): "Nobody has tested this in people, and studies of isolated tissue do not support it.",
    (Word.UNTESTED, "in_vitro"): "Nobody has tested this in people, and studies in cells do not support it.",
    (Word.CONTRADICTED, "systematic_review"): "A systematic review of studies in people contradicts this.",
    (Word.CONTRADICTED, "rct"): "A randomised trial in people contradicts this.",
    (Word.CONTRADICTED, "observational"): "What was observed in people contradicts this.",
    (Word.CONTRADICTED, "product_assay"): "Chemical analysis of the products contradicts this.",
    (Word.CONTRADICTED, "animal"): "Animal studies contradict this.",
    (Word.CONTRADICTED, "ex_vivo"): "Studies of isolated tissue contradict this.",
    (Word.CONTRADICTED, "in_vitro"): "Studies in cells contradict this.",
    (Word.CANNOT_TELL, NONE): "This cannot be told: the studies that were found do not test it directly.",
    (
        Word.CANNOT_TELL,
        "systematic_review",
    ): "This cannot be told: the studies in people do not point one way.",
    (Word.CANNOT_TELL, "rct"): "This cannot be told: the trials in people do not point one way.",
    (
        Word.CANNOT_TELL,
        "observational",
    ): "This cannot be told: what was observed in people does not point one way.",
    (Word.CANNOT_TELL, "product_assay"): "This cannot be told from the analyses of products.",
    (Word.CANNOT_TELL, "animal"): "This cannot be told from the animal studies.",
    (Word.CANNOT_TELL, "ex_vivo"): "This cannot be told from the studies of isolated tissue.",
    (Word.CANNOT_TELL, "in_vitro"): "This cannot be told from the studies in cells.",
}
"""(word, level of the evidence that gave it) -> the opening sentence. Pairs the rule can never give are absent."""

SHORT: dict[Word, str] = {
    Word.SUPPORTED: "Seen in people",
    Word.LABORATORY: "Seen only in the laboratory",
    Word.UNTESTED: "Never tested in people",
    Word.NOT_REACHED: "Real in the laboratory, out of reach in people",
    Word.CONTRADICTED: "The evidence says otherwise",
    Word.CANNOT_TELL: "Nobody can tell yet",
}
"""A few words for a table or a headline."""

LEVEL_WORDS = {
    NONE: "no direct evidence",
    "systematic_review": "systematic review",
    "rct": "randomised trial",
    "observational": "observations in people",
    "product_assay": "analysis of products",
    "animal": "animals",
    "ex_vivo": "isolated tissue",
    "in_vitro": "cells",
}
"""How a level is called where people read it."""

SITE_WORDS = {
    "plasma": "blood plasma",
    "brain": "the brain",
    "spinal_cord": "the spinal cord",
    "nociceptor": "the fluid around pain fibres",
}
"""How a site is called where people read it."""

TARGET_WORDS = {
    "mu_opioid": "mu-opioid receptors",
    "delta_opioid": "delta-opioid receptors",
    "kappa_opioid": "kappa-opioid receptors",
    "alpha2a_adrenergic": "alpha-2A receptors",
    "alpha1a_adrenergic": "alpha-1A receptors",
    "alpha1b_adrenergic": "alpha-1B receptors",
    "alpha1d_adrenergic": "alpha-1D receptors",
    "serotonin_5ht1a": "5-HT1A receptors",
    "serotonin_5ht2b": "5-HT2B receptors",
    "cox1": "COX-1",
    "cox2": "COX-2",
    "alpha2delta": "alpha-2-delta subunits",
    "kv11_1": "hERG channels",
    "nerve_conduction_block": "nerve conduction stopped",
    "neuromuscular_block": "muscle twitches weakened",
    "cox2_suppression": "COX-2 was lowered",
    "cyp3a_inactivation": "the enzyme CYP3A was inactivated",
}
"""How a target or an effect is called; a target that is not named here is called by its name."""

KIND_PHRASES = {
    "affinity": "the concentration that holds half of the {target}",
    "potency": "the concentration with half of the full effect at {target}",
    "functional_inhibition": "the concentration that blocks half of the {target}",
    "effects": "the concentration at which {target} outside the body",
}
"""Kind of potency -> what a margin is a share of."""

COUNTS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]

ENDPOINT_SENTENCES = {
    "pain_change": (
        "The model puts the average change of pain against placebo at {median} on the scale from 0 to 10 "
        "(90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "pain": "The model puts average pain at {median} on the scale from 0 to 10 (90\u00a0% interval {low} to {high}) for {arm}",
    "drive_change": (
        "The model puts the change of the signal that the spinal cord sends to the brain at {median}\u00a0% "
        "(90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "stimulus": (
        "The model puts the stimulus of the receptor, on a scale from 0 to 1, at {median} (90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "ventilation": (
        "The model puts the lowest breathing at {median}\u00a0% of what it was before, with CO2 held constant "
        "(90\u00a0% interval {low} to {high}), for {arm}"
    ),
    "conduction": (
        "The model of a pain fibre puts the highest free concentration at the nerve at {median}\u00a0% of the one that would stop it "
        "(90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "ending_prostaglandin_change": (
        "The model of an inflamed pain fibre puts the change of its firing under heat, by way of prostaglandin alone, at {median}\u00a0% "
        "(90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "ending_opioid_change": (
        "The model of an inflamed pain fibre puts the change of its firing under heat, by way of opioid receptors on it alone, at "
        "{median}\u00a0% (90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "ending_change": (
        "The model of an inflamed pain fibre puts the change of its firing under heat at {median}\u00a0% "
        "(90\u00a0% interval {low} to {high}) for {arm}"
    ),
    "exposure": "The model puts the average peak in blood plasma at {median} ng/mL (90\u00a0% interval {low} to {high}) for {arm}",
}
"""Kind of endpoint -> its sentence; every one ends with the words of EXTRAPOLATION."""

LEADING = {
    ("supports", "direct"): "The leading study points for it: {study}.",
    ("contradicts", "direct"): "The leading study points against it: {study}.",
    ("neutral", "direct"): "The leading study points neither way: {study}.",
    ("supports", "indirect"): "The nearest study is of something else and points for it: {study}.",
    ("contradicts", "indirect"): "The nearest study is of something else and points against it: {study}.",
    ("neutral", "indirect"): "The nearest study is of something else and points neither way: {study}.",
}
"""(direction, directness) of the leading study -> its sentence; the study is named by its fields alone."""

AGAINST = "On the other side stands {study}."
"""For a second study of the same level that points elsewhere."""

RESULT_WORDS = {
    "means": "; {outcome}: {number:g}{unit} against {against:g}{unit}",
    "share": "; {outcome}: {number:g}{unit}",
    "ratio": "; {outcome}: {number:g} times",
    "ratio with interval": "; {outcome}: {number:g} times, {low:g} to {high:g}",
    "range": "; {outcome}: {number:g} to {against:g}{unit}",
}
"""Kind of a result -> how its numbers are written."""

SMALL = 1e-4
"""Below this a share is not spelled out."""

NBSP = "\u00a0"
"""A space at which no line breaks."""

RANGE_SENTENCE = "The model puts the average peak of {substance} in blood plasma between {low} ng/mL ({least}) and {high} ng/mL ({most})"
"""For a claim that compares regimens by exposure."""

MODEL_WORDS = {
    "validated": "a model that was tested on trials",
    "pain_change": "a model not yet tested on trials",
    "pain": "a model not yet tested on trials",
    "drive_change": "a model not yet tested on trials",
    "stimulus": "a model of something nobody has measured in people",
    "ventilation": "a model carried over from cells, animals and other opioids",
    "conduction": "a model whose block of channels is guessed from one finding on isolated nerve",
    "ending_prostaglandin_change": "a model whose step from kratom to prostaglandin is a guess between the concentrations tested in cells",
    "ending_opioid_change": "a model whose opioid effect on the fibre is assumed",
    "ending_change": "a model most of whose steps are assumed",
    "exposure": "a model fitted to the few published kinetic studies",
}
"""How far the model behind a prediction was tested, by kind of endpoint."""

EXTRAPOLATION = ". That is a calculation, not an observation"


def opening(word: Word, level: str) -> str:
    """The sentence for a verdict word and the level of the evidence that gave it."""
    return OPENINGS[(word, level)]


def target_words(target: str) -> str:
    """A target or effect as people call it."""
    return TARGET_WORDS.get(target, target.replace("_", " "))


def count_words(number: int, noun: str, plural: str) -> str:
    """A number in words up to twelve, with its noun: one finding, two findings, 13 findings."""
    said = COUNTS[number] if number < len(COUNTS) else str(number)
    return f"{said} {noun if number == 1 else plural}"


def share(value: float) -> str:
    """A margin in words: percent below one, times above."""
    if value >= 1.0:
        return f"{value:.2g}{NBSP}times"
    percent = 100.0 * value
    return f"{percent:.2g}{NBSP}%" if percent >= 0.01 else f"under 0.01{NBSP}%"


def percent(part: float) -> str:
    """A share of a whole as percent without decimals; what is above 0 is at least 1, what is below 1 at most 99."""
    whole = round(100.0 * part)
    if 0.0 < part < 1.0:
        whole = min(max(whole, 1), 99)
    return f"{whole}{NBSP}%"


def share_of(value: float, whole: str) -> str:
    """A share of something: "2 % of it", "3 times it"."""
    return f"{share(value)} {whole}" if value >= 1.0 else f"{share(value)} of {whole}"


def signed(value: float) -> str:
    """A change with its sign and a real minus, two digits or so; a change that rounds to nothing has no sign."""
    digits = 2 if abs(value) < 0.995 else 1 if abs(value) < 9.95 else 0
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0.0 else text.replace("-", "\u2212")


def plain(value: float) -> str:
    """A positive quantity with two significant digits, never with an exponent."""
    if 0.0 < abs(value) < SMALL:
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}"
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"


def study_words(item: EvidenceItem, names: Mapping[str, str]) -> str:
    """A study by author and year, kind, species, size and its number, all from the fields of the item."""
    where = "" if item.species in ("human", "products") else f": {item.species}"
    size = "" if item.n is None else f", n = {item.n:,}"
    said = f"{names.get(item.source, item.source)} ({LEVEL_WORDS[item.level]}{where}{size}"
    if item.result is not None:
        one = item.result
        low, high = one.interval or (0.0, 0.0)
        said += RESULT_WORDS[one.kind if one.interval is None else f"{one.kind} with interval"].format(
            outcome=one.outcome,
            number=one.number,
            against=one.against,
            low=low,
            high=high,
            unit=f"{NBSP}{one.unit}" if one.unit else "",
        )
    return f"{said})"


def leading_sentence(claim: Claim, found: Verdict, names: Mapping[str, str]) -> str:
    """The leading study from its fields: a direct one of the level that decided, or else the nearest indirect one; and one against it."""
    direct = [
        item for item in claim.evidence if item.directness == "direct" and item.level == found.decided_at
    ]
    if direct:
        pointing = [item for item in direct if item.direction != "neutral"] or direct
        other = next((item for item in pointing if item.direction != pointing[0].direction), None)
        said = LEADING[(pointing[0].direction, "direct")].format(study=study_words(pointing[0], names))
        return said if other is None else f"{said} {AGAINST.format(study=study_words(other, names))}"
    indirect = [item for item in claim.evidence if item.directness == "indirect"]
    if not indirect:
        return ""
    level = best_level(indirect)
    nearest = next(item for item in indirect if item.level == level)
    return LEADING[(nearest.direction, "indirect")].format(study=study_words(nearest, names))


def found_sentence(claim: Claim) -> str:
    """What was found for and against, directly and indirectly."""
    parts = []
    for directness, words in (
        ("direct", "that directly concern{s} it"),
        ("indirect", "that bear{s} on it from a distance"),
    ):
        chosen = [item for item in claim.evidence if item.directness == directness]
        if chosen:
            supports = sum(item.direction == "supports" for item in chosen)
            against = sum(item.direction == "contradicts" for item in chosen)
            human = sum(item.level in HUMAN_LEVELS for item in chosen)
            where = (
                "none of them in people"
                if not human
                else f"{count_words(human, 'of them', 'of them')} in people"
            )
            noun = count_words(len(chosen), "finding", "findings")
            verb = words.format(s="s" if len(chosen) == 1 else "")
            parts.append(f"{noun} {verb} ({supports} for, {against} against; {where})")
    if not parts:
        return "The search gave nothing."
    return f"The search gave {' and '.join(parts)}."


def leading_margin(claim: Claim, margins: Sequence[Margin], *, essential: bool = True) -> Margin | None:
    """The margin that reaches furthest in the first regimen (or in any, if the first has none); essential ones only if asked."""
    known = [one for one in margins if one.interval90 is not None and (one.essential or not essential)]
    pool = [one for one in known if one.arm == claim.experiment.arms[0].name] or known
    return max(pool, key=lambda one: one.interval90[1] if one.interval90 else 0.0, default=None)


def mechanism_sentence(claim: Claim, margins: Sequence[Margin]) -> str:
    """What the leading essential margin says; nothing without one."""
    best = leading_margin(claim, margins)
    if best is None:
        return ""
    low, high = best.interval90 or (0.0, 0.0)
    counts = KIND_PHRASES[best.kind].format(target=target_words(best.target))
    start = f"With {best.arm}, free {best.compound} in {SITE_WORDS[best.site]} peaks at "
    if high < SMALL:
        return f"{start}less than a ten-thousandth of {counts}: far too little, as far as anybody knows."
    start += f"{share_of(best.median or 0.0, counts)} (90\u00a0% interval {share(low)} to {share(high)})"
    if high < claim.rule.reached_above:
        return f"{start}: too little, as far as anybody knows."
    if low >= 1.0:
        return f"{start}: enough to act there."
    return f"{start}: perhaps enough, perhaps not."


def prediction_sentence(prediction: Prediction) -> str:
    """What the model says of the first arm, named as the calculation it is; nothing without an endpoint."""
    first = prediction.first
    if first is None or first.median is None or first.interval90 is None:
        return ""
    kind = prediction.endpoint.split(".", 1)[0]
    known = [arm for arm in prediction.arms if arm.median is not None and not arm.comparator]
    if kind == "exposure" and len(known) > 1:
        least, most = (pick(known, key=lambda arm: arm.median or 0.0) for pick in (min, max))
        said = RANGE_SENTENCE.format(
            substance=prediction.endpoint.split(".", 1)[1],
            low=plain(least.median or 0.0),
            least=least.arm,
            high=plain(most.median or 0.0),
            most=most.arm,
        )
        return f"{said}{EXTRAPOLATION}, by {MODEL_WORDS[kind]}."
    write = signed if kind.endswith("_change") else plain
    low, high = first.interval90
    said = ENDPOINT_SENTENCES[kind].format(
        median=write(first.median), low=write(low), high=write(high), arm=first.arm
    )
    checked = prediction.validation is not None and prediction.validation.status == "validated"
    model = MODEL_WORDS["validated"] if checked else MODEL_WORDS[kind]
    return f"{said}{EXTRAPOLATION}, by {model}; the interval leaves out errors of the model itself."


def paragraph(
    claim: Claim,
    found: Verdict,
    margins: Sequence[Margin],
    prediction: Prediction,
    certainty: Certainty,
    names: Mapping[str, str],
) -> str:
    """The quotable paragraph of one claim. `names`: how each source is called, author and year."""
    sentences = (
        f"“{claim.plain_statement}”",
        opening(found.word, found.decided_at),
        certainty.statement if certainty.level != NONE or found.word is not Word.UNTESTED else "",
        leading_sentence(claim, found, names),
        found_sentence(claim),
        mechanism_sentence(claim, margins),
        prediction_sentence(prediction),
    )
    return " ".join(sentence for sentence in sentences if sentence)
