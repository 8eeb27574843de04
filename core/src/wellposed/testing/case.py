"""What a check sees: a component, where its inputs live, and its *faces*.

A face is one way of calling the component that maps batched inputs to a batched output (``A`` and
``A_adjoint`` of an operator, the one call of a denoiser). Hygiene (no mutation, determinism, batch
independence, …) is then written once for every kind. Checks raise :class:`Failure` with a diagnosis, or
:class:`Skip` with a reason; everything else that escapes from a component is a failure as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from wellposed.random import mix
from wellposed.spaces import AnySpace, Space, Vector
from wellposed.testing.probes import eps, fill
from wellposed.vectors import map_vector


class Failure(Exception):
    """A check found a defect; the message is the diagnosis."""


class Skip(Exception):
    """A check does not apply; the message says why."""


@attrs.frozen
class Check:
    """One named property.

    ``after`` names checks that must not have failed: their defect would show here as well, and a report
    should name the cause and not its echoes.
    """

    name: str
    run: Callable[[Any], None]
    after: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the check's docstring."""
        return (self.run.__doc__ or self.name).strip().splitlines()[0]


@attrs.frozen
class Face:
    """One way of calling a component: ``call(component, *inputs) -> output``, batch first throughout.

    A ``random`` face draws sample i from a stream of its own, so that only the first samples of a batch
    can be compared with a shorter batch. A log-likelihood may be infinite, and so is not ``finite``.
    """

    label: str
    call: Callable[..., Any]
    inputs: tuple[Vector, ...]
    random: bool = False
    finite: bool = True


class Case:
    """A component under test; subclasses say which faces it has.

    Parameters
    ----------
    component
        The object. It is copied first where that is possible, so a run never changes the caller's.
    domain
        Where its inputs live; ``None`` takes the kind's default.
    physics
        The physics that the component needs, if any.
    seed
        Everything random in a run derives from it.
    """

    default_domain: AnySpace = Space((1, 5, 6), torch.float64)

    def __init__(self, component: Any, domain: AnySpace | None, physics: Any, seed: int) -> None:
        self.given_domain = domain
        self.given_physics = physics
        self.copyable = _copyable(component)
        self.pristine = copy.deepcopy(component) if self.copyable else component
        self.seed = seed
        if self.copyable and isinstance(component, nn.Module):
            self.take_precision()

    def take_precision(self) -> None:
        """Let a module compute in double precision, where defects do not hide behind rounding."""
        if eps(self.domain) < 1e-10:
            moved(self.pristine, True)

    @cached_property
    def component(self) -> Any:
        """The copy that is worked with; checks of hidden state take a :meth:`fresh` one."""
        return self.fresh()

    @cached_property
    def domain(self) -> AnySpace:
        """Where the component's inputs live, with every axis and dtype filled in."""
        return fill(self.given_domain or self.default_domain)

    @cached_property
    def tolerance(self) -> float:
        """Relative difference that rounding alone may cause between two evaluations."""
        return 100 * eps(self.domain)

    def faces(self) -> list[Face]:
        """Return the ways of calling the component that hygiene is checked on."""
        return []

    def fresh(self) -> Any:
        """Return the component as it was before anything was called on it (itself if it cannot be copied)."""
        return copy.deepcopy(self.pristine) if self.copyable else self.pristine

    def generator(self, salt: int = 0) -> torch.Generator:
        """Return a new generator, the same for the same seed and salt."""
        return torch.Generator().manual_seed(mix(self.seed, salt))

    def call(self, face: Face, inputs: tuple[Any, ...] | None = None, component: Any = None) -> Any:
        """Evaluate a face on copies of its inputs (so that a mutating component spoils nothing else)."""
        target = self.component if component is None else component
        return detach(face.call(target, *map(clone, face.inputs if inputs is None else inputs)))


def clone(x: Any) -> Any:
    """Copy a vector into plain contiguous tensors; anything else is passed on."""
    return map_vector(_plain, x) if isinstance(x, torch.Tensor | tuple) else x


def _plain(t: Tensor) -> Tensor:
    return t.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)


def detach(x: Any) -> Any:
    """Cut a vector off the autograd graph; anything else is passed on."""
    return map_vector(lambda t: t.detach(), x) if isinstance(x, torch.Tensor | tuple) else x


def has(component: Any, *methods: str) -> bool:
    """Whether the component offers all these methods."""
    return all(callable(getattr(component, m, None)) for m in methods)


def need(component: Any, *methods: str) -> None:
    """Skip the running check unless the component offers these methods."""
    missing = [m for m in methods if not has(component, m)]
    if missing:
        raise Skip(f"no {' or '.join(missing)}")


def moved(module: nn.Module, double: bool) -> nn.Module:
    """Move a module's tensors to double or single precision, in place; complex ones stay complex."""

    def convert(t: Tensor) -> Tensor:
        if t.is_complex():
            return t.to(torch.complex128 if double else torch.complex64)
        return t.to(torch.float64 if double else torch.float32) if t.is_floating_point() else t

    convert.keeps_kind = True  # type: ignore[attr-defined]  # our modules then leave complex tensors to us
    module._apply(convert)  # type: ignore[no-untyped-call]
    return module


def _copyable(component: Any) -> bool:
    try:
        copy.deepcopy(component)
    except Exception:  # whatever a foreign __deepcopy__ raises: the `copies` check reports it
        return False
    return True
