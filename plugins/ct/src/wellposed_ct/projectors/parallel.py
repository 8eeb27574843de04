"""``ct.parallel``: line integrals along parallel rays, exactly adjoint, fast, and without a stored matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.native import uncompiled
from wellposed.operators import LinearOperator, as_space
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence
from wellposed_ct.geometry import ParallelGeometry
from wellposed_ct.geometry.angles import Ordered
from wellposed_ct.projectors.calibration import calibrates, sample
from wellposed_ct.projectors.crossings import Crossings, Grid, crossings
from wellposed_ct.projectors.footprints import MODELS, Footprints, Model
from wellposed_ct.projectors.joseph import BACKENDS, Backend, Plan, apply
from wellposed_ct.projectors.joseph_torch import back_project, project
from wellposed_ct.projectors.precision import doubles, in_doubles
from wellposed_ct.symmetries import half_turn, mirrors, on_a_diagonal, quarter_turns

__all__ = ["BACKENDS", "Backend", "ParallelBeam", "arguments_of", "check_beam", "image_space", "real_vector"]


class ParallelBeam(LinearOperator):
    """Line integrals of images along parallel rays.

    Images ``(B, C, H, W)`` in 1/mm give sinograms ``(B, C, views, detectors)`` in nepers; conventions are
    those of :class:`~wellposed_ct.geometry.ParallelGeometry`. The adjoint is exact, results do not depend on
    the number of threads (``torch.set_num_threads``), and memory is a padded copy of the data.

    Parameters
    ----------
    angles
        θ, radians, ``(views,)``. Differentiable: gradients with respect to it take the torch path.
    domain
        Space or shape ``(C, H, W)`` of the images; float32 unless the space says otherwise.
    detectors
        Number of bins; by default enough for the image's diagonal.
    pixel_mm, detector_mm
        Side of a pixel and distance of bins, millimetres; the latter is by default the former.
    axis_mm
        Where on the detector the rotation axis projects, from the detector's middle; a number, or one per
        view ``(views,)``. Differentiable.
    centre_mm
        (x, y) of the image's middle, seen from the rotation axis. Differentiable.
    backend
        ``auto`` takes the compiled kernel for CPU tensors where there is one, with the widest vectors that
        the processor has; ``avx2`` no wider ones than those, ``portable`` none that not every processor
        has; ``torch`` never compiled code. On CUDA and ROCm devices, ``auto`` runs Triton's kernels.
    model
        ``joseph`` reads between two pixels in every row that a ray crosses: accurate and the fastest.
        ``siddon`` takes the exact length of the ray in every pixel. ``strip`` takes the mean over the bin,
        for pixels or bins that are large against each other.

    Raises
    ------
    ParameterError, SpaceError, DtypeError
        Impossible lengths or sizes, non-finite angles, or a domain that is not one of real images.

    References
    ----------
    Joseph (1982), An improved algorithm for reprojecting rays through pixel images,
    doi:10.1109/TMI.1982.4307572. Siddon (1985), doi:10.1118/1.595715.
    """

    data_are_pictures: ClassVar[bool] = False
    angles: Tensor
    axis_mm: Tensor
    centre_mm: Tensor

    @uncompiled
    def __init__(
        self,
        angles: Tensor | Sequence[float],
        domain: AnySpace | tuple[int, ...],
        detectors: int | None = None,
        pixel_mm: float = 1.0,
        detector_mm: float | None = None,
        axis_mm: float | Tensor = 0.0,
        centre_mm: Tensor | Sequence[float] = (0.0, 0.0),
        backend: Backend = "auto",
        model: Model = "joseph",
    ) -> None:
        space = image_space(domain, type(self).__name__)
        channels, *size = space.concrete_shape
        angles = real_vector("angles", angles)
        axis_mm = torch.as_tensor(axis_mm, dtype=None if isinstance(axis_mm, Tensor) else torch.float64)
        centre_mm = real_vector("centre_mm", centre_mm)
        check_beam(angles, axis_mm, backend, model)
        geometry = ParallelGeometry(
            Ordered(sample(angles).tolist()),
            size,
            detectors,
            pixel_mm,
            detector_mm,
            0.0,
            sample(centre_mm).tolist(),
        )
        super().__init__(space, Space((channels, geometry.views, geometry.detectors), space.dtype))
        self.register_value("angles", angles)
        self.register_value("axis_mm", axis_mm)
        self.register_value("centre_mm", centre_mm)
        self.detectors = geometry.detectors
        self.pixel_mm, self.detector_mm = geometry.pixel_mm, geometry.detector_mm
        self.backend: Backend = backend
        self.model: Model = model
        self._plan: tuple[tuple[tuple[Tensor, int], ...], Plan] | None = None

    @classmethod
    def from_geometry(
        cls, geometry: ParallelGeometry, channels: int = 1, dtype: torch.dtype = torch.float32
    ) -> ParallelBeam:
        """Return the projector of a scan."""
        return cls(*arguments_of(geometry, channels, dtype))

    @property
    def geometry(self) -> ParallelGeometry:
        """The scan as data; with one axis per view, their mean."""
        centre = self.centre_mm.tolist()
        return ParallelGeometry(
            Ordered(self.angles.tolist()),
            self._grid_size,
            self.detectors,
            self.pixel_mm,
            self.detector_mm,
            float(self.axis_mm.detach().mean()),
            centre,
        )

    @property
    def _grid_size(self) -> tuple[int, int]:
        assert isinstance(self.domain, Space)
        _, rows, columns = self.domain.concrete_shape
        return rows, columns

    @property
    def grid(self) -> Grid:
        """Sizes of image and detector."""
        return Grid(*self._grid_size, self.detectors, self.pixel_mm, self.detector_mm)

    def crossings(self) -> Crossings:
        """Return where rays cross the grid, differentiable in the geometry."""
        return crossings(self.angles, self.axis_mm, self.centre_mm, self.grid)

    def _evidence(self) -> tuple[Evidence, ...]:
        centred = not bool(self.axis_mm.any() or self.centre_mm.any())
        square = self._grid_size[0] == self._grid_size[1] and self.model != "siddon"  # whose lengths jump
        angles = Ordered(self.angles.tolist())
        turns = quarter_turns(angles, centred and square, half=True)
        clear = self.model != "siddon" and not on_a_diagonal(np.array(angles))
        flips = mirrors(angles, centred and clear, half=True)
        # lengths of a nearly upright ray in a pixel are quotients of small numbers
        half = half_turn(centred, 0.0 if self.model == "joseph" else 1e-9)
        return (*half, *turns, *flips)

    def footprints(self) -> Footprints:
        """Return rays and model for Siddon's projector and strips, differentiable in the geometry."""
        angles, axis, centre = (doubles(t) for t in (self.angles, self.axis_mm, self.centre_mm))
        rows, columns = self._grid_size
        cos, sin = torch.cos(angles), torch.sin(angles)
        first = -(self.detectors - 1) / 2 * self.detector_mm - axis
        start = [
            (first * cos - centre[0]) / self.pixel_mm + (columns - 1) / 2,
            (centre[1] - first * sin) / self.pixel_mm + (rows - 1) / 2,
        ]
        step, none = self.detector_mm / self.pixel_mm, torch.zeros_like(cos)
        sheaves = torch.stack([*start, step * cos, -step * sin, -sin, -cos, none, none, none], 1)
        return Footprints(sheaves, (rows, columns), self.detectors, self.pixel_mm, self.model, self.backend)

    @uncompiled
    def _forward(self, x: Tensor) -> Tensor:
        if self.model != "joseph":
            rays = self.footprints()
            return in_doubles(rays.project, x) if self.calibrates else apply(x, rays, back=False)
        if self.calibrates:
            return in_doubles(lambda x: project(x, self.crossings(), self.grid), x)
        return apply(x, self.plan(), back=False)

    @uncompiled
    def _adjoint(self, y: Tensor) -> Tensor:
        if self.model != "joseph":
            rays = self.footprints()
            return in_doubles(rays.back_project, y) if self.calibrates else apply(y, rays, back=True)
        if self.calibrates:
            return in_doubles(lambda y: back_project(y, self.crossings(), self.grid), y)
        return apply(y, self.plan(), back=True)

    @property
    def calibrates(self) -> bool:
        """Whether someone differentiates with respect to the geometry."""
        return calibrates(self.angles, self.axis_mm, self.centre_mm)

    def plan(self) -> Plan:
        """Return the kernel's table, made anew when a buffer changed."""
        seen = tuple((t, t._version) for t in (self.angles, self.axis_mm, self.centre_mm))
        kept = self._plan
        if kept is not None and all(a is c and b == d for (a, b), (c, d) in zip(seen, kept[0], strict=True)):
            return kept[1]
        with torch.no_grad():
            plan = Plan.of(self.crossings(), self.grid, self.backend)
        self._plan = (seen, plan)
        return plan


def arguments_of(
    geometry: ParallelGeometry, channels: int, dtype: torch.dtype
) -> tuple[Tensor, Space, int, float, float, float, tuple[float, float]]:
    """Return the first arguments of a projector of parallel rays: angles, domain, sizes and offsets."""
    angles = torch.tensor(geometry.angles, dtype=torch.float64)
    domain = Space((channels, *geometry.size), dtype)
    lengths = (geometry.pixel_mm, geometry.detector_mm, geometry.axis_mm, geometry.centre_mm)
    return angles, domain, geometry.detectors, *lengths


def image_space(domain: AnySpace | tuple[int, ...], owner: str) -> Space:
    """Return the space of real images ``(C, H, W)``, checked."""
    space = as_space(domain, torch.float32)
    if not isinstance(space, Space) or len(space.shape) != 3 or not space.is_concrete:
        raise SpaceError(f"{owner}: domain {space} must be images (C, H, W) with all sizes given.")
    if space.is_complex:
        raise DtypeError(f"{owner}: domain {space} is complex; project real and imaginary parts as channels.")
    return space


def check_beam(angles: Tensor, axis_mm: Tensor, backend: str, model: str) -> None:
    """Raise :class:`ParameterError` for choices that there are not, and for axes that fit no view."""
    for name, value, choices in (("backend", backend, BACKENDS), ("model", model, MODELS)):
        if value not in choices:
            raise ParameterError(f"{name} = {value!r} must be one of {', '.join(choices)}.")
    if axis_mm.ndim and axis_mm.shape != angles.shape:
        raise ParameterError(
            f"axis_mm has shape {tuple(axis_mm.shape)}, but must be a number or one per view, "
            f"{tuple(angles.shape)}."
        )
    if not bool(sample(axis_mm).isfinite().all()):
        raise ParameterError(f"axis_mm = {sample(axis_mm).tolist()} must be finite (millimetres).")


def real_vector(name: str, values: Tensor | Sequence[float]) -> Tensor:
    """Return a vector of floats, float64 unless it is a float tensor already."""
    tensor = values if isinstance(values, Tensor) else torch.as_tensor(values, dtype=torch.float64)
    if tensor.ndim != 1:
        raise ParameterError(f"{name} has shape {tuple(tensor.shape)}, but must be one-dimensional.")
    return tensor if tensor.is_floating_point() else tensor.to(torch.float64)
