"""Fit kinetics to published exposure studies."""

from __future__ import annotations

from pathlib import Path

import click

from analgesia.commands._common import (
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    progress,
    table,
    write_json,
)

SUMMARY = "Fit the kinetics of a compound to published exposure studies, by simulating them."


@click.command()
@click.argument("compound")
@click.option(
    "--people",
    "size",
    default=160,
    show_default=True,
    type=click.IntRange(20, 5_000),
    help="People per study.",
)
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write evidence files below FOLDER.",
)
@click.option("--from-priors", is_flag=True, help="Begin at the priors, not at what the evidence holds now.")
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings, compound: str, size: int, folder: Path | None, from_priors: bool, as_json: bool
) -> None:
    """Fit the kinetics of COMPOUND (mitragynine) to every exposure study that may be used to fit.

    Each study is simulated with its own sampling times and limit of quantification and analysed without compartments; numbers
    are moved until it prints what was published. Priors stand in circuits/COMPOUND_priors.toml. With --write the result becomes an
    evidence folder, to be laid over the evidence (`analgesia --evidence FOLDER ...`) or to replace it.
    """
    from analgesia.calibration import fit, free_numbers
    from analgesia.calibration.write import write

    library = settings.library()
    start = {free.key: free.prior for free in free_numbers(compound, library)} if from_priors else None
    with progress("fit", unit="steps") as report:
        found = fit(compound, library, size=size, start=start, progress=report)
    written = write(found, library, folder) if folder is not None else []
    if as_json:
        write_json(
            {
                "compound": compound,
                "numbers": [
                    {
                        "name": free.key,
                        "value": found.value(free),
                        "unit": free.unit,
                        "error_log": found.error(free),
                    }
                    for free in found.free
                ],
                "results": [vars(row) for row in found.rows],
                "cost": found.cost,
                "steps": found.steps,
                "written": [str(path) for path in written],
            }
        )
        return
    rows = [
        [
            free.name,
            f"{found.value(free):.3g}",
            free.unit,
            f"{free.prior:.3g}",
            f"{free.sd:.2f}",
            f"{found.error(free):.2f}",
        ]
        for free in found.free
    ]
    click.echo(table(("number", "fitted", "unit", "prior", "prior SD of ln", "SD of ln"), rows))
    click.echo()
    compared = [
        [
            row.study,
            row.label,
            f"{row.published:.3g}",
            f"{row.simulated:.3g}",
            row.unit,
            f"{row.distance:+.1f}",
        ]
        for row in found.rows
    ]
    click.echo(table(("study", "result", "published", "simulated", "unit", "distance"), compared))
    click.echo(f"\nSum of squares {found.cost:.1f} after {found.steps} steps. Distances in standard errors.")
    for path in written:
        click.echo(f"Written: {path}")
