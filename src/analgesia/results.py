"""Results: labelled arrays that carry their units and where they came from.

Inside the package arrays are bare; here, at its border, they get names. A `Result` wraps an xarray Dataset whose variables
have the attributes `units` and `long_name` (from which plots take their labels) and whose own attributes say how many numbers
of each status, and which sources, it rests on. Every variable is an attribute: `result.pain.mean("patient").plot()`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analgesia.errors import ModelError
from analgesia.signals import Signal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS_OF_AXES = {"time": "h", "lag": "ms"}
"""Units of the axes that are quantities rather than names."""

BAND = (0.05, 0.95)
"""The quantiles between which a band is drawn."""


@dataclass(frozen=True)
class Variable:
    """One array with the names of its axes, its unit and the words that label it."""

    values: Any
    axes: tuple[str, ...]
    unit: str
    label: str

    @classmethod
    def of(cls, signal: Signal, values: Any, *outer: str) -> Self:
        """Label `values` as `signal`, with the axes `outer` (such as arm, replicate) before its own."""
        return cls(values, (*outer, *signal.axes), signal.unit, signal.label)


@dataclass(frozen=True)
class Result:
    """What a run gives: a Dataset with units, and the record of what it rests on."""

    dataset: xr.Dataset

    @classmethod
    def build(
        cls,
        variables: Mapping[str, Variable],
        coordinates: Mapping[str, Sequence[Any] | np.ndarray[Any, Any]],
        *,
        numbers: Mapping[str, int],
        sources: Sequence[str],
        **about: Any,
    ) -> Self:
        """Join variables along `coordinates`; `numbers` counts by status, `about` is anything else worth recording.

        Raises `ModelError` where a variable does not fit its axes.
        """
        data = {}
        for name, variable in variables.items():
            values = np.asarray(variable.values)
            expected = tuple(len(coordinates[axis]) if axis in coordinates else -1 for axis in variable.axes)
            if len(expected) != values.ndim or any(
                size not in (-1, length) for size, length in zip(expected, values.shape, strict=True)
            ):
                raise ModelError(
                    f"{name}: an array of shape {values.shape} does not fit axes {variable.axes} of {expected}"
                )
            data[name] = (variable.axes, values, {"units": variable.unit, "long_name": variable.label})
        attributes = {"numbers": dict(numbers), "sources": list(sources), **about}
        dataset = xr.Dataset(data, dict(coordinates), attributes)
        for axis, unit in UNITS_OF_AXES.items():
            if axis in dataset.coords:
                dataset[axis].attrs.update(units=unit, long_name=axis)
        return cls(dataset)

    def __getattr__(self, name: str) -> xr.DataArray:
        """Give a variable or a coordinate by its name."""
        if name.startswith("__") or name == "dataset":
            raise AttributeError(name)
        if name not in self.dataset:
            raise AttributeError(
                f"there is no {name!r} in this result; it has {', '.join(map(str, self.dataset.data_vars))}"
            )
        return self.dataset[name]

    def __dir__(self) -> list[str]:
        """Show the variables to completion."""
        return sorted({*super().__dir__(), *map(str, self.dataset.data_vars)})

    def numbers(self) -> dict[str, int]:
        """Count the numbers this rests on by status: read, secondary, recalled, fitted, assumed, ..."""
        return dict(self.dataset.attrs["numbers"])

    def sources(self) -> list[str]:
        """Name every source this rests on."""
        return list(self.dataset.attrs["sources"])

    def to_dict(self) -> dict[str, Any]:
        """Turn everything into what JSON knows; values that are not finite become None."""
        return {
            "about": json.loads(json.dumps(dict(self.dataset.attrs), default=str)),
            "coordinates": {str(name): _plain(array) for name, array in self.dataset.coords.items()},
            "variables": {str(name): _plain(array) for name, array in self.dataset.data_vars.items()},
        }

    def plot(self, variable: str, *, by: str = "arm", axes: Axes | None = None, **at: Any) -> Axes:
        """Draw the median of `variable` over time, one line for each `by`, with a band from the 5th to the 95th percentile.

        `at` picks one entry of other axes, as in `plot("concentration", analyte="mitragynine", site="brain")`.
        """
        from matplotlib import pyplot as plt

        array = self._select(variable, at)
        if "time" not in array.dims:
            raise ModelError(f"{variable} has no time axis; its axes are {', '.join(map(str, array.dims))}")
        spread = [axis for axis in array.dims if axis in ("patient", "replicate")]
        lines = [axis for axis in array.dims if axis not in ("time", *spread)]
        if lines not in ([], [by]):
            unpicked = [str(axis) for axis in lines if axis != by]
            raise ModelError(
                f"{variable} also has {', '.join(unpicked)}: pick one, as in {unpicked[0]}={_example(array, unpicked[0])}"
            )
        if axes is None:
            axes = plt.figure(layout="constrained").add_subplot()
        for key in array[by].values.tolist() if lines else [None]:
            line = array if key is None else array.sel({by: key})
            median, low, high = (line.quantile(q, spread) if spread else line for q in (0.5, *BAND))
            drawn = axes.plot(array["time"].values, median.values, label=None if key is None else str(key))
            if spread:
                axes.fill_between(
                    array["time"].values,
                    low.values,
                    high.values,
                    alpha=0.2,
                    color=drawn[0].get_color(),
                    linewidth=0,
                )
        axes.set_xlabel(f"time [{array['time'].attrs.get('units', 'h')}]")
        axes.set_ylabel(f"{array.attrs['long_name']} [{array.attrs['units']}]")
        if lines:
            axes.legend(title=by)
        return axes

    def _select(self, variable: str, at: Mapping[str, Any]) -> xr.DataArray:
        if variable not in self.dataset:
            raise ModelError(
                f"there is no {variable!r} in this result; it has {', '.join(map(str, self.dataset.data_vars))}"
            )
        array = self.dataset[variable]
        for axis, value in at.items():
            if axis not in array.dims:
                raise ModelError(
                    f"{variable} has no axis {axis!r}; its axes are {', '.join(map(str, array.dims))}"
                )
            if value not in array[axis].values.tolist():
                raise ModelError(
                    f"{axis}={value!r} is not in this result; it has {', '.join(map(str, array[axis].values))}"
                )
            array = array.sel({axis: value})
        return array


def by_lane(course: xr.DataArray) -> NDArray[np.float64]:
    """The values of one arm over time as [replicate, patient, time], whatever the order of its axes."""
    return np.asarray(course.transpose("replicate", "patient", "time").values, dtype=np.float64)


def _example(array: xr.DataArray, axis: str) -> str:
    return repr(array[axis].values.tolist()[0])


def _plain(array: xr.DataArray) -> dict[str, Any]:
    return {
        "axes": [str(axis) for axis in array.dims],
        "unit": array.attrs.get("units"),
        "label": array.attrs.get("long_name"),
        "values": _finite(array.values.tolist()),
    }


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
