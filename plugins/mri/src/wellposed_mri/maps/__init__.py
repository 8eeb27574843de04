"""Coil sensitivity maps from calibration data: ``method(kspace) -> maps``."""

from wellposed_mri.maps.adaptive import RSSMaps, Walsh
from wellposed_mri.maps.espirit import ESPIRiT

__all__ = ["ESPIRiT", "RSSMaps", "Walsh"]
