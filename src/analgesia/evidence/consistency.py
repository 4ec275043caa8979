"""What no single file can see: the same paper or compound twice, a retracted paper that is used, a unit of another dimension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence.numbers import Number
from analgesia.evidence.parsing import did_you_mean

NOT_ONE_COMPOUND = frozenset({"formula"})
"""Identifiers that several compounds share: stereoisomers have one formula."""

SAME_PAPER = ("doi", "pmid", "pmcid")

CONCENTRATIONS = ("affinity", "potency", "functional_inhibition", "effects")
PLAIN = ("efficacy", "fraction_unbound")


def check_records(library: Any, cited: Mapping[str, list[str]]) -> None:
    """Refuse a library that contradicts itself. Raises EvidenceError or UnitError with files, key and cure."""
    _one_file_per_paper(library.sources.values())
    _one_file_per_thing(library.drugs.values(), "drug")
    _one_file_per_thing(library.receptors.values(), "receptor")
    for record in (*library.drugs.values(), *library.receptors.values(), *library.channels.values()):
        _checked_identifiers_are_given(record)
    _no_retracted_paper(library.sources, cited)
    _units_of_binding(library.drugs.values())
    _searches(library)


def _one_file_per_paper(sources: Iterable[Any]) -> None:
    seen: dict[tuple[str, str], Any] = {}
    for source in sources:
        for field in SAME_PAPER:
            value = getattr(source, field)
            if value is None:
                continue
            other = seen.setdefault((field, value.lower()), source)
            if other is not source:
                raise EvidenceError(
                    f"{_files(source)}: {field}: {value} is already the {field} of source {other.name!r} ({_files(other)}); "
                    "cite that one instead"
                )


def _one_file_per_thing(records: Iterable[Any], kind: str) -> None:
    """No two drugs and no two receptors share an identifier; channels may: one gene, several models of its current."""
    seen: dict[tuple[str, str], Any] = {}
    for record in records:
        for field, value in record.identifiers.items():
            if field in NOT_ONE_COMPOUND:
                continue
            other = seen.setdefault((field, value.lower()), record)
            if other is not record:
                raise EvidenceError(
                    f"{_files(record)}: identifiers.{field}: {value} is already the {field} of {other.name!r} ({_files(other)}); "
                    f"one of the two is wrong, or both are one {kind}: give them one name"
                )


def _checked_identifiers_are_given(record: Any) -> None:
    for source, fields in record.identifiers_checked.items():
        for field in fields:
            if field not in record.identifiers:
                raise EvidenceError(
                    f"{_files(record)}: identifiers_checked.{source}: {field!r} is not among the identifiers"
                    f"{did_you_mean(field, record.identifiers)}"
                )


def _no_retracted_paper(sources: Mapping[str, Any], cited: Mapping[str, list[str]]) -> None:
    for name, source in sources.items():
        if source.retracted and cited.get(name):
            raise EvidenceError(
                f"{_files(source)}: retracted: {cited[name][0]} rests on {name!r}, which is retracted; "
                "take the number from another paper, or assume it and say why"
            )


def _units_of_binding(drugs: Iterable[Any]) -> None:
    for drug in drugs:
        molar_mass: float | None = None
        for sections, unit in ((CONCENTRATIONS, "nM"), (PLAIN, "1")):
            for section in sections:
                for number in getattr(drug, section).values():
                    for leaf in (number, *number.measured):
                        if leaf.unit in (unit, "%", "uM"):
                            _fits(leaf, unit, None)
                            continue
                        if molar_mass is None:
                            molar_mass = drug.molar_mass._convert(drug.molar_mass.value, "g/mol")
                        _fits(leaf, unit, molar_mass)


def _fits(number: Number, unit: str, molar_mass: float | None) -> None:
    try:
        number._convert(number.value, unit, molar_mass)
    except UnitError as problem:
        raise UnitError(
            f"{number.place}: {number.unit} is no unit for this number, which is read in {unit} ({problem})"
        ) from None


def _searches(library: Any) -> None:
    for search in library.searches.values():
        for source in search.included:
            if source not in library.sources:
                raise EvidenceError(
                    f"{_files(search)}: included: no such source {source!r}; add sources/{source}.toml"
                )
        for claim in search.claims:
            if claim not in library.claims:
                raise EvidenceError(f"{_files(search)}: claims: no such claim {claim!r}")


def _files(record: Any) -> str:
    return ", ".join(record.files)
