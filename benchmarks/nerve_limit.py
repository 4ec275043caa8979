"""How many multiply-adds one core of this machine does: ten independent chains of full vectors, no memory."""

from __future__ import annotations

import ctypes
import time

import llvmlite.ir as ir

from analgesia.engine import machine
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
