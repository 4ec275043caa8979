"""Fits of ectopic discharge as evidence files: mean drive and scatter of damage of C cells, change of drive of A cells."""

from __future__ import annotations

from pathlib import Path

from analgesia.calibration.ectopia import CONDITION, FAST, EctopiaFit
from analgesia.calibration.ectopia_a import CONDITION as A_CONDITION
from analgesia.calibration.ectopia_a import DriveFit
from analgesia.files import write_all
from analgesia.nerve.ectopia import CLASSES, LABELS

NEURON = CLASSES["c"][0]
HEAD = '# Written by `{command}`: run it again instead of editing.\nname = "{name}"\n'


def documents(fit: EctopiaFit, command: str) -> dict[str, str]:
    """File name under the evidence folder -> text. `command`: what was typed, for the first line."""
    people = CONDITION.replace("_", " ")
    share, fast = (f"{100.0 * each:.1f} %" for each in (fit.share, fit.fast))
    drive = (
        f"mean drive of a healthy cell (0: it rests where the core does), at which {share} of C units of people with {people} are active "
        f"(Monte Carlo error of the fit {fit.drive_monte_carlo:.1f} pA); ci95 from the error of the count"
    )
    spread = (
        f"log-normal spread of severity between the cells of one person (coefficient of variation), at which {fast} of active units fire "
        f"at {FAST:g} Hz or more, a share that is assumed (Monte Carlo error {fit.spread_monte_carlo:.3f}); ci95 from the errors of both "
        f"shares; the errors of drive and spread correlate by {fit.correlation:.1f}"
    )
    text = HEAD.format(command=command, name=NEURON)
    for key, value, unit, ci95, note, digits in (
        ("drive", fit.drive, "pA", fit.drive95, drive, 2),
        ("damage_spread", fit.damage_spread, "1", fit.damage_spread95, spread, 3),
    ):
        text += _number(f"parameters.population.{key}", value, unit, "ci95", ci95, note, fit.sources, digits)
    return {f"neurons/{NEURON}_fitted.toml": text}


def a_documents(fit: DriveFit, command: str) -> dict[str, str]:
    """As `documents`, of one class of A units."""
    name, condition = CLASSES[fit.unit][0], A_CONDITION
    low, high = fit.target.interval("1")
    note = (
        f"at which {LABELS[fit.unit]} units of people with {condition.replace('_', ' ')} discharge {fit.fold:.2g} times as much as healthy "
        f"ones, all taken together ({fit.injured:.2f} against {fit.healthy:.3f} Hz; Monte Carlo error of the fit "
        f"{fit.drive_monte_carlo:.1f} pA); range: {low:g} to {high:g} times, nothing else. The fold is that of rats, all of "
        "whose units were cut"
    )
    text = HEAD.format(command=command, name=condition)
    text += _number(f"changes.nerve.{name}.drive", fit.drive, "pA", "range", fit.range, note, fit.sources, 0)
    return {f"conditions/{condition}_{name}_fitted.toml": text}


def write(fit: EctopiaFit | DriveFit, folder: Path, command: str) -> list[Path]:
    """Write `documents` or `a_documents` below `folder`, each file whole or not at all."""
    texts = documents(fit, command) if isinstance(fit, EctopiaFit) else a_documents(fit, command)
    return write_all(texts, folder)


def _number(
    key: str,
    value: float,
    unit: str,
    spread: str,
    bounds: tuple[float, float],
    note: str,
    sources: tuple[str, ...],
    digits: int,
) -> str:
    """A fitted number as a table; `spread`: the field of its bounds."""
    lines = [
        f"\n[{key}]",
        f"value = {value:.{digits}f}",
        f'unit = "{unit}"',
        'status = "fitted"',
        "fitted_to = [" + ", ".join(f'"{source}"' for source in sources) + "]",
        f"{spread} = [{bounds[0]:.{digits}f}, {bounds[1]:.{digits}f}]",
        f'note = "{note}"',
    ]
    return "\n".join(lines) + "\n"
