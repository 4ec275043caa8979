"""Shows what the evidence says about one thing."""

from __future__ import annotations

import click

from analgesia.commands._common import Settings, json_option, pass_settings, write_json

SUMMARY = "Show everything known about a drug, product, receptor, claim, source, ..."


def _complete_name(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the names of the chosen kind to the shell."""
    from analgesia.errors import AnalgesiaError
    from analgesia.evidence import load

    try:
        names = list(load().folder(context.params.get("kind") or "drug"))
    except AnalgesiaError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def _complete_kind(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds to the shell."""
    from analgesia.show import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


@click.command()
@click.argument("kind", shell_complete=_complete_kind)
@click.argument("name", required=False, shell_complete=_complete_name)
@json_option
@pass_settings
def command(settings: Settings, kind: str, name: str | None, as_json: bool) -> None:
    """Show what the evidence says about NAME, a thing of kind KIND; without NAME, list the names.

    KIND is drug, product, receptor, channel, neuron, circuit, harm, condition, population, trial, claim or source. A number
    that was not read in its paper carries a mark, explained at the end.
    """
    from analgesia import show

    library = settings.library()
    kind = kind.lower()
    if name is None:
        _list_names(kind, list(library.folder(kind)), as_json=as_json)
        return
    data = show.show(kind, name, library)
    if as_json:
        write_json(data)
        return
    from rich.console import Console

    Console(highlight=False).print(show.render(data))


def _list_names(kind: str, names: list[str], *, as_json: bool) -> None:
    if as_json:
        write_json(names)
    else:
        click.echo("\n".join(names) if names else f"There is no {kind} in the evidence yet.")
