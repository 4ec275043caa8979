"""What a dose does to concentrations in plasma."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analgesia.commands._common import (
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    patients_option,
    population_option,
    progress,
    seed_option,
    table,
    write_json,
)

if TYPE_CHECKING:
    from analgesia.exposures import Exposure

SUMMARY = "Concentrations after a dose: Cmax, Tmax, AUC, half-life, as a kinetic study would report them."

SHOWN = {
    "cmax": "Cmax",
    "tmax": "Tmax",
    "auc_last": "AUC to last sample",
    "auc_inf": "AUC to infinity",
    "half_life": "half-life",
    "accumulation": "accumulation",
    "ratio_to_parent": "ratio to parent",
    "urine_fraction": "share in urine",
}


@click.command()
@click.argument("item", metavar="PRODUCT_OR_DRUG")
@click.option(
    "--dose", required=True, metavar="AMOUNT", help='Taken at once: "4 g", "25 mg mitragynine", "10 mg".'
)
@click.option(
    "--route", default="oral", show_default=True, help="oral, intravenous, intramuscular, intranasal."
)
@click.option("--every", metavar="TIME", help='Interval between doses, such as "24 h".')
@click.option("--doses", default=1, show_default=True, type=click.IntRange(1, 10_000), help="How many doses.")
@click.option(
    "--sample-until", metavar="TIME", help="Last sample, counted from the last dose.  [default: 120 h]"
)
@click.option("--sampling", metavar="TIMES", help='Samples at these times instead: "0.25, 0.5, 1, 4, 24 h".')
@click.option(
    "--lloq",
    metavar="CONCENTRATION",
    help='Limit of quantification, such as "0.5 ng/mL".  [default: per drug]',
)
@population_option
@patients_option
@seed_option
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw concentrations into FILE.",
)
@click.option("--log", "logarithmic", is_flag=True, help="Logarithmic concentration axis in the picture.")
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    item: str,
    dose: str,
    route: str,
    every: str | None,
    doses: int,
    sample_until: str | None,
    sampling: str | None,
    lloq: str | None,
    population: str,
    patients: int,
    seed: int,
    picture: Path | None,
    logarithmic: bool,
    as_json: bool,
) -> None:
    """Simulate a kinetic study of PRODUCT_OR_DRUG and report exposure.

    People are dosed, sampled and analysed without compartments: linear-up log-down area, terminal slope by the best adjusted
    fit of at least three samples, values below quantification 0 before the first quantifiable sample and dropped after it. Samples
    are taken at 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 24, 36, 48 h and then daily. With several doses all
    but accumulation refers to the time after the last one.

    Example: analgesia exposure leaf_capsule --dose "25 mg mitragynine" --every "24 h" --doses 15
    """
    from analgesia.exposures import exposure
    from analgesia.exposures.picture import figure
    from analgesia.files import check_picture

    if picture is not None:
        check_picture(picture)
    with progress("exposure") as report:
        found = exposure(
            item,
            dose,
            route=route,
            every=every,
            doses=doses,
            sample_until=sample_until,
            sampling=sampling,
            lloq=lloq,
            population=population,
            size=patients,
            seed=seed,
            library=settings.library(),
            curves=picture is not None,
            progress=report,
        )
    if picture is not None:
        figure(found, picture, logarithmic=logarithmic)
    if as_json:
        write_json(found)
        return
    _print(found, picture)


def _print(found: Exposure, picture: Path | None) -> None:
    """Write one table per analyte, then what the numbers rest on."""
    from analgesia.show.marks import rests_on

    asked = found.regimen
    several = f", {asked['doses']} doses, one every {asked['every']}" if asked["doses"] > 1 else ""
    people = f"{asked['patients']} people ({asked['population']})"
    click.echo(f"{asked['item']}, {asked['dose']}, {asked['route']}{several}; {people}")
    last = asked["sampling"]["times"][-1]
    for name, statistics in found.analytes.items():
        limit = asked["lloq"][name]["value"]
        click.echo(f"\n{name} (total in plasma; sampled to {last:g} h, quantified from {limit:g} ng/mL)")
        headers = ("", "mean", "SD", "median", "90 % of people", "with ignorance", "unit")
        rows = [[words, *_cells(statistics[key])] for key, words in SHOWN.items() if statistics[key]["n"]]
        click.echo(table(headers, rows))
        for reason, count in statistics.get("not_estimated", {}).items():
            click.echo(f"  half-life not estimated in {count} people: {reason}")
    if found.failed:
        click.echo(f"{found.failed} of {asked['patients']} people could not be simulated and are left out.")
    click.echo(f"\n{rests_on(found.numbers)}")
    click.echo(f"Sources: {', '.join(found.sources)} (`analgesia sources` shows them).")
    if picture is not None:
        click.echo(f"Picture: {picture}")
    click.echo("A simulation, not medical advice: no statement about what anybody should take.")


def _cells(statistic: dict[str, Any]) -> list[str]:
    """Mean, SD, median, intervals and unit as text."""
    low, high = statistic["interval90"]
    wide_low, wide_high = statistic["interval90_with_ignorance"]
    unit = "" if statistic["unit"] == "1" else statistic["unit"].replace("*", " ")
    return [
        *(_short(statistic[key]) for key in ("mean", "sd", "median")),
        f"{_short(low)} to {_short(high)}",
        f"{_short(wide_low)} to {_short(wide_high)}",
        unit,
    ]


def _short(value: float | None) -> str:
    """Three significant digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"
