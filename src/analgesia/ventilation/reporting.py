"""A course of breathing in words, as JSON and as a figure. Nothing here suggests a dose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.files import save_picture
from analgesia.ventilation.course import Course
from analgesia.ventilation.receptor_form import Response
from analgesia.ventilation.scoring import of_two_hundred, wilson

EMERGENCY = (
    "If somebody breathes slowly or not at all, or cannot be woken: call emergency services at once. "
    "Naloxone reverses opioid effects and may have to be repeated, because it can wear off before the opioid does."
)
NATURE = (
    "A simulation of a published model for research and teaching. Agreement with the published program verifies the "
    "implementation; nobody observed these arrests. It says nothing about what is safe for a person."
)
EXTRAPOLATED = (
    "A simulation for research and teaching, in part extrapolated from cells and animals (see what is assumed). It says nothing about "
    "what is safe for a person."
)
CONSTANT_CO2 = (
    "Ventilation of volunteers breathing CO2 held constant; arterial gases are not followed in this form."
)
BAND = (5.0, 95.0)
SHOWN_MINUTES = (0, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)


def course_dict(course: Course) -> dict[str, Any]:
    """What was asked and what came out. A population gives medians over people, with 5th and 95th percentiles beside them."""
    series = {
        "ventilation_L_per_min": course.ventilation,
        "PaO2_mmHg": course.arterial_oxygen,
        "PaCO2_mmHg": course.arterial_carbon_dioxide,
        "occupancy": course.occupancy,
        "antagonist_occupancy": course.antagonist_occupancy,
        "blood_flow_L_per_min": course.blood_flow,
        "opioid_plasma_nM": course.opioid_plasma,
        "antagonist_plasma_nM": course.antagonist_plasma,
    }
    answer: dict[str, Any] = {
        "model": "overdose model with kinetic binding",
        "opioid": course.opioid,
        "bolus_mg": course.milligrams,
        "subject": course.subject,
        "antagonists": [r.text for r in course.regimens],
        "patients": course.patients,
        "with_arrest": course.with_arrest,
        "out_of_range": bool(course.out_of_range),
        "out_of_range_because": list(course.out_of_range),
        "time_s": course.times,
        **{name: np.median(values, axis=0) for name, values in series.items()},
    }
    if course.patients == 1:
        answer |= {
            "arrest": bool(course.arrested[0]) if course.with_arrest else None,
            "collapse_s": float(course.collapse_time[0]),
            "antagonist_given_s": list(course.given[0]),
        }
    else:
        answer["percentiles"] = {
            f"{q:g}": {name: np.percentile(values, q, axis=0) for name, values in list(series.items())[:4]}
            for q in BAND
        }
        answer |= _arrests(course)
    return answer | _standing(course.numbers, course.sources, course.library)


def _arrests(course: Course) -> dict[str, Any]:
    if not course.with_arrest:
        return {"arrest_percent": None, "interval95": None}
    count = int(course.arrested.sum())
    middle, low, high = of_two_hundred(course.arrested, course.seed)
    return {
        "arrest_percent": 100.0 * count / course.patients,
        "interval95": list(wilson(count, course.patients)),
        "interval95_is": f"Wilson interval of a proportion for {course.patients} people: sampling alone, not ignorance of the model",
        "of_200": {
            "median": middle,
            "interval95": [low, high],
            "is": "2,500 resamples of 200 people, the published convention",
        },
        "given_antagonist_percent": 100.0 * sum(bool(times) for times in course.given) / course.patients,
    }


def response_dict(
    response: Response, subject: str, doses: dict[str, float], out_of_range: Sequence[str]
) -> dict[str, Any]:
    """The lighter form: the central course and, over people and what is not known, its 2.5th and 97.5th percentiles."""
    answer: dict[str, Any] = {
        "model": "receptor form",
        "opioid": response.drug,
        **doses,
        "subject": subject,
        "out_of_range": bool(out_of_range),
        "out_of_range_because": list(out_of_range),
        "time_s": response.times * 3600.0,
        "ventilation_L_per_min": response.ventilation[0],
        "ventilation_percent_of_start": 100.0 * response.share[0],
        "PaO2_mmHg": None,
        "PaCO2_mmHg": None,
        "occupancy": response.occupancy[0],
        "condition": CONSTANT_CO2,
        "translations": list(response.translations),
        "assumptions": list(response.assumptions),
    }
    if len(response.share) > 1:
        low, high = np.percentile(100.0 * response.share, [2.5, 97.5], axis=0)
        answer["ventilation_percent_interval95"] = {
            "2.5": low,
            "97.5": high,
            "is": "people and what is not known, together",
        }
    return answer | {"note": EXTRAPOLATED, "emergency": EMERGENCY}


def _standing(numbers: Any, sources: Sequence[str], library: str) -> dict[str, Any]:
    return {
        "numbers": dict(numbers),
        "sources": list(sources),
        "library": library,
        "note": NATURE,
        "emergency": EMERGENCY,
    }


def course_rows(course: Course) -> tuple[list[str], list[list[str]]]:
    """A short table: ventilation, gases and occupancy at a few times."""
    headers = ["min", "ventilation L/min", "PaO2 mmHg", "PaCO2 mmHg", "occupancy"]
    columns = (course.ventilation, course.arterial_oxygen, course.arterial_carbon_dioxide, course.occupancy)
    rows = []
    for minute in SHOWN_MINUTES:
        if minute * 60.0 > course.times[-1] + 1e-6:
            break
        i = int(np.argmin(np.abs(course.times - minute * 60.0)))
        values = [float(np.median(c[:, i])) for c in columns]
        rows.append(
            [f"{minute}", f"{values[0]:.2f}", f"{values[1]:.1f}", f"{values[2]:.1f}", f"{values[3]:.3f}"]
        )
    return headers, rows


def response_rows(response: Response) -> tuple[list[str], list[list[str]]]:
    """A short table of the lighter form."""
    rows = []
    for minute in SHOWN_MINUTES:
        if minute / 60.0 > response.times[-1] + 1e-9:
            break
        i = int(np.argmin(np.abs(response.times - minute / 60.0)))
        low, high = np.percentile(100.0 * response.share[:, i], [2.5, 97.5])
        rows.append(
            [
                f"{minute}",
                f"{100.0 * response.share[0, i]:.0f}",
                f"{low:.0f} to {high:.0f}",
                f"{response.occupancy[0, i]:.3f}",
            ]
        )
    return ["min", "ventilation % of start", "95 % of people and guesses", "occupancy"], rows


def course_figure(course: Course, path: Path) -> None:
    """Ventilation, gases and receptors over time, written to `path` (format by its ending)."""
    minutes = course.times / 60.0
    panels: list[tuple[str, list[tuple[str, NDArray[np.float64]]]]] = [
        ("ventilation (L/min)", [("", course.ventilation)]),
        (
            "pressure (mmHg)",
            [("arterial O2", course.arterial_oxygen), ("arterial CO2", course.arterial_carbon_dioxide)],
        ),
        ("bound receptors", [(course.opioid, course.occupancy), ("antagonist", course.antagonist_occupancy)]),
    ]
    title = f"{course.opioid} {course.milligrams:g} mg, {course.subject}" + "".join(
        f"\n{r.text}" for r in course.regimens
    )
    _draw(minutes, panels, title, [t / 60.0 for t in course.given[0]] if course.patients == 1 else [], path)


def response_figure(response: Response, path: Path) -> None:
    """Ventilation as a share of its start, and occupancy."""
    panels = [
        ("ventilation (% of start)", [("", 100.0 * response.share)]),
        ("bound receptors", [("", response.occupancy)]),
    ]
    _draw(response.times * 60.0, panels, f"{response.drug}: {CONSTANT_CO2}", [], path)


def _draw(
    minutes: NDArray[np.float64],
    panels: Sequence[tuple[str, list[tuple[str, NDArray[np.float64]]]]],
    title: str,
    marks: Sequence[float],
    path: Path,
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 2.3 * len(panels) + 0.8), layout="constrained")
    for axes, (label, lines) in zip(
        figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels, strict=True
    ):
        for name, values in lines:
            (line,) = axes.plot(minutes, np.median(values, axis=0), label=name or None)
            if len(values) > 1:
                low, high = np.percentile(values, BAND, axis=0)
                axes.fill_between(minutes, low, high, alpha=0.2, color=line.get_color(), linewidth=0)
        for mark in marks:
            axes.axvline(mark, color="0.5", linestyle=":", linewidth=1)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0.0)
        if len(lines) > 1:
            axes.legend(frameon=False)
    axes.set_xlabel("minutes since the dose")
    figure.suptitle(title, fontsize=9)
    try:
        save_picture(figure, path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the figure cannot be written: {error}") from None
