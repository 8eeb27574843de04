"""Losses and metrics of imaging inverse problems, each returning one value per sample.

A loss is ``loss(x_hat, x, y, physics, model)`` → ``(B,)`` and a metric ``metric(x_hat, x)`` → ``(B,)``.
Nothing averages over the batch: the caller does, and can therefore also look at a single image.
Names load on first use, so that discovery of this pack never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellposed_train.calling import adapt, call_loss
    from wellposed_train.losses.consistency import MeasurementConsistency
    from wellposed_train.losses.equivariant import EquivariantImaging
    from wellposed_train.losses.splitting import Splitting, SplittingAverage
    from wellposed_train.losses.supervised import SupervisedL1, SupervisedL2
    from wellposed_train.losses.sure import MonteCarloSURE
    from wellposed_train.metrics.errors import MAE, MSE, NMSE, NRMSE
    from wellposed_train.metrics.psnr import PSNR
    from wellposed_train.metrics.ssim import SSIM

__version__ = "0.1.0"

_HOMES = {
    "MAE": "metrics.errors",
    "MSE": "metrics.errors",
    "NMSE": "metrics.errors",
    "NRMSE": "metrics.errors",
    "PSNR": "metrics.psnr",
    "SSIM": "metrics.ssim",
    "EquivariantImaging": "losses.equivariant",
    "MeasurementConsistency": "losses.consistency",
    "MonteCarloSURE": "losses.sure",
    "Splitting": "losses.splitting",
    "SplittingAverage": "losses.splitting",
    "SupervisedL1": "losses.supervised",
    "SupervisedL2": "losses.supervised",
    "adapt": "calling",
    "call_loss": "calling",
}

__all__ = [
    "MAE",
    "MSE",
    "NMSE",
    "NRMSE",
    "PSNR",
    "SSIM",
    "EquivariantImaging",
    "MeasurementConsistency",
    "MonteCarloSURE",
    "Splitting",
    "SplittingAverage",
    "SupervisedL1",
    "SupervisedL2",
    "adapt",
    "call_loss",
]


def __getattr__(name: str) -> Any:
    """Import the module that defines ``name`` and hand the object over."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no {name!r}; it offers {', '.join(__all__)}.")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names for completion."""
    return sorted(__all__)
