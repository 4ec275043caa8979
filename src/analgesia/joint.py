"""Numbers that one fit gave together err together: correlated draws of what is not known.

With z independent standard normal deviates and F the symmetric root of the correlation matrix R = F F, the deviates of the numbers are
F z: of all factors the one that leaves each number nearest to its own z, and the only one on which every library of linear algebra
agrees. The correlations stand in a record of `fits`; they say how errors go together, not how anything is, and are no number a
result rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analgesia.engine import draws
from analgesia.evidence import Library

Floats = NDArray[np.float64]

PAIN = "pain_correlations"
"""Record of `fits` left by the calibration of pain, by `folder.record.parameter`."""
SMALLEST = 1e-6
"""Eigenvalues of a correlation matrix are not let below this."""


@dataclass(frozen=True)
class Joint:
    """Numbers that one fit gave together: their errors are correlated, `factor @ independent deviates`."""

    names: tuple[str, ...]
    factor: Floats


@lru_cache(maxsize=8)
def _joint(pairs: tuple[tuple[str, str, float], ...]) -> Joint:
    """The factor, block by block: what another fit left behind changes nobody's draws."""
    blocks: list[list[tuple[str, str, float]]] = []
    for pair in pairs:
        touched = [block for block in blocks if any({*pair[:2]} & {*other[:2]} for other in block)]
        blocks = [block for block in blocks if block not in touched]
        blocks.append([*(other for block in touched for other in block), pair])
    names: list[str] = []
    factor = np.zeros((0, 0))
    for block in blocks:
        own, square = _factor([pair for pair in pairs if pair in block])
        grown = np.zeros((factor.shape[0] + len(own),) * 2)
        grown[: len(names), : len(names)] = factor
        grown[len(names) :, len(names) :] = square
        names, factor = [*names, *own], grown
    return Joint(tuple(names), factor)


def _factor(pairs: Sequence[tuple[str, str, float]]) -> tuple[list[str], Floats]:
    names = list(dict.fromkeys(name for pair in pairs for name in pair[:2]))
    matrix = np.eye(len(names))
    for one, other, value in pairs:
        i, j = names.index(one), names.index(other)
        matrix[i, j] = matrix[j, i] = value
    values, vectors = np.linalg.eigh(matrix)
    factor = (vectors * np.sqrt(np.maximum(values, SMALLEST))) @ vectors.T
    return names, np.asarray(factor / np.linalg.norm(factor, axis=1, keepdims=True))


def joint_ignorance(library: Library, record: str) -> Joint | None:
    """Correlations between fitted numbers, from a record of `fits`; None where there is none.

    Small ones are left out of the file, so the matrix is brought back to a proper one by clipping its eigenvalues.
    """
    found = library.fits.get(record)
    if found is None:
        return None
    return _joint(
        tuple(
            (one, other, number.value)
            for one, others in found.parameters.items()
            for other, number in others.items()
        )
    )


def deviates(library: Library, name: str, key: str, seed: int, count: int) -> Floats:
    """Standard normal deviate of one number for draws 0 .. count - 1.

    `name` (`folder.record.parameter`) finds it among the numbers fitted to trials of pain; one that is not there has a luck of its
    own, keyed by `ignorance/<key>`. Draw k does not depend on how many there are.
    """
    joint = joint_ignorance(library, PAIN)
    if joint is None or name not in joint.names:
        return np.asarray(draws.normal(seed, f"ignorance/{key}", count))
    row = joint.factor[joint.names.index(name)]
    total = np.zeros(count)
    for other, weight in zip(joint.names, row, strict=True):
        total += weight * np.asarray(draws.normal(seed, f"ignorance/{PAIN}.{other}", count))
    return total
