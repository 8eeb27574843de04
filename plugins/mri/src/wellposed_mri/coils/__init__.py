"""Working on receive channels before reconstruction: noise whitening and compression."""

from wellposed_mri.coils.arrays import compress, compression, noise_covariance, whiten

__all__ = ["compress", "compression", "noise_covariance", "whiten"]
