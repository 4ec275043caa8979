"""The command line: finds the commands, and sees that every error a person meets is one sentence.

Exit codes: 0 done; 1 a fault of the program; 2 a fault in what was asked; 130 interrupted. A command is a file in
`commands/`; its `SUMMARY` is read from the text of the file, so that `analgesia --help` imports none of them.
"""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from analgesia.commands._common import Settings
from analgesia.errors import AnalgesiaError

COMMANDS = Path(__file__).parent / "commands"
DEBUG_VARIABLE = "ANALGESIA_DEBUG"


class Commands(click.Group):
    """A group whose members are the files of `commands/`, loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands from the names of the files."""
        del ctx
        return sorted(path.stem.replace("_", "-") for path in COMMANDS.glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"analgesia.commands.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name near misses of a mistyped command."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.6)
            cure = f"did you mean {' or '.join(near)}?" if near else f"the commands are {', '.join(known)}"
            raise click.UsageError(f"There is no command {name!r}: {cure}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the summaries, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in self.list_commands(ctx)])

    def main(
        self, args: Sequence[str] | None = None, *_: Any, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        """Run, and turn whatever goes wrong into one sentence and an exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra["prog_name"] = "analgesia"
        if not standalone_mode:
            return super().main(arguments, standalone_mode=False, **extra)
        if any("\0" in argument for argument in arguments):
            complain("an argument holds a null character, which no name or file can have", 2)
        try:
            result = super().main(arguments, standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except AnalgesiaError as error:
            complain(str(error), 2)
        except MemoryError:
            complain("this needs more memory than there is: ask for fewer patients or fewer draws", 2)
        except OSError as error:  # a file that cannot be read or written
            complain(f"{error.strerror or error}: {error.filename or 'the file that was asked for'}", 2)
        except (KeyboardInterrupt, click.Abort):
            complain("interrupted", 130)
        except SystemExit as leaving:
            # Not standalone, click leaves with 1 in one case only: whoever read our output has seen enough.
            sys.exit(0 if leaving.code == 1 else leaving.code)
        except Exception as error:  # the last line of defence: nobody should meet a traceback unasked
            if _interrupted(error):
                complain("interrupted", 130)
            if wants_traceback(arguments):
                raise
            complain(
                f"this is a fault of analgesia, not yours ({type(error).__name__}: {_first_line(error)}).\n"
                f"Please report it with the output of: analgesia --debug {' '.join(arguments)}",
                1,
            )
        sys.exit(result if isinstance(result, int) else 0)


def summary(command: str) -> str:
    """Return the constant `SUMMARY` of a command's file by reading its text."""
    text = (COMMANDS / f"{command.replace('-', '_')}.py").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("SUMMARY = "):
            with suppress(SyntaxError, ValueError):
                return str(ast.literal_eval(line.removeprefix("SUMMARY = ")))
    return ""


def complain(message: str, code: int) -> NoReturn:
    """Print one message on the error stream and leave with `code`."""
    click.echo(f"Error: {_printable(message)}", err=True)
    sys.exit(code)


def wants_traceback(arguments: Sequence[str]) -> bool:
    """Tell whether a traceback was asked for, by `--debug` or by the environment."""
    return "--debug" in arguments or os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}


def _interrupted(error: BaseException | None) -> bool:
    """Tell whether an error grew out of Ctrl-C: a library that is interrupted while it is loaded raises its own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no message")


def _printable(text: str) -> str:
    """Replace what cannot be written: arguments may hold bytes that are no text, and signs that would move the cursor."""
    readable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode()
        for sign in readable
    )


def _folder(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[Path, ...]:
    for name in names:
        if not name or not Path(name).is_dir():
            raise click.BadParameter(f"{name!r} is not a folder", context, parameter)
    return tuple(Path(name) for name in names)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from analgesia import __version__

        click.echo(f"analgesia {__version__}")
        context.exit()


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="It gives no medical advice. `analgesia COMMAND --help` tells more about a command.",
)
@click.option(
    "--evidence",
    multiple=True,
    metavar="DIR",
    callback=_folder,
    help="Lay a folder of your own evidence over the built-in one (repeatable; later folders win).",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
@click.pass_context
def main(context: click.Context, evidence: tuple[Path, ...], debug: bool) -> None:
    """From a dose of a drug to felt pain and harm: simulate the path, and hold claims against the evidence."""
    context.obj = Settings(evidence=evidence, debug=debug)
