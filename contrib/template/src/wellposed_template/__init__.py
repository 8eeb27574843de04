"""A pack for wellposed: pixel binning, and a reconstruction by Tikhonov regularisation."""

from wellposed_template.operators import Binning
from wellposed_template.reconstructors import Tikhonov

__all__ = ["Binning", "Tikhonov"]
