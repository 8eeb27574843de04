"""Operators that keep state, change their inputs, or answer in the wrong shape; one defect each."""

from __future__ import annotations

import random

import torch
from torch import nn

from wellposed import Space
from zoo.entry import Cage
from zoo.wrong_operators import Tilt, weights

cage = Cage({"domain": Space((1, 6, 7), torch.float64)})


# --- side effects and hidden state ---


@cage.wrong("mutation", r"A changes its input 0 in place: scaled by 2")
class ChangesItsInput:
    def A(self, x):
        return x.mul_(2)

    def A_adjoint(self, y):
        return 2 * y


@cage.wrong("mutation", r"A_adjoint changes its input 0 in place")
class AdjointChangesItsInput:
    def A(self, x):
        return x * torch.arange(7)

    def A_adjoint(self, y):
        y[..., 0] = 0
        return y * torch.arange(7)


@cage.wrong("batch", r"A depends on the rest of the batch: without the others")
class SubtractsBatchMean:
    def A(self, x):
        return x - x.mean(0, keepdim=True)

    def A_adjoint(self, y):
        return y - y.mean(0, keepdim=True)


@cage.wrong("batch", r"A depends on the rest of the batch")
class NormalisesByBatchSize:
    def A(self, x):
        return x / len(x)

    def A_adjoint(self, y):
        return y / len(y)


@cage.wrong("batch", r"in another order")
class WeightsByPositionInTheBatch:
    def A(self, x):
        return x * self._weights(x)

    A_adjoint = A

    def _weights(self, x):
        w = torch.ones(len(x), 1, 1, 1, dtype=x.dtype)
        w[1:-1] = torch.arange(1, len(w[1:-1]) + 1)[:, None, None, None]
        return w


@cage.wrong("history", r"a stale cache")
class CachesByShape(Tilt):
    def __init__(self):
        self._cache = {}

    def A(self, x):
        if x.shape not in self._cache:
            self._cache[x.shape] = super().A(x)
        return self._cache[x.shape]


@cage.wrong("history", r"a stale cache")
class CachesByIdentity(Tilt):
    def __init__(self):
        self._last = (None, None)

    def A(self, x):
        if self._last[0] is not x:
            self._last = (x, super().A(x))
        return self._last[1]


@cage.wrong("history", r"keeps state between calls")
class CountsItsCalls(Tilt):
    def __init__(self):
        self._calls = 0

    def A(self, x):
        self._calls += 1
        return super().A(x) * self._calls


@cage.wrong("determinism", r"draws from the global random state, and the result depends on it")
class DrawsGlobally(Tilt):
    def A(self, x):
        return super().A(x) * (1 + 0.1 * torch.rand(()))


@cage.wrong("determinism", r"draws from the global random state, for nothing")
class DrawsForNothing(Tilt):
    def A_adjoint(self, y):
        torch.rand(1)
        return super().A_adjoint(y)


@cage.wrong("determinism", r"two results for one input")
class RandomOfPython(Tilt):
    def A(self, x):
        return super().A(x) * (1 + 0.1 * random.random())


@cage.wrong("layout", r"A mishandles non-contiguous input")
class ReadsMemoryInOrder:
    def A(self, x):
        return x.as_strided(x.shape, torch.empty(x.shape).stride()).roll(1, -1)

    def A_adjoint(self, y):
        return y.roll(-1, -1)


@cage.wrong("layout", r"A_adjoint mishandles strided input")
class ForgetsStorageOffset:
    def A(self, x):
        return 2 * x

    def A_adjoint(self, y):
        return 2 * y.as_strided(y.shape, y.stride(), 0)


@cage.wrong("copies", r"copy.deepcopy fails: RuntimeError: not today")
class RefusesToBeCopied(Tilt):
    def __deepcopy__(self, memo):
        raise RuntimeError("not today")


@cage.wrong("pickles", r"pickle fails: .*lambda")
class HoldsALambda(Tilt):
    def __init__(self):
        self.scale = lambda x: x


@cage.wrong("pickles", r"A differs after pickle: scaled by 0.5")
class LosesItsStateInPickle:
    def __init__(self):
        self.factor = 2.0

    def __getstate__(self):
        return {"factor": 1.0}

    def __deepcopy__(self, memo):
        return type(self)()

    def A(self, x):
        return self.factor * x

    A_adjoint = A


@cage.wrong("state_dict", r"'kernel' is neither buffer nor parameter")
class LooseTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = weights(7)

    def A(self, x):
        return (self.kernel.to(x.dtype)) * x

    A_adjoint = A


@cage.wrong("state_dict", r"A differs after state_dict")
class ForgetsInStateDict(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("w", weights(7))

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}w"] = destination[f"{prefix}w"].round()

    def load_state_dict(self, state, strict=True, assign=False):
        return super().load_state_dict(state, strict, assign)

    def A(self, x):
        return self.w * x

    A_adjoint = A


# --- shape and number ---


@cage.wrong("evaluates", r"A returns non-finite values")
class DividesByZero(Tilt):
    def A(self, x):
        return super().A(x) / 0


@cage.wrong("evaluates", r"returns a list, not a tensor or a tuple")
class ReturnsAList(Tilt):
    def A(self, x):
        return [x]


@cage.wrong(
    "batch_axis", r"maps a batch of 4 to a tensor of shape \(6, 7, 4\)|maps a batch of 4 to a tensor of shape"
)
class BatchLast:
    def A(self, x):
        return x.movedim(0, -1)

    def A_adjoint(self, y):
        return y.movedim(-1, 0)


@cage.wrong(
    "spaces", r"A maps .* to \(B, 1, 6, 3\) float64, but the declared range is \(B, 1, 6, 4\) float64"
)
class DeclaresAnotherRange:
    range = Space((1, 6, 4), torch.float64)

    def A(self, x):
        return x[..., ::2][..., :3]

    def A_adjoint(self, y):
        out = torch.zeros(*y.shape[:-1], 7, dtype=y.dtype)
        out[..., ::2][..., :3] = y
        return out
