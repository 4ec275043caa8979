"""The parts of a claim's page that judge: risk of bias, certainty, the decisive measurement, what may be said."""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.claims.certainty import LADDER, body_of
from analgesia.claims.certainty_words import DOMAIN_WORDS, step_words
from analgesia.claims.decisive import OUTCOME_WORDS, Measurement
from analgesia.claims.judge import Judgement
from analgesia.claims.sentences import count_words, percent
from analgesia.evidence import Library
from analgesia.evidence.bias import JUDGEMENT_WORDS, TOOLS, RiskOfBias
from analgesia.report.markup import Content, Markup, bullets, element, folded, link, table

SIGNS = {
    "low": "low",
    "probably_low": "low",
    "moderate": "middle",
    "some_concerns": "middle",
    "probably_high": "middle",
    "serious": "high",
    "high": "high",
    "very_high": "high",
    "critical": "high",
    "no_information": "unknown",
    "not_applicable": "unknown",
}
"""Judgement -> sign: a shape (circle, triangle, square, ring) that goes with the word and a colour."""

RULE = (
    "The measurement that gives another word in the largest share of its outcomes comes first; among equals the cheaper kind. Every "
    "outcome of a study counts alike."
)


def sign(judgement: str) -> Markup:
    """A judgement as shape and word."""
    return element("span", JUDGEMENT_WORDS[judgement], class_=f"sign {SIGNS[judgement]}")


def assessments(
    judgement: Judgement, library: Library
) -> dict[tuple[str, str], tuple[str, RiskOfBias | None]]:
    """(source, level) -> how the study is called and its assessment, in the order of the findings."""
    found: dict[tuple[str, str], tuple[str, RiskOfBias | None]] = {}
    for item in judgement.claim.evidence:
        source = library.sources[item.source]
        found.setdefault((item.source, item.level), (source.short, item.risk_of_bias or source.risk_of_bias))
    return found


def bias_part(judgement: Judgement, library: Library) -> Markup:
    """One table for each tool: domains down, studies across, overall last; the reasons below."""
    known = assessments(judgement, library)
    tables: list[Content] = []
    for tool in TOOLS:
        studies = [
            (source, words, bias)
            for (source, _), (words, bias) in known.items()
            if bias is not None and bias.tool == tool
        ]
        if studies:
            tables.append(_tool_table(tool, studies, library))
    missing = [words for words, bias in known.values() if bias is None]
    if missing:
        tables.append(element("p", f"Not assessed: {', '.join(missing)}.", class_="note"))
    return folded(f"Risk of bias, {count_words(len(known), 'study', 'studies')}", tables)


def _tool_table(tool: str, studies: Sequence[tuple[str, str, RiskOfBias]], library: Library) -> Markup:
    known = TOOLS[tool]
    rows: list[Sequence[Content]] = [
        (words, *(sign(bias.judged[domain].judgement) for _, _, bias in studies))
        for domain, words in known.domains.items()
    ]
    rows.append(
        (
            element("strong", "overall, by the rule of the tool"),
            *(element("strong", sign(bias.overall)) for _, _, bias in studies),
        )
    )
    heads = [link(library.sources[source].link, words) for source, words, _ in studies]
    reasons = [
        (
            f"{words}, {known.domains[domain]}: {JUDGEMENT_WORDS[one.judgement]}. {one.reason}{_judged_by(one.source, library)}"
        )
        for _, words, bias in studies
        for domain, one in bias.domains.items()
    ]
    seen = "; ".join(f"{words}: {', '.join(bias.basis)}" for _, words, bias in studies)
    return element(
        "div",
        table(known.title, ("Domain", *heads), rows, class_="bias"),
        element("p", f"Seen: {seen}. {known.rule}", class_="note"),
        bullets(reasons, class_="note") if reasons else None,
    )


def _judged_by(source: str | None, library: Library) -> str:
    return "" if source is None else f" (as judged in {library.sources[source].short})"


def certainty_part(judgement: Judgement) -> Markup:
    """The rating and its steps."""
    rated = judgement.certainty
    _, body = body_of(judgement.claim.evidence, judgement.claim.rule.decided_by)
    about = ", ".join(dict.fromkeys(judgement.names[item.source] for item in body))
    filled = LADDER.index(rated.level) + 1 if rated.level in LADDER else 0
    dots = "\u25cf" * filled + "\u25cb" * (len(LADDER) - filled)
    return element(
        "div",
        element(
            "p",
            element("strong", f"{rated.level if filled else 'no evidence in people'} "),
            element("span", dots, class_="dots", aria_hidden="true"),
            f" {rated.statement}",
        ),
        table(
            f"Steps of the rating{f', for {about}' if about else ''}",
            ("Domain", "Step", "Why"),
            [
                (DOMAIN_WORDS[one.domain], step_words(one.change, one.domain), one.reason)
                for one in rated.steps
            ],
            class_="steps",
        ),
    )


def decisive_part(judgement: Judgement) -> Markup:
    """What would settle it: the computed sentence, all candidates, and the experimenter's note."""
    found = judgement.decisive
    rows = [_candidate_row(one) for one in found.ranked]
    return element(
        "div",
        element("p", found.sentence),
        element("p", element("strong", "Note on the experiment: "), judgement.claim.would_change),
        folded(
            count_words(len(rows), "candidate", "candidates").capitalize(),
            table(
                "Measurements by the share of their outcomes that would change the word",
                ("Measurement", "Share", "Words it may lead to"),
                rows,
            ),
            element("p", RULE, class_="note"),
        )
        if rows
        else None,
    )


def _candidate_row(one: Measurement) -> Sequence[Content]:
    if one.by_outcome is not None:
        words = "; ".join(
            OUTCOME_WORDS[outcome].format(becomes=f"is \u201c{word}\u201d")
            for outcome, word in one.by_outcome.items()
        )
    else:
        words = "; ".join(f"\u201c{word}\u201d in {percent(part)}" for word, part in one.outcomes.items())
    return (one.what, percent(one.value), words)
