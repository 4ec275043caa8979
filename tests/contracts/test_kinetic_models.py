"""Every compartment model: units of its equations, and its name."""

from __future__ import annotations

import pytest

from analgesia.engine import units
from analgesia.errors import ModelError
from analgesia.kinetic_models import NAMES, kinetic_model


@pytest.mark.parametrize("name", NAMES)
def test_units_of_the_equations_agree(name: str) -> None:
    units.check(kinetic_model(name))


@pytest.mark.parametrize("name", NAMES)
def test_central_is_where_nonmem_has_it(name: str) -> None:
    assert list(kinetic_model(name).states).index("central") == (1 if name.endswith("_oral") else 0)


def test_an_unknown_name_is_refused_with_a_near_one() -> None:
    with pytest.raises(ModelError, match="did you mean two_compartment_oral"):
        kinetic_model("two_compartments_oral")
