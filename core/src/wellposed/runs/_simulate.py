"""From an image to a measurement whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.forward import ForwardModel
from wellposed.measurement import Measurement
from wellposed.random import mix


def simulate(
    image: Tensor,
    physics: Any,
    *,
    noise: Any = None,
    generator: Any = None,
    seed: int = 0,
    meta: Mapping[str, Any] | None = None,
) -> Measurement:
    """Return noisy measurements of ``image`` with their physics, and ``image`` as the reference.

    Parameters
    ----------
    image
        The truth, ``(B, C, H, W)``.
    physics
        An operator or forward model.
    noise
        Added to an operator; ``None`` keeps what ``physics`` has.
    generator
        Draws parameters ξ of the physics (a kernel, a mask), one for the whole batch.
    seed
        Of ξ and of the noise, which have a stream each: another generator does not change the noise.
    meta
        Kept with the measurement.

    Raises
    ------
    ParameterError
        The physics has noise of its own already.
    """
    if generator is not None:
        physics = physics.replace(**generator.step(1, torch.Generator().manual_seed(mix(seed, 0))))
    if noise is not None:
        if getattr(physics, "noise_model", None) is not None:
            raise ParameterError(
                f"the physics has its own noise, {physics.noise_model!r}; give the noise once."
            )
        physics = ForwardModel(physics, noise)
    with torch.no_grad():
        if getattr(physics, "noise_model", None) is None:
            y = physics.A(image)
        else:
            y = physics(image, generator=torch.Generator(image.device).manual_seed(mix(seed, 1)))
    return Measurement(y, physics, image, meta)
