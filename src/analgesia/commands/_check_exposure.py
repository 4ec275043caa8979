"""`analgesia calibrate check`: published exposure beside what simulated studies of the same size print."""

from __future__ import annotations

from pathlib import Path

import click

from analgesia.commands._common import Settings, progress, table, write_json

USES = {"calibrate": "fit", "validate": "test"}


def tell_check(settings: Settings, size: int, study: str | None, picture: Path | None, as_json: bool) -> None:
    """Run the check and print it; draw one study into `picture`."""
    from analgesia.calibration import exposure_check
    from analgesia.files import check_picture

    if picture is not None:
        check_picture(picture)
    with progress("studies", unit="studies") as report:
        found = exposure_check(settings.library(), study=study, size=size, progress=report)
    if picture is not None:
        from analgesia.report.kinetic_figures import save_study

        save_study(found.comparisons, found.courses, picture)
    if as_json:
        write_json(found.to_dict())
        return
    rows = [
        [
            one.study.removesuffix("_kinetics"),
            USES[one.role],
            one.analyte,
            f"{one.statistic} ({one.summary})".replace("_", " "),
            " to ".join(f"{value:.3g}" for value in one.printed_range or (one.published,)),
            f"{one.simulated:.3g}",
            f"{one.interval90[0]:.3g} to {one.interval90[1]:.3g}",
            "" if one.unit == "1" else one.unit.replace("*", " "),
            "yes" if one.inside else "no",
        ]
        for one in found
    ]
    headers = (
        "study",
        "used to",
        "analyte",
        "result",
        "published",
        "simulated",
        "90 % of such studies",
        "unit",
        "inside",
    )
    click.echo(table(headers, rows))
    for role, words in (
        ("calibrate", "fitted: this checks the fit"),
        ("validate", "held back: this tests the model"),
    ):
        chosen = found.of_role(role)
        if chosen:
            click.echo(f"\n{sum(one.inside for one in chosen)} of {len(chosen)} inside, {words}.")
    if picture is not None:
        click.echo(f"Picture: {picture}")
