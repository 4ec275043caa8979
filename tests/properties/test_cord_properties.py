"""More drug never means more drive: random people, random stimuli, any node or all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analgesia import evidence, spinal

NODES = len(spinal.NODES)
LANES = 200


@dataclass(frozen=True)
class Afferents:
    """People as the cord sees them."""

    c_fibre_rate: NDArray[np.float64]
    a_delta_rate: NDArray[np.float64]
    a_beta_rate: NDArray[np.float64]
    chloride_reversal: NDArray[np.float64]
    alpha2delta_upregulation: NDArray[np.float64]

    @classmethod
    def random(cls, generator: np.random.Generator, size: int) -> Afferents:
        """Rates and states over the whole range the conditions reach."""
        return cls(
            generator.uniform(0.0, 4.0, size),
            generator.uniform(0.0, 3.0, size),
            generator.uniform(0.0, 20.0, size),
            generator.uniform(-72.0, -48.0, size),
            generator.uniform(0.0, 0.8, size),
        )


@settings(max_examples=12)
@given(st.integers(0, 10_000))
def test_more_agonist_never_more_drive(seed: int) -> None:
    """Raising any set of nodes lowers the drive or leaves it, for both kinds of output neuron taken together."""
    generator = np.random.default_rng(seed)
    people = Afferents.random(generator, LANES)
    less = generator.uniform(0.0, 1.0, (NODES, LANES)) * (generator.random((NODES, LANES)) < 0.5)
    more = less + (1.0 - less) * generator.uniform(0.0, 1.0, (NODES, LANES)) * (
        generator.random((NODES, LANES)) < 0.5
    )
    nodes = {node: np.stack([less[k], more[k]], axis=1) for k, node in enumerate(spinal.NODES)}
    drive = spinal.drive(people, nodes, evidence.load())
    assert drive.settled.all()
    felt = drive.projection + 0.3 * drive.wide_dynamic_range
    assert (felt[:, 1] <= felt[:, 0] * (1.0 + 1e-3)).all()
    assert (felt >= 0.0).all()


def test_people_permute() -> None:
    """A person's drive depends on nobody else: order, company and number change no bit."""
    generator = np.random.default_rng(5)
    people = Afferents.random(generator, 9)
    nodes = {"mu_presynaptic": generator.uniform(0.0, 1.0, (9, 3))}
    library = evidence.load()
    whole = spinal.drive(people, nodes, library, resolution=0.0)
    order = np.array([4, 0, 7])
    part = Afferents(**{name: values[order] for name, values in vars(people).items()})
    some = spinal.drive(part, {"mu_presynaptic": nodes["mu_presynaptic"][order]}, library, resolution=0.0)
    np.testing.assert_array_equal(some.projection, whole.projection[order])
    np.testing.assert_array_equal(some.resting_projection, whole.resting_projection[order])
