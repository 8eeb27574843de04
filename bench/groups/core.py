"""The core: overhead of the algebra and of the solvers, start-up, blur, growth."""

from __future__ import annotations

from bench.case import Case
from bench.core import blur, growth, optimisation, overhead, solvers, startup


def cases() -> list[Case]:
    """Return the cases, section by section."""
    modules = (overhead, solvers, startup, blur, optimisation, growth)
    return [case for module in modules for case in module.cases()]
