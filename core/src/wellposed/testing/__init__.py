"""The conformance kit: whether a component, ours or a stranger's, keeps the promises of its protocol.

Three faces over one engine: :func:`check` in a notebook, :func:`parametrize_with_checks` in pytest, and
``wellposed check NAME`` on the command line. hypothesis and pytest are imported only where they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wellposed.testing.case import Case, Check, Face, Failure, Skip
from wellposed.testing.check import check
from wellposed.testing.example import Example
from wellposed.testing.report import Report, Result
from wellposed.testing.table import KindChecks, checks_of, register_checks

if TYPE_CHECKING:
    from wellposed.testing import strategies
    from wellposed.testing.calibration import GaussianMixture, calibration_defect
    from wellposed.testing.pytest import components, parametrize_with_checks

__all__ = [
    "Case",
    "Check",
    "Example",
    "Face",
    "Failure",
    "GaussianMixture",
    "KindChecks",
    "Report",
    "Result",
    "Skip",
    "calibration_defect",
    "check",
    "checks_of",
    "components",
    "parametrize_with_checks",
    "register_checks",
    "strategies",
]

_LAZY = {
    "GaussianMixture": "calibration",
    "calibration_defect": "calibration",
    "components": "pytest",
    "parametrize_with_checks": "pytest",
}


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return importlib.import_module("wellposed.testing.strategies")
    if name in _LAZY:
        return getattr(importlib.import_module(f"wellposed.testing.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'wellposed.testing' has no attribute {name!r}")
