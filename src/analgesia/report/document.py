"""The frame of every page: one HTML file that needs nothing else, and what the page says about how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

from analgesia.calibration import Comparison, Course, PainComparison
from analgesia.claims.credibility import Card
from analgesia.claims.landscape import Landscape
from analgesia.report.markup import Content, Markup, bullets, element

NOT_ADVICE = (
    "It is not medical advice, and it names no dose for anybody. The amounts in it are amounts that studies, surveys or labels "
    "record; they are not suggestions. Stopping, starting or combining a medicine is a matter for a person and those who "
    "treat them."
)


@dataclass(frozen=True)
class Run:
    """What the page says about how it was made: the command, the version, the size of the run, the day (ISO), and what was run beside."""

    command: str
    version: str
    seed: int
    patients: str
    evidence_hash: str
    kinetics: Sequence[Comparison] = ()
    pain: Sequence[PainComparison] = ()
    made: str = ""
    reach: Landscape | None = None
    cards: Mapping[str, Card] = field(default_factory=dict)
    courses: Sequence[Course] = ()


def document(
    *, title: str, lead: str, description: str, sections: Content, version: str, skip: tuple[str, str]
) -> str:
    """The HTML of a page. `skip`: words and target of the link that leads past the head."""
    style = Markup(resources.files("analgesia.report").joinpath("style.css").read_text("utf-8"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=description),
        element("title", title),
        element("style", style),
    )
    words, target = skip
    body = element(
        "body",
        element("a", words, href=target, class_="skip"),
        element("header", element("h1", title), element("p", lead, class_="lead"), class_="top"),
        element("main", sections),
        element(
            "footer",
            f"analgesia {version}. Made by a program from files of evidence; the text of this page may be quoted.",
        ),
    )
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en") + "\n"


def notice(*more: Content) -> Markup:
    """What a page is not, before anything else; `more` follows in the same box."""
    return element(
        "section",
        element("h2", "What this is not", id="not-advice"),
        element("p", NOT_ADVICE),
        *more,
        class_="notice",
        aria_labelledby="not-advice",
    )


def section(heading: str, *content: Content, anchor: str) -> Markup:
    """A section with its heading, to which `#anchor` leads."""
    return element("section", element("h2", heading), *content, id=anchor)


def contents(entries: Sequence[tuple[str, str]], label: str) -> Markup:
    """A list of links to places on the page: (anchor, words)."""
    return element(
        "nav",
        bullets(element("a", words, href=f"#{anchor}") for anchor, words in entries),
        aria_label=label,
    )
