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
    from wellposed import plugins as plugins
    from wellposed import registry as registry
    from wellposed.config import Problem as Problem
    from wellposed.config import compose as compose
    from wellposed.config import to_config as to_config
    from wellposed.errors import WellposedError as WellposedError
    from wellposed.spaces import ProductSpace as ProductSpace
    from wellposed.spaces import Space as Space

_MODULES = ("errors", "plugins", "registry")

_NAMES = {
    "Problem": "wellposed.config",
    "ProductSpace": "wellposed.spaces",
    "Space": "wellposed.spaces",
    "WellposedError": "wellposed.errors",
    "compose": "wellposed.config",
    "to_config": "wellposed.config",
}

__all__ = ["__version__", *_MODULES, *_NAMES]


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
