"""A fit of ectopic discharge as an evidence file: mean drive and scatter of damage with their intervals."""

from __future__ import annotations

from pathlib import Path

from analgesia.calibration.ectopia import CONDITION, FAST, EctopiaFit
from analgesia.files import write_all
from analgesia.nerve.ectopia import CLASSES

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
        f"at {FAST:g} Hz or more (Monte Carlo error {fit.spread_monte_carlo:.3f}); ci95 from the errors of both shares; the errors of "
        f"drive and spread correlate by {fit.correlation:.1f}"
    )
    text = HEAD.format(command=command, name=NEURON)
    text += _number("drive", fit.drive, "pA", fit.drive95, drive, fit, 2)
    text += _number("damage_spread", fit.damage_spread, "1", fit.damage_spread95, spread, fit, 3)
    return {f"neurons/{NEURON}_fitted.toml": text}


def write(fit: EctopiaFit, folder: Path, command: str) -> list[Path]:
    """Write `documents` below `folder`, each file whole or not at all."""
    return write_all(documents(fit, command), folder)


def _number(
    name: str, value: float, unit: str, ci95: tuple[float, float], note: str, fit: EctopiaFit, digits: int
) -> str:
    lines = [
        f"\n[parameters.population.{name}]",
        f"value = {value:.{digits}f}",
        f'unit = "{unit}"',
        'status = "fitted"',
        "fitted_to = [" + ", ".join(f'"{source}"' for source in fit.sources) + "]",
        f"ci95 = [{ci95[0]:.{digits}f}, {ci95[1]:.{digits}f}]",
        f'note = "{note}"',
    ]
    return "\n".join(lines) + "\n"
