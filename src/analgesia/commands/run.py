"""Judge the twelve claims, print the verdicts, write the report: what `make run` does."""

from __future__ import annotations

from pathlib import Path

import click

from analgesia.commands._common import Settings, pass_settings
from analgesia.commands.check import print_verdicts, rows_of, size_options

SUMMARY = "Judge all claims, print the verdicts, write output/report.html."


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("output"),
    show_default=True,
    metavar="DIR",
    help="Where report.html and report.json go.",
)
@click.option("--fresh", is_flag=True, help="Compute again even if nothing has changed.")
@size_options
@pass_settings
def command(
    settings: Settings, output: Path, fresh: bool, patients: int | None, draws: int | None, seed: int
) -> None:
    """Judge all claims, print the verdict table and write one self-contained page.

    A report whose evidence, code and settings have not changed since it was written is not computed again.
    """
    import json

    from analgesia.commands._common import to_plain
    from analgesia.commands.report import make
    from analgesia.files import write_whole
    from analgesia.report.build import fingerprint, read_receipt, write_receipt

    library = settings.library()
    page, data, receipt = output / "report.html", output / "report.json", output / ".receipt.json"
    key = fingerprint(library, {"patients": patients, "draws": draws, "seed": seed})
    rows = None if fresh else read_receipt(receipt, key, (page, data))
    if rows is None:
        made = make(library, (), patients, draws, seed)
        rows = rows_of(made.judgements)
        output.mkdir(parents=True, exist_ok=True)
        write_whole(page, made.html)
        write_whole(data, json.dumps(to_plain(made.data), ensure_ascii=False, indent=1, allow_nan=False))
        write_receipt(receipt, key, (page, data), rows)
    else:
        click.echo(
            "nothing has changed: the report is as it was written (--fresh computes it again)", err=True
        )
    print_verdicts(rows)
    click.echo(f"\nReport: {page}")
