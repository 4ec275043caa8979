"""Parts that the page of a drug and the page of a product share: exposure, reach, claims, what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analgesia.claims.margins import KIND_WORDS, Margin
from analgesia.claims.regimens import Documented
from analgesia.claims.sentences import NBSP, percent, plain
from analgesia.evidence import Library
from analgesia.evidence.schema import Finding
from analgesia.report.checks import kinetics_table, kinetics_words
from analgesia.report.document import section
from analgesia.report.exposed import Exposed
from analgesia.report.figures import SHORT_SITES
from analgesia.report.item import Item
from analgesia.report.item_figures import courses_figure, reach_figure, safe
from analgesia.report.landscape import target_short
from analgesia.report.markup import Content, Markup, bullets, element, figure, folded, table
from analgesia.report.parts import mark, source_link
from analgesia.report.references import cite_section, sources_section
from analgesia.report.regimens import ASKED, record_kind
from analgesia.report.tables import assumptions_section, conflicts_section, unit_after
from analgesia.report.wording import concentration, ratio, spoken

COURSES_CAPTION = (
    "Free concentration at four sites in healthy volunteers: median and band from the 5th to the 95th percentile over people and "
    "over what is not known."
)
CLOSING = (
    ("claims", "Claims it appears in"),
    ("conflicts", "Where sources disagree"),
    ("left-out", "Found and not used"),
    ("assumptions", "Assumptions"),
    ("sources", "Sources"),
    ("reproduce", "Cite this, and make it again"),
)
"""Anchors and titles of the sections with which every such page ends."""
REACH_CAPTION = (
    "Free peak concentration divided by the concentration at which something happens: dot, median; bar, 90 % interval over people and "
    "over what is not known. Grey: nowhere near. A value above 1 says that the drug gets there, not what a person would feel."
)

HEADLINES = {"cmax": "Peak", "tmax": "Time of peak", "auc_inf": "Area to infinity", "half_life": "Half-life"}
"""Statistics of a kinetic study that are columns of the table."""

OTHERS = {
    "auc_last": "Area to last sample",
    "accumulation": "Accumulation",
    "ratio_to_parent": "Ratio to parent (areas)",
    "urine_fraction": "Share in urine",
}
"""Statistics that are folded away."""

FARTHEST = 30
"""Rows of the picture of margins, at most; the table has all of them."""

KINDS = {"affinity": "K", "potency": "EC50", "functional_inhibition": "IC50"}
"""Kinds of potency in labels, where space is short."""

SECTION_WORDS = {"nerve": "block of channels or fibres", "interactions": "inhibition of an enzyme or carrier"}
"""What a number of a section is, where it is none of a receptor."""

PATCH = (
    "The concentration under a patch is not that of the blood and is not modelled: margins at pain fibres hold for the rest of "
    "the body, not for the skin below it."
)

PANEL = 4
"""Curves in one picture, at most."""


def regimen_part(item: Item, library: Library) -> Content:
    """Every documented regimen, and which one is followed below."""
    if not item.regimens:
        return element("p", item.unexposed) if item.unexposed else None
    followed = None if item.exposed is None else item.exposed.regimen
    rows = [regimen_row(one, one == followed, library) for one in item.regimens]
    listed = table(
        "Amounts that studies, surveys and labels record",
        ("Taken", "Kind of record", "Source", "Followed here"),
        rows,
    )
    return folded(f"{len(rows)} documented regimens", listed) if len(rows) > 4 else listed


def regimen_row(one: Documented, followed: bool, library: Library) -> Sequence[Content]:
    """One regimen as a row."""
    return (
        one.arm.name,
        record_kind(one, library),
        [source_link(one.source, library), mark(one.status), f"; {one.note}" if one.note else None],
        "yes" if followed else "no",
    )


def exposure_part(item: Item, names: Sequence[str], library: Library) -> Iterator[Content]:
    """Courses at every site and the table of a simulated kinetic study, for the analytes named."""
    exposed = item.exposed
    yield regimen_part(item, library)
    if exposed is None:
        return
    origin = "asked for on the command line" if exposed.regimen.origin == ASKED else "documented"
    yield element(
        "p",
        f"Followed: {exposed.regimen.arm.name} ({origin}), in healthy volunteers: {item.run.patients}.",
    )
    if exposed.failed:
        yield element("p", f"{exposed.failed} runs could not be computed and are left out.")
    for start in range(0, len(names), PANEL):
        some = names[start : start + PANEL]
        name = f"courses-{safe(item.name)}-{start // PANEL + 1}"
        yield figure(courses_figure(exposed, some, name), COURSES_CAPTION)
    yield table(
        "As a kinetic study would report it: total in plasma after the last dose. First the median, then where nine of ten people "
        "lie, then where they lie with what is not known of the numbers",
        ("Substance", *HEADLINES.values()),
        [
            (spoken(name), *(statistic(exposed.study.analytes[name][key]) for key in HEADLINES))
            for name in names
        ],
    )
    rows = list(statistic_rows(exposed, names))
    if rows:
        headers = ("Substance", "Statistic", "Median (90 % of people)", "90 % with what is not known")
        caption = "Other statistics of the same simulated study"
        yield folded("Other statistics", table(caption, headers, rows))


def statistic(one: Mapping[str, Any]) -> Content:
    """One statistic in three lines."""
    if one["median"] is None:
        return "not estimated"
    unit = unit_after(one["unit"])
    return [
        f"{plain(one['median'])}{NBSP if unit else ''}{unit}",
        element("span", _between(one["interval90"]), class_="limits"),
        element("span", _between(one["interval90_with_ignorance"]), class_="limits"),
    ]


def statistic_rows(exposed: Exposed, names: Sequence[str]) -> Iterator[Sequence[Content]]:
    """The remaining statistics of every analyte, where they could be estimated and are not 0 for want of the process."""
    for name in names:
        for key, words in OTHERS.items():
            one: Mapping[str, Any] = exposed.study.analytes[name][key]
            if not one["median"]:
                continue
            unit = unit_after(one["unit"])
            yield (
                spoken(name),
                words,
                f"{plain(one['median'])} ({_between(one['interval90'])}) {unit}",
                f"{_between(one['interval90_with_ignorance'])} {unit}",
            )


def _between(bounds: Sequence[float | None]) -> str:
    low, high = bounds
    return "not estimated" if low is None or high is None else f"{plain(low)} to {plain(high)}"


def published_part(item: Item, library: Library) -> Content:
    """Published kinetics beside the same studies simulated."""
    if not item.published:
        return element(
            "p",
            "No published exposure study of it stands in the evidence, so nothing is compared here.",
        )
    return [
        *(element("p", said) for said in kinetics_words(item.published)),
        kinetics_table(item.published, library),
    ]


def reach_part(item: Item, library: Library) -> Content:
    """Free peak ÷ potency over all targets: picture and table."""
    if item.exposed is None:
        return element("p", "Without an exposure nothing can be compared with a potency.")
    if not item.margins:
        return element(
            "p",
            "No concentration at which this does anything stands in the evidence, so there is nothing to compare.",
        )
    labelled = [(reach_label(one, item, library), one) for one in item.margins]
    more = len(labelled) - FARTHEST
    return [
        element("p", PATCH) if item.exposed.regimen.arm.route == "transdermal" else None,
        figure(
            reach_figure(labelled[:FARTHEST], f"reach-{safe(item.name)}"),
            REACH_CAPTION
            + (f" The {FARTHEST} that reach farthest; {more} more stand in the table." if more > 0 else ""),
        ),
        table(
            f"Margins: {item.exposed.regimen.arm.name}. K: affinity constant; EC50: half-effect; IC50: half-inhibition",
            (
                "Target and place",
                "Free peak ÷ potency (90 % interval)",
                "Share above 1",
                "Free peak, median",
                "Potency",
            ),
            [reach_row(label, one) for label, one in labelled],
        ),
        not_compared(item, library),
    ]


def not_compared(item: Item, library: Library) -> Markup | None:
    """Numbers that are set against no exposure, with the reason."""
    if not item.not_compared:
        return None
    rows = [
        (
            f"{spoken(one.compound or '')}: {target_title(one.target or '', library)}",
            spoken(one.section or ""),
            one.reason,
        )
        for one in item.not_compared
    ]
    listed = table("Numbers set against no exposure", ("Number", "Kind", "Reason"), rows, class_="wordy")
    return folded(f"{len(rows)} numbers that are set against no exposure", listed)


def reach_label(one: Margin, item: Item, library: Library) -> str:
    """Row label of a margin; the drug of a drug's own page needs no naming."""
    start = "" if item.kind == "drug" and one.compound == item.name else f"{spoken(one.compound)}: "
    kind = f" ({KINDS[one.kind]})" if one.kind in KINDS else ""
    return f"{start}{target_title(one.target, library)}{kind}, {SHORT_SITES[one.site]}"


def target_title(target: str, library: Library) -> str:
    """A target as people call it."""
    record = library.receptors.get(target)
    return str(record.title) if record is not None and record.title else target_short(target)


def reach_row(label: str, one: Margin) -> Sequence[Content]:
    """One margin as a row."""
    low, high = one.interval90 or (0.0, 0.0)
    kind = SECTION_WORDS.get(one.kind) or KIND_WORDS[one.kind]
    return (
        label,
        f"{ratio(one.median or 0.0)} ({ratio(low)} to {ratio(high)})",
        percent(one.share_above_one or 0.0),
        concentration(one.exposure_median or 0.0),
        [
            f"{concentration(one.potency)}, {kind}",
            mark(one.potency_status),
            f"; {one.note}" if one.note else None,
        ],
    )


def findings_part(findings: Sequence[Finding], library: Library) -> Content:
    """Results that are not numbers, each in our own words."""
    if not findings:
        return element("p", "None is recorded.")
    return table(
        "What was found, in words",
        ("Finding", "About", "Species", "Source"),
        [
            (
                [one.says, mark(one.status)],
                spoken(one.about),
                one.species or "not stated",
                [source_link(one.source, library), f", {one.at}"],
            )
            for one in findings
        ],
        class_="wordy",
    )


def claims_part(item: Item) -> Content:
    """Claims that the thing appears in. The verdicts stand on the page of claims, which is made by the command given."""
    if not item.mentions:
        return element("p", "No claim of the evidence uses it.")
    names = " ".join(one.claim for one in item.mentions)
    return [
        element("p", "The verdicts stand on the page of claims: "),
        element("pre", element("code", f"analgesia report claims {names} --html claims.html")),
        bullets(f"{one.title} ({', '.join(one.roles)})" for one in item.mentions),
    ]


def left_out_part(item: Item) -> Content:
    """Values that were found and are not used, with the reason."""
    if not item.left_out:
        return element("p", "Nothing that was found about it was left out.")
    rows = [(one.what, one.reason, one.cited) for one in item.left_out]
    listed = table("Values found and not used", ("Value", "Reason", "Found in"), rows, class_="wordy")
    return folded(f"{len(rows)} values found and not used", listed)


def closing_sections(item: Item, library: Library, named: str) -> list[Markup]:
    """The sections of CLOSING; `named` is what the page calls the thing."""
    again = [item.run.command, f"analgesia show {item.kind} {item.name}", "analgesia sources"]
    return [
        section("Claims it appears in", claims_part(item), anchor="claims"),
        conflicts_section(item.conflicts, library, f"of {named}"),
        section("Found and not used", left_out_part(item), anchor="left-out"),
        assumptions_section(item.leaves, "This page rests on"),
        sources_section(item.cited, library),
        cite_section(item.run, again),
    ]
