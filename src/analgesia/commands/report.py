"""Write self-contained pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analgesia.commands._common import Settings, json_option, pass_settings, progress, write_json
from analgesia.commands.check import size_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analgesia.evidence import Library
    from analgesia.report.build import Report

SUMMARY = "Self-contained HTML pages (or JSON) on judged claims."

html_option = click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the page here.",
)


class Pages(click.Group):
    """The pages; `claims` is meant where none is named, so that `analgesia report [CLAIM]...` works as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `claims` in front of what does not begin with the name of a page."""
        named = bool(args) and args[0] in (*self.commands, *ctx.help_option_names)
        if not named and not (ctx.resilient_parsing and not args):
            args = ["claims", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Pages)
def command() -> None:
    """Write one HTML page that needs no network, or print its content as JSON: on claims (meant where no page is named)."""


def _complete_claim(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the names of the claims to the shell."""
    return names_of("claim", incomplete)


def names_of(kind: str, incomplete: str) -> list[str]:
    """Names of a kind of evidence that begin so; none where the evidence cannot be read."""
    from analgesia.errors import AnalgesiaError
    from analgesia.evidence import load

    try:
        return [name for name in load().folder(kind) if name.startswith(incomplete)]
    except AnalgesiaError:
        return []


def today() -> str:
    """The day on which a page is made (ISO)."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


def where_to(html: Path | None, as_json: bool) -> None:
    """Refuse, before anything is computed, a page that is asked for nowhere or cannot be written."""
    if html is None and not as_json:
        raise click.UsageError("say where to write the page (--html FILE), or ask for --json")
    if html is not None and not html.parent.is_dir():
        raise click.BadParameter(f"there is no folder {html.parent}", param_hint="--html")


def hand_over(page: str, data: Mapping[str, Any], html: Path | None, as_json: bool) -> None:
    """Write the page, print the data."""
    from analgesia.files import write_whole

    if html is not None:
        write_whole(html, page)
        click.echo(f"wrote {html} ({len(page.encode()) / 1e6:.1f} MB)", err=as_json)
    if as_json:
        write_json(data)


def make(
    library: Library, claims: Sequence[str], patients: int | None, draws: int | None, seed: int
) -> Report:
    """Build the page of claims, showing progress on the error stream."""
    from analgesia import __version__
    from analgesia.claims.experiment import Size
    from analgesia.report.build import build

    words = ["analgesia report claims", *claims, "--html report.html", f"--seed {seed}"]
    words += [f"--patients {patients}"] * (patients is not None) + [f"--draws {draws}"] * (draws is not None)
    with progress("judging claims", "steps") as shown:
        return build(
            claims,
            library,
            size=Size(patients, draws, seed),
            command=" ".join(words),
            version=__version__,
            made=today(),
            progress=shown,
        )


@command.command("claims")
@click.argument("claims", nargs=-1, metavar="[CLAIM]...", shell_complete=_complete_claim)
@html_option
@size_options
@json_option
@pass_settings
def claims_page(
    settings: Settings,
    claims: tuple[str, ...],
    html: Path | None,
    patients: int | None,
    draws: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge each CLAIM (all twelve without any)."""
    where_to(html, as_json)
    library = settings.library()
    made = make(library, claims, patients, draws, seed)
    hand_over(made.html, made.data, html, as_json)
