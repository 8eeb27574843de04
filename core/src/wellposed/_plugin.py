"""The core's own pack: it is discovered like any other and has no private door."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, Kind, hookimpl

_KINDS = {
    "physics": ("A forward model y = N(A(x)).", "Physics"),
    "noise": ("A noise model with its likelihood.", "NoiseModel"),
    "denoiser": ("A map from noisy images and σ to clean images.", "Denoiser"),
    "reconstructor": ("A method: measurements and physics in, image out.", "Reconstructor"),
    "loss": ("A training objective, one value per sample.", "Loss"),
    "metric": ("A figure of merit, one value per sample.", "Metric"),
    "transform": ("A group acting on images.", "Transform"),
    "dataset": ("A source of images or measurements.", None),
    "reader": ("Turns a file into a Measurement.", "Reader"),
    "writer": ("Turns a reconstruction into a file.", "Writer"),
    "card": ("Draws objects in notebooks: card(obj) gives HTML, or None.", None),
    "generator": ("Draws physics parameters: masks, kernels, trajectories.", "Generator"),
}


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kinds that exist without any pack."""
    for name, (summary, protocol) in _KINDS.items():
        yield Kind(name, summary, protocol and f"wellposed.protocols:{protocol}")


# {kind: {name: (class, summary)}}; class and examples live in the module that the kind names
_COMPONENTS = {
    "physics": {
        "identity": ("Identity", "The image itself: denoising."),
        "zero": ("Zero", "Nothing at all."),
        "matrix": ("Matrix", "A dense matrix on flattened images."),
        "multiply": ("Multiply", "Entrywise weights."),
        "mask": ("Mask", "Entries kept or dropped."),
        "fourier": ("FourierTransform", "The orthonormal Fourier transform."),
        "fourier_multiplier": ("FourierMultiplier", "Weights in Fourier space."),
        "circular_convolution": ("CircularConvolution", "Convolution with periodic boundary."),
        "convolution": ("Convolution", "Convolution under any boundary rule."),
        "pad": ("Pad", "Border added by any boundary rule."),
        "crop": ("Crop", "Border cut off."),
        "gradient": ("Gradient", "Finite differences."),
        "forward_model": ("ForwardModel", "An operator and its noise."),
    },
    "noise": {
        "gaussian": ("Gaussian", "Additive Gaussian noise, real or complex."),
        "poisson": ("Poisson", "Photon counting with a gain."),
        "poisson_gaussian": ("PoissonGaussian", "Photon counting and read-out noise of a camera."),
        "uniform": ("Uniform", "Additive uniform noise."),
        "salt_and_pepper": ("SaltAndPepper", "Dead and saturated pixels."),
        "laplace": ("Laplace", "Additive Laplace noise, with heavy tails."),
        "gamma": ("Gamma", "Multiplicative speckle."),
        "log_poisson": ("LogPoisson", "Low-dose CT: log of photon counts."),
        "rician": ("Rician", "Magnitude of complex MR data."),
        "quantisation": ("Quantisation", "Rounding to a uniform grid, with or without noise."),
    },
    "transform": {
        "flips": ("Flips", "Mirror images; exact."),
        "rotations90": ("Rotations90", "Quarter turns of square images; exact."),
        "cyclic_shifts": ("CyclicShifts", "Whole-pixel shifts with wrap-around; exact."),
        "subpixel_shifts": ("SubpixelShifts", "Fourier shifts by fractions of a pixel; exact."),
        "rotations": ("Rotations", "Rotations by any angle."),
        "gains": ("Gains", "Multiplication by a number; exact."),
        "scalings": ("Scalings", "Magnification about the middle."),
        "projective": ("Projective", "Homographies of a moving camera."),
    },
}

_ELSEWHERE = {"forward_model": "forward"}
_MODULES = {"physics": "operators", "noise": "noise", "transform": "transforms"}


@hookimpl
def components() -> Iterator[Component]:
    """Yield the core's components."""
    for kind, rows in _COMPONENTS.items():
        module = _MODULES[kind]
        for name, (target, summary) in rows.items():
            yield Component(
                kind=kind,
                name=f"core.{name}",
                target=f"wellposed.{_ELSEWHERE.get(name, module)}:{target}",
                summary=summary,
                examples=f"wellposed._examples.{module}:{name}",
            )
