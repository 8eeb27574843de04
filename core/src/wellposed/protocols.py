"""What each role is, by shape: any object with these methods fits, whoever wrote it.

Methods only: ``nn.Module`` serves buffers through ``__getattr__``, which ``isinstance`` does not see on
Python ≥ 3.12. Use ``isinstance`` against these protocols at boundaries, never inside ``forward``.
Attributes that a pipeline merely looks up where they exist (``noise_model``, ``level``,
``higher_is_better``, ``domain``) are documented here and are not part of a protocol.

Tensors are batch first: ``x`` is ``(B, C, H, W)`` or ``(B, C, D, H, W)``; several measurements are tuples.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

if TYPE_CHECKING:
    from wellposed.measurement import Measurement


@runtime_checkable
class Physics(Protocol):
    """A forward model ``y = N(A(x))``; keyword arguments override parameters ξ for one call only.

    Looked up where present: ``noise_model`` (a :class:`NoiseModel`), ``domain`` and ``range``
    (:class:`~wellposed.Space`).
    """

    def __call__(self, x: Any, **parameters: Any) -> Any:
        """Return measurements, with noise where the model has any."""
        ...

    def A(self, x: Any, **parameters: Any) -> Any:
        """Return noiseless measurements."""
        ...


@runtime_checkable
class LinearPhysics(Physics, Protocol):
    """A forward model whose ``A`` is linear."""

    def A_adjoint(self, y: Any, **parameters: Any) -> Any:
        """Return A*y, with ⟨A x, y⟩ = ⟨x, A*y⟩."""
        ...

    def A_dagger(self, y: Any) -> Any:
        """Return the minimum-norm least-squares solution A⁺y."""
        ...

    def prox_l2(self, z: Any, y: Any, gamma: Any) -> Any:
        """Return argmin over u of γ/2·‖A u − y‖² + ½·‖u − z‖²."""
        ...

    def A_vjp(self, x: Any, v: Any) -> Any:
        """Return J(x)*v, which is A*v."""
        ...


@runtime_checkable
class Reconstructor(Protocol):
    """``x_hat = model(y, physics)``: an ``nn.Module`` or any callable.

    Looked up where present: ``needs``, what it needs of the physics beyond ``A`` and ``A*``
    (:mod:`wellposed.needs`).
    """

    def __call__(self, y: Any, physics: Any) -> Any:
        """Return an estimate of ``x``."""
        ...


@runtime_checkable
class Sampler(Reconstructor, Protocol):
    """A reconstructor that also draws from the posterior."""

    def sample(self, y: Any, physics: Any, n: int, generator: torch.Generator | None) -> Any:
        """Yield or return ``n`` posterior samples, each of the shape of ``x``."""
        ...


@runtime_checkable
class Denoiser(Protocol):
    """``x = denoiser(noisy, sigma)`` with σ the noise's standard deviation, scalar or ``(B,)``."""

    def __call__(self, x: Tensor, sigma: Any, /) -> Tensor:
        """Return the denoised images."""
        ...


@runtime_checkable
class NoiseModel(Protocol):
    """A conditional distribution of measurements given their noiseless mean.

    Looked up where present: ``level``, the parameter that says how strong the noise is.
    """

    def __call__(self, y: Any, generator: torch.Generator | None = None) -> Any:
        """Draw noisy measurements given noiseless ``y``."""
        ...

    def log_prob(self, y: Any, mean: Any) -> Tensor:
        """Return log p(y | noiseless mean), summed over all but the batch: ``(B,)``."""
        ...


@runtime_checkable
class Loss(Protocol):
    """``loss(x_hat, x, y, physics, model)`` → ``(B,)``; what a loss does not need may be ``None``.

    Looked up where present: ``adapt(model)``, which wraps the model where the method asks for it.
    """

    def __call__(self, x_hat: Any, x: Any, y: Any, physics: Any, model: Any) -> Tensor:
        """Return one value per sample."""
        ...


@runtime_checkable
class Metric(Protocol):
    """``metric(x_hat, x)`` → ``(B,)``, never averaged; no-reference metrics take ``x_hat`` alone.

    Looked up: ``higher_is_better``.
    """

    def __call__(self, x_hat: Any, x: Any = None, /) -> Tensor:
        """Return one value per sample."""
        ...


@runtime_checkable
class Transform(Protocol):
    """A group acting on images; exact on the grid, or with a declared ``accuracy``."""

    def sample(self, generator: torch.Generator | None = None) -> Any:
        """Draw a group element g."""
        ...

    def act(self, x: Any, g: Any) -> Any:
        """Return T_g x."""
        ...

    def inverse(self, g: Any) -> Any:
        """Return g⁻¹."""
        ...

    def compose(self, g: Any, h: Any) -> Any:
        """Return gh, for which T_gh = T_g T_h."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Turns a file into a :class:`~wellposed.Measurement`."""

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``; :class:`~wellposed.errors.FileFormatError` on anything damaged."""
        ...


@runtime_checkable
class Writer(Protocol):
    """Turns a reconstruction into a file, atomically."""

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` (1, C, H, W) to ``path``, carrying over what the format keeps of ``meta``."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Draws parameters ξ of a physics: masks, kernels, trajectories."""

    def step(self, batch_size: int = 1, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """Return ``{name: tensor}`` that ``physics(x, **params)`` and ``physics.replace`` take."""
        ...
