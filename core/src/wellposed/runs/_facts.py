"""What a report says about a problem, read off the objects themselves."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from wellposed import registry as registries
from wellposed._version import __version__
from wellposed.vectors import leaves

if TYPE_CHECKING:
    from wellposed.runs._values import Run

SMALL = 129
"""Parameters of up to this many pixels a side are shown as pictures: kernels, not masks."""


def facts_of(run: Run) -> dict[str, Any]:
    """Return the facts of ``run`` in the order in which a reader asks for them."""
    physics, truth = run.measurement.physics, run.measurement.reference
    facts: dict[str, Any] = {
        "Physics": repr(getattr(physics, "operator", physics)),
        "Noise": repr(getattr(physics, "noise_model", None) or "not stated; estimated from the data"),
        "Measured": "; ".join(_shape(part) for part in leaves(run.measurement.y)),
    }
    facts["Noise"] = facts["Noise"].strip("'")
    facts |= {name.capitalize(): value for name, value in _pictures(physics)}
    if isinstance(truth, Tensor):
        facts["Compared on"] = run.region.sentence(truth)
    source = run.measurement.meta.get("source")
    return facts if source is None else {"Image": str(source), **facts}


def _shape(y: Tensor) -> str:
    return f"{' × '.join(map(str, y.shape[1:]))} {str(y.dtype).removeprefix('torch.')}"


def _pictures(physics: Any) -> list[tuple[str, Tensor]]:
    parameters: dict[str, Tensor] = getattr(physics, "parameters_xi", dict)()
    return [
        (name, value.detach().cpu())
        for name, value in parameters.items()
        if value.ndim >= 2
        and not value.is_complex()
        and 1 < min(value.shape[-2:]) <= max(value.shape[-2:]) <= SMALL
        and value.shape[:-2].numel() == 1
    ]


def versions_of(run: Run) -> dict[str, str]:
    """Return the versions of Python, torch, the core and the packs of the methods."""
    known = registries.default()
    versions = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "wellposed": __version__,
    }
    for method in run.methods:
        try:
            pack = None if method.name is None else known.pack_of(method.name)
        except LookupError:
            continue  # made by another registry than the default
        if pack is not None:
            versions[pack.dist] = pack.version
    return versions
