"""The packs of this project by name, so that a missing one is answered by the line that installs it."""

from __future__ import annotations

KNOWN = {
    "optim": "data fidelities, priors, proximal operators, splitting algorithms, PnP",
    "nets": "architectures, denoisers and weights",
    "train": "losses, metrics, datasets and the trainer",
    "deblurring": "blur, kernels, deconvolution, super-resolution",
    "sensing": "inpainting, demosaicing, compressed sensing, phase retrieval",
    "mri": "magnetic resonance imaging",
    "ct": "computed tomography",
    "unrolled": "unrolled networks",
    "gan": "generative adversarial networks and VAEs",
    "diffusion": "diffusion models and posterior sampling",
    "viz": "pictures and reports",
}


def install_line(pack: str) -> str:
    """Return the command that installs one of our packs."""
    return f'pip install "wellposed[{pack}]"'
