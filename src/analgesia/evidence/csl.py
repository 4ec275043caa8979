"""Sources as CSL-JSON, the format that reference managers read (Citation Style Language, csl-data.json 1.0).

Only what is known is written: a field that a source lacks is absent, never guessed. What is doubtful (title or DOI from memory, a
retraction) stands in `note`, which every reference manager keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from analgesia.evidence.schema import Source

UNSEEN = "Authors not seen"
"""What a source file says where nobody saw the authors."""

OTHERS = "and others"
"""What a source file says where its list of authors is not whole."""

_SPACED = re.compile(r"(?P<family>.+?) (?P<given>[A-Z][A-Z\-]{0,4})")
_REPOSITORIES = ("github.com", "gitlab.com")


def items(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """One item for each source, in their order."""
    return [item(source) for source in sources]


def item(source: Source) -> dict[str, Any]:
    """One source as a CSL-JSON item."""
    found: dict[str, Any] = {"id": source.name, "type": kind(source)}
    authors = [name(author) for author in source.authors if author not in (UNSEEN, OTHERS)]
    optional = {
        "title": source.title or source.citation,
        "author": authors,
        "issued": {"date-parts": [[source.year]]} if source.year else None,
        "container-title": source.journal,
        "DOI": source.doi,
        "PMID": source.pmid,
        "PMCID": source.pmcid,
        "number": source.registry,
        "URL": source.url or (source.link if source.registry and not source.doi else None),
        "note": note(source),
    }
    return found | {key: value for key, value in optional.items() if value}


def kind(source: Source) -> str:
    """The CSL type: an article where there is a journal, DOI or PMID, software for a repository, else a page or a document."""
    if source.journal or source.doi or source.pmid or source.pmcid:
        return "article-journal"
    if source.url and any(host in source.url for host in _REPOSITORIES):
        return "software"
    return "webpage" if source.url else "document"


def name(author: str) -> dict[str, str]:
    """`Huestis MA` as family and given name, one word as a family name; anything else is kept whole, as the name of a body is."""
    written = author.strip()
    found = _SPACED.fullmatch(written)
    if found is not None:
        return {"family": found["family"], "given": found["given"]}
    return {"literal" if " " in written else "family": written}


def doubts(source: Source) -> list[str]:
    """What a reader should know before relying on a source."""
    found = []
    if source.retracted:
        found.append("RETRACTED")
    if source.notice:
        found.append(f"notice: {source.notice}")
    if source.title is None:
        found.append("title not seen")
    elif source.title_status != "read":
        found.append(f"title {source.title_status}")
    if source.doi is None and source.pmid is None:
        found.append("no DOI or PMID")
    elif source.doi is not None and source.doi_status != "read":
        found.append(f"DOI {source.doi_status}")
    return found


def note(source: Source) -> str:
    """`doubts`, and what is lacking of the list of authors."""
    said = doubts(source)
    if not source.authors or UNSEEN in source.authors:
        said.append("authors not seen")
    elif OTHERS in source.authors:
        said.append("not all authors listed")
    return "; ".join(said)
