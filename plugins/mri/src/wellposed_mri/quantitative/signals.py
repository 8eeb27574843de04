"""What all signal models share: amplitudes enter linearly, one rate or frequency does not.

The signal of a pixel is B(p)·c: columns that depend on one number p, combined by amplitudes c. So a search
over p with c solved for gives a first guess from which a descent finds the global minimum, and each model has
to write its columns only.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.operators import Operator
from wellposed.spaces import Space


class SignalModel(Operator):
    """Parameter maps ``(B, P, H, W)`` to signals ``(B, E, H, W)``, every pixel by itself; abstract.

    Subclasses write ``_columns`` and ``_candidates``, and name their maps in ``names``.

    Parameters
    ----------
    contrasts
        E, the number of signals per pixel.
    real
        The precision, float32 or float64.
    amplitudes
        Number of linear amplitudes.
    complex_signal
        Whether amplitudes and signals are complex; then a real and an imaginary map come for each amplitude.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, contrasts: int, real: torch.dtype, amplitudes: int = 1, complex_signal: bool = False
    ) -> None:
        count = (2 if complex_signal else 1) * amplitudes + 1
        if contrasts * (2 if complex_signal else 1) < count:
            raise ParameterError(
                f"{contrasts} signals per pixel do not determine {count} maps; acquire more of them."
            )
        kind = real if not complex_signal else torch.promote_types(real, torch.complex32)
        super().__init__(Space((count, None, None), real), Space((contrasts, None, None), kind))
        self._complex = complex_signal

    def _columns(self, p: Tensor) -> Tensor:
        """Return the columns ``(E, amplitudes, *p.shape)`` for values ``p`` of the nonlinear parameter."""
        raise NotImplementedError(f"{type(self).__name__} does not define its columns.")

    def _candidates(self) -> Tensor:
        """Return values of the nonlinear parameter ``(G,)`` among which the first guess is sought."""
        raise NotImplementedError(f"{type(self).__name__} does not define candidates.")

    def _forward(self, x: Tensor) -> Tensor:
        columns, amplitudes = self._columns(x[:, -1]), x[:, :-1]
        if self._complex:
            amplitudes = torch.complex(amplitudes[:, 0::2], amplitudes[:, 1::2])
        signals = (columns * amplitudes.movedim(1, 0)).sum(1)
        return signals.movedim(0, 1)

    def start(self, y: Tensor) -> Tensor:
        """Return the best maps among the candidates, amplitudes by least squares, ``(B, P, H, W)``."""
        self.range.check(y, "y")
        p = self._candidates().to(y.real.dtype)
        q, r = self._bases(p, y.dtype)
        data = y.movedim(1, -1).reshape(-1, y.shape[1])
        best, power = torch.zeros(len(data), dtype=torch.int64), data.new_full((len(data),), -1).real
        for g in range(len(p)):  # a candidate at a time: memory stays that of the data
            explained = (data @ q[g].conj()).abs().square().sum(-1)
            better = explained > power * (1 + 1e-6)
            best, power = torch.where(better, g, best), torch.where(better, explained, power)
        chosen = p[best].reshape(y.shape[0], *y.shape[2:])
        return self._with_amplitudes(q[best], r[best], chosen, y)

    def amplitudes_at(self, p: Tensor, y: Tensor) -> Tensor:
        """Return the maps ``(B, P, H, W)`` with ``p`` ``(B, H, W)`` given, amplitudes by least squares."""
        return self._with_amplitudes(*self._bases(p.flatten(), y.dtype), p, y)

    def _with_amplitudes(self, q: Tensor, r: Tensor, p: Tensor, y: Tensor) -> Tensor:
        """Return the maps for bases ``(pixels, …)`` at ``p`` ``(B, H, W)``."""
        data = y.movedim(1, -1).reshape(-1, y.shape[1], 1)
        solved = torch.linalg.solve_triangular(r, q.mH @ data, upper=True)[..., 0]
        maps = torch.view_as_real(solved).flatten(1) if self._complex else solved
        maps = torch.cat([maps, p.reshape(-1, 1)], -1)
        return maps.reshape(*p.shape, -1).movedim(-1, 1)

    def unexplained(self, p: Tensor, y: Tensor) -> Tensor:
        """Return the squared residual at each of ``p`` ``(G,)`` with its best amplitudes."""
        q, _ = self._bases(p.to(y.real), y.dtype)
        total = y.abs().square().sum(1)
        left = [total - torch.einsum("ea,be...->ba...", b.conj(), y).abs().square().sum(1) for b in q]
        return torch.stack(left, 1).clamp(min=0)

    def _bases(self, p: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the QR decompositions of the columns of each of ``p`` ``(G,)``."""
        q, r = torch.linalg.qr(self._columns(p).permute(2, 0, 1).to(dtype))
        return q, r

    def jacobian(self, x: Tensor) -> Tensor:
        """Return the derivatives of signals by maps, ``(B, E, P, H, W)``, as numbers without a graph."""
        self.domain.check(x)
        with torch.enable_grad():
            moving = x.detach().requires_grad_()
            signals = self._forward(moving)
            # Pulling back is linear in what is pulled back, so its derivatives by that are the derivatives.
            weights = torch.zeros_like(signals, requires_grad=True)
            (pulled,) = torch.autograd.grad(signals, moving, weights, create_graph=True)
            slopes = [
                torch.autograd.grad(pulled[:, p].sum(), weights, retain_graph=True)[0]
                for p in range(x.shape[1])
            ]
        return torch.stack(slopes, 2)


def require_times(name: str, times: Tensor, longest: float) -> None:
    """Raise unless ``times`` is a real, finite vector of seconds from 0 to ``longest``.

    The limits are far beyond what is measured, and below what the same times are in milliseconds.
    """
    if times.ndim != 1 or not times.is_floating_point():
        raise SpaceError(
            f"{name} has shape {tuple(times.shape)} and dtype {str(times.dtype).removeprefix('torch.')}, but "
            "a vector of seconds is expected."
        )
    if torch._C._functorch.is_functorch_wrapped_tensor(times) or times.numel() == 0:
        return
    low, high = float(times.detach().min()), float(times.detach().max())
    if not (low >= 0 and high <= longest):
        raise ParameterError(
            f"{name} goes from {low:g} to {high:g}, but seconds from 0 to {longest:g} are expected; divide "
            "milliseconds by 1000."
        )
