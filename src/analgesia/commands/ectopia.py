"""Ectopic discharge of nociceptors in a condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    table,
    write_json,
)

SUMMARY = "Which share of C and A units fires on its own in a condition, and how often."


@click.command()
@click.option(
    "--condition",
    metavar="NAME",
    help="Such as painful_diabetic_neuropathy.  [default: healthy]",
    shell_complete=offer("condition"),
)
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
    help='Drug at the cell, unbound, such as "lidocaine 10 uM" (repeatable: all are there together).',
    shell_complete=offer("drug"),
)
@click.option(
    "--prior", is_flag=True, help="Let drugs on which no channel was ever measured act as our guess allows."
)
@click.option(
    "--opioid",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="STIMULUS",
    help="Stimulus of mu receptors on the C cells, 0 to 1: opens their potassium channels.",
)
@seed_option
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw rasters of the spikes into FILE.",
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
    opioid: float,
    seed: int,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Record four C, four A-beta and four A-delta ganglion cells of each person for 20 s; a unit is active from 0.1 spikes a second on.

    The 95 % interval of a share is over people: four cells of one person tell less than one cell of each of four people.

    Fitted: the share of active C units in painful diabetic neuropathy (30 of 105 in patients) and the spread of their rates, and that A
    units discharge five times as much in postherpetic neuralgia (four to six in rats), by `analgesia calibrate ectopia`. Not fitted, and
    mostly not measured in people: everything else about A units and the other conditions, and what drugs do to any of it.

    Example: analgesia ectopia --condition painful_diabetic_neuropathy --patients 100
    """
    from analgesia.files import check_picture
    from analgesia.nerve.drugs import parse_drug
    from analgesia.nerve.ectopia import CLASSES, LABELS, RECORDED, ectopia
    from analgesia.nerve.people import counted
    from analgesia.nerve.pictures import rasters

    if picture is not None:
        check_picture(picture)
    library = settings.library()
    amounts: dict[str, float] = {}
    for name, amount in (parse_drug(text, library) for text in drugs):
        amounts[name] = amounts.get(name, 0.0) + amount
    found = {}
    for unit in CLASSES:
        with progress(f"{LABELS[unit]} units") as report:
            found[unit] = ectopia(
                condition, patients, library, unit=unit, seed=seed, concentrations=amounts, prior=prior, opioid=opioid,
                progress=report,
            )  # fmt: skip
    title = "; ".join([condition or "healthy", counted(patients), *drugs])
    if picture is not None:
        rasters({LABELS[unit]: one.firing.spikes for unit, one in found.items()}, RECORDED, title, picture)
    data = {**found["c"].to_dict(), "seed": seed, "opioid_stimulus": opioid}
    data |= {f"{unit}_units": one.to_dict() for unit, one in found.items() if unit != "c"}
    if as_json:
        write_json(data)
        return
    click.echo(title)
    for unit, label in LABELS.items():
        _print(label, data if unit == "c" else data[f"{unit}_units"])
    if picture is not None:
        click.echo(f"Picture: {picture}")
    click.echo("A simulation, not medical advice.")


def _print(label: str, data: dict[str, Any]) -> None:
    """Share with its interval, what was counted, quantiles and distribution of rates of one class of unit."""
    from analgesia.show.marks import rests_on

    low, high = data["share_interval95"]
    click.echo(
        f"\nactive {label} units: {data['share_of_active_units']:.1%} (95 % {low:.1%} to {high:.1%} over people)"
    )
    counted = data["share_counted"]
    if counted is None:
        click.echo(
            "counted in such a condition: nothing was found"
            if data["condition"]
            else "counted: nothing was found"
        )
    else:
        below, above = counted["interval"]
        click.echo(
            f"counted: {counted['share']:.1%} ({below:.0%} to {above:.0%}), {counted['species']}, {counted['source']}, "
            f"{counted['status']}" + (" (the model was fitted to it)" if counted["fitted_to"] else "")
        )
    if data["share_of_axotomised_units"]:
        click.echo(
            f"axotomised: {data['share_of_axotomised_units']:.0%} of units, of which "
            f"{data['share_of_active_axotomised_units']:.1%} are active"
        )
    rates = data["rate_of_active_units_hz"]
    if rates["50%"] is not None:
        click.echo(
            "spikes per second of active units: "
            + ", ".join(f"{quantile} {value:.2g}" for quantile, value in rates.items())
        )
    rows = [
        (
            f"{row['from_hz']:g} to {row['to_hz']:g}" if row["to_hz"] else f"from {row['from_hz']:g}",
            row["units"],
        )
        for row in data["rate_distribution"]
    ]
    click.echo("\n" + table(("spikes per second", "units"), rows))
    click.echo(f"\n{rests_on(data['numbers'])}")
    for note in data["notes"]:
        click.echo(f"Note: {note}")
