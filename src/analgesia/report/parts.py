"""The parts of the page about one claim: its paragraph, evidence, mechanism, prediction, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from analgesia.claims.judge import Judgement
from analgesia.claims.margins import KIND_WORDS, Margin
from analgesia.claims.prediction import ArmPrediction, Prediction, Validation
from analgesia.claims.sentences import (
    LEVEL_WORDS,
    SITE_WORDS,
    count_words,
    percent,
    plain,
    signed,
    target_words,
)
from analgesia.claims.verdict import Word
from analgesia.evidence import MARKS, MEANINGS, STATUSES, Library
from analgesia.evidence.claim_schema import EvidenceItem
from analgesia.report import figures
from analgesia.report.judging import bias_part, certainty_part, decisive_part
from analgesia.report.markup import Content, Markup, bullets, element, figure, folded, link, table
from analgesia.report.nerve_part import nerve_part

MARGIN_CAPTION = (
    "Free peak concentration divided by potency: dot, median; bar, 90 % interval over people and over what is not known. "
    "At the line both are equal."
)
MARGIN_REST = "{count} more, which reach less far and cannot change the word, stand in the table."
COURSE_CAPTION = (
    "Free concentration over a day: median and band from the 5th to the 95th percentile over people and over what is "
    "not known."
)
PAIN_CAPTION = "Simulated pain over a day in the same people on placebo and on each regimen."

MARGIN_HEADERS = (
    "Substance, target, place",
    "Regimen",
    "Margin (90 % interval)",
    "Share above 1",
    "Free peak, median",
    "Potency",
)

DIRECTION_WORDS = {"supports": "for", "contradicts": "against", "neutral": "neither"}


def word(given: Word) -> Markup:
    """A verdict word with its sign (shape and colour; the word itself is always there)."""
    return element("span", str(given), class_=f"word {given.name.lower()}")


def mark(status: str) -> Markup:
    """The sign of a status that is not `read`, with its meaning as text for everybody."""
    if not MARKS[status]:
        return Markup("")
    return element("span", f" {MARKS[status]} {status}", class_="mark", title=MEANINGS[status])


def source_link(name: str, library: Library) -> Markup:
    """Author and year as a link to the DOI or the next best address."""
    source = library.sources[name]
    return link(source.link, source.short)


def numbers_line(counts: Mapping[str, int]) -> Markup:
    """How many numbers of each status a result rests on, with the signs used on this page."""
    if not counts:
        return element("p", "No number of the model was used.", class_="meta")
    parts = [
        f"{counts[status]} {status}{f' ({MARKS[status]})' if MARKS[status] else ''}"
        for status in STATUSES
        if status in counts
    ]
    total = sum(counts.values())
    return element("p", f"Rests on {total} numbers: {', '.join(parts)}.", class_="meta")


def claim_section(judgement: Judgement, library: Library, credibility: Content = None) -> Markup:
    """Everything about one claim, under its anchor; `credibility` is what is said of the model for this question."""
    claim = judgement.claim
    return element(
        "section",
        element("h2", claim.title or claim.statement),
        element(
            "p",
            word(judgement.verdict.word),
            element("span", f": {because(judgement)}.", class_="why"),
        ),
        element("blockquote", element("p", judgement.paragraph)),
        element("h3", "1. Evidence: what was observed"),
        evidence_part(judgement, library),
        element("h4", "How certain is the evidence from people? (GRADE)"),
        certainty_part(judgement),
        bias_part(judgement, library),
        element("h3", "2. Mechanism: could enough of it get there?"),
        mechanism_part(judgement, library),
        element("h3", "3. Prediction: what the model computes"),
        prediction_part(judgement, library),
        None
        if credibility is None
        else [element("h3", "4. Credibility of the model for this question"), credibility],
        element("h3", "Limits"),
        element("h4", "What may be said"),
        bullets(judgement.may_say),
        element("h4", "What may not be said"),
        bullets(judgement.may_not_say),
        element("h4", "What would settle it"),
        decisive_part(judgement),
        element("h4", "Why this rule"),
        element(
            "p",
            f"Decided by: {LEVEL_WORDS[claim.rule.decided_by]} or better. A target counts as possibly reached from "
            f"{claim.rule.reached_above:g} of its potency. {claim.rule.reason}",
            class_="note",
        ),
        numbers_line(judgement.numbers),
        id=claim.name,
    )


def because(judgement: Judgement) -> str:
    """Why the verdict has its word, with levels in the words of the page."""
    return re.sub(
        r"\((\w+)\)", lambda found: f"({LEVEL_WORDS.get(found[1], found[1])})", judgement.verdict.because
    )


def evidence_part(judgement: Judgement, library: Library) -> Markup:
    """Findings, direct ones first, what was searched and what was not found."""
    claim = judgement.claim
    ordered = sorted(claim.evidence, key=lambda item: item.directness != "direct")
    findings = (
        table(
            "Findings, each in our own words. Direct: tests the claim itself. Indirect: something near it.",
            ("Finding", "For or against", "Kind of study", "Source"),
            [finding_row(item, library) for item in ordered],
            class_="findings",
        )
        if ordered
        else element("p", "No finding.")
    )
    searches = table(
        "What was searched",
        ("Words", "Where", "When", "Relevant", "What came"),
        [(one.terms, one.where, one.date, str(one.hits), one.found) for one in claim.searched],
    )
    return element(
        "div",
        findings,
        element("p", element("strong", "Not found: "), claim.not_found),
        folded(count_words(len(claim.searched), "search", "searches").capitalize(), searches),
    )


def finding_row(item: EvidenceItem, library: Library) -> Sequence[Content]:
    """One finding as a row."""
    people = "" if item.n is None else f", n = {item.n:,}"
    says: list[Content] = [item.says, mark(item.status)]
    if item.limits:
        says.append(element("span", f"Limit: {item.limits}", class_="limits"))
    return (
        says,
        f"{DIRECTION_WORDS[item.direction]}, {item.directness}",
        f"{LEVEL_WORDS[item.level]}{people}"
        if item.species in ("human", "products")
        else f"{LEVEL_WORDS[item.level]} ({item.species}{people})",
        [source_link(item.source, library), f", {item.at}"],
    )


def mechanism_part(judgement: Judgement, library: Library) -> Markup:
    """Margins as picture and table, and the exposure behind them over time."""
    if not judgement.claim.compares:
        return element("p", "No target to compare an exposure with.")
    if not judgement.margins:
        return element("p", "No margin could be computed: the substance does not appear in these regimens.")
    picture, course = figures.margin_figure(judgement), figures.exposure_figure(judgement)
    ordered = sorted(judgement.margins, key=lambda one: one.interval90 is None)
    rows = [margin_row(one, library) for one in ordered]
    hidden = len([one for one in judgement.margins if one.interval90]) - len(figures.margins_shown(judgement))
    caption = f"{MARGIN_CAPTION} {MARGIN_REST.format(count=hidden)}" if hidden else MARGIN_CAPTION
    return element(
        "div",
        figure(picture, caption),
        figure(course, COURSE_CAPTION),
        folded(
            "The numbers behind the picture",
            table("Margins", MARGIN_HEADERS, rows, class_="numbers"),
            notes(judgement.margins),
        ),
    )


def notes(margins: Sequence[Margin]) -> Markup | None:
    """Notes of margins, each once."""
    said = list(
        dict.fromkeys(
            f"{one.compound}, {target_words(one.target)}: {one.note}" for one in margins if one.note
        )
    )
    return bullets(said, class_="note") if said else None


def margin_row(one: Margin, library: Library) -> Sequence[Content]:
    """One margin as a row."""
    label = f"{one.compound.replace('_', ' ')}, {target_words(one.target)}, {SITE_WORDS[one.site]}"
    potency: list[Content] = [f"{plain(one.potency)} nM, {KIND_WORDS[one.kind]}", mark(one.potency_status)]
    if one.median is None or one.interval90 is None:
        return (label, one.arm, one.unavailable or "not computed", "", "", potency)
    low, high = one.interval90
    return (
        label,
        one.arm,
        f"{one.median:.2g} ({low:.2g} to {high:.2g})",
        percent(one.share_above_one or 0.0),
        f"{plain(one.exposure_median or 0.0)} nM",
        potency,
    )


def prediction_part(judgement: Judgement, library: Library) -> Markup:
    """The model's answer, labelled as an extrapolation, with its validation record."""
    prediction = judgement.prediction
    if not prediction.arms:
        return element("p", f"The model is not asked. {prediction.reason or ''}")
    picture = figures.pain_figure(judgement)
    validation = prediction.validation
    return element(
        "div",
        element("p", element("span", prediction.kind, class_="label")),
        figure(picture, PAIN_CAPTION),
        table(
            f"{prediction.label[:1].upper()}{prediction.label[1:]} ({unit_words(prediction.unit)})",
            (
                "Regimen",
                "Average over people (90 % interval over what is not known of the numbers)",
                "Persons, 90 % interval",
                "Failed runs",
            ),
            [prediction_row(arm, prediction) for arm in prediction.arms],
            class_="numbers",
        ),
        validation_part(validation, library) if validation else None,
        nerve_part(judgement, library),
    )


def validation_part(validation: Validation, library: Library) -> Markup:
    """How far the model was tested, and on what its numbers were fitted."""
    fitted = [name for name in validation.fitted_to if name in library.sources]
    said: list[Content] = [element("strong", f"Validation: {validation.status}. "), validation.says]
    if fitted:
        said.append(" Its fitted numbers come from ")
        for place, name in enumerate(fitted):
            said += [", " if place else "", source_link(name, library)]
        said.append("; none of these can test it.")
    return element("p", said)


def unit_words(unit: str) -> str:
    """A unit as people read it."""
    return {"1": "from 0 to 1", "NRS": "points on the scale from 0 to 10"}.get(unit, unit)


def prediction_row(arm: ArmPrediction, prediction: Prediction) -> Sequence[Content]:
    """One regimen as a row."""
    write = signed if prediction.endpoint.endswith("_change") else plain
    name = f"{arm.arm} (for comparison)" if arm.comparator else arm.arm
    if arm.median is None or arm.interval90 is None or arm.persons90 is None:
        return (name, "could not be computed", "", str(arm.failed))
    return (
        name,
        f"{write(arm.median)} ({write(arm.interval90[0])} to {write(arm.interval90[1])})",
        f"{write(arm.persons90[0])} to {write(arm.persons90[1])}",
        str(arm.failed),
    )
