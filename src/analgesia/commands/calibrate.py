"""Fit kinetics to published exposure studies, what lies between receptors and pain to trials, ganglion cells to counted units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analgesia.commands._check_exposure import tell_check
from analgesia.commands._common import (
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    progress,
    table,
    write_json,
)

if TYPE_CHECKING:
    from analgesia.calibration.ectopia import EctopiaFit
    from analgesia.calibration.ectopia_a import DriveFit
    from analgesia.calibration.pain import PainFit

SUMMARY = "Fit kinetics, the way from receptors to pain, or ganglion cells to published studies, by simulating them."
PAIN = "pain"
ECTOPIA = "ectopia"
CHECK = "check"
KINETIC_PEOPLE = 160
CHECK_PEOPLE = 400
ECTOPIA_PEOPLE = 400
UNIT_CLASSES = ("c", "a_beta", "a_delta")


@click.command()
@click.argument("what")
@click.option(
    "--people",
    "size",
    default=None,
    type=click.IntRange(20, 5_000),
    help="People per study (kinetics 160, pain 20, check 400); ectopia: people as whose units many cells are recorded (400).",
)
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write evidence files below FOLDER.",
)
@click.option(
    "--unit",
    type=click.Choice(UNIT_CLASSES),
    help="With ectopia: the class of unit that is fitted.  [default: c]",
)
@click.option("--study", metavar="NAME", help="With check: this exposure study only.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With check and --study: draw the study into FILE.",
)
@click.option("--from-priors", is_flag=True, help="Begin at the priors, not at what the evidence holds now.")
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    what: str,
    size: int | None,
    folder: Path | None,
    unit: str | None,
    study: str | None,
    picture: Path | None,
    from_priors: bool,
    as_json: bool,
) -> None:
    """Fit WHAT: kinetics to exposure studies, pain to trials of pain, or ectopia to counted units.

    WHAT is mitragynine (with 7-hydroxymitragynine), minor (the minor alkaloids), oxycodone, pain or ectopia. Only studies that may be used
    to fit are opened. Each is simulated as it was done (sampling times and limits of quantification; regimens and day of observation)
    and numbers are moved until it prints what was published. Priors stand in fits/WHAT_priors.toml. With --write the result
    becomes an evidence folder, to be laid over the evidence (`analgesia --evidence FOLDER ...`) or to replace it. A fit of
    pain always begins at its priors.

    Of ectopia, the mean drive of C cells and the scatter of damage between them are fitted to the share of C units that fire on their
    own in painful diabetic neuropathy and to how often those do. With --unit a_beta or a_delta, what postherpetic neuralgia adds to the
    drive of A cells is fitted to how many times as much they discharge after a nerve is cut in rats. It takes one to two minutes.

    `check` fits nothing: every published exposure study is simulated many times with as many people as it had, sampling times and limits of
    quantification, and what it printed is shown beside the 90 % interval of the simulated studies.
    """
    if unit is not None and what != ECTOPIA:
        raise click.UsageError("--unit belongs to ectopia")
    if what == CHECK:
        if folder is not None or from_priors:
            raise click.UsageError("check fits nothing: it takes neither --write nor --from-priors")
        if picture is not None and study is None:
            raise click.UsageError("a picture shows one study: name it with --study")
        tell_check(settings, size or CHECK_PEOPLE, study, picture, as_json)
        return
    if study is not None or picture is not None:
        raise click.UsageError("--study and --plot belong to check")
    if what == PAIN:
        _pain(settings, size or 20, folder, as_json)
    elif what == ECTOPIA:
        if from_priors:
            raise click.UsageError("the fit of ectopia has no priors: leave out --from-priors")
        _ectopia(settings, unit or UNIT_CLASSES[0], size or ECTOPIA_PEOPLE, folder, as_json)
    else:
        _kinetics(settings, what, size or KINETIC_PEOPLE, folder, from_priors, as_json)


def _pain(settings: Settings, size: int, folder: Path | None, as_json: bool) -> None:
    from analgesia.calibration import pain
    from analgesia.calibration.pain_write import write

    library = settings.library()
    with progress("fit", unit="steps") as report:
        found = pain.fit(library, size=size, progress=report)
    written = write(found, library, folder) if folder is not None else []
    if as_json:
        write_json(
            {
                "numbers": [
                    {"name": target.name, "value": found.value(target), "error_log": found.error(target)}
                    for target in found.targets
                ],
                "results": [vars(row) for row in found.rows],
                "waiting": [{"trial": trial, "missing": drug} for trial, drug in found.waiting],
                "cost": found.cost,
                "steps": found.steps,
                "written": [str(path) for path in written],
            }
        )
        return
    _tell_pain(found)
    for path in written:
        click.echo(f"Written: {path}")


def _tell_pain(found: PainFit) -> None:
    numbers = [
        [
            target.name,
            f"{found.value(target):.3g}",
            f"{found.error(target):.2f}",
            f"{found.prior_sd(target):.2f}",
        ]
        for target in found.targets
    ]
    click.echo(table(("number", "fitted", "SD of ln", "before"), numbers))
    click.echo()
    results = [
        [
            row.trial,
            row.arm,
            f"{row.published:+.2f} ({row.se:.2f})",
            f"{row.simulated:+.2f}",
            f"{row.distance:+.1f}",
        ]
        for row in found.rows
    ]
    click.echo(table(("trial", "arm", "published (SE)", "simulated", "distance"), results))
    for trial, drug in found.waiting:
        click.echo(f"Not used: {trial} (no kinetics of {drug})")
    click.echo(
        f"\nSum of squares {found.cost:.1f} after {found.steps} steps. Distances in SD of sampling and between trials."
    )


def _ectopia(settings: Settings, unit: str, size: int, folder: Path | None, as_json: bool) -> None:
    from analgesia.calibration import ectopia, ectopia_a
    from analgesia.calibration.ectopia_write import write

    library = settings.library()
    found: EctopiaFit | DriveFit
    with progress("fit", unit="cells") as report:
        if unit == "c":
            found = ectopia.fit(library, size=size, progress=report)
        else:
            found = ectopia_a.fit(library, unit, size=size, progress=report)
    typed = f"analgesia calibrate {ECTOPIA}" + ("" if unit == "c" else f" --unit {unit}")
    typed += "" if size == ECTOPIA_PEOPLE else f" --people {size}"
    written = write(found, folder, typed) if folder is not None else []
    if as_json:
        write_json({**found.to_dict(), "written": [str(path) for path in written]})
        return
    if isinstance(found, ectopia.EctopiaFit):
        _tell_ectopia(found)
    else:
        _tell_drive(found)
    for path in written:
        click.echo(f"Written: {path}")


def _tell_drive(found: DriveFit) -> None:
    data = found.to_dict()
    (number,), (result,) = data["numbers"], data["results"]
    row = [
        f"{number['value']:.0f}",
        number["unit"],
        "{:.0f} to {:.0f}".format(*number["range"]),
        f"{number['monte_carlo']:.1g}",
    ]
    click.echo(table(("number", "fitted", "unit", "range", "Monte Carlo error"), [["change of drive", *row]]))
    click.echo()
    row = [
        "{:g} ({:g} to {:g})".format(result["published"], *result["range"]),
        f"{result['simulated']:.3g}",
        f"{result['monte_carlo']:.1g}",
    ]
    click.echo(table(("result", "fitted to", "simulated", "Monte Carlo error"), [[result["result"], *row]]))
    click.echo(
        f"\nMean of all units: {found.healthy:.2g} Hz healthy, {found.injured:.2g} Hz in {data['condition'].replace('_', ' ')}. "
        f"{found.recordings} cells were recorded. The range is that of the result alone."
    )


def _tell_ectopia(found: EctopiaFit) -> None:
    data = found.to_dict()
    numbers = [
        [
            row["name"],
            f"{row['value']:.3g}",
            row["unit"],
            "{:.3g} to {:.3g}".format(*row["interval95"]),
            f"{row['monte_carlo']:.2g}",
        ]
        for row in data["numbers"]
    ]
    click.echo(table(("number", "fitted", "unit", "95 %", "Monte Carlo error"), numbers))
    click.echo()
    results = [
        [
            row["result"],
            f"{row['published']:.1%} ({row['interval95'][0]:.0%} to {row['interval95'][1]:.0%})",
            f"{row['simulated']:.1%}",
            f"{row['monte_carlo']:.1%}",
        ]
        for row in data["results"]
    ]
    click.echo(table(("result", "fitted to", "simulated", "Monte Carlo error"), results))
    rates = ", ".join(f"{value:.2g}" for value in data["rate_of_active_units_hz"].values())
    click.echo(
        f"\nNot fitted: active units fire at {rates} Hz (5, 50, 95 %), "
        f"{data['mean_rate_of_active_units_hz']:.2g} Hz on average.\n{data['recordings']} cells were recorded. The errors of the two "
        f"numbers correlate by {data['correlation']:.2f}; {data['share_of_draws_at_edge']:.1%} of the draws of the counts end at the edge "
        "of the range looked at."
    )


def _kinetics(
    settings: Settings, compound: str, size: int, folder: Path | None, from_priors: bool, as_json: bool
) -> None:
    from analgesia.calibration import fit, free_numbers
    from analgesia.calibration.write import write

    library = settings.library()
    start = {free.key: free.prior for free in free_numbers(compound, library)} if from_priors else None
    with progress("fit", unit="steps") as report:
        found = fit(compound, library, size=size, start=start, progress=report)
    typed = f"analgesia calibrate {compound}" + ("" if size == KINETIC_PEOPLE else f" --people {size}")
    typed += " --from-priors" if from_priors else ""
    written = write(found, library, folder, typed) if folder is not None else []
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
