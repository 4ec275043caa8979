"""The landscape of exposure over potency: every compound that a documented regimen brings, at every target with a number.

    margin   = max over time of C_unbound(site) / potency                  the ratio of `analgesia.claims.margins`
    distance = |log10 median| / SD,   SD = log10(upper / lower) / (2 * 1.645) of the 90 % interval

`distance` says how sure it is, over people and over what is not known, that the margin lies on the side of 1 on which its median
lies, in standard deviations of its logarithm: at 0 it is a toss, at 1.64 one run in twenty lies on the other side. The share of runs
beyond 1 is given beside it and says the same near 1, but is 0 or 1 for most margins, which would hide how
much room each has; and a probability from the normal tail, one in a million say, would claim a certainty that no run
showed. A p-value would be wrong: nothing is tested. Neither contains errors of the model's structure, or of taking a dish for a person.

A margin of 1 says that the free peak equals the potency. It says nothing on the size or the direction of an effect in anybody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import pathway, patients
from analgesia.claims.margins import Margin, margin_at
from analgesia.claims.regimens import Documented, documented
from analgesia.claims.sites import RECEPTOR_SECTIONS, TOTAL, NotKnown, Target, targets
from analgesia.errors import ModelError
from analgesia.evidence import Library, Tally, tally
from analgesia.evidence.provenance import note
from analgesia.pharmacokinetics import administration, dose_times
from analgesia.signals import SITES

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

STEP_H = 0.5
"""Spacing of the times at which exposure is followed, that of the experiments of claims."""

FINE_STEP_H, FINE_H = 0.05, 2.0
"""Spacing, and for how long after a dose, where a drug does not come by mouth or through the skin and peaks within minutes."""

SLOW_ROUTES = ("oral", "sublingual", "transdermal")

REACH_90 = NormalDist().inv_cdf(0.95)
"""Half the width of a 90 % interval in standard deviations."""

POPULATION = "healthy_volunteer"
PATIENTS, DRAWS = 20, 50
"""People, and draws of what is not known: enough for a median and an interval of a ratio that is uncertain tenfold."""

MOST_LANES = 20_000
"""People times draws held at once."""


@dataclass(frozen=True)
class Point:
    """One margin. `basis`: free drug at the site, or all drug in plasma; `spread`: the potency says how well it is known."""

    margin: Margin
    drug_class: str
    regimen: Documented
    group: str
    basis: str
    spread: bool
    fraction_unbound_status: str | None

    @property
    def where(self) -> tuple[str, str, str, str]:
        """Compound, section, target and site."""
        one = self.margin
        return (one.compound, one.kind, one.target, one.site)

    @property
    def log_median(self) -> float:
        """log10 of the median margin."""
        return math.log10(self.margin.median or math.nan)

    @property
    def distance(self) -> float:
        """How far the median lies from 1, in standard deviations of the margin's logarithm.

        0 where the lower end is 0; infinite, and drawn nowhere, where a single run leaves no spread to measure it by.
        """
        low, high = self.margin.interval90 or (math.nan, math.nan)
        if low == 0.0:
            return 0.0
        if low == high:
            return math.inf
        return abs(self.log_median) * 2.0 * REACH_90 / math.log10(high / low)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = self.margin.to_dict()
        del plain["essential"], plain["unavailable"], plain["arm"]
        return {
            **plain,
            "class": self.drug_class,
            "regimen": self.regimen.arm.name,
            "documented_by": self.regimen.source,
            "group": self.group,
            "basis": self.basis,
            "distance": self.distance,
            "potency_spread_known": self.spread,
            "fraction_unbound_status": self.fraction_unbound_status,
        }


@dataclass(frozen=True)
class Landscape:
    """All margins, what is not known, the regimens, how it was run, and the numbers it rests on."""

    points: tuple[Point, ...]
    not_known: tuple[NotKnown, ...]
    regimens: tuple[Documented, ...]
    population: str
    patients: int
    draws: int
    seed: int
    used: Tally

    @property
    def furthest(self) -> tuple[Point, ...]:
        """Of each compound, target and site the regimen that reaches furthest, in the order of the drugs."""
        best: dict[tuple[str, str, str, str], Point] = {}
        for point in self.points:
            known = best.setdefault(point.where, point)
            if (point.margin.median or 0.0) > (known.margin.median or 0.0):
                best[point.where] = point
        return tuple(best.values())

    @property
    def nearest(self) -> tuple[Point, ...]:
        """Of each compound and target the site, too, that is reached furthest: what the figure shows."""
        best: dict[tuple[str, str, str], Point] = {}
        for point in self.furthest:
            key = point.where[:3]
            if key not in best or (point.margin.median or 0.0) > (best[key].margin.median or 0.0):
                best[key] = point
        return tuple(best.values())

    def of(self, compounds: Sequence[str]) -> Landscape:
        """The part that concerns these compounds; everything without any."""
        if not compounds:
            return self
        keep = set(compounds)
        return replace(
            self,
            points=tuple(point for point in self.points if point.margin.compound in keep),
            not_known=tuple(one for one in self.not_known if one.compound in keep),
        )

    def to_dict(self, *, every_regimen: bool = False) -> dict[str, Any]:
        """Plain values for JSON: the furthest regimen of each point, or all of them."""
        shown = self.points if every_regimen else self.furthest
        return {
            "population": self.population,
            "patients": self.patients,
            "draws": self.draws,
            "seed": self.seed,
            "points": [point.to_dict() for point in shown],
            "not_known": [one.to_dict() for one in self.not_known],
            "regimens": [one.to_dict() for one in self.regimens],
            "numbers": self.used.counts,
            "sources": list(self.used.sources),
        }


def landscape(
    library: Library,
    *,
    population: str = POPULATION,
    size: int = PATIENTS,
    draws: int = DRAWS,
    seed: int = 1,
    compounds: Sequence[str] = (),
    progress: Progress | None = None,
) -> Landscape:
    """Follow every documented regimen and hold each compound it brings against each of its potencies; of `compounds` alone where named.

    The runs are kept for the life of the program: asked again, they are not repeated. Raises ModelError for more than MOST_LANES people
    times draws, EvidenceError for a regimen that cannot be taken or a target in two groups.
    """
    if size * draws > MOST_LANES:
        raise ModelError(
            f"{size:,} people under {draws:,} draws are {size * draws:,} runs per regimen, more than the {MOST_LANES:,} held at once; "
            "ask for fewer --patients or --draws"
        )
    asked = [library.drugs[name].name for name in compounds] or list(library.drugs)
    taken = [one for one in documented(library) if set(asked) & set(_brought(one, library))]
    points: list[Point] = []
    left: list[NotKnown] = []
    reached: set[str] = set()
    known: dict[str, list[Target]] = {}
    with tally() as used:
        for compound in asked:
            known[compound], apart = targets(compound, library)
            left += apart
        for done, one in enumerate(taken, start=1):
            run = _run(one, population, size, draws, seed, library)
            for number in run.used.numbers.values():
                note(number)
            reached |= set(run.analytes)
            for compound in (name for name in run.analytes if name in known):
                for target in known[compound]:
                    points += _points(one, target, run, seed, library)
            if progress is not None:
                progress(done, len(taken))
    left += _silent(library, known, reached, everyone=not compounds)
    return Landscape(tuple(points), tuple(left), tuple(taken), population, size, draws, seed, used)


def _brought(one: Documented, library: Library) -> list[str]:
    """Compounds that a regimen brings, metabolites included."""
    arm = one.arm
    given = administration(arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses, library)
    return [drug.name for drug in given.drugs]


@dataclass(frozen=True)
class Run:
    """Highest free concentration per analyte and site and highest total one, nM per lane, of one regimen, and the numbers behind it."""

    free: Mapping[tuple[str, str], Array]
    total: Mapping[str, Array]
    analytes: tuple[str, ...]
    used: Tally


@lru_cache(maxsize=256)
def _run(one: Documented, population: str, size: int, draws: int, seed: int, library: Library) -> Run:
    lanes, behind = _lanes(population, size, draws, seed, library)
    with tally() as used:
        used.merge(behind)
        found = pathway.expose(one.arm, lanes, _grid(one), library, seed)
        free = {
            (name, site): values.max(axis=1)[:, place]
            for name, values in found.unbound.items()
            for place, site in enumerate(SITES)
        }
        total = {
            name: values.max(axis=1) * 1e3 / library.drugs[name].molar_mass.to("g/mol")
            for name, values in found.total.items()
        }
    return Run(free, total, tuple(found.analytes), used)


@lru_cache(maxsize=4)
def _lanes(
    population: str, size: int, draws: int, seed: int, library: Library
) -> tuple[pathway.Lanes, Tally]:
    """The people, each in the world of their draw, and the numbers they are drawn from."""
    with tally() as used:
        people = patients.population(population, size, seed, library)
        return pathway.Lanes.of(people, draws).under_ignorance(library, seed), used


def _grid(one: Documented) -> Array:
    """Times (h) at which a regimen is followed."""
    coarse = np.arange(0.0, one.hours + 1e-9, STEP_H)
    if one.arm.route in SLOW_ROUTES:
        return coarse
    starts = dose_times(one.arm.every, one.arm.doses)
    fine = (starts[:, None] + np.arange(0.0, FINE_H, FINE_STEP_H)).ravel()
    return np.unique(np.round(np.concatenate([coarse, fine[fine <= one.hours]]), 6))


def _points(one: Documented, target: Target, run: Run, seed: int, library: Library) -> list[Point]:
    drug = library.drugs[target.compound]
    fraction = drug.fraction_unbound.get("plasma")
    found = []
    for site in target.sites:
        peak = run.total[target.compound] if target.basis == TOTAL else run.free[(target.compound, site)]
        margin = margin_at(target, site, one.arm.name, peak, seed, one.note)
        if margin is not None and margin.median is not None and margin.median > 0.0:
            found.append(
                Point(
                    margin,
                    drug.drug_class,
                    one,
                    target.group,
                    target.basis,
                    target.number.uncertainty_stated,
                    None if target.basis == TOTAL or fraction is None else fraction.status,
                )
            )
    return found


def _silent(
    library: Library, known: Mapping[str, Sequence[Target]], reached: set[str], *, everyone: bool
) -> list[NotKnown]:
    """Compounds no regimen brings, compounds without a number, the gaps of the kratom alkaloids, and targets nobody has a number of."""
    left = []
    for compound, found in known.items():
        if compound not in reached:
            reason = "no documented regimen of the library brings it"
            left += [NotKnown(compound, one.key, one.section, reason) for one in found]
            if not found:
                left.append(NotKnown(compound, None, None, f"{reason}, and no potency of it is known"))
        elif not found:
            left.append(NotKnown(compound, None, None, "no potency of it at any target is known"))
    asked = {
        key
        for drug in library.drugs.values()
        for section in RECEPTOR_SECTIONS
        for key in getattr(drug, section)
        if key in library.receptors
    }
    for compound, found in known.items():
        if library.drugs[compound].drug_class == "kratom_alkaloid" and found:
            own = {one.key for one in found}
            left += [NotKnown(compound, target, None, "no number found") for target in sorted(asked - own)]
    if everyone:
        left += [
            NotKnown(None, receptor, None, "no compound of the library has a number there")
            for receptor in library.receptors
            if receptor not in asked
        ]
    return left
