"""Equivariant imaging: learning from incomplete measurements by the symmetry of the images.

If turned images are as plausible as upright ones, a good reconstructor that sees the measurements of a
turned reconstruction must return it. That constrains the null space of ``A``, where measurements say
nothing, as long as ``A`` itself does not commute with the group.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, final

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import streams
from wellposed.transforms import GroupTransform
from wellposed_train.comparison import check_pair, sample_mean, squared_magnitude


def _check_transform(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    missing = [name for name in ("sample", "act") if not callable(getattr(value, name, None))]
    if missing:
        raise ParameterError(
            f"EquivariantImaging: the transform {value!r} has no {' and no '.join(missing)}; "
            f"a Transform has sample(generator) → g and act(x, g), as those of wellposed.transforms."
        )


@final
@attrs.frozen
class EquivariantImaging:
    """Mean squared error of R(A(T_g x̂)) against T_g x̂, with g drawn from a group for each sample.

    Takes ``x_hat`` ``(B, …)``, ``physics`` with ``A`` and ``model(y, physics)``; returns real ``(B,)``. It
    is zero for every equivariant reconstructor that inverts ``A``, but also for a constant one: combine it
    with :class:`MeasurementConsistency` or :class:`MonteCarloSURE`.

    Parameters
    ----------
    transform
        A group action with ``sample(generator)`` and ``act(x, g)``.
    noise
        Whether the second measurement is noisy, ``physics(T_g x̂)`` instead of ``physics.A(T_g x̂)``, which
        is the robust variant of 2022. A physics that takes a ``generator`` draws its noise from ours.
    detach
        Whether gradients stop at T_g x̂, which then acts as a fixed target.

    Raises
    ------
    ParameterError
        The transform lacks a method.
    SpaceError
        The model returns another shape than ``x_hat``.

    References
    ----------
    Chen, Tachella & Davies, Equivariant imaging: learning beyond the range space, ICCV 2021;
    Robust equivariant imaging, CVPR 2022, for noisy measurements.
    """

    uses: ClassVar[tuple[str, ...]] = ("x_hat", "physics", "model")
    zero_at_truth: ClassVar[bool] = True
    unbiased: ClassVar[bool] = False

    transform: Any = attrs.field(validator=_check_transform)
    noise: bool = False
    detach: bool = False

    def __call__(
        self,
        x_hat: Any,
        x: Any,
        y: Any,
        physics: Any,
        model: Any,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the loss of each sample; ``generator`` draws the group elements, and the noise."""
        turned = self._turn(x_hat, generator)
        measured = _measure_noisily(physics, turned, generator) if self.noise else physics.A(turned)
        again, target = check_pair(model(measured, physics), turned, "EquivariantImaging")
        return sample_mean(squared_magnitude(again - target))

    def _turn(self, x_hat: Tensor, generator: torch.Generator | None) -> Tensor:
        source = x_hat.detach() if self.detach else x_hat
        if isinstance(self.transform, GroupTransform):
            return self.transform.act(source, self.transform.sample(generator, n=len(source)))
        elements = [self.transform.sample(g) for g in streams(generator, len(source), "cpu")]
        return torch.cat([self.transform.act(source[i : i + 1], g) for i, g in enumerate(elements)])


def _measure_noisily(physics: Any, x: Tensor, generator: torch.Generator | None) -> Any:
    call = physics.forward if isinstance(physics, torch.nn.Module) else physics
    if "generator" in inspect.signature(call).parameters:
        return physics(x, generator=generator)
    return physics(x)
