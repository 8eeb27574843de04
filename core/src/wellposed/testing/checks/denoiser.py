"""Denoisers: images in, images of the same kind out, σ a number or one per sample."""

from __future__ import annotations

import torch

from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, clone
from wellposed.testing.checks.hygiene import HYGIENE, SOUND
from wellposed.testing.diagnose import mismatch
from wellposed.testing.probes import eps, image

SIGMA = 0.1


class Case(BaseCase):
    """A denoiser on images in [0, 1], large enough for networks that halve them a few times."""

    default_domain = Space((1, 16, 16), torch.float64)

    @property
    def x(self) -> torch.Tensor:
        """A batch of noisy images."""
        x = image(self.domain, self.generator(1), 3)
        assert isinstance(x, torch.Tensor)
        return x

    @property
    def tolerance(self) -> float:
        """Iterative and deep denoisers amplify rounding."""
        return float(eps(self.domain) ** 0.5)

    def faces(self) -> list[Face]:
        """Denoising at one σ for the whole batch."""
        return [Face("the denoiser", lambda D, x: D(x, SIGMA), (self.x,))]


def shape(case: Case) -> None:
    """Return images of the shape and dtype of its input."""
    got = case.call(case.faces()[0])
    if (text := mismatch(got, case.x, float("inf"))) is not None:
        raise Failure(f"the denoiser changes the kind of its image: {text}")


def sigma(case: Case) -> None:
    """Take σ as a number or per sample ``(B,)``, each sample denoised by its own."""
    levels = torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64).to(case.x.real.dtype)
    try:
        together = case.component(clone(case.x), levels).detach()
    except Exception as error:
        raise Failure(f"per-sample σ of shape (B,) is refused: {type(error).__name__}: {error}") from error
    for i, level in enumerate(levels):
        alone = case.component(case.x[i : i + 1].clone(), float(level)).detach()
        if (text := mismatch(together[i : i + 1], alone, 10 * case.tolerance)) is not None:
            raise Failure(
                f"with σ per sample, sample {i} is not denoised by its own σ = {float(level):g}: {text}"
            )


CHECKS = (
    *HYGIENE,
    Check("shape", shape, after=SOUND),
    Check("sigma", sigma, after=(*SOUND, "shape", "batch")),
)
