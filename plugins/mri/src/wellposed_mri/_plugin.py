"""What this pack offers to the registry: the only module that discovery imports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wellposed.plugins import Command, Component, Kind, ReportSection, hookimpl

_SENSE = "Pruessmann et al. (1999), doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S"

_NUFFT = "Barnett et al. (2019), doi:10.1137/18M120885X"

_SSIM = "Wang et al. (2004), doi:10.1109/TIP.2003.819861"
_WALSH = "Walsh et al. (2000), doi:10.1002/(SICI)1522-2594(200005)43:5<682::AID-MRM10>3.0.CO;2-G"

_ROWS = (
    ("physics", "cartesian", "encoding:CartesianMRI", "Masked Fourier transform: one coil.", None),
    ("physics", "multicoil", "encoding:MultiCoilMRI", "Cartesian MRI with coils (SENSE).", _SENSE),
    ("physics", "noncartesian", "encoding:NonCartesianMRI", "MRI along any trajectory.", _NUFFT),
    ("coil_maps", "espirit", "maps:ESPIRiT", "Coil maps as eigenvectors (ESPIRiT).", "doi:10.1002/mrm.24751"),
    ("coil_maps", "rss_maps", "maps:RSSMaps", "Coil images divided by their root sum of squares.", None),
    ("coil_maps", "walsh", "maps:Walsh", "Coil maps by local correlation.", _WALSH),
    ("coil_maps", "nlinv", "maps:NLINV", "Image and coil maps at once (NLINV).", "doi:10.1002/mrm.21691"),
    ("coil_maps", "jsense", "maps:JSENSE", "Image and polynomial maps in turns.", "doi:10.1002/mrm.21245"),
    ("reconstructor", "zero_filled", "reconstruction:ZeroFilled", "A*y, unsampled data being zero.", None),
    ("reconstructor", "rss", "reconstruction:RSS", "Root sum of squares of the coil images.", None),
    ("reconstructor", "gridding", "reconstruction:Gridding", "Density-compensated adjoint.", None),
    (
        "reconstructor",
        "sense",
        "reconstruction:SENSE",
        "Regularised least squares by conjugate gradients.",
        "doi:10.1002/mrm.1241",
    ),
    (
        "reconstructor",
        "l1_wavelet",
        "reconstruction:L1Wavelet",
        "Compressed sensing with sparse wavelets.",
        "doi:10.1002/mrm.21391",
    ),
    (
        "reconstructor",
        "tv",
        "reconstruction:TV",
        "Compressed sensing with total variation.",
        "doi:10.1002/mrm.21236",
    ),
    ("metric", "nmse", "metrics:NMSE", "Normalised squared error of volumes (fastMRI).", None),
    ("metric", "psnr", "metrics:PSNR", "Peak signal-to-noise ratio of volumes (fastMRI).", None),
    ("metric", "ssim", "metrics:SSIM", "Structural similarity of volumes (fastMRI).", _SSIM),
    ("transform", "global_phase", "phase:GlobalPhase", "Multiply a complex image by e^{iφ}.", None),
)


_GENERATORS = (
    ("mask.fastmri_random", "sampling:FastMRIRandom", "Random columns with a full centre, as in fastMRI."),
    ("mask.fastmri_equispaced", "sampling:FastMRIEquispaced", "Equispaced columns, as in fastMRI."),
    ("mask.partial_fourier", "sampling:PartialFourier", "A contiguous part of the columns."),
    ("mask.poisson_disc", "sampling:PoissonDisc", "Variable-density Poisson disc, exact distances."),
    ("mask.uniform", "sampling:Uniform", "Every n-th row and column, with CAIPIRINHA shifts."),
)

_ENCODING = (
    ("dynamic", "DynamicMRI", "Cartesian MRI over time: a mask for every frame.", "doi:10.1002/mrm.10611"),
    ("subspace", "SubspaceMRI", "Frames in a temporal subspace, T2 shuffling.", "doi:10.1002/mrm.26102"),
    (
        "sms",
        "SimultaneousMultiSliceMRI",
        "Several slices at once, CAIPI shifts.",
        "doi:10.1002/mrm.20401",
    ),
    (
        "dynamic_noncartesian",
        "DynamicNonCartesianMRI",
        "A trajectory for every frame.",
        "doi:10.1002/mrm.24980",
    ),
    ("stack", "StackMRI", "Stack of stars or spirals: FFT along slices, NUFFT within.", None),
    ("offresonance", "OffResonanceMRI", "Spins turn during the readout.", "doi:10.1109/TMI.2002.808360"),
    ("motion", "MotionMRI", "Rigid motion between shots.", "doi:10.1109/TCI.2016.2557069"),
    (
        "motion_noncartesian",
        "MotionNonCartesianMRI",
        "Rigid motion between shots of a trajectory.",
        "doi:10.1002/mrm.20656",
    ),
    (
        "subspace_noncartesian",
        "SubspaceNonCartesianMRI",
        "Trajectories of frames in a temporal subspace.",
        "doi:10.1002/mrm.26639",
    ),
    (
        "sms_noncartesian",
        "MultiSliceNonCartesianMRI",
        "Several slices at once along a trajectory.",
        "doi:10.1002/mrm.22752",
    ),
    ("readout_oversampling", "ReadoutOversampling", "k-space to that of a longer field of view.", None),
)

_METHODS = (
    ("grappa", "GRAPPA", "k-space filled from its acquired neighbours.", "doi:10.1002/mrm.10171"),
    ("spirit", "SPIRiT", "k-space that agrees with its neighbourhoods.", "doi:10.1002/mrm.22428"),
    ("pocs", "POCS", "Partial Fourier by projections in turn.", "doi:10.1016/0022-2364(91)90253-P"),
    ("homodyne", "Homodyne", "Partial Fourier, directly.", "doi:10.1109/42.79473"),
    ("sake", "SAKE", "k-space of low rank, without calibration.", "doi:10.1002/mrm.24997"),
    ("llr", "LLR", "Films of locally low rank.", "doi:10.1137/0609045"),
    ("kt_low_rank", "KTLowRank", "Films of low rank.", "doi:10.1109/TMI.2010.2100850"),
    ("l_plus_s", "LPlusS", "Films as low rank plus sparse.", "doi:10.1002/mrm.25240"),
    ("pnp", "PlugAndPlay", "Data and a denoiser in turns.", "doi:10.1109/TPAMI.2021.3088914"),
)

_TRAJECTORIES = (
    ("radial", "RadialTrajectory", "Evenly turned spokes.", None),
    ("golden_radial", "GoldenRadialTrajectory", "Golden-angle spokes.", "doi:10.1109/TMI.2006.885337"),
    ("spiral", "SpiralTrajectory", "Spirals within gradient limits.", "doi:10.1109/TMI.2008.922699"),
    ("rosette", "RosetteTrajectory", "Rosettes.", "doi:10.1109/42.611345"),
    ("stack_of_stars", "StackOfStarsTrajectory", "Stacks of golden-angle stars.", None),
    ("kooshball", "KooshballTrajectory", "Golden-means spokes in volumes.", "doi:10.1002/mrm.21837"),
)


_PATTERNS = (
    ("generator", "mask.variable_density", "sampling:VariableDensity", "Random, denser in the centre."),
    (
        "generator",
        "mask.golden_angle",
        "sampling:GoldenAngle",
        "Spokes or spirals on the grid.",
    ),
    ("generator", "mask.kt_golden", "sampling:KTGolden", "Columns by the golden ratio, new in each frame."),
    ("metric", "hfen", "metrics:HFEN", "High-frequency error norm."),
    ("dataset", "fastmri_dataset", "datasets:FastMRIDataset", "Slices of a folder in fastMRI's format."),
    ("dataset", "m4raw_dataset", "datasets:M4RawDataset", "Slices of repeated low-field scans (M4Raw)."),
)

_FILES = (
    (
        "reader",
        "hdf5_reader",
        "HDF5Reader",
        "Read ISMRMRD raw files and fastMRI volumes.",
        (".h5", ".hdf5", ".mrd"),
    ),
    ("reader", "bart_reader", "BARTReader", "Read k-space from BART's .cfl and .hdr.", (".cfl", ".hdr")),
    (
        "reader",
        "array_reader",
        "ArrayReader",
        "Read k-space from NumPy and MATLAB files.",
        (".npy", ".npz", ".mat"),
    ),
    (
        "writer",
        "nifti_writer",
        "NIfTIWriter",
        "Write NIfTI-1, with orientation where it is known.",
        (".nii", ".nii.gz"),
    ),
    ("writer", "dicom_writer", "DICOMWriter", "Write DICOM: MR images, or secondary captures.", (".dcm",)),
    (
        "writer",
        "bart_writer",
        "BARTWriter",
        "Write complex images as BART's .cfl and .hdr.",
        (".cfl", ".hdr"),
    ),
    (
        "writer",
        "array_writer",
        "ArrayWriter",
        "Write complex images for NumPy and MATLAB.",
        (".npy", ".npz", ".mat"),
    ),
)

_QUANTITATIVE = (
    ("physics", "t2_multi_echo", "MultiEchoT2", "T2 or T2* from echoes.", None),
    ("physics", "t1_recovery", "RecoveryT1", "T1 from inversion or saturation recovery.", None),
    (
        "physics",
        "t1_variable_flip_angle",
        "VariableFlipAngleT1",
        "T1 from flip angles.",
        "doi:10.1002/mrm.10407",
    ),
    ("physics", "field_map", "FieldMapEchoes", "The field map from echoes.", None),
    ("physics", "water_fat", "WaterFatEchoes", "Water and fat of six peaks.", "doi:10.1002/mrm.20624"),
    (
        "reconstructor",
        "signal_fit",
        "SignalFit",
        "Fit of signal models by pixel.",
        "doi:10.1137/0111030",
    ),
    (
        "reconstructor",
        "smooth_field_fit",
        "SmoothFieldFit",
        "Water, fat and field without swaps or wraps.",
        "doi:10.1002/mrm.22177",
    ),
)


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kind that this pack adds."""
    yield Kind(
        "coil_maps",
        "Makes coil maps (B, coils, H, W) from calibration k-space: method(kspace).",
        checks="wellposed_mri.maps.checks:CHECKS",
    )


@hookimpl
def commands() -> Iterator[Command]:
    """Yield ``wellposed mri``."""
    yield Command("mri", "wellposed_mri.command:command", "Look into raw MRI files.")


@hookimpl
def report_sections() -> Iterator[ReportSection]:
    """Yield what the report shows of a run whose physics is this pack's."""
    home = "wellposed_mri.report"
    yield ReportSection("mri.images", f"{home}:images", "Magnitude, phase and error", order=110)
    yield ReportSection("mri.sampling", f"{home}:sampling", "Sampling and k-space", order=111)
    yield ReportSection("mri.coils", f"{home}:coils", "Coils", order=112)


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for kind, name, target, summary, reference in _ROWS:
        yield _component(kind, name, target, summary, reference=reference)
    for name, target, summary in _GENERATORS:
        yield _component("generator", name, target, summary)
    for name, target, summary, reference in _ENCODING:
        yield _component("physics", name, f"encoding:{target}", summary, ".encoding", reference=reference)
    for name, target, summary, reference in _METHODS:
        home = "reconstruction"
        yield _component("reconstructor", name, f"{home}:{target}", summary, f".{home}", reference=reference)
    for kind, name, target, summary in _PATTERNS:
        yield _component(kind, name, target, summary, ".patterns")
    for kind, name, target, summary, suffixes in _FILES:
        yield _component(kind, name, f"files:{target}", summary, ".files", suffixes=suffixes)
    for kind, name, target, summary, reference in _QUANTITATIVE:
        yield _component(kind, name, f"quantitative:{target}", summary, ".quantitative", reference=reference)
    for name, target, summary, reference in _TRAJECTORIES:
        yield _component(
            "generator", f"trajectory.{name}", f"trajectories:{target}", summary, ".trajectories",
            reference=reference, function=name,
        )  # fmt: skip


def _component(
    kind: str,
    name: str,
    target: str,
    summary: str,
    examples: str = "",
    function: str | None = None,
    **more: Any,
) -> Component:
    """Return the record of ``wellposed_mri.<target>``, its examples in ``_examples<examples>:<function>``."""
    return Component(
        kind=kind,
        name=f"mri.{name}",
        target=f"wellposed_mri.{target}",
        summary=summary,
        examples=f"wellposed_mri._examples{examples}:{function or name.replace('.', '_')}",
        **more,
    )
