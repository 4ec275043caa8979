"""A few lines that make HTML: elements with escaped text and attributes, nothing else.

`element("p", "a < b")` escapes; `Markup` marks what is HTML already. The output is well-formed XML as well as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape, unescape

VOID = frozenset({"meta", "br", "hr", "link", "col"})


class Markup(str):
    """Text that is HTML already and is not escaped again."""

    __slots__ = ()


Content = str | Markup | None | Iterable["Content"]


def text(content: Content) -> Markup:
    """Escape text, leave Markup, join what is iterable; None is nothing."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(content, quote=False))
    return Markup("".join(text(part) for part in content))


def words(content: Content) -> str:
    """What content says, without its elements: for an attribute, which holds none."""
    return unescape(re.sub(r"<[^>]*>", "", text(content)))


def element(tag: str, /, *content: Content, **attributes: str | None) -> Markup:
    """One element. Attribute names: a trailing underscore falls, inner ones become dashes (`class_`, `aria_label`)."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{given}/>")
    return Markup(f"<{tag}{given}>{text(content)}</{tag}>")


def link(address: str | None, words: Content) -> Markup:
    """A link to a page outside, or plain words without an address."""
    return text(words) if address is None else element("a", words, href=address, rel="noopener noreferrer")


def bullets(items: Iterable[Content], class_: str | None = None) -> Markup:
    """An unordered list."""
    return element("ul", [element("li", item) for item in items], class_=class_)


def table(
    caption: Content, headers: Sequence[Content], rows: Iterable[Sequence[Content]], class_: str | None = None
) -> Markup:
    """A table with caption and scopes; the first cell of a row heads it. It scrolls sideways where it is too wide.

    On a narrow screen each row becomes a block, every cell under the name of its column; the roles say what such blocks
    are, because a style sheet that changes their display takes the meaning of a table from them.
    """

    def cells(row: Sequence[Content]) -> Iterator[Markup]:
        yield element("th", row[0], scope="row", role="rowheader")
        for header, cell in zip(headers[1:], row[1:], strict=True):
            yield element("td", cell, role="cell", data_label=words(header))

    top = [element("th", cell, scope="col", role="columnheader") for cell in headers]
    head = element("thead", element("tr", top, role="row"), role="rowgroup")
    body = element("tbody", [element("tr", cells(row), role="row") for row in rows], role="rowgroup")
    whole = element("table", element("caption", caption), head, body, class_=class_, role="table")
    return element("div", whole, class_="wide", tabindex="0", role="group", aria_label=words(caption))


def figure(picture: Markup | None, caption: str) -> Markup | None:
    """A picture with its caption; nothing without a picture. On a narrow screen it scrolls sideways, so that its text stays legible."""
    if picture is None:
        return None
    frame = element("div", picture, class_="picture", tabindex="0", role="group", aria_label="Figure")
    return element("figure", frame, element("figcaption", caption))


def folded(summary: str, *content: Content) -> Markup:
    """Content that opens on request (and stands open on paper)."""
    return element("details", element("summary", summary), *content)
