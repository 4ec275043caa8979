"""What the commands share: settings, options, and the ways to print a result. Imports nothing heavy."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analgesia.errors import UnitError
from analgesia.quantities import Quantity

if TYPE_CHECKING:
    from analgesia.evidence import Library

MAXIMUM_PATIENTS = 1_000_000

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


@dataclass(frozen=True)
class Settings:
    """What was given before the command: folders laid over the evidence, and whether a traceback is wanted."""

    evidence: tuple[Path, ...] = ()
    debug: bool = False

    def library(self) -> Library:
        """Read the evidence with the user's folders laid over it."""
        from analgesia.evidence import load

        return load(overlays=list(self.evidence))


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def _lay_over(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    """Add folders given after the command to those given before it."""
    for name in names:
        if not name or not Path(name).is_dir():
            raise click.BadParameter(f"{name!r} is not a folder", context, parameter)
    if names:
        settings = context.find_object(Settings) or Settings()
        context.obj = replace(settings, evidence=(*settings.evidence, *map(Path, names)))


evidence_option = click.option(
    "--evidence",
    multiple=True,
    metavar="DIR",
    expose_value=False,
    callback=_lay_over,
    help="Lay a folder of your own evidence over ours (repeatable; also before the command).",
)


class QuantityType(click.ParamType[Quantity]):
    """An option that takes "VALUE UNIT", such as "8 h"; the value must be greater than 0 (or not negative).

    With `like`, an example such as "8 ms", the unit must be one that can be turned into the example's.
    """

    name = "quantity"

    def __init__(self, *, zero: bool = False, like: str | None = None) -> None:
        self.zero = zero
        self.like = like

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Quantity:
        """Parse what was typed, or fail with the usage line."""
        if isinstance(value, Quantity):
            return value
        example = None if self.like is None else Quantity.parse(self.like)
        try:
            quantity = Quantity.parse(value)
        except UnitError as error:
            cure = f'{value!r} is not a quantity: write a number and a unit, such as "{self.like}"'
            self.fail(str(error) if example is None else cure, param, ctx)
        try:
            if example is not None:
                quantity.to(example.unit)
        except UnitError as error:
            self.fail(f'{error}; write it like "{self.like}"', param, ctx)
        if quantity.of is not None:
            self.fail(f"{value!r} names {quantity.of!r} after the unit: give a number and a unit", param, ctx)
        if quantity.value < 0 or (quantity.value == 0 and not self.zero):
            self.fail(
                f"{value!r} is {'negative' if quantity.value else 'zero'}: give a positive quantity",
                param,
                ctx,
            )
        return quantity


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
population_option = click.option(
    "--population", default="healthy_volunteer", show_default=True, metavar="NAME", help="Whom to simulate."
)
patients_option = click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PATIENTS),
    default=500,
    show_default=True,
    help="How many people.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Which people: another seed, others.",
)


def to_plain(value: Any) -> Any:
    """Turn arrays, dataclasses with `to_dict`, mappings and paths into what JSON knows; what is not finite becomes null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    for method in ("to_dict", "tolist"):  # our results and xarray have the first, NumPy has the second
        if hasattr(value, method):
            return to_plain(getattr(value, method)())
    if isinstance(value, Sequence | set | frozenset):
        return [to_plain(item) for item in value]
    return str(value)


def names_of(kind: str, incomplete: str) -> list[str]:
    """Names of a kind of evidence that begin so, for the shell; none where the evidence cannot be read."""
    from analgesia.errors import AnalgesiaError
    from analgesia.evidence import load

    try:
        return [name for name in load().folder(kind) if name.startswith(incomplete)]
    except AnalgesiaError:
        return []


def offer(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What offers the names of a kind of evidence to the shell, for `shell_complete`."""
    return lambda _context, _parameter, incomplete: names_of(kind, incomplete)


def write_json(value: Any) -> None:
    """Print `value` as JSON that any reader accepts (no NaN, no infinity)."""
    click.echo(json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out `rows` under `headers` in columns, as plain text."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


@contextmanager
def progress(label: str, unit: str = "patients") -> Iterator[Progress]:
    """Show done, rate and time left on the error stream while the block runs; silent unless that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, {{task.fields[rate]}}/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, rate="?")

        def report(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:,.0f}" if speed else "?")

        yield report
