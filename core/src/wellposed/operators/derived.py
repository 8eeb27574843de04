"""Tensors derived from parameters (a spectrum from a kernel), computed once and never stale.

A derived tensor is kept only while its source is the very same tensor and needs no gradient; a move, a
loaded state or an override brings a new source and with it a new derivation. Nothing derived appears in
``state_dict`` or in a pickle. The one thing that torch hides, and so this cannot see, is a write through
``tensor.data``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _is_watched(source: Tensor) -> bool:
    """Whether a result belongs to this call alone: a graph, a function transform or inference mode."""
    return (
        source.requires_grad
        or torch._C._functorch.is_functorch_wrapped_tensor(source)
        or torch.is_inference_mode_enabled()
        or source.is_inference()
    )


class Derived:
    """One derived tensor: ``Derived(compute)(source)`` is ``compute(source)``, cached where it may be."""

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        self.compute = compute
        self._source: Tensor | None = None
        self._version = -1
        self._value: Tensor | None = None

    def __call__(self, source: Tensor) -> Tensor:
        """Return the derived tensor for ``source``."""
        if torch.compiler.is_compiling() or _is_watched(source):
            return self.compute(source)
        if self._value is None or self._source is not source or self._version != source._version:
            self._value = self.compute(source)
            self._source, self._version = source, source._version
        return self._value

    def __deepcopy__(self, memo: object) -> Derived:
        """Return an empty cache for the copy."""
        return Derived(self.compute)

    def __getstate__(self) -> dict[str, object]:
        """Leave the cached tensors out of pickles."""
        return {"compute": self.compute, "_source": None, "_version": -1, "_value": None}
