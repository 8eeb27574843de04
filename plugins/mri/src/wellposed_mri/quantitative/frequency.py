"""Frequencies seen in the phase of echoes: the field map, and fat beside water."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.quantitative.relaxation import along
from wellposed_mri.quantitative.signals import SignalModel, require_times

PROTON_MHZ = 42.577478518
"""γ/2π of the proton in MHz/T."""

LONGEST_ECHO = 0.5
"""Seconds beyond which gradient echoes' times must be milliseconds: T2* is below 0.2 s."""

FAT_PPM = (-3.80, -3.40, -2.60, -1.94, -0.39, 0.60)
"""Frequencies of the peaks of fat relative to water in ppm (Hamilton et al. 2011, liver)."""

FAT_SHARES = (0.087, 0.693, 0.128, 0.004, 0.039, 0.048)
"""Relative amplitudes of the peaks; their sum is rounded to 0.999 in the paper."""


class FieldMapEchoes(SignalModel):
    """``y_e = (re + i·im) · exp(−2πi · frequency · t_e)``: the field map from the phase of echoes.

    The sign is that of :class:`~wellposed_mri.OffResonanceMRI`, to which the map can be given as it is.

    Parameters
    ----------
    echo_times
        t_e in seconds, ``(E,)``, two at least. Frequencies beyond half of 1/(their smallest distance) are
        taken for others (phase wraps), unless unequal distances tell them apart, or neighbours in
        :class:`~wellposed_mri.SmoothFieldFit`.
    span
        Frequencies are sought within ±span Hz; by default the ± half of 1/(smallest distance).

    Notes
    -----
    Maps ``(B, 3, H, W)``: real and imaginary part of the signal at time 0, and frequency in Hz; signals
    ``(B, E, H, W)``, complex.
    """

    names = ("re", "im", "frequency")
    echo_times: Tensor

    def __init__(self, echo_times: Tensor, span: float | None = None) -> None:
        require_times("echo_times", echo_times, LONGEST_ECHO)
        super().__init__(len(echo_times), echo_times.dtype, complex_signal=True)
        self.register_value("echo_times", echo_times)
        self.span = span

    def _columns(self, p: Tensor) -> Tensor:
        return turned(along(self.echo_times, p) * p).unsqueeze(1)

    def _candidates(self) -> Tensor:
        return frequencies(self.echo_times, self.span)


class WaterFatEchoes(SignalModel):
    """``y_e = (W + F · Σ_p share_p exp(−2πi f_p t_e)) · exp(−2πi · frequency · t_e)``: water and fat (Dixon).

    Fat has six peaks, with the frequencies and shares of Hamilton et al. (2011).

    Parameters
    ----------
    echo_times
        t_e in seconds, ``(E,)``, three at least, spread over the 1/(3.4 ppm) of the main peak.
    field_strength
        B0 in tesla.
    span
        Frequencies are sought within ±span Hz; by default the ± half of 1/(smallest distance of echoes).

    Notes
    -----
    Maps ``(B, 5, H, W)``: real and imaginary part of water, of fat, and frequency in Hz; signals
    ``(B, E, H, W)``, complex. Fat alone and water alone with another frequency look much alike
    with few echoes: :class:`~wellposed_mri.SignalFit`, pixel by pixel, may swap them, which
    :class:`~wellposed_mri.SmoothFieldFit` prevents.

    References
    ----------
    G. Hamilton et al., "In vivo characterization of the liver fat ¹H MR spectrum", NMR Biomed. 24 (2011)
    784–790, doi:10.1002/nbm.1622; S. B. Reeder et al., "Iterative decomposition of water and fat with echo
    asymmetry and least-squares estimation", Magn. Reson. Med. 54 (2005) 636–644, doi:10.1002/mrm.20624.
    """

    names = ("water_re", "water_im", "fat_re", "fat_im", "frequency")
    echo_times: Tensor

    def __init__(self, echo_times: Tensor, field_strength: float, span: float | None = None) -> None:
        require_times("echo_times", echo_times, LONGEST_ECHO)
        if not 0.01 <= field_strength <= 30:
            raise ParameterError(f"field_strength = {field_strength}, but tesla are expected.")
        super().__init__(len(echo_times), echo_times.dtype, amplitudes=2, complex_signal=True)
        self.register_value("echo_times", echo_times)
        self.field_strength = field_strength
        self.span = span

    def fat(self) -> Tensor:
        """Return the signal of fat of amplitude 1 at the echoes, ``(E,)`` complex."""
        hertz = torch.tensor(FAT_PPM, dtype=torch.float64) * PROTON_MHZ * self.field_strength
        share = torch.tensor(FAT_SHARES, dtype=torch.float64) / sum(FAT_SHARES)
        times = self.echo_times[:, None]
        return (share.to(times) * turned(times * hertz.to(times))).sum(-1)

    def _columns(self, p: Tensor) -> Tensor:
        turn, fat = turned(along(self.echo_times, p) * p), self.fat()
        return torch.stack([turn, turn * along(fat, p)], 1)

    def _candidates(self) -> Tensor:
        return frequencies(self.echo_times, self.span)


def turned(turns: Tensor) -> Tensor:
    """Return ``exp(−2πi · turns)``."""
    angle = -2 * math.pi * turns
    return torch.polar(torch.ones_like(angle), angle)


def frequencies(times: Tensor, span: float | None) -> Tensor:
    """Return candidates within ±span, a sixteenth of a turn over the echoes apart."""
    t = times.detach().double().sort().values
    gap = float(t.diff().min()) if len(t) > 1 else 0.0
    if gap <= 0:
        raise ParameterError("two echo times are equal, or there is one only: a frequency needs differences.")
    if span is not None and not span > 0:
        raise ParameterError(f"span = {span}, but it is a positive number of hertz.")
    reach = 0.5 / gap if span is None else span
    count = 2 * math.ceil(16 * reach * float(t[-1] - t[0])) + 1
    # From the middle outwards, so that of frequencies that fit alike the smallest is taken.
    grid = torch.linspace(-reach, reach, count + 2, dtype=torch.float64, device=times.device)[1:-1]
    return grid[grid.abs().argsort(stable=True)]
