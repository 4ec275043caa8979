"""How many multiply-adds one core of this machine does (twelve independent chains of full vectors, no memory); how many a step needs."""

from __future__ import annotations

import ctypes
import time

import llvmlite.ir as ir
import numpy as np
from nerve_problems import Cable

from analgesia.engine import machine
from analgesia.engine.cable import tables
from analgesia.engine.cable.membrane import record
from analgesia.engine.mathematics import declare

CHAINS, TURNS = 12, 20_000_000


def multiply_adds(precision: str) -> float:
    """Billion scalar multiply-adds per second."""
    kind = ir.DoubleType() if precision == "double" else ir.FloatType()
    lanes = machine.preferred_lanes() * (1 if precision == "double" else 2)
    vector, whole = ir.VectorType(kind, lanes), ir.IntType(64)
    module = ir.Module("limit")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [kind.as_pointer(), whole]), "spin")
    entry, body, end = (function.append_basic_block(name) for name in ("entry", "body", "end"))
    b = ir.IRBuilder(entry)
    b.branch(body)
    b.position_at_end(body)
    count = b.phi(whole)
    count.add_incoming(ir.Constant(whole, 0), entry)
    name = f"llvm.fma.v{lanes}f{64 if precision == 'double' else 32}"
    fma = declare(module, name, vector, [vector, vector, vector])
    factor, less = (ir.Constant(vector, [v] * lanes) for v in (0.999, 0.001))
    last = []
    values = [b.phi(vector) for _ in range(CHAINS)]
    for k, value in enumerate(values):
        value.add_incoming(ir.Constant(vector, [1.0 + k] * lanes), entry)
        new = b.call(fma, [value, factor, less])
        value.add_incoming(new, body)
        last.append(new)
    following = b.add(count, ir.Constant(whole, 1))
    count.add_incoming(following, body)
    b.cbranch(b.icmp_signed("<", following, function.args[1]), body, end)
    b.position_at_end(end)
    total = last[0]
    for value in last[1:]:
        total = b.fadd(total, value)
    first = b.extract_element(total, ir.Constant(ir.IntType(32), 0))
    b.store(first, function.args[0])
    b.ret_void()
    loaded = machine.Loaded(machine.compile_module(str(module), 2))
    spin = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(loaded.address("spin"))
    room = (ctypes.c_double * 1)()
    begin = time.process_time()
    spin(ctypes.addressof(room), TURNS)
    return CHAINS * TURNS * lanes / (time.process_time() - begin) / 1e9


COST = {"exp": 11, "log": 22, "div": 6, "sqrt": 7, "pow": 40}
"""Vector operations of what is not one: range reduction and polynomial, estimate and refinement."""


def operations(cable: Cable, precision: str) -> int:
    """Arithmetic operations of one compartment-step as the kernel does them: graph, tables (two per coefficient), solver."""
    r = record(cable.membrane)
    known = np.array([[[cable.parameters[name]] for name in cable.membrane.parameters]])
    form = tables.tabulate(r, known, precision, [cable.dt]).form
    written = [k for k in range(len(r.gates)) if not form.tabulated or form.share[k] < 0]
    roots = [r.current, r.slope, *r.offset, *r.gain]
    roots += [node for k in written for node in (r.targets[k], r.rates[k])]
    hoisted = set(r.graph.reachable(r.hoisted))
    body = sum(
        COST.get(r.graph.ops[n], 1)
        for n in r.graph.reachable(roots)
        if r.graph.ops[n] not in ("const", "input", "truth") and n not in hoisted
    )
    lookups = sum(2 * (degree + 1) for degree in form.degrees) + 4 * (
        len(set(form.grids)) if form.tabulated else 0
    )
    lost = 3 * (1 + sum(form.slow) + len(r.pools)) if precision == "single" else 0
    return body + lookups + len(written) * (COST["exp"] + 2) + 2 * len(r.gates) + 5 * len(r.pools) + lost + 35
