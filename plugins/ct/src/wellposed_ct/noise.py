"""Low-dose noise of a real detector: photons counted, read out with electronic noise, and then the logarithm.

A starved detector reads below zero, where there is no logarithm. Every scanner mends that somehow; here the
logarithm goes on as its tangent below one photon, so that no reading is lost and the law of the data is that
of the read-out, exactly, by a change of variables.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.noise import Interval, Noise, PoissonGaussian
from wellposed.noise.levels import Range

__all__ = ["LowDose"]


class LowDose(Noise):
    """``y = L((K + e·n)/N0) / mu`` with K Poisson of rate N0·exp(−mu·mean), n normal, and L = −log.

    Below one photon L goes on as the tangent of −log there: L(t) = log N0 + 1 − N0·t.

    Parameters
    ----------
    N0
        Photons per detector bin without an object, > 0; a number or ``(B,)``.
    electronic
        Standard deviation e of the read-out noise, in photons, > 0; a number or ``(B,)``. Without it use
        :class:`~wellposed.noise.LogPoisson`.
    mu
        Attenuation per unit of the data, > 0: 1 for line integrals in nepers.

    Notes
    -----
    ``log_prob`` is exact: the Poisson–Gaussian density times the derivative of the read-out by y. Statistical
    methods take the cheaper shifted Poisson model: K + e·n + e² is nearly Poisson of rate
    N0·exp(−mu·mean) + e² (mean and variance agree; Yavuz & Fessler 1998, doi:10.1016/S1361-8415(98)80017-0).
    """

    N0: Tensor
    electronic: Tensor
    mu: Tensor

    def __init__(
        self, N0: float | Tensor = 1e4, electronic: float | Tensor = 5.0, mu: float | Tensor = 1.0
    ) -> None:
        super().__init__()
        self._register_level("N0", N0, Range(), "give the photons per bin without an object")
        self._register_level(
            "electronic", electronic, Range(), "without electronic noise use wellposed.noise.LogPoisson"
        )
        self._register_level("mu", mu, Range(), "give the attenuation per data unit, 1 for nepers")

    @property
    def level(self) -> tuple[Tensor, Tensor, Tensor]:
        """(N0, e, mu)."""
        return self.N0, self.electronic, self.mu

    def read_out(self, y: Tensor) -> Tensor:
        """Return K + e·n, in photons, that data ``y`` were made of."""
        blank, nepers = self._at("N0", y), self._at("mu", y) * y
        top = blank.log()
        return torch.where(nepers <= top, blank * torch.exp(-nepers.clamp(max=top)), 1 + top - nepers)

    def support(self, mean: Tensor) -> Interval:
        """Return the data of the likely read-outs."""
        counts = self._counting(mean).support(self._rate(mean))
        assert isinstance(counts, Interval)
        return Interval(self._data(counts.high), self._data(counts.low))

    def _rate(self, mean: Tensor) -> Tensor:
        return self._at("N0", mean) * torch.exp(-self._at("mu", mean) * mean)

    def _counting(self, like: Tensor) -> PoissonGaussian:
        return PoissonGaussian(1.0, self.electronic.to(like.dtype))

    def _data(self, counts: Tensor) -> Tensor:
        top = self._at("N0", counts).log()
        nepers = torch.where(counts >= 1, top - counts.clamp(min=1).log(), top + 1 - counts)
        return nepers / self._at("mu", counts)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        noisy = self._counting(y)(self._rate(y), generator)
        assert isinstance(noisy, Tensor)
        return self._data(noisy)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        # y may have more axes in front: several values per mean
        mean = mean.expand_as(y)
        counts = self.read_out(y)
        sigma = self._at("electronic", y).expand(y.shape).reshape(-1)
        law = PoissonGaussian(1.0, sigma)
        density = law.log_prob(counts.reshape(-1, 1), self._rate(mean).reshape(-1, 1)).reshape(y.shape)
        # |d(read-out)/dy| is mu·max(read-out, 1)
        return density + counts.clamp(min=1).log() + self._at("mu", y).log()
