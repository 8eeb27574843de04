"""Reconstructors that just work: ``tv()(y, physics)``."""

from wellposed_optim.presets.pnp import PnP
from wellposed_optim.presets.sparse import l1, tv, wavelet

__all__ = ["PnP", "l1", "tv", "wavelet"]
