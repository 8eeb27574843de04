"""Plans, kept, since sorting points is half of a transform: finufft's on the CPU, plain torch elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.nufft.kaiser_bessel import KaiserBessel

FINUFFT_DEVICES = frozenset({"cpu"})
"""Where finufft computes; everywhere else torch does."""

KEPT = 6
"""Plans that one operator keeps: two directions, for a batch, a block and a single transform."""

SMALL_GRID, LARGE_GRID = 1.25, 2.0
"""Upsampling of the grid of the FFT: the smaller is twice as fast, and never as exact."""

FINEST_SMALL = {torch.complex64: 5e-5, torch.complex128: 1e-6}
"""The accuracy that the smaller grid still reaches: measured against sums in two and three dimensions."""

FINEST = {torch.complex64: 1e-6, torch.complex128: 1e-14}

MARGIN = {SMALL_GRID: 4.0, LARGE_GRID: 1.5}
"""Errors measured on images of 12 to 256 pixels are up to so many times what finufft is asked for."""


@attrs.frozen
class _Key:
    kind: int
    transforms: int
    dtype: torch.dtype
    threads: int


class Plans:
    """NUFFTs of one grid at one accuracy; plans are made on demand and dropped when the points change.

    Parameters
    ----------
    shape
        Image size.
    accuracy
        Relative error, in the 2-norm over all samples or pixels. In single precision rounding adds about
        5e-8 times the longest axis, so 3e-6 is reached with 64 pixels and 1.3e-5 with 256.
    """

    def __init__(self, shape: tuple[int, ...], accuracy: float) -> None:
        self.shape, self.accuracy = shape, accuracy
        self._points: Tensor | None = None
        self._version = -1
        self._plans: OrderedDict[_Key, Any] = OrderedDict()
        self._torch: dict[torch.dtype, KaiserBessel] = {}

    def to_points(self, x: Tensor, points: Tensor) -> Tensor:
        """Return Σ_j x[j]·exp(−i θ_m·(j − n//2)), ``(T, M)``, for images ``(T, *shape)``."""
        return self._execute(2, x, points, (x.shape[0], points.shape[0]))

    def to_image(self, y: Tensor, points: Tensor) -> Tensor:
        """Return Σ_m y[m]·exp(+i θ_m·(j − n//2)), ``(T, *shape)``: the adjoint of :meth:`to_points`."""
        return self._execute(1, y, points, (y.shape[0], *self.shape))

    def _execute(self, kind: int, data: Tensor, points: Tensor, shape: tuple[int, ...]) -> Tensor:
        if data.device != points.device:
            raise ParameterError(
                f"the data are on {data.device}, but the trajectory is on {points.device}; move the data, or "
                f"the physics by physics.to({str(data.device)!r})."
            )
        if data.device.type not in FINUFFT_DEVICES:
            kept = self._in_torch(points, data.dtype)
            return kept.to_points(data.detach()) if kind == 2 else kept.to_image(data.detach())
        out = torch.empty(shape, dtype=data.dtype)
        if data.numel() and out.numel():
            plan = self._plan(kind, data, points)
            plan.execute(data.detach().resolve_conj().contiguous().numpy(), out.numpy())
        elif out.numel():
            out.zero_()
        return out

    def _in_torch(self, points: Tensor, dtype: torch.dtype) -> KaiserBessel:
        self._renew(points)
        if dtype not in self._torch:
            self._torch[dtype] = KaiserBessel(self.shape, points, self.accuracy, dtype)
        return self._torch[dtype]

    def _renew(self, points: Tensor) -> None:
        """Forget what was made for other points."""
        if self._points is not points or self._version != points._version:
            self._plans.clear()
            self._torch.clear()
            self._points, self._version = points, points._version

    def _plan(self, kind: int, data: Tensor, points: Tensor) -> Any:
        import finufft

        self._renew(points)
        key = _Key(kind, data.shape[0], data.dtype, torch.get_num_threads())
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        single = data.dtype == torch.complex64
        grid = SMALL_GRID if self.accuracy >= FINEST_SMALL[data.dtype] else LARGE_GRID
        plan = finufft.Plan(
            kind,
            self.shape,
            n_trans=key.transforms,
            eps=max(self.accuracy / MARGIN[grid], FINEST[data.dtype]),
            isign=-1 if kind == 2 else 1,
            dtype="complex64" if single else "complex128",
            nthreads=key.threads,
            upsampfac=grid,
            showwarn=0,
        )
        real = np.float32 if single else np.float64
        theta = points.detach().numpy().astype(real)
        plan.setpts(*(np.ascontiguousarray(theta[:, d]) for d in range(theta.shape[1])))
        self._plans[key] = plan
        while len(self._plans) > KEPT:
            self._plans.popitem(last=False)
        return plan

    def __deepcopy__(self, memo: object) -> Plans:
        """Return the same settings without plans, which belong to the library."""
        return Plans(self.shape, self.accuracy)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings only."""
        return Plans, (self.shape, self.accuracy)
