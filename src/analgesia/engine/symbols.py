"""Scalars that record what an equation does to them, and the functions an equation may use.

An equation is a plain Python function of scalars. `exp`, `log`, `where`, ... answer whatever kind of scalar they are given:
a float (for a debugger), a NumPy array, a JAX tracer (for gradients; JAX is never imported here) or a `Symbol`, which writes
the operation into a `Graph`. Branching on a symbol with `if` cannot be recorded and raises `ModelError` with file and line.
"""

from __future__ import annotations

import linecache
import math
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from analgesia.engine.graph import ARITHMETIC, BOOLEAN, COMPARISONS, Graph
from analgesia.errors import ModelError

_ENGINE = str(Path(__file__).parent)

Scalar = Any  # float, numpy array, jax tracer or Symbol: whatever the caller computes with


def where_written() -> tuple[str, int]:
    """File and line of the equation being run: the innermost frame outside the engine."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ENGINE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def refuse(what: str, cure: str) -> NoReturn:
    """Raise `ModelError` naming the file, the line and its text."""
    file, line = where_written()
    text = linecache.getline(file, line).strip()
    raise ModelError(f"{file}:{line}: {what}{f' in `{text}`' if text else ''}; {cure}")


class Symbol:
    """One node of a `Graph`, used like a number."""

    __slots__ = ("graph", "index")

    def __init__(self, graph: Graph, index: int) -> None:
        self.graph = graph
        self.index = index

    def __repr__(self) -> str:
        return self.graph.text(self.index)

    def __hash__(self) -> int:
        return hash((id(self.graph), self.index))

    @property
    def boolean(self) -> bool:
        """Whether this symbol is a truth value."""
        return self.graph.ops[self.index] in BOOLEAN

    def __bool__(self) -> bool:
        refuse(
            "`if`, `and`, `or`, `not`, `min`, `max` or a chained comparison on a symbol",
            "its value is not known while recording: use where(condition, a, b), & and |, minimum and maximum",
        )

    def __float__(self) -> float:
        refuse(
            "a symbol used where a plain number is required",
            "use exp, log, sqrt, ... from analgesia.engine instead of math or numpy",
        )

    __int__ = __index__ = __complex__ = __float__

    def __iter__(self) -> NoReturn:
        refuse("iteration over a symbol", "a symbol is one scalar")

    def __len__(self) -> int:
        refuse("len() of a symbol", "a symbol is one scalar")

    def __getitem__(self, key: object) -> NoReturn:
        refuse("indexing of a symbol", "a symbol is one scalar")

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        refuse("a symbol put into a numpy array", "equations work on scalars, use lists or dictionaries")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        function = _UFUNCS.get(ufunc.__name__)
        if function is None or method != "__call__" or kwargs:
            refuse(
                f"numpy.{ufunc.__name__} is not an operation the engine has",
                f"it has {', '.join(sorted(FUNCTIONS))}",
            )
        return function(*inputs)

    def __pow__(self, other: Scalar) -> Symbol:
        return record("pow", self, other)

    def __rpow__(self, other: Scalar) -> Symbol:
        return record("pow", other, self)

    def __neg__(self) -> Symbol:
        return record("neg", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return record("abs", self)

    def __and__(self, other: Scalar) -> Symbol:
        return record("and", self, other)

    def __or__(self, other: Scalar) -> Symbol:
        return record("or", self, other)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Symbol:
        return record("not", self)

    def _unsupported(self, *args: object) -> NoReturn:
        refuse("%, // or ^ on a symbol", f"the engine has + - * / ** and {', '.join(sorted(FUNCTIONS))}")

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __xor__ = __rxor__ = _unsupported
    __round__ = __floor__ = __ceil__ = __trunc__ = __divmod__ = __matmul__ = __rmatmul__ = _unsupported


def _install(name: str, op: str) -> None:
    def forward(self: Symbol, other: Scalar) -> Symbol:
        return record(op, self, other)

    def reflected(self: Symbol, other: Scalar) -> Symbol:
        return record(op, other, self)

    setattr(Symbol, f"__{name}__", forward)
    if op not in COMPARISONS:
        setattr(Symbol, f"__r{name}__", reflected)


for _name, _op in (
    ("add", "add"),
    ("sub", "sub"),
    ("mul", "mul"),
    ("truediv", "div"),
    ("lt", "lt"),
    ("le", "le"),
    ("gt", "gt"),
    ("ge", "ge"),
    ("eq", "eq"),
    ("ne", "ne"),
):
    _install(_name, _op)


def record(op: str, *arguments: Scalar) -> Symbol:
    """Write one operation into the graph of its symbols and return the symbol of its result."""
    graph = next(a.graph for a in arguments if isinstance(a, Symbol))
    indices = []
    for position, argument in enumerate(arguments):
        truth = op in ("and", "or", "not") or (op == "where" and position == 0)
        indices.append(_operand(graph, argument, truth, op))
    return Symbol(graph, graph.node(op, tuple(indices), where_written()))


def _operand(graph: Graph, value: Scalar, truth: bool, op: str) -> int:
    if isinstance(value, Symbol):
        if value.graph is not graph:
            refuse(f"`{op}` mixes symbols of two systems", "record one system at a time")
        if value.boolean == truth:
            return value.index
        if truth:
            refuse(f"`{op}` needs a comparison", "compare with a number first")
        one, zero = graph.constant(1.0), graph.constant(0.0)
        return graph.node("where", (value.index, one, zero), where_written())
    if truth:
        return graph.truth(bool(value))
    try:
        number = float(value)
    except (TypeError, ValueError):
        refuse(f"`{op}` of a symbol and {type(value).__name__}", "equations work on scalars")
    return graph.constant(number)


def _library(*values: Scalar) -> Any:
    """numpy, or jax.numpy when any value belongs to JAX."""
    jax = sys.modules.get("jax")
    if jax is not None and any(isinstance(v, jax.Array) for v in values):
        return sys.modules.get("jax.numpy") or jax.numpy
    return np


def _function(
    op: str, on_float: Callable[..., float], on_arrays: Callable[..., Any], doc: str
) -> Callable[..., Any]:
    def function(*values: Scalar) -> Scalar:
        if any(isinstance(v, Symbol) for v in values):
            return record(op, *values)
        if all(type(v) in (float, int) for v in values):
            try:
                return on_float(*values)
            except (OverflowError, ValueError, ZeroDivisionError):
                pass  # numpy knows the limit (inf, nan) that math refuses to name
        library = _library(*values)
        if library is not np:
            return on_arrays(library, *values)
        with np.errstate(all="ignore"):
            return on_arrays(np, *values)

    function.__name__ = function.__qualname__ = {
        "pow": "power",
        "min": "minimum",
        "max": "maximum",
        "abs": "absolute",
    }.get(op, op)
    function.__doc__ = doc
    return function


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _logistic_arrays(library: Any, x: Any) -> Any:
    return 0.5 * (1.0 + library.tanh(0.5 * x))


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


exp = _function("exp", math.exp, lambda m, x: m.exp(x), "e to the power x.")
log = _function("log", math.log, lambda m, x: m.log(x), "Natural logarithm; -inf at 0, nan below.")
log1p = _function("log1p", math.log1p, lambda m, x: m.log1p(x), "log(1 + x), exact for small x.")
expm1 = _function("expm1", math.expm1, lambda m, x: m.expm1(x), "exp(x) - 1, exact for small x.")
sqrt = _function("sqrt", math.sqrt, lambda m, x: m.sqrt(x), "Square root; nan below 0.")
tanh = _function("tanh", math.tanh, lambda m, x: m.tanh(x), "Hyperbolic tangent.")
logistic = _function("logistic", _logistic, _logistic_arrays, "1 / (1 + exp(-x)).")
power = _function(
    "pow", math.pow, lambda m, x, y: m.power(x, y), "x to the power y; x >= 0 unless y is a whole number."
)
minimum = _function("min", _minimum, lambda m, a, b: m.minimum(a, b), "The lesser of two.")
maximum = _function("max", _maximum, lambda m, a, b: m.maximum(a, b), "The greater of two.")
absolute = _function("abs", abs, lambda m, x: m.abs(x), "Magnitude.")


def where(condition: Scalar, if_true: Scalar, if_false: Scalar) -> Scalar:
    """`if_true` where the condition holds, else `if_false`; both sides are computed."""
    values = (condition, if_true, if_false)
    if any(isinstance(v, Symbol) for v in values):
        if isinstance(condition, (bool, np.bool_)):
            return if_true if condition else if_false
        return record("where", *values)
    if isinstance(condition, (bool, np.bool_)) and np.ndim(if_true) == np.ndim(if_false):
        return if_true if condition else if_false
    return _library(*values).where(*values)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "log": log,
    "log1p": log1p,
    "expm1": expm1,
    "sqrt": sqrt,
    "tanh": tanh,
    "logistic": logistic,
    "power": power,
    "minimum": minimum,
    "maximum": maximum,
    "absolute": absolute,
    "where": where,
}
_UFUNCS: dict[str, Callable[..., Any]] = FUNCTIONS | {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "negative": operator.neg,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "logical_and": operator.and_,
    "logical_or": operator.or_,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
}


def _reversed(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """Apply an operator to (number, symbol): numpy numbers would hand the operation back to the ufunc."""
    return function(
        *(float(v) if isinstance(v, np.generic) and not isinstance(v, np.bool_) else v for v in inputs)
    )


for _key in (
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
):
    _UFUNCS[_key] = (lambda f: lambda *inputs: _reversed(f, inputs))(_UFUNCS[_key])

assert set(ARITHMETIC) >= {"add", "sub", "mul", "div", "pow"}
