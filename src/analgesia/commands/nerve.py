"""What a nerve fibre conducts: velocity, latency, slowing and failure of every pulse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from analgesia.commands._common import (
    QuantityType,
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
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.nerve.ask import Question
    from analgesia.nerve.branch import BranchAnswer
    from analgesia.nerve.conduction import Conduction

SUMMARY = "Stimulate a nerve fibre: conduction velocity, latency, slowing, failure; drugs and injury."

MAXIMUM_PULSES = 1_000_000
MAXIMUM_PULSES_OF_CABLES = 10_000
MAXIMUM_PEOPLE = 1_000
SHOWN = 12
FIBRES = ("c", "c_polymodal", "a_delta", "a_beta")


def _complete_fibre(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the fibres to the shell."""
    return [name for name in FIBRES if name.startswith(incomplete)]


@click.command()
@click.option(
    "--fibre",
    default="c",
    show_default=True,
    metavar="NAME",
    help="c, c_polymodal, a_delta or a_beta.",
    shell_complete=_complete_fibre,
)
@click.option(
    "--diameter",
    type=QuantityType(like="1 um"),
    help="Diameter of the fibre, myelin included.  [default: that of the fibre's file: 1 um for c, 4.5 for a_delta, 9.4 for a_beta]",
)
@click.option(
    "--length",
    type=QuantityType(like="20 mm"),
    default="20 mm",
    show_default=True,
    help="Length of the fibre.",
)
@click.option(
    "--stimulate",
    "rate",
    type=QuantityType(like="2 Hz"),
    metavar="RATE",
    help='Rate of the pulses, such as "2 Hz".  [default: 1 Hz]',
)
@click.option(
    "--pulses",
    type=click.IntRange(1, MAXIMUM_PULSES),
    help="How many pulses; a cable takes up to 10000.  [default: 1; 2 with --interval]",
)
@click.option(
    "--interval",
    type=QuantityType(like="8 ms"),
    metavar="TIME",
    help='Time between pulses instead of a rate, such as "8 ms".',
)
@click.option(
    "--times",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Pulses at the times (ms, ascending) that stand in FILE, such as bursts, instead of a rate.",
)
@click.option(
    "--surrogate",
    is_flag=True,
    help="Answer from a surrogate learned from the cable, with its error: for long runs.",
)
@click.option(
    "--drug",
    "drugs",
    multiple=True,
    metavar="TEXT",
    help='Drug at the nerve, unbound, such as "lidocaine 0.3 mM" (repeatable: all are there together).',
    shell_complete=offer("drug"),
)
@click.option(
    "--prior", is_flag=True, help="Let drugs on which no channel was ever measured act as our guess allows."
)
@click.option(
    "--condition",
    metavar="NAME",
    help="Injured fibre, such as painful_diabetic_neuropathy.  [default: healthy]",
    shell_complete=offer("condition"),
)
@click.option(
    "--severity", type=click.FloatRange(0, 1), help="Severity of the condition.  [default: its typical one]"
)
@click.option(
    "--precision",
    type=click.Choice(["double", "single"]),
    default="double",
    show_default=True,
    help="Single is quicker; latencies differ by less than 0.001 ms.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw latencies and the travelling spike into FILE; with --patients, velocity over diameter and slowing.",
)
@click.option(
    "--kymograph",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the travelling spike alone, voltage over place and time, into FILE.",
)
@click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PEOPLE),
    metavar="N",
    help="Run the fibre of each of N people, who differ in diameter and severity.  [default: the one fibre of the file]",
)
@click.option(
    "--branch",
    is_flag=True,
    help="Ask how fast trains pass the branch to the cell body: the highest rate at which every pulse arrives.",
)
@seed_option
@evidence_option
@json_option
@pass_settings
def command(
    settings: Settings,
    fibre: str,
    diameter: Quantity | None,
    length: Quantity,
    rate: Quantity | None,
    pulses: int | None,
    interval: Quantity | None,
    listed: Path | None,
    surrogate: bool,
    drugs: tuple[str, ...],
    prior: bool,
    condition: str | None,
    severity: float | None,
    precision: Literal["double", "single"],
    picture: Path | None,
    kymograph: Path | None,
    patients: int | None,
    branch: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Stimulate a fibre at one end and record what arrives near the other.

    Defaults: 20 mm of fibre at 37 degrees; rectangular pulses of 1 ms at twice the threshold of the healthy fibre, into its first
    compartment; recorded at 5, 30 and 90 % of the length. Velocity is measured between the last two for the first pulse that arrives,
    latency at the last one, slowing against the first pulse that arrives. Up to 8 pulses are run at 25 um and 0.0125 ms (for a fibre of
    1 um; the grid grows as the root of the diameter), more at 50 um and 0.025 ms. Two pulses with --interval measure the recovery
    cycle: the slowing of the second.

    Myelinated fibres (a_delta, a_beta): pulses of 0.1 ms into the first node, recorded at the nodes nearest to those places; one
    compartment for each node and ten for each internode, steps of 0.0025 ms up to 8 pulses and 0.005 ms for more, 1000 pulses at
    most; more are answered by a delay line that was taken from the cable.

    With --surrogate, latency and loss of each pulse come from the history of firing, by equations learned from runs of the same cable: the
    first question to a fibre learns them (some 30 s of one processor), later ones answer at once. The error on trains it was not learned
    from is part of the answer; of pulses outside what it learned nothing is said, and a fibre that cannot be learned is refused.

    With --patients, people differ in the diameter of their fibre as recorded C fibres differ in velocity, and in severity as the
    condition's file says; densities of channels are alike in all.

    With --branch, trains (20 pulses unless --pulses says otherwise) go past the branch of the axon to its cell body, and along the same
    fibre without it: the rate is raised until a pulse is lost, then narrowed down to 5 %. The branch has its own widths and lengths.

    Example: analgesia nerve --fibre c --diameter 1um --stimulate 2Hz --pulses 360
    """
    from analgesia.errors import ModelError
    from analgesia.files import check_picture
    from analgesia.nerve import pictures
    from analgesia.nerve.ask import Question, ask, by_delay_line

    if severity is not None and condition is None:
        raise ModelError("--severity says how severe a --condition is: name one")
    if branch:
        _refuse(BESIDE_BRANCH, "--branch has its own geometry and seeks the rate itself")
        asked = Question(fibre=fibre, drugs=drugs, prior=prior, condition=condition, severity=severity)
        _answer_branch(asked, settings, pulses, as_json)
        return
    if kymograph is not None and patients is not None:
        raise ModelError("--kymograph shows one fibre: leave out --patients")
    for path in (picture, kymograph):
        if path is not None:
            check_picture(path)
    moments = _moments(rate, interval, pulses, listed)
    if surrogate:
        _refuse(BESIDE_SURROGATE, "--surrogate answers for one fibre, learned once, and has no voltage")
    elif len(moments) > MAXIMUM_PULSES_OF_CABLES:
        raise ModelError(
            f"{len(moments)} pulses: a cable takes at most {MAXIMUM_PULSES_OF_CABLES}; --surrogate takes more"
        )
    question = Question(
        fibre=fibre,
        diameter=None if diameter is None else diameter.to("um"),
        length=length.to("mm"),
        times=moments,
        drugs=drugs,
        prior=prior,
        condition=condition,
        severity=severity,
        precision=precision,
    )
    if surrogate:
        _answer_long(question, settings, picture, as_json)
        return
    if patients is not None:
        _answer_people(question, settings, patients, seed, picture, as_json)
        return
    seen = picture is not None or kymograph is not None
    if kymograph is not None and by_delay_line(question):
        raise ModelError(
            f"so many pulses in {fibre} fibres are a delay line: there is no voltage along it to draw"
        )
    with progress("nerve", unit="blocks of steps") as report:
        answer = ask(question, settings.library(), course=seen, progress=report)
    if picture is not None:
        pictures.latencies(answer.conduction, answer.title, picture, answer.course)
    if kymograph is not None and answer.course is not None:
        pictures.kymograph(answer.course, answer.title, kymograph)
    if as_json:
        write_json(answer.to_dict())
        return
    _print(answer.conduction, answer.title, answer.to_dict(), [p for p in (picture, kymograph) if p])


BESIDE_BRANCH = (
    "diameter", "length", "rate", "interval", "precision", "picture", "kymograph", "patients", "seed", "listed", "surrogate"
)  # fmt: skip
"""Options that a question about the branch does not take."""
BESIDE_SURROGATE = ("precision", "kymograph", "patients", "seed")
"""Options that a question to a surrogate does not take."""


def _refuse(beside: tuple[str, ...], why: str) -> None:
    """Refuse, by its name, an option that was given and would be ignored."""
    from click.core import ParameterSource

    from analgesia.errors import ModelError

    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if option.name in beside and given:
            raise ModelError(f"{why}: leave out {option.opts[0]}")


def _print_branch(found: BranchAnswer) -> None:
    click.echo(found.title)
    for words, one in (("past the branch", found.branch), ("without it", found.straight)):
        low, high = one.to_dict()["bounds_hz"]
        rate = one.frequency
        shown = (
            f"below {low:g} Hz"
            if rate == 0.0
            else f"at least {high:g} Hz"
            if rate == high
            else f"{rate:.3g} Hz"
        )
        click.echo(f"following frequency {words}: {shown}")
    rows = [(f"{rate:.3g}", f"{share:.0%}") for rate, share in found.branch.tried]
    click.echo("\n" + table(("rate (Hz)", "arrived past the branch"), rows))
    _print_end(found.to_dict(), [])


def _moments(
    rate: Quantity | None, interval: Quantity | None, pulses: int | None, listed: Path | None
) -> tuple[float, ...]:
    """Times of the pulses, ms. Raises `ModelError` for two ways of saying them."""
    from analgesia.errors import ModelError

    if rate is not None and interval is not None:
        raise ModelError("give either --stimulate or --interval, not both")
    if listed is not None:
        if not (rate is None and interval is None and pulses is None):
            raise ModelError(
                "--times says when the pulses are: leave out --stimulate, --interval and --pulses"
            )
        return _read_times(listed)
    count = pulses if pulses is not None else (2 if interval is not None else 1)
    gap = interval.to("ms") if interval is not None else 1e3 / (rate.to("Hz") if rate is not None else 1.0)
    return tuple(gap * k for k in range(count))


def _read_times(path: Path) -> tuple[float, ...]:
    """Times of pulses from a file of numbers. Raises `ModelError` where something else stands in it."""
    from analgesia.errors import ModelError

    try:
        found = tuple(float(word) for word in path.read_text(encoding="utf-8").replace(",", " ").split())
    except ValueError as wrong:
        raise ModelError(f"{path}: write the times of pulses in ms, one a line ({wrong})") from wrong
    if not found:
        raise ModelError(f"{path}: there are no times in it; write them in ms, one a line")
    return found


def _answer_branch(question: Question, settings: Settings, pulses: int | None, as_json: bool) -> None:
    """Ask how fast trains pass the branch and print."""
    from analgesia.nerve.branch import ask_branch

    given = {} if pulses is None else {"pulses": pulses}
    with progress("nerve", unit="trains") as report:
        past = ask_branch(question, settings.library(), **given, progress=report)
    if as_json:
        write_json(past.to_dict())
    else:
        _print_branch(past)


def _answer_people(
    question: Question, settings: Settings, patients: int, seed: int, picture: Path | None, as_json: bool
) -> None:
    """Ask the fibre of each of many people and print."""
    from analgesia.nerve import pictures
    from analgesia.nerve.ask import ask_people

    with progress("nerve", unit="blocks of steps") as report:
        many = ask_people(question, settings.library(), patients=patients, seed=seed, progress=report)
    if picture is not None:
        pictures.people(many.people, many.title, picture)
    if as_json:
        write_json(many.to_dict())
    else:
        _print_people(many.title, many.to_dict(), picture)


def _answer_long(question: Question, settings: Settings, picture: Path | None, as_json: bool) -> None:
    """Ask the surrogate and print."""
    from analgesia.errors import ModelError
    from analgesia.nerve import pictures
    from analgesia.nerve.long_runs import ask_long

    answer = ask_long(question, settings.library())
    shown = answer.forecast.to_conduction(question.length)
    if not shown.times.size and not as_json:
        raise ModelError("nothing can be said of any of these pulses: " + answer.notes[-1])
    if picture is not None and shown.times.size:
        pictures.latencies(shown, answer.title, picture, None)
    if as_json:
        write_json(answer.to_dict())
        return
    _print(shown, answer.title, answer.to_dict(), [picture] if picture else [])


def _print_people(title: str, data: dict[str, Any], picture: Path | None) -> None:
    click.echo(title)
    summary = data["summary"]
    rows = [
        (
            words,
            *("-" if one[key] is None else f"{one[key]:.3g}" for key in ("mean", "sd", "5%", "50%", "95%")),
        )
        for words, one in (
            ("velocity of the first spike (m/s)", summary["conduction_velocity_m_per_s"]),
            ("its latency (ms)", summary["first_latency_ms"]),
            ("slowing of the last pulse (%)", summary["last_slowing_percent"]),
        )
    ]
    click.echo("\n" + table(("over people", "mean", "SD", "5 %", "median", "95 %"), rows))
    conducting = summary["conducting_share"]
    if conducting is not None:
        click.echo(
            f"\nconducting: {conducting[0]:.0%} of people the first pulse, {conducting[-1]:.0%} the last"
        )
    if summary["failed"]:
        click.echo(f"could not be computed: {summary['failed']} people")
    _print_end(data, [picture] if picture else [])


def _print(found: Conduction, title: str, data: dict[str, Any], drawn: list[Path]) -> None:
    click.echo(title)
    velocity = data["conduction_velocity_m_per_s"]
    arrived = int(sum(found.conducted))
    click.echo(
        f"conduction velocity {velocity:.3f} m/s"
        if velocity == velocity
        else "nothing arrived: conduction is blocked"
    )
    click.echo(f"conducted {arrived} of {len(found.times)} pulses")
    count = len(found.times)
    chosen = (
        range(count)
        if count <= SHOWN
        else sorted({round(k * (count - 1) / (SHOWN - 1)) for k in range(SHOWN)})
    )
    rows = [
        (
            k + 1,
            f"{found.times[k] / 1e3:.3f}",
            *((f"{found.latency[k]:.2f}", f"{found.slowing[k]:+.1f}") if found.conducted[k] else ("-", "-")),
        )
        for k in chosen
    ]
    click.echo("\n" + table(("pulse", "at (s)", "latency (ms)", "slowing (%)"), rows))
    _print_end(data, drawn)


def _print_end(data: dict[str, Any], drawn: list[Path]) -> None:
    from analgesia.show.marks import rests_on

    click.echo(f"\n{rests_on(data['numbers'])}")
    for note in data["notes"]:
        click.echo(f"Note: {note}")
    for picture in drawn:
        click.echo(f"Picture: {picture}")
    click.echo("A simulation, not medical advice.")
