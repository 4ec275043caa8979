"""How far a drug's free peak at a dose reaches: exposure ÷ potency over all its targets.

    margin = max over time of C_unbound(site) / potency

with the targets, sites and draws of the landscape (`analgesia.claims.sites`, `analgesia.claims.margins`); peaks are looked for on a finer
grid of times, so that the two agree to a few per cent. A potency that was measured against total concentration meets total concentration.
"""

from __future__ import annotations

from collections.abc import Sequence

from analgesia.claims.margins import Margin, margin_at
from analgesia.claims.sites import TOTAL, NotKnown, targets
from analgesia.evidence import Library
from analgesia.report.exposed import Exposed


def margins(
    exposed: Exposed, names: Sequence[str], library: Library, seed: int
) -> tuple[list[Margin], list[NotKnown]]:
    """Margins of the named drugs, the farthest reaching first, and the numbers that cannot be compared, with the reason."""
    found: list[Margin] = []
    left: list[NotKnown] = []
    for name in names:
        if name not in exposed.analytes:
            continue
        known, apart = targets(name, library)
        left += apart
        for target in known:
            for site in target.sites:
                peak = exposed.totals[name] if target.basis == TOTAL else exposed.peaks[name, site]
                margin = margin_at(target, site, exposed.regimen.arm.name, peak, seed)
                if margin is not None and margin.median is not None:
                    found.append(margin)
    return sorted(found, key=lambda one: -(one.median or 0.0)), left
