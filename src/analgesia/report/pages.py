"""The page of a thing by its kind."""

from __future__ import annotations

from analgesia.evidence import Library
from analgesia.report.drug_page import drug_page
from analgesia.report.item import Item
from analgesia.report.product_page import product_page

PAGES = {"drug": drug_page, "product": product_page}


def item_page(item: Item, library: Library) -> str:
    """The HTML of the page of a drug or product."""
    return PAGES[item.kind](item, library)
