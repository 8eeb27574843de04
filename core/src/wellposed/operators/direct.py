"""Direct convolution for small kernels, and the rule that says when it beats the FFT.

oneDNN convolves sixteen planes at once, whether they are all there or not. On 512 × 512 float32 planes, one
thread, that took 4.2 ms + 0.05 ms per tap for up to sixteen of them, an FFT with borders 1.4 ms per plane. So
twelve planes are faster directly up to about 13 × 13 taps, four up to 5 × 5, and one never.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.linalg.blocks import blockwise, unobserved

PLANES = 16
"""Planes that the direct convolution takes at once."""
SETUP, PER_PLANE = 80, 28
"""The direct cost of sixteen planes before the first tap, and the FFT's cost of one plane, in taps."""


def is_faster(x: Tensor, kernel: Tensor, spatial: int) -> bool:
    """Whether to convolve the planes of ``x`` directly: only where the rule above was measured.

    Not where a graph is built, because the convolution's own derivative is slow; not on a GPU, where it would
    round to TF32 by default and lose adjointness.
    """
    taps, planes = kernel.shape[-spatial:].numel(), x.shape[:-spatial].numel()
    return (
        spatial == 2
        and taps + SETUP < PER_PLANE * min(planes, PLANES)
        and x.dtype == kernel.dtype == torch.float32
        and unobserved(x, kernel)
    )


def correlate(x: Tensor, kernel: Tensor) -> Tensor:
    """Return Σⱼ kernel[j] x[i + j] on every plane, for all i that need nothing beyond the border.

    ``kernel`` is ``(kh, kw)``, ``(C, kh, kw)`` or ``(B, C or 1, kh, kw)``.
    """
    return blockwise(_depthwise, (x,), (kernel,), 2, PLANES)


def _depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    lead, taps = x.shape[:-2], kernel.shape[-2:]
    kernels = kernel.expand(*lead, *taps).reshape(-1, 1, *taps)
    planes = x.reshape(1, -1, *x.shape[-2:])
    y = torch.nn.functional.conv2d(planes, kernels, groups=planes.shape[1])
    return y.reshape(*lead, *y.shape[-2:])
