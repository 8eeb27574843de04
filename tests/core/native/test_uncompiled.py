"""``torch.compile`` goes around native code without a word, and is not loaded for its sake."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from wellposed.native import uncompiled
from wellposed.operators import CircularConvolution


@uncompiled
def twice(x: Tensor) -> Tensor:
    """Do what only ctypes can."""
    assert not torch.compiler.is_compiling()
    return 2 * x if ctypes.c_void_p(x.data_ptr()).value else x


def quietly(compiled: Any, *inputs: Tensor) -> Tensor:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result: Tensor = compiled(*inputs)
    assert not [str(w.message) for w in caught]
    return result


@pytest.mark.slow  # the compiler takes seconds
def test_the_compiler_goes_around_it() -> None:
    graphs = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: twice(x + 1).sin(), backend=backend)
    x = torch.ones(3, requires_grad=True)
    torch.testing.assert_close(quietly(compiled, x), torch.sin(2 * (x + 1)))
    assert len(graphs) == 2  # what comes before, and what comes after


@pytest.mark.slow
def test_overrides_compile_quietly_into_one_graph() -> None:
    op = CircularConvolution(torch.ones(3, 3), (1, 4, 5))
    x, kernel = torch.arange(20.0).reshape(1, 1, 4, 5), torch.eye(3)
    compiled = torch.compile(lambda x, k: op.A(x, kernel=k), backend="eager", fullgraph=True)
    torch.testing.assert_close(quietly(compiled, x, kernel), op.A(x, kernel=kernel))


def test_the_compiler_is_not_loaded_for_it() -> None:
    code = (
        "import sys; from wellposed.native import uncompiled\n"
        "assert uncompiled(lambda x: x + 1)(1) == 2; print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "False"
