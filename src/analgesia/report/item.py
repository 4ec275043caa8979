"""Everything a page says about one drug or one product, gathered before a word of HTML is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analgesia import show
from analgesia.calibration import Comparison, exposure_check, kinetic_studies
from analgesia.claims.margins import Margin
from analgesia.claims.regimens import Documented
from analgesia.claims.sites import NotKnown
from analgesia.evidence import Library, Number, csl
from analgesia.evidence.conflicts import Conflict, conflicts
from analgesia.evidence.schema import REASONS
from analgesia.report import citing
from analgesia.report.document import Run
from analgesia.report.exposed import Exposed, Size, follow
from analgesia.report.reach import margins
from analgesia.report.references import records, source_data
from analgesia.report.regimens import chosen, regimens_of
from analgesia.report.tables import assumption_data

Progress = Callable[[int, int], None]

CHECK_PEOPLE, CHECK_REPEATS = 400, 60
"""People and repetitions of the comparison with published kinetics, at most."""


@dataclass(frozen=True)
class Mention:
    """A claim that the thing appears in, and as what."""

    claim: str
    title: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A value that was found and is not used, with the reason."""

    what: str
    cited: str
    reason: str


@dataclass(frozen=True)
class Item:
    """What is known of one drug or product (`kind`), and what the model computes from it."""

    kind: str
    name: str
    title: str
    drugs: tuple[str, ...]
    regimens: tuple[Documented, ...]
    exposed: Exposed | None
    unexposed: str | None
    published: tuple[Comparison, ...]
    margins: tuple[Margin, ...]
    not_compared: tuple[NotKnown, ...]
    mentions: tuple[Mention, ...]
    harms: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    left_out: tuple[LeftOut, ...]
    leaves: tuple[Number, ...]
    cited: tuple[str, ...]
    run: Run

    def to_dict(self, library: Library) -> dict[str, Any]:
        """Everything the page says, for programs."""
        listed = records(self.cited, library)
        return {
            "kind": self.kind,
            "name": self.name,
            "title": self.title,
            "version": self.run.version,
            "evidence": self.run.evidence_hash,
            "seed": self.run.seed,
            "size": self.run.patients,
            "record": show.show(self.kind, self.name, library),
            "regimens": [one.to_dict() for one in self.regimens],
            "exposure": None if self.exposed is None else self.exposed.to_dict(),
            "no_exposure": self.unexposed,
            "published_kinetics": [asdict(one) for one in self.published],
            "margins": [one.to_dict() for one in self.margins],
            "not_compared": [one.to_dict() for one in self.not_compared],
            "claims": [asdict(one) for one in self.mentions],
            "harms": [show.show("harm", one, library) for one in self.harms],
            "conflicts": [one.to_dict() for one in self.conflicts],
            "left_out": [asdict(one) for one in self.left_out],
            "assumptions": assumption_data(self.leaves),
            "sources": source_data(listed),
            "references": csl.items(listed),
            "cite": citing.data(self.run),
        }


def gather(
    kind: str,
    name: str,
    library: Library,
    *,
    asked: Mapping[str, Any],
    size: Size,
    command: str,
    version: str,
    made: str = "",
    progress: Progress | None = None,
) -> Item:
    """Everything about `name`. `asked`: dose, route, every and doses where a regimen is wanted that is not the documented one.

    Raises EvidenceError for an unknown name, and what a regimen that cannot be given raises.
    """
    record = library.folder(kind)[name]
    drugs = (name,) if kind == "drug" else tuple(one for one in record.contents if one in library.drugs)
    known = regimens_of(kind, name, library)
    regimen = chosen(known, kind, name, asked)
    exposed = None if regimen is None else follow(regimen, library, size, progress)
    published = _published(kind, name, library, size)
    followed = list(dict.fromkeys([*drugs, *_formed(drugs, library)]))
    reached, apart = ([], []) if exposed is None else margins(exposed, followed, library, size.seed)
    harms = tuple(_harms(drugs, library)) if kind == "drug" else ()
    differing = tuple(one for one in conflicts(library) if one.kind == f"{kind}s" and one.name == name)
    numbers = [*library.numbers(kind, name), *(n for one in harms for n in library.numbers("harm", one))]
    leaves = [leaf for number in numbers for leaf in number.leaves]
    if exposed is not None:
        leaves += exposed.used.leaves
    cited = {str(one["name"]) for one in show.show(kind, name, library)["sources"]}
    cited.update(getattr(record, "identifiers_checked", {}))
    cited.update(source for leaf in leaves for source in leaf.cited)
    cited.update(one.source for one in known if one.source)
    cited.update(one.source for one in published)
    cited.update(source for one in reached for source in one.potency_sources)
    cited.update(str(one["name"]) for harm in harms for one in show.show("harm", harm, library)["sources"])
    return Item(
        kind=kind,
        name=name,
        title=record.title or name,
        drugs=drugs,
        regimens=tuple(known),
        exposed=exposed,
        unexposed=None if exposed is not None else _why(kind, name),
        published=published,
        margins=tuple(reached),
        not_compared=tuple(apart),
        mentions=tuple(_mentions(kind, name, library)),
        harms=harms,
        conflicts=differing,
        left_out=tuple(_left_out(name, record.title, library)),
        leaves=tuple(leaves),
        cited=tuple(sorted(cited)),
        run=Run(command, version, size.seed, size.words, library.hash, made=made),
    )


def _why(kind: str, name: str) -> str:
    return (
        f"No amount of {name.replace('_', ' ')} that a study, survey or label records stands in the evidence, so no exposure is shown. "
        f'One may be asked for: analgesia report {kind} {name} --dose "AMOUNT" --html FILE.'
    )


def _formed(drugs: Sequence[str], library: Library) -> list[str]:
    """What the drugs turn into, as far as it is followed."""
    return [one for one, drug in library.drugs.items() if drug.formed_from.get("drug") in drugs]


def _published(kind: str, name: str, library: Library, size: Size) -> tuple[Comparison, ...]:
    """Published kinetics of the thing beside the same studies simulated; nothing is computed where there is no study."""
    people, repeats = min(size.patients * size.draws, CHECK_PEOPLE), min(size.draws * 3, CHECK_REPEATS)
    return tuple(
        one
        for study in kinetic_studies(library)
        if _concerns(kind, name, study.name, library)
        for one in exposure_check(library, study=study.name, size=people, repetitions=repeats, seed=size.seed)
        if kind == "product" or one.analyte == name
    )


def _concerns(kind: str, name: str, trial: str, library: Library) -> bool:
    record = library.trials[trial]
    if kind == "product":
        return bool(record.design.get("item") == name)
    return any(row.get("analyte") == name for row in record.results)


def _mentions(kind: str, name: str, library: Library) -> Iterator[Mention]:
    """Claims whose regimens or margins name the thing, or give a product that holds it."""
    holding = [
        one for one, product in library.products.items() if kind == "drug" and name in product.contents
    ]
    for claim in sorted(library.claims.values(), key=lambda one: (one.index, one.name)):
        roles = []
        if any(spec.compound == name for spec in claim.margins):
            roles.append("exposure against potency")
        arms = [arm for arm in claim.experiment.arms if arm.item == name]
        if arms:
            roles.append("for comparison" if all(arm.comparator for arm in arms) else "a regimen")
        if any(arm.item in holding for arm in claim.experiment.arms):
            roles.append("in a product that is taken")
        if roles:
            yield Mention(claim.name, claim.title or claim.statement, tuple(roles))


def _harms(drugs: Sequence[str], library: Library) -> Iterator[str]:
    """Records of harms that name one of the drugs."""
    for name in library.harms:
        if any(value in drugs for value in _named(library.table("harm", name))):
            yield name


def _named(item: Any) -> Iterator[str]:
    """Every text under a key `drug`."""
    if isinstance(item, Mapping):
        for key, value in item.items():
            if key == "drug" and isinstance(value, str):
                yield value
            else:
                yield from _named(value)


def _left_out(name: str, title: str | None, library: Library) -> Iterator[LeftOut]:
    """Values of the thing that were found and are not used."""
    words = {name, name.replace("_", " "), (title or name).lower()}
    sought = re.compile(r"(?<![\w-])(" + "|".join(re.escape(word) for word in sorted(words)) + r")(?![\w-])")
    for collection in library.left_out.values():
        for group in collection.groups:
            for quantity in group.quantities:
                if sought.search(quantity.lower()):
                    yield LeftOut(quantity, group.cited, REASONS[group.reason])
