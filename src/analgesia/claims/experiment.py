"""The experiments of several claims, run together where they share people, and the claims judged from them.

Claims about one population share one run: the same people, the same draws of ignorance, every regimen once. Kinetics
are solved on a fine grid of times for margins and exposure; the nervous system, which is dearer, at fewer times, and
only when a claim's endpoint asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analgesia import pathway, patients
from analgesia.claims.endpoints import PLACEBO, Endpoint, endpoint_of, hours
from analgesia.claims.judge import Judgement, judge
from analgesia.claims.margins import potency_of
from analgesia.claims.mechanism import check_mechanism, margins_of
from analgesia.claims.prediction import Prediction, arm_prediction, between_trials_of, validation_of
from analgesia.errors import AnalgesiaError, EvidenceError, ModelError
from analgesia.evidence import Footing, Library, Tally, tally
from analgesia.evidence.claim_schema import Claim, ExperimentArm
from analgesia.pharmacokinetics import administration
from analgesia.results import by_lane

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

EXPOSURE_STEP_H = 0.5
"""Spacing of the times at which exposure is followed; peaks come about an hour after a dose."""

LONGEST_H = 24.0 * 366
"""Longest experiment that is run hour by hour."""

MOST_LANES = 20_000
"""People times draws that one experiment may hold in memory at once (about 3 GB of concentrations)."""

BAND = (0.05, 0.5, 0.95)
"""Quantiles kept of a time course."""


@dataclass(frozen=True)
class Size:
    """How large the experiments are; None takes what the claim file says."""

    patients: int | None = None
    replicates: int | None = None
    seed: int = 1


def chosen(names: Sequence[str], library: Library) -> list[Claim]:
    """The claims named (by name or alias), all without names. An unknown name is an EvidenceError with a suggestion."""
    if not names:
        listed = [claim for claim in library.claims.values() if claim.role == "judge"]
        return sorted(listed, key=lambda claim: (claim.index, claim.name))
    known = {alias: claim for claim in library.claims.values() for alias in (claim.name, *claim.aliases)}
    found = []
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            raise EvidenceError(f"no claim {name!r}{hint} There are: {', '.join(sorted(library.claims))}")
        if known[name] not in found:
            found.append(known[name])
    return found


def verify(claim: Claim, library: Library) -> Endpoint | None:
    """Check everything a claim names before anything is run; returns its endpoint."""
    place = ", ".join(claim.files) or claim.name
    if claim.experiment.population not in library.populations:
        raise EvidenceError(
            f"{place}: experiment.population: no such population {claim.experiment.population!r}; "
            f"there are {', '.join(library.populations)}"
        )
    for arm in claim.experiment.arms:
        shelf: Mapping[str, Any] = library.products if arm.kind == "product" else library.drugs
        if arm.item not in shelf:
            raise EvidenceError(
                f"{place}: experiment.arms: no such {arm.kind} {arm.item!r}; there are {', '.join(shelf)}"
            )
        if arm.documented_by is not None and arm.documented_by not in library.sources:
            raise EvidenceError(
                f"{place}: experiment.arms: documented_by = {arm.documented_by!r} has no file in evidence/sources"
            )
        try:
            administration(arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses, library)
        except AnalgesiaError as error:
            raise EvidenceError(f"{place}: experiment.arms: {arm.name!r}: {error}") from None
    try:
        length = hours(claim.experiment.duration, 24.0)
    except AnalgesiaError as error:
        raise EvidenceError(f"{place}: experiment.duration: {error}") from None
    if not 0.0 < length <= LONGEST_H:
        raise EvidenceError(
            f"{place}: experiment.duration: must be above 0 and at most {LONGEST_H:g} h, not {length:g} h"
        )
    check_mechanism(claim, library)
    for spec in margins_of(claim, library):
        potency_of(spec, claim, library)
    return endpoint_of(claim, library)


def prepared(
    names: Sequence[str], library: Library, size: Size
) -> tuple[list[Claim], dict[str, Endpoint | None]]:
    """The claims named and their endpoints, after everything that a user could have got wrong was checked."""
    claims = chosen(names, library)
    endpoints = {claim.name: verify(claim, library) for claim in claims}
    for claim in claims:
        _fits(claim, size)
    return claims, endpoints


def check(
    names: Sequence[str] = (),
    *,
    library: Library,
    size: Size | None = None,
    inside: Sequence[bool] | None = None,
    progress: Progress | None = None,
) -> list[Judgement]:
    """Judge the claims named (all without names), in the order asked for. All input is checked before anything runs.

    `inside`: the outcome of the comparison with published kinetics, where it was made (see `validation_of`).
    """
    size = size or Size()
    claims, endpoints = prepared(names, library, size)
    groups: dict[tuple[Any, ...], list[Claim]] = {}
    for claim in claims:
        groups.setdefault(_shared(claim, size), []).append(claim)
    judged: dict[str, Judgement] = {}
    for number, group in enumerate(groups.values()):
        within = None if progress is None else _part(progress, number, len(groups))
        judged.update(_run(group, endpoints, library, size, inside, within))
    return [judged[claim.name] for claim in claims]


def _fits(claim: Claim, size: Size) -> None:
    people = size.patients or claim.experiment.patients
    draws = size.replicates or claim.experiment.replicates
    if people * draws > MOST_LANES:
        raise ModelError(
            f"{claim.name}: {people:,} people under {draws:,} draws are {people * draws:,} runs per regimen, more than the "
            f"{MOST_LANES:,} that are held at once; ask for fewer --patients or --draws"
        )


def _shared(claim: Claim, size: Size) -> tuple[Any, ...]:
    """Claims with the same key run together."""
    experiment = claim.experiment
    return (
        experiment.population,
        experiment.duration,
        size.patients or experiment.patients,
        size.replicates or experiment.replicates,
    )


def _part(progress: Progress, number: int, parts: int) -> Progress:
    def report(done: int, total: int) -> None:
        progress(round(1000 * (number + done / max(total, 1))), 1000 * parts)

    return report


def _run(
    group: Sequence[Claim],
    endpoints: Mapping[str, Endpoint | None],
    library: Library,
    size: Size,
    inside: Sequence[bool] | None,
    progress: Progress | None,
) -> dict[str, Judgement]:
    population, duration, count, replicates = _shared(group[0], size)
    group_needs_cord = [c for c in group if (e := endpoints[c.name]) is not None and e.needs_cord]
    exposed = felt = None
    footing = Footing()
    people = patients.population(population, count, size.seed, library)
    settings: dict[str, Any] = {
        "library": library,
        "duration": duration,
        "seed": size.seed,
        "replicates": replicates,
    }
    running = [c for c in group if c.compares or endpoints[c.name] is not None]
    if running:
        grid = np.arange(0.0, hours(duration, 24.0) + 1e-9, EXPOSURE_STEP_H)
        exposed = pathway.simulate(
            people, _arms(running), times=grid, cord=False, footing=footing, **settings
        )
    if group_needs_cord:
        felt = pathway.simulate(
            people, _arms(group_needs_cord), footing=footing, progress=progress, **settings
        )
    if progress is not None:
        progress(1, 1)
    out = {}
    for claim in group:
        with tally() as used:
            endpoint = endpoints[claim.name]
            result = felt if endpoint is not None and endpoint.needs_cord else exposed
            if claim in running:
                used.merge(_footing_of(claim, endpoint, footing))
            prediction = _predict(claim, endpoint, result, library, inside)
            if prediction.validation is not None:
                prediction = replace(
                    prediction, validation=replace(prediction.validation, fitted_to=_fitted_to(used))
                )
            judgement = judge(
                claim, exposed if claim.compares else None, prediction, library, size.seed, used
            )
        series = _series(claim, exposed, felt if result is felt else None)
        if endpoint is not None and result is not None:
            series |= endpoint.series(result, _last_intervals(claim))
        out[claim.name] = replace(judgement, series=series)
    return out


def _arms(claims: Sequence[Claim]) -> list[pathway.Arm]:
    """Every regimen of the claims once; two different regimens may not bear one name."""
    arms: dict[str, ExperimentArm] = {}
    for claim in claims:
        for arm in claim.experiment.arms:
            known = arms.setdefault(arm.name, arm)
            if _regimen(known) != _regimen(arm):
                raise EvidenceError(
                    f"{', '.join(claim.files) or claim.name}: experiment.arms: {arm.name!r} is another regimen in another claim; "
                    "rename one of them"
                )
    return [
        pathway.Arm(a.name, a.kind, a.item, a.dose, route=a.route, every=a.every, doses=a.doses)
        for a in arms.values()
    ]


def _regimen(arm: ExperimentArm) -> tuple[Any, ...]:
    return (arm.kind, arm.item, arm.dose, arm.route, arm.every, arm.doses)


def _predict(
    claim: Claim, endpoint: Endpoint | None, result: Any, library: Library, inside: Sequence[bool] | None
) -> Prediction:
    if endpoint is None:
        return Prediction("none", reason=claim.experiment.no_endpoint)
    between = between_trials_of(endpoint, library)
    starts = _last_intervals(claim)
    arms = tuple(
        arm_prediction(
            endpoint, result, arm.name, starts[arm.name], comparator=arm.comparator, between_trials=between
        )
        for arm in claim.experiment.arms
    )
    return Prediction(
        endpoint.name,
        endpoint.unit,
        endpoint.label,
        arms,
        validation_of(endpoint, library, inside),
        context=endpoint.context(result, starts),
    )


def _last_intervals(claim: Claim) -> dict[str, float]:
    """When the last dosing interval of each arm begins, h."""
    total = hours(claim.experiment.duration, 24.0)
    return {arm.name: max(total - hours(arm.every, total), 0.0) for arm in claim.experiment.arms}


def _footing_of(claim: Claim, endpoint: Endpoint | None, footing: Footing) -> Tally:
    """What a claim rests on of the run it shares: its people, the kinetics of its arms, the receptors and the cord it asks for."""
    names = [PLACEBO, *(arm.name for arm in claim.experiment.arms)]
    parts: list[tuple[str, ...]] = [("people",), *(("kinetics", name) for name in names)]
    if endpoint is not None and endpoint.needs_cord:
        parts += [("receptors", name) for name in names] + [("sensation",)]
    elif endpoint is not None:
        parts += [("receptors", name, receptor) for name in names for receptor in endpoint.receptors]
    found = Tally()
    for part in parts:
        found.merge(footing.of(*part))
    return found


def _fitted_to(used: Tally) -> tuple[str, ...]:
    """The data that fitted the numbers a prediction rests on; these may not validate it."""
    return tuple(sorted({name for leaf in used.leaves for name in leaf.fitted_to}))


def _series(claim: Claim, exposed: Any, felt: Any) -> dict[str, Any]:
    """Time courses for the pictures of a claim: quantiles over people and ignorance, by arm."""
    series: dict[str, Any] = {}
    names = [arm.name for arm in claim.experiment.arms]
    if exposed is not None and claim.margins:
        series["time"] = np.asarray(exposed.time.values, dtype=np.float64)
        kratom = [arm.name for arm in claim.experiment.arms if not arm.comparator]
        site = claim.margins[0].site
        compounds = list(dict.fromkeys(spec.compound for spec in claim.margins))
        series["concentration"] = {
            (name, compound): _bands(exposed.concentration.sel(arm=name, analyte=compound, site=site))
            for name in kratom
            for compound in compounds
            if compound in exposed.analyte.values.tolist()
        }
        series["site"] = site
    if felt is not None:
        series["pain_time"] = np.asarray(felt.time.values, dtype=np.float64)
        series["pain"] = {name: _bands(felt.pain.sel(arm=name)) for name in [PLACEBO, *names]}
    return series


def _bands(data: Any) -> Array:
    """[quantile, time] over every lane that is finite."""
    values = by_lane(data)
    lanes = values.reshape(-1, values.shape[-1])
    lanes = lanes[np.isfinite(lanes).all(axis=1)]
    if not lanes.size:
        return np.full((len(BAND), values.shape[-1]), np.nan)
    return np.asarray(np.quantile(lanes, BAND, axis=0))
