"""Prints the script that lets a shell complete `analgesia` commands."""

from __future__ import annotations

import click

SUMMARY = "Print the completion script for bash, zsh or fish."


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    Try it with: eval "$(analgesia completion bash)"
    """
    from click.shell_completion import ShellComplete, get_completion_class

    completer = get_completion_class(shell)
    if completer is None:  # pragma: no cover  click knows all three
        raise click.UsageError(f"click cannot complete in {shell}")
    # The plain source: bash's own class starts bash to look at its version, which printing a script does not need.
    click.echo(
        ShellComplete.source(completer(context.find_root().command, {}, "analgesia", "_ANALGESIA_COMPLETE"))
    )
