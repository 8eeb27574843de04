"""Deblurring: the blur physics, its kernels, and classical deconvolution."""

from wellposed_deblurring.blur import blur
from wellposed_deblurring.inverse_filter import InverseFilter
from wellposed_deblurring.kernels import (
    CameraShakeKernels,
    DefocusKernels,
    GaussianKernels,
    MotionKernels,
    camera_shake_kernel,
    defocus_kernel,
    gaussian_kernel,
    motion_kernel,
)
from wellposed_deblurring.richardson_lucy import RichardsonLucy
from wellposed_deblurring.wiener import Wiener

__all__ = [
    "CameraShakeKernels",
    "DefocusKernels",
    "GaussianKernels",
    "InverseFilter",
    "MotionKernels",
    "RichardsonLucy",
    "Wiener",
    "blur",
    "camera_shake_kernel",
    "defocus_kernel",
    "gaussian_kernel",
    "motion_kernel",
]
