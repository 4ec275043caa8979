"""A system of ordinary differential equations with named states, parameters and outputs, each with its unit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from analgesia.errors import ModelError

Scalar = Any


class Namespace:
    """Named scalars: `y.central`, `y["mitragynine.central"]`, `y.scope("mitragynine").central`, `y.mitragynine.central`."""

    __slots__ = ("_kind", "_prefix", "_values")

    def __init__(self, values: Mapping[str, Scalar], kind: str = "name", prefix: str = "") -> None:
        self._values = values
        self._kind = kind
        self._prefix = prefix

    def __getitem__(self, name: str) -> Scalar:
        full = self._prefix + name
        if full in self._values:
            return self._values[full]
        close = difflib.get_close_matches(full, self._values, 3, 0.5)
        raise ModelError(
            f"no {self._kind} `{full}`; "
            + (
                f"did you mean {' or '.join(close)}?"
                if close
                else f"there are {', '.join(self._values) or 'none'}"
            )
        )

    def __getattr__(self, name: str) -> Scalar:
        if name.startswith("__"):
            raise AttributeError(name)
        full = self._prefix + name
        if full not in self._values and any(key.startswith(full + ".") for key in self._values):
            return self.scope(name)
        return self[name]

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._values

    def __iter__(self) -> Iterable[str]:
        return iter([key[len(self._prefix) :] for key in self._values if key.startswith(self._prefix)])

    def scope(self, prefix: str) -> Namespace:
        """The names below `prefix.`."""
        return Namespace(self._values, self._kind, f"{self._prefix}{prefix}.")


@dataclass(frozen=True)
class Delay:
    """The value an output had a while ago.

    `of` names the output, `by(t, y, p)` says how long ago (>= 0, in the system's time unit; may depend on the state and fall to 0).
    `before` says what stands in while the looked-up time lies before the start: the output's `"present"` value or its `"initial"` one.
    """

    of: str
    by: Callable[[Scalar, Namespace, Namespace], Scalar]
    before: Literal["present", "initial"] = "initial"


@dataclass(frozen=True)
class System:
    """dy/dt = derivatives(t, y, p), outputs = observe(t, y, p), y(start) = initial.

    `states`, `parameters`, `outputs`: name -> unit; the order is the layout of every array. `initial`: a number or the name of a
    parameter for each state, 0 where absent. With `delays`, both functions receive a fourth namespace `past` if they take four arguments.
    """

    name: str
    states: Mapping[str, str]
    parameters: Mapping[str, str]
    derivatives: Callable[..., Mapping[str, Scalar]]
    outputs: Mapping[str, str] = field(default_factory=dict)
    observe: Callable[..., Mapping[str, Scalar]] | None = None
    time_unit: str = "h"
    initial: Mapping[str, float | str] = field(default_factory=dict)
    delays: Mapping[str, Delay] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.states:
            raise ModelError(f"system `{self.name}` has no states; a system needs at least one")
        for state, value in self.initial.items():
            if state not in self.states:
                raise ModelError(f"system `{self.name}`: initial value of `{state}`, which is not a state")
            if isinstance(value, str) and value not in self.parameters:
                raise ModelError(
                    f"system `{self.name}`: initial value of `{state}` is parameter `{value}`, which does not exist"
                )
        if self.outputs and self.observe is None:
            raise ModelError(f"system `{self.name}` names outputs but has no `observe` to compute them")
        for name, delay in self.delays.items():
            if delay.of not in self.outputs:
                raise ModelError(
                    f"system `{self.name}`: delay `{name}` looks back at `{delay.of}`, which is not an output"
                )

    def index(self, state: str) -> int:
        """Position of a state in the layout."""
        return _position(self.states, state, "state", self.name)

    def parameter_index(self, parameter: str) -> int:
        """Position of a parameter in the layout."""
        return _position(self.parameters, parameter, "parameter", self.name)

    def output_index(self, output: str) -> int:
        """Position of an output in the layout."""
        return _position(self.outputs, output, "output", self.name)

    def evaluate(
        self,
        t: Scalar,
        states: Mapping[str, Scalar],
        parameters: Mapping[str, Scalar],
        past: Mapping[str, Scalar] | None = None,
    ) -> dict[str, Scalar]:
        """Right-hand side on any kind of scalar, in the order of `states`."""
        y, p = Namespace(states, "state"), Namespace(parameters, "parameter")
        rates = (
            self.derivatives(t, y, p, Namespace(past or {}, "delay"))
            if self.delays
            else self.derivatives(t, y, p)
        )
        return _complete(rates, self.states, "derivative", self.name)

    def observations(
        self, t: Scalar, states: Mapping[str, Scalar], parameters: Mapping[str, Scalar]
    ) -> dict[str, Scalar]:
        """Outputs on any kind of scalar, in the order of `outputs`."""
        if self.observe is None:
            return {}
        values = self.observe(t, Namespace(states, "state"), Namespace(parameters, "parameter"))
        return _complete(values, self.outputs, "output", self.name)


def _position(names: Mapping[str, str], name: str, kind: str, system: str) -> int:
    for position, known in enumerate(names):
        if known == name:
            return position
    close = difflib.get_close_matches(name, names, 3, 0.5)
    raise ModelError(
        f"system `{system}` has no {kind} `{name}`; "
        + (f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(names) or 'none'}")
    )


def _complete(
    values: Mapping[str, Scalar], names: Mapping[str, str], kind: str, system: str
) -> dict[str, Scalar]:
    missing, extra = [n for n in names if n not in values], [n for n in values if n not in names]
    if missing or extra:
        raise ModelError(
            f"system `{system}`: {kind}s "
            + "; ".join(
                filter(
                    None,
                    (
                        f"missing for {', '.join(missing)}" if missing else "",
                        f"given for unknown {', '.join(extra)}" if extra else "",
                    ),
                )
            )
        )
    return {name: values[name] for name in names}
