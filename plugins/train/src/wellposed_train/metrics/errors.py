"""Errors measured entry by entry: MAE, MSE and the two normalised by the energy of the reference.

Complex images are compared by the magnitude of their difference, so phase errors count.
"""

from __future__ import annotations

from typing import ClassVar, final

import attrs
import torch
from torch import Tensor

from wellposed_train.comparison import check_pair, ratio, sample_mean, sample_sum, squared_magnitude


@final
@attrs.frozen
class MAE:
    """Mean absolute error, mean |x̂ − x| over the entries of a sample.

    Takes ``x_hat`` and ``x`` of equal shape ``(B, …)``, real or complex; returns real ``(B,)`` in the
    images' unit. Raises :class:`~wellposed.errors.SpaceError` when the shapes differ and
    :class:`~wellposed.errors.DtypeError` for integer images.
    """

    higher_is_better: ClassVar[bool] = False
    symmetric: ClassVar[bool] = True
    perfect: ClassVar[float] = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the error of each sample."""
        check_pair(x_hat, x, "MAE")
        return sample_mean((x_hat - x).abs())


@final
@attrs.frozen
class MSE:
    """Mean squared error, mean |x̂ − x|² over the entries of a sample.

    Takes ``x_hat`` and ``x`` of equal shape ``(B, …)``, real or complex; returns real ``(B,)`` in the
    images' unit squared. Raises as :class:`MAE`.
    """

    higher_is_better: ClassVar[bool] = False
    symmetric: ClassVar[bool] = True
    perfect: ClassVar[float] = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the error of each sample."""
        check_pair(x_hat, x, "MSE")
        return sample_mean(squared_magnitude(x_hat - x))


@final
@attrs.frozen
class NMSE:
    """Normalised mean squared error ‖x̂ − x‖² / ‖x‖², without unit.

    Takes ``x_hat`` and ``x`` of equal shape ``(B, …)``, real or complex; returns real ``(B,)``. A
    reference of zeros gives 0 when it is met exactly and infinity otherwise. Raises as :class:`MAE`.

    References
    ----------
    The definition of the fastMRI challenge: Zbontar et al., arXiv:1811.08839.
    """

    higher_is_better: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False
    perfect: ClassVar[float] = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the relative squared error of each sample."""
        check_pair(x_hat, x, "NMSE")
        return ratio(sample_sum(squared_magnitude(x_hat - x)), sample_sum(squared_magnitude(x)))


@final
@attrs.frozen
class NRMSE:
    """Normalised root mean squared error ‖x̂ − x‖ / ‖x‖, the square root of :class:`NMSE`.

    Equals scikit-image's ``normalized_root_mse`` with its default ``normalization="euclidean"``.
    Arguments, result and errors are those of :class:`NMSE`.
    """

    higher_is_better: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False
    perfect: ClassVar[float] = 0.0

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the relative error of each sample."""
        check_pair(x_hat, x, "NRMSE")
        error, size = (torch.linalg.vector_norm(t.flatten(1), dim=1) for t in (x_hat - x, x))
        return ratio(error, size)
