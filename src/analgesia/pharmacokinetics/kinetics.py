"""From evidence to the numbers in the equations: one value per person (diversity) and per draw of ignorance.

A parameter of person i under draw r is  value x exp(sd_between z_i) x exp(sd_ignorance z_r).  z_i is keyed by
`diversity/<drug>.<parameter>` and the person's number, z_r by `ignorance/<drug>.<parameter>` and the number of the draw, so
two arms share their people, and a new parameter reshuffles nobody.

Two factors act on several parameters of a person at once:

- `binding_factor` (value 1): how strongly this person's plasma holds the drug. Unbound fraction, clearances and volumes that refer
  to total plasma all scale with it, so it moves total and leaves unbound exposure alone;
- CYP3A activity (of the person in the liver, `gut_cyp3a_activity` of the body in the gut wall): scales what CYP3A does to
  every one of its substrates.

Size and kidney: clearances and flows go with (weight / 70 kg)^0.75, volumes with weight / 70 kg (usual allometry), renal clearance with
creatinine clearance / 100 mL/min instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.errors import EvidenceError, ModelError
from analgesia.joint import Joint, joint_ignorance
from analgesia.pharmacokinetics.structure import BODY_PARAMETERS, DRUG_PARAMETERS, TISSUES, WAYS

if TYPE_CHECKING:
    from analgesia.evidence import Library, Number

Floats = NDArray[np.float64]
Draws = NDArray[np.int64] | None

REFERENCE_WEIGHT = 70.0
"""kg; the size to which parameters refer (the usual allometric reference)."""

REFERENCE_CREATININE_CLEARANCE = 100.0
"""mL/min; the kidney function to which renal clearances refer."""

CLEARANCE_EXPONENT = 0.75
"""Usual allometric exponent of clearances and flows; volumes have 1."""

FLOWS = (
    "gut_intrinsic_clearance",
    "cyp3a_intrinsic_clearance",
    "other_intrinsic_clearance",
    "extrahepatic_clearance",
    "peripheral_flow",
    "deep_flow",
)
VOLUMES = ("central_volume", "peripheral_volume", "deep_volume")

CORRELATIONS = "kinetic_correlations"
BODY = "kinetic_body"
"""Name of the record of `circuits` that holds flows and enzyme turnover."""

ABSENT: Mapping[str, float] = {
    "dissolution_rate": 1.0,
    "absorption_rate": 0.0,
    "gut_loss_rate": 0.0,
    "depot_absorption_rate": 0.0,
    "gut_intrinsic_clearance": 0.0,
    "cyp3a_intrinsic_clearance": 0.0,
    "other_intrinsic_clearance": 0.0,
    "renal_clearance": 0.0,
    "extrahepatic_clearance": 0.0,
    "plasma_conversion_rate": 0.0,
    "peripheral_volume": 1.0,
    "peripheral_flow": 0.0,
    "deep_volume": 1.0,
    "deep_flow": 0.0,
    "cyp3a_inactivation_rate": 0.0,
    "cyp3a_inactivation_constant": 1.0,
}
"""What stands where a drug's file is silent: the process does not exist (a rate of 0; a volume then does not matter)."""

WITH_BINDING = (
    "unbound_fraction",
    "central_volume",
    "peripheral_volume",
    "peripheral_flow",
    "deep_volume",
    "deep_flow",
    "cyp3a_intrinsic_clearance",
    "other_intrinsic_clearance",
    "renal_clearance",
    "extrahepatic_clearance",
)
"""Parameters that refer to total plasma and therefore follow a person's binding."""

OWN_KEYS = frozenset(
    {*DRUG_PARAMETERS, "binding_factor", "half_saturating_amount", "assay_lloq"}
    - {"molar_mass", "absorption_saturation", "formation_yield", "unbound_fraction"}
)
"""What `[parameters.*]` of a drug may hold; the rest is said elsewhere in its file or worked out."""


class People(Protocol):
    """Virtual people: their numbers (which key every draw) and the covariates that kinetics know."""

    def __len__(self) -> int: ...

    def select(self, indices: Any) -> Self:
        """The people at these positions."""

    @property
    def index(self) -> NDArray[np.int64]:
        """Number of each person."""

    @property
    def weight(self) -> Floats:
        """Body weight, kg."""

    @property
    def cyp3a_activity(self) -> Floats:
        """Hepatic CYP3A activity relative to the typical person."""

    @property
    def creatinine_clearance(self) -> Floats:
        """Creatinine clearance, mL/min."""


@dataclass(frozen=True)
class TypicalPeople:
    """`size` people who differ in nothing that is stated of people: 70 kg, typical enzymes, kidneys of 100 mL/min."""

    size: int = 1
    first: int = 0

    def __len__(self) -> int:
        return self.size

    def select(self, indices: Any) -> Self:
        """The people at these consecutive positions."""
        return replace(self, size=len(indices), first=self.first + int(indices[0]))

    @property
    def index(self) -> NDArray[np.int64]:
        """Number of each person."""
        return np.arange(self.first, self.first + self.size)

    @property
    def weight(self) -> Floats:
        """Body weight, kg."""
        return np.full(self.size, REFERENCE_WEIGHT)

    @property
    def cyp3a_activity(self) -> Floats:
        """Hepatic CYP3A activity relative to the typical person."""
        return np.ones(self.size)

    @property
    def creatinine_clearance(self) -> Floats:
        """Creatinine clearance, mL/min."""
        return np.full(self.size, REFERENCE_CREATININE_CLEARANCE)


@dataclass(frozen=True)
class DrugKinetics:
    """What kinetics need of one drug: identity, parent, and its numbers as they stand in the evidence."""

    name: str
    molar_mass: float
    parent: str | None = None
    numbers: Mapping[str, Number] = field(default_factory=dict)
    formed_by: str = "cyp3a"

    def nanomoles(self, milligrams: float) -> float:
        """Amount of substance of a mass: the one place where mg become nmol."""
        return milligrams / self.molar_mass * 1e6


def drug_kinetics(name: str, library: Library, route: str | None = None) -> DrugKinetics:
    """Read one drug; `route` adds what that route alone decides (the absorption rate from a depot).

    Raises EvidenceError when the file lacks what the equations cannot do without.
    """
    drug = library.drugs[name]
    unknown = sorted(set(drug.parameters) - OWN_KEYS)
    if unknown:
        raise EvidenceError(
            f"drug {name}: [parameters.{unknown[0]}] is not a kinetic parameter; there are {', '.join(sorted(OWN_KEYS))}"
        )
    numbers: dict[str, Any] = dict(drug.parameters)
    if "plasma" in drug.fraction_unbound:
        numbers["unbound_fraction"] = drug.fraction_unbound["plasma"]
    if drug.formed_from:
        numbers["formation_yield"] = drug.formed_from["yield"]
    if route is not None and "absorption_rate" in drug.routes.get(route, {}):
        numbers["depot_absorption_rate"] = drug.routes[route]["absorption_rate"]
    needed = ["central_volume", "unbound_fraction"]
    needed += [f"{site}_{key}" for site in TISSUES for key in ("partition", "equilibration_rate")]
    missing = [key for key in needed if key not in numbers]
    if missing:
        raise EvidenceError(
            f"drug {name} has no kinetics: {', '.join(missing)} missing; add [parameters.{missing[0]}]"
        )
    by = drug.formed_from.get("by", "cyp3a")
    if by not in WAYS:
        raise EvidenceError(f"drug {name}: formed_from.by is {by!r}; it must be one of {', '.join(WAYS)}")
    return DrugKinetics(name, drug.molar_mass.to("g/mol"), drug.formed_from.get("drug"), numbers, by)


def with_metabolites(names: Sequence[str], library: Library) -> tuple[str, ...]:
    """The drugs named and everything formed from them that has kinetics, each once, parents first."""
    found = list(dict.fromkeys(names))
    for name in found:  # grows while it is walked: a metabolite may have metabolites
        found += [
            child
            for child in library.drugs
            if library.drugs[child].formed_from.get("drug") == name and child not in found
        ]
    return tuple(found)


def parameters_for(
    people: People, drugs: Sequence[DrugKinetics], seed: int, replicate: Draws = None, *, library: Library
) -> dict[str, Floats]:
    """Parameters of `structure.system(drugs)`, one value per person; `replicate` names each one's draw of ignorance."""
    joint = None if replicate is None else joint_ignorance(library, CORRELATIONS)
    lanes = Lanes(np.asarray(people.index, dtype=np.int64), seed, replicate, joint)
    body = library.circuits[BODY].parameters
    size = np.asarray(people.weight) / REFERENCE_WEIGHT
    flow = size**CLEARANCE_EXPONENT
    kidney = np.asarray(people.creatinine_clearance) / REFERENCE_CREATININE_CLEARANCE
    gut = lanes.value(body["gut_cyp3a_activity"], "1", "body.gut_cyp3a_activity")
    own = {key: lanes.value(body[key], unit, f"body.{key}") for key, unit in BODY_PARAMETERS.items()}
    for key in ("hepatic_flow", "gut_flow"):
        own[key] = own[key] * flow
    parameters = {f"body.{key}": value for key, value in own.items()} | {
        "body.plasma_volume": own["plasma_volume"] * size
    }
    for drug in drugs:
        own = drug_parameters(drug, lanes)
        for key in FLOWS:
            own[key] = own[key] * flow
        for key in VOLUMES:
            own[key] = own[key] * size
        own["renal_clearance"] = own["renal_clearance"] * kidney
        own["cyp3a_intrinsic_clearance"] = own["cyp3a_intrinsic_clearance"] * people.cyp3a_activity
        own["gut_intrinsic_clearance"] = own["gut_intrinsic_clearance"] * gut
        parameters |= {f"{drug.name}.{key}": value for key, value in own.items()}
    return parameters


def drug_parameters(drug: DrugKinetics, lanes: Lanes) -> dict[str, Floats]:
    """Parameters of one drug for every lane, before size, kidney and enzyme activity of the person."""
    own = {
        "molar_mass": np.full(lanes.count, drug.molar_mass / 1e3),
        "absorption_saturation": np.zeros(lanes.count),
        "formation_yield": np.zeros(lanes.count),
    }
    for key, unit in DRUG_PARAMETERS.items():
        name = f"{drug.name}.{key}"
        if key in drug.numbers:
            own[key] = lanes.value(drug.numbers[key], unit, name, drug.molar_mass)
        elif key not in own:
            own[key] = np.full(lanes.count, ABSENT[key])
    if "half_saturating_amount" in drug.numbers:
        half = drug.numbers["half_saturating_amount"]
        own["absorption_saturation"] = 1.0 / lanes.value(
            half, "nmol", f"{drug.name}.half_saturating_amount", drug.molar_mass
        )
    if "binding_factor" in drug.numbers:
        factor = lanes.value(drug.numbers["binding_factor"], "1", f"{drug.name}.binding_factor")
        for key in WITH_BINDING:
            own[key] = own[key] * factor
    own["unbound_fraction"] = np.minimum(own["unbound_fraction"], 1.0)
    own["formation_yield"] = np.minimum(own["formation_yield"], 1.0)
    return own


@dataclass(frozen=True)
class Lanes:
    """Persons, each under one draw of ignorance (or none): where every number becomes an array."""

    index: NDArray[np.int64]
    seed: int
    replicate: Draws = None
    joint: Joint | None = None

    def __post_init__(self) -> None:
        if self.index.ndim != 1 or self.index.size == 0:
            raise ModelError("there are no people to draw for")
        if self.replicate is not None and np.shape(self.replicate) != self.index.shape:
            raise ModelError(f"{np.size(self.replicate)} draws of ignorance for {self.index.size} people")

    @property
    def count(self) -> int:
        """Number of lanes."""
        return int(self.index.size)

    def value(self, number: Number, unit: str, name: str, molar_mass: float | None = None) -> Floats:
        """The number in `unit` for every lane."""
        central = number.to(unit, molar_mass) if molar_mass is not None else number.to(unit)
        shift = np.zeros(self.count)
        if number.diversity_sd_log:
            shift = shift + number.diversity_sd_log * self.deviates(f"diversity/{name}", self.index)
        if self.replicate is not None and number.uncertainty_sd_log:
            shift = shift + number.uncertainty_sd_log * self.ignorance(name, self.replicate)
        value = central * np.exp(shift)
        if number.within is not None:
            scale = central / number.value if number.value else math.nan
            value = np.clip(value, number.within[0] * scale, number.within[1] * scale)
        return np.asarray(value)

    def ignorance(self, name: str, which: NDArray[np.int64]) -> Floats:
        """Standard normal deviates of what is not known of `name`, correlated with what was fitted together with it."""
        if self.joint is None or name not in self.joint.names:
            return self.deviates(f"ignorance/{name}", which)
        row = self.joint.factor[self.joint.names.index(name)]
        total = np.zeros(which.size)
        for other, weight in zip(self.joint.names, row, strict=True):
            if weight:
                total = total + weight * self.deviates(f"ignorance/{other}", which)
        return total

    def deviates(self, name: str, which: NDArray[np.int64]) -> Floats:
        """Standard normal deviates of the named stream at the places `which`."""
        return _stream(self.seed, name, int(np.max(which)) + 1)[which]


@lru_cache(maxsize=1024)
def _stream(seed: int, name: str, count: int) -> Floats:
    """The first `count` deviates of a stream; the arms of a trial and the steps of a fit ask for the same ones again."""
    return np.asarray(draws.normal(seed, name, count))
