"""Other libraries as independent truths in tests; absent ones skip the test and say why."""

from __future__ import annotations

import sys
import warnings
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import torch


@cache
def _repair_torchvision() -> Any:
    # deepinv imports torchvision, whose compiled operators do not load beside a CPU build of torch; then
    # importing it stops at two missing schemas. Nothing here runs them, so declaring them is enough. The
    # library object must stay alive: its schemas die with it.
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None
    except RuntimeError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library


def import_deepinv() -> ModuleType:
    """Return deepinv, or skip the calling test with the reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _repair_torchvision()
        try:
            import deepinv
        except Exception as error:  # whatever its own dependencies raise
            pytest.skip(f"deepinv cannot be imported: {error!r}")
    return deepinv
