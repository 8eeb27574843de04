"""Reconstructions: analytic, iterative, statistical, and with priors."""

from wellposed_ct.methods.asd_pocs import ASDPOCS
from wellposed_ct.methods.cgls import CGLS
from wellposed_ct.methods.fbp import FBP
from wellposed_ct.methods.fdk import FDK
from wellposed_ct.methods.filters import ramp_spectrum
from wellposed_ct.methods.lsqr import LSQR
from wellposed_ct.methods.mlem import MLEM
from wellposed_ct.methods.mltr import MLTR
from wellposed_ct.methods.pnp import CTPnP
from wellposed_ct.methods.preconditioners import circulant_preconditioner, ramp_preconditioner
from wellposed_ct.methods.pwls import PWLS
from wellposed_ct.methods.sart import SART
from wellposed_ct.methods.sirt import SIRT
from wellposed_ct.methods.statistics import statistical_weights
from wellposed_ct.methods.subsets import Subset, ordered_subsets
from wellposed_ct.methods.tv import TV

__all__ = [
    "ASDPOCS",
    "CGLS",
    "FBP",
    "FDK",
    "LSQR",
    "MLEM",
    "MLTR",
    "PWLS",
    "SART",
    "SIRT",
    "TV",
    "CTPnP",
    "Subset",
    "circulant_preconditioner",
    "ordered_subsets",
    "ramp_preconditioner",
    "ramp_spectrum",
    "statistical_weights",
]
