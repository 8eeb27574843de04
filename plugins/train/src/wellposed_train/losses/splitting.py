"""Measurement splitting: reconstruct from some of the measurements, and judge by the others.

The noise of the held-out entries is independent of what the model saw, so it cannot be fitted; the truth
is not needed. The loss evaluates the model itself, and nothing is kept between a reconstruction and its
loss: the split is a function of the generator alone.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.immutable import Immutable
from wellposed.random import streams
from wellposed_train.comparison import check_pair, sample_sum, squared_magnitude
from wellposed_train.losses.masking import masked, observed_entries


@final
@attrs.frozen
class Splitting:
    """Mean squared error on held-out measurements of a reconstruction from the rest.

    Each sample's measured entries are split at random, M₁ + M₂ = I; the value is the mean of
    |A(R(M₁y, M₁A)) − y|² over the entries of M₂. ``physics`` may be ours or any with ``A`` and, where the
    model asks for it, ``A_adjoint``; entries that its ``mask`` sets to zero belong to neither part.

    Takes ``y`` ``(B, …)``, ``physics`` and ``model(y, physics)``; returns real ``(B,)``. ``x_hat`` is not
    used. A model that :meth:`adapt` wrapped is unwrapped.

    Parameters
    ----------
    ratio
        Share of the measured entries that the model sees, between 0 and 1; both parts keep at least one.
    pixelwise
        Whether the channels of a pixel (axis 1 of ``y``, coils for instance) go to the same part, where
        ``y`` has more axes than that.
    samples
        How many random splits the adapted model averages at test time.
    seed
        Where the adapted model's splits derive from, so that its reconstruction is reproducible.

    Raises
    ------
    ParameterError
        ``ratio`` or ``samples`` out of range, or a sample with fewer than two measured entries.
    SpaceError
        ``y`` is not one tensor.

    References
    ----------
    Yaman et al., Self-supervised learning of physics-guided reconstruction neural networks without fully
    sampled reference data (SSDU), Magn. Reson. Med. 84 (2020); Hendriksen, Pelt & Batenburg,
    Noise2Inverse, IEEE Trans. Comput. Imaging 6 (2020), for the average over splits.
    """

    uses: ClassVar[tuple[str, ...]] = ("y", "physics", "model")
    zero_at_truth: ClassVar[bool] = False
    unbiased: ClassVar[bool] = False

    ratio: float = 0.9
    pixelwise: bool = True
    samples: int = 5
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        """Refuse impossible splits where they are written."""
        if not 0 < self.ratio < 1:
            raise ParameterError(
                f"Splitting: ratio is {self.ratio}, but a share of the entries is in (0, 1)."
            )
        if self.samples < 1:
            raise ParameterError(f"Splitting: samples is {self.samples}, but an average needs at least one.")

    def __call__(
        self,
        x_hat: Any,
        x: Any,
        y: Any,
        physics: Any,
        model: Any,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the loss of each sample; ``generator`` draws the splits."""
        inner = model.model if isinstance(model, SplittingAverage) else model
        seen, held_out = self.split(y, physics, generator)
        estimate = inner(seen * y, masked(physics, seen))
        predicted, measured = check_pair(physics.A(estimate), y, "Splitting (A(x_hat) against y)")
        return sample_sum(held_out * squared_magnitude(predicted - measured)) / sample_sum(held_out)

    def split(self, y: Any, physics: Any, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return the masks M₁, M₂ of the shape of ``y``, real, one split per sample."""
        if not isinstance(y, Tensor) or y.ndim < 2:
            raise SpaceError(f"Splitting splits one tensor (B, …), but y is {_kind(y)}.")
        observed = observed_entries(physics, y)
        shared = self.pixelwise and y.ndim > 2
        candidates = observed.amax(1, keepdim=True) if shared else observed
        chosen = _choose(candidates.bool().flatten(1), self.ratio, generator).reshape(candidates.shape)
        seen = chosen * observed
        return seen, observed - seen

    def adapt(self, model: Any) -> SplittingAverage:
        """Return the model to reconstruct with: the average of ``model`` over random splits."""
        return model if isinstance(model, SplittingAverage) else SplittingAverage(model, self)


@final
class SplittingAverage(Immutable):
    """A reconstructor that averages a model over random splits of the measurements.

    A model trained by :class:`Splitting` has only ever seen a share of the measurements; this shows it the
    same, several times. Deterministic: the splits derive from the loss's ``seed``.

    Parameters
    ----------
    model
        ``model(y, physics)``, an ``nn.Module`` or any callable.
    splitting
        The loss that it was trained by.
    """

    def __init__(self, model: Any, splitting: Splitting) -> None:
        super().__init__()
        self.model = model
        self.splitting = splitting

    def forward(self, y: Tensor, physics: Any) -> Tensor:
        """Return the average reconstruction, ``(B, …)``."""
        generator = torch.Generator().manual_seed(self.splitting.seed)
        total: Tensor | None = None
        for _ in range(self.splitting.samples):
            seen, _held_out = self.splitting.split(y, physics, generator)
            estimate: Tensor = self.model(seen * y, masked(physics, seen))
            total = estimate if total is None else total + estimate
        assert total is not None
        return total / self.splitting.samples


def _choose(candidates: Tensor, ratio: float, generator: torch.Generator | None) -> Tensor:
    """Mark a random share of each row's candidates, at least one and never all: ``(B, n)``."""
    counts = candidates.sum(1)
    if bool((counts < 2).any()):
        index = int((counts < 2).nonzero()[0, 0])
        raise ParameterError(
            f"Splitting: sample {index} has {int(counts[index])} measured entries, but both parts need one."
        )
    shape, device = candidates.shape, candidates.device
    keys = [torch.rand(shape[1], generator=g, device=device) for g in streams(generator, shape[0], device)]
    order = torch.stack(keys).masked_fill(~candidates, 2.0).argsort(1)
    rank = order.argsort(1)
    kept = torch.minimum((ratio * counts).round().clamp(min=1), counts - 1)
    return rank < kept[:, None]


def _kind(y: object) -> str:
    return f"of shape {tuple(y.shape)}" if isinstance(y, Tensor) else f"a {type(y).__name__}"
