"""The whole page: one HTML file that needs nothing else, for people who are not of the trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from analgesia.calibration import Comparison
from analgesia.claims.judge import Judgement
from analgesia.claims.sentences import (
    LEVEL_WORDS,
    SHORT,
    SMALL,
    count_words,
    leading_margin,
    plain,
    share,
    signed,
)
from analgesia.claims.verdict import Word
from analgesia.evidence import MARKS, MEANINGS, STATUSES, Library, Number, Tally
from analgesia.evidence.schema import Source
from analgesia.report import figures
from analgesia.report.figures import statistic_words
from analgesia.report.markup import Content, Markup, bullets, element, figure, folded, link, table, text
from analgesia.report.parts import claim_section, mark, source_link, word

TITLE = "Kratom and nerve pain: {claims} held against the evidence"

WORD_MEANINGS = {
    Word.SUPPORTED: "People were studied, and what was seen supports the claim.",
    Word.LABORATORY: "Cells, tissue or animals support the claim; people were not studied, or not in a way that decides it.",
    Word.UNTESTED: "No study in people that could decide the claim was found.",
    Word.NOT_REACHED: "The laboratory supports the claim, but at amounts people are known to take too little arrives at the target.",
    Word.CONTRADICTED: "The best evidence points the other way.",
    Word.CANNOT_TELL: "The evidence points both ways, or nothing tests the claim directly.",
}

NOT_ADVICE = (
    "It is not medical advice, and it names no dose for anybody. The amounts in it are amounts that studies, surveys or labels "
    "record; they are not suggestions. Stopping, starting or combining a medicine is a matter for a person and those who "
    "treat them."
)

NO_TRIAL = (
    "No trial of kratom, mitragynine or 7-hydroxymitragynine in any neuropathic pain was found (searched November 2026): not in "
    "diabetes, not after shingles, not after an injury of the spinal cord. Every number on relief below is therefore a "
    "calculation, and is labelled as one."
)


KINETICS_CAPTION = "Simulated ÷ published: dot, median; bar, 90 % interval. At the line both agree."


@dataclass(frozen=True)
class Run:
    """What the page says about how it was made: the command, the version, the size of the run."""

    command: str
    version: str
    seed: int
    patients: str
    evidence_hash: str
    kinetics: Sequence[Comparison] = ()


def page(judgements: Sequence[Judgement], library: Library, run: Run) -> str:
    """The HTML of the report."""
    style = Markup(resources.files("analgesia.report").joinpath("style.css").read_text("utf-8"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=NO_TRIAL),
        element("title", title(judgements)),
        element("style", style),
    )
    body = element(
        "body",
        element("a", "Skip to the verdicts", href="#verdicts", class_="skip"),
        header(judgements),
        element(
            "main",
            notice(),
            verdict_table(judgements),
            how_to_read(judgements),
            [claim_section(judgement, library) for judgement in judgements],
            kinetics_section(run, library),
            assumptions_section(judgements),
            sources_section(judgements, library, run),
            reproduce_section(run),
        ),
        element(
            "footer",
            f"analgesia {run.version}. Made by a program from files of evidence; the text of this page may be quoted.",
        ),
    )
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def title(judgements: Sequence[Judgement]) -> str:
    """The title of the page, with the number of claims on it."""
    return TITLE.format(claims=count_words(len(judgements), "claim", "claims"))


def header(judgements: Sequence[Judgement]) -> Markup:
    """Title and one sentence on what this is."""
    some = count_words(len(judgements), "of those claims", "of those claims")
    return element(
        "header",
        element("h1", title(judgements)),
        element(
            "p",
            f"People say much about kratom and the pain of damaged nerves. This page takes {some} and sets beside "
            "each what was observed, whether enough of the substance can get where it would have to act, and what a simulation "
            "of the way from dose to pain computes. The three are kept apart.",
            class_="lead",
        ),
        class_="top",
    )


def notice() -> Markup:
    """What the page is not, before anything else."""
    return element(
        "section",
        element("h2", "What this is not", id="not-advice"),
        element("p", NOT_ADVICE),
        element("p", element("strong", NO_TRIAL)),
        class_="notice",
        aria_labelledby="not-advice",
    )


def verdict_table(judgements: Sequence[Judgement]) -> Markup:
    """Claim by claim: the word, the best direct evidence, the margin and the prediction."""
    rows = [
        (
            element("a", judgement.claim.title or judgement.claim.statement, href=f"#{judgement.claim.name}"),
            word(judgement.verdict.word),
            LEVEL_WORDS[judgement.verdict.level],
            margin_cell(judgement),
            prediction_cell(judgement),
        )
        for judgement in judgements
    ]
    return element(
        "section",
        element("h2", "The verdicts"),
        table(
            "The claim as people make it, and what can be said. Evidence alone gives the word; a mechanism can only lower it; a "
            "prediction never changes it. The last two columns are for the first regimen of each claim.",
            (
                "Claim",
                "Verdict",
                "Best direct evidence",
                "Free peak ÷ potency",
                "Model: average (90 % interval)",
            ),
            rows,
            class_="verdicts",
        ),
        id="verdicts",
    )


def margin_cell(judgement: Judgement) -> Content:
    """The leading margin of the first regimen."""
    claim, margins = judgement.claim, judgement.margins
    best = leading_margin(claim, margins) or leading_margin(claim, margins, essential=False)
    if best is None:
        return "\u2013"
    low, high = best.interval90 or (0.0, 0.0)
    if high < SMALL:
        return share(high)
    return f"{share(best.median or 0.0)} ({share(low)} to {share(high)})"


def prediction_cell(judgement: Judgement) -> Content:
    """The first regimen's prediction, with its unit."""
    prediction, first = judgement.prediction, judgement.prediction.first
    if first is None or first.median is None or first.interval90 is None:
        return "\u2013"
    write = signed if prediction.endpoint.endswith("_change") else plain
    unit = {"1": "of 1", "NRS": "points of 10"}.get(prediction.unit, prediction.unit)
    low, high = first.interval90
    return f"{write(first.median)} ({write(low)} to {write(high)}) {unit}"


def how_to_read(judgements: Sequence[Judgement]) -> Markup:
    """The six words, the three parts, the signs, and the list of claims."""
    return element(
        "section",
        element("h2", "How to read it"),
        element(
            "p",
            element("strong", "Evidence"),
            " is what somebody observed, from systematic reviews of trials down to cells in a dish. ",
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
        element(
            "nav",
            bullets(
                element("a", one.claim.title or one.claim.statement, href=f"#{one.claim.name}")
                for one in judgements
            ),
            aria_label="Claims",
        ),
        id="reading",
    )


def kinetics_section(run: Run, library: Library) -> Markup:
    """Simulated against published kinetics: the check every exposure rests on."""
    heading = element("h2", "Simulated against published kinetics")
    if not run.kinetics:
        return element("section", heading, element("p", "Not computed in this run."), id="kinetics")
    rows = [kinetics_row(one, library) for one in run.kinetics]
    return element(
        "section",
        heading,
        [element("p", said) for said in kinetics_words(run.kinetics)],
        figure(figures.kinetics_figure(run.kinetics), KINETICS_CAPTION),
        table(
            "Published values, and what a simulated study with the same sampling and number of people gives",
            ("Study", "Quantity", "Published", "Simulated (90 % interval of such a study)", "Inside"),
            rows,
            class_="numbers",
        ),
        id="kinetics",
    )


def kinetics_words(rows: Sequence[Comparison]) -> list[str]:
    """How many published values the simulation holds, fitted studies and studies held back apart."""
    said = []
    for role, words in (
        (
            "calibrate",
            "of the studies the kinetics were fitted to: this checks the fit and does not test the model",
        ),
        ("validate", "of studies that were held back: this tests the model"),
    ):
        chosen = [one for one in rows if one.role == role]
        if chosen:
            inside = sum(one.inside for one in chosen)
            said.append(
                f"{inside} of {len(chosen)} published values lie inside the simulated 90 % interval, {words}."
            )
    if all(one.role == "calibrate" for one in rows):
        said.append("No study was held back, because so few exist.")
    return said


def kinetics_row(one: Comparison, library: Library) -> Sequence[Content]:
    """One comparison as a row."""
    low, high = one.interval90
    return (
        [source_link(one.source, library), f", {one.title}"],
        f"{one.analyte}, {statistic_words(one)}",
        [f"{plain(one.published)} {unit_after(one.unit)}", mark(one.status)],
        f"{plain(one.simulated)} ({plain(low)} to {plain(high)})",
        "yes" if one.inside else "no",
    )


def provenance(judgements: Sequence[Judgement]) -> Tally:
    """All numbers of all claims together."""
    together = Tally()
    for judgement in judgements:
        together.merge(judgement.provenance)
    return together


def assumptions_section(judgements: Sequence[Judgement]) -> Markup:
    """Every number that is assumed or recalled, with its reason or its place."""
    leaves = {(leaf.file, leaf.key): leaf for leaf in provenance(judgements).leaves}
    weak = [leaf for _, leaf in sorted(leaves.items()) if leaf.status in ("assumed", "recalled")]
    rows = [
        (
            number_name(leaf),
            f"{leaf.value:g} {unit_after(leaf.unit)}",
            mark(leaf.status),
            leaf.assumed or leaf.at or "",
        )
        for leaf in weak
    ]
    counts = {status: sum(leaf.status == status for leaf in leaves.values()) for status in STATUSES}
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    listed = table(
        "Assumed and recalled numbers", ("Number", "Value", "Status", "Reason, or where it came from"), rows
    )
    weak_list = folded(f"{len(weak)} assumed or recalled numbers", listed) if weak else None
    return element(
        "section",
        element("h2", "Assumptions, and numbers waiting to be checked"),
        element(
            "p",
            f"The model behind this page used {len(leaves)} numbers: {said or 'none'}. Those nobody published, or nobody has yet "
            "checked against the paper, are listed here.",
        ),
        weak_list,
        id="assumptions",
    )


def unit_after(unit: str) -> str:
    """A unit behind a number; a pure number has none."""
    return "" if unit == "1" else unit.replace("*", " ")


def number_name(number: Number) -> str:
    """File stem and key of a number, as people can find it."""
    return f"{number.file.removeprefix('evidence/').removesuffix('.toml')}: {number.key}"


def cited(judgements: Sequence[Judgement], run: Run) -> list[str]:
    """Names of all sources of the page."""
    names = {name for judgement in judgements for name in judgement.sources}
    names.update(one.source for one in run.kinetics)
    return sorted(names)


def sources_section(judgements: Sequence[Judgement], library: Library, run: Run) -> Markup:
    """Every paper with its link."""
    names = [name for name in cited(judgements, run) if name in library.sources]
    records = sorted(
        (library.sources[name] for name in names), key=lambda one: ((one.authors or ["~"])[0], one.year or 0)
    )
    return element(
        "section",
        element("h2", "Sources"),
        element(
            "p",
            f"{len(records)} sources. Most were read as abstract or table; what was read elsewhere carries its sign where it is used.",
            class_="note",
        ),
        element(
            "ol", [element("li", citation(one), id=f"source-{one.name}") for one in records], class_="sources"
        ),
        id="sources",
    )


def citation(source: Source) -> Markup:
    """Authors, title, journal, year, link, and what is not certain about the entry itself."""
    known = [author for author in source.authors if author != "Authors not seen"]
    authors = ", ".join(known[:3]) + (" and others" if len(known) > 3 else "")
    pieces = [piece for piece in (authors, source.title, source.journal, str(source.year or "")) if piece]
    end: list[Content] = []
    if source.doi:
        end = [" ", link(source.link, f"doi:{source.doi}"), mark(source.doi_status)]
    elif source.link:
        end = [" ", link(source.link, source.link.removeprefix("https://"))]
    return element(
        "span",
        ". ".join(piece.rstrip(".") for piece in pieces) + ".",
        mark(source.title_status) if source.title_status != "read" else None,
        end,
        f" {source.note}" if source.note else None,
    )


def reproduce_section(run: Run) -> Markup:
    """Command lines that make this page again."""
    lines = ["make run", run.command, "analgesia check --json", "analgesia sources"]
    return element(
        "section",
        element("h2", "How to make this page again"),
        element("p", "The same version, evidence and seed give the same numbers."),
        element("pre", element("code", text("\n".join(lines)))),
        element(
            "p",
            f"Version {run.version}; evidence {run.evidence_hash}; seed {run.seed}; {run.patients}.",
            class_="meta",
        ),
        id="reproduce",
    )
