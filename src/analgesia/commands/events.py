"""Run a file of dosing records through a compartment model."""

from __future__ import annotations

from pathlib import Path

import click

SUMMARY = "Run a file of dosing records (NONMEM columns) through a compartment model."


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--kinetics", required=True, metavar="NAME", help="Compartment model, such as one_compartment_oral."
)
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar='NAME="VALUE UNIT"',
    help='A parameter, such as clearance="1.1 L/h".',
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file to write.",
)
@click.option("--ignore", multiple=True, metavar="COLUMN", help="A column of the file to leave unread.")
def command(
    file: Path, kinetics: str, values: tuple[str, ...], output: Path, ignore: tuple[str, ...]
) -> None:
    """Run the dosing records of FILE (CSV, NONMEM columns) through a compartment model.

    FILE has the columns ID, TIME (h) and AMT (mg) and may have RATE, CMT, EVID, ADDL, II and SS as NONMEM reads them. LAGT
    (h) and BIOAV delay and scale doses into the central compartment; with MODE 1 a RATE of -1 stands for RAT2 (mg/h), with
    MODE 2 a RATE of -2 for a duration of DUR2 (h).

    The output has one row for each record: ID, TIME, the amount in each compartment (mg) and the concentration in the central
    one (ug/L), just after the record. Models: one_compartment, two_compartment, three_compartment, each also with _oral.
    """
    from analgesia.dosing_records import run_events

    course = run_events(file, kinetics, values, output, ignore=ignore)
    click.echo(f"{output}: {len(course.ids)} records of {len(dict.fromkeys(course.ids))} patients")
