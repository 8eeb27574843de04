"""Photographs in and out: what a camera or a paint program wrote, as tensors, and back without loss.

Values are taken as stored: an sRGB file gives sRGB values in [0, 1], and nothing is linearised. What is not
picture (EXIF, colour profile, resolution, texts, alpha, bit depth) travels in ``meta`` and is restored.
"""

from wellposed_viz.photo.kernel import read_kernel
from wellposed_viz.photo.kernel_reader import KernelReader
from wellposed_viz.photo.reader import PhotoReader
from wellposed_viz.photo.writer import PhotoWriter

__all__ = ["KernelReader", "PhotoReader", "PhotoWriter", "read_kernel"]
