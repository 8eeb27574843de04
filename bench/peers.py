"""Importing the libraries we measure ourselves against."""

from __future__ import annotations

import sys
import warnings
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

_KEPT: list[Any] = []


def deepinv_version() -> str:
    """Return ``deepinv 0.5.0``, from the installed package."""
    return f"deepinv {metadata.version('deepinv')}"


@cache
def deepinv() -> ModuleType:
    """Import deepinv.

    It imports torchvision, whose compiled operators do not load beside a CPU build of torch and whose import
    then stops at two missing schemas; nothing here runs them, so declaring them is enough.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except ImportError:
        pass
    except RuntimeError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)  # schemas die with the library object
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import deepinv as module
    return module
