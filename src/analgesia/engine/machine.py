"""LLVM on this machine: a module of IR text in, object code and callable addresses out."""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm


@cache
def _target() -> tuple[Any, str]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        features = dict(llvm.get_host_cpu_features())
    except RuntimeError:  # LLVM cannot tell on this system: the name of the processor has to do
        return {}, ""
    return features, ",".join(
        f"{'+' if present else '-'}{name}" for name, present in sorted(features.items())
    )


def description() -> str:
    """What object code depends on besides its program: processor, features, compiler."""
    return f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {_target()[1]} llvmlite {llvmlite.__version__}"


def preferred_lanes() -> int:
    """Patients in one vector value: a whole number of registers of the machine."""
    features, _ = _target()
    return 8 if features.get("avx512f") else 4


def target_machine(level: int = 3) -> Any:
    """Code generator for this processor."""
    _, flat = _target()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=flat + _wide(), opt=level, reloc="pic", codemodel="default"
    )


def _wide() -> str:
    """Whole 512-bit registers where the processor has them (LLVM prefers half of one by default)."""
    features, _ = _target()
    return ",-prefer-256-bit" if features.get("avx512f") else ""


def compile_module(text: str, level: int = 2) -> bytes:
    """Optimise IR and return relocatable object code."""
    machine, module = _optimised(text, level)
    return bytes(machine.emit_object(module))


def assembly(text: str, level: int = 2) -> str:
    """The assembly listing of IR, for tests that look at instructions."""
    machine, module = _optimised(text, level)
    return str(machine.emit_assembly(module))


def _optimised(text: str, level: int) -> tuple[Any, Any]:
    machine = target_machine()
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return machine, module


class Loaded:
    """Object code in memory; keep it alive as long as its functions are called."""

    def __init__(self, code: bytes) -> None:
        machine = target_machine()
        # llvmlite's memory manager puts code and constants into one block: apart, they may come to lie more than 2 GiB from each
        # other in a process that has mapped much, and LLVM then aborts.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine, use_lmm=True)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Address of an exported function."""
        return int(self._engine.get_function_address(name))


def has(feature: str) -> bool:
    """Whether the processor has a feature, by LLVM's name for it."""
    features, _ = _target()
    return bool(features.get(feature, False))
