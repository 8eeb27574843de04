"""Calling losses of any origin: ours, deepinv's, torch's and plain functions.

Ours take ``(x_hat, x, y, physics, model)``. Other libraries name the reconstruction ``x_net`` and let each
loss take only the arguments that it needs, in an order of its own. The signature says which.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from wellposed.errors import ParameterError, SpaceError
from wellposed.vectors import leaves
from wellposed_train.losses.measured import as_vector

_ALIASES = {"x_net": "x_hat", "input": "x_hat", "target": "x"}


def call_loss(
    loss: Callable[..., Any],
    *,
    x_hat: Any = None,
    x: Any = None,
    y: Any = None,
    physics: Any = None,
    model: Any = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Evaluate ``loss`` with those arguments that its signature names; returns ``(B,)``.

    ``x_net`` (deepinv) and ``input`` / ``target`` (torch) are understood as ``x_hat`` and ``x``. A function
    with five arguments of unknown names gets ours in order. A loss that averages over the batch itself
    gives its average repeated, whose mean is the same. ``generator`` goes to losses that take one.

    Parameters
    ----------
    loss
        Any callable, for example ``deepinv.loss.SupLoss()``, ``torch.nn.MSELoss()`` or ours.
    x_hat, x, y, physics, model
        Reconstruction ``(B, …)``, truth, measurements, their physics, and the model that made ``x_hat``.
    generator
        Source of the randomness of the loss.

    Raises
    ------
    ParameterError
        The signature asks for an argument that no loss is given.
    SpaceError
        The result is neither a scalar nor ``(B,)``.
    """
    given = {"x_hat": x_hat, "x": x, "y": y, "physics": physics, "model": model}
    args, kwargs = _bind(loss, given, generator)
    value = torch.as_tensor(loss(*args, **kwargs))
    batch = _batch(given)
    if value.numel() == 1:
        return value.reshape(1).expand(batch)
    if value.shape != (batch,):
        raise SpaceError(
            f"{_name(loss)} returned shape {tuple(value.shape)}, but one value per sample is ({batch},)."
        )
    return value


def adapt(loss: Any, model: Any) -> Any:
    """Return the model that ``loss`` wants to be run: ``loss.adapt(model)`` or deepinv's ``adapt_model``.

    Losses without such a method leave the model as it is.
    """
    for name in ("adapt", "adapt_model"):
        method = getattr(loss, name, None)
        if callable(method):
            return method(model)
    return model


def _bind(
    loss: Callable[..., Any], given: Mapping[str, Any], generator: torch.Generator | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    parameters = inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters
    known: dict[str, Any] = {**given, **{alias: given[name] for alias, name in _ALIASES.items()}}
    if generator is not None:
        known["generator"] = generator
    named = [p for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [
        p.name
        for p in parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        if p.name not in known or p.kind is p.POSITIONAL_ONLY
    ]
    if not unknown:
        chosen = {p.name: known[p.name] for p in named if p.name in known}
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            alias = "x_hat" if "x_hat" in chosen else "x_net"
            chosen |= {alias: given["x_hat"]} | {k: v for k, v in given.items() if k != "x_hat"}
        return (), chosen
    if len([p for p in parameters.values() if p.default is p.empty]) == len(given):
        return tuple(given.values()), {}
    raise ParameterError(
        f"{_name(loss)} asks for {', '.join(unknown)}, which losses are not given; they take "
        f"x_hat (or x_net), x, y, physics, model and generator."
    )


def _batch(given: Mapping[str, Any]) -> int:
    for name in ("x_hat", "x", "y"):
        if given[name] is not None:
            return int(leaves(as_vector(given[name]))[0].shape[0])
    raise ParameterError("call_loss needs x_hat, x or y: one of them says how many samples there are.")


def _name(loss: object) -> str:
    return getattr(loss, "__name__", type(loss).__name__)
