"""Priors: what images look like, as functions with proximal operators."""

from wellposed_optim.priors.base import Prior
from wellposed_optim.priors.box import Box
from wellposed_optim.priors.denoiser import DenoiserPrior
from wellposed_optim.priors.l1 import L1
from wellposed_optim.priors.tikhonov import Tikhonov
from wellposed_optim.priors.total_variation import TotalVariation
from wellposed_optim.priors.wavelet import WaveletL1

__all__ = ["L1", "Box", "DenoiserPrior", "Prior", "Tikhonov", "TotalVariation", "WaveletL1"]
