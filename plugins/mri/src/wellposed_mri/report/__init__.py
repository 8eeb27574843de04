"""What the HTML report says of a run whose physics is one of MRI's."""

from wellposed_mri.report.sections import coils, images, sampling

__all__ = ["coils", "images", "sampling"]
