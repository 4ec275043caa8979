"""Breathing under an opioid and its antagonist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analgesia.commands._common import (
    MAXIMUM_PATIENTS,
    QuantityType,
    Settings,
    evidence_option,
    json_option,
    pass_settings,
    progress,
    seed_option,
    table,
    write_json,
)
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.evidence import Library

PEOPLE = 200
"""People, each under another guess at what is not known, behind the interval of the receptor form."""

MAXIMUM_HOURS = 72.0

SUMMARY = "Simulate breathing under an opioid, with or without an antagonist."


@click.command()
@click.option("--opioid", required=True, metavar="NAME", help="Which opioid, such as fentanyl.")
@click.option("--bolus", type=QuantityType(zero=True), help='Dose into a vein at the start, such as "0.2mg".')
@click.option("--oral", type=QuantityType(zero=True), help="Dose by mouth at the start (receptor form only).")
@click.option(
    "--subject",
    type=click.Choice(["naive", "chronic"]),
    default="naive",
    show_default=True,
    help="Used to opioids or not.",
)
@click.option(
    "--antagonist",
    "antagonists",
    multiple=True,
    metavar="TEXT",
    help='Such as "naloxone 2 mg im at 120 s" or "naloxone 4 mg in, 60 s after ventilation < 40 %, repeat 3 every 150 s"; '
    "im is the auto-injector, im-syringe the generic product, in the spray, iv a vein. May be given more than once.",
)
@click.option(
    "--form",
    type=click.Choice(["kinetic", "receptor"]),
    help="Overdose model with kinetic binding, or the lighter form for therapeutic doses; by default the first that knows the drug.",
)
@click.option("--without-arrest", is_flag=True, help="Let the circulation go on whatever the blood gases.")
@click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PATIENTS),
    default=1,
    show_default=True,
    help="1 is the typical subject; n people of the virtual population of 2,000 (more are drawn from it again).",
)
@click.option("--hours", type=float, default=1.5, show_default=True, help="How long.")
@seed_option
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write a figure to this file.")
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    opioid: str,
    bolus: Quantity | None,
    oral: Quantity | None,
    subject: str,
    antagonists: tuple[str, ...],
    form: str | None,
    without_arrest: bool,
    patients: int,
    hours: float,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Simulate breathing after a dose of an opioid.

    The overdose model follows receptors, chemoreflexes, blood gases and the circulation; the receptor form follows ventilation
    at constant CO2. A dose outside any data gives a result that says so.
    """
    from analgesia.errors import EvidenceError, ModelError
    from analgesia.files import check_picture
    from analgesia.ventilation.regimens import names

    if plot is not None:
        check_picture(plot)
    library = settings.library()
    if (bolus is None) == (oral is None):
        raise ModelError("give the dose once: --bolus for a vein, --oral for the mouth (0 mg for none)")
    opioid = opioid.lower()
    kinetic, lighter = names(library, "opioid"), names(library, "receptor_form")
    if opioid not in {*kinetic, *lighter}:
        raise EvidenceError(
            f"no opioid {opioid!r} in the evidence on breathing; there are {', '.join(sorted({*kinetic, *lighter}))}"
        )
    chosen = form or ("kinetic" if oral is None and opioid in kinetic else "receptor")
    if chosen == "kinetic":
        if oral is not None or bolus is None:
            raise ModelError(
                "the overdose model takes a bolus into a vein; --oral belongs to --form receptor"
            )
        _kinetic(
            library, opioid, bolus, subject, antagonists, without_arrest, patients, hours, seed, plot, as_json
        )
        return
    if patients > 1 or without_arrest or len(antagonists) > 1:
        raise ModelError(
            "--patients, --without-arrest and several --antagonist belong to the overdose model (--form kinetic)"
        )
    _receptor(settings, opioid, bolus, oral, subject, antagonists, hours, seed, plot, as_json)


def _kinetic(
    library: Library,
    opioid: str,
    bolus: Quantity,
    subject: str,
    antagonists: tuple[str, ...],
    without_arrest: bool,
    patients: int,
    hours: float,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    from analgesia.ventilation import reporting, simulate

    with progress("breathing") as report:
        course = simulate(
            opioid,
            _milligrams(bolus, "--bolus"),
            subject=subject,
            antagonists=antagonists,
            with_arrest=not without_arrest,
            patients=patients,
            hours=hours,
            library=library,
            seed=seed,
            progress=report,
        )
    if plot:
        reporting.course_figure(course, plot)
    answer = reporting.course_dict(course)
    if as_json:
        write_json(answer)
        return
    click.echo(
        f"{opioid} {course.milligrams:g} mg into a vein, {subject}, {patients} patient{'s' if patients > 1 else ''}"
    )
    click.echo(table(*reporting.course_rows(course)))
    if course.patients > 1 and course.with_arrest:
        low, high = answer["interval95"]
        click.echo(f"arrest: {answer['arrest_percent']:.1f} % (95 % interval {low:.1f} to {high:.1f})")
    elif course.with_arrest:
        click.echo(f"arrest: {'yes' if course.arrested[0] else 'no'}")
    for times in course.given[:1] if course.patients == 1 else ():
        click.echo(
            f"antagonist given at: {', '.join(f'{t:.0f} s' for t in times) or 'never'}"
        ) if course.regimens else None
    _closing(answer)


def _receptor(
    settings: Settings,
    opioid: str,
    bolus: Quantity | None,
    oral: Quantity | None,
    subject: str,
    antagonists: tuple[str, ...],
    hours: float,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    import numpy as np

    from analgesia.errors import ModelError
    from analgesia.ventilation import exposure, receptor_form, reporting, rescue
    from analgesia.ventilation.regimens import Regimen

    if not 0.0 < hours <= MAXIMUM_HOURS:
        raise ModelError(f"hours must be above 0 and at most {MAXIMUM_HOURS:g}, not {hours:g}")
    library = settings.library()
    form = receptor_form.record(library, opioid)
    times = np.linspace(0.0, hours, max(int(np.ceil(hours * 60.0)), 1) + 1)
    route = "bolus" if oral is None else "oral"
    milligrams = _milligrams(bolus or oral or Quantity(0.0, "mg"), f"--{route}")
    partners = {}
    if form.identifiers["basis"] == "brain_unbound":
        if route == "bolus":
            raise ModelError(f"{opioid}: only doses by mouth can be followed to the brain; use --oral")
        partners = _brain(settings, opioid, milligrams, times, seed)
        course = partners.pop(opioid)
    else:
        course = getattr(exposure, route)(library, opioid, milligrams, times)

    def respond(naloxone: Any = None) -> receptor_form.Response:
        return receptor_form.respond(
            opioid,
            times,
            course,
            subject=subject,
            library=library,
            partners=partners,
            naloxone=naloxone,
            replicates=PEOPLE + 1,
            seed=seed,
        )

    response = respond()
    reasons = [exposure.outside(library, opioid, milligrams, route)]
    for text in antagonists:
        regimen = Regimen.parse(text, library)
        if regimen.drug != "naloxone":
            raise ModelError(
                f"the receptor form knows naloxone alone, not {regimen.drug}; use --form kinetic"
            )
        response = respond(rescue.course(library, regimen, times, response.share[0]))
        reasons.append(regimen.outside(library))
    if plot:
        reporting.response_figure(response, plot)
    answer = reporting.response_dict(
        response, subject, {f"{route}_mg": milligrams}, [reason for reason in reasons if reason]
    )
    answer["antagonists"] = list(antagonists)
    if as_json:
        write_json(answer)
        return
    click.echo(f"{opioid} {milligrams:g} mg {'into a vein' if route == 'bolus' else 'by mouth'}, {subject}")
    click.echo(table(*reporting.response_rows(response)))
    click.echo(reporting.CONSTANT_CO2)
    for text in (*response.translations, *response.assumptions):
        click.echo(f"assumed: {text}")
    _closing(answer)


def _brain(settings: Settings, drug: str, milligrams: float, times: Any, seed: int) -> dict[str, Any]:
    """Unbound courses in the brain (nM) of every agonist that a dose by mouth leads to: the median first, then person by person."""
    import numpy as np

    from analgesia import api

    dose = api.drug(drug, evidence=settings.evidence).dose(f"{milligrams:g} mg", route="oral")
    people = api.population("healthy_volunteer", PEOPLE, seed, evidence=settings.evidence)
    hours = max(float(times[-1]), 1.0)
    result = api.simulate(people, [dose], duration=f"{hours:g} h", seed=seed, evidence=settings.evidence)
    found = (
        result.concentration.sel(arm=dose.name, site="brain")
        .isel(replicate=0)
        .transpose("analyte", "patient", "time")
    )
    then = np.asarray(found.coords["time"].values, dtype=float)
    courses = {}
    for analyte, rows in zip(found.coords["analyte"].values, found.values, strict=True):
        own = np.array([np.interp(times, then, row) for row in rows])
        courses[str(analyte)] = np.maximum(np.vstack([np.median(own, axis=0), own]), 0.0)
    return courses


def _closing(answer: dict[str, object]) -> None:
    for reason in answer["out_of_range_because"]:  # type: ignore[attr-defined]
        click.echo(f"OUT OF RANGE: {reason}")
    click.echo(str(answer["note"]))
    click.echo(str(answer["emergency"]))


def _milligrams(dose: Quantity, option: str) -> float:
    from analgesia.errors import UnitError

    if dose.of is not None:
        raise UnitError(
            f"{option}: {dose} names {dose.of!r} after the unit; only a number and a unit belong here"
        )
    try:
        return dose.to("mg")
    except UnitError as error:
        raise UnitError(f"{option}: {error}") from None
