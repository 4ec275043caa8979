"""How many multiply-adds one core of this machine does (twelve independent chains of full vectors, no memory); how many a step needs."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence

import llvmlite.ir as ir
import numpy as np
from nerve_problems import Cable

from analgesia.engine import machine
from analgesia.engine.cable import pace, tables, terms
from analgesia.engine.cable.membrane import record
from analgesia.engine.cable.pace import Stage
from analgesia.engine.graph import Graph
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


def operations(cable: Cable, precision: str) -> float:
    """Arithmetic operations of one compartment-step as the kernel does them, what is done in some steps alone by its share of them:
    graph, tables (two per coefficient), solver.
    """
    r = record(cable.membrane)
    table = np.array([[[cable.parameters[name]] for name in cable.membrane.parameters]])
    stages = [Stage(cable.duration, cable.dt)]
    known = {node: table[0, k] for k, node in enumerate(r.parameters)}
    known |= {
        node: np.array([cable.initial[name]])
        for node, name in zip(r.pools, cable.membrane.pools, strict=True)
    }
    rhythm = pace.pace(r, table, known, stages)
    form = tables.tabulate(r, table, precision, pace.moves(stages, rhythm), rhythm).form
    m, kept = terms.resting(r, rhythm)
    free = {*m.parameters, *m.hoisted}
    moving = _counted(m.graph, [m.current, m.slope], {*free, *kept})
    looking = _counted(m.graph, [m.current, m.slope, *m.offset, *m.gain], {*free, *kept}) - moving
    total = moving + _counted(m.graph, kept, free) / rhythm.every + 35 + (3 if precision == "single" else 0)
    total += looking / (pace.APART if rhythm.pools else 1)
    pool = 5 + (3 if precision == "single" else 0)
    total += len(r.pools) * (2 / pace.APART + pool / rhythm.every if rhythm.pools else 2 + pool)
    seen: set[int] = set()
    for k, rarely in enumerate(rhythm.gates):
        lost = 3 if precision == "single" and form.slow[k] else 0
        own = 2 + lost
        if form.tabulated and form.share[k] >= 0:
            new = {form.target[k], form.share[k]} - seen
            seen |= new
            own += sum(2 * (form.degrees[f] + 1) for f in new)
        else:
            own += (
                _counted(r.graph, [r.targets[k], r.rates[k]], {*r.parameters, *r.hoisted}) + COST["exp"] + 2
            )
        total += own / (rhythm.every if rarely else 1)
    return total + (4 * len(set(form.grids)) if form.tabulated else 0)


def _counted(graph: Graph, roots: Sequence[int], known: set[int]) -> int:
    """Operations that the roots need beyond what is known."""
    pending, seen = list(roots), set[int]()
    while pending:
        node = pending.pop()
        if node not in seen and node not in known:
            seen.add(node)
            pending += graph.args[node]
    return sum(COST.get(graph.ops[n], 1) for n in seen if graph.ops[n] not in ("const", "input", "truth"))
