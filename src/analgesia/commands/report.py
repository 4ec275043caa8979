"""Write self-contained pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    write_json,
)
from analgesia.commands.check import size_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analgesia.evidence import Library
    from analgesia.report.build import Report

SUMMARY = "Self-contained HTML pages (or JSON): judged claims, one drug, one product."

html_option = click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the page here.",
)


class Pages(click.Group):
    """The pages; `claims` is meant where none is named, so that `analgesia report [CLAIM]...` works as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `claims` in front of what does not begin with the name of a page."""
        named = bool(args) and args[0] in (*self.commands, *ctx.help_option_names)
        if not named and not (ctx.resilient_parsing and not args):
            args = ["claims", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Pages)
def command() -> None:
    """Write one HTML page that needs no network, or print its content as JSON: on claims (meant where no page is named), on one
    drug, or on one product.

    Example: analgesia report drug morphine --html morphine.html
    """


def today() -> str:
    """The day on which a page is made (ISO)."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


def where_to(html: Path | None, as_json: bool) -> None:
    """Refuse, before anything is computed, a page that is asked for nowhere or cannot be written."""
    if html is None and not as_json:
        raise click.UsageError("say where to write the page (--html FILE), or ask for --json")
    if html is not None and not html.parent.is_dir():
        raise click.BadParameter(f"there is no folder {html.parent}", param_hint="--html")


def hand_over(page: str, data: Mapping[str, Any], html: Path | None, as_json: bool) -> None:
    """Write the page, print the data."""
    from analgesia.files import write_whole

    if html is not None:
        write_whole(html, page)
        click.echo(f"wrote {html} ({len(page.encode()) / 1e6:.1f} MB)", err=as_json)
    if as_json:
        write_json(data)


def make(
    library: Library,
    claims: Sequence[str],
    patients: int | None,
    draws: int | None,
    seed: int,
    folders: Sequence[Path] = (),
) -> Report:
    """Build the page of claims, showing progress on the error stream. `folders`: those laid over the evidence."""
    import shlex

    from analgesia import __version__
    from analgesia.claims.experiment import Size
    from analgesia.report.build import build

    words = ["analgesia report claims", *claims, "--html report.html", f"--seed {seed}"]
    words += [f"--patients {patients}"] * (patients is not None) + [f"--draws {draws}"] * (draws is not None)
    words += [f"--evidence {shlex.quote(str(folder))}" for folder in folders]
    with progress("judging claims", "steps") as shown:
        return build(
            claims,
            library,
            size=Size(patients, draws, seed),
            command=" ".join(words),
            version=__version__,
            made=today(),
            progress=shown,
        )


@command.command("claims")
@click.argument("claims", nargs=-1, metavar="[CLAIM]...", shell_complete=offer("claim"))
@html_option
@size_options
@json_option
@pass_settings
def claims_page(
    settings: Settings,
    claims: tuple[str, ...],
    html: Path | None,
    patients: int | None,
    draws: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge each CLAIM (all of them without any): evidence, mechanism, prediction and verdict, side by side."""
    where_to(html, as_json)
    library = settings.library()
    _refuse_things(claims, library)
    made = make(library, claims, patients, draws, seed, settings.evidence)
    hand_over(made.html, made.data, html, as_json)


def _refuse_things(claims: Sequence[str], library: Library) -> None:
    """Name the page that was meant where a drug or product stands in the place of a claim."""
    if claims and claims[0] in ("drug", "product"):
        raise click.UsageError(f"the page comes first: analgesia report {claims[0]} NAME --html FILE")
    for name in claims:
        for kind in ("drug", "product"):
            if name in library.folder(kind) and name not in library.claims:
                raise click.UsageError(
                    f"{name} is no claim but a {kind}: analgesia report {kind} {name} --html FILE"
                )


def item_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of the page of a drug or product."""
    for option in reversed(
        (
            html_option,
            click.option(
                "--dose",
                metavar="AMOUNT",
                help='Taken at once: "10 mg".  [default: the first documented one]',
            ),
            click.option("--route", help="oral, intravenous, ...  [default: oral]"),
            click.option("--every", metavar="TIME", help='Interval between doses, such as "8 h".'),
            click.option("--doses", type=click.IntRange(1, 10_000), help="How many doses.  [default: 1]"),
            click.option(
                "--patients",
                type=click.IntRange(1, MAXIMUM_PATIENTS),
                default=100,
                show_default=True,
                help="How many people.",
            ),
            click.option(
                "--draws",
                type=click.IntRange(1, 100_000),
                default=20,
                show_default=True,
                help="How many draws of what is not known.",
            ),
            seed_option,
            evidence_option,
            json_option,
        )
    ):
        function = option(function)
    return function


def make_item(kind: str, name: str, settings: Settings, options: Mapping[str, Any]) -> None:
    """Gather what is known of a drug or product, write its page, print its content."""
    from analgesia import __version__
    from analgesia.report.exposed import Size
    from analgesia.report.item import gather
    from analgesia.report.pages import item_page

    html, as_json = options["html"], options["as_json"]
    where_to(html, as_json)
    asked = {key: options[key] for key in ("dose", "route", "every", "doses")}
    size = Size(options["patients"], options["draws"], options["seed"])
    library = settings.library()
    with progress(f"page of {name}") as shown:
        item = gather(
            kind,
            name,
            library,
            asked=asked,
            size=size,
            command=item_command(kind, name, asked, size, settings.evidence),
            version=__version__,
            made=today(),
            progress=shown,
        )
    hand_over(item_page(item, library) if html is not None else "", item.to_dict(library), html, as_json)


def item_command(
    kind: str, name: str, asked: Mapping[str, Any], size: Any, folders: Sequence[Path] = ()
) -> str:
    """The command line that makes the page again. `folders`: those laid over the evidence."""
    import shlex

    words = ["analgesia", "report", kind, name]
    for key, value in asked.items():
        words += [f"--{key}", str(value)] * (value is not None)
    words += ["--html", f"{name}.html", "--patients", str(size.patients), "--draws", str(size.draws)]
    for folder in folders:
        words += ["--evidence", str(folder)]
    return shlex.join([*words, "--seed", str(size.seed)])


@command.command("drug")
@click.argument("name", shell_complete=offer("drug"))
@item_options
@pass_settings
def drug_page(settings: Settings, /, name: str, **options: Any) -> None:
    """One drug: identity, kinetics, exposure at a documented dose, targets, margins, harms, and what is not known."""
    make_item("drug", name, settings, options)


@command.command("product")
@click.argument("name", shell_complete=offer("product"))
@item_options
@pass_settings
def product_page(settings: Settings, /, name: str, **options: Any) -> None:
    """One product: contents per gram, exposure of each alkaloid after a documented dose, and what is not known."""
    make_item("product", name, settings, options)
