"""Point-spread functions: non-negative, summing to one, odd-sized, with generators that draw them."""

from wellposed_deblurring.kernels.camera_shake import CameraShakeKernels, camera_shake_kernel
from wellposed_deblurring.kernels.defocus import DefocusKernels, defocus_kernel
from wellposed_deblurring.kernels.gaussian import GaussianKernels, gaussian_kernel
from wellposed_deblurring.kernels.motion import MotionKernels, motion_kernel

__all__ = [
    "CameraShakeKernels",
    "DefocusKernels",
    "GaussianKernels",
    "MotionKernels",
    "camera_shake_kernel",
    "defocus_kernel",
    "gaussian_kernel",
    "motion_kernel",
]
