"""The credibility card of one question on a page: the assessment, and the kinds of evidence with "none" where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.claims.credibility import Card, Kind, Proof
from analgesia.evidence import Library
from analgesia.report.markup import Content, Markup, element, folded, table
from analgesia.report.parts import source_link


def credibility_part(card: Card, library: Library) -> Markup:
    """Model risk in one line, the two tables folded below it."""
    influence, consequence, risk = (card.row(key)[0] for key in ("influence", "consequence", "risk"))
    none = [one.text.title.lower() for one in card.kinds if not one.proofs]
    said = f"Model influence: {influence}. Consequence of a wrong answer: {consequence}. Model risk: {risk}. "
    said += f"No evidence of these kinds: {', '.join(none)}." if none else "Some evidence of every kind."
    named = sorted(
        {text.source for text, _rating, _words in card.rows} | {one.text.source for one in card.kinds}
    )
    links = [[", " if place else "", source_link(name, library)] for place, name in enumerate(named)]
    return element(
        "div",
        element("p", said),
        folded(
            "The whole card",
            table(
                "Assessment of the model's use for this question",
                ("Row", "Rating", "What can be said"),
                [(row.title, rating or "\u2013", words) for row, rating, words in card.rows],
                class_="wordy",
            ),
            table(
                "Evidence for the model's credibility, by kind",
                ("Kind, and what it asks", "What there is"),
                [kind_row(one, library) for one in card.kinds],
                class_="wordy proofs",
            ),
            element(
                "p",
                "Rows and kinds follow ",
                links,
                ", as lists of questions in our own words; no regulator has seen this.",
                class_="note",
            ),
        ),
    )


def kind_row(one: Kind, library: Library) -> Sequence[Content]:
    """One kind of evidence as a row."""
    found: Content = [element("p", proof(each, library)) for each in one.proofs] or element(
        "p", one.text.none
    )
    return (
        [one.text.title, element("span", one.text.says, class_="limits")],
        [found, element("p", one.waiting, class_="limits") if one.waiting else None],
    )


def proof(one: Proof, library: Library) -> Content:
    """One piece of evidence, with the test that does it and the sources of its data."""
    sources = [
        [", " if place else " ", source_link(name, library)]
        for place, name in enumerate(name for name in one.sources if name in library.sources)
    ]
    test = element("code", one.test.removeprefix("tests/")) if one.test else None
    return [one.says[:1].upper() + one.says[1:], sources, ". ", test]
