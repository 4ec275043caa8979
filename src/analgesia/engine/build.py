"""Small helpers to write compiled control flow: memory at fixed places, loops, conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.ir as ir

F64, F32 = ir.DoubleType(), ir.FloatType()
I64, I32, I8, I1 = ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.IntType(1)


class Flow:
    """A builder positioned at the start of one function, with loops and conditions."""

    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.b = ir.IRBuilder(function.append_basic_block("entry"))

    def i(self, value: int) -> ir.Constant:
        """64-bit constant."""
        return ir.Constant(I64, int(value))

    @contextmanager
    def when(self, condition: Any, likely: bool | None = None) -> Iterator[None]:
        with self.b.if_then(condition, likely=likely):
            yield

    @contextmanager
    def either(self, condition: Any) -> Iterator[tuple[Any, Any]]:
        with self.b.if_else(condition) as branches:
            yield branches

    def repeat_while(self, condition: Callable[[], Any], body: Callable[[], None]) -> None:
        """while condition(): body()"""
        head, inside, after = (self.function.append_basic_block(n) for n in ("while", "do", "done"))
        self.b.branch(head)
        self.b.position_at_end(head)
        self.b.cbranch(condition(), inside, after)
        self.b.position_at_end(inside)
        body()
        if not self.b.block.is_terminated:
            self.b.branch(head)
        self.b.position_at_end(after)

    @contextmanager
    def count(self, number: Any) -> Iterator[Any]:
        """for k in range(number)"""
        entry = self.b.block
        head, inside, after = (self.function.append_basic_block(n) for n in ("for", "each", "end"))
        self.b.branch(head)
        self.b.position_at_end(head)
        k = self.b.phi(I64)
        k.add_incoming(self.i(0), entry)
        self.b.cbranch(self.b.icmp_signed("<", k, number), inside, after)
        self.b.position_at_end(inside)
        yield k
        k.add_incoming(self.b.add(k, self.i(1)), self.b.block)
        self.b.branch(head)
        self.b.position_at_end(after)

    def everywhere(self, value: Any, kind: ir.VectorType) -> Any:
        """A number in every lane of a vector type."""
        single = self.b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count)
        return self.b.shuffle_vector(single, ir.Constant(kind, ir.Undefined), zeros)


class Code(Flow):
    """A builder positioned in one function, with the lane block (`ws`), lane integers (`iw`) and context (`ctx`) at hand."""

    def __init__(self, function: ir.Function, lanes: int) -> None:
        super().__init__(function)
        self.lanes = lanes
        self.vector = ir.VectorType(F64, lanes)
        self.ctx, self.ws, self.iw = function.args[:3]

    def f(self, value: float) -> ir.Constant:
        """Double constant."""
        return ir.Constant(F64, float(value))

    # vectors of the lane block
    def vector_pointer(self, slot: int | Any) -> Any:
        return self.b.gep(self.ws, [self.i(slot) if isinstance(slot, int) else slot])

    def load(self, slot: int | Any) -> Any:
        return self.b.load(self.vector_pointer(slot), align=8 * self.lanes)

    def store(self, value: Any, slot: int | Any) -> None:
        self.b.store(value, self.vector_pointer(slot), align=8 * self.lanes)

    # one lane of a vector
    def element_pointer(self, slot: int | Any, lane: Any) -> Any:
        base = self.b.bitcast(self.ws, F64.as_pointer())
        start = self.i(slot * self.lanes) if isinstance(slot, int) else self.b.mul(slot, self.i(self.lanes))
        return self.b.gep(base, [self.b.add(start, lane)])

    def get(self, slot: int | Any, lane: Any) -> Any:
        return self.b.load(self.element_pointer(slot, lane))

    def put(self, value: Any, slot: int | Any, lane: Any) -> None:
        self.b.store(value, self.element_pointer(slot, lane))

    # whole numbers of a lane
    def _int_pointer(self, entry: int, lane: Any) -> Any:
        return self.b.gep(self.iw, [self.b.add(self.i(entry * self.lanes), lane)])

    def get_int(self, entry: int, lane: Any) -> Any:
        return self.b.load(self._int_pointer(entry, lane))

    def put_int(self, value: Any, entry: int, lane: Any) -> None:
        self.b.store(value, self._int_pointer(entry, lane))

    def common_pointer(self, position: int) -> Any:
        return self.b.gep(self.iw, [self.i(position)])

    def _int_at(self, base: int, row: Any, lane: Any) -> Any:
        return self.b.gep(
            self.iw, [self.b.add(self.b.add(self.i(base), self.b.mul(row, self.i(self.lanes))), lane)]
        )

    def get_int_at(self, base: int, row: Any, lane: Any) -> Any:
        """Whole number of a lane in a table that starts at `base`."""
        return self.b.load(self._int_at(base, row, lane))

    def put_int_at(self, value: Any, base: int, row: Any, lane: Any) -> None:
        self.b.store(value, self._int_at(base, row, lane))

    # the context
    def word(self, entry: int) -> Any:
        return self.b.load(self.b.gep(self.ctx, [self.i(entry)]))

    def address(self, entry: int, kind: ir.Type = F64) -> Any:
        return self.b.inttoptr(self.word(entry), kind.as_pointer())

    def item(self, pointer: Any, index: Any) -> Any:
        return self.b.load(self.b.gep(pointer, [index]))

    def set_item(self, value: Any, pointer: Any, index: Any) -> None:
        self.b.store(value, self.b.gep(pointer, [index]))

    def widen(self, value: Any) -> Any:
        return self.b.sext(value, I64)

    def local(self, kind: ir.Type, value: Any = None) -> Local:
        """A variable on the stack."""
        with self.b.goto_entry_block():
            pointer = self.b.alloca(kind)
        if value is not None:
            self.b.store(value, pointer)
        return Local(self, pointer)

    def mask_bits(self, mask: Any) -> Any:
        """`<lanes x i1>` as one whole number, lane 0 in bit 0."""
        return self.b.zext(self.b.bitcast(mask, ir.IntType(self.lanes)), I64)

    def for_lanes(self, bits: Any, body: Callable[[Any], None]) -> None:
        """Run body(lane) for every set bit, lowest first."""
        left = self.local(I64, bits)

        def one() -> None:
            value = left.get()
            count = self.b.module.globals.get("llvm.cttz.i64") or ir.Function(
                self.b.module, ir.FunctionType(I64, [I64, I1]), "llvm.cttz.i64"
            )
            body(self.b.call(count, [value, ir.Constant(I1, 1)]))
            left.set(self.b.and_(left.get(), self.b.sub(left.get(), self.i(1))))

        self.repeat_while(lambda: self.b.icmp_signed("!=", left.get(), self.i(0)), one)

    def splat(self, value: Any) -> Any:
        """A double in every lane."""
        return self.everywhere(value, self.vector)

    def splat_whole(self, value: Any) -> Any:
        """A 64-bit whole number in every lane."""
        return self.everywhere(value, ir.VectorType(I64, self.lanes))


class Local:
    """A stack variable."""

    def __init__(self, code: Code, pointer: Any) -> None:
        self._code = code
        self._pointer = pointer

    def get(self) -> Any:
        return self._code.b.load(self._pointer)

    def set(self, value: Any) -> None:
        self._code.b.store(value, self._pointer)
