"""Vector functions against mpmath in units of the last place, and the instructions they become."""

from __future__ import annotations

import ctypes
import re

import llvmlite.ir as ir
import numpy as np
import pytest

from analgesia.engine import System, compiler, exp, machine
from analgesia.engine.mathematics import Vector
from analgesia.engine.program import record

mpmath = pytest.importorskip("mpmath")
LANES = 8
NAMES = ("exp", "log", "log1p", "expm1", "tanh", "logistic", "power")


@pytest.fixture(scope="module")
def library() -> machine.Loaded:
    module, vector = ir.Module("functions"), ir.VectorType(ir.DoubleType(), LANES)
    for name in NAMES:
        inputs = 2 if name == "power" else 1
        kind = ir.FunctionType(ir.VoidType(), [vector.as_pointer()] * (inputs + 1))
        function = ir.Function(module, kind, name)
        builder = ir.IRBuilder(function.append_basic_block())
        result = getattr(Vector(builder, LANES), name)(
            *(builder.load(a, align=8) for a in function.args[:inputs])
        )
        builder.store(result, function.args[inputs], align=8)
        builder.ret_void()
    return machine.Loaded(machine.compile_module(str(module)))


def call(library: machine.Loaded, name: str, *inputs: np.ndarray) -> np.ndarray:
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(inputs) + 1))(library.address(name))
    size = inputs[0].size
    padded = [np.concatenate([x, np.ones(-size % LANES)]) for x in inputs]
    result = np.empty_like(padded[0])
    for i in range(0, result.size, LANES):
        function(*(x[i:].ctypes.data for x in padded), result[i:].ctypes.data)
    return result[:size]


def ulps(values: np.ndarray, exact: list) -> float:
    return max(
        float(abs(mpmath.mpf(float(v)) - e) / np.spacing(abs(float(e))))
        for v, e in zip(values, exact, strict=True)
    )


RANDOM = np.random.default_rng(0)
RANGES = {
    "exp": (np.concatenate([RANDOM.uniform(-745, 709.7, 1500), RANDOM.uniform(-1, 1, 500)]), 2.0),
    "log": (np.concatenate([np.exp(RANDOM.uniform(-744, 709, 1000)), RANDOM.uniform(0.5, 2, 1000)]), 2.0),
    "log1p": (np.concatenate([RANDOM.uniform(-0.999, 3, 700), 10 ** RANDOM.uniform(-18, 10, 700)]), 3.0),
    "expm1": (np.concatenate([RANDOM.uniform(-40, 709, 700), RANDOM.uniform(-1, 1, 700)]), 3.0),
    "tanh": (RANDOM.uniform(-20, 20, 1000), 3.0),
    "logistic": (RANDOM.uniform(-700, 40, 1000), 3.0),
}


@pytest.mark.parametrize("name", RANGES)
def test_functions_to_the_last_places(library: machine.Loaded, name: str) -> None:
    inputs, limit = RANGES[name]
    with mpmath.workdps(40):
        exact_of = (lambda x: 1 / (1 + mpmath.exp(-x))) if name == "logistic" else getattr(mpmath, name)
        exact = [exact_of(mpmath.mpf(float(x))) for x in inputs]
        assert ulps(call(library, name, inputs), exact) <= limit


def test_power_to_the_last_places(library: machine.Loaded) -> None:
    base, exponent = np.exp(RANDOM.uniform(-20, 20, 1500)), RANDOM.uniform(-10, 10, 1500)
    with mpmath.workdps(40):
        exact = [mpmath.mpf(float(a)) ** mpmath.mpf(float(b)) for a, b in zip(base, exponent, strict=True)]
        assert ulps(call(library, "power", base, exponent), exact) <= 3.0


def test_limits(library: machine.Loaded) -> None:
    inf, nan, tiny = np.inf, np.nan, 5e-324
    x = np.array(
        [0.0, -0.0, inf, -inf, nan, tiny, 1e-310, 1.0, -1.0, 709.79, -745.2, -746.0, -708.5, 1e308, -1e308]
    )
    with np.errstate(all="ignore"):
        for name, function in (
            ("exp", np.exp),
            ("log", np.log),
            ("log1p", np.log1p),
            ("expm1", np.expm1),
            ("tanh", np.tanh),
        ):
            np.testing.assert_allclose(call(library, name, x), function(x), rtol=1e-15, atol=0, err_msg=name)
        bases, exponents = (
            g.ravel()
            for g in np.meshgrid([0.0, 1.0, -2.0, 0.5, inf, nan], [0.0, 1.0, 2.0, 3.0, 0.5, -0.5, -3.0])
        )
        np.testing.assert_allclose(
            call(library, "power", bases, exponents), np.power(bases, exponents), rtol=1e-15, atol=0
        )


def test_the_step_is_packed_vector_code() -> None:
    system = System(
        "example",
        {"a": "1", "b": "1"},
        {"k": "1"},
        lambda t, y, p: {"a": -p.k * y.a * exp(-y.b), "b": y.a - y.b / (1 + y.b)},
    )
    text, _ = compiler.module_text(record(system))
    lines = machine.assembly(text).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("step:"))
    stop = next(
        i for i in range(start, len(lines)) if ".size\tstep" in lines[i] or lines[i].startswith(".Lfunc_end")
    )
    body = "\n".join(lines[start:stop])
    packed = len(re.findall(r"\tv?(?:f\w+|add|mul|sub|div)(?:\d{3})?pd\b|\tf\w+\tv\d+\.2d", body))
    scalar = len(re.findall(r"\tv?(?:f\w+|add|mul|sub|div)(?:\d{3})?sd\b|\tf(?:mul|add|madd)\td\d+", body))
    assert packed > 100 and scalar == 0, (packed, scalar)
    assert "\tcall" not in body and "\tbl\t" not in body
