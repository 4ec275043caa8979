"""Every study that is cited as evidence is assessed with a tool that fits it, and the overall follows from the domains."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analgesia import evidence
from analgesia.errors import EvidenceError
from analgesia.evidence.bias import (
    ASIDE,
    CONCERN,
    FITTING,
    JUDGEMENT_WORDS,
    TOOLS,
    UNKNOWN,
    RiskOfBias,
)
from analgesia.evidence.claim_schema import LEVELS

LIBRARY = evidence.load()
ITEMS = [(claim.name, item) for claim in LIBRARY.claims.values() for item in claim.evidence]
PAIN = [
    trial
    for trial in LIBRARY.trials.values()
    if trial.name.endswith(("_pain", "_pooled", "_harms", "_placebo")) or trial.name.startswith("pregabalin")
]


def assessment(item):
    return item.risk_of_bias or LIBRARY.sources[item.source].risk_of_bias


@pytest.mark.parametrize(("claim", "item"), ITEMS, ids=lambda one: getattr(one, "source", one))
def test_every_evidence_item_is_assessed_with_a_tool_that_fits(claim, item):
    bias = assessment(item)
    assert bias is not None, item.source
    assert bias.tool in FITTING[item.level], (item.source, item.level, bias.tool)
    if item.status == "recalled":
        assert "memory" in bias.basis


@pytest.mark.parametrize("trial", PAIN, ids=lambda one: one.name)
def test_every_trial_of_pain_is_assessed(trial):
    bias = LIBRARY.sources[trial.source].risk_of_bias
    assert bias is not None
    assert bias.tool in FITTING["rct"] | FITTING["systematic_review"]
    assert "risk_of_bias" not in trial.design


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.title)
def test_tools_are_cited_and_complete(tool):
    assert tool.source is None or LIBRARY.sources[tool.source].link
    assert tool.telling in tool.judgements or tool.unknown_as is not None
    for judgement in (*tool.judgements, UNKNOWN):
        assert judgement in JUDGEMENT_WORDS
        assert judgement in CONCERN
    assert set(FITTING) == set(LEVELS)


def rated(tool, *given_):
    names = list(TOOLS[tool].domains)
    return TOOLS[tool].overall(dict(zip(names, given_, strict=False)))


def all_of(tool, judgement):
    return [judgement] * len(TOOLS[tool].domains)


def test_rule_of_rob2():
    assert rated("rob2", *all_of("rob2", "low")) == "low"
    assert rated("rob2", "low", "low", "some_concerns", "low", "low") == "some_concerns"
    assert rated("rob2", "low", "high", "some_concerns", "low", "low") == "high"
    assert rated("rob2", *all_of("rob2", "some_concerns")) == "some_concerns"
    assert rated("rob2") == "some_concerns"
    assert rated("rob2", "high") == "high"


def test_rule_of_robins_i():
    assert rated("robins_i", *all_of("robins_i", "low")) == "low"
    assert rated("robins_i", "moderate", *all_of("robins_i", "low")[1:]) == "moderate"
    assert rated("robins_i", "moderate") == UNKNOWN
    assert rated("robins_i", "serious") == "serious"
    assert rated("robins_i", "serious", "critical") == "critical"
    assert rated("robins_i") == UNKNOWN


def test_rule_of_the_checklists():
    for tool in ("syrcle", "jbi_prevalence", "jbi_case_report", "robis", "assay"):
        assert rated(tool) == UNKNOWN
        assert rated(tool, "low") == UNKNOWN
        assert rated(tool, "low", "high") == "high"
        assert rated(tool, *all_of(tool, "low")) == "low"
        assert rated(tool, ASIDE, *all_of(tool, "low")[1:]) == "low"
    assert rated("ohat", *all_of("ohat", "probably_low")) == "probably_low"
    assert rated("ohat", "low") == "probably_high"
    assert rated("ohat", "high") == "high"


@given(st.data())
def test_a_worse_domain_never_gives_a_better_overall(data):
    tool = TOOLS[data.draw(st.sampled_from(sorted(TOOLS)))]
    judgements = st.sampled_from(tool.judgements)
    given_ = {domain: data.draw(judgements) for domain in tool.domains}
    domain = data.draw(st.sampled_from(sorted(tool.domains)))
    place = tool.judgements.index(given_[domain])
    worse = {**given_, domain: tool.judgements[min(place + 1, len(tool.judgements) - 1)]}
    before, after = tool.overall(given_), tool.overall(worse)
    assert tool.judgements.index(after) >= tool.judgements.index(before)
    assert CONCERN[after] >= CONCERN[before]


@given(st.data())
def test_forgetting_a_domain_never_makes_a_study_safer(data):
    tool = TOOLS[data.draw(st.sampled_from(sorted(TOOLS)))]
    given_ = {domain: data.draw(st.sampled_from(tool.judgements)) for domain in tool.domains}
    gone = data.draw(st.sampled_from(sorted(tool.domains)))
    known = tool.overall(given_)
    without = tool.overall({key: value for key, value in given_.items() if key != gone})
    if known == given_[gone] and CONCERN[known] > 0:
        return  # the worst domain itself was forgotten
    assert CONCERN[without] >= CONCERN[known]


def test_what_is_not_written_is_no_information():
    bias = RiskOfBias(tool="rob2", basis=("abstract",), domains={})
    assert {one.judgement for one in bias.judged.values()} == {UNKNOWN}
    assert "abstract" in bias.judged["randomisation"].reason
    assert [one["judgement"] for one in bias.to_dict()["domains"]] == [UNKNOWN] * 5


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"tool": "rob3", "basis": ["abstract"]}, "rob2"),
        ({"tool": "rob2", "basis": []}, "at least 1"),
        ({"tool": "rob2", "basis": ["rumour"]}, "full text"),
        (
            {
                "tool": "rob2",
                "basis": ["abstract"],
                "domains": {"weather": {"judgement": "low", "reason": "dry"}},
            },
            "no domain of RoB 2",
        ),
        (
            {
                "tool": "rob2",
                "basis": ["abstract"],
                "domains": {"missing_data": {"judgement": "serious", "reason": "many"}},
            },
            "no judgement 'serious'",
        ),
        ({"tool": "rob2", "basis": ["abstract"], "overall": "low"}, "overall"),
    ],
)
def test_a_wrong_assessment_is_refused(table, says):
    with pytest.raises(ValidationError, match=says):
        RiskOfBias.model_validate(table)


def test_a_judgement_taken_from_a_source_that_is_not_there_is_refused_by_file(tmp_path: Path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "mine.toml").write_text(
        'name = "mine2026"\ntitle = "Mine"\nyear = 2026\npmid = "1"\n[risk_of_bias]\ntool = "rob2"\nbasis = ["abstract"]\n'
        '[risk_of_bias.domains.measurement]\njudgement = "low"\nreason = "said so"\nsource = "nobody2026"\n'
    )
    with pytest.raises(EvidenceError, match="nobody2026") as refused:
        evidence.load([tmp_path])
    assert "mine.toml" in str(refused.value)
