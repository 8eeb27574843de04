"""``ct.fan``: line integrals from a point source to a flat or curved detector, exactly adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.operators import LinearOperator
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence
from wellposed_ct.geometry.angles import Ordered
from wellposed_ct.geometry.fan import Detector, FanGeometry
from wellposed_ct.projectors.calibration import calibrates, sample
from wellposed_ct.projectors.fans import Fans
from wellposed_ct.projectors.footprints import Footprints, Model
from wellposed_ct.projectors.joseph import Backend, TorchMap, apply
from wellposed_ct.projectors.parallel import check_beam, image_space, real_vector
from wellposed_ct.projectors.precision import doubles, in_doubles
from wellposed_ct.symmetries import mirrors, on_a_diagonal, quarter_turns

__all__ = ["FanBeam"]


class FanBeam(LinearOperator):
    """Line integrals of images along a fan of rays per view; flat or curved detector.

    Images ``(B, C, H, W)`` in 1/mm give sinograms ``(B, C, views, detectors)`` in nepers; conventions are
    those of :class:`~wellposed_ct.geometry.FanGeometry`. The adjoint is exact.

    Parameters
    ----------
    angles
        θ, radians, ``(views,)``. Differentiable, as are ``axis_mm``, ``centre_mm`` and ``tilt`` (in pure
        torch).
    domain
        Space or shape ``(C, H, W)`` of the images; float32 unless the space says otherwise.
    source_axis_mm, source_detector_mm
        Distances from the source to the rotation axis and to the detector.
    detectors, detector_mm
        Number of bins, and their distance on the detector.
    pixel_mm
        Side of a pixel; by default that of a bin, seen from the source, at the rotation axis.
    axis_mm
        Where on the detector the rotation axis projects, from the detector's middle; a number, or one per
        view.
    centre_mm
        (x, y) of the image's middle, seen from the rotation axis.
    backend
        As in :class:`~wellposed_ct.projectors.parallel.ParallelBeam`.
    detector
        ``flat``, or ``curved``: an arc about the source, on which bins are equally spaced in angle.
    model
        As in :class:`~wellposed_ct.projectors.parallel.ParallelBeam`.
    tilt
        By how much a flat detector is turned about the point where the rotation axis projects, radians.
        Differentiable.

    Raises
    ------
    ParameterError, SpaceError, DtypeError
        Impossible lengths or sizes, non-finite angles, or a domain that is not one of real images.
    """

    data_are_pictures: ClassVar[bool] = False
    angles: Tensor
    axis_mm: Tensor
    centre_mm: Tensor
    tilt: Tensor

    @uncompiled
    def __init__(
        self,
        angles: Tensor | Sequence[float],
        domain: AnySpace | tuple[int, ...],
        source_axis_mm: float,
        source_detector_mm: float,
        detectors: int,
        detector_mm: float,
        pixel_mm: float | None = None,
        axis_mm: float | Tensor = 0.0,
        centre_mm: Tensor | Sequence[float] = (0.0, 0.0),
        backend: Backend = "auto",
        detector: Detector = "flat",
        model: Model = "joseph",
        tilt: float | Tensor = 0.0,
    ) -> None:
        space = image_space(domain, type(self).__name__)
        channels, *size = space.concrete_shape
        angles = real_vector("angles", angles)
        axis_mm = torch.as_tensor(axis_mm, dtype=None if isinstance(axis_mm, Tensor) else torch.float64)
        centre_mm = real_vector("centre_mm", centre_mm)
        tilt = torch.as_tensor(tilt, dtype=None if isinstance(tilt, Tensor) else torch.float64)
        check_beam(angles, axis_mm, backend, model)
        if tilt.ndim:
            raise ParameterError(f"tilt has shape {tuple(tilt.shape)}, but must be one number, in radians.")
        lengths = (source_axis_mm, source_detector_mm, detectors, detector_mm, pixel_mm)
        geometry = FanGeometry(
            Ordered(sample(angles).tolist()),
            size,
            *lengths,
            float(sample(axis_mm).mean()),
            sample(centre_mm).tolist(),
            detector,
            float(sample(tilt)),
        )
        super().__init__(space, Space((channels, geometry.views, geometry.detectors), space.dtype))
        self.register_value("angles", angles)
        self.register_value("axis_mm", axis_mm)
        self.register_value("centre_mm", centre_mm)
        self.register_value("tilt", tilt)
        self.source_axis_mm, self.source_detector_mm = geometry.source_axis_mm, geometry.source_detector_mm
        self.detectors, self.detector_mm = geometry.detectors, geometry.detector_mm
        self.pixel_mm = geometry.pixel_mm
        self.backend: Backend = backend
        self.detector: Detector = detector
        self.model: Model = model

    @classmethod
    def from_geometry(
        cls, geometry: FanGeometry, channels: int = 1, dtype: torch.dtype = torch.float32
    ) -> FanBeam:
        """Return the projector of a scan."""
        return cls(
            torch.tensor(geometry.angles, dtype=torch.float64),
            Space((channels, *geometry.size), dtype),
            geometry.source_axis_mm,
            geometry.source_detector_mm,
            geometry.detectors,
            geometry.detector_mm,
            geometry.pixel_mm,
            geometry.axis_mm,
            geometry.centre_mm,
            detector=geometry.detector,
            tilt=geometry.tilt,
        )

    @property
    def geometry(self) -> FanGeometry:
        """The scan as data; with one axis per view, their mean."""
        return FanGeometry(
            Ordered(self.angles.tolist()),
            self._size,
            self.source_axis_mm,
            self.source_detector_mm,
            self.detectors,
            self.detector_mm,
            self.pixel_mm,
            float(self.axis_mm.detach().mean()),
            self.centre_mm.tolist(),
            self.detector,
            float(self.tilt.detach()),
        )

    @property
    def _size(self) -> tuple[int, int]:
        assert isinstance(self.domain, Space)
        _, rows, columns = self.domain.concrete_shape
        return rows, columns

    def fans(self, interpolate: bool = False) -> Fans:
        """Return sources and detectors in pixels, differentiable in the geometry."""
        geometry = (self.angles, self.axis_mm, self.centre_mm, self.tilt)
        angles, axis, centre, tilt = (doubles(t) for t in geometry)
        cos, sin = torch.cos(angles), torch.sin(angles)
        across, ahead = torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)
        along = torch.cos(tilt) * across + torch.sin(tilt) * ahead
        start = (-(self.detectors - 1) / 2 * self.detector_mm - axis).expand_as(angles)
        source, away = -self.source_axis_mm * ahead, self.source_detector_mm
        first, step, arc = source + away * ahead + start[:, None] * along, self.detector_mm * along, 0.0
        if self.detector == "curved":
            gamma = (start / away)[:, None]
            first = source + away * (torch.cos(gamma) * ahead + torch.sin(gamma) * across)
            step, arc = 0 * across, self.detector_mm / away
        flip = torch.tensor([1.0, -1.0], dtype=torch.float64, device=angles.device) / self.pixel_mm
        middle = torch.tensor(
            [(n - 1) / 2 for n in self._size[::-1]], dtype=torch.float64, device=angles.device
        )
        points = [(p - centre) * flip + middle for p in (source, first)]
        views = torch.cat([*points, step * flip], 1)
        sizes = (self._size, self.detectors, self.pixel_mm)
        return Fans(views, *sizes, self.backend, interpolate, middle - centre * flip, arc)

    def _evidence(self) -> tuple[Evidence, ...]:
        centred = not self.axis_mm.ndim and not bool(self.centre_mm.any())
        if not centred or self.model == "siddon":  # whose lengths jump
            return ()
        angles = Ordered(self.angles.tolist())
        if on_a_diagonal(self.geometry.lines()[0]):
            return ()
        turns = quarter_turns(angles, self._size[0] == self._size[1], half=False)
        flips = mirrors(angles, not bool(self.axis_mm) and not bool(self.tilt), half=False)
        return (*turns, *flips)

    def _map(self) -> TorchMap:
        fans = self.fans()
        if self.model == "joseph":
            return fans
        source, first, step = (fans.views[:, i : i + 2] for i in (0, 2, 4))
        turn = torch.full_like(source[:, :1], fans.arc)
        sheaves = torch.cat([source, 0 * source, first - source, step, turn], 1)
        return Footprints(sheaves, self._size, self.detectors, self.pixel_mm, self.model, self.backend)

    @property
    def calibrates(self) -> bool:
        """Whether someone differentiates with respect to the geometry."""
        return calibrates(self.angles, self.axis_mm, self.centre_mm, self.tilt)

    @uncompiled
    def _forward(self, x: Tensor) -> Tensor:
        rays = self._map()
        return in_doubles(rays.project, x) if self.calibrates else apply(x, rays, back=False)

    @uncompiled
    def _adjoint(self, y: Tensor) -> Tensor:
        rays = self._map()
        return in_doubles(rays.back_project, y) if self.calibrates else apply(y, rays, back=True)
