"""From claim names to the finished report, and the receipt that spares an unchanged report from being made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analgesia.calibration import Comparison, Course, PainComparison, exposure_check, pain_check
from analgesia.claims.credibility import Checks, card
from analgesia.claims.experiment import Size, check, prepared
from analgesia.claims.judge import Judgement
from analgesia.claims.landscape import DRAWS, PATIENTS, Landscape, landscape
from analgesia.evidence import Library, csl
from analgesia.evidence.conflicts import conflicts
from analgesia.files import write_whole
from analgesia.report import citing
from analgesia.report.document import Run
from analgesia.report.nerve_runs import prepare
from analgesia.report.page import cited, page, provenance
from analgesia.report.references import records, source_data
from analgesia.report.tables import assumption_data

Progress = Callable[[int, int], None]

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Report:
    """Judged claims, their page, and the same as plain data."""

    judgements: tuple[Judgement, ...]
    html: str
    data: Mapping[str, Any]


def build(
    names: Sequence[str],
    library: Library,
    *,
    size: Size,
    command: str,
    version: str,
    made: str = "",
    kinetics: Sequence[Comparison] | None = None,
    pain: Sequence[PainComparison] | None = None,
    reach: Landscape | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge the claims and write their page; everything is checked before anything is computed.

    `kinetics`, `pain`: simulated against published kinetics and trials of pain, and `reach`, the landscape of exposure over potency, are
    computed here when they are None. `made`: the day.
    """
    prepared(names, library, size)
    courses: Sequence[Course] = ()
    if kinetics is None:
        checked = exposure_check(library, seed=size.seed)
        kinetics, courses = checked.comparisons, checked.courses
    if pain is None:
        pain = pain_check(library, seed=size.seed)
    if reach is None:
        reach = landscape(
            library, size=size.patients or PATIENTS, draws=size.replicates or DRAWS, seed=size.seed
        )
    inside = [one.inside for one in kinetics if one.role == "calibrate"]
    judgements = check(names, library=library, size=size, inside=inside, progress=progress)
    checks = Checks(tuple(kinetics), tuple(pain), size.patients, size.replicates)
    run = Run(
        command,
        version,
        size.seed,
        size_words(judgements, size),
        library.hash,
        tuple(kinetics),
        tuple(pain),
        made,
        reach,
        {one.claim.name: card(one, library, checks) for one in judgements},
        courses,
    )
    prepare(judgements, library, progress)
    html = page(judgements, library, run)
    return Report(tuple(judgements), html, plain_data(judgements, library, run))


def size_words(judgements: Sequence[Judgement], size: Size) -> str:
    """How many people and draws of ignorance each claim ran with."""
    patients = sorted({size.patients or one.claim.experiment.patients for one in judgements})
    draws = sorted({size.replicates or one.claim.experiment.replicates for one in judgements})
    return f"{_range(patients)} people under {_range(draws)} draws of what is not known, per claim"


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def plain_data(judgements: Sequence[Judgement], library: Library, run: Run) -> dict[str, Any]:
    """Everything the page says, for programs."""
    listed = records(cited(judgements, library, run), library)
    return {
        "version": run.version,
        "evidence": run.evidence_hash,
        "seed": run.seed,
        "size": run.patients,
        "claims": [_claim(one, library, run) for one in judgements],
        "kinetics": [asdict(one) for one in run.kinetics],
        "pain_trials": [asdict(one) for one in run.pain],
        "landscape": None if run.reach is None else run.reach.to_dict(),
        "conflicts": [one.to_dict() for one in conflicts(library)],
        "sources": source_data(listed),
        "references": csl.items(listed),
        "assumptions": assumption_data(provenance(judgements, run).leaves),
        "cite": citing.data(run),
    }


def _claim(judgement: Judgement, library: Library, run: Run) -> dict[str, Any]:
    """A claim as `analgesia check --json` gives it, with the card of the model's credibility."""
    found = run.cards.get(judgement.claim.name)
    return {**judgement.to_dict(library), "credibility": None if found is None else found.to_dict()}


def fingerprint(library: Library, settings: Mapping[str, Any]) -> str:
    """Hash of everything a report depends on: evidence, the package's own files, settings."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(library.hash.encode())
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".css") and path.is_file():
            digest.update(str(path.relative_to(PACKAGE)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read_receipt(path: Path, key: str, files: Sequence[Path]) -> list[list[str]] | None:
    """The verdict rows of an unchanged report: same key, and every file as it was written. None otherwise."""
    try:
        receipt = json.loads(path.read_text("utf-8"))
        unchanged = receipt["key"] == key and receipt["files"] == [_digest(file) for file in files]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return [[str(cell) for cell in row] for row in receipt["rows"]] if unchanged else None


def write_receipt(path: Path, key: str, files: Sequence[Path], rows: Any) -> None:
    """Remember that `files` belong to `key`."""
    receipt = {"key": key, "files": [_digest(file) for file in files], "rows": rows}
    write_whole(path, json.dumps(receipt, ensure_ascii=False, indent=1))


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
