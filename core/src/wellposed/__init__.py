"""Ill-posed problems, well solved: a plugin framework for imaging inverse problems in PyTorch.

Names are imported when first used (PEP 562), so ``import wellposed`` costs milliseconds and does not
import torch. ``_NAMES`` and the block under ``TYPE_CHECKING`` say the same thing, one to Python and one to
type checkers; a test compares them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wellposed._version import __version__ as __version__

if TYPE_CHECKING:
    from wellposed import errors as errors
    from wellposed import linalg as linalg
    from wellposed import needs as needs
    from wellposed import noise as noise
    from wellposed import operators as operators
    from wellposed import plugins as plugins
    from wellposed import registry as registry
    from wellposed import runs as runs
    from wellposed import solvers as solvers
    from wellposed import structure as structure
    from wellposed import testing as testing
    from wellposed import transforms as transforms
    from wellposed.config import Problem as Problem
    from wellposed.config import compose as compose
    from wellposed.config import to_config as to_config
    from wellposed.errors import WellposedError as WellposedError
    from wellposed.forward import ForwardModel as ForwardModel
    from wellposed.linalg import adjoint as adjoint
    from wellposed.linalg import declare as declare
    from wellposed.linalg import explain as explain
    from wellposed.linalg import find as find
    from wellposed.linalg import gram as gram
    from wellposed.linalg import materialise as materialise
    from wellposed.linalg import norm as norm
    from wellposed.linalg import pinv as pinv
    from wellposed.linalg import prox_l2 as prox_l2
    from wellposed.measurement import Measurement as Measurement
    from wellposed.operators import Identity as Identity
    from wellposed.operators import LinearOperator as LinearOperator
    from wellposed.operators import Operator as Operator
    from wellposed.operators import Zero as Zero
    from wellposed.operators import as_operator as as_operator
    from wellposed.operators import block_diag as block_diag
    from wellposed.operators import from_scipy as from_scipy
    from wellposed.operators import stack as stack
    from wellposed.spaces import ProductSpace as ProductSpace
    from wellposed.spaces import Space as Space

_MODULES = (
    "errors",
    "linalg",
    "needs",
    "noise",
    "operators",
    "plugins",
    "registry",
    "runs",
    "solvers",
    "structure",
    "testing",
    "transforms",
)

_NAMES = {
    "ForwardModel": "wellposed.forward",
    "Identity": "wellposed.operators",
    "LinearOperator": "wellposed.operators",
    "Measurement": "wellposed.measurement",
    "Operator": "wellposed.operators",
    "Problem": "wellposed.config",
    "ProductSpace": "wellposed.spaces",
    "Space": "wellposed.spaces",
    "WellposedError": "wellposed.errors",
    "Zero": "wellposed.operators",
    "adjoint": "wellposed.linalg",
    "as_operator": "wellposed.operators",
    "block_diag": "wellposed.operators",
    "compose": "wellposed.config",
    "declare": "wellposed.linalg",
    "explain": "wellposed.linalg",
    "find": "wellposed.linalg",
    "from_scipy": "wellposed.operators",
    "gram": "wellposed.linalg",
    "materialise": "wellposed.linalg",
    "norm": "wellposed.linalg",
    "pinv": "wellposed.linalg",
    "prox_l2": "wellposed.linalg",
    "stack": "wellposed.operators",
    "to_config": "wellposed.config",
}

__all__ = ["__version__", *_MODULES, *_NAMES]


if not TYPE_CHECKING:  # a type checker that sees __getattr__ believes every name to exist

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"wellposed.{name}")
        if name in _NAMES:
            value = getattr(importlib.import_module(_NAMES[name]), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module 'wellposed' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
