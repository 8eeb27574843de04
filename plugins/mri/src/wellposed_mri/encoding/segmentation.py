"""Few exponentials for many: exp(−2πi·f·t) as a sum of products, with the largest error known.

The matrix of all frequencies of a field map and all sampling times has rapidly falling singular values. Its
columns at a few times, combined with weights that are best in the sense of least squares over the range of
frequencies, replace it; the error is then measured over that range, not assumed.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.encoding.checks import plain

FINE = 16
"""Frequencies per turn of phase at which errors are measured: between them the error hardly changes."""


@attrs.frozen(eq=False)
class Segments:
    """``exp(−2πi·f·t) ≈ Σ_l weights_l(t)·exp(−2πi·f·times_l)`` for the frequencies asked for.

    Parameters
    ----------
    times
        The L segment times in seconds, ``(L,)`` float64.
    weights
        ``(L, samples)`` complex128.
    error
        The largest modulus of the difference, over all samples and the whole range of frequencies.
    """

    times: Tensor
    weights: Tensor
    error: float


def segments(times: Tensor, low: float, high: float, accuracy: float, most: int = 200) -> Segments:
    """Return the fewest segments for which the error is at most ``accuracy``.

    Parameters
    ----------
    times
        Sampling times in seconds, ``(samples,)``.
    low, high
        Range of frequencies in Hz.
    accuracy
        The largest error allowed, relative to the exponentials' modulus of one.
    most
        Segments after which :class:`~wellposed.errors.ParameterError` is raised.

    References
    ----------
    Least-squares interpolators: B. P. Sutton, D. C. Noll and J. A. Fessler, IEEE Trans. Med. Imaging 22
    (2003) 178–188, doi:10.1109/TMI.2002.808360.
    """
    t = np.array(plain(times.detach().double().reshape(-1)).tolist())  # not .numpy(): torch.func refuses it
    distinct, where = np.unique(t, return_inverse=True)
    duration = float(distinct[-1] - distinct[0]) if len(distinct) else 0.0
    count = max(1, math.ceil(abs(high - low) * duration))
    while count <= most:
        found = _fit(distinct, low, high, count) if count < len(distinct) else _exact(distinct)
        if found.error <= accuracy:
            return attrs.evolve(found, weights=found.weights[:, torch.from_numpy(where.reshape(-1))])
        count += 1
    raise ParameterError(
        f"frequencies from {low:.4g} to {high:.4g} Hz over {duration * 1e3:.4g} ms need more than {most} "
        f"segments for an error of {accuracy:g}; is the field map in Hz and are times in seconds?"
    )


def _exact(times: np.ndarray) -> Segments:
    """Return a segment for every time: there is nothing to approximate."""
    weights = torch.eye(len(times), dtype=torch.complex128)
    return Segments(torch.from_numpy(times), weights, 0.0)


def _fit(times: np.ndarray, low: float, high: float, count: int) -> Segments:
    centre = (low + high) / 2
    turns = (high - low) * float(times[-1] - times[0])
    frequencies = np.linspace(low, high, max(33, math.ceil(FINE * turns) + 8 * count)) - centre
    # Nodes as Chebyshev's crowd towards the ends, where equally spaced ones leave the largest errors.
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)[::-1] / math.cos(math.pi / (2 * count))
    nodes = np.zeros(1) if count == 1 else nodes
    places = (times[0] + times[-1]) / 2 + nodes * (times[-1] - times[0]) / 2
    basis = np.exp(-2j * np.pi * frequencies[:, None] * places)
    wanted = np.exp(-2j * np.pi * frequencies[:, None] * times)
    weights, *_ = np.linalg.lstsq(basis, wanted, rcond=1e-13)
    error = float(np.abs(basis @ weights - wanted).max())
    weights = weights * np.exp(-2j * np.pi * centre * (times - places[:, None]))
    return Segments(torch.from_numpy(places), torch.from_numpy(weights), error)
