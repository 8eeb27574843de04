"""``ct.cone`` and ``ct.parallel3d``: line integrals of volumes, exactly adjoint, without a stored matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.native import uncompiled
from wellposed.operators import LinearOperator, as_space
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence
from wellposed_ct.geometry.space import Scan
from wellposed_ct.geometry.vector import VectorGeometry
from wellposed_ct.projectors.beams import Beams, view_table
from wellposed_ct.projectors.calibration import calibrates, sample
from wellposed_ct.projectors.joseph import apply
from wellposed_ct.projectors.parallel import BACKENDS, Backend
from wellposed_ct.projectors.precision import in_doubles
from wellposed_ct.symmetries import quarter_turns_in_space

__all__ = ["ConeBeam", "ParallelBeam3D"]


class _Beam3D(LinearOperator):
    """What cone and parallel beams in space share: everything but where rays start."""

    data_are_pictures: ClassVar[bool] = False
    parallel: ClassVar[bool]
    vectors: Tensor
    centre_mm: Tensor

    @uncompiled
    def __init__(
        self,
        vectors: Tensor | Sequence[Sequence[float]],
        domain: AnySpace | tuple[int, ...],
        detector: Sequence[int],
        voxel_mm: float | Sequence[float] = 1.0,
        centre_mm: Tensor | Sequence[float] = (0.0, 0.0, 0.0),
        backend: Backend = "auto",
    ) -> None:
        space = volume_space(domain, type(self).__name__)
        channels, *size = space.concrete_shape
        vectors, centre_mm = _floats(vectors), _floats(centre_mm)
        if backend not in BACKENDS:
            raise ParameterError(f"backend = {backend!r} must be one of {', '.join(BACKENDS)}.")
        geometry = VectorGeometry(
            sample(vectors).tolist(), size, detector, voxel_mm, sample(centre_mm).tolist(), self.parallel
        )
        super().__init__(space, Space((channels, geometry.views, *geometry.detector), space.dtype))
        self.register_value("vectors", vectors)
        self.register_value("centre_mm", centre_mm)
        self.detector, self.voxel_mm = geometry.detector, geometry.voxel_mm
        self.backend: Backend = backend

    @classmethod
    def from_geometry(cls, geometry: Scan, channels: int = 1, dtype: torch.dtype = torch.float32) -> Self:
        """Return the projector of a scan.

        Raises :class:`~wellposed.errors.ParameterError` where the scan's rays are of the other kind.
        """
        if geometry.parallel != cls.parallel:
            other = "ParallelBeam3D" if geometry.parallel else "ConeBeam"
            raise ParameterError(f"{cls.__name__} cannot project {geometry!r}; use {other}.")
        return cls(
            torch.from_numpy(np.array(geometry.vectors())),
            Space((channels, *geometry.size), dtype),
            geometry.detector,
            geometry.voxel_mm,
            geometry.centre_mm,
        )

    @property
    def geometry(self) -> VectorGeometry:
        """The scan as data."""
        return VectorGeometry(
            self.vectors.detach().cpu().numpy(),
            self._size,
            self.detector,
            self.voxel_mm,
            self.centre_mm.tolist(),
            self.parallel,
        )

    @property
    def _size(self) -> tuple[int, int, int]:
        assert isinstance(self.domain, Space)
        _, depth, rows, columns = self.domain.concrete_shape
        return depth, rows, columns

    def beams(self) -> Beams:
        """Return all rays in voxels, differentiable in the geometry."""
        shape = (self._size, self.detector, self.voxel_mm)
        views = view_table(self.vectors, *shape, self.centre_mm, self.parallel)
        return Beams(views, *shape, self.parallel, self.backend)

    def _evidence(self) -> tuple[Evidence, ...]:
        _, rows, columns = self._size
        square = rows == columns and self.voxel_mm[1] == self.voxel_mm[2]
        centred = not bool(self.centre_mm[:2].any())
        if not square or not centred:
            return ()
        vectors = self.vectors.detach().cpu().double().numpy()
        return quarter_turns_in_space(vectors, self.detector[1], self.parallel)

    @property
    def calibrates(self) -> bool:
        return calibrates(self.vectors, self.centre_mm)

    @uncompiled
    def _forward(self, x: Tensor) -> Tensor:
        beams = self.beams()
        return in_doubles(beams.project, x) if self.calibrates else apply(x, beams, back=False)

    @uncompiled
    def _adjoint(self, y: Tensor) -> Tensor:
        beams = self.beams()
        return in_doubles(beams.back_project, y) if self.calibrates else apply(y, beams, back=True)


class ConeBeam(_Beam3D):
    """Line integrals of volumes along rays from a point source to a flat panel, by Joseph's method.

    Volumes ``(B, C, D, H, W)`` in 1/mm give projections ``(B, C, views, rows, columns)`` in nepers;
    conventions are those of :class:`~wellposed_ct.geometry.ConeGeometry`. The adjoint is exact, results
    do not depend on the number of threads, and memory is a padded copy of volume and projections. Panels
    whose rows run along z (circles, helices) are fast; tilted ones are slower, ray by ray.

    Most scans are made from :class:`~wellposed_ct.geometry.ConeGeometry` by :meth:`from_geometry`.

    Parameters
    ----------
    vectors
        ``(views, 12)``, mm: source, panel's middle, u (from column to column), v (from row to row), each as
        (x, y, z). Differentiable, as is ``centre_mm`` (in pure torch);
        :func:`~wellposed_ct.projectors.vectors.circular_vectors` makes them from few parameters.
    domain
        Space or shape ``(C, D, H, W)`` of the volumes; float32 unless the space says otherwise.
    detector
        Rows and columns of the panel.
    voxel_mm
        Sides of a voxel along z, y and x; one number for cubes.
    centre_mm
        (x, y, z) of the volume's middle, seen from the rotation axis.
    backend
        As in :class:`~wellposed_ct.projectors.parallel.ParallelBeam`.

    Raises
    ------
    ParameterError, SpaceError, DtypeError
        Impossible vectors, lengths or sizes, or a domain that is not one of real volumes.

    References
    ----------
    Joseph (1982), An improved algorithm for reprojecting rays through pixel images,
    doi:10.1109/TMI.1982.4307572.
    """

    parallel: ClassVar[bool] = False


class ParallelBeam3D(_Beam3D):
    """Line integrals of volumes along parallel rays of any direction: tilted axes, laminography.

    As :class:`ConeBeam`, whose parameters it shares, but the first three of a view's ``vectors`` are the
    direction of its rays.
    """

    parallel: ClassVar[bool] = True


def volume_space(domain: AnySpace | tuple[int, ...], owner: str) -> Space:
    """Return the space of real volumes ``(C, D, H, W)``, checked."""
    space = as_space(domain, torch.float32)
    if not isinstance(space, Space) or len(space.shape) != 4 or not space.is_concrete:
        raise SpaceError(f"{owner}: domain {space} must be volumes (C, D, H, W) with all sizes given.")
    if space.is_complex:
        raise DtypeError(f"{owner}: domain {space} is complex; project real and imaginary parts as channels.")
    return space


def _floats(values: Tensor | Sequence[float] | Sequence[Sequence[float]]) -> Tensor:
    tensor = values if isinstance(values, Tensor) else torch.as_tensor(values, dtype=torch.float64)
    return tensor if tensor.is_floating_point() else tensor.to(torch.float64)
