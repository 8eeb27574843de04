"""What a method needs of a measurement: declared once, refused in one sentence, used to suggest others.

A method that declares nothing is for every physics. One that knows more than ``A`` and ``A*`` says what it
knows: complex data, rays, a time axis. Each need is a question to the physics, never a list of classes of one
pack, so a stranger's physics answers as well as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import attrs
import torch

from wellposed.errors import ParameterError, RegistryError, UnsuitableError
from wellposed.registry import Registry, default
from wellposed.spaces import ProductSpace, Space, require_tensor
from wellposed.vectors import leaves

__all__ = ["COMPLEX", "LINEAR", "REAL", "Need", "needs", "require", "suitable"]

_SHOWN = 12
_Method = TypeVar("_Method", bound=type)


@attrs.frozen
class Need:
    """Something that a physics has or has not.

    Parameters
    ----------
    what
        What is needed, as in "the method needs …": ``"rays in a plane"``.
    met
        ``met(y, physics)`` says whether it is there. It looks at what the physics is, not at values.
    """

    what: str
    met: Callable[[Any, Any], bool] = attrs.field(repr=False)


def needs(*asked: Need) -> Callable[[_Method], _Method]:
    """Declare, above the class of a method, what it needs; its calls then refuse everything else.

    The class keeps them as its attribute ``needs``. Checked are ``__call__`` (``forward`` of a module),
    ``solve`` and ``sample`` where the class defines them.

    >>> from wellposed.needs import COMPLEX, needs
    >>> @needs(COMPLEX)
    ... class ZeroFilled:
    ...     def __call__(self, y, physics):
    ...         return physics.A_adjoint(y)
    """

    def declare(cls: _Method) -> _Method:
        cls.needs = asked  # type: ignore[attr-defined]
        for name in ("__call__", "forward", "solve", "sample"):
            if name in vars(cls):
                setattr(cls, name, _asking(vars(cls)[name]))
        return cls

    return declare


def _asking(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def asked(self: Any, y: Any, physics: Any, *args: Any, **kwargs: Any) -> Any:
        require(self, y, physics)
        return call(self, y, physics, *args, **kwargs)

    return asked


def require(method: Any, y: Any, physics: Any, name: str | None = None) -> None:
    """Raise unless all that ``method`` needs is there; ``name`` is what the message calls it.

    Raises
    ------
    UnsuitableError
        The first need that is not met, and which installed methods fit instead.
    """
    asked = getattr(method, "needs", ())
    if asked:
        _require_problem(y, physics)
    for need in asked:
        if not need.met(y, physics):
            kind = type(getattr(physics, "operator", physics)).__name__
            raise UnsuitableError(
                f"{name or type(method).__name__} needs {need.what}, which {kind} does not have; "
                f"{_suggestion(y, physics)}."
            )


def _require_problem(y: Any, physics: Any) -> None:
    """Raise where data and physics are not a vector and an operator, as in method(physics, y)."""
    for part in y if isinstance(y, tuple) else (y,):
        if not isinstance(part, tuple):
            require_tensor("y", part, "methods are called as method(y, physics), where y is a tensor")
    operator = getattr(physics, "operator", physics)
    if not any(hasattr(operator, name) for name in ("A", "A_adjoint", "forward")):
        seen = "None" if physics is None else f"a {type(physics).__name__}"
        raise ParameterError(
            f"physics is {seen}, but methods are called as method(y, physics), where physics is an operator "
            "with A and A_adjoint."
        )


def suitable(y: Any, physics: Any, registry: Registry | None = None) -> list[str]:
    """Return the registered methods whose needs are met.

    Those of the physics' own pack come first, then those made for its kind of problem: the more needs they
    have besides :data:`LINEAR` and :data:`REAL`, which most problems meet, the earlier. Of the others, those
    that need least come first.
    """
    registry = default() if registry is None else registry
    own = _packs_of(physics, registry)
    found = []
    for name, target in _importable(registry):
        asked: tuple[Need, ...] = getattr(target, "needs", ())
        if all(need.met(y, physics) for need in asked):
            particular = sum(need not in (LINEAR, REAL) for need in asked)
            found.append((registry.component(name).pack not in own, -particular, len(asked), name))
    return [name for *_, name in sorted(found)]


def _packs_of(physics: Any, registry: Registry) -> set[str]:
    """Return the packs that offer something from the package in which the physics was written."""
    home = _package(type(getattr(physics, "operator", physics)).__module__)
    return {record.pack for record in registry.components() if _package(record.target) == home}


def _package(target: str) -> str:
    return target.partition(":")[0].partition(".")[0]


def _importable(registry: Registry) -> Iterator[tuple[str, Any]]:
    for name in registry.names("reconstructor"):
        try:
            yield name, registry.get(name)
        except RegistryError:  # a pack whose extra is not installed has no advice to give
            continue


def _suggestion(y: Any, physics: Any) -> str:
    names = suitable(y, physics)
    if not names:
        return "no installed method fits"
    more = " and others" if len(names) > _SHOWN else ""
    return f"methods that fit: {', '.join(names[:_SHOWN])}{more}"


def _dtypes(space: Any, otherwise: Any = None) -> Iterator[torch.dtype]:
    """Yield the dtypes of a space; of the vector ``otherwise`` where the space does not say."""
    if isinstance(space, ProductSpace):
        for part in space.spaces:
            yield from _dtypes(part)
    elif isinstance(space, Space) and space.dtype is not None:
        yield space.dtype
    elif otherwise is not None:
        yield from (part.dtype for part in leaves(otherwise))


def _all(wanted: bool) -> Callable[[Any, Any], bool]:
    def met(y: Any, physics: Any) -> bool:
        found = (*_dtypes(getattr(physics, "domain", None)), *_dtypes(getattr(physics, "range", None), y))
        return all(dtype.is_complex is wanted for dtype in found)

    return met


def _linear(y: Any, physics: Any) -> bool:
    return hasattr(getattr(physics, "operator", physics), "A_adjoint")


LINEAR = Need("a linear physics, with an adjoint", _linear)
"""There is an adjoint ``A_adjoint``."""

REAL = Need("real data of real images", _all(False))
"""Neither data nor images are complex."""

COMPLEX = Need("complex data of complex images, as in MRI", _all(True))
"""Data and images are complex."""
