"""What every page must be: well-formed, alone in the world, accessible; and what CSL-JSON may hold."""

from __future__ import annotations

import itertools
import re
from typing import Any
from xml.etree import ElementTree

FORBIDDEN = {"script", "link", "img", "iframe", "object", "embed", "base", "form"}


def parsed(html: str) -> ElementTree.Element:
    """The tree of a page, which is XML as well as HTML."""
    assert html.startswith("<!DOCTYPE html>")
    return ElementTree.fromstring(html.split("\n", 1)[1])  # noqa: S314 (our own page)


def words(node: ElementTree.Element | None) -> str:
    """Text of a node with single spaces."""
    assert node is not None
    return " ".join("".join(node.itertext()).split())


def sections(tree: ElementTree.Element) -> dict[str | None, ElementTree.Element]:
    """Sections by their anchor."""
    return {node.get("id"): node for node in tree.iter("section")}


def check_it_loads_nothing(html: str, tree: ElementTree.Element) -> None:
    assert not {node.tag for node in tree.iter()} & FORBIDDEN
    for node in tree.iter():
        for name, value in node.attrib.items():
            if "://" in value:
                assert (node.tag, name) == ("a", "href"), (node.tag, name, value)
            assert not name.startswith("on")
            assert name != "src"
    for style in [
        *(node.text or "" for node in tree.iter("style")),
        *(node.get("style", "") for node in tree.iter()),
    ]:
        assert "@import" not in style
        assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", style))
    assert len(html.encode()) < 5_000_000


def check_ids(tree: ElementTree.Element) -> None:
    ids = [node.get("id") for node in tree.iter() if node.get("id")]
    assert len(ids) == len(set(ids)), sorted(one for one in set(ids) if ids.count(one) > 1)
    targets = {value[1:] for node in tree.iter() if (value := node.get("href", "")).startswith("#")}
    targets |= {
        t for node in tree.iter() for v in node.attrib.values() for t in re.findall(r"url\(#([^)]*)\)", v)
    }
    targets |= {t for node in tree.iter() for t in node.get("aria-labelledby", "").split()}
    assert targets <= set(ids), targets - set(ids)


def check_accessible(tree: ElementTree.Element) -> None:
    assert tree.get("lang") == "en"
    levels = [int(node.tag[1]) for node in tree.iter() if re.fullmatch("h[1-6]", node.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for table in tree.iter("table"):
        assert words(table.find("caption"))
        assert all(cell.get("scope") in ("col", "row") for cell in table.iter("th"))
        columns = len(next(table.iter("tr")))
        assert all(len(row) == columns for row in table.iter("tr"))
        assert (
            table.get("role") == "table"
        )  # on a narrow screen its rows are blocks, and the roles say that they are rows
        assert all(cell.get("role") == "cell" for cell in table.iter("td"))
    for picture in tree.iter("svg"):
        assert picture.get("role") == "img"
        assert words(picture.find("title"))
        assert words(picture.find("desc"))
    for figure in tree.iter("figure"):
        assert words(figure.find("figcaption"))


CSL_TYPES = {"article-journal", "webpage", "software", "document"}
CSL_TEXTS = {"title", "container-title", "DOI", "PMID", "PMCID", "URL", "note", "number", "version"}


def check_csl(items: list[dict[str, Any]]) -> None:
    """The part of csl-data.json 1.0 (github.com/citation-style-language/schema) that is used: known keys of known types."""
    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        assert isinstance(item["id"], str)
        assert item["type"] in CSL_TYPES
        assert set(item) <= CSL_TEXTS | {"id", "type", "author", "issued"}
        assert all(isinstance(item[key], str) and item[key] for key in CSL_TEXTS & set(item))
        for author in item.get("author", []):
            assert set(author) in ({"family", "given"}, {"family"}, {"literal"})
            assert all(isinstance(part, str) and part for part in author.values())
        if "issued" in item:
            assert set(item["issued"]) == {"date-parts"}
            (parts,) = item["issued"]["date-parts"]
            assert 1 <= len(parts) <= 3
            assert all(isinstance(part, int) for part in parts)
