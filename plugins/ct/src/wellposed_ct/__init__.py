"""Computed tomography: geometry, projectors, phantoms, and reconstruction.

Lengths are millimetres, angles radians, images 1/mm ``(B, C, H, W)`` and sinograms nepers
``(B, C, views, detectors)``. Names load on first use, so that discovery of this pack never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellposed_ct.files import (
        DICOMReader,
        DICOMWriter,
        HDF5Reader,
        NikonReader,
        SinogramReader,
        TIFFReader,
        VolumeWriter,
        open_scan,
        read_geometry,
        write_geometry,
    )
    from wellposed_ct.geometry import ConeGeometry, FanGeometry, ParallelGeometry, VectorGeometry
    from wellposed_ct.methods import (
        ASDPOCS,
        CGLS,
        FBP,
        FDK,
        LSQR,
        MLEM,
        MLTR,
        PWLS,
        SART,
        SIRT,
        TV,
        CTPnP,
        Subset,
        circulant_preconditioner,
        ordered_subsets,
        ramp_preconditioner,
        ramp_spectrum,
        statistical_weights,
    )
    from wellposed_ct.noise import LowDose
    from wellposed_ct.phantoms import (
        Ellipses,
        Ellipsoids,
        ball,
        disc,
        forbild_head,
        random_ellipses,
        shepp_logan,
        shepp_logan_3d,
    )
    from wellposed_ct.projectors import ConeBeam, FanBeam, FourierSlice, ParallelBeam, ParallelBeam3D

__version__ = "0.1.0"

_HOMES = {
    "ASDPOCS": "methods",
    "CGLS": "methods",
    "FBP": "methods",
    "FDK": "methods",
    "LSQR": "methods",
    "MLEM": "methods",
    "MLTR": "methods",
    "PWLS": "methods",
    "SART": "methods",
    "SIRT": "methods",
    "TV": "methods",
    "CTPnP": "methods",
    "ConeBeam": "projectors",
    "ConeGeometry": "geometry",
    "DICOMReader": "files",
    "DICOMWriter": "files",
    "Ellipses": "phantoms",
    "Ellipsoids": "phantoms",
    "FanBeam": "projectors",
    "FanGeometry": "geometry",
    "FourierSlice": "projectors",
    "HDF5Reader": "files",
    "LowDose": "noise",
    "NikonReader": "files",
    "ParallelBeam": "projectors",
    "ParallelBeam3D": "projectors",
    "ParallelGeometry": "geometry",
    "SinogramReader": "files",
    "Subset": "methods",
    "TIFFReader": "files",
    "VectorGeometry": "geometry",
    "VolumeWriter": "files",
    "ball": "phantoms",
    "circulant_preconditioner": "methods",
    "disc": "phantoms",
    "forbild_head": "phantoms",
    "open_scan": "files",
    "ordered_subsets": "methods",
    "ramp_preconditioner": "methods",
    "ramp_spectrum": "methods",
    "random_ellipses": "phantoms",
    "read_geometry": "files",
    "shepp_logan": "phantoms",
    "shepp_logan_3d": "phantoms",
    "statistical_weights": "methods",
    "write_geometry": "files",
}

__all__ = [
    "ASDPOCS",
    "CGLS",
    "FBP",
    "FDK",
    "LSQR",
    "MLEM",
    "MLTR",
    "PWLS",
    "SART",
    "SIRT",
    "TV",
    "CTPnP",
    "ConeBeam",
    "ConeGeometry",
    "DICOMReader",
    "DICOMWriter",
    "Ellipses",
    "Ellipsoids",
    "FanBeam",
    "FanGeometry",
    "FourierSlice",
    "HDF5Reader",
    "LowDose",
    "NikonReader",
    "ParallelBeam",
    "ParallelBeam3D",
    "ParallelGeometry",
    "SinogramReader",
    "Subset",
    "TIFFReader",
    "VectorGeometry",
    "VolumeWriter",
    "ball",
    "circulant_preconditioner",
    "disc",
    "forbild_head",
    "open_scan",
    "ordered_subsets",
    "ramp_preconditioner",
    "ramp_spectrum",
    "random_ellipses",
    "read_geometry",
    "shepp_logan",
    "shepp_logan_3d",
    "statistical_weights",
    "write_geometry",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
