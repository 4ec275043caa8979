"""Ectopic discharge of nociceptors in a condition."""

from __future__ import annotations

from pathlib import Path

import click

from analgesia.commands._common import (
    MAXIMUM_PATIENTS,
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    progress,
    seed_option,
    table,
    write_json,
)

SUMMARY = "Which share of nociceptors fires on its own in a condition, and how often."


@click.command()
@click.option("--condition", metavar="NAME", help="Such as painful_diabetic_neuropathy.  [default: healthy]")
@click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PATIENTS),
    default=50,
    show_default=True,
    help="How many people.",
)
@click.option(
    "--drug",
    "drugs",
    multiple=True,
    metavar="TEXT",
    help='Drug at the cell, unbound, such as "lidocaine 10 uM" (repeatable).',
)
@click.option(
    "--prior", is_flag=True, help="Let drugs on which no channel was ever measured act as our guess allows."
)
@seed_option
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw a raster of the spikes into FILE.",
)
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    condition: str | None,
    patients: int,
    drugs: tuple[str, ...],
    prior: bool,
    seed: int,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Record four ganglion cells of each person for 20 s and count those that fire on their own (from 0.1 spikes a second).

    The share of active units in painful diabetic neuropathy was fitted to the count in patients (29 %); the distribution of rates and
    what drugs do to it were not.

    Example: analgesia ectopia --condition painful_diabetic_neuropathy --patients 100
    """
    from analgesia.files import check_picture
    from analgesia.nerve.drugs import parse_drug
    from analgesia.nerve.ectopia import RECORDED, ectopia
    from analgesia.nerve.pictures import raster

    if picture is not None:
        check_picture(picture)
    library = settings.library()
    amounts: dict[str, float] = {}
    for name, amount in (parse_drug(text, library) for text in drugs):
        amounts[name] = amounts.get(name, 0.0) + amount
    with progress("ectopia") as report:
        found = ectopia(
            condition, patients, library, seed=seed, concentrations=amounts, prior=prior, progress=report
        )
    title = "; ".join([condition or "healthy", f"{patients} people", *drugs])
    if picture is not None:
        raster(found.firing.spikes, RECORDED, title, picture)
    data = found.to_dict()
    if as_json:
        write_json(data)
        return
    low, high = data["share_interval95"]
    click.echo(title)
    click.echo(f"active units: {data['share_of_active_units']:.0%} (95 % {low:.0%} to {high:.0%})")
    rows = [
        (
            f"{row['from_hz']:g} to {row['to_hz']:g}" if row["to_hz"] else f"from {row['from_hz']:g}",
            row["units"],
        )
        for row in data["rate_distribution"]
    ]
    click.echo("\n" + table(("spikes per second", "units"), rows))
    numbers = ", ".join(f"{n} {status}" for status, n in data["numbers"].items())
    click.echo(f"\nRests on {sum(data['numbers'].values())} numbers: {numbers}.")
    if picture is not None:
        click.echo(f"Picture: {picture}")
    click.echo("A simulation, not medical advice.")
