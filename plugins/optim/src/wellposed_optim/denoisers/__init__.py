"""Denoisers that need no trained weights: ``denoiser(x, sigma)``."""

from wellposed_optim.denoisers.bm3d import BM3D
from wellposed_optim.denoisers.tv import TVDenoiser
from wellposed_optim.denoisers.wavelet import WaveletDenoiser

__all__ = ["BM3D", "TVDenoiser", "WaveletDenoiser"]
