"""Random-effects pooling of several measurements of one quantity (DerSimonian and Laird), on the log scale.

With y_i = ln(value_i), s_i its standard error and w_i = 1/s_i^2:
    Q = sum w_i (y_i - y_w)^2,  tau^2 = max(0, (Q - (k - 1)) / (sum w_i - sum w_i^2 / sum w_i)),
    mean = sum w*_i y_i / sum w*_i,  w*_i = 1/(s_i^2 + tau^2),  se^2 = 1/sum w*_i,
    prediction spread^2 = tau^2 + se^2 : what the next laboratory would find, the width of the prior.
A measurement printed without spread takes the median of the spreads that were printed; where none was printed all
weights are equal, so that the mean is the plain mean of the logs and tau^2 their sample variance.
It ignores the uncertainty of tau^2 itself (small numbers of studies make the interval too narrow).
Source: DerSimonian and Laird 1986, doi 10.1016/0197-2456(86)90046-2; Higgins 2009, doi 10.1111/j.1467-985X.2008.00552.x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Pool:
    """Pooled log mean, its standard error, between-measurement SD (all on the natural-log scale), and their number."""

    mean_log: float
    se_log: float
    between_sd_log: float
    count: int

    @property
    def prediction_sd_log(self) -> float:
        """SD of the log of a new measurement of the same quantity."""
        return math.hypot(self.between_sd_log, self.se_log)


def pool(values: Sequence[float], sd_logs: Sequence[float | None]) -> Pool:
    """Pool positive `values` whose log standard errors are `sd_logs` (None: not printed)."""
    logs = [math.log(value) for value in values]
    known = [sd for sd in sd_logs if sd is not None and sd > 0.0]
    count = len(logs)
    if count == 1:
        own = known[0] if known else 0.0
        return Pool(logs[0], own, 0.0, 1)
    if not known:
        mean = math.fsum(logs) / count
        variance = math.fsum((y - mean) ** 2 for y in logs) / (count - 1)
        return Pool(mean, math.sqrt(variance / count), math.sqrt(variance), count)
    typical = median(known)
    variances = [(sd if sd is not None and sd > 0.0 else typical) ** 2 for sd in sd_logs]
    weights = [1.0 / v for v in variances]
    total = math.fsum(weights)
    fixed = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    q = math.fsum(w * (y - fixed) ** 2 for w, y in zip(weights, logs, strict=True))
    scale = total - math.fsum(w * w for w in weights) / total
    between = max(0.0, (q - (count - 1)) / scale)
    random = [1.0 / (v + between) for v in variances]
    total_random = math.fsum(random)
    mean = math.fsum(w * y for w, y in zip(random, logs, strict=True)) / total_random
    return Pool(mean, math.sqrt(1.0 / total_random), math.sqrt(between), count)
