"""Low-dose X-ray transmission: photon counts seen through the logarithm of Beer and Lambert."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.counts import draw_counts, likely_counts, nearest_count, poisson_log_mass
from wellposed.noise.levels import Range
from wellposed.noise.support import Atoms


class LogPoisson(Noise):
    """Log-Poisson noise of CT: ``y = −log(K / N0) / mu`` with K Poisson of rate N0·exp(−mu·mean).

    Parameters
    ----------
    N0
        Photons per detector pixel without an object, > 0; a number or ``(B,)``. More is less noise.
    mu
        Attenuation per unit of the data, > 0: with line integrals already in nepers it is 1; a number or
        ``(B,)``.
    zero_count
        What is written for a pixel that saw no photon, in (0, 1): log 0 is not a number. 0.1 is
        the value of LoDoPaB-CT (Leuschner et al., Scientific Data 2021). The count is recovered
        exactly in ``log_prob``.

    Notes
    -----
    ``log_prob`` is the log-*mass* of the photon count that ``y`` stands for, −inf where that is no whole
    number (within 1e-3, and rounding). Its gradient in ``mean`` is mu·(rate − K) everywhere. Samples
    carry no gradient. The moments are summed over the counts: for small images only.
    """

    N0: Tensor
    mu: Tensor
    zero_count: Tensor

    def __init__(self, N0: float | Tensor = 1e4, mu: float | Tensor = 1.0, zero_count: float = 0.1) -> None:
        super().__init__()
        self._register_level("N0", N0, Range(), "give the photons per pixel without an object")
        self._register_level("mu", mu, Range(), "give the attenuation per data unit, 1 for nepers")
        fix = "give what to write for no photon, e.g. 0.1"
        self._register_level("zero_count", zero_count, Range(high=0.999), fix)

    @property
    def level(self) -> tuple[Tensor, Tensor]:
        """(N0, mu)."""
        return self.N0, self.mu

    def mean(self, y: Tensor) -> Tensor:
        """Return E[noise(y)], biased upwards, as the logarithm is concave."""
        atoms = self.support(y).values
        return (self._log_density(atoms, y).exp() * atoms).sum(0)

    def variance(self, y: Tensor) -> Tensor:
        """Return the variance; about exp(mu·y) / (N0·mu²) for many photons."""
        atoms = self.support(y).values
        return (self._log_density(atoms, y).exp() * (atoms - self.mean(y)) ** 2).sum(0)

    def support(self, mean: Tensor) -> Atoms:
        """Return the data of the likely counts."""
        return Atoms(self._data(likely_counts(self._rate(mean)), mean))

    def _rate(self, mean: Tensor) -> Tensor:
        return self._at("N0", mean) * torch.exp(-self._at("mu", mean) * mean)

    def _data(self, counts: Tensor, like: Tensor) -> Tensor:
        seen = torch.where(counts > 0, counts, self._at("zero_count", like))
        return -torch.log(seen / self._at("N0", like)) / self._at("mu", like)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        return self._data(draw_counts(self._rate(y), generator), y)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        seen = self._at("N0", mean) * torch.exp(-self._at("mu", mean) * y)
        zero = self._at("zero_count", mean)
        none = (seen - zero).abs() <= 1e-3 * zero
        count, penalty = nearest_count(torch.where(none, torch.zeros_like(seen), seen))
        # a count of none is written as zero_count, so 0 itself is never seen
        unseen = ~none & (count.detach() == 0)
        penalty = torch.where(unseen, -torch.inf, penalty)
        return poisson_log_mass(count, self._rate(mean)) + penalty
