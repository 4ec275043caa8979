"""Ion channels: gates written as equations in evidence files, run on any kind of scalar.

A channel file holds `[equations]`: `gates` (their names), `open` (open probability from the gates), and for each gate either
`alpha_g` and `beta_g` (1/ms) or `inf_g` and `tau_g` (ms), as functions of the voltage V (mV), of ion concentrations (mM) and of
the file's `[parameters]`. With a temperature factor phi = q10 ** ((T - T_ref) / 10) a gate follows

    dg/dt = phi (alpha (1 - g) - beta g) = phi (inf - g) / tau

A gate that `instant` names is at its target at every moment, being fast beside everything else: it is no state, and needs no `tau_g`.

A channel may instead be a scheme of states: `states` (their names), `rate_A_B` (1/ms) for every transition from A to B there is, and
`open` from the states. All its rates are multiplied by phi, and a shift of its activation moves the voltage of all of them.

An equation is arithmetic: numbers, names, + - * / **, comparisons and a few functions. Nothing else of the language is accepted,
so a channel from a stranger's folder can compute, and can do nothing else.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from analgesia.engine import exp, log, maximum, minimum, sqrt, where
from analgesia.engine.markov import Scheme
from analgesia.errors import EvidenceError, ModelError
from analgesia.evidence import Library

OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
    ast.USub: operator.neg, ast.Lt: operator.lt, ast.Gt: operator.gt, ast.LtE: operator.le, ast.GtE: operator.ge,
}  # fmt: skip
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "exp": exp, "log": log, "sqrt": sqrt, "where": where, "minimum": minimum, "maximum": maximum,
}  # fmt: skip
UNITS: Mapping[str, str] = {
    "[time]": "ms", "1/[time]": "1/ms", "[voltage]": "mV", "1/[voltage]": "1/mV", "[time]/[voltage]": "ms/mV",
    "1/[time]/[voltage]": "1/(ms*mV)",
    "[concentration]": "mM", "[current density]": "mA/cm2", "[]": "1", "[temperature]": "degC",
}  # fmt: skip
"""Units in which equations are run, by what is measured."""
SURROUNDINGS = ("V", "Na", "Nao", "K", "Ko", "Ca", "Cao")
"""What an equation may ask of its surroundings: voltage (mV) and concentrations inside and outside (mM)."""


@dataclass(frozen=True)
class Expression:
    """One line of arithmetic, parsed once."""

    text: str
    place: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str, place: str) -> Expression:
        """Accept arithmetic; refuse the rest by name."""
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise EvidenceError(
                f"{place}: `{text}` is not arithmetic ({error}); write it as in Python"
            ) from None
        expression = cls(text, place, tree)
        expression.names()
        return expression

    def names(self) -> set[str]:
        """The names it uses, functions excepted; refuses anything that is not arithmetic."""
        found: set[str] = set()

        def visit(node: ast.expr) -> None:
            match node:
                case ast.Constant(value=bool()):
                    pass
                case ast.Constant(value=int() | float()):
                    return
                case ast.Name(id=name):
                    found.add(name)
                    return
                case ast.BinOp(left=a, op=op, right=b) if type(op) in OPERATORS:
                    visit(a)
                    visit(b)
                    return
                case ast.UnaryOp(op=ast.USub(), operand=a):
                    visit(a)
                    return
                case ast.Compare(left=a, ops=[op], comparators=[b]) if type(op) in OPERATORS:
                    visit(a)
                    visit(b)
                    return
                case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                    for argument in args:
                        visit(argument)
                    return
            raise EvidenceError(
                f"{self.place}: `{ast.unparse(node)}` is not allowed; an equation has numbers, names, + - * / **, comparisons and "
                f"{', '.join(FUNCTIONS)}"
            )

        visit(self.tree)
        return found

    def run(self, names: Mapping[str, Any]) -> Any:
        """Its value on whatever scalars `names` holds."""

        def value(node: ast.expr) -> Any:
            match node:
                case ast.Constant(value=number):
                    return number
                case ast.Name(id=name):
                    return names[name]
                case ast.BinOp(left=a, op=op, right=b):
                    return OPERATORS[type(op)](value(a), value(b))
                case ast.UnaryOp(op=op, operand=a):
                    return OPERATORS[type(op)](value(a))
                case ast.Compare(left=a, ops=[op], comparators=[b]):
                    return OPERATORS[type(op)](value(a), value(b))
                case ast.Call(func=ast.Name(id=name), args=args):
                    return FUNCTIONS[name](*(value(a) for a in args))
            raise AssertionError(self.text)

        return value(self.tree)


@dataclass(frozen=True, eq=False)
class Channel:
    """Gates (the states, of a scheme) and open probability of one channel, with its constants in mV, ms and mM."""

    name: str
    kind: str
    gates: tuple[str, ...]
    equations: Mapping[str, Expression]
    constants: Mapping[str, float]
    units: Mapping[str, str]
    states: tuple[str, ...] = ()
    transitions: tuple[tuple[str, str], ...] = ()
    instant: tuple[str, ...] = ()

    @property
    def moving(self) -> tuple[str, ...]:
        """Gates (the states, of a scheme) that take time: what a simulation keeps as states."""
        return tuple(gate for gate in self.gates if gate not in self.instant)

    @property
    def activation(self) -> tuple[str, ...]:
        """Gates that open on depolarisation: those the file's `available` does not name (all where it has none, or in a scheme)."""
        if self.states:
            return self.states
        inactivation = self.equations["available"].names() if "available" in self.equations else set()
        return tuple(gate for gate in self.gates if gate not in inactivation)

    @property
    def inactivates(self) -> bool:
        """Whether the file's `available` names gates or states."""
        return "available" in self.equations and bool(
            self.equations["available"].names() & {*self.gates, *self.states}
        )

    @property
    def surroundings(self) -> frozenset[str]:
        """What its equations ask of SURROUNDINGS."""
        used = set().union(*(equation.names() for equation in self.equations.values()))
        return frozenset(used & set(SURROUNDINGS))

    def factor(self, celsius: Any, gate: str = "") -> Any:
        """How much faster than at the reference temperature a gate is at `celsius`: q10 ** ((T - T_ref) / 10); `q10_GATE` goes first."""
        q10 = self.constants.get(f"q10_{gate}", self.constants.get("q10"))
        return 1.0 if q10 is None else q10 ** ((celsius - self.constants["reference_temperature"]) / 10.0)

    def kinetics(self, gate: str, celsius: Any, **surroundings: Any) -> tuple[Any, Any]:
        """Target and rate (1/ms) of one gate; `surroundings` as in SURROUNDINGS."""
        if self.states:
            raise EvidenceError(
                f"channel {self.name} is a scheme of states, which have no targets of their own; a channel with gates is needed here"
            )
        if gate in self.instant:
            raise EvidenceError(
                f"channel {self.name}: gate `{gate}` follows at once and has no rate; only the soma of a cell takes such a gate"
            )
        names = {**self.constants, **surroundings}
        if f"inf_{gate}" in self.equations:
            return self._target(gate, names), self.factor(celsius, gate) / self.equations[f"tau_{gate}"].run(
                names
            )
        opening, closing = (self.equations[f"{side}_{gate}"].run(names) for side in ("alpha", "beta"))
        total = opening + closing
        return opening / total, self.factor(celsius, gate) * total

    def _target(self, gate: str, names: Mapping[str, Any]) -> Any:
        if f"inf_{gate}" in self.equations:
            return self.equations[f"inf_{gate}"].run(names)
        opening, closing = (self.equations[f"{side}_{gate}"].run(names) for side in ("alpha", "beta"))
        return opening / (opening + closing)

    def at_once(self, **surroundings: Any) -> dict[str, Any]:
        """Gates that follow at once, where they are in these surroundings."""
        names = {**self.constants, **surroundings}
        return {gate: self._target(gate, names) for gate in self.instant}

    def scheme(self, celsius: Any, **surroundings: Any) -> Scheme:
        """States and rates between them (1/ms); `surroundings` as in SURROUNDINGS."""
        names, factor = {**self.constants, **surroundings}, self.factor(celsius)
        return Scheme(
            self.states,
            {(a, b): factor * self.equations[f"rate_{a}_{b}"].run(names) for a, b in self.transitions},
        )

    def rest(self, celsius: Any, **surroundings: Any) -> dict[str, Any]:
        """Gates or states after a long time in the same surroundings."""
        if self.states:
            return self.scheme(celsius, **surroundings).rest()
        still = self.at_once(**surroundings)
        return {
            gate: still[gate] if gate in still else self.kinetics(gate, celsius, **surroundings)[0]
            for gate in self.gates
        }

    def open(self, gates: Mapping[str, Any], **surroundings: Any) -> Any:
        """Open probability."""
        return self.equations["open"].run({**self.constants, **surroundings, **gates})

    def flow(self, equation: str, **names: Any) -> Any:
        """Another equation of the file, such as a pump's current; names of equations already known may be passed on."""
        return self.equations[equation].run({**self.constants, **names})


@cache
def channel(name: str, library: Library) -> Channel:
    """Read a channel of the library and check that its equations are complete.

    Raises `EvidenceError` for a missing gate equation or a name that nothing defines.
    """
    record = library.channels[name]
    place = f"channel {name}"
    equations = {
        key: Expression.parse(text, f"{place}: equations.{key}")
        for key, text in record.equations.items()
        if key not in ("gates", "states", "instant")
    }
    gates = tuple(record.equations.get("gates", "").split())
    instant = tuple(record.equations.get("instant", "").split())
    states = tuple(record.equations.get("states", "").split())
    transitions = _transitions(place, gates, states, equations)
    for gate in instant:
        if gate not in gates:
            raise EvidenceError(
                f"{place}: `instant` names `{gate}`, which is no gate; `gates` are {', '.join(gates) or 'none'}"
            )
    for gate in gates:
        target = ("inf",) if gate in instant else ("inf", "tau")
        forms = [
            pair
            for pair in (("alpha", "beta"), target)
            if all(f"{side}_{gate}" in equations for side in pair)
        ]
        if len(forms) != 1 or (gate in instant and f"tau_{gate}" in equations):
            either = " and ".join(f"{side}_{gate}" for side in target)
            raise EvidenceError(
                f"{place}: gate `{gate}` needs either equations alpha_{gate} and beta_{gate} or {either}"
                + (", no more: it is `instant`" if gate in instant else "")
            )
    if record.kind == "sodium" and "available" not in equations:
        raise EvidenceError(
            f'{place}: a sodium channel needs an equation `available`, the share that is not inactivated, such as "h * s"'
        )
    plain = {key: _plain(number) for key, number in record.parameters.items()}
    constants = {key: value for key, (value, _) in plain.items()}
    kept = {key: unit for key, (_, unit) in plain.items()}
    known = {*constants, *gates, *states, *SURROUNDINGS, *equations}
    for key, expression in equations.items():
        unknown = expression.names() - known
        if unknown:
            raise EvidenceError(
                f"{place}: equations.{key} uses {', '.join(sorted(unknown))}, which is neither a parameter, a gate nor one of "
                f"{', '.join(SURROUNDINGS)}"
            )
    return Channel(
        name, record.kind or "", states or gates, equations, constants, kept, states, transitions, instant
    )


def _transitions(
    place: str, gates: tuple[str, ...], states: tuple[str, ...], equations: Mapping[str, Expression]
) -> tuple[tuple[str, str], ...]:
    """The transitions of a scheme, which must name known states and join all of them."""
    given = [key for key in equations if key.startswith("rate_")]
    if not states:
        if given:
            raise EvidenceError(f"{place}: equations.{given[0]} belongs to a scheme; name its `states`")
        return ()
    if gates:
        raise EvidenceError(f"{place}: it has both `gates` and `states`; make them two channels")
    twice = sorted({state for state in states if states.count(state) > 1 or state in SURROUNDINGS})
    if len(states) < 2 or twice:
        raise EvidenceError(
            f"{place}: a scheme needs two or more states, each with a name of its own"
            + (f"; {', '.join(twice)} is taken" if twice else "")
        )
    if "open" not in equations:
        raise EvidenceError(f'{place}: a scheme needs an equation `open`, its open states, such as "O"')
    named = {f"rate_{a}_{b}": (a, b) for a in states for b in states if a != b}
    for key in given:
        if key not in named:
            raise EvidenceError(
                f"{place}: equations.{key} is no transition between two states; write rate_FROM_TO with states of {', '.join(states)}"
            )
    found = tuple(named[key] for key in given)
    try:
        Scheme(states, dict.fromkeys(found, 1.0)).check(place)
    except ModelError as problem:
        raise EvidenceError(f"{problem} as an equation rate_FROM_TO") from None
    return found


def _plain(number: Any) -> tuple[float, str]:
    """The constant in the unit in which equations run, and that unit."""
    from analgesia.evidence import units

    for unit in UNITS.values():
        if units.same_dimension(number.unit, unit):
            return float(number.to(unit)), unit
    raise EvidenceError(
        f"{number.place}: unit {number.unit} has no place in a channel's equation; use one of {', '.join(UNITS.values())}"
    )
