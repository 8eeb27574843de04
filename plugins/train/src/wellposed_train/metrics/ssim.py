"""Structural similarity: local means, variances and covariance of two images, compared in a window.

Only windows that lie inside the image count, so no padding rule enters the value. Second moments are
taken about each channel's mean: the textbook E[x²] − E[x]² loses every digit in float32 on flat images.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import attrs
import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed_train.comparison import check_pair, sample_mean
from wellposed_train.metrics.data_range import data_range_field, resolve_data_range


@final
@attrs.frozen
class SSIM:
    """Structural similarity index, the mean over all windows and channels; 1 for equal images.

    Takes real ``x_hat`` and ``x`` of equal shape ``(B, C, …)`` with one to three axes of pixels; returns
    ``(B,)`` in [−1, 1]. The defaults are those of the paper; ``SSIM(window="uniform",
    sample_covariance=True)`` is scikit-image's ``structural_similarity`` with its own defaults, and the
    two agree to rounding for every choice of these parameters. torchmetrics, and therefore deepinv, also
    count windows that cross the border, over reflected pixels, and give a slightly different value.

    Parameters
    ----------
    window
        ``"gaussian"``: weights of standard deviation ``sigma``, cut at 3.5 σ, thus 11 wide for 1.5;
        ``"uniform"``: equal weights, ``size`` wide.
    data_range
        Distance from black to white, 1.0 for images in [0, 1]; ``None`` takes the largest magnitude of
        each reference.
    sigma
        Standard deviation of the Gaussian window, in pixels.
    size
        Width of the uniform window in pixels, odd.
    k1, k2
        The constants that keep the two quotients stable, relative to the data range.
    sample_covariance
        Whether variances are divided by N − 1 instead of N, the number of pixels in a window.

    Raises
    ------
    SpaceError
        Shapes differ, or the image is smaller than the window.
    DtypeError
        Integer or complex images; SSIM of complex images is not defined, compare magnitudes.
    ParameterError
        A parameter is out of its range, or the data range is missing.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli, Image quality assessment: from error visibility to structural
    similarity, IEEE Trans. Image Processing 13 (2004), eq. 13.
    """

    higher_is_better: ClassVar[bool] = True
    perfect: ClassVar[float] = 1.0

    window: Literal["gaussian", "uniform"] = attrs.field(default="gaussian")
    data_range: float | None = data_range_field()
    sigma: float = attrs.field(default=1.5)
    size: int = attrs.field(default=7)
    k1: float = 0.01
    k2: float = 0.03
    sample_covariance: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse impossible windows where they are written."""
        if self.window not in ("gaussian", "uniform"):
            raise ParameterError(f'SSIM: window is {self.window!r}, but "gaussian" or "uniform" is expected.')
        if not self.sigma > 0:
            raise ParameterError(f"SSIM: sigma is {self.sigma}, but a width in pixels is positive.")
        if self.size < 3 or self.size % 2 == 0:
            raise ParameterError(f"SSIM: size is {self.size}, but a window has a centre: 3, 5, 7, …")
        if not (self.k1 >= 0 and self.k2 >= 0):
            raise ParameterError(f"SSIM: k1 = {self.k1} and k2 = {self.k2} must not be negative.")

    @property
    def symmetric(self) -> bool:
        """Whether the arguments may be exchanged: unless the scale is the reference's own."""
        return self.data_range is not None

    @property
    def width(self) -> int:
        """Number of pixels across the window."""
        return 2 * int(3.5 * self.sigma + 0.5) + 1 if self.window == "gaussian" else self.size

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the mean similarity of each sample."""
        check_pair(x_hat, x, "SSIM")
        self._check_images(x)
        return sample_mean(self.similarity_map(x_hat, x))

    def similarity_map(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the similarity in every window inside the image: ``(B, C, H − width + 1, …)``."""
        scale = resolve_data_range(self.data_range, x, "SSIM").reshape(-1, *[1] * (x.ndim - 1))
        axes = tuple(range(2, x.ndim))
        shift_a, shift_b = x_hat.mean(axes, keepdim=True), x.mean(axes, keepdim=True)
        a, b = x_hat - shift_a, x - shift_b
        moments = torch.stack([a, b, a * a, b * b, a * b], dim=-1)
        mean_a, mean_b, aa, bb, ab = _filter(moments, self._weights(), axes).unbind(-1)
        pixels = self.width ** len(axes)
        norm = pixels / (pixels - 1) if self.sample_covariance else 1.0
        variances = norm * (aa - mean_a**2 + bb - mean_b**2)
        covariance = norm * (ab - mean_a * mean_b)
        mean_a, mean_b = mean_a + shift_a, mean_b + shift_b
        c1, c2 = (self.k1 * scale) ** 2, (self.k2 * scale) ** 2
        luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        return luminance * (2 * covariance + c2) / (variances + c2)

    def _weights(self) -> list[float]:
        spread = 2 * self.sigma**2 if self.window == "gaussian" else math.inf
        weights = [math.exp(-((i - self.width // 2) ** 2) / spread) for i in range(self.width)]
        return [w / math.fsum(weights) for w in weights]

    def _check_images(self, x: Tensor) -> None:
        if x.is_complex():
            raise DtypeError(
                "SSIM is defined for real images, but these are complex; compare magnitudes, .abs()."
            )
        if not 3 <= x.ndim <= 5:
            raise SpaceError(f"SSIM needs (B, C, …) with 1 to 3 axes of pixels, not {tuple(x.shape)}.")
        if min(x.shape[2:]) < self.width:
            raise SpaceError(
                f"SSIM: the {self.window} window is {self.width} pixels wide, but the image has only "
                f"{tuple(x.shape[2:])}; use a smaller {'sigma' if self.window == 'gaussian' else 'size'}."
            )


def _filter(x: Tensor, weights: list[float], axes: tuple[int, ...]) -> Tensor:
    """Correlate the given axes with ``weights``, keeping whole windows only.

    A sum of shifted slices, not a convolution routine: those may round to TF32 on a GPU, and the
    differences of moments above would show it.
    """
    for axis in axes:
        count = x.shape[axis] - len(weights) + 1
        total = x.narrow(axis, 0, count) * weights[0]
        for i, weight in enumerate(weights[1:], start=1):
            total = torch.add(total, x.narrow(axis, i, count), alpha=weight)
        x = total
    return x
