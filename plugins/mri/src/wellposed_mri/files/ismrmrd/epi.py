"""Echo-planar readouts made straight: samples on ramps onto the grid, and even against odd echoes.

The gradient swings to and fro, so every other readout runs backwards, and a delay of the gradient shifts the
two directions against each other: a linear phase in the image's columns, which folds a ghost half a field of
view away. Navigators, readouts of both directions without phase encoding, tell it (Bruder et al. 1992).
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np

from wellposed.errors import FileFormatError
from wellposed_mri.files.ismrmrd.header import Encoding
from wellposed_mri.files.ismrmrd.readouts import centre_of, readouts
from wellposed_mri.files.ismrmrd.selection import AXES, NAVIGATOR, NOISE, REVERSE
from wellposed_mri.files.opening import bounded

TIMES = ("rampUpTime", "flatTopTime", "rampDownTime", "dwellTime")
"""What the header's trajectoryDescription tells of a trapezoid, in µs, by the names that converters use."""

WIDEST = 1.05
"""The largest step between samples, in 1/FOV, from which columns can be told apart."""


@attrs.frozen(eq=False)
class Straightener:
    """Turns a readout ``(coils, samples)`` into k-space ``(coils, columns)`` on the grid, without its ghost.

    Parameters
    ----------
    columns
        From samples to the image's columns, ``(columns, samples)``, of forward and of backward readouts.
    phases
        The phase of backward readouts against forward ones, in radians: its slope per column, and its value
        in the middle column; by the counters of an image, and by ``(slice,)`` for images without navigators
        of their own.
    """

    columns: tuple[np.ndarray, np.ndarray]
    phases: Mapping[tuple[int, ...], tuple[float, float]]

    def __call__(self, path: str | PathLike[str], head: Any, line: np.ndarray) -> np.ndarray:
        """Return the readout; backward ones were turned round already."""
        image = self.image(path, head, line)
        if self.phases:
            slope, offset = self._phase(path, head)
            # half of the slope each: a delay moves the two directions apart, and both are moved back
            phase = slope / 2 * (np.arange(image.shape[-1]) - image.shape[-1] // 2)
            image = image * np.exp(-1j * (phase + offset) if _backward(head) else 1j * phase)
        grid: np.ndarray = _to_grid(image).astype(np.complex64)
        return grid

    def image(self, path: str | PathLike[str], head: Any, line: np.ndarray) -> np.ndarray:
        """Return the columns of a readout as it is, ``(coils, columns)``."""
        columns = self.columns[_backward(head)]
        if line.shape[1] != columns.shape[1]:
            raise FileFormatError(
                f"{fspath(path)}: readout {int(head['scan_counter'])} has {line.shape[1]} samples and others "
                f"{columns.shape[1]}; echo-planar readouts of one length are expected."
            )
        found: np.ndarray = line @ columns.T
        return found

    def _phase(self, path: str | PathLike[str], head: Any) -> tuple[float, float]:
        counters = _counters(head)
        found = self.phases.get(counters, self.phases.get(counters[-1:]))
        if found is None:
            raise FileFormatError(
                f"{fspath(path)}: no navigators of slice {counters[-1]}; read it with ghost_correction=false."
            )
        return found


def straightener(
    path: str | PathLike[str],
    table: Any,
    rows: np.ndarray,
    encoding: Encoding,
    correct: bool,
    max_bytes: int,
) -> Straightener:
    """Return how the readouts ``rows`` of an echo-planar scan become k-space.

    Raises
    ------
    FileFormatError
        Where the header does not say how samples lie on the ramps, or ghosts are to be corrected and there
        are no navigators of both directions.
    """
    heads = table["head"][rows]
    width = encoding.encoded[2]
    ahead = heads[np.argmin(heads["flags"] & np.uint64(REVERSE))]
    back = heads[np.argmax(heads["flags"] & np.uint64(REVERSE))]
    bounded(path, (max(int(h["number_of_samples"]) for h in (ahead, back)), width), 16, max_bytes)
    columns = [_columns(path, places(path, encoding, head), encoding) for head in (ahead, back)]
    plain = Straightener((columns[0], columns[1]), {})
    both = _backward(back) and not _backward(ahead)
    return attrs.evolve(plain, phases=_phases(path, table, plain)) if correct and both else plain


def _columns(path: str | PathLike[str], k: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Return what makes the image's columns of samples at ``k``, by least squares, ``(columns, samples)``.

    Where samples on the flat top lie too far apart for the whole (oversampled) field of view, the outermost
    columns are taken to be empty, as far as the image's own field of view leaves them out.
    """
    width = encoding.encoded[2]
    widest = float(np.diff(k).max(initial=0.0))
    told = width if widest <= WIDEST else int(width * WIDEST / widest)
    if told < encoding.readout:
        raise FileFormatError(
            f"{fspath(path)}: neighbouring samples lie up to {widest:.3g}/FOV apart, so {encoding.readout} "
            f"columns of {width} cannot be told apart; is the header's matrixSize right?"
        )
    first = width // 2 - told // 2
    found = np.zeros((width, len(k)), dtype=np.complex128)
    matrix = _encoding_matrix(k, width)[:, first : first + told]
    found[first : first + told] = np.linalg.pinv(matrix, rcond=1e-3)
    return found


def places(path: str | PathLike[str], encoding: Encoding, head: Any) -> np.ndarray:
    """Return where the samples of a readout lie, in cycles per encoded field of view, ascending.

    On a trapezoid the acquisition is centred, and reaches from one end of k-space to the other, as the
    header's matrix says; without one the samples are even.
    """
    width = encoding.encoded[2]
    samples = int(head["number_of_samples"]) - int(head["discard_pre"]) - int(head["discard_post"])
    times = [encoding.description.get(name, 0.0) for name in TIMES]
    if times[0] + times[2] == 0:
        if samples != width:
            raise FileFormatError(
                f"{fspath(path)}: the header's matrix has {width} columns, echo-planar readouts have "
                f"{samples} samples, and no trajectoryDescription says how they lie on the ramps "
                f"({', '.join(TIMES)}); regrid them first."
            )
        return np.arange(samples, dtype=np.float64) - centre_of(head, width)
    if _backward(head):  # turned round, it runs down the first ramp last
        times[0], times[2] = times[2], times[0]
    return _on_trapezoid(path, samples, width, times)


def _on_trapezoid(path: str | PathLike[str], samples: int, width: int, times: list[float]) -> np.ndarray:
    up, flat, down, dwell = times
    if (
        not np.isfinite(times).all()
        or min(times) < 0
        or dwell <= 0
        or samples * dwell > (up + flat + down) * (1 + 1e-6)
    ):
        raise FileFormatError(
            f"{fspath(path)}: {samples} samples of {dwell:g} µs do not fit a gradient of {up:g} + {flat:g} + "
            f"{down:g} µs (ramp, flat top, ramp); is the header's dwellTime in µs?"
        )
    total = up + flat + down
    start = (total - samples * dwell) / 2
    ends = _area(np.array([start, total - start]), up, flat, down)
    middle = _area(start + (np.arange(samples) + 0.5) * dwell, up, flat, down)
    found: np.ndarray = (middle - _area(np.array([total]), up, flat, down) / 2) * width / (ends[1] - ends[0])
    return found


def _area(t: np.ndarray, up: float, flat: float, down: float) -> np.ndarray:
    """Return the area under a trapezoid of height 1 up to the times ``t``."""
    rise = np.clip(t, 0, up) ** 2 / (2 * up) if up else 0.0
    level = np.clip(t - up, 0, flat)
    left = np.clip(t - up - flat, 0, down)
    fall = left - left**2 / (2 * down) if down else 0.0
    area: np.ndarray = rise + level + fall
    return area


def _encoding_matrix(k: np.ndarray, width: int) -> np.ndarray:
    """Return the centred orthonormal Fourier transform of ``width`` columns at ``k``, in cycles/FOV."""
    x = np.arange(width) - width // 2
    matrix: np.ndarray = np.exp(-2j * np.pi * np.outer(k, x) / width) / np.sqrt(width)
    return matrix


def _to_grid(image: np.ndarray) -> np.ndarray:
    grid: np.ndarray = np.fft.fftshift(
        np.fft.fft(np.fft.ifftshift(image, axes=-1), norm="ortho", axis=-1), axes=-1
    )
    return grid


def _phases(
    path: str | PathLike[str], table: Any, plain: Straightener
) -> dict[tuple[int, ...], tuple[float, float]]:
    """Return the phase of backward against forward readouts, from all navigators of each image."""
    heads = table["head"]
    navigators = (heads["flags"] & np.uint64(NAVIGATOR)) != 0
    navigators &= (heads["flags"] & np.uint64(NOISE)) == 0
    sums: dict[tuple[int, ...], list[list[np.ndarray]]] = {}
    for row, line in readouts(path, table, np.flatnonzero(navigators)):
        head = row["head"]
        image = plain.image(path, head, line)
        for key in (_counters(head), _counters(head)[-1:]):
            pair = sums.setdefault(key, [[], []])
            pair[_backward(head)].append(image)
    found = {
        key: _linear_phase(np.mean(ahead, 0), np.mean(back, 0))
        for key, (ahead, back) in sums.items()
        if ahead and back
    }
    if not found:
        raise FileFormatError(
            f"{fspath(path)}: the echo-planar readouts run in both directions, and there are no navigators "
            "of both (ACQ_IS_PHASECORR_DATA) to tell what shifts them against each other; read it with "
            "ghost_correction=false, which leaves the ghost."
        )
    return found


def _linear_phase(ahead: np.ndarray, back: np.ndarray) -> tuple[float, float]:
    """Return slope and middle of the phase of ``back`` against ``ahead`` (coils, columns), by energy.

    The slope is that of neighbouring columns, which needs no unwrapping (Ahn and Cho 1987).
    """
    product = (back * ahead.conj()).sum(0)
    slope = float(np.angle((product[1:] * product[:-1].conj()).sum()))
    x = np.arange(len(product)) - len(product) // 2
    return slope, float(np.angle((product * np.exp(-1j * slope * x)).sum()))


def _counters(head: Any) -> tuple[int, ...]:
    return tuple(int(head["idx"][axis]) for axis in AXES)


def _backward(head: Any) -> bool:
    return bool(int(head["flags"]) & REVERSE)
