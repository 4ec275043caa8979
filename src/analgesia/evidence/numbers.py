"""A number about the world: value, unit, source, place, status, ignorance, diversity.

Ignorance (`se`, `ci95`, `range`, `gsd`: what we do not know) and diversity (`iiv`, `sd`: how people differ) never share
a field. On the log scale, where almost every quantity here lives:
    ignorance:  se -> sqrt(ln(1 + (se/value)^2)),  ci95 and range -> ln(high/low)/3.92,  gsd -> ln(gsd),
                pooled -> prediction spread of `analgesia.evidence.pooling`;
    diversity:  CV -> sqrt(ln(1 + CV^2)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analgesia.errors import EvidenceError, UnitError
from analgesia.evidence import units
from analgesia.evidence.pooling import Pool, pool
from analgesia.evidence.provenance import STATUSES, note

NORMAL_95 = 1.959963984540054
"""97.5th percentile of the standard normal distribution."""


@dataclass(frozen=True)
class Number:
    """One number as printed, with everything needed to trust or distrust it.

    `measured` holds the members of a pooled number; then `value` is their random-effects mean in `unit`, and
    `status` the weakest status of a pooled member. `file` and `key` say where it was written.
    """

    value: float
    unit: str
    status: str
    source: str | None = None
    at: str | None = None
    assumed: str | None = None
    se: float | None = None
    ci95: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    gsd: float | None = None
    iiv: float | None = None
    iiv_origin: Number | None = None
    within: tuple[float, float] | None = None
    species: str | None = None
    system: str | None = None
    temperature: str | None = None
    translation: str | None = None
    note: str | None = None
    fitted_to: tuple[str, ...] = ()
    not_pooled: str | None = None
    limit: str | None = None
    measured: tuple[Number, ...] = ()
    pooled: Pool | None = None
    file: str = ""
    key: str = ""

    @property
    def place(self) -> str:
        """File and key, the start of every message about this number."""
        return f"{self.file}: {self.key}"

    def to(self, unit: str, molar_mass: float | None = None) -> float:
        """The value in `unit`; notes itself in every open tally. `molar_mass` (g/mol) bridges mass and amount."""
        note(self)
        return self._convert(self.value, unit, molar_mass)

    def _convert(self, value: float, unit: str, molar_mass: float | None = None) -> float:
        try:
            return units.convert(value, self.unit, unit, molar_mass)
        except UnitError as error:
            raise UnitError(f"{self.place}: {error}") from None

    @property
    def uncertainty_stated(self) -> bool:
        """True when the evidence says how well this number is known."""
        spreads = (self.se, self.ci95, self.range, self.gsd)
        return any(s is not None for s in spreads) or (self.pooled is not None and self.pooled.count > 1)

    @property
    def uncertainty_sd_log(self) -> float:
        """SD of ln(value) from ignorance; 0 where nothing is stated (see `uncertainty_stated`) or the value is 0."""
        if self.pooled is not None:
            return self.pooled.prediction_sd_log
        return _ignorance_sd_log(self) or 0.0

    @property
    def diversity_sd_log(self) -> float:
        """SD of ln(value) between people, from the CV `iiv`; 0 where none is stated."""
        return math.sqrt(math.log1p(self.iiv**2)) if self.iiv else 0.0

    def interval(self, unit: str | None = None, molar_mass: float | None = None) -> tuple[float, float]:
        """Central 95 % of what we believe about the value, in `unit` (its own by default)."""
        reach = NORMAL_95 * self.uncertainty_sd_log
        low, high = self.value * math.exp(-reach), self.value * math.exp(reach)
        if self.pooled is None and self.ci95 is not None:
            low, high = self.ci95
        elif self.pooled is None and self.range is not None:
            low, high = self.range
        elif self.se is not None and self.value <= 0.0:
            low, high = self.value - NORMAL_95 * self.se, self.value + NORMAL_95 * self.se
        if unit is None:
            return low, high
        return self._convert(low, unit, molar_mass), self._convert(high, unit, molar_mass)

    def draw(self, ignorance: float = 0.0, diversity: float = 0.0) -> float:
        """The value moved by standard normal deviates: value * exp(sd_ignorance * z1 + sd_diversity * z2)."""
        shift = self.uncertainty_sd_log * ignorance + self.diversity_sd_log * diversity
        return self.value * math.exp(shift)

    @property
    def leaves(self) -> tuple[Number, ...]:
        """The pooled members, or itself; the origin of a diversity that has its own source counts as well."""
        own = tuple(m for m in self.measured if m.not_pooled is None and m.limit is None) or (self,)
        return own if self.iiv_origin is None else (*own, self.iiv_origin)

    @property
    def cited(self) -> tuple[str, ...]:
        """Names of the sources this number names."""
        names = [self.source] if self.source else []
        for member in self.measured:
            names.extend(member.cited)
        if self.iiv_origin is not None:
            names.extend(self.iiv_origin.cited)
        return tuple(dict.fromkeys([*names, *self.fitted_to]))

    def only(self, keep: Callable[[Number], bool], why: str) -> Number:
        """This number pooled over the members that `keep` accepts; the others stay, marked `why`. Error if none is left."""
        members = self.measured or (self,)
        marked = [m if keep(m) else replace(m, not_pooled=m.not_pooled or why) for m in members]
        return pooled_number(self, marked)

    def scaled(self, factor: float, why: str) -> Number:
        """A hypothetical: value, spreads and members times `factor`; its status becomes `assumed`."""

        def pair(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
            return None if bounds is None else (bounds[0] * factor, bounds[1] * factor)

        members = tuple(m.scaled(factor, why) for m in self.measured)
        pool_shifted = (
            None
            if self.pooled is None
            else replace(self.pooled, mean_log=self.pooled.mean_log + math.log(factor))
        )
        return replace(
            self,
            value=self.value * factor,
            status="assumed",
            assumed=why,
            se=None if self.se is None else self.se * factor,
            ci95=pair(self.ci95),
            range=pair(self.range),
            within=pair(self.within),
            measured=members,
            pooled=pool_shifted,
        )


def _ignorance_sd_log(number: Number) -> float | None:
    if number.gsd is not None:
        return math.log(number.gsd)
    if number.value == 0.0:
        return None
    relative_se: float | None = None
    bounds = number.ci95 or number.range
    if bounds is not None:
        low, high = bounds
        if low > 0.0:
            return math.log(high / low) / (2.0 * NORMAL_95)
        relative_se = (high - low) / (2.0 * NORMAL_95) / abs(number.value)
    elif number.se is not None:
        relative_se = number.se / abs(number.value)
    return None if relative_se is None else math.sqrt(math.log1p(relative_se**2))


def weakest(statuses: Sequence[str]) -> str:
    """The least trustworthy of several statuses."""
    return max(statuses, key=STATUSES.index)


def pooled_number(head: Number, members: Sequence[Number]) -> Number:
    """`head` with its value, status and spread taken from pooling `members` in the unit of `head`."""
    used = [m for m in members if m.not_pooled is None and m.limit is None]
    if not used:
        raise EvidenceError(
            f"{head.place}: no measurement is left to pool (each is a limit or has not_pooled); "
            'give at least one, or write value with assumed = "reason"'
        )
    values = [m._convert(m.value, head.unit) for m in used]
    if any(v <= 0.0 for v in values) and len(used) > 1:
        raise EvidenceError(
            f"{head.place}: several measurements are pooled on the log scale, so each must be above 0; "
            'mark the others not_pooled = "reason"'
        )
    first = used[0]
    if len(used) == 1:
        result: Pool | None = None
        single = replace(first, unit=head.unit, value=values[0])
        if first.unit != head.unit:
            single = _spreads_in(first, head.unit, values[0])
        spread = {"se": single.se, "ci95": single.ci95, "range": single.range, "gsd": single.gsd}
        value = values[0]
    else:
        result = pool(values, [_ignorance_sd_log(m) for m in used])
        spread = {"se": None, "ci95": None, "range": None, "gsd": None}
        value = math.exp(result.mean_log)
    iiv = head.iiv if head.iiv is not None else _typical([m.iiv for m in used])
    return replace(
        head,
        value=value,
        status=weakest([m.status for m in used]),
        source=first.source if len(used) == 1 else None,
        at=first.at if len(used) == 1 else None,
        assumed=first.assumed if len(used) == 1 else None,
        iiv=iiv,
        measured=tuple(members),
        pooled=result,
        **spread,  # type: ignore[arg-type]
    )


def _spreads_in(member: Number, unit: str, value: float) -> Number:
    def pair(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        return (
            None if bounds is None else (member._convert(bounds[0], unit), member._convert(bounds[1], unit))
        )

    se = None if member.se is None else member.se * abs(value / member.value) if member.value else None
    return replace(member, value=value, unit=unit, se=se, ci95=pair(member.ci95), range=pair(member.range))


def _typical(variations: Sequence[float | None]) -> float | None:
    known = sorted(v for v in variations if v is not None)
    return known[len(known) // 2] if known else None
