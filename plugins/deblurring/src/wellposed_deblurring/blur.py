"""The blur physics: convolution with a point-spread function under a stated boundary rule."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from wellposed.operators import CircularConvolution, Convolution, LinearOperator
from wellposed.spaces import AnySpace


def blur(
    kernel: Tensor,
    domain: AnySpace | tuple[int, ...],
    boundary: Literal["circular", "zero", "replicate", "reflect", "valid"] = "valid",
) -> LinearOperator:
    """Return ``x ↦ k ∗ x``.

    Parameters
    ----------
    kernel
        ``(kh, kw)`` for all channels, ``(C, kh, kw)`` per channel, ``(B, C or 1, kh, kw)`` per sample.
    domain
        Space or shape ``(C, H, W)`` of the sharp image.
    boundary
        What lies beyond the image. ``valid``, the rule of a real camera: the blurred picture keeps only the
        pixels that saw nothing beyond ``x``, so it is ``kh − 1`` by ``kw − 1`` smaller. ``circular`` gives
        every solve a closed form. ``zero``, ``replicate`` and ``reflect`` keep the size.

    Raises
    ------
    SpaceError
        For a kernel larger than the image, or one whose axes do not fit.
    """
    if boundary == "circular":
        return CircularConvolution(kernel, domain)
    return Convolution(kernel, domain, boundary)
