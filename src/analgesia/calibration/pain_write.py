"""A fit to trials of pain as evidence files: values with their errors, and the correlations of the errors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from analgesia.calibration.pain import CORRELATIONS, PainFit, Target
from analgesia.files import write_all

if TYPE_CHECKING:
    from analgesia.evidence import Library

HEAD = "# Written by `analgesia calibrate pain`: run it again instead of editing.\n"
WORTH_WRITING = 0.15
"""Correlations nearer to 0 are left out."""
UNMOVED = 0.9
"""Share of the prior's spread above which the data are said to say little."""


def documents(fit: PainFit, library: Library) -> dict[str, str]:
    """File name under the evidence folder -> text."""
    files: dict[str, str] = {}
    for target in fit.targets:
        name = f"{target.folder}/{target.record}_fitted.toml"
        files.setdefault(name, f'{HEAD}name = "{target.record}"\n')
        files[name] += _number(target, fit, library)
    files[f"fits/{CORRELATIONS}.toml"] = _correlations(fit)
    return files


def write(fit: PainFit, library: Library, folder: Path) -> list[Path]:
    """Write `documents` below `folder`, each file whole or not at all."""
    return write_all(documents(fit, library), folder)


def _sources(fit: PainFit) -> str:
    return "[" + ", ".join(f'"{source}"' for source in fit.sources) + "]"


def _number(target: Target, fit: PainFit, library: Library) -> str:
    number, error = target.number(library), fit.error(target)
    lines = [
        f"\n[parameters.{target.parameter}]",
        f"value = {fit.value(target):.4g}",
        f'unit = "{number.unit}"',
        'status = "fitted"',
        f"fitted_to = {_sources(fit)}",
        f"gsd = {math.exp(error):.3g}",
    ]
    if number.iiv is not None:
        lines.append(f"iiv = {number.iiv:.3g}")
    if number.within is not None:
        lines.append(f"within = [{number.within[0]:g}, {number.within[1]:g}]")
    if error > UNMOVED * fit.prior_sd(target):
        lines.append('note = "the trials say little: this is the prior"')
    return "\n".join(lines) + "\n"


def _correlations(fit: PainFit) -> str:
    text = f'{HEAD}name = "{CORRELATIONS}"\n'
    text += 'title = "Correlations of the errors of numbers fitted to trials of pain, on the log scale"\nkind = "calibration"\n'
    for at, one in enumerate(fit.targets):
        for other in fit.targets[:at]:
            value = fit.joint(one, other) / (fit.error(one) * fit.error(other))
            if abs(value) >= WORTH_WRITING:
                text += f'\n[parameters."{one.name}"."{other.name}"]\nvalue = {value:.2f}\nunit = "1"\n'
                text += f'status = "fitted"\nfitted_to = {_sources(fit)}\n'
    return text
