"""Judge claims and print verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analgesia.commands._common import (
    MAXIMUM_PATIENTS,
    Settings,
    evidence_option,
    json_option,
    offer,
    pass_settings,
    progress,
    seed_option,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analgesia.claims.judge import Judgement
    from analgesia.evidence import Library

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
    """Title, verdict word, best direct level and certainty of the evidence from people of each claim."""
    from analgesia.claims.sentences import LEVEL_WORDS

    return [
        [
            one.claim.title or one.claim.statement,
            str(one.verdict.word),
            LEVEL_WORDS[one.verdict.level],
            one.certainty.level,
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
    for column in ("Claim", "Verdict", "Best direct evidence", "Certainty", "Name"):
        shown.add_column(column, overflow="fold")
    for title, word, level, certainty, name in rows:
        shown.add_row(
            title, f"[{colours.get(word, 'default')}]{word}[/]", level, certainty, f"[dim]{name}[/]"
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=150, no_color=True)
    console.print(shown)


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...", shell_complete=offer("claim"))
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
    """Judge each CLAIM (all of them without any): the evidence found, how far the substance reaches its target, what the model
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
    width = min(100, get_terminal_size().columns)
    for one in judgements:
        click.echo(f"\n{one.claim.title or one.claim.statement}")
        click.echo(click.wrap_text(one.paragraph, width=width))
        if claims:
            click.echo(details(one, library, width))


def details(judgement: Judgement, library: Library, width: int) -> str:
    """Certainty step by step, risk of bias, what would settle the claim, what may be said and what may not."""
    from analgesia.claims.certainty_words import DOMAIN_WORDS, step_words
    from analgesia.claims.sentences import count_words
    from analgesia.evidence.bias import JUDGEMENT_WORDS, TOOLS

    def lines(head: str, said: Iterable[str]) -> list[str]:
        wrapped = [click.wrap_text(one, width, initial_indent="  ", subsequent_indent="    ") for one in said]
        return ["", head, *wrapped]

    rated = judgement.certainty
    steps = [
        f"{DOMAIN_WORDS[one.domain]} ({step_words(one.change, one.domain)}): {one.reason}"
        for one in rated.steps
    ]
    studies: dict[tuple[str, str], None] = {}
    for item in judgement.claim.evidence:
        bias = item.risk_of_bias or library.sources[item.source].risk_of_bias
        judged = (
            "not assessed" if bias is None else f"{JUDGEMENT_WORDS[bias.overall]} ({TOOLS[bias.tool].title})"
        )
        studies[judgement.names[item.source], judged] = None
    return "\n".join(
        [
            *lines(f"Certainty of the evidence from people (GRADE): {rated.level}", steps),
            *lines(
                f"Risk of bias, {count_words(len(studies), 'study', 'studies')}",
                [f"{study}: {judged}" for study, judged in studies],
            ),
            *lines("What would settle it", [judgement.decisive.sentence, judgement.claim.would_change]),
            *lines("What may be said", judgement.may_say),
            *lines("What may not be said", judgement.may_not_say),
        ]
    )
