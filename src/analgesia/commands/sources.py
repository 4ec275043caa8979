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
@click.option("--unused", is_flag=True, help="Only sources from which no number and no statement is taken.")
@json_option
@pass_settings
def command(settings: Settings, status: str | None, unused: bool, as_json: bool) -> None:
    """List the sources with the numbers taken from them, counted by status, and the numbers that are assumed."""
    from analgesia import show
    from analgesia.errors import EvidenceError

    if status is not None and unused:
        raise EvidenceError("--status and --unused exclude each other: an unused source has no numbers")
    listed = show.list_sources(settings.library(), status, unused=unused)
    if as_json:
        write_json(listed)
        return
    from rich.console import Console

    Console(highlight=False).print(show.render_sources(listed, status))
