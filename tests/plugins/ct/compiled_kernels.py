"""Run by test_triton.py: compiles all Triton kernels for GPUs that need not be there; prints their code."""

from __future__ import annotations

import json

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from wellposed_ct.projectors import triton_fan, triton_parallel

TARGETS = {"sm_75": GPUTarget("cuda", 75, 32), "sm_90": GPUTarget("cuda", 90, 32)}
DOUBLES = ("table", "at", "slope", "length")


def assembly(kernel: triton.JITFunction, real: str, constants: dict[str, object], target: GPUTarget) -> str:
    def kind(name: str) -> str:
        if name in constants:
            return "constexpr"
        if name in ("x", "y"):
            return real
        return "*fp64" if name in DOUBLES else "*i8" if name == "upright" else "i32"

    signature = {name: kind(name) for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    return str(triton.compile(source, target=target, options=triton_parallel.LAUNCH).asm["ptx"])


if __name__ == "__main__":
    block = {"BLOCK": triton_parallel.BLOCK}
    kernels = {
        "project": (triton_parallel._project, block),
        "back-project": (triton_parallel._back_project, block | {"INTERPOLATE": False}),
        "smear": (triton_parallel._back_project, block | {"INTERPOLATE": True}),
        # Triton turns sizes of 1 into constants
        "one bin": (triton_parallel._back_project, block | {"INTERPOLATE": False, "bins": 1, "views": 1}),
        "fan project": (triton_fan._project, block),
        "fan back-project": (triton_fan._back_project, block),
        "one row": (triton_fan._back_project, block | {"rows": 1, "bins": 1}),
    }
    print(
        json.dumps(
            {
                f"{name}, {real}, {architecture}": assembly(kernel, real, constants, target)
                for name, (kernel, constants) in kernels.items()
                for real in ("*fp32", "*fp64")
                for architecture, target in TARGETS.items()
            }
        )
    )
