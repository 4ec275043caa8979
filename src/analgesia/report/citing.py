"""How to cite the program and a page it made: plain text, BibTeX and CSL-JSON, with all that makes the page again.

Title, authors and licence are those of CITATION.cff (a test compares them), which an installed package does not carry.
"""

from __future__ import annotations

from typing import Any

from analgesia.report.document import Run

TITLE = "analgesia: from a dose of a drug to felt pain and harm"
AUTHORS = ("The analgesia developers",)
LICENSE = "Apache-2.0"


def note(run: Run) -> str:
    """What makes the same numbers again."""
    return f"Evidence {run.evidence_hash}; seed {run.seed}; {run.patients}; made by: {run.command}"


def year(run: Run) -> str:
    """Year in which the page was made."""
    return run.made[:4]


def plain(run: Run) -> str:
    """One sentence for a list of references."""
    made = f" Page made {run.made}." if run.made else ""
    when = f" ({year(run)})" if run.made else ""
    return f"{', '.join(AUTHORS)}{when}. {TITLE}. Version {run.version} [software].{made} {note(run)}."


def bibtex(run: Run) -> str:
    """The same as a BibTeX entry."""
    fields = {
        "author": " and ".join(f"{{{author}}}" for author in AUTHORS),
        "title": f"{{{TITLE}}}",
        "version": run.version,
        "year": year(run),
        "note": _escaped(note(run)),
    }
    lines = [f"  {key} = {{{value}}}" for key, value in fields.items() if value]
    return "@software{analgesia,\n" + ",\n".join(lines) + "\n}"


def csl(run: Run) -> dict[str, Any]:
    """The same as a CSL-JSON item."""
    item: dict[str, Any] = {
        "id": "analgesia",
        "type": "software",
        "title": TITLE,
        "author": [{"literal": author} for author in AUTHORS],
        "version": run.version,
        "note": note(run),
    }
    if run.made:
        item["issued"] = {"date-parts": [[int(part) for part in run.made.split("-")]]}
    return item


def data(run: Run) -> dict[str, Any]:
    """All three, and what makes the page again, for programs."""
    return {
        "text": plain(run),
        "bibtex": bibtex(run),
        "csl": csl(run),
        "command": run.command,
        "version": run.version,
        "evidence": run.evidence_hash,
        "seed": run.seed,
        "made": run.made or None,
    }


def _escaped(words: str) -> str:
    """Words with the characters escaped that BibTeX and TeX read as commands."""
    table = {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join({**table, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}.get(c, c) for c in words)
