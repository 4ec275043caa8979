"""What a compound may act on: every number of its file that is a concentration, the site where it counts, or why it counts nowhere.

The site is chosen by one rule, written down in `evidence/targets`: a target has the sites of the one group that names it. A
number that no group names, that its group sets aside, or that is no concentration is not dropped: it is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence import Library, Number
from analgesia.evidence.mechanism_schema import Special, TargetGroup

SECTIONS = ("affinity", "potency", "functional_inhibition", "effects", "nerve", "interactions")
"""Sections of a drug file in which a number may be a concentration at which something happens."""

RECEPTOR_SECTIONS = ("affinity", "potency", "functional_inhibition")
"""Sections whose keys are receptors."""

UNBOUND, TOTAL = "unbound", "total"
"""What of the drug is set against a potency: what is free at the site, or all of it in plasma."""


@dataclass(frozen=True)
class Target:
    """One concentration of one compound: `key` within its section, potency in nM, the sites, and whether free or total drug counts."""

    compound: str
    section: str
    key: str
    number: Number
    potency: float
    sites: tuple[str, ...]
    basis: str
    group: str
    note: str | None = None


@dataclass(frozen=True)
class NotKnown:
    """What the landscape does not show, and why. Without `target` the whole compound, without `compound` nobody's number."""

    compound: str | None
    target: str | None
    section: str | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "compound": self.compound,
            "target": self.target,
            "section": self.section,
            "reason": self.reason,
        }


def targets(compound: str, library: Library) -> tuple[list[Target], list[NotKnown]]:
    """Every number of a compound's sections: those to compare, and those that cannot be, with the reason."""
    drug = library.drugs[compound]
    molar_mass = drug.molar_mass.to("g/mol")
    groups = groups_by_target(library)
    found, left = [], []
    for section in SECTIONS:
        for key, number in _numbers(getattr(drug, section), ""):
            group = groups.get(key) or groups.get(key.split(".", 1)[0])
            reason = _why_not(compound, section, key, number, molar_mass, group)
            if reason is not None or group is None:
                left.append(NotKnown(compound, key, section, reason or ""))
                continue
            total = _special(group.total, compound, section, key)
            found.append(
                Target(
                    compound,
                    section,
                    key,
                    number,
                    number.to("nM", molar_mass),
                    ("plasma",) if total else tuple(group.sites),
                    TOTAL if total else UNBOUND,
                    group.name,
                    total.reason if total else None,
                )
            )
    return found, left


def groups_by_target(library: Library) -> Mapping[str, TargetGroup]:
    """Target -> the group that names it. EvidenceError when two groups do."""
    found: dict[str, TargetGroup] = {}
    for group in library.targets.values():
        for target in group.targets:
            other = found.setdefault(target, group)
            if other is not group:
                raise EvidenceError(
                    f"{', '.join(group.files)}: targets: {target!r} is in {', '.join(other.files)} too; keep it in one group"
                )
    return found


def _numbers(item: Any, key: str) -> Iterator[tuple[str, Number]]:
    if isinstance(item, Number):
        yield key, item
    elif isinstance(item, Mapping):
        for name, value in item.items():
            yield from _numbers(value, f"{key}.{name}" if key else name)


def _why_not(
    compound: str, section: str, key: str, number: Number, molar_mass: float, group: TargetGroup | None
) -> str | None:
    """Why a number cannot be compared with an exposure; None when it can."""
    try:
        value = number.to("nM", molar_mass)
    except UnitError:
        return (
            f"not a concentration ({number.unit})" if number.unit != "1" else "not a concentration (a ratio)"
        )
    if value <= 0.0:
        return "a concentration of 0 has no ratio"
    if group is None:
        return "no file of evidence/targets says where it acts"
    aside = _special(group.set_aside, compound, section, key)
    if aside is not None:
        return aside.reason
    return None if group.sites else group.reason


def _special(listed: list[Special], compound: str, section: str, key: str) -> Special | None:
    return next(
        (one for one in listed if (one.compound, one.section, one.target) == (compound, section, key)), None
    )
