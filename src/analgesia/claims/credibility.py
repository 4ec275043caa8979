"""How far the model may be believed for one question: the rows of an assessment and eight kinds of evidence, computed or traced.

Rows follow the assessment table of ICH M15, kinds of evidence the FDA guidance of 2023 (`evidence/credibility`); both serve as lists of
questions, and no submission is meant. Nothing is praised here: what the code was tested with is looked up by scale, what the
numbers were fitted to by their own record, what was held back by the role of the trial, and where there is nothing, the card says so.

    influence   high    the verdict's word would differ without the margins, or a size of effect is computed that nobody observed
                medium  margins were weighed by the rule, or a computed size stands beside direct observations in people
                low     neither enters
    risk        the matrix of evidence/credibility/model_risk.toml, influence against consequence; low where the model takes no part
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analgesia.calibration import Comparison, PainComparison
from analgesia.claims.judge import Judgement
from analgesia.claims.prediction import held_back_of_pain
from analgesia.claims.verdict import verdict
from analgesia.errors import EvidenceError
from analgesia.evidence import STATUSES, Library
from analgesia.evidence.claim_schema import HUMAN_LEVELS, Claim
from analgesia.evidence.credibility_schema import CategoryText, Oracle, RowText

MARGINS = "margins"
"""Stands for the kind of endpoint of a claim whose exposures alone are compared."""

PAIN_KINDS = ("pain", "pain_change")

NOT_RATED = "not rated"

STANDS_APART = "The model takes no part in what is said of this claim."


@dataclass(frozen=True)
class Rating:
    """Low, medium, high, or not rated, and why."""

    rating: str
    because: str


@dataclass(frozen=True)
class Proof:
    """One piece of evidence: what was compared, the test that does it, the sources of the data."""

    says: str
    test: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of evidence: its text, what there is of it, and what waits. Without proofs `text.none` is said."""

    text: CategoryText
    proofs: tuple[Proof, ...]
    waiting: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "key": self.text.key,
            "title": self.text.title,
            "found": [
                {"says": one.says, "test": one.test, "sources": list(one.sources)} for one in self.proofs
            ],
            "none": None if self.proofs else self.text.none,
            "waiting": self.waiting,
        }


@dataclass(frozen=True)
class Card:
    """The card of one question: rows of the assessment in order (text, rating or "", words), then the kinds of evidence."""

    claim: str
    rows: tuple[tuple[RowText, str, str], ...]
    kinds: tuple[Kind, ...]

    def row(self, key: str) -> tuple[str, str]:
        """Rating and words of a row."""
        return next((rating, words) for text, rating, words in self.rows if text.key == key)

    def kind(self, key: str) -> Kind:
        """A kind of evidence by its key."""
        return next(one for one in self.kinds if one.text.key == key)

    @property
    def sources(self) -> set[str]:
        """Sources named anywhere on the card."""
        named = {text.source for text, _rating, _words in self.rows}
        named |= {one.text.source for one in self.kinds}
        return named | {name for one in self.kinds for proof in one.proofs for name in proof.sources}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "assessment": [
                {"key": text.key, "title": text.title, "rating": rating or None, "says": words}
                for text, rating, words in self.rows
            ],
            "evidence": [one.to_dict() for one in self.kinds],
        }


@dataclass(frozen=True)
class Checks:
    """What was compared with publications in this run, and how large the claim's own run was; None: not run."""

    kinetics: Sequence[Comparison] | None = None
    pain: Sequence[PainComparison] | None = None
    patients: int | None = None
    draws: int | None = None


def card(judgement: Judgement, library: Library, checks: Checks | None = None) -> Card:
    """The card of a judged claim. EvidenceError when the folder lacks a row, a kind or a cell of the matrix."""
    checks = checks or Checks()
    kinds = tuple(_kinds(judgement, library, checks))
    weight = influence(judgement)
    harm = consequence(judgement.claim, library)
    rows = {
        "question": ("", f"{judgement.claim.plain_statement} Is it so?"),
        "context": ("", _context(judgement, library)),
        "influence": (weight.rating, weight.because),
        "consequence": (harm.rating, harm.because),
        "risk": _risk(weight, harm, library) if enters(judgement) else ("low", STANDS_APART),
        "impact": _impact(judgement.claim, library),
        "criteria": ("", _criteria(judgement.claim)),
        "appropriateness": ("", _appropriateness(judgement.claim)),
        "evaluation": ("", _evaluation(kinds)),
        "outcome": ("", _outcome(judgement, checks, library)),
    }
    texts = [text for record in library.credibility.values() for text in record.rows]
    if {text.key for text in texts} != set(rows):
        raise EvidenceError(
            f"evidence/credibility: rows: there must be one of each of {', '.join(rows)}; "
            f"there are {', '.join(text.key for text in texts)}"
        )
    return Card(judgement.claim.name, tuple((text, *rows[text.key]) for text in texts), kinds)


def kinds_of(claim: Claim) -> tuple[str, ...]:
    """Kinds of endpoint that a claim asks the model for: its outcome, and margins where it lists targets."""
    asked = claim.experiment.endpoint.split(".", 1)[0]
    return tuple(one for one in (asked, MARGINS if claim.compares else "none") if one != "none")


def enters(judgement: Judgement) -> bool:
    """Whether anything that the model computes is shown for the claim."""
    return bool(judgement.prediction.arms or judgement.margins)


def influence(judgement: Judgement) -> Rating:
    """How much the model weighs in what is said of the claim; see the module text for the rule."""
    claim = judgement.claim
    alone = verdict(
        claim.evidence, (), decided_by=claim.rule.decided_by, reached_above=claim.rule.reached_above
    )
    if alone.word is not judgement.verdict.word:
        said = f"The margins decide the word: without them it would be “{alone.word}”, with them it is “{judgement.verdict.word}”."
        return Rating("high", said)
    observed = any(
        item.directness == "direct" and item.level in HUMAN_LEVELS and item.direction != "neutral"
        for item in claim.evidence
    )
    computed = bool(judgement.prediction.arms)
    if computed and not observed:
        said = (
            "The word rests on evidence alone, but the size shown beside it is the model's only, "
            "for nobody observed it directly in people."
        )
        return Rating("high", said)
    if computed:
        return Rating(
            "medium", "The word rests on observations in people; the model's number stands beside them."
        )
    if judgement.margins:
        return Rating("medium", "The rule weighed the margins, and they left the word as it is.")
    return Rating("low", "Neither a margin nor a predicted number enters.")


def consequence(claim: Claim, library: Library) -> Rating:
    """What a wrong answer may lead to; a claim without a rating is not rated."""
    for record in library.credibility.values():
        if claim.name in record.consequences:
            found = record.consequences[claim.name]
            return Rating(found.rating, f"{found.reason} (Our rating.)")
    return Rating(NOT_RATED, "No file of evidence/credibility rates a wrong answer to this claim.")


def _risk(weight: Rating, harm: Rating, library: Library) -> tuple[str, str]:
    if harm.rating == NOT_RATED:
        return NOT_RATED, "The consequence is not rated."
    for record in library.credibility.values():
        for cell in record.risks:
            if (cell.influence, cell.consequence) == (weight.rating, harm.rating):
                return cell.risk, f"Influence {weight.rating}, consequence {harm.rating}: the greater counts."
    raise EvidenceError(
        f"evidence/credibility: risks: no cell for influence {weight.rating} and consequence {harm.rating}"
    )


def _impact(claim: Claim, library: Library) -> tuple[str, str]:
    asked = claim.experiment.endpoint.split(".", 1)[0]
    for record in library.credibility.values():
        if asked in record.impacts:
            return record.impacts[asked].rating, f"{record.impacts[asked].reason} (Our rating.)"
    return NOT_RATED, "No file of evidence/credibility rates this kind of outcome."


def _context(judgement: Judgement, library: Library) -> str:
    claim = judgement.claim
    people = library.populations[claim.experiment.population]
    arms = "; ".join(arm.name for arm in claim.experiment.arms)
    asked = judgement.prediction.label or "none"
    fitted = {name for leaf in judgement.provenance.leaves for name in leaf.fitted_to}
    data = ", ".join(library.sources[name].short for name in sorted(fitted)) or "none"
    compared = len({one.target for one in judgement.margins if one.interval90})
    return (
        f"People: {people.title or people.name}. Regimens: {arms}. Outcome computed: {asked}. Targets compared: "
        f"{compared}. The evidence gives the word of the verdict; margins can only lower support from "
        f"the laboratory; a predicted number changes no word. Data its numbers were fitted to: {data}."
    )


def _criteria(claim: Claim) -> str:
    said = "For predicted numbers none was fixed before the model was made."
    if not claim.compares:
        return said
    return (
        f"A target counts as possibly reached when the 90 % interval of its margin extends to {claim.rule.reached_above:g} or beyond, "
        f"fixed in the claim's file. {said}"
    )


def _appropriateness(claim: Claim) -> str:
    human = Counter(
        item.level for item in claim.evidence if item.directness == "direct" and item.level in HUMAN_LEVELS
    )
    if human.get("rct") or human.get("systematic_review"):
        return "Trials in people exist and come first; a model can only say how far they carry."
    seen = ", ".join(f"{count} {level.replace('_', ' ')}" for level, count in human.items())
    start = f"Direct studies in people: {seen}, no trial." if seen else "No direct study in people was found."
    return f"{start} A model of mechanisms can say what measured parts imply together; it takes the place of no trial."


def _evaluation(kinds: Sequence[Kind]) -> str:
    counted = "; ".join(f"{one.text.title.lower()}: {len(one.proofs) or 'none'}" for one in kinds)
    return f"Entries below: {counted}."


def _outcome(judgement: Judgement, checks: Checks, library: Library) -> str:
    if not judgement.prediction.arms:
        return "No outcome was computed, so none can count as evidence on this question."
    asked = judgement.prediction.endpoint.split(".", 1)[0]
    held = _held_back(asked, checks)
    if not held:
        return (
            "The predicted number does not count as evidence on this question: no number of its kind that had been held back was predicted "
            "and compared with people. It is shown as an extrapolation."
        )
    studies = ", ".join(sorted({library.sources[one.source].short for one in held}))
    return (
        f"{_inside(held)} of {len(held)} held-back results of this kind lie inside the model's 90 % interval; they are of {studies}. The "
        "predicted number is shown as an extrapolation and does not count as evidence on this question."
    )


def _held_back(asked: str, checks: Checks) -> list[Comparison | PainComparison]:
    """Results of this kind that were held back and predicted in this run."""
    rows: Sequence[Comparison | PainComparison] = ()
    if asked in PAIN_KINDS:
        rows = checks.pain or ()
    elif asked == "exposure":
        rows = checks.kinetics or ()
    return [one for one in rows if one.role == "validate" and one.inside is not None]


def _inside(rows: Sequence[Comparison | PainComparison]) -> int:
    return sum(bool(one.inside) for one in rows)


def _kinds(judgement: Judgement, library: Library, checks: Checks) -> list[Kind]:
    asked = kinds_of(judgement.claim)
    oracles = oracles_of(asked, library)
    extra: Mapping[str, list[Proof]] = {
        "calibration": _calibration(judgement, checks),
        "in_vivo": _validation(judgement, checks),
        "plausibility": _provenance(judgement),
        "calculation": _calculation(judgement, checks),
    }
    waiting = {"in_vivo": _waiting(judgement.claim, library, checks)}
    texts = [text for record in library.credibility.values() for text in record.categories]
    return [
        Kind(
            text,
            (
                *(Proof(one.says, one.test) for one in oracles if one.category == text.key),
                *extra.get(text.key, []),
            ),
            waiting.get(text.key),
        )
        for text in texts
    ]


def oracles_of(asked: Sequence[str], library: Library) -> list[Oracle]:
    """Tests of every scale that the kinds of endpoint need."""
    return [
        oracle
        for record in library.credibility.values()
        if set(record.used_by) & set(asked)
        for oracle in record.oracles
    ]


def _calibration(judgement: Judgement, checks: Checks) -> list[Proof]:
    """Numbers fitted to data, by the data, and how well the fitted studies are met where that was compared."""
    leaves = {(leaf.file, leaf.key): leaf for leaf in judgement.provenance.leaves if leaf.fitted_to}
    groups = Counter(tuple(sorted(leaf.fitted_to)) for leaf in leaves.values())
    proofs = [
        Proof(f"{count} number{'s' if count > 1 else ''} fitted to the data of", sources=data)
        for data, count in sorted(groups.items())
    ]
    used = {name for data in groups for name in data}
    for words, rows in (
        ("values of exposure", checks.kinetics),
        ("results of trials of pain", checks.pain),
    ):
        met = [
            one
            for one in rows or ()
            if one.role == "calibrate" and one.source in used and one.inside is not None
        ]
        if met:
            inside = sum(bool(one.inside) for one in met)
            said = (
                f"{inside} of {len(met)} {words} that were fitted to lie inside the simulated 90 % interval"
            )
            proofs.append(Proof(said))
    return proofs


def _validation(judgement: Judgement, checks: Checks) -> list[Proof]:
    """Held-back studies of this kind of outcome that were predicted in this run."""
    held = _held_back(judgement.claim.experiment.endpoint.split(".", 1)[0], checks)
    if not held:
        return []
    said = f"{_inside(held)} of {len(held)} held-back results lie inside the simulated 90 % interval"
    return [Proof(said, sources=tuple(sorted({one.source for one in held})))]


def _waiting(claim: Claim, library: Library, checks: Checks) -> str | None:
    """Trials that are held back for this kind of outcome and were not predicted in this run."""
    if claim.experiment.endpoint not in PAIN_KINDS:
        return None
    done = {one.trial for one in checks.pain or () if one.inside is not None}
    held = {name: library.trials[name] for name in held_back_of_pain(library) if name not in done}
    names = [
        trial.title or name
        for name, trial in held.items()
        if trial.population in (None, claim.experiment.population)
    ]
    return f"Held back and not predicted in this run: {'; '.join(names)}." if names else None


def _provenance(judgement: Judgement) -> list[Proof]:
    counts = judgement.numbers
    if not counts:
        return []
    parts = ", ".join(f"{counts[status]} {status}" for status in STATUSES if status in counts)
    return [Proof(f"{sum(counts.values())} numbers stand behind this question: {parts}")]


def _calculation(judgement: Judgement, checks: Checks) -> list[Proof]:
    """What the runs of this question say of their own errors."""
    if not enters(judgement):
        return []
    patients = checks.patients or judgement.claim.experiment.patients
    draws = checks.draws or judgement.claim.experiment.replicates
    failed = sum(arm.failed for arm in judgement.prediction.arms)
    said = f"{patients} people under {draws} draws of every number's uncertainty; intervals are over these"
    return [
        Proof(f"{said}; runs that failed: {failed}" if judgement.prediction.arms else said),
        Proof("errors of the model's structure are in no interval"),
    ]
