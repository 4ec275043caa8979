"""Results carry units and origin, plot with labels and turn into JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analgesia.errors import ModelError
from analgesia.results import Result, Variable
from analgesia.signals import PAIN


@pytest.fixture
def result() -> Result:
    pain = np.arange(24, dtype=float).reshape(2, 3, 4)
    pain[0, 0, 0] = np.nan
    occupancy = np.full((3, 4, 2), 0.5)
    return Result.build(
        {
            "pain": Variable.of(PAIN, pain, "arm"),
            "occupancy": Variable(occupancy, ("patient", "time", "receptor"), "1", "receptor occupancy"),
        },
        {
            "arm": ["placebo", "leaf"],
            "patient": range(3),
            "time": np.linspace(0, 3, 4),
            "receptor": ["mu", "kappa"],
        },
        numbers={"read": 3, "assumed": 1},
        sources=["author2001"],
        seed=1,
    )


def test_units_and_origin(result: Result) -> None:
    assert result.pain.dims == ("arm", "patient", "time")
    assert result.pain.attrs == {"units": "NRS", "long_name": "pain rating (0-10)"}
    assert result.pain.mean("patient").attrs["units"] == "NRS"
    assert result.numbers() == {"read": 3, "assumed": 1}
    assert result.sources() == ["author2001"]
    assert result.time.attrs["units"] == "h"
    assert "pain" in dir(result)


def test_unknown_name_lists_the_known(result: Result) -> None:
    with pytest.raises(AttributeError, match="it has pain, occupancy"):
        _ = result.pian


def test_shapes_are_checked() -> None:
    with pytest.raises(ModelError, match="does not fit axes"):
        Result.build(
            {"pain": Variable(np.zeros((2, 3)), ("arm", "time"), "NRS", "pain")},
            {"arm": ["a", "b"], "time": [0.0]},
            numbers={},
            sources=[],
        )


def test_json(result: Result) -> None:
    shown = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert shown["variables"]["pain"]["values"][0][0] == [None, 1.0, 2.0, 3.0]
    assert shown["variables"]["pain"]["unit"] == "NRS"
    assert shown["coordinates"]["arm"]["values"] == ["placebo", "leaf"]
    assert shown["about"]["seed"] == 1


def test_plot_labels_axes_with_units(result: Result) -> None:
    axes = result.plot("pain")
    assert axes.get_xlabel() == "time [h]"
    assert axes.get_ylabel() == "pain rating (0-10) [NRS]"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["placebo", "leaf"]
    lines = result.plot("occupancy", receptor="mu").get_lines()
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("variable", "at", "message"),
    [
        ("nothing", {}, "there is no 'nothing'"),
        ("occupancy", {}, "pick one, as in receptor='mu'"),
        ("occupancy", {"receptor": "nu"}, "it has mu, kappa"),
        ("occupancy", {"organ": "x"}, "has no axis 'organ'"),
    ],
)
def test_plot_says_what_is_missing(result: Result, variable: str, at: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        result.plot(variable, **at)
