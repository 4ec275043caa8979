"""What the model computes against what was published: kinetics, and trials of pain, fitted and held back told apart."""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.calibration import Comparison, PainComparison
from analgesia.claims.sentences import NBSP, plain, signed
from analgesia.evidence import Library
from analgesia.report.document import Run, section
from analgesia.report.kinetic_figures import statistic_words, study_figure
from analgesia.report.markup import Content, Markup, element, figure, table
from analgesia.report.pain_figure import pain_check_figure
from analgesia.report.parts import mark, source_link
from analgesia.report.tables import unit_after

KINETICS_CAPTION = "Above, concentration in plasma; below, simulated ÷ published. At the line both agree."
KINETICS_WORDS = (
    "In each figure the upper panels show the simulated concentration in plasma after the dose: median, and band for nine of ten "
    "people; dotted is the limit of quantification, the cross is the published peak, with its range where one was printed. Below "
    "stands simulated ÷ published for each printed value: dot, median; bar, where nine of ten studies of that size would lie; thin "
    "line, the printed range."
)
PAIN_CAPTION = (
    "Change of pain against placebo, observed and fitted. Circle: published mean with its 95 % interval; bar: where the model puts nine "
    "of ten such trials, dot its median. Filled: the trial was used to fit; open: it was held back."
)


def kinetics_section(run: Run, library: Library) -> Markup:
    """Simulated against published kinetics: the check every exposure rests on."""
    heading = "Simulated against published kinetics"
    if not run.kinetics:
        return section(heading, element("p", "Not computed in this run."), anchor="kinetics")
    return section(
        heading,
        [element("p", said) for said in (*kinetics_words(run.kinetics), KINETICS_WORDS)],
        [study_part(run, study) for study in dict.fromkeys(one.study for one in run.kinetics)],
        kinetics_table(run.kinetics, library),
        anchor="kinetics",
    )


def study_part(run: Run, study: str) -> Markup | None:
    """The figure of one exposure study."""
    rows = [one for one in run.kinetics if one.study == study]
    return figure(study_figure(rows, [one for one in run.courses if one.study == study]), KINETICS_CAPTION)


def kinetics_table(rows: Sequence[Comparison], library: Library) -> Markup:
    """One line for each published value."""
    return table(
        "Published values, and what a simulated study with the same sampling and number of people gives",
        ("Study", "Quantity", "Published", "Simulated (90 % interval of such a study)", "Inside"),
        [kinetics_row(one, library) for one in rows],
        class_="numbers",
    )


def kinetics_words(rows: Sequence[Comparison]) -> list[str]:
    """How many published values the simulation holds, fitted studies and studies held back apart."""
    said = []
    for role, words in (
        (
            "calibrate",
            "of the studies the kinetics were fitted to: this checks the fit and does not test the model",
        ),
        ("validate", "of studies that were held back: this tests the model"),
    ):
        chosen = [one for one in rows if one.role == role]
        if chosen:
            inside = sum(one.inside for one in chosen)
            said.append(
                f"{inside} of {len(chosen)} published values lie inside the simulated 90 % interval, {words}."
            )
    if all(one.role == "calibrate" for one in rows):
        said.append("No study was held back, because so few exist.")
    return said


def kinetics_row(one: Comparison, library: Library) -> Sequence[Content]:
    """One comparison as a row."""
    low, high = one.interval90
    published = " to ".join(plain(value) for value in one.printed_range or (one.published,))
    return (
        [source_link(one.source, library), f", {one.title}"],
        f"{one.analyte}, {statistic_words(one)}",
        [f"{published} {unit_after(one.unit)}".rstrip().replace(" ", NBSP), mark(one.status)],
        f"{plain(one.simulated)} ({plain(low)} to {plain(high)})",
        "yes" if one.inside else "no",
    )


def pain_section(run: Run, library: Library) -> Markup:
    """Trials of pain, observed and simulated: what the way from receptor to pain was fitted to."""
    heading = "Observed and fitted trials of pain"
    if not run.pain:
        return section(heading, element("p", "Not computed in this run."), anchor="pain-trials")
    return section(
        heading,
        [element("p", said) for said in pain_words(run.pain)],
        figure(pain_check_figure(run.pain), PAIN_CAPTION),
        table(
            "Change of pain against placebo (points on the scale from 0 to 10)",
            (
                "Trial",
                "Regimen",
                "Observed (standard error)",
                "Model (nine of ten such trials)",
                "Inside",
                "Used to",
            ),
            [pain_row(one, library) for one in run.pain],
            class_="numbers",
        ),
        anchor="pain-trials",
    )


def pain_words(rows: Sequence[PainComparison]) -> list[str]:
    """How many trials the model holds, and what that is worth."""
    done = [one for one in rows if one.inside is not None]
    fitted = [one for one in done if one.role == "calibrate"]
    held = [one for one in done if one.role == "validate"]
    said = []
    if fitted:
        said.append(
            f"{sum(bool(one.inside) for one in fitted)} of {len(fitted)} results lie where the model puts nine of ten such trials. "
            "The model was fitted to these trials: agreement checks the fit and validates nothing."
        )
    if held:
        said.append(
            f"Of {len(held)} results that were held back, {sum(bool(one.inside) for one in held)} lie inside: this tests the model."
        )
    else:
        said.append("No trial simulated here was held back, and none of them was of kratom.")
    waiting = list(dict.fromkeys(f"{one.title}: {one.missing}" for one in rows if one.missing))
    if waiting:
        said.append(f"Not simulated: {'; '.join(waiting)}.")
    return said


def pain_row(one: PainComparison, library: Library) -> Sequence[Content]:
    """One result of a trial as a row."""
    use = {"calibrate": "fit", "validate": "test"}[one.role]
    observed: list[Content] = [f"{signed(one.published)} ({plain(one.se)})", mark(one.status)]
    about: list[Content] = [source_link(one.source, library), f", {one.title}"]
    if one.simulated is None or one.trial_interval90 is None:
        return (about, one.arm, observed, one.missing or "not simulated", "", use)
    low, high = one.trial_interval90
    return (
        about,
        one.arm,
        observed,
        f"{signed(one.simulated)} ({signed(low)} to {signed(high)})",
        "yes" if one.inside else "no",
        use,
    )
