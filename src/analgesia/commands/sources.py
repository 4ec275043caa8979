"""Lists the sources, and how well each number taken from them is known."""

from __future__ import annotations

import click

from analgesia.commands._common import Settings, json_option, pass_settings, write_json

SUMMARY = "List every paper the evidence rests on, and every assumption."


def _complete_status(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the statuses to the shell."""
    from analgesia.evidence import STATUSES

    return [status for status in STATUSES if status.startswith(incomplete)]


@click.command()
@click.option(
    "--status",
    metavar="STATUS",
    shell_complete=_complete_status,
    help="Only numbers of this status, each written out: read, secondary, computed, simulated, fitted, recalled or assumed.",
)
@click.option(
    "--unused",
    is_flag=True,
    help="Sources from which nothing is taken, and values that were found and left out, with the reason.",
)
@click.option(
    "--conflicts",
    is_flag=True,
    help="Quantities on which sources differ more than threefold, and what is done.",
)
@click.option(
    "--searches",
    is_flag=True,
    help="The searches of the literature: question, date, terms, what was taken and what not.",
)
@click.option(
    "--coverage",
    is_flag=True,
    help="Every drug at every target: what was measured there, in which system, or that no number was found.",
)
@click.option("--csl", is_flag=True, help="Every source as CSL-JSON, for reference managers.")
@json_option
@pass_settings
def command(
    settings: Settings,
    status: str | None,
    unused: bool,
    conflicts: bool,
    searches: bool,
    coverage: bool,
    csl: bool,
    as_json: bool,
) -> None:
    """List the sources with the numbers taken from them, counted by status, and the numbers that are assumed."""
    from analgesia import show
    from analgesia.errors import EvidenceError

    if sum((status is not None, unused, conflicts, searches, coverage, csl)) > 1:
        raise EvidenceError(
            "--status, --unused, --conflicts, --searches, --coverage and --csl exclude each other: each asks for another list"
        )
    from rich.console import Console

    console = Console(highlight=False)
    library = settings.library()
    if csl:
        from analgesia.evidence.csl import items

        write_json(items(library.sources.values()))
        return
    if conflicts:
        table = show.list_conflicts(library)
        write_json(table) if as_json else console.print(show.render_conflicts(table))
        return
    if coverage:
        cells = show.list_coverage(library)
        write_json(cells) if as_json else console.print(show.render_coverage(cells))
        return
    if searches:
        done = show.list_searches(library)
        write_json(done) if as_json else console.print(show.render_searches(done))
        return
    listed = show.list_sources(library, status, unused=unused)
    if unused:
        left, collections = show.list_left_out(library), show.list_collections(library)
        if as_json:
            write_json({"sources": listed, "left_out": left, "collections": collections})
            return
        console.print(show.render_sources(listed, status))
        console.print(show.render_left_out(left, collections))
        return
    if as_json:
        write_json(listed)
        return
    console.print(show.render_sources(listed, status))
