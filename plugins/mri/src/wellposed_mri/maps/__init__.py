"""Coil sensitivity maps from calibration data: ``method(kspace) -> maps``."""

from wellposed_mri.maps.adaptive import RSSMaps, Walsh
from wellposed_mri.maps.calibration import calibration_scan
from wellposed_mri.maps.espirit import ESPIRiT
from wellposed_mri.maps.jsense import JSENSE
from wellposed_mri.maps.nlinv import NLINV

__all__ = ["JSENSE", "NLINV", "ESPIRiT", "RSSMaps", "Walsh", "calibration_scan"]
