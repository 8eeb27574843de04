"""Modules that do not change after construction.

Operators, noise models and transforms are shared freely between problems, so rebinding an attribute
would change someone else's physics. A module freezes when its constructor returns; ``replace`` builds
the changed copy. Moving (``.to``), loading a state, pickling and ``functional_call`` still work: they
replace tensors inside torch's own dictionaries and never rebind attributes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from wellposed.errors import DtypeError, ImmutableError, UnknownParameterError
from wellposed.nearest import did_you_mean


class _FreezeAfterInit(type):
    """Set ``_frozen`` once the outermost constructor has returned."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's signature, which ``__call__`` below would hide from ``inspect``."""
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__call__(*args, **kwargs)
        instance.__dict__["_frozen"] = True
        return instance


class Immutable(nn.Module, metaclass=_FreezeAfterInit):
    """An ``nn.Module`` whose public attributes cannot be rebound.

    Every constructor argument is an attribute of the same name (a registered buffer where it is a
    tensor); :meth:`replace`, ``repr`` and configurations read them back. Names with a leading
    underscore stay free for caches.
    """

    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the constructor's arguments, once: a cache would make ``torch.compile`` warn."""
        super().__init_subclass__(**kwargs)
        # not of the class: the metaclass' ``__call__(*args, **kwargs)`` hides its arguments
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        cls._arguments = tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))

    def __init__(self) -> None:  # without it, a subclass of no arguments shows nn.Module's *args
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to rebind once constructed, and say what to do instead."""
        if not name.startswith("_") and name != "training" and self.__dict__.get("_frozen"):
            kind = type(self).__name__
            raise ImmutableError(
                f"{kind}.{name} cannot be rebound: a {kind} does not change after construction. "
                f"Use .replace({name}=…), which returns a new one."
            )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Refuse to delete once constructed."""
        if not name.startswith("_") and self.__dict__.get("_frozen"):
            raise ImmutableError(f"{type(self).__name__}.{name} cannot be deleted: the object is immutable.")
        super().__delattr__(name)

    @classmethod
    def argument_names(cls) -> tuple[str, ...]:
        """Return the constructor's argument names, which are attribute names too."""
        return cls._arguments

    def arguments(self) -> dict[str, Any]:
        """Return ``{name: value}`` such that ``type(self)(**arguments)`` is an equal object."""
        return {name: getattr(self, name) for name in self.argument_names()}

    def replace(self, **changes: Any) -> Self:
        """Return a new object with some constructor arguments changed.

        Raises :class:`~wellposed.errors.UnknownParameterError` for a name that is not an argument.
        """
        names = self.argument_names()
        for name in changes:
            if name not in names:
                raise unknown_parameter(self, name, names)
        return type(self)(**(self.arguments() | changes))

    def register_value(self, name: str, value: Tensor | complex) -> None:
        """Register a tensor or number as buffer ``name``; an ``nn.Parameter`` stays a parameter."""
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value if isinstance(value, Tensor) else torch.as_tensor(value))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move complex buffers through ``.to(float64)`` without losing their imaginary parts."""
        super()._apply(complex_aware(fn), recurse)  # type: ignore[no-untyped-call]
        return self


def complex_aware(fn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Make a dtype move keep complex tensors complex: the precision changes, the kind does not."""

    def move(t: Tensor) -> Tensor:
        if getattr(fn, "keeps_kind", False):
            return fn(t)
        if not t.is_complex():
            return _still_real(fn(t))
        with torch.no_grad():
            moved = fn(torch.view_as_real(t.resolve_conj()))
        return torch.view_as_complex(_still_real(moved))

    move.keeps_kind = True  # type: ignore[attr-defined]
    return move


def _still_real(moved: Tensor) -> Tensor:
    if moved.is_complex():
        raise DtypeError(
            f"moving to {moved.dtype} would make real parameters complex; use .to({moved.real.dtype}), "
            ".float() or .double(), which keep real tensors real and complex ones complex."
        )
    return moved


def unknown_parameter(owner: object, name: str, known: tuple[str, ...] | Mapping[str, Any]) -> Exception:
    """Return the error for an override ``name`` that ``owner`` does not have."""
    listed = ", ".join(known) or "none"
    hint = did_you_mean(name, tuple(known))
    return UnknownParameterError(f"{type(owner).__name__} has no parameter {name!r}; it has: {listed}.{hint}")
