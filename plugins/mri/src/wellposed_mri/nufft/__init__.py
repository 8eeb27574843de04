"""Non-uniform Fourier transforms with derivatives: by finufft on the CPU, in plain torch elsewhere."""

from wellposed_mri.nufft.functions import to_image, to_points
from wellposed_mri.nufft.plans import Plans

__all__ = ["Plans", "to_image", "to_points"]
