"""What one regimen does to concentrations: unbound at every site, total in plasma, and as a kinetic study would report it.

Healthy volunteers, each under every draw of what is not known; bands run from the 5th to the 95th percentile over both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import pathway, patients
from analgesia.claims.regimens import Documented
from analgesia.errors import ModelError
from analgesia.evidence import Library, Tally, tally
from analgesia.exposures import Exposure, exposure
from analgesia.quantities import Quantity
from analgesia.results import by_lane
from analgesia.signals import SITES

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

POPULATION = "healthy_volunteer"
BAND = (0.05, 0.5, 0.95)
FOLLOWED_H = 24.0
"""How long concentrations are drawn after the last dose."""
AFTER_DOSE_H = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0])
"""Times at which concentrations move after a dose."""
STEP_H = 1.0
LONGEST_H = 24.0 * 62
MOST_LANES = 20_000
"""People times draws held at once (some GB of concentrations)."""


@dataclass(frozen=True)
class Size:
    """People, draws of ignorance, seed."""

    patients: int = 100
    draws: int = 20
    seed: int = 1

    @property
    def words(self) -> str:
        """Said on the page."""
        return f"{self.patients} people under {self.draws} draws of what is not known"


@dataclass(frozen=True)
class Exposed:
    """One regimen followed: bands [quantile, time] of free concentration (nM) by analyte and site, and the simulated study.

    `peaks` and `totals` are the highest free concentration by analyte and site, and the highest total one in plasma, nM by lane.
    """

    regimen: Documented
    time: Floats
    free: Mapping[tuple[str, str], Floats]
    peaks: Mapping[tuple[str, str], Floats]
    totals: Mapping[str, Floats]
    study: Exposure
    failed: int
    used: Tally

    @property
    def analytes(self) -> list[str]:
        """What was followed: the drugs taken and what they turn into."""
        return list(self.study.analytes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "regimen": self.regimen.to_dict(),
            "population": POPULATION,
            "time": {"values": self.time.tolist(), "unit": "h"},
            "free_concentration": [
                {
                    "analyte": analyte,
                    "site": site,
                    "unit": "nM",
                    "percentiles": [100.0 * one for one in BAND],
                    "values": bands.tolist(),
                }
                for (analyte, site), bands in self.free.items()
            ],
            "study": self.study.to_dict(),
            "failed": self.failed,
            "numbers": self.used.counts,
        }


def follow(regimen: Documented, library: Library, size: Size, progress: Progress | None = None) -> Exposed:
    """Give the regimen to healthy volunteers. Raises ModelError, UnitError or EvidenceError for what cannot be given."""
    if size.patients * size.draws > MOST_LANES:
        raise ModelError(
            f"{size.patients:,} people under {size.draws:,} draws are {size.patients * size.draws:,} runs, more than the "
            f"{MOST_LANES:,} that are held at once; ask for fewer --patients or --draws"
        )
    arm = regimen.arm.renamed("regimen")
    time = times_of(arm)
    with tally() as used:
        study = exposure(
            arm.item,
            arm.dose,
            route=arm.route,
            every=arm.every,
            doses=arm.doses,
            population=POPULATION,
            size=size.patients * size.draws,
            seed=size.seed,
            library=library,
            progress=progress,
        )
        people = patients.population(POPULATION, size.patients, size.seed, library)
        run = pathway.simulate(
            people, [arm], library=library, times=time, seed=size.seed, replicates=size.draws, cord=False
        )
    free, peaks, totals, failed = {}, {}, {}, 0
    for analyte in study.analytes:
        grams = library.drugs[analyte].molar_mass.to("g/mol")
        totals[analyte] = _lanes(run.plasma.sel(arm="regimen", analyte=analyte)).max(axis=1) * 1e3 / grams
        for site in SITES:
            lanes = _lanes(run.concentration.sel(arm="regimen", analyte=analyte, site=site))
            good = np.isfinite(lanes).all(axis=1)
            failed = max(failed, int(np.sum(~good)))
            peaks[analyte, site] = lanes.max(axis=1)
            if good.any():
                free[analyte, site] = np.quantile(lanes[good], BAND, axis=0)
    return Exposed(regimen, time, free, peaks, totals, study, failed, used)


def _lanes(course: Any) -> Floats:
    """A course of every lane [lane, time]."""
    values = by_lane(course)
    return values.reshape(-1, values.shape[-1])


def times_of(arm: pathway.Arm) -> Floats:
    """Hours at which concentrations are drawn: dense after every dose, to a day after the last one."""
    every = 0.0 if arm.every is None else Quantity.parse(arm.every).to("h")
    given = np.arange(arm.doses) * every
    end = float(given[-1]) + FOLLOWED_H
    if end > LONGEST_H:
        raise ModelError(
            f"{arm.doses} doses, one every {arm.every}, take {end:.0f} h; at most {LONGEST_H:.0f} h are drawn: ask for fewer doses"
        )
    dense = (given[:, None] + AFTER_DOSE_H).ravel()
    return np.unique(np.concatenate([np.arange(0.0, end + STEP_H / 2, STEP_H), dense[dense <= end]]))
