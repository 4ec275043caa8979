"""The module under construction, and how its functions are written and called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import llvmlite.ir as ir

from analgesia.engine import sparse
from analgesia.engine.build import I64, Code
from analgesia.engine.layout import Workspace
from analgesia.engine.lowering import Lowered
from analgesia.engine.simd import Emitter


@dataclass
class Kernels:
    """The module under construction and what is known about it."""

    module: ir.Module
    lowered: Lowered
    workspace: Workspace
    shape: sparse.Pattern
    infusions: bool
    look_up: Callable[[Code, Kernels, int, Any, Any, Any], tuple[Any, Any, Any]] | None = (
        None  # value, slope, weight
    )

    @property
    def vector(self) -> ir.Type:
        return ir.VectorType(ir.DoubleType(), self.workspace.lanes)

    def function(
        self, name: str, extra: Sequence[ir.Type] = (), *, exported: bool = False, inline: bool | None = None
    ) -> Code:
        """Start a function (context, block, integers, *extra) -> void."""
        arguments = [I64.as_pointer(), self.vector.as_pointer(), I64.as_pointer(), *extra]
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), arguments), name)
        if not exported:
            function.linkage = "internal"
        for argument in function.args[:3]:
            argument.add_attribute("noalias")
        if inline is not None:
            function.attributes.add("alwaysinline" if inline else "noinline")
        return Code(function, self.workspace.lanes)

    def call(self, code: Code, name: str, *extra: Any) -> None:
        """Call a function of the module on the same lane block."""
        code.b.call(self.module.globals[name], [code.ctx, code.ws, code.iw, *extra])

    def emitter(
        self, code: Code, states: Callable[[int], Any], time: Callable[[], Any], *, hoisted: bool = True
    ) -> Emitter:
        """An emitter whose states, time, parameters and hoisted values are loaded on demand."""
        low, w = self.lowered, self.workspace
        places: dict[int, Callable[[], Any]] = {low.time: time}
        places |= {n: partial(states, i) for i, n in enumerate(low.states)}
        places |= {n: partial(code.load, w.parameter + m) for m, n in enumerate(low.parameters)}
        if hoisted:
            places |= {n: partial(code.load, w.hoist + m) for m, n in enumerate(low.hoisted)}
        return Emitter(code.b, low.graph, w.lanes, places)
