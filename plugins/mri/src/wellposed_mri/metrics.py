"""Metrics as the fastMRI challenge computes them: of whole volumes, relative to the volume's maximum.

Images are ``(B, slices, H, W)``; complex ones are compared by magnitude. One slice per sample makes every
sample a volume of its own.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import DtypeError, SpaceError
from wellposed.spaces import require_tensor

WINDOW, K1, K2 = 7, 0.01, 0.03
LOG_SIGMA = 1.5


def _magnitudes(x_hat: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    for name, image in (("x_hat", x_hat), ("x", x)):
        require_tensor(name, image)
    if x_hat.shape != x.shape or x.ndim < 3:
        raise SpaceError(
            f"x_hat has shape {tuple(x_hat.shape)} and x {tuple(x.shape)}, but equal shapes (B, slices, H, "
            "W) are expected."
        )
    a, b = (t.abs() if t.is_complex() else t for t in (x_hat, x))
    if not a.is_floating_point() or not b.is_floating_point():
        seen = " and x ".join(str(t.dtype).removeprefix("torch.") for t in (x_hat, x))
        raise DtypeError(f"x_hat is {seen}, but magnitudes or complex images are compared; pass .float().")
    return a, b


@attrs.frozen
class NMSE:
    """``‖x̂ − x‖² / ‖x‖²`` over the volume (Zbontar et al. 2018, eq. 6)."""

    higher_is_better = False
    perfect = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return one value per sample, ``(B,)``."""
        a, b = _magnitudes(x_hat, x)
        return (a - b).square().flatten(1).sum(1) / b.square().flatten(1).sum(1)


@attrs.frozen
class PSNR:
    """``10 log₁₀(max(x)² / mean|x̂ − x|²)`` in dB, maximum and mean over the volume."""

    higher_is_better = True

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return one value per sample, ``(B,)``; infinite for equal volumes."""
        a, b = _magnitudes(x_hat, x)
        mean = (a - b).square().flatten(1).mean(1)
        return 10 * torch.log10(b.flatten(1).amax(1).square() / mean)


@attrs.frozen
class SSIM:
    """Structural similarity of slices with a 7 × 7 uniform window and the volume's maximum as range.

    Variances are those of samples (divided by 48), and windows lie wholly inside (Wang et al. 2004,
    doi:10.1109/TIP.2003.819861, with the constants of fastMRI).
    """

    higher_is_better = True
    perfect = 1.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the mean over windows and slices per sample, ``(B,)``."""
        a, b = _magnitudes(x_hat, x)
        if min(a.shape[-2:]) < WINDOW:
            raise SpaceError(
                f"images of {tuple(a.shape[-2:])} are smaller than the {WINDOW} × {WINDOW} window."
            )
        peak = b.flatten(1).amax(1).reshape(-1, *(1,) * (b.ndim - 1))
        mean_a, mean_b, aa, bb, ab = (_mean(t) for t in (a, b, a * a, b * b, a * b))
        sample = WINDOW**2 / (WINDOW**2 - 1)
        var_a, var_b, both = (
            sample * (p - q) for p, q in ((aa, mean_a * mean_a), (bb, mean_b * mean_b), (ab, mean_a * mean_b))
        )
        c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
        top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
        bottom = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
        return (top / bottom).flatten(1).mean(1)


@attrs.frozen
class HFEN:
    """``‖LoG ∗ (|x̂| − |x|)‖ / ‖LoG ∗ |x|‖`` over the volume: how wrong edges and fine detail are.

    LoG is the Laplacian of a Gaussian of standard deviation 1.5 on 15 × 15 pixels, with zeros beyond the
    border, slice by slice.

    Parameters
    ----------
    relative
        Divide by the norm of the filtered truth; ``False`` gives the plain norm of the paper.

    References
    ----------
    S. Ravishankar and Y. Bresler, IEEE Trans. Med. Imaging 30 (2011) 1028–1041, section IV.A,
    doi:10.1109/TMI.2010.2090538.
    """

    relative: bool = True

    higher_is_better = False
    perfect = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return one value per sample, ``(B,)``."""
        a, b = _magnitudes(x_hat, x)
        error: Tensor = torch.linalg.vector_norm(_laplacian(a - b).flatten(1), dim=1)
        size: Tensor = torch.linalg.vector_norm(_laplacian(b).flatten(1), dim=1)
        return error / size if self.relative else error


def _laplacian(t: Tensor) -> Tensor:
    side = torch.arange(15, dtype=torch.float64) - 7
    squared = side[:, None] ** 2 + side**2
    gauss = torch.exp(-squared / (2 * LOG_SIGMA**2))
    kernel = gauss / gauss.sum() * (squared - 2 * LOG_SIGMA**2) / LOG_SIGMA**4
    kernel = (kernel - kernel.mean()).to(t)  # a constant has no edges
    flat = t.reshape(-1, 1, *t.shape[-2:])
    return F.conv2d(flat, kernel[None, None], padding=7).reshape(t.shape)


def _mean(t: Tensor) -> Tensor:
    flat = t.reshape(-1, 1, *t.shape[-2:])
    averaged = F.avg_pool2d(flat, WINDOW, stride=1)
    return averaged.reshape(*t.shape[:-2], *averaged.shape[-2:])
