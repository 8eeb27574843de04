"""Where pictures are compared: on the pixels that the measurement covers, and nowhere else.

A camera's blur is larger than its picture: the sharp image that explains it has a border that the measured
one lacks, and that no method can know well. Scoring the input there is impossible, and scoring only the
methods there would be unfair; so all are scored on the part that both have.
"""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor


def seen_by(measurement: Any, image: Any) -> Region | None:
    """Return what of ``image`` the measurement shows; ``None`` if its data are no picture of it.

    A physics whose data have the axes of a picture, but are none (a sinogram), says so by
    ``data_are_pictures = False``.
    """
    operator = getattr(measurement.physics, "operator", measurement.physics)
    if not getattr(operator, "data_are_pictures", True):
        return None
    return Region.between(image, measurement.y)


@attrs.frozen
class Region:
    """Pixels to leave out at the borders of the last axes: ``((top, bottom), (left, right))``."""

    margins: tuple[tuple[int, int], ...] = ()

    @classmethod
    def between(cls, image: Any, measured: Any) -> Region | None:
        """Return what of ``image`` the tensor ``measured`` shows; ``None`` if it is no picture of it.

        The larger image is cut about its centre. Where an odd number of pixels is missing the smaller
        half is cut first, which is the alignment of a ``valid`` convolution whose kernel has its
        origin at ``k // 2``.
        """
        if not (isinstance(image, Tensor) and isinstance(measured, Tensor)) or image.ndim != measured.ndim:
            return None
        if image.ndim < 3 or image.shape[:2] != measured.shape[:2]:
            return None
        if image.is_complex() or measured.is_complex():
            return None  # k-space has the axes of its image
        missing = [n - m for n, m in zip(image.shape[2:], measured.shape[2:], strict=True)]
        if min(missing) < 0:
            return None
        return cls(tuple((n // 2, n - n // 2) for n in missing))

    @classmethod
    def known(cls, truth: Any) -> Region:
        """Return where ``truth`` is known: NaN stands for borders that are not."""
        if not isinstance(truth, Tensor) or truth.ndim < 3 or bool(truth.isfinite().all()):
            return cls()
        finite, margins = truth.isfinite(), []
        for axis in range(2, truth.ndim):
            others = [other for other in range(truth.ndim) if other != axis]
            places = finite.any(dim=others).nonzero().flatten()
            if not len(places):
                return cls()
            margins.append((int(places[0]), truth.shape[axis] - 1 - int(places[-1])))
        return cls(tuple(margins))

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not any(map(any, self.margins))

    def crop(self, image: Tensor) -> Tensor:
        """Return the region of ``image``, a view."""
        for axis, (before, after) in enumerate(self.margins, start=-len(self.margins)):
            image = image.narrow(axis, before, image.shape[axis] - before - after)
        return image

    def sentence(self, image: Tensor) -> str:
        """Return how this reads in a report."""
        shown = " × ".join(map(str, self.crop(image).shape[2:]))
        if self.whole:
            return f"the whole image, {shown} pixels"
        full = " × ".join(map(str, image.shape[2:]))
        if image.is_complex():
            return f"the central {shown} pixels of {full}, where the reference is known"
        return f"the {shown} pixels that were measured, of {full} reconstructed"
