"""Reconstructions: analytic and iterative."""

from wellposed_ct.methods.cgls import CGLS
from wellposed_ct.methods.fbp import FBP
from wellposed_ct.methods.filters import ramp_spectrum
from wellposed_ct.methods.sirt import SIRT
from wellposed_ct.methods.tv import TV

__all__ = ["CGLS", "FBP", "SIRT", "TV", "ramp_spectrum"]
