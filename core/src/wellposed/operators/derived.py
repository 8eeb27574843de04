"""Tensors derived from parameters (a spectrum from a kernel), computed once and never stale.

A derived tensor is kept only while its sources are the very same tensors and need no gradient; a move, a
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
    """One derived tensor: ``Derived(compute)(*sources)`` is ``compute(*sources)``, cached where it may be."""

    def __init__(self, compute: Callable[..., Tensor]) -> None:
        self.compute = compute
        self._sources: tuple[Tensor, ...] = ()
        self._versions: tuple[int, ...] = ()
        self._value: Tensor | None = None

    def __call__(self, *sources: Tensor) -> Tensor:
        """Return the derived tensor for ``sources``."""
        if torch.compiler.is_compiling() or any(map(_is_watched, sources)):
            return self.compute(*sources)
        if self._value is None or not self._known(sources):
            self._value = self.compute(*sources)
            self._sources, self._versions = sources, tuple(t._version for t in sources)
        return self._value

    def _known(self, sources: tuple[Tensor, ...]) -> bool:
        kept = zip(self._sources, self._versions, strict=True)
        return len(sources) == len(self._sources) and all(
            old is new and version == new._version for (old, version), new in zip(kept, sources, strict=True)
        )

    def __deepcopy__(self, memo: object) -> Derived:
        """Return an empty cache for the copy."""
        return Derived(self.compute)

    def __getstate__(self) -> dict[str, object]:
        """Leave the cached tensors out of pickles."""
        return {"compute": self.compute, "_sources": (), "_versions": (), "_value": None}
