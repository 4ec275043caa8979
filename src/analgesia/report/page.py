"""The whole page: one HTML file that needs nothing else, for people who are not of the trade."""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.claims.judge import Judgement
from analgesia.claims.sentences import (
    LEVEL_WORDS,
    SHORT,
    count_words,
    leading_margin,
    plain,
    signed,
)
from analgesia.claims.verdict import Word
from analgesia.evidence import MARKS, MEANINGS, STATUSES, Library, Tally
from analgesia.evidence.conflicts import conflicts
from analgesia.report.checks import kinetics_section, pain_section
from analgesia.report.credibility import credibility_part
from analgesia.report.document import Run, contents, document, notice, section
from analgesia.report.landscape import landscape_section, landscape_sources
from analgesia.report.markup import Content, Markup, element, table
from analgesia.report.parts import claim_section, word
from analgesia.report.references import cite_section, sources_section
from analgesia.report.tables import assumptions_section, conflicts_section
from analgesia.report.wording import ratio

TITLE = "Kratom and nerve pain: {claims} held against the evidence"

WORD_MEANINGS = {
    Word.SUPPORTED: "People were studied, and what was seen supports the claim.",
    Word.LABORATORY: "Cells, tissue or animals support the claim; people were not studied, or not in a way that decides it.",
    Word.UNTESTED: "No study in people that could decide the claim was found.",
    Word.NOT_REACHED: "The laboratory supports the claim, but at amounts people are known to take too little arrives at the target.",
    Word.CONTRADICTED: "The best evidence points the other way.",
    Word.CANNOT_TELL: "The evidence points both ways, or nothing tests the claim directly.",
}

NO_TRIAL = (
    "No trial of kratom, mitragynine or 7-hydroxymitragynine in any neuropathic pain was found (searched November 2026): not in "
    "diabetes, not after shingles, not after an injury of the spinal cord. Every number on relief below is therefore a "
    "calculation, and is labelled as one."
)


LANDSCAPE = ("landscape", "How far each compound reaches")
REST = (
    ("kinetics", "Simulated against published kinetics"),
    ("pain-trials", "Observed and fitted trials of pain"),
    ("conflicts", "Where sources disagree"),
    ("assumptions", "Assumptions"),
    ("sources", "Sources"),
    ("reproduce", "Cite this, and make it again"),
)
"""What follows the claims: anchors and words."""


def page(judgements: Sequence[Judgement], library: Library, run: Run) -> str:
    """The HTML of the report."""
    some = count_words(len(judgements), "of those claims", "of those claims")
    return document(
        title=title(judgements),
        lead=f"People say much about kratom and the pain of damaged nerves. This page takes {some} and sets beside "
        "each what was observed, whether enough of the substance can get where it would have to act, and what a simulation "
        "of the way from dose to pain computes. The three are kept apart.",
        description=NO_TRIAL,
        sections=[
            notice(element("p", element("strong", NO_TRIAL))),
            verdict_table(judgements),
            how_to_read(judgements, run),
            [claim_section(one, library, credibility_of(one, library, run)) for one in judgements],
            None if run.reach is None else landscape_section(run.reach, library),
            kinetics_section(run, library),
            pain_section(run, library),
            conflicts_section(conflicts(library), library, "of the evidence"),
            assumptions_section(provenance(judgements, run).leaves, "The model behind this page used"),
            sources_section(cited(judgements, library, run), library),
            cite_section(run, ["make run", run.command, "analgesia check --json", "analgesia sources"]),
        ],
        version=run.version,
        skip=("Skip to the verdicts", "#verdicts"),
    )


def title(judgements: Sequence[Judgement]) -> str:
    """The title of the page, with the number of claims on it."""
    return TITLE.format(claims=count_words(len(judgements), "claim", "claims"))


def verdict_table(judgements: Sequence[Judgement]) -> Markup:
    """Claim by claim: the word, the best direct evidence, the margin and the prediction."""
    rows = [
        (
            element("a", judgement.claim.title or judgement.claim.statement, href=f"#{judgement.claim.name}"),
            word(judgement.verdict.word),
            LEVEL_WORDS[judgement.verdict.level],
            judgement.certainty.level,
            margin_cell(judgement),
            prediction_cell(judgement),
        )
        for judgement in judgements
    ]
    return section(
        "The verdicts",
        table(
            "The claim as people make it, and what can be said. Evidence alone gives the word; a mechanism can only lower it; a "
            "prediction never changes it. The last two columns are for the first regimen of each claim.",
            (
                "Claim",
                "Verdict",
                "Best direct evidence",
                "Certainty in people",
                "Free peak ÷ potency",
                "Model: average (90 % interval)",
            ),
            rows,
            class_="verdicts",
        ),
        anchor="verdicts",
    )


def margin_cell(judgement: Judgement) -> Content:
    """The leading margin of the first regimen."""
    claim, margins = judgement.claim, judgement.margins
    best = leading_margin(claim, margins) or leading_margin(claim, margins, essential=False)
    if best is None:
        return "\u2013"
    low, high = best.interval90 or (0.0, 0.0)
    return f"{ratio(best.median or 0.0)} ({ratio(low)} to {ratio(high)})"


def prediction_cell(judgement: Judgement) -> Content:
    """The first regimen's prediction, with its unit."""
    prediction, first = judgement.prediction, judgement.prediction.first
    if first is None or first.median is None or first.interval90 is None:
        return "\u2013"
    write = signed if prediction.endpoint.endswith("_change") else plain
    unit = {"1": "of 1", "NRS": "points of 10"}.get(prediction.unit, prediction.unit)
    low, high = first.interval90
    return f"{write(first.median)} ({write(low)} to {write(high)}) {unit}"


def how_to_read(judgements: Sequence[Judgement], run: Run) -> Markup:
    """The six words, the three parts, the signs, and the list of claims."""
    return section(
        "How to read it",
        element(
            "p",
            element("strong", "Evidence"),
            " is what somebody observed, from systematic reviews of trials down to cells in a dish. ",
            element("strong", "Certainty"),
            " says how far what was seen in people can be relied on, by GRADE: none, very low, low, moderate or high. ",
            element("strong", "Mechanism"),
            " compares the free concentration at the place of action with the concentration that has an effect there. ",
            element("strong", "Prediction"),
            " is what a model computes; it is an extrapolation, it has not been tested on trials, and it never changes a verdict.",
        ),
        table(
            "The words of a verdict",
            ("Word", "In short", "Meaning"),
            [(word(one), SHORT[one], WORD_MEANINGS[one]) for one in Word],
        ),
        table(
            "Signs behind numbers and findings",
            ("Sign", "Status", "Meaning"),
            [(MARKS[status] or "none", status, MEANINGS[status]) for status in STATUSES],
        ),
        contents([(one.claim.name, one.claim.title or one.claim.statement) for one in judgements], "Claims"),
        contents(REST if run.reach is None else (LANDSCAPE, *REST), "The rest of the page"),
        anchor="reading",
    )


def credibility_of(judgement: Judgement, library: Library, run: Run) -> Content:
    """The card of a claim, where one was made."""
    found = run.cards.get(judgement.claim.name)
    return None if found is None else credibility_part(found, library)


def provenance(judgements: Sequence[Judgement], run: Run) -> Tally:
    """All numbers of all claims, and of the landscape, together."""
    together = Tally()
    if run.reach is not None:
        together.merge(run.reach.used)
    for judgement in judgements:
        together.merge(judgement.provenance)
    return together


def cited(judgements: Sequence[Judgement], library: Library, run: Run) -> list[str]:
    """Names of all sources of the page."""
    names = {name for judgement in judgements for name in judgement.sources}
    names.update(member.source for one in conflicts(library) for member in one.members if member.source)
    names.update(one.source for one in run.kinetics)
    names.update(one.source for one in run.pain)
    names.update(name for one in run.cards.values() for name in one.sources)
    names.update(() if run.reach is None else landscape_sources(run.reach))
    return sorted(names)
