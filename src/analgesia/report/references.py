"""The references of a page: every source with its link, and the same as CSL-JSON to take away without any script."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

from analgesia.evidence import Library, csl
from analgesia.evidence.schema import Source
from analgesia.report import citing
from analgesia.report.document import Run, section
from analgesia.report.markup import Content, Markup, element, folded, link, text
from analgesia.report.parts import mark

CSL_TYPE = "application/vnd.citationstyles.csl+json"
"""Registered media type of CSL-JSON."""


def records(names: Iterable[str], library: Library) -> list[Source]:
    """The sources named, each once, by first author and year; a name without a file is left out."""
    known = {name: library.sources[name] for name in names if name in library.sources}
    return sorted(known.values(), key=lambda one: ((one.authors or ["~"])[0], one.year or 0, one.name))


def source_data(listed: Sequence[Source]) -> list[dict[str, Any]]:
    """The sources of a page, for programs."""
    return [
        {"name": one.name, "title": one.title, "year": one.year, "doi": one.doi, "link": one.link}
        for one in listed
    ]


def sources_section(names: Iterable[str], library: Library) -> Markup:
    """Every paper with its link, and all of them as one file."""
    listed = records(names, library)
    return section(
        "Sources",
        element(
            "p",
            f"{len(listed)} sources. Most were read as abstract or table; what was read elsewhere carries its sign where it is used.",
            class_="note",
        ),
        element(
            "p",
            download("references.json", csl.items(listed), "All references of this page as CSL-JSON"),
            ", for reference managers.",
            class_="note",
        ),
        element(
            "ol", [element("li", citation(one), id=f"source-{one.name}") for one in listed], class_="sources"
        ),
        anchor="sources",
    )


def citation(source: Source) -> Markup:
    """Authors, title, journal, year, link, and what is not certain about the entry itself."""
    known = [author for author in source.authors if author not in (csl.UNSEEN, csl.OTHERS)]
    more = len(known) > 3 or csl.OTHERS in source.authors
    authors = ", ".join(known[:3]) + (" and others" if more and known else "")
    what = source.title or source.citation
    pieces = [piece for piece in (authors, what, source.journal, str(source.year or "")) if piece]
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


def download(name: str, content: Any, words: str) -> Markup:
    """A link that holds `content` as JSON itself; `name` is what the file is called when it is saved."""
    written = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode()
    address = f"data:{CSL_TYPE};base64,{base64.b64encode(written).decode()}"
    return element("a", words, href=address, download=name)


def cite_section(run: Run, lines: Iterable[str]) -> Markup:
    """How to cite the page, and the command lines that make it again."""
    return section(
        "Cite this, and make it again",
        element("p", citing.plain(run)),
        element(
            "p", "If a number of this page is used, its own source should be cited as well.", class_="note"
        ),
        folded("BibTeX", element("pre", element("code", text(citing.bibtex(run))))),
        element(
            "p", download("analgesia.json", [citing.csl(run)], "This citation as CSL-JSON"), class_="note"
        ),
        element("h3", "How to make this page again"),
        element("p", "The same version, evidence and seed give the same numbers."),
        element("pre", element("code", text("\n".join(lines)))),
        element(
            "p",
            f"Version {run.version}; evidence {run.evidence_hash}; seed {run.seed}; {run.patients}.",
            class_="meta",
        ),
        anchor="reproduce",
    )
