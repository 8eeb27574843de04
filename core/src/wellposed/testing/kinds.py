"""Tell what kind of component an object is, by its shape alone."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from wellposed.errors import ParameterError
from wellposed.testing.case import has

_METHODS = (
    ("physics", ("A",)),
    ("transform", ("sample", "act", "inverse", "compose")),
    ("noise", ("log_prob",)),
    ("fidelity", ("distance",)),
    ("prior", ("prox",)),
    ("reader", ("read",)),
    ("writer", ("write",)),
    ("generator", ("step",)),
    ("dataset", ("__getitem__", "__len__")),
)

_ARGUMENTS = (
    ("loss", {"x_hat", "model"}),
    ("loss", {"y", "physics", "model"}),
    ("reconstructor", {"physics"}),
    ("denoiser", {"sigma"}),
    ("metric", {"x_hat"}),
)


def kind_of(component: Any) -> str:
    """Return the kind of an object; :class:`ParameterError` asks for ``kind=`` where it is ambiguous."""
    for kind, methods in _METHODS:
        if has(component, *methods):
            return kind
    if hasattr(component, "higher_is_better"):
        return "metric"
    if callable(component):
        names = argument_names(component)
        for kind, needed in _ARGUMENTS:
            if needed <= names:
                return kind
    raise ParameterError(
        f"cannot tell what kind of component {type(component).__name__} is; "
        "say it: check(obj, kind='reconstructor') (or physics, noise, denoiser, loss, metric, transform, …)"
    )


def argument_names(component: Any) -> set[str]:
    """Return the names of the arguments that a call takes."""
    target = component.forward if isinstance(component, nn.Module) else component
    try:
        return set(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return set()
