"""Write the report of judged claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analgesia.commands._common import Settings, json_option, pass_settings, progress, write_json
from analgesia.commands.check import size_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analgesia.evidence import Library
    from analgesia.report.build import Report

SUMMARY = "One self-contained HTML page (or JSON) on judged claims."


def make(
    library: Library, claims: Sequence[str], patients: int | None, draws: int | None, seed: int
) -> Report:
    """Build the report, showing progress on the error stream."""
    from analgesia import __version__
    from analgesia.claims.experiment import Size
    from analgesia.report.build import build

    words = ["analgesia report", *claims, "--html report.html", f"--seed {seed}"]
    words += [f"--patients {patients}"] * (patients is not None) + [f"--draws {draws}"] * (draws is not None)
    with progress("judging claims", "steps") as shown:
        return build(
            claims,
            library,
            size=Size(patients, draws, seed),
            command=" ".join(words),
            version=__version__,
            progress=shown,
        )


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the page here.",
)
@size_options
@json_option
@pass_settings
def command(
    settings: Settings,
    claims: tuple[str, ...],
    html: Path | None,
    patients: int | None,
    draws: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge each CLAIM (all twelve without any) and write one HTML page that needs no network, or print its content as JSON."""
    from analgesia.files import write_whole

    if html is None and not as_json:
        raise click.UsageError("say where to write the page (--html FILE), or ask for --json")
    if html is not None and not html.parent.is_dir():
        raise click.BadParameter(f"there is no folder {html.parent}", param_hint="--html")
    made = make(settings.library(), claims, patients, draws, seed)
    if html is not None:
        write_whole(html, made.html)
        click.echo(f"wrote {html} ({len(made.html.encode()) / 1e6:.1f} MB)", err=as_json)
    if as_json:
        write_json(made.data)
