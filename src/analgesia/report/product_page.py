"""The page of one product: what it holds, what is known to be taken of it, what arrives, and what is not known."""

from __future__ import annotations

from analgesia.evidence import Library, Number
from analgesia.evidence.schema import Product
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
)
from analgesia.report.markup import Content, Markup, bullets, element, figure
from analgesia.report.number_parts import number_table
from analgesia.report.tables import unit_after
from analgesia.report.wording import spoken

CONTENT_CAPTION = (
    "Every content that was found: filled, pooled; open, kept beside it; bar, its 95 % interval where one was printed. Diamond: what is "
    "used. The spread between lots is ignorance about the lot in hand."
)

CONTENTS = (
    ("contents-of-it", "What it holds"),
    ("formulation", "How it gives up what it holds"),
    ("exposure", "Exposure after a documented dose"),
    ("published", "Against published kinetics"),
    ("reach", "How far the dose reaches"),
    ("findings", "Findings in words"),
    ("unknown", "What is not known"),
    *CLOSING,
)


def product_page(item: Item, library: Library) -> str:
    """The HTML of the page."""
    product = library.products[item.name]
    return document(
        title=f"{item.title}: what it holds, and what arrives",
        lead=product.description
        or f"A {spoken(product.form)} taken by the {product.route} route. Contents are {product.basis}.",
        description=f"{item.title}: contents, exposure and sources, with the status of every number.",
        sections=[
            notice(),
            section("On this page", contents(CONTENTS, "On this page"), anchor="contents"),
            contents_section(item, product, library),
            formulation_section(item, product, library),
            section(
                "Exposure after a documented dose",
                *exposure_part(item, _analytes(item), library),
                anchor="exposure",
            ),
            section("Against published kinetics", published_part(item, library), anchor="published"),
            section("How far the dose reaches", reach_part(item, library), anchor="reach"),
            section("Findings in words", findings_part(product.findings, library), anchor="findings"),
            section("What is not known", bullets(unknown(product, library)), anchor="unknown"),
            *closing_sections(item, library, item.title),
        ],
        version=item.run.version,
        skip=("Skip to the contents", "#contents"),
    )


def _analytes(item: Item) -> list[str]:
    return [] if item.exposed is None else item.exposed.analytes


def contents_section(item: Item, product: Product, library: Library) -> Markup:
    """What it holds per gram, with every assay."""
    units = list(dict.fromkeys(number.unit for number in product.contents.values()))
    pictures = [
        forest_figure(
            [(spoken(name), number) for name, number in product.contents.items() if number.unit == unit],
            unit_after(unit),
            f"contents-{safe(item.name)}-{place}",
        )
        for place, unit in enumerate(units, start=1)
    ]
    return section(
        "What it holds",
        element("p", f"Basis: {product.basis}."),
        [figure(picture, CONTENT_CAPTION) for picture in pictures],
        number_table(f"Contents ({product.basis})", product.contents.values(), library, "contents."),
        anchor="contents-of-it",
    )


def formulation_section(item: Item, product: Product, library: Library) -> Markup:
    """Unit, extraction, relative bioavailability and other terms of the form."""
    named = ("unit_mass", "usual_dose", "extraction", "relative_bioavailability", "parameters")
    numbers: list[Number] = [
        one for one in library.numbers("product", item.name) if one.key.split(".", 1)[0] in named
    ]
    said: Content = number_table("Unit, extraction and bioavailability", numbers, library)
    return section(
        "How it gives up what it holds",
        element("p", f"Form: {spoken(product.form)}; route: {product.route}."),
        said or element("p", "Nothing on this was measured: everything it holds is taken to be given up."),
        anchor="formulation",
    )


def unknown(product: Product, library: Library) -> list[str]:
    """What stands in no source: said, so that silence is not taken for zero."""
    said = []
    for name in product.contents:
        drug = library.drugs.get(name)
        if drug is None or not drug.parameters:
            said.append(f"{spoken(name)}: its kinetics; it is stated here and not followed.")
        elif not drug.affinity:
            said.append(
                f"{spoken(name)}: what it binds; its exposure is followed, and compared with nothing."
            )
    assumed = [
        name for name, number in product.relative_bioavailability.items() if number.status == "assumed"
    ]
    if assumed:
        said.append(
            f"Bioavailability against the reference form: assumed for {', '.join(map(spoken, assumed))}."
        )
    missing = [name for name in product.contents if name not in product.relative_bioavailability]
    if missing:
        said.append(
            f"Bioavailability against the reference form: no number for {', '.join(map(spoken, missing))}; taken as 1."
        )
    absent = sorted(
        {name for one in library.products.values() for name in one.contents} - set(product.contents)
    )
    if absent:
        said.append(
            f"Contents of {', '.join(map(spoken, absent))}: no number; they are left out, not taken as absent."
        )
    if product.usual_dose is None:
        said.append("What users commonly take of it: no number.")
    return said
