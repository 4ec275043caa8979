"""What a file of each evidence folder may say: one model per folder, unknown keys refused.

Tables that hold a number are `Number` before they come here. `Table` is a free table whose leaves are texts,
booleans, lists and numbers with a source; a bare number in it is refused when the file is read.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from analgesia.evidence.bias import RiskOfBias
from analgesia.evidence.claim_schema import Claim
from analgesia.evidence.credibility_schema import Credibility
from analgesia.evidence.mechanism_schema import Regimen, TargetGroup
from analgesia.evidence.numbers import Number
from analgesia.evidence.records import Doi, Name, Numbers, Part, Record, Site, Status, Table

Checked = dict[str, list[StrictStr]]
"""Source of a stored copy -> the identifiers that were read in it."""


class Source(Record):
    """One paper, label, registry entry, repository or page. `title_status` says how we know its title.

    `notice` is a published correction or expression of concern, in words; a paper that was taken back is `retracted`.
    """

    title_status: Status = "read"
    doi: Doi | None = None
    doi_status: Status = "read"
    pmid: StrictStr | None = None
    pmcid: StrictStr | None = None
    registry: StrictStr | None = None
    url: StrictStr | None = None
    citation: StrictStr | None = None
    year: StrictInt | None = None
    authors: list[StrictStr] = []
    journal: StrictStr | None = None
    species: StrictStr | None = None
    n: StrictInt | None = None
    design: StrictStr | None = None
    role: Literal["calibrate", "validate"] | None = None
    retracted: bool = False
    notice: StrictStr | None = None
    risk_of_bias: RiskOfBias | None = None

    @model_validator(mode="after")
    def _can_be_found(self) -> Source:
        if not any((self.doi, self.pmid, self.pmcid, self.registry, self.url, self.citation)):
            raise ValueError(
                "a source needs doi, pmid, pmcid, registry, url or citation, so that it can be found"
            )
        return self

    @property
    def short(self) -> str:
        """Author and year, as a study is called in a sentence: "Smith 2024"; without known authors from the name of the file."""
        known = self.authors and "not seen" not in self.authors[0]
        if known:
            words = self.authors[0].split()
            initials = len(words) > 1 and words[-1].isupper()
            return f"{' '.join(words[:-1] if initials else words)} {self.year or 'n.d.'}"
        found = re.fullmatch(r"([a-z_]+?)_?((?:19|20)\d{2})(.*)", self.name)
        return (
            f"{found[1].replace('_', ' ').capitalize()} {found[2]}" if found else self.name.replace("_", " ")
        )

    @property
    def link(self) -> str | None:
        """Address of the source, the DOI first."""
        if self.doi:
            return f"https://doi.org/{self.doi}"
        if self.pmid:
            return f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/"
        if self.pmcid:
            return f"https://pmc.ncbi.nlm.nih.gov/articles/{self.pmcid}/"
        if self.registry and self.registry.startswith("NCT"):
            return f"https://clinicaltrials.gov/study/{self.registry}"
        return self.url


class Finding(Part):
    """A result that is not a number: what was said, where, how well known."""

    says: StrictStr
    about: StrictStr
    source: StrictStr
    at: StrictStr
    status: Status
    species: StrictStr | None = None
    system: StrictStr | None = None


class Drug(Record):
    """A compound: who it is, how it moves (`parameters`), what it binds and how strongly it pushes there."""

    drug_class: StrictStr = Field(alias="class")
    synonyms: list[StrictStr] = []
    identifiers: dict[str, StrictStr] = {}
    identifiers_checked: Checked = {}
    molar_mass: Number
    parameters: Numbers = {}
    routes: Table = {}
    formed_from: Table = {}
    metabolites: list[Table] = []
    interactions: Table = {}
    fraction_unbound: Numbers = {}
    affinity: Numbers = {}
    efficacy: Numbers = {}
    potency: Numbers = {}
    maximum: Numbers = {}
    functional_inhibition: Numbers = {}
    effects: Numbers = {}
    nerve: Table = {}
    findings: list[Finding] = []


class Coupling(Part):
    """What a receptor does at one node of the path, the same for every ligand: node = strength x signal at the site."""

    signal: Literal["stimulus", "occupancy"]
    site: Site
    strength: Number
    note: StrictStr | None = None


class Receptor(Record):
    """A receptor, transporter or channel subunit a drug can bind; `couplings` are the same for every ligand."""

    gene: StrictStr | None = None
    family: StrictStr
    binding: Literal["agonism", "occupancy"] = "agonism"
    identifiers: dict[str, StrictStr] = {}
    identifiers_checked: Checked = {}
    parameters: Numbers = {}
    couplings: dict[str, Coupling] = {}
    findings: list[Finding] = []


class Product(Record):
    """Something a person takes: its contents per gram (basis stated) and how it is taken."""

    form: StrictStr
    route: StrictStr
    basis: StrictStr
    contents: Numbers
    unit_mass: Number | None = None
    usual_dose: Number | None = None
    extraction: Numbers = {}
    relative_bioavailability: Numbers = {}
    parameters: Numbers = {}
    findings: list[Finding] = []


class Condition(Record):
    """A disease: what it changes, as numbers; `phenotypes` are shares of patients."""

    severity: Number | None = None
    parameters: Numbers = {}
    phenotypes: Numbers = {}
    placebo: Numbers = {}
    changes: Table = {}
    findings: list[Finding] = []


class Population(Record):
    """People: covariates with their spread (`iiv` or `sd`), genotype frequencies, baseline pain, condition."""

    condition: Name | None = None
    covariates: Numbers
    genotypes: dict[str, Numbers] = {}
    pain: Numbers = {}
    findings: list[Finding] = []


class Facts(Record):
    """Channels, neurons, circuits, fits, harms: `parameters` may be nested; every leaf number has a source."""

    kind: StrictStr | None = None
    gene: StrictStr | None = None
    identifiers: dict[str, StrictStr] = {}
    identifiers_checked: Checked = {}
    parameters: Table = {}
    equations: dict[str, StrictStr] = {}
    findings: list[Finding] = []


class Channel(Facts):
    """A channel or a pump; `unused`: why no neuron has it; `no_q10`: why it has no temperature factor."""

    unused: StrictStr | None = None
    no_q10: StrictStr | None = None


class Neuron(Facts):
    """A neuron or fibre: geometry, densities, pools."""


class Circuit(Facts):
    """A network: populations, connections, transmitter kinetics."""


class Fit(Facts):
    """What a calibration begins with and leaves beside the numbers themselves: priors, correlations, conduct of studies."""


class Harm(Facts):
    """An unwanted effect: what drives it, how often it was seen, against which comparator."""


class Trial(Record):
    """A published trial; `role` says whether it may fit or only validate."""

    role: Literal["calibrate", "validate"]
    source: StrictStr
    population: StrictStr | None = None
    condition: StrictStr | None = None
    design: Table = {}
    arms: list[Table] = []
    results: list[Table] = []
    findings: list[Finding] = []


class Exclusion(Part):
    """What a search found and did not take, and why."""

    reason: StrictStr
    n: StrictInt | None = None
    what: StrictStr | None = None


class Search(Record):
    """One search of the literature, recorded as PRISMA asks: question, date, where, terms, hits, what was taken and what not.

    `included` names files of `sources`. Counts that were not kept are left out and said so in `limits`.
    """

    question: StrictStr
    date: StrictStr
    where: list[StrictStr]
    terms: list[StrictStr]
    identified: StrictInt | None = None
    screened: StrictInt | None = None
    included: list[StrictStr] = []
    excluded: list[Exclusion] = []
    found: StrictStr
    limits: StrictStr | None = None
    claims: list[Name] = []


REASONS = {
    "another_part": "belongs to a part of the program that keeps its own numbers",
    "duplicate": "stands elsewhere in the evidence, from this or another source",
    "held_back": "kept to score predictions, in a trial or a test, and fits nothing",
    "no_model": "no part of the program has a place for it yet",
    "not_human": "measured in animals, and no rule takes it to people",
    "not_usable": "ambiguous as printed, implausible or without a unit",
    "other_model": "belongs to another model of the same thing, whose equations are not used here",
    "outside": "outside what is asked: law, products and compounds that are not followed",
    "text_only": "a statement without a number, said in a claim or not needed",
}
"""Why a value that was found is not used."""


class Unused(Part):
    """Values of one source that were found and not used, with the reason."""

    reason: StrictStr
    cited: StrictStr
    quantities: list[StrictStr]

    @model_validator(mode="after")
    def _known(self) -> Unused:
        if self.reason not in REASONS:
            raise ValueError(f"reason {self.reason!r} is none of {', '.join(sorted(REASONS))}")
        return self


class LeftOut(Record):
    """Values that were collected and are not used, so that nobody looks for them twice.

    `collected` says how many values the collection holds; what is not listed here stands in the evidence.
    """

    collected: StrictInt | None = None
    groups: list[Unused] = []

    @property
    def unused(self) -> int:
        """How many values are listed."""
        return sum(len(group.quantities) for group in self.groups)

    @model_validator(mode="after")
    def _no_more_than_collected(self) -> LeftOut:
        if self.collected is not None and self.unused > self.collected:
            raise ValueError(f"{self.unused} values are left out of {self.collected} collected")
        return self


FOLDERS: dict[str, type[Record]] = {
    "sources": Source,
    "drugs": Drug,
    "products": Product,
    "receptors": Receptor,
    "channels": Channel,
    "neurons": Neuron,
    "circuits": Circuit,
    "fits": Fit,
    "harms": Harm,
    "conditions": Condition,
    "populations": Population,
    "trials": Trial,
    "regimens": Regimen,
    "targets": TargetGroup,
    "credibility": Credibility,
    "claims": Claim,
    "searches": Search,
    "left_out": LeftOut,
}
"""Folder name -> what its files may say."""

BARE_NUMBERS_ALLOWED = frozenset({"claims", "trials", "regimens", "searches", "left_out"})
"""Folders whose tables hold settings (doses, sizes, thresholds of a rule) and counts rather than facts about the world."""

COUNTS = frozenset({"n", "year", "power", "exponent", "order", "index", "count", "version"})
"""Keys that may hold a bare whole number anywhere."""
