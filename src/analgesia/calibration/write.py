"""A fit as evidence files: values, their errors and spreads, and the correlations of the errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analgesia.calibration.fit import Fit
from analgesia.calibration.problem import Free
from analgesia.calibration.studies import DESIGNS
from analgesia.files import write_all
from analgesia.pharmacokinetics.kinetics import CORRELATIONS

if TYPE_CHECKING:
    from analgesia.evidence import Library

WORTH_WRITING = 0.15
"""Correlations nearer to 0 are left out."""

HEAD = '# Written by `{command}`: run it again instead of editing.\nname = "{name}"\n'


def documents(fit: Fit, library: Library, command: str | None = None) -> dict[str, str]:
    """File name under the evidence folder -> text. Only files this fit owns are named; priors and facts stay where they are.

    `command`: what was typed, for the first line of each file.
    """
    command = command or f"analgesia calibrate {fit.compound}"
    values = {free.name: free for free in fit.free if free.kind == "values"}
    spreads = {free.name: free for free in fit.free if free.kind == "spreads"}
    files: dict[str, str] = {}
    for name in dict.fromkeys([*values, *spreads]):
        owner, table = _place(name, library)
        files.setdefault(owner, HEAD.format(command=command, name=Path(owner).stem.removesuffix("_fitted")))
        for heading in table:
            files[owner] += _number(heading, fit, values.get(name), spreads.get(name))
    for owner in files:
        drug = library.drugs.get(Path(owner).stem.removesuffix("_fitted"))
        if drug is not None and drug.formed_from and "[formed_from.yield]" in files[owner]:
            files[owner] += f'\n[formed_from]\ndrug = "{drug.formed_from["drug"]}"\n'
    files[f"fits/{fit.compound}_correlations.toml"] = HEAD.format(
        command=command, name=CORRELATIONS
    ) + _correlations(fit, [*values.values()])
    designs = [free for free in fit.free if free.kind == "designs"]
    if designs:
        files[f"fits/{fit.compound}_designs.toml"] = HEAD.format(command=command, name=DESIGNS) + "".join(
            _number(f'parameters."{free.name}"', fit, free, None) for free in designs
        )
    return files


def write(fit: Fit, library: Library, folder: Path, command: str | None = None) -> list[Path]:
    """Write `documents` below `folder`, each file whole or not at all."""
    return write_all(documents(fit, library, command), folder)


def _place(name: str, library: Library) -> tuple[str, list[str]]:
    """The file and the table(s) of a fitted number."""
    item, _, rest = name.partition(".relative_bioavailability.")
    if rest:
        siblings = [
            drug
            for drug in library.products[item].contents
            if drug in library.drugs and library.drugs[drug].parameters
        ]
        return f"products/{item}_fitted.toml", [f"relative_bioavailability.{drug}" for drug in siblings]
    drug, _, key = name.rpartition(".")
    heading = "formed_from.yield" if key == "formation_yield" else f"parameters.{key}"
    return f"drugs/{drug}_fitted.toml", [heading]


def _number(heading: str, fit: Fit, value: Free | None, spread: Free | None) -> str:
    sources = ", ".join(f'"{source}"' for source in fit.sources)
    lines = [f"\n[{heading}]"]
    lines += [
        f"value = {fit.value(value):.4g}" if value else "value = 1",
        f'unit = "{value.unit if value else "1"}"',
    ]
    lines += ['status = "fitted"', f"fitted_to = [{sources}]"]
    about = value or spread
    studies = fit.studies_of(about.drug) if about else ()
    if studies:
        lines.append(f'at = "printed results in {", ".join(f"trials/{study}.toml" for study in studies)}"')
    if value:
        lines.append(f"gsd = {math.exp(fit.error(value)):.3g}")
        if fit.error(value) > 0.9 * value.sd:
            lines.append('note = "the data say little: this is the prior"')
    if spread:
        lines.append(f"iiv = {fit.value(spread):.3g}")
    return "\n".join(lines) + "\n"


def _correlations(fit: Fit, values: Sequence[Free]) -> str:
    sources = ", ".join(f'"{source}"' for source in fit.sources)
    text = ""
    for at, one in enumerate(values):
        for other in values[:at]:
            value = fit.correlation(one, other)
            if abs(value) >= WORTH_WRITING:
                text += f'\n[parameters."{one.name}"."{other.name}"]\nvalue = {value:.2f}\nunit = "1"\n'
                text += f'status = "fitted"\nfitted_to = [{sources}]\n'
    return text
