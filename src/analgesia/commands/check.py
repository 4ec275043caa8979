"""Judge claims and print verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analgesia.commands._common import (
    MAXIMUM_PATIENTS,
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    progress,
    seed_option,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analgesia.claims.judge import Judgement

SUMMARY = "Hold claims against evidence, mechanism and prediction."

Decorated = Any

claim_patients_option = click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PATIENTS),
    help="How many people per claim.  [default: as the claim says]",
)
draws_option = click.option(
    "--draws",
    type=click.IntRange(1, 100_000),
    help="How many draws of what is not known.  [default: as the claim says]",
)


def size_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options --patients, --draws, --seed and --evidence."""
    return claim_patients_option(draws_option(seed_option(evidence_option(function))))


def rows_of(judgements: Sequence[Judgement]) -> list[list[str]]:
    """Title, verdict word and best direct level of each claim."""
    from analgesia.claims.sentences import LEVEL_WORDS

    return [
        [
            one.claim.title or one.claim.statement,
            str(one.verdict.word),
            LEVEL_WORDS[one.verdict.level],
            one.claim.name,
        ]
        for one in judgements
    ]


def print_verdicts(rows: Sequence[Sequence[str]]) -> None:
    """Print the verdict table, in colour on a terminal."""
    from rich.console import Console
    from rich.table import Table

    colours = {
        "supported in humans": "green",
        "supported in the laboratory only": "blue",
        "untested in humans": "yellow",
        "not reached at documented human exposure": "magenta",
        "contradicted": "red",
    }
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Claim", "Verdict", "Best direct evidence", "Name"):
        shown.add_column(column, overflow="fold")
    for title, word, level, name in rows:
        shown.add_row(title, f"[{colours.get(word, 'default')}]{word}[/]", level, f"[dim]{name}[/]")
    console = Console()
    if not console.is_terminal:
        console = Console(width=150, no_color=True)
    console.print(shown)


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@size_options
@json_option
@pass_settings
def command(
    settings: Settings,
    claims: tuple[str, ...],
    patients: int | None,
    draws: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge each CLAIM (all twelve without any): the evidence found, how far the substance reaches its target, what the model
    predicts, and the word that follows from the evidence.

    The three are never merged, and a prediction never raises a verdict.
    """
    from shutil import get_terminal_size

    from analgesia.claims.experiment import Size, check

    library = settings.library()
    with progress("judging claims", "steps") as report:
        judgements = check(claims, library=library, size=Size(patients, draws, seed), progress=report)
    if as_json:
        write_json([one.to_dict(library) for one in judgements])
        return
    print_verdicts(rows_of(judgements))
    for one in judgements:
        click.echo(f"\n{one.claim.title or one.claim.statement}")
        click.echo(click.wrap_text(one.paragraph, width=min(100, get_terminal_size().columns)))
