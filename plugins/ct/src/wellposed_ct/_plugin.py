"""What this pack offers: projectors and reconstructions of computed tomography."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wellposed.plugins import Command, Component, Kind, ReportSection, hookimpl

_ROWS = (
    (
        "physics",
        "parallel",
        "projectors.parallel:ParallelBeam",
        "Parallel-beam projector (Joseph, Siddon, strips), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
    (
        "physics",
        "fan",
        "projectors.fan:FanBeam",
        "Fan beam on a flat or curved detector (Joseph, Siddon, strips), exactly adjoint.",
        None,
    ),
    (
        "reconstructor",
        "fbp",
        "methods.fbp:FBP",
        "Filtered back-projection: exact for many views and little noise.",
        "Kak & Slaney (1988), Principles of Computerized Tomographic Imaging, ch. 3",
    ),
    (
        "reconstructor",
        "sirt",
        "methods.sirt:SIRT",
        "Simultaneous iterations, non-negative, stopped early.",
        "Gregor & Benson (2008), doi:10.1109/TMI.2008.923696",
    ),
    (
        "reconstructor",
        "cgls",
        "methods.cgls:CGLS",
        "Conjugate gradients on least squares, stopped early.",
        "Hestenes & Stiefel (1952), doi:10.6028/jres.049.044",
    ),
    (
        "reconstructor",
        "tv",
        "methods.tv:TV",
        "Total variation, for few views or few photons.",
        "Chambolle & Pock (2011), doi:10.1007/s10851-010-0251-1",
    ),
)

_ITERATIVE = (
    (
        "reconstructor",
        "sart",
        "methods.sart:SART",
        "SART and OS-SART: SIRT's update from a few views at a time.",
        "Andersen & Kak (1984), doi:10.1016/0161-7346(84)90008-7",
    ),
    (
        "reconstructor",
        "lsqr",
        "methods.lsqr:LSQR",
        "Least squares by LSQR, with a ramp or circulant preconditioner.",
        "Paige & Saunders (1982), doi:10.1145/355984.355989",
    ),
    (
        "reconstructor",
        "pwls",
        "methods.pwls:PWLS",
        "Penalised weighted least squares for low dose: quadratic, Huber or total variation.",
        "Sauer & Bouman (1993), doi:10.1109/78.193196",
    ),
    (
        "reconstructor",
        "mlem",
        "methods.mlem:MLEM",
        "MLEM and OSEM: the likelihood of emission counts.",
        "Shepp & Vardi (1982), doi:10.1109/TMI.1982.4307558",
    ),
    (
        "reconstructor",
        "mltr",
        "methods.mltr:MLTR",
        "The likelihood of transmitted photon counts, for very low dose.",
        "Nuyts et al. (1998), doi:10.1088/0031-9155/43/4/003",
    ),
    (
        "reconstructor",
        "asd_pocs",
        "methods.asd_pocs:ASDPOCS",
        "Total variation under a bound on the data, by projections and adaptive descent.",
        "Sidky & Pan (2008), doi:10.1088/0031-9155/53/17/021",
    ),
    (
        "reconstructor",
        "pnp",
        "methods.pnp:CTPnP",
        "Plug and play with any denoiser.",
        "Zhang et al. (2021), doi:10.1109/TPAMI.2021.3088914",
    ),
    (
        "noise",
        "low_dose",
        "noise:LowDose",
        "Beer-Lambert counts with Poisson and electronic noise, then the logarithm.",
        "Yavuz & Fessler (1998), doi:10.1016/S1361-8415(98)80017-0",
    ),
)

_FOURIER = (
    (
        "physics",
        "parallel_fourier",
        "projectors.fourier:FourierSlice",
        "Parallel beam by the Fourier slice theorem (finufft): low-passed views of pixels.",
        "Kak & Slaney (1988), Principles of Computerized Tomographic Imaging, ch. 3.2",
    ),
)

_SPACE = (
    (
        "physics",
        "cone",
        "projectors.cone:ConeBeam",
        "Cone beam on a flat panel, on a circle, a helix or anywhere (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
    (
        "physics",
        "parallel3d",
        "projectors.cone:ParallelBeam3D",
        "Parallel rays of any direction through a volume (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
    (
        "reconstructor",
        "fdk",
        "methods.fdk:FDK",
        "Filtered back-projection of cone beams on a circle, whole, short or with a displaced panel.",
        "Feldkamp, Davis & Kress (1984), doi:10.1364/JOSAA.1.000612",
    ),
)

_CORRECTIONS = (
    ("chain", "Chain", "Several corrections in order.", None),
    ("zingers", "Zingers", "Single outliers become the median of neighbouring views.", None),
    (
        "rings_sorting",
        "SortingRings",
        "Rings removed by sorting.",
        "Vo et al. (2018), doi:10.1364/OE.26.028396",
    ),
    (
        "rings_wavelet",
        "WaveletRings",
        "Rings removed by wavelet and Fourier filters.",
        "Münch et al. (2009), doi:10.1364/OE.17.008567",
    ),
    (
        "rings_regularised",
        "RegularisedRings",
        "Rings removed by regularised least squares.",
        "Titarenko et al. (2010), doi:10.1016/j.aml.2010.08.022",
    ),
    ("centre", "Centre", "Finds the centre of rotation.", "Vo et al. (2014), doi:10.1364/OE.22.019078"),
    ("beam_hardening", "BeamHardening", "A polynomial straightens nepers.", "doi:10.1088/0031-9155/24/1/008"),
    ("scatter", "Scatter", "Subtracts a blurred copy of what passes.", "doi:10.1118/1.596126"),
    ("truncation", "Truncation", "Continues views of a too narrow detector.", "doi:10.1118/1.1776673"),
    ("metal", "MetalInpainting", "Fills the shadow of metal.", "doi:10.1148/radiology.164.2.3602406"),
)

# photographs end in .tif too, so the reader of TIFF stacks is asked for by name
_FILES = (
    (
        "reader",
        "hdf5_reader",
        "HDF5Reader",
        "Read DXchange and NXtomo scans.",
        (".h5", ".hdf5", ".hdf", ".nxs"),
    ),
    ("reader", "tiff_reader", "TIFFReader", "Read folders and files of TIFF projections.", ()),
    ("reader", "nikon_reader", "NikonReader", "Read Nikon scans, one slice or all.", (".xtekct",)),
    ("reader", "dicom_reader", "DICOMReader", "Read DICOM CT slices and series, in 1/mm.", (".dcm",)),
    (
        "writer",
        "volume_writer",
        "VolumeWriter",
        "Write NIfTI, TIFF, HDF5 and NumPy volumes in 1/mm, with spacing.",
        (".nii", ".nii.gz", ".tif", ".tiff", ".npy", ".h5", ".hdf5"),
    ),
    ("writer", "dicom_writer", "DICOMWriter", "Write DICOM CT slices and series, in HU.", (".dcm",)),
)


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kind that this pack adds."""
    yield Kind(
        "correction",
        "Corrects sinograms and their scan: y, physics = correction(y, physics).",
        checks="wellposed_ct.corrections.checks:CHECKS",
    )


@hookimpl
def commands() -> Iterator[Command]:
    """Yield ``wellposed ct``."""
    yield Command("ct", "wellposed_ct.command:command", "Look into CT scans, and reconstruct large ones.")


@hookimpl
def report_sections() -> Iterator[ReportSection]:
    """Yield what reports of CT runs show."""
    home = "wellposed_ct.report"
    yield ReportSection("ct.slices", f"{home}:slices", "Slices, with level and width", order=110)
    yield ReportSection("ct.sinograms", f"{home}:sinograms", "Sinogram and residuals", order=111)
    yield ReportSection("ct.profiles", f"{home}:profiles", "Profiles", order=112)


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for examples, rows in (
        ("", _ROWS),
        (".fourier", _FOURIER),
        (".space", _SPACE),
        (".methods", _ITERATIVE),
    ):
        for kind, name, target, summary, reference in rows:
            yield _component(kind, name, target, summary, examples, reference=reference)
    for name, target, summary, reference in _CORRECTIONS:
        yield _component(
            "correction", name, f"corrections:{target}", summary, ".corrections", reference=reference
        )
    for kind, name, target, summary, suffixes in _FILES:
        yield _component(kind, name, f"files:{target}", summary, ".files", suffixes=suffixes)
    summary = "Read NumPy and MATLAB sinograms, parallel or fan beam, with their geometry."
    endings = (".npz", ".npy", ".mat")
    yield _component("reader", "sinogram_reader", "files:SinogramReader", summary, suffixes=endings)


def _component(kind: str, name: str, target: str, summary: str, examples: str = "", **more: Any) -> Component:
    """Return the record of ``wellposed_ct.<target>``, its examples in ``_examples<examples>:<name>``."""
    return Component(
        kind=kind,
        name=f"ct.{name}",
        target=f"wellposed_ct.{target}",
        summary=summary,
        examples=f"wellposed_ct._examples{examples}:{name}",
        **more,
    )
