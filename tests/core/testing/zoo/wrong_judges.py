"""Losses, metrics, transforms, generators, datasets, readers and writers with one defect each."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch

from wellposed.errors import FileFormatError
from wellposed.random import per_sample
from zoo.entry import Cage

cage = Cage()


class Square:
    """A right loss."""

    zero_at_truth = True

    def __call__(self, x_hat, x, y, physics, model):
        return (x_hat - x).square().flatten(1).mean(1)


class Error:
    """A right metric."""

    higher_is_better = False
    symmetric = True
    perfect = 0.0

    def __call__(self, x_hat, x):
        return (x_hat - x).abs().flatten(1).mean(1)


class Roll:
    """A right transform: cyclic shifts along the last axis."""

    def sample(self, generator=None):
        return int(torch.randint(1, 5, (), generator=generator))

    def act(self, x, g):
        return x.roll(g, -1)

    def inverse(self, g):
        return -g

    def compose(self, g, h):
        return g + h

    def identity(self):
        return 0


class Masks:
    """A right generator."""

    def step(self, batch_size=1, generator=None):
        return {"mask": per_sample(lambda g: torch.rand(4, 5, generator=g).round(), batch_size, generator)}


class Distance:
    """A right data fidelity: half the squared distance."""

    def distance(self, u, y):
        return 0.5 * (u - y).square().flatten(1).sum(1)

    def distance_grad(self, u, y):
        return u - y

    def distance_prox(self, u, y, gamma):
        return (u + gamma * y) / (1 + gamma)

    def value(self, x, y, physics):
        return self.distance(physics.A(x), y)

    def grad(self, x, y, physics):
        return physics.A_adjoint(self.distance_grad(physics.A(x), y))

    def prox(self, z, y, physics, gamma):
        return physics.prox_l2(z, y, gamma)


# --- fidelities ---


@cage.wrong("gradient", r"^grad is not the gradient of its value: scaled by 2")
class GradientOfTheWholeSquare(Distance):
    def grad(self, x, y, physics):
        return 2 * super().grad(x, y, physics)


@cage.wrong("gradient", r"^distance_grad is not the gradient of its value: scaled by -1")
class GradientUphill(Distance):
    def distance_grad(self, u, y):
        return y - u

    def grad(self, x, y, physics):
        return physics.A_adjoint(physics.A(x) - y)


@cage.wrong("prox", r"distance_prox at γ = 0\.3 is no minimiser")
class ProxOfAnotherWeight(Distance):
    def distance_prox(self, u, y, gamma):
        return super().distance_prox(u, y, 2 * gamma)


@cage.wrong("prox", r"prox at γ = \S+ is no minimiser")
class ProxThatForgetsTheData(Distance):
    def prox(self, z, y, physics, gamma):
        return z


@cage.wrong("per_sample", r"value returns torch.float64 of shape \(3, 1\) for 3 samples")
class ValueInAColumn(Distance):
    def value(self, x, y, physics):
        return super().value(x, y, physics)[:, None]


# --- losses ---


@cage.wrong("per_sample", r"the loss averages over the batch: it returns one number for 3 samples")
class AveragesTheBatch(Square):
    def __call__(self, x_hat, x, y, physics, model):
        return super().__call__(x_hat, x, y, physics, model).mean()


@cage.wrong("per_sample", r"the loss returns shape \(3, 1, 6, 7\) for 3 samples, not \(3,\)")
class LossPerPixel(Square):
    def __call__(self, x_hat, x, y, physics, model):
        return (x_hat - x).square()


@cage.wrong("batch", r"the loss depends on the rest of the batch")
class WeightsByTheWorst(Square):
    def __call__(self, x_hat, x, y, physics, model):
        own = super().__call__(x_hat, x, y, physics, model)
        return own * own / own.max()


@cage.wrong("zero_at_truth", r"claims zero_at_truth, but there it is 0\.1")
class NeverZero(Square):
    def __call__(self, x_hat, x, y, physics, model):
        return super().__call__(x_hat, x, y, physics, model) + 0.1


@cage.wrong("gradient", r"cuts the gradient to x_hat and to the model")
class LossWithoutGradient(Square):
    def __call__(self, x_hat, x, y, physics, model):
        return super().__call__(x_hat.detach(), x, y, physics, model)


@cage.wrong("gradient", r"gradient of the loss has non-finite entries")
class RootOfTheError(Square):
    def __call__(self, x_hat, x, y, physics, model):
        return super().__call__(x_hat, x, y, physics, model) + (0 * x_hat).sqrt().flatten(1).sum(1)


@cage.wrong("mutation", r"the loss changes its input 0 in place")
class ClampsThePrediction(Square):
    def __call__(self, x_hat, x, y, physics, model):
        with torch.no_grad():
            x_hat.clamp_(0.3, 0.6)
        return super().__call__(x_hat, x, y, physics, model)


@cage.wrong("unbiased", r"claims to be unbiased, but over 4000 draws it is")
class ResidualThatCallsItselfUnbiased:
    unbiased = True
    sigma = 0.2

    def __call__(self, x_hat, x, y, physics, model):
        return (physics.A(x_hat) - y).square().flatten(1).mean(1)


# --- metrics ---


@cage.wrong("per_sample", r"the metric averages over the batch")
class AveragedMetric(Error):
    def __call__(self, x_hat, x):
        return (x_hat - x).abs().mean()


@cage.wrong(
    "direction",
    r"higher_is_better = True, but the metric grows as noise is added|higher_is_better = True, but",
)
class WrongDirection(Error):
    higher_is_better = True


@cage.wrong("perfect", r"metric\(x, x\) is 0\.5, but perfect = 0")
class ImperfectAtTheTruth(Error):
    def __call__(self, x_hat, x):
        return super().__call__(x_hat, x) + 0.5


@cage.wrong("symmetric", r"is called symmetric, but")
class RelativeToTheReference(Error):
    def __call__(self, x_hat, x):
        return super().__call__(x_hat, x) / x.flatten(1).mean(1)


@cage.wrong("batch", r"the metric depends on the rest of the batch")
class RangeOfTheBatch(Error):
    symmetric = False

    def __call__(self, x_hat, x):
        return super().__call__(x_hat, x) / (x.max() - x.min())


# --- transforms ---


@cage.wrong("inverse", r"inverse\(g\) does not undo g: T_g⁻¹ T_g x differs from x")
class WrongInverse(Roll):
    def inverse(self, g):
        return g


@cage.wrong("inverse", r"it is scaled by 4")
class InverseThatAmplifies(Roll):
    def act(self, x, g):
        return 2 * x.roll(g, -1)

    identity = None


class Turn(Roll):
    """Rolls by g along one axis after a flip: a group that does not commute."""

    def sample(self, generator=None):
        k = torch.randint(1, 5, (2,), generator=generator)
        return int(k[0]), bool(k[1] > 2)

    def act(self, x, g):
        return (x.flip(-1) if g[1] else x).roll(g[0], -1)

    def inverse(self, g):
        return (g[0], True) if g[1] else (-g[0], False)

    def compose(self, g, h):
        return (g[0] + (-h[0] if g[1] else h[0]), g[1] != h[1])

    def identity(self):
        return (0, False)


@cage.wrong("compose", r"compose\(g, h\) is hg, not gh: the order is reversed")
class ComposesBackwards(Turn):
    def compose(self, g, h):
        return super().compose(h, g)


@cage.wrong("compose", r"does not act as h and then g")
class ComposesWrongly(Roll):
    def compose(self, g, h):
        return g - h


@cage.wrong("identity", r"the identity changes the image")
class IdentityThatMoves(Roll):
    def identity(self):
        return 1


@cage.wrong("sampling", r"draws from the global random state")
class SamplesElementsGlobally(Roll):
    def sample(self, generator=None):
        return int(torch.randint(1, 5, ()))


@cage.wrong("shape", r"act is not linear in the image")
class ActsNonlinearly(Roll):
    def act(self, x, g):
        return x.abs().roll(g, -1)


@cage.wrong("shape", r"act changes the kind of its image")
class ActsInSingle(Roll):
    def act(self, x, g):
        return x.roll(g, -1).float()


# --- generators of parameters ---


@cage.wrong("seeding", r"draws from the global random state")
class GeneratesGlobally(Masks):
    def step(self, batch_size=1, generator=None):
        return {"mask": torch.rand(batch_size, 4, 5)}


@cage.wrong("seeding", r"ignores its seed: it draws the same for two seeds")
class IgnoresItsSeed(Masks):
    def step(self, batch_size=1, seed=None):
        return super().step(batch_size, torch.Generator().manual_seed(0))


@cage.wrong("seeding", r"draws differently from one seed")
class KeepsItsOwnStream(Masks):
    def __init__(self):
        self.count = itertools.count()

    def step(self, batch_size=1, generator=None):
        return super().step(batch_size, torch.Generator().manual_seed(next(self.count)))


@cage.wrong("step", r"takes neither generator= nor seed=")
class CannotBeSeeded(Masks):
    def step(self, batch_size=1):
        return super().step(batch_size)


@cage.wrong("step", r"step\(1\) returns 'mask' of shape \(4, 5\): the batch is not first")
class ForgetsTheBatch(Masks):
    def step(self, batch_size=1, generator=None):
        return {"mask": torch.rand(4, 5, generator=generator)}


@cage.wrong("step", r"returns 'angle' as a float, not a tensor")
class ReturnsNumbers(Masks):
    def step(self, batch_size=1, seed=None):
        return {"angle": 1.0}


@cage.wrong("step", r"step returns no parameter")
class ReturnsNothing(Masks):
    def step(self, batch_size=1, seed=None):
        return {}


@cage.wrong("seeding", r"draws differently from one seed: names \['.'\] and \['.'\]")
class ChangesItsNames(Masks):
    def __init__(self):
        self.names = itertools.cycle("ab")

    def step(self, batch_size=1, seed=None):
        return {next(self.names): torch.zeros(batch_size)} if batch_size > 1 else {"a": torch.zeros(1)}


@cage.wrong("streams", r"what sample 0 gets depends on the batch size")
class OneStreamOfParameters(Masks):
    def step(self, batch_size=1, generator=None):
        return {"mask": torch.rand(4, 5, batch_size, generator=generator).movedim(-1, 0)}


@cage.wrong("streams", r"every sample of a batch gets the same parameters")
class OneMaskForAll(Masks):
    def step(self, batch_size=1, generator=None):
        return {"mask": super().step(1, generator)["mask"].expand(batch_size, 4, 5)}


# --- data ---


class Items:
    """A right dataset."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {"x": torch.full((1, 2, 2), float(index))}


@cage.wrong("repeatable", r"draws from the global random state")
class AugmentsGlobally(Items):
    def __getitem__(self, index):
        return torch.rand(1, 2, 2)


@cage.wrong("items", r"item \d holds non-finite values")
class BrokenItem(Items):
    def __getitem__(self, index):
        return torch.full((1, 2, 2), torch.nan)


@cage.wrong("items", r"item \d holds no tensor")
class ItemsWithoutTensors(Items):
    def __getitem__(self, index):
        return [str(index)]


@cage.wrong("repeatable", r"reading an item twice gives two results")
class ItemsThatChange(Items):
    def __init__(self):
        self.count = itertools.count()

    def __getitem__(self, index):
        return torch.tensor(float(next(self.count))), index


class Strict:
    """A right reader, of files that begin with GOOD."""

    def read(self, path):
        if Path(path).read_bytes()[:4] != b"GOOD":
            raise FileFormatError(f"{path} does not begin with GOOD")


@cage.wrong("damaged", r"garbage raises UnicodeDecodeError instead of FileFormatError")
class LeaksItsErrors(Strict):
    def read(self, path):
        text = Path(path).read_bytes().decode("ascii")
        raise FileFormatError(text)


@cage.wrong("damaged", r"garbage is read without complaint")
class ReadsAnything(Strict):
    def read(self, path):
        return Path(path).read_bytes()


@cage.wrong("writes", r"left \['image.tmp'\] behind")
class LeavesItsTemporaryFile:
    def write(self, path, image, meta):
        Path(path).with_suffix(".tmp").write_bytes(b"x")
        Path(path).write_bytes(b"x")


@cage.wrong("absent", r"does not exist returns something")
class ReadsWhatIsNotThere(Strict):
    def read(self, path):
        return super().read(path) if Path(path).exists() else None


@cage.wrong("writes", r"changes the image in place")
class ClampsWhatItWrites:
    def write(self, path, image, meta):
        Path(path).write_bytes(bytes(image.mul_(2).byte().flatten().tolist()))


@cage.wrong("writes", r"left no file, or an empty one")
class WritesNothing:
    def write(self, path, image, meta):
        Path(path).touch()
