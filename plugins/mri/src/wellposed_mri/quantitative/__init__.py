"""Quantitative imaging: signals of one pixel as functions of its tissue, and the fit that inverts them."""

from wellposed_mri.quantitative.fitting import SignalFit, cramer_rao
from wellposed_mri.quantitative.frequency import FieldMapEchoes, WaterFatEchoes
from wellposed_mri.quantitative.relaxation import MultiEchoT2, RecoveryT1, VariableFlipAngleT1
from wellposed_mri.quantitative.signals import SignalModel
from wellposed_mri.quantitative.smooth_field import SmoothFieldFit

__all__ = [
    "FieldMapEchoes",
    "MultiEchoT2",
    "RecoveryT1",
    "SignalFit",
    "SignalModel",
    "SmoothFieldFit",
    "VariableFlipAngleT1",
    "WaterFatEchoes",
    "cramer_rao",
]
