"""What this pack offers: the blur, its kernels, and classical deconvolution."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl

_ROWS = (
    ("physics", "blur", "blur:blur", "Convolution with a kernel under any boundary rule.", None),
    ("generator", "gaussian", "kernels:GaussianKernels", "Random anisotropic Gaussian kernels.", None),
    ("generator", "defocus", "kernels:DefocusKernels", "Random defocus discs.", None),
    ("generator", "motion", "kernels:MotionKernels", "Random straight motions.", None),
    (
        "generator",
        "camera_shake",
        "kernels:CameraShakeKernels",
        "Random camera shake.",
        "Boracchi & Foi (2012), doi:10.1109/TIP.2012.2192126",
    ),
    (
        "reconstructor",
        "inverse",
        "inverse_filter:InverseFilter",
        "The (floored) inverse filter: shows what noise does without regularisation.",
        None,
    ),
    (
        "reconstructor",
        "wiener",
        "wiener:Wiener",
        "Wiener deconvolution with the spectrum of natural images.",
        "Wiener (1949), Extrapolation, Interpolation, and Smoothing of Stationary Time Series",
    ),
    (
        "reconstructor",
        "richardson_lucy",
        "richardson_lucy:RichardsonLucy",
        "Maximum likelihood under Poisson noise, stopped early.",
        "Richardson (1972), doi:10.1364/JOSA.62.000055; Lucy (1974), doi:10.1086/111605",
    ),
)


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for kind, name, target, summary, reference in _ROWS:
        yield Component(
            kind=kind,
            name=f"deblurring.{name}",
            target=f"wellposed_deblurring.{target}",
            summary=summary,
            examples=f"wellposed_deblurring._examples:{name}",
            reference=reference,
        )
