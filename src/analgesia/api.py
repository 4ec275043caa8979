"""What a user calls: people, regimens, simulations, exposures, verdicts.

    import analgesia as an

    people = an.population("painful_diabetic_neuropathy", size=200, seed=1)
    kratom = an.product("leaf_capsule").dose("4 g", every="8 h", days=7)
    result = an.simulate(people, [kratom, an.placebo])
    result.pain.mean("patient").plot()
    an.check("relieves_diabetic_neuropathy")

Every function takes `evidence=`, folders laid over the package's own facts, and says in its result which numbers and sources it
rests on. It is a research and teaching tool and gives no dosing or medical advice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analgesia import pathway
from analgesia.errors import ModelError
from analgesia.evidence import Library, load
from analgesia.pathway import Arm
from analgesia.patients import People
from analgesia.patients import population as _people
from analgesia.pharmacokinetics import administration
from analgesia.quantities import parse_positive
from analgesia.results import Result

if TYPE_CHECKING:
    from analgesia.claims.judge import Judgement
    from analgesia.exposures import Exposure

Folders = Sequence[str | Path]

placebo = pathway.PLACEBO
"""The arm without a drug. Every simulation runs it, so that a change of pain always has its comparison."""


@dataclass(frozen=True)
class Medicine:
    """A product or drug of the library; `.dose(...)` makes a regimen of it."""

    kind: str
    name: str
    default_route: str
    library: Library

    def dose(
        self,
        amount: str,
        *,
        every: str | None = None,
        doses: int | None = None,
        days: float | None = None,
        route: str | None = None,
        name: str | None = None,
    ) -> Arm:
        """Take `amount` ("4 g", "25 mg mitragynine") once, or `every` so often for a number of `doses` or of `days`.

        Raises `UnitError` for an amount that is no mass, `ModelError` for a negative one, an unknown route or `every` without an end.
        """
        count = _count(every, doses, days)
        taken = route or self.default_route
        label = name or f"{self.name} {amount}" + (f" every {every}" if every else "")
        administration(self.kind, self.name, amount, taken, every, count, self.library)
        return Arm(label, self.kind, self.name, amount, taken, every, count)


def _count(every: str | None, doses: int | None, days: float | None) -> int:
    if doses is not None and days is not None:
        raise ModelError("give either doses or days, not both")
    if every is None:
        if days is not None or (doses or 1) != 1:
            raise ModelError('repeated doses need an interval, such as every="8 h"')
        return 1
    if doses is not None:
        return doses
    if days is None:
        raise ModelError(f"every={every!r} without an end: give doses= or days=")
    return max(1, math.ceil(days * 24.0 / parse_positive(every, "h", "dosing interval") - 1e-9))


def population(name: str, size: int = 200, seed: int = 1, *, evidence: Folders = ()) -> People:
    """`size` virtual people of a population of the library, drawn by `seed`; the first n of any size are the same n people."""
    return _people(name, size, seed, _library(evidence))


def product(name: str, *, evidence: Folders = ()) -> Medicine:
    """A product of the library, such as "leaf_capsule"."""
    library = _library(evidence)
    return Medicine("product", name, library.products[name].route, library)


def drug(name: str, *, evidence: Folders = ()) -> Medicine:
    """A drug of the library, such as "morphine"; its first route is the default of `.dose`."""
    library = _library(evidence)
    routes = list(library.drugs[name].routes)
    if not routes:
        raise ModelError(
            f"{name} is not given by itself in this library: it has no route, only a parent that forms it"
        )
    return Medicine("drug", name, "oral" if "oral" in routes else routes[0], library)


def simulate(
    people: People,
    arms: Arm | Sequence[Arm],
    *,
    duration: str | None = None,
    times: Sequence[float] | None = None,
    seed: int = 1,
    replicates: int = 1,
    nodes_off: Collection[str] = (),
    evidence: Folders = (),
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run people through regimens and placebo, from dose to pain; see `analgesia.pathway.simulate`.

    `duration` defaults to the length of the longest regimen (at least a day). `replicates` draws of ignorance show how much of
    the answer is not known; 1 takes every number at its central value.
    """
    several = [arms] if isinstance(arms, Arm) else list(arms)
    return pathway.simulate(
        people,
        several,
        library=_library(evidence),
        duration=duration or _length(several),
        times=times,
        seed=seed,
        replicates=replicates,
        nodes_off=nodes_off,
        progress=progress,
    )


def exposure(
    item: str,
    dose: str,
    *,
    route: str | None = None,
    every: str | None = None,
    doses: int = 1,
    population: str = "healthy_volunteer",
    patients: int = 500,
    seed: int = 1,
    evidence: Folders = (),
    **sampling: Any,
) -> Exposure:
    """What a kinetic study of `item` would report: Cmax, Tmax, areas, half-life; see `analgesia exposure --help`."""
    from analgesia.exposures import exposure as run

    return run(
        item,
        dose,
        route=route or "oral",
        every=every,
        doses=doses,
        population=population,
        size=patients,
        seed=seed,
        library=_library(evidence),
        **sampling,
    )


def check(
    *claims: str, patients: int | None = None, seed: int = 1, evidence: Folders = ()
) -> list[Judgement]:
    """Judge claims by name (all of them without names): evidence, mechanism and prediction side by side, and the verdict."""
    from analgesia.claims.experiment import Size
    from analgesia.claims.experiment import check as run

    return run(claims, library=_library(evidence), size=Size(patients=patients, seed=seed))


def _length(arms: Sequence[Arm]) -> str:
    """Hours until one interval after the last dose of the longest regimen, at least 24."""
    hours = [
        parse_positive(arm.every, "h", "dosing interval") * arm.doses if arm.every else 24.0 for arm in arms
    ]
    return f"{max([24.0, *hours]):g} h"


def _library(folders: Folders) -> Library:
    return load(overlays=[Path(folder) for folder in folders])
