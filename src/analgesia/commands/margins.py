"""How far each compound reaches: free peak over potency, at every target with a number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analgesia.commands._common import (
    Settings,
    evidence_option,
    json_option,
    offer,
    pass_settings,
    population_option,
    progress,
    seed_option,
    table,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analgesia.claims.landscape import Landscape, Point

SUMMARY = "Free peak over potency of every compound at every target, and what is not known."


@click.command()
@click.argument("drugs", nargs=-1, metavar="[DRUG]...", shell_complete=offer("drug"))
@click.option("--every-regimen", is_flag=True, help="Every documented regimen, not the furthest alone.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the landscape into FILE (png, svg or pdf).",
)
@population_option
@click.option(
    "--patients", type=click.IntRange(1, 20_000), default=50, show_default=True, help="How many people."
)
@click.option(
    "--draws",
    type=click.IntRange(1, 20_000),
    default=20,
    show_default=True,
    help="How many draws of what is not known.",
)
@seed_option
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    drugs: tuple[str, ...],
    every_regimen: bool,
    picture: Path | None,
    population: str,
    patients: int,
    draws: int,
    seed: int,
    as_json: bool,
) -> None:
    """Set every potency the evidence holds of each DRUG (of all without any) against the highest free concentration at the place
    where it acts, for every documented way of taking it.

    1 means that the peak equals the potency; it says nothing on what is felt. No amount here is a suggestion.
    """
    from analgesia.claims.landscape import landscape
    from analgesia.files import check_picture
    from analgesia.report.landscape import draw_volcano

    library = settings.library()
    if picture is not None:
        check_picture(picture)
    with progress("regimens", "regimens") as report:
        found = landscape(
            library,
            population=population,
            size=patients,
            draws=draws,
            seed=seed,
            compounds=drugs,
            progress=report,
        )
    if picture is not None:
        draw_volcano(found, picture)
    if as_json:
        write_json(found.to_dict(every_regimen=every_regimen))
        return
    _print(found, found.points if every_regimen else found.furthest, picture)


def _print(found: Landscape, points: Sequence[Point], picture: Path | None) -> None:
    """One line per ratio, the furthest first, then what is not known by reason, then what it rests on."""
    from collections import Counter

    from analgesia.show.marks import legend, rests_on

    people = f"{found.patients} people ({found.population}) under {found.draws} draws of what is not known"
    click.echo(f"Highest free concentration \u00f7 potency in {people}\n")
    headers = ("compound", "target", "site", "ratio", "90 % interval", "above 1", "potency", "taken as")
    rows = [_row(point) for point in sorted(points, key=lambda one: -one.log_median)]
    click.echo(table(headers, rows))
    click.echo(legend(list(dict.fromkeys(point.margin.potency_status for point in points))))
    click.echo(f"\nNot known: {len(found.not_known)}")
    for reason, count in Counter(one.reason for one in found.not_known).items():
        click.echo(f"  {count:4d}  {reason}")
    click.echo(f"\n{rests_on(found.used.counts)}")
    if picture is not None:
        click.echo(f"Picture: {picture}")
    click.echo("A simulation, not medical advice: no statement about what anybody should take.")


def _row(point: Point) -> list[str]:
    from analgesia.claims.sentences import percent
    from analgesia.show.marks import marked

    one = point.margin
    low, high = one.interval90 or (0.0, 0.0)
    return [
        one.compound,
        f"{one.target} ({one.kind.replace('_', ' ')})",
        one.site + (" (total)" if point.basis == "total" else ""),
        f"{one.median:.2g}",
        f"{low:.2g} to {high:.2g}",
        percent(one.share_above_one or 0.0),
        marked(one.potency, "nM", one.potency_status, 3),
        point.regimen.arm.name,
    ]
