"""What every component owes its caller, whatever its kind: no side effects, no hidden state, no leaks.

Written once over the faces of a case. The order is from cause to echo: a component that changes its
input, or answers differently each time, cannot be tested for anything else.
"""

from __future__ import annotations

import copy
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wellposed.testing.case import Case, Check, Face, Failure, Skip, clone
from wellposed.testing.diagnose import mismatch
from wellposed.vectors import batch_size, is_finite, leaves, map_vector


def evaluates(case: Case) -> None:
    """Run, and return finite tensors for finite input."""
    for face in _faces(case):
        y = case.call(face)
        if not isinstance(y, Tensor | tuple):
            raise Failure(f"{face.label} returns a {type(y).__name__}, not a tensor or a tuple of tensors")
        if face.finite and not is_finite(y):
            raise Failure(f"{face.label} returns non-finite values for finite input")


def batch_axis(case: Case) -> None:
    """Keep the batch axis first."""
    for face in _faces(case):
        n = batch_size(face.inputs[0])
        for t in leaves(case.call(face)):
            if t.ndim == 0 or t.shape[0] != n:
                raise Failure(f"{face.label} maps a batch of {n} to a tensor of shape {tuple(t.shape)}")


def per_sample(case: Case) -> None:
    """Return one real value per sample, ``(B,)``, never averaged over the batch."""
    for face in _faces(case):
        n, value = batch_size(face.inputs[0]), case.call(face)
        if value.ndim == 0:
            raise Failure(
                f"{face.label} averages over the batch: it returns one number for {n} samples, not ({n},)"
            )
        if value.shape != (n,):
            raise Failure(f"{face.label} returns shape {tuple(value.shape)} for {n} samples, not ({n},)")
        if value.is_complex():
            raise Failure(f"{face.label} returns complex values, not real ones")


def mutation(case: Case) -> None:
    """Leave its inputs as they were."""
    for face in _faces(case):
        inputs = tuple(map(clone, face.inputs))
        face.call(case.fresh(), *inputs)
        for i, (seen, was) in enumerate(zip(inputs, face.inputs, strict=True)):
            if (text := mismatch(seen, was, 0.0)) is not None:
                raise Failure(f"{face.label} changes its input {i} in place: {text}. Clone it first.")


def determinism(case: Case) -> None:
    """Give the same result twice, and do not touch the global random state."""
    for face in _faces(case):
        before = _random_state()
        first = case.call(face, component=case.fresh())
        touched = _random_state() != before
        second = case.call(face, component=case.fresh())
        if (text := mismatch(second, first, case.tolerance)) is None and not touched:
            continue
        cure = "take an explicit torch.Generator"
        if touched:
            effect = "and the result depends on it" if text else "for nothing"
            raise Failure(f"{face.label} draws from the global random state, {effect}; {cure}.")
        raise Failure(f"{face.label} gives two results for one input: {text}; if it is random, {cure}.")


def history(case: Case) -> None:
    """Give results that do not depend on earlier calls: no state, no stale cache."""
    if not case.copyable:
        raise Skip("it cannot be copied, so there is no fresh one to compare with")
    for face in _faces(case):
        used = case.fresh()
        other = tuple(map_vector(_altered, x) for x in face.inputs)
        _same_as_fresh(case, face, used, face.inputs, "at first")
        _same_as_fresh(case, face, used, face.inputs, "the second time: it keeps state between calls")
        _same_as_fresh(case, face, used, other, "for another input: a stale cache")
        _same_as_fresh(case, face, used, face.inputs, "after another input: it keeps state between calls")
        _reused_storage(case, face, used)


def batch(case: Case) -> None:
    """Treat the samples of a batch independently: alone, in a longer batch, in another order."""
    if getattr(case, "batch", None):
        raise Skip("its parameters are per sample")
    for face in _faces(case):
        n = batch_size(face.inputs[0])
        whole = case.call(face)
        parts: list[list[int]] = [[0], [n - 1], list(range(n))[::-1]]
        for rows in [[0], [0, 1]] if face.random else parts:
            part = case.call(face, tuple(_rows(x, rows) for x in face.inputs))
            if (text := mismatch(part, _rows(whole, rows), case.tolerance)) is not None:
                how = "in another order" if len(rows) == n else f"without the others (samples {rows})"
                raise Failure(f"{face.label} depends on the rest of the batch: {how}, {text}.")


def layout(case: Case) -> None:
    """Give the same result for non-contiguous, expanded and offset inputs."""
    for face in _faces(case):
        for name, arrange in _LAYOUTS.items():
            inputs = tuple(map_vector(arrange, x) for x in face.inputs)
            want = case.call(face, inputs)
            got = face.call(case.component, *inputs)
            if (text := mismatch(got, want, case.tolerance)) is not None:
                raise Failure(f"{face.label} mishandles {name} input: {text}. Use strides, or .contiguous().")


def copies(case: Case) -> None:
    """Survive a deep copy, unchanged."""
    _round_trip(case, "copy.deepcopy", copy.deepcopy)


def pickles(case: Case) -> None:
    """Survive pickling, unchanged."""
    reason = _beyond_pickle(case.pristine)
    if reason:
        raise Skip(reason)
    _round_trip(case, "pickle", lambda c: pickle.loads(pickle.dumps(c)))


def _beyond_pickle(component: Any) -> str | None:
    """Return why pickle, which stores classes and functions by name, has no chance here; or ``None``."""
    own = component if isinstance(component, types.FunctionType) else type(component)
    held = [v for v in getattr(component, "__dict__", {}).values() if isinstance(v, types.FunctionType)]
    for named in [own, *(f for f in held if f.__module__ == "__main__")]:
        found: Any = sys.modules.get(named.__module__)
        for word in named.__qualname__.split("."):
            found = getattr(found, word, None)
        if found is not named:
            return f"{named.__qualname__} is defined locally and cannot be imported, as pickle would have to"
    return None


def state_dict(case: Case) -> None:
    """Carry every tensor in ``state_dict``, so that ``.to`` moves it and a file keeps it."""
    if not isinstance(case.component, nn.Module):
        raise Skip("not an nn.Module")
    loose = [k for k, v in vars(case.component).items() if isinstance(v, Tensor) and not k.startswith("_")]
    if loose:
        raise Failure(
            f"the tensor attribute {loose[0]!r} is neither buffer nor parameter, so .to() misses it. "
            f"Use register_buffer({loose[0]!r}, …)."
        )
    if not case.copyable:
        raise Skip("it cannot be copied")
    _round_trip(case, "state_dict", _through_state_dict)


def _faces(case: Case) -> list[Face]:
    faces = case.faces()
    if not faces:
        raise Skip("nothing to call")
    return faces


def _random_state() -> tuple[bytes, bytes, int]:
    # NumPy's legacy state is the one that careless code draws from
    legacy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return bytes(torch.get_rng_state().numpy()), legacy["key"].tobytes(), legacy["pos"]


def _same_as_fresh(case: Case, face: Face, used: Any, inputs: tuple[Any, ...], when: str) -> None:
    want = case.call(face, inputs, case.fresh())
    if (text := mismatch(case.call(face, inputs, used), want, case.tolerance)) is not None:
        raise Failure(f"{face.label} gives another result than a fresh copy {when}: {text}.")


def _reused_storage(case: Case, face: Face, used: Any) -> None:
    """Change an input in place between two calls: a cache keyed on identity does not notice."""
    inputs = tuple(map(clone, face.inputs))
    face.call(used, *inputs)
    with torch.no_grad():
        for x in inputs:
            for t in leaves(x):
                t.copy_(_altered(t))
    got = face.call(used, *inputs)
    want = case.call(face, inputs, case.fresh())
    if (text := mismatch(got, want, case.tolerance)) is not None:
        raise Failure(f"{face.label} has a stale cache: the input changed in place, {text}.")


def _altered(t: Tensor) -> Tensor:
    return t.flip(0) * 0.5 + 0.25 if t.dtype.is_floating_point or t.is_complex() else t.flip(0)


def _rows(x: Any, rows: list[int]) -> Any:
    return map_vector(lambda t: t[rows], x)


def _strided(t: Tensor) -> Tensor:
    """Return the same values with the axes laid out in reverse order."""
    order = tuple(reversed(range(t.ndim)))
    return t.permute(order).contiguous().permute(order)


def _offset(t: Tensor) -> Tensor:
    """Return the same values as every other entry of a longer storage that is filled with garbage."""
    big = torch.full((*t.shape, 2), 7.0).to(t.dtype)
    big[..., 1] = t
    return big[..., 1]


def _expanded(t: Tensor) -> Tensor:
    """Return the first sample for the whole batch, with stride 0."""
    return t[:1].expand_as(t)


def _lazily_conjugated(t: Tensor) -> Tensor:
    """Return the same values, complex ones behind torch's lazy conjugation bit."""
    return t.conj().resolve_conj().conj() if t.is_complex() else t


_LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "non-contiguous": _strided,
    "strided": _offset,
    "expanded": _expanded,
    "lazily conjugated": _lazily_conjugated,
}


def _round_trip(case: Case, how: str, through: Callable[[Any], Any]) -> None:
    try:
        twin = through(case.pristine)
    except Exception as error:
        raise Failure(f"{how} fails: {type(error).__name__}: {error}") from error
    for face in case.faces():
        want = case.call(face)
        if (text := mismatch(case.call(face, component=twin), want, case.tolerance)) is not None:
            raise Failure(f"{face.label} differs after {how}: {text}.")


def _through_state_dict(module: nn.Module) -> nn.Module:
    twin = copy.deepcopy(module)
    state = {k: v.clone() for k, v in module.state_dict().items()}
    with torch.no_grad():
        for tensor in twin.state_dict().values():
            tensor.zero_()
    twin.load_state_dict(state)
    return twin


SOUND = ("evaluates", "batch_axis", "per_sample", "mutation", "determinism", "history", "precision")
"""What must hold before two evaluations can be compared at all."""

HYGIENE = (
    Check("evaluates", evaluates),
    Check("batch_axis", batch_axis, after=("evaluates",)),
    Check("mutation", mutation, after=SOUND[:3]),
    Check("determinism", determinism, after=SOUND[:3]),
    Check("history", history, after=SOUND[:5]),
    Check("batch", batch, after=SOUND),
    Check("layout", layout, after=(*SOUND, "batch")),
    Check("copies", copies, after=SOUND),
    Check("pickles", pickles, after=SOUND),
    Check("state_dict", state_dict, after=(*SOUND, "copies")),
)
"""The checks of every kind that has faces."""

COPYING = (Check("copies", copies), Check("pickles", pickles))
"""What is asked even of a kind of which nothing is known."""

SCORES = (HYGIENE[0], Check("per_sample", per_sample, after=("evaluates",)), *HYGIENE[2:])
"""The same for losses and metrics, which return one number per sample."""
