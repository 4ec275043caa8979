"""The margins of a claim over all its targets and sites: those its file lists, and every other number of the drug files that belongs.

`[[mechanism]]` names targets, sites and a class of substances; each substance of the class with a number for such a target gets a
margin at each site. What `[[margins]]` does not list is not essential: it is shown and cannot change the word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from analgesia.errors import EvidenceError
from analgesia.evidence import Library
from analgesia.evidence.claim_schema import Claim, MarginSpec
from analgesia.evidence.parsing import did_you_mean

Kind = Literal["affinity", "functional_inhibition", "potency", "effects"]
PREFERENCE: tuple[Kind, ...] = get_args(Kind)
"""Which number of a substance stands for a target when there are several."""


def margins_of(claim: Claim, library: Library) -> tuple[MarginSpec, ...]:
    """Listed margins first, then those that follow from the mechanism, in the order of targets, substances and sites."""
    listed = {(one.compound, one.target, one.site) for one in claim.margins}
    follow = [one for one in _following(claim, library) if (one.compound, one.target, one.site) not in listed]
    return (*claim.margins, *follow)


def check_mechanism(claim: Claim, library: Library) -> None:
    """EvidenceError with file and key for a class or a target that no file knows."""
    classes = sorted({drug.drug_class for drug in library.drugs.values()})
    targets = {
        target for drug in library.drugs.values() for kind in PREFERENCE for target in getattr(drug, kind)
    }
    for number, group in enumerate(claim.mechanism, start=1):
        place = f"{', '.join(claim.files) or claim.name}: mechanism[{number}]"
        if group.drug_class not in classes:
            raise EvidenceError(
                f"{place}.drug_class: no drug is of class {group.drug_class!r}; there are {', '.join(classes)}"
            )
        for target in group.targets:
            if target not in library.receptors and target not in targets:
                known = did_you_mean(target, {*targets, *library.receptors})
                raise EvidenceError(
                    f"{place}.targets: no receptor is called {target!r} and no drug has a number for it{known}"
                )


def _following(claim: Claim, library: Library) -> Iterator[MarginSpec]:
    seen = set()
    for group in claim.mechanism:
        for target in group.targets:
            for name, drug in library.drugs.items():
                if drug.drug_class != group.drug_class:
                    continue
                kind = next((kind for kind in PREFERENCE if target in getattr(drug, kind)), None)
                if kind is None:
                    continue
                for site in group.sites:
                    if (name, target, site) not in seen:
                        seen.add((name, target, site))
                        yield MarginSpec(compound=name, target=target, site=site, kind=kind, essential=False)
