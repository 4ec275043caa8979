"""Write docs/commands.md, the reference of the command line, from the help of the program itself."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from analgesia import cli

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100


def calls() -> list[list[str]]:
    """What can be called: the program, each command, and each member of a command that is a group."""
    with click.Context(cli.main) as context:
        found: list[list[str]] = [[]]
        for name in cli.main.list_commands(context):
            member = cli.main.get_command(context, name)
            inner = sorted(member.commands) if isinstance(member, click.Group) else []
            found += [[name], *([name, one] for one in inner)]
    return found


def text() -> str:
    """Return the page: the help of `analgesia` and of each command."""
    parts = ["# Commands\n\nThis page is written by `make docs`.\n"]
    for arguments in calls():
        shown = CliRunner().invoke(cli.main, [*arguments, "--help"], terminal_width=WIDTH)
        parts.append(
            f"## analgesia {' '.join(arguments)}".rstrip() + f"\n\n```text\n{shown.output.rstrip()}\n```\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
