"""Who breathes: parameters of the typical subject or of the virtual population, and the state they start from.

The published population holds 2,000 people: row i of each data file (opioid kinetics, opioid binding, antagonist binding), drawn
independently and paired by number only. Everything else is the typical value.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws, solve
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library, Number
from analgesia.evidence.library import ROOT
from analgesia.evidence.schema import Harm
from analgesia.ventilation.dosing import Arrest, Falls, triggers
from analgesia.ventilation.equations import BREATHING, PARAMETERS, STATES, system
from analgesia.ventilation.regimens import antagonist, names

Array = NDArray[np.float64]

POPULATION = 2000
ONE_PICOMOLAR = 1e-3
"""In nM: the concentration at which the association rates are stated."""

VEIN = ("k10_V", "k12_V", "k21_V", "k13_V", "k31_V", "V_V")
CHAIN = ("F", "k_tr", "k_abs", "CL_N", "V_N1", "Q_N", "V_N2")
ANTAGONIST = ("k_eN", "kon_N", "koff_N", "n_N")
OPIOID = ("k10", "k12", "k21", "k13", "k31", "V_F", "k_eF", "kon_F", "koff_F", "n_F", "alpha")
SUBJECT = ("gamma_w", "gamma_c")
_COLUMNS = {
    "V1 (L)": "V_F",
    **{f"{k} (1/s)": k for k in ("k10", "k12", "k21", "k13", "k31")},
    "k_on (pM^-n s^-1)": "kon",
    "k_off (s^-1)": "koff",
    "n (1)": "n",
}
"""Header of a data file -> what it holds, in the units of the model."""


def opioid(library: Library, drug: str) -> Harm:
    """The evidence on an opioid in kinetic binding; an unknown one is an error that lists those there are."""
    record = library.harms.get(f"ventilation_{drug}")
    if record is None or record.kind != "opioid":
        lighter = drug in names(library, "receptor_form")
        raise EvidenceError(
            f"no receptor kinetics of {drug!r} for the overdose model; there are {', '.join(names(library, 'opioid'))}"
            + ("; for therapeutic doses it has the receptor form" if lighter else "")
        )
    return record


def physiology(library: Library, subject: str) -> dict[str, float]:
    """Lung, blood, chemoreflexes and the two exponents of one kind of subject, in the units of the model."""
    numbers = library.harms["ventilation"].parameters
    kinds = numbers["subjects"]
    if subject not in kinds:
        raise ModelError(f"no subject {subject!r}; there are {', '.join(kinds)}")
    own = {n: kinds[subject][n].to(PARAMETERS[n]) for n in SUBJECT}
    elsewhere = {*OPIOID, *ANTAGONIST, *CHAIN, *VEIN, *SUBJECT, "collapsing", "reference"}
    rest = {n: numbers[n].to(unit) for n, unit in PARAMETERS.items() if n not in elsewhere}
    return {**rest, **own, "collapsing": 0.0, "reference": ONE_PICOMOLAR}


def parameters(
    library: Library,
    drug: str,
    subject: str = "naive",
    *,
    rescue: str = "naloxone",
    product: str = "im",
    rows: NDArray[np.int64] | None = None,
) -> dict[str, float | Array]:
    """Everything the system needs, per patient where it differs.

    `product` names the absorbed product whose chain is used; the vein is always there. `rows` picks people of the virtual
    population (from 0); None is the typical subject.
    """
    record = opioid(library, drug)
    helper = antagonist(library, rescue)
    products = helper.parameters["products"]
    chain = (
        products[product] if product in products and "F" in products[product] else _first_with(products, "F")
    )
    vein = products.get("iv") or antagonist(library, "naloxone").parameters["products"]["iv"]
    values: dict[str, float | Array] = dict(physiology(library, subject))
    values |= {n: record.parameters[n].to(PARAMETERS[n]) for n in OPIOID}
    values |= {n: helper.parameters[n].to(PARAMETERS[n]) for n in ANTAGONIST}
    values |= {n: chain[n].to(PARAMETERS[n]) for n in CHAIN} | {n: vein[n].to(PARAMETERS[n]) for n in VEIN}
    if rows is not None:
        values |= _people(record, helper, rows)
    return {n: values[n] for n in PARAMETERS}


def rows_of(patients: int, seed: int = 1) -> NDArray[np.int64] | None:
    """Rows 0..n-1 of the virtual population; None for one patient (the typical subject); beyond 2,000 drawn with replacement."""
    if patients == 1:
        return None
    first = np.arange(min(patients, POPULATION))
    if patients <= POPULATION:
        return first
    more = draws.uniform(seed, "ventilation/resample", patients - POPULATION)
    return np.concatenate(
        [first, np.minimum((np.asarray(more) * POPULATION).astype(np.int64), POPULATION - 1)]
    )


def _people(record: Harm, helper: Harm, rows: NDArray[np.int64]) -> dict[str, Array]:
    files = record.parameters.get("population")
    if files is None:
        drug = record.identifiers["drug"]
        raise ModelError(f"{drug} has no virtual population, only the typical subject; leave out --patients")
    found: dict[str, Array] = {}
    for file, suffix in ((files.get("kinetics"), ""), (files.get("binding"), "_F")):
        found |= _read(file, suffix, rows)
    found |= _read(helper.parameters.get("population", {}).get("binding"), "_N", rows)
    scale: Mapping[str, Number] = record.parameters.get("scale", {})
    return found | {name: found[name] * factor.to("1") for name, factor in scale.items()}


def _read(file: str | None, suffix: str, rows: NDArray[np.int64]) -> dict[str, Array]:
    if file is None:
        return {}
    header, table = _table(ROOT / "harms" / file)
    names_ = [_COLUMNS.get(column) for column in header]
    return {
        name if name in PARAMETERS else name + suffix: table[rows, i]
        for i, name in enumerate(names_)
        if name is not None
    }


@lru_cache(maxsize=8)
def _table(path: Path) -> tuple[tuple[str, ...], Array]:
    with path.open(newline="", encoding="utf-8") as stream:
        header = tuple(next(csv.reader(stream)))
        table = np.loadtxt(stream, delimiter=",")
    if unknown := [c for c in header if c != "subject" and c not in _COLUMNS]:
        raise EvidenceError(
            f"{path.name}: column {unknown[0]!r} is not known; there are {', '.join(_COLUMNS)}"
        )
    if len(table) != POPULATION:
        raise EvidenceError(f"{path.name}: {len(table)} rows where {POPULATION} people are expected")
    return header, table


def _first_with(products: Mapping[str, Mapping[str, Number]], name: str) -> Mapping[str, Number]:
    return next(numbers for numbers in products.values() if name in numbers)


def steady_start(library: Library) -> dict[str, float]:
    """State of every subject before the drug: 3,600 s on room air from the published starting values.

    It depends on the physiology alone, which is the same in everybody: without a drug the exponents act on nothing.
    """
    numbers = library.harms["ventilation"].parameters
    start = tuple(numbers["start"][name].to(STATES[name]) for name in BREATHING)
    values = parameters(library, "fentanyl")
    return dict(
        _settled(tuple(float(v) for v in values.values()), start, numbers["protocol"]["settling"].to("s"))
    )


@lru_cache(maxsize=8)
def _settled(
    values: tuple[float, ...], start: tuple[float, ...], until: float
) -> tuple[tuple[str, float], ...]:
    solution = solve(
        system(),
        dict(zip(PARAMETERS, values, strict=True)),
        times=np.array([0.0, until]),
        initial=dict(zip(BREATHING, start, strict=True)),
        rtol=RELATIVE,
        atol=absolute_tolerances(),
        patients=1,
        triggers=triggers(
            (), Falls(), 0.0, Arrest(0.0, 0.0)
        ),  # never fires: the kernel compiled for it is the one of the runs
    ).raise_for_status()
    return tuple((name, float(solution.state(name)[0, -1])) for name in STATES)


RELATIVE, MANY_RELATIVE = 1e-6, 1e-5
"""Relative tolerance for one subject (ventilation right to about 1e-4 L/min) and for a population (1e-3 L/min; the same people arrest)."""

_SCALES = {"nmol": 1e2, "nM": 1.0, "mmHg": 1e2, "L/s": 1e-1, "1": 1.0}
_OWN_SCALES = {"brain_O2": 1e-3, "tissue_O2": 1e-3}


def absolute_tolerances(relative: float = RELATIVE) -> dict[str, float]:
    """What counts as nothing in each state: `relative` of its usual size."""
    return {name: relative * _OWN_SCALES.get(name, _SCALES[unit]) for name, unit in STATES.items()}
