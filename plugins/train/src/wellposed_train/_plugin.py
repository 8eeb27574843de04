"""What this pack offers: losses and metrics, by name."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl

_LOSSES = {
    "supervised_l1": ("supervised:SupervisedL1", "Mean absolute error against the truth.", None),
    "supervised_l2": ("supervised:SupervisedL2", "Mean squared error against the truth.", None),
    "measurement_consistency": (
        "consistency:MeasurementConsistency",
        "Mean squared residual of A(x_hat) against y.",
        None,
    ),
    "sure": (
        "sure:MonteCarloSURE",
        "Unbiased estimate of the error in measurement space under Gaussian noise, without the truth.",
        "Ramani, Blu & Unser (2008), doi:10.1109/TIP.2008.2001404",
    ),
    "equivariant_imaging": (
        "equivariant:EquivariantImaging",
        "Error of reconstructing a transformed reconstruction, over any group of transforms.",
        "Chen, Tachella & Davies (2021), arXiv:2103.14756",
    ),
    "splitting": (
        "splitting:Splitting",
        "Error on held-out measurements of a reconstruction from the rest (SSDU, Noise2Inverse).",
        "Yaman et al. (2020), doi:10.1002/mrm.28378",
    ),
}

_METRICS = {
    "psnr": ("psnr:PSNR", "Peak signal-to-noise ratio in decibels.", None),
    "ssim": (
        "ssim:SSIM",
        "Structural similarity, in a Gaussian or a uniform window.",
        "Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861",
    ),
    "mae": ("errors:MAE", "Mean absolute error.", None),
    "mse": ("errors:MSE", "Mean squared error.", None),
    "nmse": ("errors:NMSE", "Squared error relative to the energy of the reference.", None),
    "nrmse": ("errors:NRMSE", "Error relative to the norm of the reference.", None),
}


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for kind, home, rows in (("loss", "losses", _LOSSES), ("metric", "metrics", _METRICS)):
        for name, (target, summary, reference) in rows.items():
            yield Component(
                kind=kind,
                name=f"train.{name}",
                target=f"wellposed_train.{home}.{target}",
                summary=summary,
                examples=f"wellposed_train._examples:{name}",
                reference=reference,
            )
