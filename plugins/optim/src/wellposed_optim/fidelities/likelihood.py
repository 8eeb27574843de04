"""Any noise model is a fidelity: its negative log-likelihood, differentiated by autograd."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.protocols import NoiseModel
from wellposed.spaces import Vector
from wellposed_optim.fidelities.base import Fidelity
from wellposed_optim.fidelities.l2 import L2
from wellposed_optim.fidelities.poisson import Poisson


class Likelihood(Fidelity):
    """f(x) = −log p(y | A x) of a noise model's ``log_prob(y, mean)``.

    Parameters
    ----------
    noise_model
        Anything with ``log_prob(y, mean)`` → ``(B,)``, differentiable in ``mean``.
    """

    convex: ClassVar[bool] = False

    def __init__(self, noise_model: NoiseModel) -> None:
        super().__init__()
        self.noise_model = noise_model

    def distance(self, u: Vector, y: Vector) -> Tensor:
        """Return −log p(y | u), ``(B,)``."""
        return -torch.as_tensor(self.noise_model.log_prob(y, u))

    def distance_grad(self, u: Vector, y: Vector) -> Vector:
        """Return −∇ log p(y | u); differentiable again where ``u`` asks for gradients."""
        again = torch.is_grad_enabled() and any(t.requires_grad for t in vectors.leaves(u))
        with torch.enable_grad():
            v = vectors.map_vector(lambda t: t if t.requires_grad else t.detach().requires_grad_(), u)
            parts = torch.autograd.grad(self.distance(v, y).sum(), vectors.leaves(v), create_graph=again)
        grads = iter(parts)
        return vectors.map_vector(lambda _: next(grads), u)


def fidelity_of(physics: Any) -> Fidelity:
    """Return the data fidelity that follows from ``physics.noise_model``; plain :class:`L2` without one.

    Gaussian noise gives :class:`L2` with its σ, Poisson noise :class:`Poisson` with its gain, anything else
    its own :class:`Likelihood`. Noise models are recognised by class name, so foreign ones are too.
    """
    noise = getattr(physics, "noise_model", None)
    if noise is None:
        return L2()
    kind = type(noise).__name__.removesuffix("Noise")
    if kind == "Gaussian":
        level = getattr(noise, "level", None)
        sigma = getattr(noise, "sigma", None) if level is None else level
        return L2(sigma) if sigma is not None else Likelihood(noise)
    if kind == "Poisson" and hasattr(noise, "gain"):
        background = getattr(noise, "background", 0.0)
        return Poisson(noise.gain, background)
    return Likelihood(noise)
