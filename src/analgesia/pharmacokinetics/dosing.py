"""A dose as a person says it -> amounts of each drug, where they enter, and when.

"4 g" of a product is product mass; "25 mg mitragynine" is the product that holds that much of the alkaloid, with the others in
proportion. A drug takes "10 mg". Mass becomes amount of substance (nmol) here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import Doses
from analgesia.errors import EvidenceError, ModelError, UnitError
from analgesia.joint import Joint, joint_ignorance
from analgesia.pharmacokinetics.kinetics import (
    CORRELATIONS,
    Draws,
    DrugKinetics,
    Floats,
    Lanes,
    People,
    drug_kinetics,
    with_metabolites,
)
from analgesia.quantities import Quantity, parse_positive

if TYPE_CHECKING:
    from analgesia.evidence import Library, Number

ENTRIES = ("solid", "lumen", "depot", "central")
"""Where a dose may enter: undissolved or dissolved in the gut, a depot in tissue, the circulation."""

DISSOLVED = ("tea", "liquid")
"""Forms of a product that are drunk in solution."""

CYP3A_WORK = ("cyp3a_intrinsic_clearance", "gut_intrinsic_clearance")
"""Numbers of a drug that CYP3A clears."""


@dataclass(frozen=True)
class Part:
    """One drug of a dose: its mass by label (mg), where it enters, and the numbers that scale it person by person."""

    drug: DrugKinetics
    milligrams: float
    entry: str
    factors: Mapping[str, Number]
    inverse: Mapping[str, Number]

    def nanomoles(self, lanes: Lanes) -> Floats:
        """Amount that enters, per lane."""
        amount = np.full(lanes.count, self.drug.nanomoles(self.milligrams))
        for name, number in self.factors.items():
            amount = (
                amount * lanes.value(number, number.unit, name) / (number.value or 1.0) * _unitless(number)
            )
        for name, number in self.inverse.items():
            amount = amount / (lanes.value(number, number.unit, name) / number.value)
        return amount


@dataclass(frozen=True)
class Administration:
    """A regimen: what enters where and when (h), and every drug that must be followed, metabolites included."""

    label: str
    drugs: tuple[DrugKinetics, ...]
    parts: tuple[Part, ...]
    times: NDArray[np.float64]
    route: str
    joint: Joint | None = None

    def doses_for(
        self, people: People, seed: int, replicate: Draws = None, *, library: Library | None = None
    ) -> Doses:
        """The dosing record for `people`, amounts in nmol (`library` is not needed: what it holds was read before)."""
        lanes = Lanes(np.asarray(people.index, dtype=np.int64), seed, replicate, self.joint)
        patient, time, amount, compartment = [], [], [], []
        for part in self.parts:
            nanomoles = part.nanomoles(lanes)
            for moment in self.times:
                patient.append(np.arange(lanes.count))
                time.append(np.full(lanes.count, moment))
                amount.append(nanomoles)
                compartment += [f"{part.drug.name}.{part.entry}"] * lanes.count
        order = np.lexsort((np.concatenate(time), np.concatenate(patient)))
        return Doses.from_columns(
            patient=np.concatenate(patient)[order],
            time=np.concatenate(time)[order],
            amount=np.concatenate(amount)[order],
            compartment=np.asarray(compartment)[order],
        )

    def with_numbers(self, numbers: Mapping[str, Number]) -> Administration:
        """The same regimen with other numbers, by name: `<drug>.<parameter>` or `<product>.<what>.<drug>`."""

        def changed(drug: DrugKinetics) -> DrugKinetics:
            own = {key: numbers.get(f"{drug.name}.{key}", number) for key, number in drug.numbers.items()}
            return replace(drug, numbers=own)

        def factors(old: Mapping[str, Number]) -> dict[str, Number]:
            return {name: numbers.get(name, number) for name, number in old.items()}

        parts = tuple(
            replace(
                part, drug=changed(part.drug), factors=factors(part.factors), inverse=factors(part.inverse)
            )
            for part in self.parts
        )
        return replace(self, drugs=tuple(changed(drug) for drug in self.drugs), parts=parts)

    def only(self, names: Collection[str]) -> Administration:
        """The same regimen without the drugs that cannot change the concentrations of `names`.

        What `names` are formed from stays, and, where CYP3A takes part in clearing any of these, what destroys CYP3A.
        """
        known = {drug.name: drug for drug in self.drugs}
        kept = {line for name in names for line in lineage(self.drugs, name)}
        if any(key in known[name].numbers for name in kept for key in CYP3A_WORK):
            destroyers = [drug.name for drug in self.drugs if "cyp3a_inactivation_rate" in drug.numbers]
            kept |= {line for name in destroyers for line in lineage(self.drugs, name)}
        return replace(
            self,
            drugs=tuple(drug for drug in self.drugs if drug.name in kept),
            parts=tuple(part for part in self.parts if part.drug.name in kept),
        )

    def given(self, people: People, seed: int, replicate: Draws = None) -> dict[str, Floats]:
        """Amount of each drug in one dose (nmol per lane), as it enters."""
        lanes = Lanes(np.asarray(people.index, dtype=np.int64), seed, replicate, self.joint)
        return {part.drug.name: part.nanomoles(lanes) for part in self.parts}


def administration(
    kind: str,
    item: str,
    dose: str,
    route: str,
    every: str | None,
    doses: int,
    library: Library,
) -> Administration:
    """Understand a regimen. `kind` is "product" or "drug", `item` its name; `doses` are given `every` so often.

    Raises UnitError for a dose or interval that is no mass or time, ModelError for a negative dose, a missing interval or an
    unknown route, EvidenceError for an unknown product, drug or alkaloid.
    """
    if kind not in ("product", "drug"):
        raise ModelError(f"{kind!r} is neither a product nor a drug")
    times = dose_times(every, doses)
    quantity = Quantity.parse(dose)
    if quantity.value < 0 or not math.isfinite(quantity.value):
        raise ModelError(f'dose {dose!r} is negative; give the amount taken at once, such as "4 g"')
    make = _of_product if kind == "product" else _of_drug
    parts = make(item, quantity, dose, route, library)
    entering = {part.drug.name: part.drug for part in parts}
    drugs = tuple(
        entering.get(name) or drug_kinetics(name, library)
        for name in with_metabolites(tuple(entering), library)
    )
    return Administration(
        f"{item} {dose}", drugs, parts, times, route, joint_ignorance(library, CORRELATIONS)
    )


def lineage(drugs: Sequence[DrugKinetics], name: str) -> list[str]:
    """The drug and everything it may be formed from, as far as it is among `drugs`, itself first."""
    parents = {drug.name: drug.parent for drug in drugs}
    line: list[str] = []
    at: str | None = name
    while at in parents and at not in line:
        line.append(at)
        at = parents[at]
    return line


LONGEST = 24.0 * 366 * 10
"""Hours between the first and the last dose of a regimen, at most."""


def dose_times(every: str | None, doses: int) -> NDArray[np.float64]:
    """Hours at which the doses are taken, the first at 0."""
    if doses < 1:
        raise ModelError(f"{doses} doses: give at least one")
    if every is None:
        if doses > 1:
            raise ModelError(f'{doses} doses but no interval; say how often, such as every "24 h"')
        return np.zeros(1)
    interval = parse_positive(every, "h", "dosing interval")
    if (doses - 1) * interval > LONGEST:
        raise ModelError(
            f"{doses} doses every {every}: the last may come at most {LONGEST / 24.0:g} days after the first"
        )
    return np.arange(doses, dtype=np.float64) * np.float64(interval)


def _milligrams(quantity: Quantity, dose: str) -> float:
    try:
        return quantity.to("mg")
    except UnitError as problem:
        raise UnitError(f"dose {dose!r} is not a mass ({problem}); write it in mg or g") from None


def _of_drug(item: str, quantity: Quantity, dose: str, route: str, library: Library) -> tuple[Part, ...]:
    if quantity.of not in (None, item):
        raise ModelError(
            f"dose {dose!r} of {item}: name {item} or nothing after the unit, not {quantity.of!r}"
        )
    routes = library.drugs[item].routes
    if route not in routes:
        raise ModelError(f"{item} has no route {route!r}; there is {', '.join(routes) or 'none'}")
    entry, factors = _entry(item, routes[route], f"drug {item}, route {route}")
    named = {f"{item}.{route}.{key}": number for key, number in factors.items()}
    return (Part(drug_kinetics(item, library, route), _milligrams(quantity, dose), entry, named, {}),)


def _of_product(item: str, quantity: Quantity, dose: str, route: str, library: Library) -> tuple[Part, ...]:
    product = library.products[item]
    if route != product.route:
        raise ModelError(f"{item} is taken by the route {product.route!r}, not {route!r}")
    contents = {name: number for name, number in product.contents.items() if _followed(name, library)}
    if quantity.of is not None and quantity.of not in contents:
        raise EvidenceError(
            f"dose {dose!r}: {item} has no stated content of {quantity.of!r} that can be followed; it has {', '.join(contents)}"
        )
    usual = product.usual_dose
    if quantity.of is None and quantity.unit == "mg" and usual is not None and usual.unit == "mg":
        # what its labels count is an alkaloid, and a tablet weighs far more than it holds
        first = next(iter(contents), "ALKALOID")
        raise ModelError(
            f'dose {dose!r} of {item}: milligrams of what? Name the alkaloid, such as "{quantity.value:g} mg {first}", '
            "or give the mass of the product in g"
        )
    milligrams = _milligrams(quantity, dose)
    named = contents.get(quantity.of or "")
    parts = []
    for name, content in contents.items():
        entry = _product_entry(product, library.drugs[name].routes.get(route, {}), f"product {item}")
        factors: dict[str, Number] = {}
        inverse: dict[str, Number] = {}
        label = milligrams
        if name != quantity.of:
            factors[f"{item}.content.{name}"] = content
            label = milligrams / 1e3  # contents are mg per g of product
            if named is not None and quantity.of is not None:
                label = milligrams / named.to("mg/g")
                inverse[f"{item}.content.{quantity.of}"] = named
        if name in product.extraction:
            factors[f"{item}.extraction.{name}"] = product.extraction[name]
        if name in product.relative_bioavailability:
            factors[f"{item}.relative_bioavailability.{name}"] = product.relative_bioavailability[name]
        parts.append(Part(drug_kinetics(name, library, route), label, entry, factors, inverse))
    return tuple(parts)


def _unitless(number: Number) -> float:
    """The number as a multiplier: mg/g for a content, a plain fraction for the rest."""
    return number.to("mg/g" if number.unit not in ("1", "%") else "1")


def _followed(name: str, library: Library) -> bool:
    """True for an alkaloid whose kinetics are known; the others are stated in the product and not simulated."""
    drug = library.drugs.get(name)
    return drug is not None and bool(drug.parameters)


def _entry(item: str, route: Mapping[str, Any], place: str) -> tuple[str, dict[str, Number]]:
    entry = route.get("entry")
    if entry not in ENTRIES:
        raise EvidenceError(f"{place}: entry is {entry!r}; it must be one of {', '.join(ENTRIES)}")
    return entry, {"bioavailability": route["bioavailability"]} if "bioavailability" in route else {}


def _product_entry(product: Any, route: Mapping[str, Any], place: str) -> str:
    """A liquid is dissolved already; anything else dissolves first."""
    if not route:
        raise EvidenceError(
            f"{place}: one of its drugs has no route {product.route!r}; add [routes.{product.route}]"
        )
    return "lumen" if product.form in DISSOLVED else "solid"
