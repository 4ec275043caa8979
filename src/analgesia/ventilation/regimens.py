"""How an antagonist is given, as a person writes it.

    naloxone 2 mg im at 120 s
    naloxone 2 mg im-syringe at 120 s
    naloxone 4 mg in, 60 s after ventilation < 40 %, repeat 3 every 150 s

Drug, dose, product (`im` auto-injector, `im-syringe` generic, `in` spray, `iv` injection), then a time or the fall of ventilation below
a share of its value at the start. `repeat 3` adds three doses to the first. Commas are optional.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analgesia.errors import EvidenceError, ModelError, UnitError
from analgesia.evidence import Library
from analgesia.evidence.schema import Harm
from analgesia.quantities import Quantity

EXAMPLE = (
    '"naloxone 2 mg im at 120 s" or "naloxone 4 mg in, 60 s after ventilation < 40 %, repeat 3 every 150 s"'
)

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TIME = rf"{_NUMBER}\s*[a-z]+"
_SHAPE = re.compile(
    rf"""\s*(?P<drug>[a-z][a-z0-9_-]*)\s+(?P<dose>{_NUMBER}\s*[a-zµμ]+)\s+(?P<product>[a-z][a-z-]*)\s*,?\s*
    (?:at\s+(?P<at>{_TIME})
      |(?:(?P<wait>{_TIME})\s+)?after\s+ventilation\s*<\s*(?P<share>{_NUMBER})\s*%)
    (?:\s*,?\s*repeat\s+(?P<repeat>[0-9]+)\s+every\s+(?P<every>{_TIME}))?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
MAXIMUM_REPEATS = 100


@dataclass(frozen=True)
class Regimen:
    """One antagonist by one product: `amount` (nmol) each time; times in s.

    The first dose is at `wait` when `share` is None, otherwise `wait` after ventilation first falls below `share` of its start. `repeat`
    further doses follow, `every` apart.
    """

    text: str
    drug: str
    product: str
    milligrams: float
    amount: float
    wait: float
    share: float | None = None
    repeat: int = 0
    every: float = 0.0

    @property
    def offsets(self) -> tuple[float, ...]:
        """Times of all doses after the first one (0 is the first)."""
        return tuple(k * self.every for k in range(self.repeat + 1))

    @classmethod
    def parse(cls, text: str, library: Library) -> Regimen:
        """Read one regimen; the errors say which word is wrong and what is possible."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise ModelError(
                f"antagonist {text!r} is not understood; {_what_is_missing(text)} Write {EXAMPLE}"
            )
        drug, product = match["drug"].lower(), match["product"].lower()
        numbers = antagonist(library, drug).parameters
        _check_product(drug, product, numbers)
        milligrams = _positive(match["dose"], "mg", text, "the dose")
        share = None
        if match["share"] is not None:
            share = float(match["share"]) / 100.0
            if not 0.0 < share < 1.0:
                raise ModelError(
                    f"antagonist {text!r}: ventilation < {match['share']} % must lie between 0 and 100 %"
                )
        repeat = int(match["repeat"] or 0)
        if repeat > MAXIMUM_REPEATS:
            raise ModelError(f"antagonist {text!r}: at most {MAXIMUM_REPEATS} repeats")
        first = match["at"] or match["wait"]
        return cls(
            text=text.strip(),
            drug=drug,
            product=product,
            milligrams=milligrams,
            amount=Quantity(milligrams, "mg").to("nmol", numbers["molar_mass"].to("g/mol")),
            wait=_seconds(first, text) if first else 0.0,
            share=share,
            repeat=repeat,
            every=_positive(match["every"], "s", text, "the time between doses") if match["every"] else 0.0,
        )

    def outside(self, library: Library) -> str | None:
        """Why this dose lies outside what was studied, or None."""
        numbers = antagonist(library, self.drug).parameters["products"][self.product]
        low, high = numbers["lowest"].to("mg"), numbers["highest"].to("mg")
        if low * (1 - 1e-9) <= self.milligrams <= high * (1 + 1e-9):
            return None
        known = f"{low:g} mg" if low == high else f"{low:g} to {high:g} mg"
        return f"{self.drug} {self.milligrams:g} mg {self.product}: only {known} at a time has data behind it"


def antagonist(library: Library, drug: str) -> Harm:
    """The evidence on an antagonist; an unknown one is an error that lists those there are."""
    record = library.harms.get(f"ventilation_{drug}")
    if record is None or record.kind != "antagonist":
        raise EvidenceError(f"no antagonist {drug!r}; there are {', '.join(names(library, 'antagonist'))}")
    return record


def names(library: Library, kind: str) -> list[str]:
    """Drugs with a ventilation record of a kind: `opioid`, `antagonist`, `receptor_form`, `depressant`."""
    return [
        r.identifiers["drug"] for r in library.harms.values() if r.kind == kind and "drug" in r.identifiers
    ]


def _check_product(drug: str, product: str, numbers: Mapping[str, Any]) -> None:
    if product in numbers["products"]:
        return
    reason = numbers.get("refused", {}).get(product)
    known = ", ".join(numbers["products"])
    raise EvidenceError(f"{drug} {product}: {reason or f'no such product; {drug} has {known}'}")


def _seconds(text: str, whole: str) -> float:
    try:
        return Quantity.parse(text).to("s")
    except UnitError as error:
        raise UnitError(f"antagonist {whole!r}: {error}") from None


def _positive(text: str, unit: str, whole: str, what: str) -> float:
    try:
        value = Quantity.parse(text).to(unit)
    except UnitError as error:
        raise UnitError(f"antagonist {whole!r}: {what}: {error}") from None
    if value <= 0.0:
        raise ModelError(f"antagonist {whole!r}: {what} must be greater than 0")
    return value


def _what_is_missing(text: str) -> str:
    """The first part of a regimen that cannot be found in `text`."""
    parts = (
        (rf"^\s*[a-z][a-z0-9_-]*\s+{_NUMBER}", "it should begin with a drug and a dose."),
        (rf"{_NUMBER}\s*[a-zµμ]+", "the dose needs a unit."),
        (
            rf"{_NUMBER}\s*[a-zµμ]+\s+(?!at\b|after\b)[a-z][a-z-]*",
            "the product (im, im-syringe, in, iv) is missing after the dose.",
        ),
        (
            r"\bat\s|\bafter\s+ventilation",
            "it does not say when (`at 120 s` or `60 s after ventilation < 40 %`).",
        ),
    )
    return next(
        (words for pattern, words in parts if not re.search(pattern, text, re.IGNORECASE)),
        "the parts are there, but not in this order.",
    )
