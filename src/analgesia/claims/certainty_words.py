"""The words of the certainty: a reason for every step, a statement for every certainty and direction. No other words describe them."""

from __future__ import annotations

NONE = "none"
"""No evidence from people at all: no certainty and no direction."""

DOMAIN_WORDS = {
    "design": "design",
    "risk_of_bias": "risk of bias",
    "inconsistency": "inconsistency",
    "indirectness": "indirectness",
    "imprecision": "imprecision",
    "publication_bias": "publication bias",
    "large_effect": "large effect",
    "dose_response": "dose and response",
    "opposing_confounding": "confounding against the finding",
}
"""How a domain is called where people read it."""

REASONS: dict[tuple[str, str], str] = {
    ("design", "none"): "No study in people was found.",
    ("design", "high"): "Randomised, so the start is high ({studies}).",
    ("design", "low"): "Not randomised, so the start is low ({studies}).",
    ("risk_of_bias", "0"): "Low risk in at least half of them ({overalls}).",
    ("risk_of_bias", "1"): "At risk, or not to be judged from what was seen ({overalls}).",
    ("risk_of_bias", "2"): "At very high risk ({overalls}).",
    ("inconsistency", "0"): "They point the same way.",
    (
        "inconsistency",
        "alone",
    ): "One study: whether another would agree is not known, and GRADE takes nothing for that.",
    (
        "inconsistency",
        "1",
    ): "Some point one way and some nowhere ({supports} for, {contradicts} against, {neutral} neither).",
    (
        "inconsistency",
        "2",
    ): "They point both ways ({supports} for, {contradicts} against, {neutral} neither).",
    ("indirectness", "0"): "They test the claim itself.",
    ("indirectness", "1"): "They differ from the claim in {differs}.",
    ("indirectness", "2"): "They differ from the claim in {differs}.",
    (
        "indirectness",
        "other",
    ): "They are about something else ({differs}): never better than very low for the claim itself.",
    ("imprecision", "0"): "{people:,} people or records, at least the {enough} that are asked for.",
    ("imprecision", "1"): "{people:,} people or records, fewer than the {enough} that are asked for.",
    (
        "imprecision",
        "2",
    ): "{people:,} people or records, less than a tenth of the {enough} that are asked for.",
    ("imprecision", "unknown"): "How many people were studied was not seen.",
    (
        "publication_bias",
        "0",
    ): "No sign of studies that were made and not published; with so few studies it could not be seen either.",
    ("publication_bias", "registered_without_results"): "A study is registered without results ({registry}).",
    ("publication_bias", "paid_by_seller"): "Paid for by those who sell the product ({source}).",
    ("publication_bias", "few_small_studies"): "Few and small studies, all pointing the same way.",
    ("large_effect", "1"): "A ratio of risks of {ratio:.3g} ({source}): large.",
    ("large_effect", "2"): "A ratio of risks of {ratio:.3g} ({source}): very large.",
    ("large_effect", "0"): "A ratio of risks of {ratio:.3g} ({source}): not large.",
    ("dose_response", "1"): "More of it did more ({source}).",
    ("opposing_confounding", "1"): "What else could explain it would work against it ({source}).",
    ("upgrade", "refused"): "Not counted: observations are rated up only when nothing was taken off.",
}
"""(domain, case) -> the reason, filled with facts. No other words explain a step."""

STATEMENTS: dict[tuple[str, str], str] = {
    ("high", "supports"): "Studies in people show that this is so.",
    ("moderate", "supports"): "Studies in people make it likely that this is so.",
    ("low", "supports"): "Studies in people suggest that this may be so.",
    ("very low", "supports"): "The evidence from people is very uncertain; what was seen points for it.",
    ("high", "contradicts"): "Studies in people show that this is not so.",
    ("moderate", "contradicts"): "Studies in people make it likely that this is not so.",
    ("low", "contradicts"): "Studies in people suggest that this may not be so.",
    (
        "very low",
        "contradicts",
    ): "The evidence from people is very uncertain; what was seen points against it.",
    ("low", "both"): "Studies in people point both ways.",
    ("very low", "both"): "The evidence from people is very uncertain; what was seen points both ways.",
    ("high", "neutral"): "Studies in people leave it open, and they are good studies.",
    ("moderate", "neutral"): "Studies in people leave it open, and they are fairly good studies.",
    ("low", "neutral"): "Studies in people leave it open.",
    ("very low", "neutral"): "The evidence from people is very uncertain; what was seen points neither way.",
    (NONE, NONE): "No study in people was found.",
}
"""(certainty, direction) of evidence that can decide -> GRADE's informative statement in plain words (Santesso 2020)."""

BELOW: dict[str, str] = {
    "supports": "Studies in people of a kind that cannot decide it point for it; their certainty is {level}.",
    "contradicts": "Studies in people of a kind that cannot decide it point against it; their certainty is {level}.",
    "both": "Studies in people of a kind that cannot decide it point both ways; their certainty is {level}.",
    "neutral": "Studies in people of a kind that cannot decide it point neither way; their certainty is {level}.",
}
"""Direction of direct evidence below the level that decides -> the statement."""

NEARBY: dict[str, str] = {
    "supports": "Studies in people of something near it point for it, and leave the claim itself very uncertain.",
    "contradicts": "Studies in people of something near it point against it, and leave the claim itself very uncertain.",
    "both": "Studies in people of something near it point both ways, and leave the claim itself very uncertain.",
    "neutral": "Studies in people of something near it point neither way, and leave the claim itself very uncertain.",
}
"""Direction of indirect evidence -> the statement; its certainty is always very low."""


def step_words(change: int, domain: str) -> str:
    """A step with its sign; the design is the start."""
    if domain == "design":
        return "start"
    return "0" if change == 0 else f"+{change}" if change > 0 else f"\u2212{-change}"
