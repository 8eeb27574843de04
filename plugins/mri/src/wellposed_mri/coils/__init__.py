"""Working on receive channels: noise whitening, compression, and what acceleration costs in noise."""

from wellposed_mri.coils.arrays import compress, compression, noise_covariance, whiten
from wellposed_mri.coils.g_factor import g_factor
from wellposed_mri.coils.geometric import compress_along, geometric_compression

__all__ = [
    "compress",
    "compress_along",
    "compression",
    "g_factor",
    "geometric_compression",
    "noise_covariance",
    "whiten",
]
