"""Check the units of a system by walking its recorded program. Test-time only; costs nothing at run time.

A unit is a dimension and a scale: ms against h, mg against ug, percent against fraction is an error just as volt against second is.
A number in an equation is dimensionless; 0 and infinity fit every unit.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from analgesia.engine.graph import COMPARISONS, ELEMENTARY, Graph
from analgesia.engine.program import Program, record
from analgesia.engine.system import System
from analgesia.errors import UnitError

_AGREE = frozenset(("add", "sub", "min", "max"))
_LOGICAL = frozenset(("and", "or", "not", "truth"))


@cache
def registry() -> Any:
    """The engine's own Pint registry; `NRS` is the numerical rating scale of pain."""
    import pint

    units: Any = pint.UnitRegistry()
    units.define("NRS = [rating]")
    return units


@cache
def parse(text: str) -> Any:
    """Pint unit of a text; `1` and the empty text are dimensionless."""
    import pint

    try:
        return registry().Quantity(1.0, "" if text.strip() == "1" else text).units
    except (pint.errors.PintError, ValueError, TypeError, AttributeError) as problem:
        raise UnitError(f"unit `{text}` is not understood: {problem}") from None


@cache
def _base(unit: Any) -> tuple[float, Any]:
    quantity = registry().Quantity(1.0, unit).to_base_units()
    return float(quantity.magnitude), quantity.dimensionality


def fits(a: Any, b: Any) -> bool:
    """Whether two units have one dimension and one scale (None, the unit of 0, fits all)."""
    if a is None or b is None:
        return True
    (scale_a, dimension_a), (scale_b, dimension_b) = _base(a), _base(b)
    return dimension_a == dimension_b and math.isclose(scale_a, scale_b, rel_tol=1e-9)


def check(system: System) -> None:
    """Raise `UnitError`, naming file, line and both units, unless every equation of the system is consistent."""
    program = record(system)
    graph, time = program.graph, parse(system.time_unit)
    known: dict[int, Any] = {program.time: time}
    for nodes, names in ((program.states, system.states), (program.parameters, system.parameters)):
        known |= {node: parse(unit) for node, unit in zip(nodes, names.values(), strict=True)}
    known |= {
        node: parse(system.outputs[delay.of])
        for node, delay in zip(program.past, system.delays.values(), strict=True)
    }
    walk(graph, program, known)
    for node, (name, unit) in zip(program.rates, system.states.items(), strict=True):
        _expect(
            known[node], parse(unit) / time, f"system `{system.name}`: derivative of `{name}`", graph, node
        )
    for node, (name, unit) in zip(program.outputs, system.outputs.items(), strict=True):
        _expect(known[node], parse(unit), f"system `{system.name}`: output `{name}`", graph, node)
    for node, name in zip(program.lags, system.delays, strict=True):
        _expect(known[node], time, f"system `{system.name}`: delay `{name}`", graph, node)
    for state, value in system.initial.items():
        if isinstance(value, str) and not fits(parse(system.parameters[value]), parse(system.states[state])):
            raise UnitError(
                f"system `{system.name}`: initial value of `{state}` ({system.states[state]}) is parameter `{value}` "
                f"({system.parameters[value]})"
            )


def walk(graph: Graph, program: Program, known: dict[int, Any]) -> None:
    """Fill `known` with the unit of every node the program's results depend on."""
    for index in graph.reachable((*program.rates, *program.outputs, *program.lags)):
        if index not in known:
            known[index] = _unit(graph, index, [known[a] for a in graph.args[index]])


def _unit(graph: Graph, index: int, units: list[Any]) -> Any:
    op, one = graph.ops[index], parse("1")
    if op == "const":
        value = graph.number(index)
        return None if value == 0.0 or value is None or not math.isfinite(value) else one
    if op in _LOGICAL:
        return one
    if op in _AGREE:
        return _agree(units, graph, index)
    if op in COMPARISONS:
        _agree(units, graph, index)
        return one
    if op == "where":
        return _agree(units[1:], graph, index)
    if op in ("neg", "abs"):
        return units[0]
    if op in ELEMENTARY and op != "sqrt":
        _agree([one, *units], graph, index)
        return one
    if op == "mul":
        return None if None in units else units[0] * units[1]
    if op == "div":
        return None if units[0] is None else units[0] / (one if units[1] is None else units[1])
    if op == "sqrt":
        return None if units[0] is None else units[0] ** 0.5
    if op == "pow":
        exponent = graph.number(graph.args[index][1])
        if exponent is not None:
            return None if units[0] is None else units[0] ** exponent
        _agree([one, *units], graph, index)
        return one
    raise UnitError(f"no unit rule for `{op}`")


def _agree(units: list[Any], graph: Graph, index: int) -> Any:
    present = [u for u in units if u is not None]
    for other in present[1:]:
        if not fits(present[0], other):
            raise UnitError(
                f"{_place(graph, index)}: `{graph.ops[index]}` of {_name(present[0])} and {_name(other)}"
            )
    return present[0] if present else None


def _expect(got: Any, want: Any, what: str, graph: Graph, node: int) -> None:
    if not fits(got, want):
        raise UnitError(
            f"{_place(graph, node)}: {what} should be in {_name(want)}, the equation gives {_name(got)}"
        )


def _name(unit: Any) -> str:
    return f"{unit:~C}" or "1"


def _place(graph: Graph, index: int) -> str:
    file, line = graph.places[index]
    return f"{file}:{line}" if file else "equation"
