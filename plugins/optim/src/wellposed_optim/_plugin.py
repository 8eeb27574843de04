"""What this pack offers, by name: fidelities, priors, denoisers, algorithms and complete methods."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, Kind, hookimpl

_FIDELITIES = {
    "l2_fidelity": ("L2", "Least squares: Gaussian noise.", None),
    "poisson_fidelity": (
        "Poisson",
        "Kullback–Leibler divergence: photon counts with gain and background.",
        None,
    ),
    "likelihood_fidelity": ("Likelihood", "Negative log-likelihood of any noise model.", None),
}
_PRIORS = {
    "tv_prior": (
        "TotalVariation",
        "Total variation: isotropic, anisotropic or vectorial, with an exact prox.",
        "Rudin, Osher & Fatemi (1992), doi:10.1016/0167-2789(92)90242-F; Beck & Teboulle (2009), "
        "doi:10.1109/TIP.2009.2028250",
    ),
    "wavelet_prior": ("WaveletL1", "Sparse details in an orthonormal wavelet basis, any image size.", None),
    "l1_prior": ("L1", "Sparse pixels.", None),
    "tikhonov_prior": ("Tikhonov", "Small energy.", None),
    "box_prior": ("Box", "Bounds on pixel values; non-negativity by default.", None),
    "denoiser_prior": (
        "DenoiserPrior",
        "Any denoiser in place of a prox.",
        "Venkatakrishnan, Bouman & Wohlberg (2013), doi:10.1109/GlobalSIP.2013.6737048",
    ),
}
_DENOISERS = {
    "tv_denoiser": ("TVDenoiser", "Total variation denoising, scaled by σ.", None),
    "wavelet_denoiser": (
        "WaveletDenoiser",
        "Translation-invariant wavelet thresholding, then empirical Wiener filtering.",
        "Coifman & Donoho (1995), doi:10.1007/978-1-4612-2544-7_9",
    ),
    "bm3d": (
        "BM3D",
        "Collaborative filtering of similar patches in two stages; the best here without weights.",
        "Dabov, Foi, Katkovnik & Egiazarian (2007), doi:10.1109/TIP.2007.901238",
    ),
}
_ALGORITHMS = {
    "gradient_descent": ("GradientDescent", "Gradient descent on smooth objectives.", None),
    "pgd": ("PGD", "Proximal gradient descent (ISTA).", None),
    "fista": (
        "FISTA",
        "Accelerated proximal gradient descent.",
        "Beck & Teboulle (2009), doi:10.1137/080716542",
    ),
    "admm": (
        "ADMM",
        "Alternating direction method of multipliers.",
        "Boyd et al. (2011), doi:10.1561/2200000016",
    ),
    "hqs": (
        "HQS",
        "Half-quadratic splitting with a growing penalty.",
        "Geman & Yang (1995), doi:10.1109/83.392335",
    ),
    "chambolle_pock": (
        "ChambollePock",
        "Primal–dual hybrid gradient: no inverse, any convex fidelity.",
        "Chambolle & Pock (2011), doi:10.1007/s10851-010-0251-1",
    ),
}
_PRESETS = {
    "tv": ("tv", "Total-variation regularised least squares; λ from the noise level.", None),
    "wavelet": ("wavelet", "Wavelet-sparse least squares; λ from the noise level.", None),
    "l1": ("l1", "Pixel-sparse least squares (LASSO); λ from the noise level.", None),
    "pnp": (
        "PnP",
        "Plug and play: physics and any denoiser (own BM3D by default) in turns, from coarse to fine.",
        "Zhang, Li, Zuo, Zhang, Van Gool & Timofte (2021), doi:10.1109/TPAMI.2021.3088914",
    ),
}


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kinds that this pack adds."""
    yield Kind("prior", "What images look like: value, prox, and gradient where smooth.")
    yield Kind("fidelity", "How far A x is from y: value, gradient, and prox where known.")


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    groups = (
        ("fidelity", "fidelities", _FIDELITIES),
        ("prior", "priors", _PRIORS),
        ("denoiser", "denoisers", _DENOISERS),
        ("reconstructor", "algorithms", _ALGORITHMS),
        ("reconstructor", "presets", _PRESETS),
    )
    for kind, home, rows in groups:
        for name, (target, summary, reference) in rows.items():
            yield Component(
                kind=kind,
                name=f"optim.{name}",
                target=f"wellposed_optim.{home}:{target}",
                summary=summary,
                examples=f"wellposed_optim._examples:{name}",
                reference=reference,
            )
