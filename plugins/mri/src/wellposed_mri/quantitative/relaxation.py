"""Relaxation: the signal's course over echo times, recovery times or flip angles."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri.quantitative.signals import SignalModel, require_times

GRID = 96
"""Candidates for a rate, evenly on a logarithmic scale: neighbours differ by less than a tenth."""


LONGEST_ECHO, LONGEST_RECOVERY, LONGEST_TR = 5.0, 30.0, 2.0
"""Seconds beyond which times must be milliseconds: no T2 is above 3 s, no T1 above 5 s."""


class MultiEchoT2(SignalModel):
    """``y_e = amplitude · exp(−R2 · t_e)``: T2 from spin echoes, or T2* from gradient echoes.

    Parameters
    ----------
    echo_times
        t_e in seconds, ``(E,)``.

    Notes
    -----
    Maps ``(B, 2, H, W)``: amplitude and R2 = 1/T2 in 1/s; signals ``(B, E, H, W)``, real. Signals at the
    noise floor of a magnitude image are no exponential: leave late echoes out.
    """

    names = ("amplitude", "R2")
    echo_times: Tensor

    def __init__(self, echo_times: Tensor) -> None:
        require_times("echo_times", echo_times, LONGEST_ECHO)
        super().__init__(len(echo_times), echo_times.dtype)
        self.register_value("echo_times", echo_times)

    def _columns(self, p: Tensor) -> Tensor:
        return torch.exp(-along(self.echo_times, p) * p).unsqueeze(1)

    def _candidates(self) -> Tensor:
        return rates(self.echo_times)


class RecoveryT1(SignalModel):
    """``y_e = amplitude · (1 − inversion · exp(−R1 · t_e))``: T1 from inversion or saturation recovery.

    Parameters
    ----------
    times
        Times after the preparation pulse t_e in seconds, ``(E,)``.
    inversion
        2 for a perfect inversion, 1 for saturation, between them for imperfect pulses.

    Notes
    -----
    Maps ``(B, 2, H, W)``: amplitude and R1 = 1/T1 in 1/s; signals ``(B, E, H, W)``, real with their sign:
    take the real part after removing the phase of the latest image.
    """

    names = ("amplitude", "R1")
    times: Tensor

    def __init__(self, times: Tensor, inversion: float = 2.0) -> None:
        require_times("times", times, LONGEST_RECOVERY)
        if not 0 < inversion <= 2:
            raise ParameterError(f"inversion = {inversion}, but it lies in (0, 2]: 2 inverts, 1 saturates.")
        super().__init__(len(times), times.dtype)
        self.register_value("times", times)
        self.inversion = inversion

    def _columns(self, p: Tensor) -> Tensor:
        return (1 - self.inversion * torch.exp(-along(self.times, p) * p)).unsqueeze(1)

    def _candidates(self) -> Tensor:
        return rates(self.times)


class VariableFlipAngleT1(SignalModel):
    """``y_e = amplitude · sin α_e · (1 − E1)/(1 − E1·cos α_e)``, ``E1 = exp(−R1·TR)``: spoiled echoes.

    Parameters
    ----------
    angles
        Flip angles α_e in radians, ``(E,)``.
    repetition_time
        TR in seconds.

    Notes
    -----
    Maps ``(B, 2, H, W)``: amplitude and R1 = 1/T1 in 1/s; signals ``(B, E, H, W)``, real.

    References
    ----------
    S. C. L. Deoni, B. K. Rutt and T. M. Peters, Magn. Reson. Med. 49 (2003) 515–526, doi:10.1002/mrm.10407.
    """

    names = ("amplitude", "R1")
    angles: Tensor

    def __init__(self, angles: Tensor, repetition_time: float) -> None:
        if angles.ndim != 1 or not angles.is_floating_point():
            raise SpaceError(f"angles have shape {tuple(angles.shape)}, but a vector of radians is expected.")
        if not torch._C._functorch.is_functorch_wrapped_tensor(angles):
            largest = float(angles.detach().abs().max())
            if largest > torch.pi:
                raise ParameterError(
                    f"angles reach {largest:g} rad, more than π; are they in degrees? Then pass "
                    "angles.deg2rad()."
                )
        if not 0 < repetition_time <= LONGEST_TR:
            raise ParameterError(
                f"repetition_time = {repetition_time:g}, but seconds up to {LONGEST_TR:g} are expected; "
                "divide milliseconds by 1000."
            )
        super().__init__(len(angles), angles.dtype)
        self.register_value("angles", angles)
        self.repetition_time = repetition_time

    def _columns(self, p: Tensor) -> Tensor:
        decay, angle = torch.exp(-self.repetition_time * p), along(self.angles, p)
        return (angle.sin() * (1 - decay) / (1 - decay * angle.cos())).unsqueeze(1)

    def _candidates(self) -> Tensor:
        t = self.repetition_time
        return torch.logspace(-3.5, 0.7, GRID, dtype=torch.float64, device=self.angles.device) / t


def along(values: Tensor, p: Tensor) -> Tensor:
    """Return ``values`` along a new first axis, broadcasting against ``p``."""
    return values.reshape(-1, *(1,) * p.ndim)


def rates(times: Tensor) -> Tensor:
    """Return candidates of a rate that ``times`` can tell: from a twentieth of 1/longest to 5/shortest."""
    positive = times.detach()[times.detach() > 0].double()
    if positive.numel() == 0:
        raise ParameterError("all times are 0: a rate needs signals at different times.")
    low, high = 0.05 / float(positive.max()), 5 / float(positive.min())
    exponents = torch.linspace(0, 1, GRID, dtype=torch.float64, device=times.device)
    return low * (high / low) ** exponents
