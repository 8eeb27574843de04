"""``ct.parallel_fourier``: parallel projections by the Fourier slice theorem: another model of a view.

The Fourier transform of a view is a slice through that of the image. The image is made of square pixels,
whose transform is known; a non-uniform FFT (finufft) evaluates it along the slices, and an FFT along the
detector brings views back. What comes out are the exact line integrals of the square pixels, low-passed to
what bins at this distance can hold: edges ring a little, where ray-driven projectors alias a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.operators import LinearOperator
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence
from wellposed_ct.geometry import ParallelGeometry
from wellposed_ct.geometry.angles import Ordered
from wellposed_ct.projectors.calibration import calibrates, is_mapped, sample
from wellposed_ct.projectors.joseph import apply
from wellposed_ct.projectors.parallel import arguments_of, image_space, real_vector
from wellposed_ct.symmetries import half_turn

__all__ = ["FourierSlice", "Slices"]


@attrs.frozen(eq=False)
class Slices:
    """Both maps outside autograd: points of the image's spectrum, and what they are multiplied with.

    Attributes
    ----------
    points
        ``(2, V·F)`` float64, radians per row and per column: the slices' frequencies.
    factors
        ``(V, F)`` complex128: the pixels' spectrum, and the phases of image and detector.
    """

    points: Tensor
    factors: Tensor
    size: tuple[int, int]
    detectors: int
    length: int
    accuracy: float
    interpolate: bool = False

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images ``(…, H, W)``, or the back-projection of ``(…, V, D)``."""
        flat = data.detach().reshape(-1, *data.shape[-2:])
        out = self._back_project(flat) if back else self._project(flat)
        return out.reshape(*data.shape[:-2], *out.shape[-2:])

    def _project(self, x: Tensor) -> Tensor:
        spectrum = self._transform(2, x, (len(x), self.factors.numel())).reshape(-1, *self.factors.shape)
        views: Tensor = torch.fft.irfft(spectrum * self.factors.to(spectrum), self.length)
        return views[..., : self.detectors].contiguous()

    def _back_project(self, y: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(y, self.length) / self.length
        spectrum[..., 1 : (self.length + 1) // 2] *= 2  # each stands for itself and its mirror image
        spectrum = spectrum * self.factors.to(spectrum).conj()
        return self._transform(1, spectrum.flatten(1), (len(y), *self.size)).real.contiguous()

    def _transform(self, kind: int, data: Tensor, shape: tuple[int, ...]) -> Tensor:
        if data.device.type != "cpu":
            raise ParameterError(
                f"FourierSlice runs on the CPU, but the data are on {data.device}; move them with .cpu(), or "
                "use ct.parallel, which runs on any device."
            )
        finufft = _finufft()
        single = data.dtype in (torch.float32, torch.complex64)
        accuracy = max(self.accuracy, 1e-6 if single else 1e-14)
        source = data.to(torch.complex64 if single else torch.complex128).contiguous()
        out = torch.zeros(shape, dtype=source.dtype)
        if not source.numel():
            return out
        plan = finufft.Plan(
            kind,
            self.size,
            n_trans=len(source),
            eps=accuracy,
            # the finer grid costs three times as much, and only double precision gains by it
            upsampfac=1.25 if accuracy >= 1e-9 else 2.0,
            isign=-1 if kind == 2 else 1,
            dtype="complex64" if single else "complex128",
            nthreads=1,  # more threads would add up in another order, and results depend on their number
            showwarn=0,
        )
        real = torch.float32 if single else torch.float64
        plan.setpts(*(axis.to(real).contiguous().numpy() for axis in self.points))
        plan.execute(source.numpy(), out.numpy())
        return out


class FourierSlice(LinearOperator):
    """Line integrals along parallel rays, through the image's Fourier transform.

    Another model of a view than those of ``ct.parallel``, and faster where views are many. Images
    ``(B, C, H, W)`` in 1/mm give sinograms ``(B, C, views, detectors)`` in nepers, with the conventions of
    :class:`~wellposed_ct.geometry.ParallelGeometry`. Each view is that of square pixels, low-passed to the
    detector's band, so a bin farther than a pixel from anything may see a little of it (ringing). Needs
    finufft: ``pip install "wellposed-ct[fourier]"``. CPU only.

    Parameters
    ----------
    angles
        θ, radians, ``(views,)``. Not differentiable; for that, take ``ct.parallel``.
    domain, detectors, pixel_mm, detector_mm, axis_mm, centre_mm
        As in :class:`~wellposed_ct.projectors.parallel.ParallelBeam`, with one ``axis_mm``.
    accuracy
        Relative error of the non-uniform transform; rounding leaves some 1e-5 in single precision. The
        adjoint is exact whatever it is.

    Raises
    ------
    ParameterError, SpaceError, DtypeError
        Impossible lengths or sizes, non-finite angles, a domain that is not one of real images; or finufft is
        missing when it is used.

    References
    ----------
    Kak & Slaney (1988), ch. 3.2; Fessler & Sutton (2003), doi:10.1109/TSP.2002.807005; Barnett et al.
    (2019), doi:10.1137/18M120885X.
    """

    data_are_pictures: ClassVar[bool] = False
    angles: Tensor

    @uncompiled
    def __init__(
        self,
        angles: Tensor | Sequence[float],
        domain: AnySpace | tuple[int, ...],
        detectors: int | None = None,
        pixel_mm: float = 1.0,
        detector_mm: float | None = None,
        axis_mm: float = 0.0,
        centre_mm: Sequence[float] = (0.0, 0.0),
        accuracy: float = 1e-6,
    ) -> None:
        space = image_space(domain, type(self).__name__)
        channels, *size = space.concrete_shape
        angles = real_vector("angles", angles)
        if not 1e-14 <= accuracy <= 0.1:
            raise ParameterError(f"accuracy = {accuracy} must be in [1e-14, 0.1].")
        scan = ParallelGeometry(
            Ordered(sample(angles).tolist()), size, detectors, pixel_mm, detector_mm, axis_mm, centre_mm
        )
        super().__init__(space, Space((channels, scan.views, scan.detectors), space.dtype))
        self.register_value("angles", angles)
        self.detectors, self.pixel_mm, self.detector_mm = scan.detectors, scan.pixel_mm, scan.detector_mm
        self.axis_mm, self.centre_mm, self.accuracy = scan.axis_mm, scan.centre_mm, float(accuracy)
        self._kept: tuple[Tensor, int, Slices] | None = None

    @classmethod
    def from_geometry(
        cls, geometry: ParallelGeometry, channels: int = 1, dtype: torch.dtype = torch.float32
    ) -> FourierSlice:
        """Return the projector of a scan."""
        return cls(*arguments_of(geometry, channels, dtype))

    @property
    def geometry(self) -> ParallelGeometry:
        """The scan as data."""
        assert isinstance(self.domain, Space)
        lengths = (self.detectors, self.pixel_mm, self.detector_mm, self.axis_mm, self.centre_mm)
        return ParallelGeometry(Ordered(self.angles.tolist()), self.domain.concrete_shape[1:], *lengths)

    def slices(self) -> Slices:
        """Return the frequencies of all views and what they are multiplied with."""
        scan = self.geometry
        rows, columns = scan.size
        p, d, s = scan.pixel_mm, scan.detector_mm, scan.positions_mm()
        reach = math.hypot(rows, columns) * p / 2 + math.hypot(*scan.centre_mm)
        # a period so long that no copy of the image reaches a bin
        needed = max(scan.detectors, math.ceil((reach + float(abs(s).max())) / d) + 1)
        length = int(next_fast_len(2 * ((needed + 1) // 2), real=True))
        omega = 2 * math.pi * torch.arange(length // 2 + 1, dtype=torch.float64) / (length * d)
        angles = torch.tensor(scan.angles, dtype=torch.float64)[:, None]
        across, up = omega * torch.cos(angles), omega * torch.sin(angles)
        # finufft counts pixels from n // 2
        x = scan.centre_mm[0] + (columns // 2 - (columns - 1) / 2) * p
        y = scan.centre_mm[1] - (rows // 2 - (rows - 1) / 2) * p
        pixel = torch.sinc(across * p / (2 * math.pi)) * torch.sinc(up * p / (2 * math.pi)) * p**2
        factors = torch.polar(pixel / d, omega * float(s[0]) - across * x - up * y)
        points = torch.stack([(-up * p).flatten(), (across * p).flatten()])
        folded = torch.remainder(points + math.pi, 2 * math.pi) - math.pi
        return Slices(folded, factors, scan.size, scan.detectors, length, self.accuracy)

    def _evidence(self) -> tuple[Evidence, ...]:
        return half_turn(self.axis_mm == 0 and self.centre_mm == (0, 0), max(10 * self.accuracy, 1e-5))

    @uncompiled
    def _forward(self, x: Tensor) -> Tensor:
        return apply(x, self._map(), back=False)

    @uncompiled
    def _adjoint(self, y: Tensor) -> Tensor:
        return apply(y, self._map(), back=True)

    def _map(self) -> Slices:
        if is_mapped(self.angles):
            raise ParameterError(
                "torch.func.vmap maps over the angles, and FourierSlice plans its transform for one set of "
                "angles at a time; loop over them, or use ct.parallel, which vmap maps over."
            )
        if calibrates(self.angles):
            raise ParameterError(
                "angles ask for gradients, which FourierSlice does not have; use ct.parallel instead."
            )
        kept = self._kept
        if kept is None or kept[0] is not self.angles or kept[1] != self.angles._version:
            kept = self._kept = (self.angles, self.angles._version, self.slices())
        return kept[2]


def _finufft() -> Any:
    try:
        import finufft
    except ImportError as error:
        raise ParameterError(
            'FourierSlice needs finufft, which is not installed; pip install "wellposed-ct[fourier]".'
        ) from error
    return finufft
