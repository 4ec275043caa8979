"""Shows what the evidence says about one thing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analgesia.commands._common import Settings, json_option, names_of, pass_settings, write_json

if TYPE_CHECKING:
    from analgesia.evidence import Library

SUMMARY = "Show everything known about a drug, product, receptor, claim, source, ..."


def _complete_name(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the names of the chosen kind to the shell."""
    return names_of(context.params.get("kind") or "drug", incomplete)


def _complete_kind(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds to the shell."""
    from analgesia.show import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


@click.command()
@click.argument("kind", shell_complete=_complete_kind)
@click.argument("name", required=False, shell_complete=_complete_name)
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw into FILE a channel under voltage clamp (a pump against its ions) or a soma with and without noise.",
)
@json_option
@pass_settings
def command(settings: Settings, kind: str, name: str | None, picture: Path | None, as_json: bool) -> None:
    """Show what the evidence says about NAME, a thing of kind KIND; without NAME, list the names.

    KIND is drug, product, receptor, channel, neuron, circuit, harm, condition, population, trial, regimen, target,
    credibility, claim or source. A number that was not read in its paper carries a mark, explained at the end.
    """
    from analgesia import show

    library = settings.library()
    kind = kind.lower()
    if picture is not None:
        _draw(kind, name, picture, library)
    if name is None:
        _list_names(kind, list(library.folder(kind)), as_json=as_json)
        return
    data = show.show(kind, name, library)
    if as_json:
        write_json(data)
        return
    from rich.console import Console

    Console(highlight=False).print(show.render(data))


def _draw(kind: str, name: str | None, picture: Path, library: Library) -> None:
    """Draw a channel under voltage clamp, a pump against what it pumps, or a soma below and above the current at which it fires."""
    from analgesia.channels import channel
    from analgesia.errors import ModelError
    from analgesia.files import check_picture
    from analgesia.nerve.clamp import clamp
    from analgesia.nerve.pictures import clamped, pumped

    if kind in ("neuron", "neurons") and name is not None and library.neurons[name].kind == "soma":
        from analgesia.nerve.oscillation import courses
        from analgesia.nerve.pictures import oscillation
        from analgesia.nerve.soma import soma

        check_picture(picture)
        oscillation(courses(soma(library, name)), library.neurons[name].title or name, picture)
        return
    if kind not in ("channel", "channels") or name is None:
        raise ModelError(
            "--plot draws a channel (analgesia show channel NAME --plot FILE) or the soma of a cell "
            "(analgesia show neuron drg_soma_a --plot FILE)"
        )
    check_picture(picture)
    found, title = channel(name, library), library.channels[name].title
    if found.kind == "pump":
        pumped(found, picture, title)
    else:
        clamped(found, clamp(found), picture, title)


def _list_names(kind: str, names: list[str], *, as_json: bool) -> None:
    if as_json:
        write_json(names)
    else:
        click.echo("\n".join(names) if names else f"There is no {kind} in the evidence yet.")
