"""The value itself; how it becomes bytes is told in ``_container``, ``_values`` and ``_objects``."""

from __future__ import annotations

import copy
import importlib.metadata
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import DtypeError, FileFormatError, ParameterError, SpaceError
from wellposed.immutable import complex_aware
from wellposed.measurement._container import read_container, write_container
from wellposed.measurement._objects import Decoder, Encoder
from wellposed.spaces import ProductSpace, Space, Vector
from wellposed.vectors import leaves, map_vector

if TYPE_CHECKING:
    from wellposed.registry import Registry

MAX_BYTES = 4 * 2**30
"""Largest file that :meth:`Measurement.load` opens unless told otherwise: 4 GiB."""

FORMAT = "wellposed.measurement"
VERSION = 1


def _vector(instance: Measurement, field: attrs.Attribute[Any], value: object) -> None:
    if value is None and field.name == "reference":
        return
    if not _is_vector(value):
        raise ParameterError(
            f"Measurement({field.name}=…) is a {type(value).__name__}, but a tensor (B, …) or a nested, "
            "non-empty tuple of them is expected; convert arrays with torch.as_tensor."
        )
    sizes = {tuple(t.shape[:1]) for t in leaves(value)}  # type: ignore[arg-type]
    if len(sizes) > 1 or () in sizes:
        shapes = [tuple(t.shape) for t in leaves(value)]  # type: ignore[arg-type]
        raise ParameterError(
            f"Measurement({field.name}=…) has shapes {shapes}, which share no batch axis; "
            "the first axis of every tensor is the batch, of one length: pass x[None] for a single sample."
        )


def _is_vector(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) > 0 and all(_is_vector(part) for part in value)
    return isinstance(value, Tensor)


def _mapping(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return dict(value or {})


@attrs.frozen(eq=False)
class Measurement:
    """Measurements ``y``, the ``physics`` that made them, and what else is known.

    Parameters
    ----------
    y
        Tensor ``(B, …)``, or a nested tuple of such tensors for stacked physics.
    physics
        The forward model, with or without its noise; ``None`` where it is not known (a photograph).
    reference
        The truth, where there is one: same conventions as ``y``.
    meta
        Anything worth keeping, by name: numbers, text, lists, mappings, bytes, tensors.

    Raises
    ------
    ParameterError
        ``y`` or ``reference`` is not made of tensors with one common batch axis.
    SpaceError, DtypeError
        ``y`` is not in the physics' range, or ``reference`` not in its domain, where it has them.
    """

    y: Vector = attrs.field(validator=_vector)
    physics: Any = None
    reference: Vector | None = attrs.field(default=None, validator=_vector)
    meta: Mapping[str, Any] = attrs.field(factory=dict, converter=_mapping)

    def __attrs_post_init__(self) -> None:
        """Check that the physics could have made ``y`` of ``reference``."""
        for name, space in (("y", "range"), ("reference", "domain")):
            vector, known = getattr(self, name), getattr(self.physics, space, None)
            if vector is not None and isinstance(known, Space | ProductSpace):
                known.check(vector, f"Measurement({name}=…), by the {space} of its physics,")

    def replace(self, **changes: Any) -> Measurement:
        """Return a copy with some fields changed."""
        return attrs.evolve(self, **changes)

    def to(self, *args: Any, **kwargs: Any) -> Measurement:
        """Return a copy with ``y``, ``reference`` and physics moved, as by ``Module.to``; ``meta`` stays.

        A real dtype sets the precision: complex tensors stay complex.
        """
        move = complex_aware(lambda t: t.to(*args, **kwargs))
        physics = self.physics
        if isinstance(physics, torch.nn.Module):
            # Module.to works in place, and this object promises to change nothing
            physics = copy.deepcopy(physics).to(*args, **kwargs)
        reference = None if self.reference is None else map_vector(move, self.reference)
        return attrs.evolve(self, y=map_vector(move, self.y), physics=physics, reference=reference)

    def save(
        self, path: str | PathLike[str], *, overwrite: bool = False, registry: Registry | None = None
    ) -> None:
        """Write everything to one safetensors file, atomically.

        The physics is kept as the registered names and the arguments that rebuild it, never as code or a
        pickle; so each of its parts must be a registered component.

        Parameters
        ----------
        path
            The file to create.
        overwrite
            Whether an existing file may be replaced.
        registry
            Where the names of the physics' parts are looked up; the process's default when ``None``.

        Raises
        ------
        OutputExistsError
            ``path`` exists and ``overwrite`` is false.
        ParameterError
            The physics or ``meta`` holds something that cannot be saved; the message says where.
        """
        encoder = Encoder(registry)
        payload = {
            "format": FORMAT,
            "version": VERSION,
            "versions": _versions(),
            "y": encoder.value(self.y, "y"),
            "reference": encoder.value(self.reference, "reference"),
            "physics": encoder.value(self.physics, "physics"),
            "meta": encoder.value(dict(self.meta), "meta"),
        }
        write_container(path, payload, encoder.tensors, overwrite=overwrite)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, registry: Registry | None = None, max_bytes: int = MAX_BYTES
    ) -> Measurement:
        """Read a file written by :meth:`save`; it may come from a stranger.

        Sizes are compared with the file's length before anything is allocated, contents with checksums;
        nothing is unpickled, and nothing outside the registry can be named. Objects of kinds other than
        physics, noise and transform are refused.

        Parameters
        ----------
        path
            The file.
        registry
            Where names are resolved; the process's default when ``None``.
        max_bytes
            Largest file accepted.

        Raises
        ------
        FileFormatError
            The file is damaged, truncated, larger than ``max_bytes``, or not such a file.
        RegistryError
            The physics needs a pack that is not installed; the message says which.
        """
        payload, tensors = read_container(path, max_bytes)
        _check_kind(path, payload)
        decoder = Decoder(path, tensors, registry)
        fields = {key: decoder.value(payload.get(key), key) for key in ("y", "reference", "physics", "meta")}
        decoder.finish()
        if not isinstance(fields["meta"], dict):
            raise FileFormatError(f"{path}: 'meta' is not a mapping; the file is damaged.")
        try:
            return cls(**fields)
        except (ParameterError, SpaceError, DtypeError) as error:
            raise FileFormatError(f"{path}: the file is damaged: {error}") from error

    def __repr__(self) -> str:
        """Return shapes and dtypes, not thousands of numbers."""
        parts = [f"y={_show(self.y)}"]
        if self.physics is not None:
            parts.append(f"physics={self.physics!r}")
        if self.reference is not None:
            parts.append(f"reference={_show(self.reference)}")
        if self.meta:
            parts.append(f"meta={{{', '.join(self.meta)}}}")
        return f"Measurement({', '.join(parts)})"


def _check_kind(path: str | PathLike[str], payload: Mapping[str, Any]) -> None:
    if payload.get("format") != FORMAT:
        found = str(payload.get("format"))[:60]
        raise FileFormatError(f"{path}: holds {found!r}, not a {FORMAT!r}; open it with what wrote it.")
    version = payload.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise FileFormatError(
            f"{path}: has format version {str(version)[:20]}, and this wellposed reads up to {VERSION}; "
            "upgrade wellposed, or save the file again with this version."
        )


def _versions() -> dict[str, str]:
    try:
        ours = importlib.metadata.version("wellposed")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that nobody installed
        ours = "unknown"
    return {"wellposed": ours, "torch": str(torch.__version__)}


def _show(x: Vector) -> str:
    if isinstance(x, Tensor):
        return f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}"
    return f"({', '.join(_show(part) for part in x)})"
