"""A user's own photograph and the physics that blurred it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError, RegistryError
from wellposed.measurement import Measurement
from wellposed.registry import Registry, install_line

BLUR = "deblurring.blur"
KERNEL_READERS = ("viz.kernel_reader",)


def read_photo(
    path: str | PathLike[str], registry: Registry, *, reader: Any = None, prefer: str | None = None
) -> Measurement:
    """Return what ``path`` holds: a saved measurement, or what a reader of its ending makes of it.

    Parameters
    ----------
    path
        The file.
    registry
        Where readers are looked up.
    reader
        The reader to use; by default the one that the file's ending tells.
    prefer
        A pack. Endings such as ``.h5`` or ``.mat`` belong to several packs: where it has readers of this one,
        they alone are tried, and what they say of the file is what the user hears.

    Raises
    ------
    FileFormatError
        No reader knows the ending, or the file is not what it says.
    """
    if reader is not None:
        chosen: Measurement = reader.read(path)
        return chosen
    if Path(path).suffix.lower() == ".safetensors":
        return Measurement.load(path, registry=registry)
    known_to = registry.for_file("reader", path)
    # another pack's reader would take the file for something else, and the method would not notice
    names = [name for name in known_to if name.partition(".")[0] == prefer] or known_to
    if not names:
        known = sorted({s for c in registry.components(kind="reader") for s in c.suffixes})
        listed = ", ".join([".safetensors", *known])
        hint = "" if known else f" Pictures need pack viz: {install_line('viz')}."
        raise FileFormatError(
            f"{path}: no reader for {Path(path).suffix or 'a file without an ending'!r}; files that can be "
            f"read: {listed}.{hint}"
        )
    refusals: list[FileFormatError] = []
    for name in names:
        try:
            found: Measurement = registry.create(name).read(path)
        except FileFormatError as error:
            refusals.append(error)
        else:
            return found
    raise refusals[0]


def preferred(names: list[str], pack: str | None) -> list[str]:
    """Return ``names`` with those of ``pack`` in front, then those of pictures, the rest in their order."""
    packs = {pack: 0, "viz": 1}
    return sorted(names, key=lambda name: packs.get(name.partition(".")[0], 2))


def read_kernel(path: str | PathLike[str], registry: Registry, *, flip: bool = False) -> Tensor:
    """Return the blur kernel ``(kh, kw)`` in ``path``, of sum one; turned by 180° where ``flip``."""
    known = [name for name in KERNEL_READERS if name in registry.names("reader")]
    if not known:
        raise RegistryError(f"Kernels are read by pack viz, which is not installed: {install_line('viz')}")
    found = registry.create(known[0]).read(path)
    kernel: Tensor = found.y[0, 0]
    return kernel.flip(0, 1) if flip else kernel


def require_smaller(kernel: Tensor, y: Tensor) -> None:
    """Raise :class:`ParameterError` where the kernel is larger than the picture."""
    (kh, kw), (height, width) = kernel.shape[-2:], y.shape[-2:]
    if kh > height or kw > width:
        raise ParameterError(
            f"the kernel has {kh} × {kw} pixels and the image {height} × {width}: a kernel larger than the "
            "image cannot be undone; crop the kernel's black border, or check which file is which."
        )


def blurred_by(y: Tensor, kernel: Tensor, boundary: str, registry: Registry) -> Any:
    """Return the blur whose measurements have the shape of ``y``, ``(1, C, H, W)``.

    With ``boundary="valid"`` the sharp image is larger than ``y`` by the kernel: a camera's picture was
    made from more of the world than it shows.
    """
    height, width = y.shape[-2:]
    kh, kw = kernel.shape[-2:]
    require_smaller(kernel, y)
    grow = (kh - 1, kw - 1) if boundary == "valid" else (0, 0)
    domain = (y.shape[1], height + grow[0], width + grow[1])
    return registry.create(BLUR, kernel=kernel, domain=domain, boundary=boundary)
