"""Primary afferents: how often they fire on their own, and what their endings in the cord release.

Calcium enters an ending through N-type, P/Q-type and other channels with shares w_N, w_PQ, w_other (their
sum is 1 in health), and release rises with the third power of it:

    release = (w_N n + w_PQ + w_other)^k,   k = 3
    n       = (1 + u (1 - o)) (1 - b_opioid S_opioid) (1 - b_alpha2 S_alpha2)

n is the N-type current against health: raised by the share u that alpha2delta up-regulation brings to the membrane
(an alpha2delta ligand with occupancy o takes back exactly this share and nothing else), lowered by the stimulus S of
receptors on the ending. Mu, delta and kappa receptors reach the same channels by the same G protein, so they share
one maximal block: S_opioid = 1 - (1 - S_mu)(1 - S_delta)(1 - S_kappa).

Every function is written of plain scalars:
floats, NumPy arrays and the engine's symbols all pass. All quantities are dimensionless but rates. Ignored: spike
shape, facilitation, presynaptic GABA receptors, voltage-dependent relief of the block. Sources: Heinke, Gingl &
Sandkuehler 2011 (J Neurosci, doi:10.1523/JNEUROSCI.4060-10.2011) for the channels behind the opioid block.
"""

from __future__ import annotations

from typing import Any

FIBRES = ("c_fibre", "a_delta", "a_beta")
"""Primary afferents, slowest first."""


def combined(*stimuli: Any) -> Any:
    """Stimulus of several receptors that converge on one effector: 1 - prod(1 - s); 0 if all are off, never above 1."""
    idle: Any = 1.0
    for stimulus in stimuli:
        idle = idle * (1.0 - stimulus)
    return 1.0 - idle


def n_type_current(
    upregulation: Any, occupancy: Any, opioid: Any, opioid_block: Any, alpha2a: Any, alpha2a_block: Any
) -> Any:
    """N-type calcium current of an ending, as a factor on that of a healthy, undrugged one."""
    trafficked = 1.0 + upregulation * (1.0 - occupancy)
    return trafficked * (1.0 - opioid_block * opioid) * (1.0 - alpha2a_block * alpha2a)


def release(n_type: Any, p_q_type: Any, other: Any, n_type_factor: Any, cooperativity: Any = 3.0) -> Any:
    """Transmitter released per spike, as a factor on health: (w_N n + w_PQ + w_other)^k with shares made to sum to 1."""
    rest = p_q_type + other
    return ((n_type * n_type_factor + rest) / (n_type + rest)) ** cooperativity


def ongoing_rate(rate_at_full_severity: Any, severity: Any, surviving: Any, excitability: Any) -> Any:
    """Ongoing firing of a fibre pool averaged over its fibres, in the unit of the first argument.

    rate x severity x share of fibres that survive x a person's own excitability (1 = typical).
    """
    return rate_at_full_severity * severity * surviving * excitability
