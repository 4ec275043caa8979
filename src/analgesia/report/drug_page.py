"""The page of one drug: who it is, how it moves, what it binds, how far a documented dose reaches, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analgesia.evidence import Library, Number
from analgesia.evidence.schema import Drug
from analgesia.report.document import contents, document, notice, section
from analgesia.report.item import Item
from analgesia.report.item_figures import forest_figure, safe
from analgesia.report.item_parts import (
    CLOSING,
    closing_sections,
    exposure_part,
    findings_part,
    published_part,
    reach_part,
    target_title,
)
from analgesia.report.kinetic_words import structure_words
from analgesia.report.markup import Content, Markup, bullets, element, figure, folded, link, table
from analgesia.report.number_parts import amount, interval, members, number_table, origin
from analgesia.report.parts import source_link
from analgesia.report.tables import unit_after
from analgesia.report.wording import spoken

IDENTIFIERS = {
    "pubchem": ("PubChem", "pubchem.compound"),
    "chebi": ("ChEBI", "CHEBI"),
    "chembl": ("ChEMBL", "chembl.compound"),
    "iuphar": ("IUPHAR/BPS Guide to Pharmacology", "iuphar.ligand"),
    "drugbank": ("DrugBank", "drugbank"),
    "unii": ("UNII", "unii"),
    "kegg": ("KEGG", "kegg.drug"),
    "cas": ("CAS", "cas"),
    "inchikey": ("InChIKey", "inchikey"),
}
"""Identifier -> name of the database and its prefix at identifiers.org."""

BINDING = ("affinity", "potency", "efficacy", "maximum", "functional_inhibition", "effects")
BINDING_WORDS = {
    "affinity": "affinity",
    "efficacy": "efficacy (operational model)",
    "potency": "half-effect concentration",
    "maximum": "greatest effect",
    "functional_inhibition": "half-inhibition concentration",
    "effects": "seen outside the body",
}
FOREST_CAPTION = (
    "Every value that was found: filled, pooled; open, kept beside it; bar, its 95 % interval where one was printed. "
    "Diamond: what is used."
)
HERG = "kv11_1"

CONTENTS = (
    ("identity", "What it is"),
    ("kinetics", "How it moves through the body"),
    ("exposure", "Exposure at a documented dose"),
    ("published", "Against published kinetics"),
    ("targets", "What it binds"),
    ("reach", "How far the dose reaches"),
    ("harms", "Harms"),
    ("nerve", "Block of nerve"),
    ("interactions", "Interactions and physical chemistry"),
    ("findings", "Findings in words"),
    *CLOSING,
)


def drug_page(item: Item, library: Library) -> str:
    """The HTML of the page."""
    drug = library.drugs[item.name]
    return document(
        title=f"{item.title}: what is known, and what a dose does",
        lead=drug.description
        or f"All numbers of {item.title} in the evidence, and what the model computes from them.",
        description=f"{item.title}: identity, kinetics, exposure, targets and sources, with the status of every number.",
        sections=[
            notice(),
            section("On this page", contents(CONTENTS, "On this page"), anchor="contents"),
            identity_section(drug, library),
            kinetics_section(item, drug, library),
            section(
                "Exposure at a documented dose",
                *exposure_part(item, _analytes(item, library), library),
                anchor="exposure",
            ),
            section("Against published kinetics", published_part(item, library), anchor="published"),
            targets_section(drug, library),
            section("How far the dose reaches", reach_part(item, library), anchor="reach"),
            harms_section(item, drug, library),
            nerve_section(item, library),
            _numbers_section("Interactions and physical chemistry", "interactions", item, library),
            section("Findings in words", findings_part(drug.findings, library), anchor="findings"),
            *closing_sections(item, library, spoken(item.name)),
        ],
        version=item.run.version,
        skip=("Skip to the contents", "#contents"),
    )


def _analytes(item: Item, library: Library) -> list[str]:
    """The drug itself, what it is formed from and what it turns into, as far as they are followed."""
    if item.exposed is None:
        return []
    parent = library.drugs[item.name].formed_from.get("drug")
    children = [one for one, drug in library.drugs.items() if drug.formed_from.get("drug") == item.name]
    return [one for one in dict.fromkeys([item.name, *children, parent]) if one in item.exposed.analytes]


def identity_section(drug: Drug, library: Library) -> Markup:
    """Class, other names, identifiers and molar mass."""
    mass = drug.molar_mass
    rows: list[Sequence[Content]] = [
        ("Class", spoken(drug.drug_class)),
        ("Other names", ", ".join(drug.synonyms) or "none recorded"),
        ("Molar mass", [amount(mass), ": ", *origin(mass, library)]),
    ]
    for key, value in drug.identifiers.items():
        name, prefix = IDENTIFIERS.get(key, (key.capitalize(), ""))
        address = (
            f"https://identifiers.org/{value if prefix in value else f'{prefix}:{value}'}" if prefix else None
        )
        copies = [source for source, keys in drug.identifiers_checked.items() if key in keys]
        rows.append((name, [link(address, value), checked_in(copies, library)]))
    return section(
        "What it is",
        table("Identity", ("What", "Value"), rows),
        element(
            "p",
            "Identifiers were read in stored copies; the databases themselves were not asked.",
            class_="note",
        ),
        anchor="identity",
    )


def checked_in(copies: Sequence[str], library: Library) -> Content:
    """The stored copies in which an identifier was read, or that there was none."""
    if not copies:
        return "; not checked in any copy"
    said: list[Content] = ["; read in "]
    for place, name in enumerate(copies):
        said += [", " if place else None, source_link(name, library)]
    return said


def kinetics_section(item: Item, drug: Drug, library: Library) -> Markup:
    """The structure in words, and every parameter."""
    own = [*_section(item, library, "fraction_unbound"), *_section(item, library, "parameters")]
    ways = [*_section(item, library, "routes"), *_section(item, library, "formed_from")]
    return section(
        "How it moves through the body",
        bullets(structure_words(drug, library)),
        number_table("Kinetic numbers", own, library, "parameters."),
        number_table("Routes and formation", ways, library, "routes."),
        anchor="kinetics",
    )


def _section(item: Item, library: Library, name: str) -> list[Number]:
    """The numbers of one table of the record."""
    return [one for one in library.numbers(item.kind, item.name) if one.key.split(".", 1)[0] == name]


def _numbers_section(heading: str, name: str, item: Item, library: Library) -> Markup:
    numbers = _section(item, library, name)
    listed = number_table(heading, numbers, library, f"{name}.")
    return section(heading, listed or element("p", "None is recorded."), anchor=name)


def targets_section(drug: Drug, library: Library) -> Markup:
    """Affinity, potency and efficacy at every target, with every measured value."""
    rows = [
        (
            target_title(target, library),
            BINDING_WORDS[kind],
            amount(number),
            interval(number),
            [*origin(number, library), members(number, library)],
        )
        for kind in BINDING
        for target, number in getattr(drug, kind).items()
    ]
    if not rows:
        return section(
            "What it binds",
            element(
                "p",
                "No receptor, transporter or enzyme of it stands in the evidence; for channels of a nerve see below.",
            ),
            anchor="targets",
        )
    return section(
        "What it binds",
        element(
            "p",
            "Each value is that of one assay system; several values of one quantity are pooled, as wide as they differ.",
        ),
        forests(drug, library),
        table(
            "Targets",
            ("Target", "What", "Value", "95 % interval", "Where it comes from"),
            sorted(rows, key=lambda row: str(row[0])),
            class_="wordy",
        ),
        anchor="targets",
    )


def forests(drug: Drug, library: Library) -> Iterator[Markup | None]:
    """One picture for each unit of what several sources measured; the first one explains the signs."""
    by_unit: dict[str, list[tuple[str, Number]]] = {}
    for kind in BINDING:
        for target, number in getattr(drug, kind).items():
            if len(number.measured) > 1:
                label = f"{target_title(target, library)}, {BINDING_WORDS[kind]}"
                by_unit.setdefault(number.unit, []).append((label, number))
    for place, (unit, quantities) in enumerate(by_unit.items(), start=1):
        picture = forest_figure(quantities, unit_after(unit), f"forest-{safe(drug.name)}-{place}")
        yield figure(picture, FOREST_CAPTION if place == 1 else "Signs as above.")


def harms_section(item: Item, drug: Drug, library: Library) -> Markup:
    """What is known of harms: the heart's potassium channel, and the constants of breathing under the drug."""
    said: list[Content] = []
    if HERG in drug.functional_inhibition:
        number = drug.functional_inhibition[HERG]
        said.append(
            element(
                "p",
                "Potassium channel of the heart (hERG): half of it is inhibited at ",
                amount(number),
                f" (95 % interval {interval(number)}). The margin at the dose followed stands in the table above.",
            )
        )
    else:
        said.append(
            element("p", "No inhibition of the potassium channel of the heart (hERG) stands in the evidence.")
        )
    for name in item.harms:
        record = library.harms[name]
        said.append(element("h3", record.title or spoken(name)))
        said.append(element("p", record.description) if record.description else None)
        numbers = list(library.numbers("harm", name))
        listed = number_table(f"Numbers: {record.title or spoken(name)}", numbers, library, "parameters.")
        said.append(folded(f"{len(numbers)} numbers", listed) if listed else None)
    if not item.harms:
        said.append(element("p", "No numbers on breathing under this drug stand in the evidence."))
    return section("Harms", *said, anchor="harms")


def nerve_section(item: Item, library: Library) -> Markup:
    """Constants of the block of a nerve's channels."""
    numbers = _section(item, library, "nerve")
    if not numbers:
        said: Content = element(
            "p", "No block of a nerve by it stands in the evidence; the model lets it block none."
        )
    else:
        said = [
            element(
                "p",
                "Concentrations are unbound, at the nerve. A prior is a guess that is left out unless it is asked for.",
            ),
            number_table("Block of sodium channels and of fibres", numbers, library, "nerve."),
        ]
    return section("Block of nerve", said, anchor="nerve")
