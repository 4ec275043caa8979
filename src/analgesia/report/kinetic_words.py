"""The structure of a drug's kinetics in sentences, read off the parameters that its file states."""

from __future__ import annotations

from collections.abc import Iterator

from analgesia.evidence import Library
from analgesia.evidence.schema import Drug

ENTRY_WORDS = {
    "solid": "dissolves in the gut before it is absorbed",
    "lumen": "is absorbed from the gut",
    "depot": "is released from a depot",
    "central": "goes straight into the circulation",
}
CLEARED_BY = {
    "gut_intrinsic_clearance": "CYP3A in the gut wall",
    "cyp3a_intrinsic_clearance": "CYP3A in the liver",
    "other_intrinsic_clearance": "other enzymes of the liver",
    "renal_clearance": "the kidney",
    "extrahepatic_clearance": "tissues besides liver and kidney",
    "plasma_conversion_rate": "plasma, which turns it into something else",
}
FORMED_WORDS = {"cyp3a": "CYP3A", "other": "enzymes of the liver besides CYP3A", "plasma": "plasma"}


def structure_words(drug: Drug, library: Library) -> Iterator[str]:
    """One sentence for each process that the file states."""
    known = drug.parameters
    if not known:
        yield "No kinetics of it stand in the evidence; it is not followed."
        return
    for route, entry in drug.routes.items():
        words = ENTRY_WORDS.get(str(entry.get("entry")), "enters")
        share = ", in part (see bioavailability)" if "bioavailability" in entry else ""
        yield f"Taken by the {route} route it {words}{share}."
    if drug.formed_from:
        way = FORMED_WORDS.get(str(drug.formed_from.get("by", "cyp3a")), "metabolism")
        yield f"It is formed from {str(drug.formed_from['drug']).replace('_', ' ')} by {way}."
    if "half_saturating_amount" in known:
        yield "Its uptake saturates: the larger the amount in the gut, the smaller the share absorbed."
    if "gut_loss_rate" in known:
        yield "Part of it is lost in the gut before it is absorbed."
    spaces = 1 + ("peripheral_volume" in known) + ("deep_volume" in known)
    yield f"It spreads over {('one space', 'two spaces', 'three spaces')[spaces - 1]} besides the places where it acts."
    ways = [words for key, words in CLEARED_BY.items() if key in known]
    if ways:
        yield f"It is cleared by {', '.join(ways)}."
    if "cyp3a_inactivation_rate" in known:
        yield "It inactivates CYP3A over time, and so slows its own clearance and that of other drugs."
    children = [name for name, one in library.drugs.items() if one.formed_from.get("drug") == drug.name]
    if children:
        yield f"What it turns into is followed as well: {', '.join(name.replace('_', ' ') for name in children)}."
    yield (
        "Brain, spinal cord and the fluid around pain fibres fill from what is unbound in plasma, each at its own rate to its own "
        "ratio. Clearances grow with body weight to the power 0.75, volumes with body weight."
    )
