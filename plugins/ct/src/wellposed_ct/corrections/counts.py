"""From counts to line integrals: flat and dark fields, then the logarithm of Beer and Lambert.

A detector's bin counts ``dark + gain · transmission``; both are measured without the sample, so they cancel.
"""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError

__all__ = ["FlatDark", "line_integrals", "transmission"]


def transmission(counts: Tensor, flats: Tensor, darks: Tensor | None = None) -> Tensor:
    """Return what fraction of the radiation passes, ``(counts − dark)/(flat − dark)``.

    Parameters
    ----------
    counts
        ``(…, views, bins)``, real or integer.
    flats, darks
        Frames without sample and without beam, ``(…, frames, bins)``; their mean is taken. No darks: zero.

    Returns
    -------
    Tensor
        Like ``counts`` in its floating dtype (float32 for integers). Bins whose flat field is not brighter
        than the dark one know nothing: they get their neighbours' values, with a warning.

    Raises
    ------
    SpaceError
        Flats or darks of another number of bins.
    ParameterError
        NaN, infinite or negative counts; a detector without any bin that responds.
    """
    data = _checked("counts", counts, counts)
    flat = _checked("flats", flats, counts).mean(-2, keepdim=True)
    dark = flat.new_zeros(()) if darks is None else _checked("darks", darks, counts).mean(-2, keepdim=True)
    bright = flat - dark
    dead = bright <= 0
    if bool(dead.all()):
        raise ParameterError(
            f"no bin's flat field (mean {float(flat.mean()):.4g}) is brighter than its dark field (mean "
            f"{float(dark.mean()):.4g}); are flats and darks swapped?"
        )
    passed = (data - dark) / torch.where(dead, torch.ones_like(bright), bright)
    if not bool(dead.any()):
        return passed
    warnings.warn(
        f"{int(dead.sum())} of {dead.numel()} detector bins do not respond (flat ≤ dark); they are filled "
        "from their neighbours.",
        UserWarning,
        stacklevel=2,
    )
    from wellposed_ct.corrections.metal import inpaint

    return inpaint(passed, dead.expand_as(passed))


def line_integrals(passed: Tensor, floor: float = 1e-4) -> Tensor:
    """Return −log of a transmission, nepers; less than ``floor``, noise or nothing, counts as ``floor``."""
    if not 0 < floor < 1:
        raise ParameterError(f"floor = {floor} must be in (0, 1): the least transmission that is believed.")
    return -torch.log(passed.clamp(min=floor))


@attrs.frozen(eq=False)
class FlatDark:
    """Counts to nepers by the flat and dark fields of the same scan.

    Parameters
    ----------
    flats, darks
        As in :func:`transmission`.
    floor
        As in :func:`line_integrals`.
    """

    flats: Tensor = attrs.field(repr=False)
    darks: Tensor | None = attrs.field(default=None, repr=False)
    floor: float = 1e-4

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return nepers ``(B, C, views, bins)`` of counts, and ``physics`` as it is."""
        return line_integrals(transmission(y, self.flats, self.darks), self.floor), physics


def _checked(name: str, values: Tensor, counts: Tensor) -> Tensor:
    dtype = counts.dtype if counts.is_floating_point() else torch.float32
    if values.is_complex() or values.ndim < 2:
        raise SpaceError(f"{name} are {values.dtype} of shape {tuple(values.shape)}; real (…, frames, bins).")
    if values.shape[-1] != counts.shape[-1]:
        raise SpaceError(
            f"{name} have {values.shape[-1]} bins, but the counts have {counts.shape[-1]}; flats, darks and "
            "projections must be of the same detector, with the same binning and region."
        )
    if 0 in values.shape:
        raise SpaceError(
            f"{name} of shape {tuple(values.shape)} hold no frame; leave them out, or read them again."
        )
    found = values.to(dtype)
    bad = int((~torch.isfinite(found)).sum())
    if bad:
        raise ParameterError(
            f"{bad} of {found.numel()} {name} are NaN or infinite; repair those frames first."
        )
    below = int((found < 0).sum())
    if below:
        raise ParameterError(
            f"{below} of {found.numel()} {name} are negative (least {float(found.min()):.4g}), and photons "
            "are not; has a dark field been subtracted already, or an unsigned type been read as signed?"
        )
    return found
