"""Every noise model and transform of the core can be built from its examples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellposed import noise, transforms
from wellposed._examples import noise as noise_examples
from wellposed._examples import transforms as transform_examples

NOISES = {
    "gaussian": noise.Gaussian, "poisson": noise.Poisson, "poisson_gaussian": noise.PoissonGaussian,
    "uniform": noise.Uniform, "salt_and_pepper": noise.SaltAndPepper, "laplace": noise.Laplace,
    "gamma": noise.Gamma,
    "log_poisson": noise.LogPoisson, "rician": noise.Rician, "quantisation": noise.Quantisation,
}  # fmt: skip
TRANSFORMS = {
    "flips": transforms.Flips, "rotations90": transforms.Rotations90,
    "cyclic_shifts": transforms.CyclicShifts, "subpixel_shifts": transforms.SubpixelShifts,
    "rotations": transforms.Rotations,
    "scalings": transforms.Scalings, "projective": transforms.Projective,
}  # fmt: skip
few = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NOISES)
@few
@given(data=st.data())
def test_noise_examples_draw_what_is_possible(name, data):
    model = NOISES[name](**data.draw(getattr(noise_examples, name)()))
    clean = torch.rand(2, 1, 3, 4, dtype=torch.float64, generator=seeded())
    y = model(clean, seeded(1))
    assert torch.isfinite(y).all()
    assert torch.isfinite(model.log_prob(y, clean)).all()


@pytest.mark.parametrize("name", TRANSFORMS)
@few
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_transform_examples_hold_the_group_laws(name, data, seed):
    example = data.draw(getattr(transform_examples, name)())
    group = TRANSFORMS[name](**example.arguments)
    x = group.probe((2, *example.domain.shape), seeded(seed))
    g, h = group.sample(seeded(seed + 1), 2), group.sample(seeded(seed + 2))
    scale = x.norm() * (group.accuracy or 1e-12)
    assert (group.act(group.act(x, g), group.inverse(g)) - x).norm() <= scale
    assert (group.act(group.act(x, h), g) - group.act(x, group.compose(g, h))).norm() <= scale
