"""Runs from configurations: roles by kind, sensible gaps filled, everything wrong said."""

import pytest
import torch

from wellposed import registry
from wellposed.errors import ConfigError
from wellposed.plugins import Component
from wellposed.runs import execute, planned


class Stripes:
    """Three images of stripes."""

    name = "stripes"

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (torch.arange(9.0).expand(1, 8, 9) % (index + 2) == 0).float()


class Kernels:
    def step(self, batch_size=1, generator=None):
        return {"kernel": torch.rand(batch_size, 1, 3, 3, generator=generator)}


class BackProjection:
    def __init__(self, gain=1.0, post=None):
        self.gain, self.post = gain, post

    def __call__(self, y, physics):
        x = self.gain * physics.A_adjoint(y)
        return x if self.post is None else self.post(x, 0.1)


class Clip:
    def __call__(self, x, sigma):
        return x.clamp(0, 1)


@pytest.fixture
def lab():
    known = registry.isolated()
    for kind, name, target in (
        ("dataset", "stripes", Stripes),
        ("generator", "kernels", Kernels),
        ("reconstructor", "back", BackProjection),
        ("denoiser", "clip", Clip),
        ("metric", "mse", lambda: lambda x_hat, x: (x_hat - x).square().flatten(1).mean(1)),
    ):
        known.add(Component(kind, f"lab.{name}", f"__main__:{name}", "For tests."), target=target)
    return known


def config(**changes):
    base = {
        "run": {"title": "Stripes", "seed": 4, "image": 1},
        "pictures": {"name": "lab.stripes"},
        "blur": {"name": "core.convolution", "params": {"kernel": [[1.0]], "boundary": "valid"}},
        "shake": {"name": "lab.kernels"},
        "grain": {"name": "core.gaussian", "params": {"sigma": 0.02}},
        "second": {"name": "lab.back", "params": {"gain": 0.5, "post": "@clip"}},
        "clip": {"name": "lab.clip"},
        "first": {"name": "lab.back"},
        "error": {"name": "lab.mse"},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def test_roles_are_taken_by_kind(lab):
    run, table = planned(config(), registry=lab)
    assert (run.title, run.seed, table["image"]) == ("Stripes", 4, 1)
    assert torch.equal(run.measurement.reference, Stripes()[1][None])
    assert run.measurement.physics.operator.kernel.shape == (1, 1, 3, 3)
    assert run.measurement.y.shape == (1, 1, 6, 7)
    assert run.measurement.physics.noise.sigma == pytest.approx(0.02)
    assert list(run.metrics) == ["error"]
    second, first = run.methods
    assert second.parameters == {"gain": 0.5, "post": {"name": "lab.clip"}}
    assert second.label == "lab.back:gain=0.5,post={'name': 'lab.clip'}"
    assert (first.label, first.name, first.parameters) == ("lab.back", "lab.back", {})
    assert run.config["run"]["seed"] == 4
    assert run.config["blur"]["params"]["domain"] == [1, 8, 9]
    assert "wellposed" in run.config["wellposed"]["versions"]
    done = execute(run, registry=lab)
    assert [row["error"] > 0 for row in done.rows()] == [True, True, True]


def test_a_seed_makes_the_same_data(lab):
    same = [planned(config(), registry=lab, seed=s)[0].measurement.y for s in (7, 7, 8)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])


def test_without_generator_noise_and_metrics(lab):
    run, _ = planned(config(run=None, shake=None, grain=None, error=None), registry=lab)
    assert run.measurement.physics.kernel.shape == (1, 1)
    assert run.title == "core.convolution: stripes"
    assert set(run.metrics) <= {"psnr", "ssim"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": {"titel": "x"}}, r"run\.titel: unknown key\. Did you mean 'title'\?"),
        ({"run": {"seed": "one"}}, r"run\.seed: is 'one'; a value of type int is expected"),
        ({"run": [1]}, r"run: is \[1\]; a table with title, seed, image, output is expected"),
        ({"run": {"image": 3}}, r"run\.image is 3, and pictures has 3 images, from 0"),
        ({"blur": None}, r"has no physics; `wellposed list physics` shows what there is"),
        ({"first": None, "second": None}, r"has no reconstructor"),
        ({"pictures": None}, r"has no dataset"),
        ({"again": {"name": "core.identity"}}, r"has 2 of kind physics \(blur, again\); give one"),
        ({"first": {"name": "lab.back", "params": {"gian": 1}}}, r"first\.params\.gian.*Did you mean 'gain'"),
        ({"grain": {"name": "core.gausian"}}, r"grain\.name.*Did you mean 'core\.gaussian'"),
    ],
)
def test_what_is_wrong_is_said(lab, changes, message):
    with pytest.raises(ConfigError, match=message):
        planned(config(**changes), registry=lab)


def test_an_image_may_be_a_file_beside_the_configuration(lab, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="pictures need pack viz")
    image.new("L", (9, 8), 51).save(tmp_path / "grey.png")
    lines = [
        'run.image = "grey.png"',
        '[blur]\nname = "core.identity"',
        '[back]\nname = "lab.back"',
    ]
    (tmp_path / "run.toml").write_text("\n".join(lines))
    run, _ = planned(tmp_path / "run.toml", registry=lab)
    assert run.measurement.y.unique().tolist() == pytest.approx([0.2])
    assert run.title == "core.identity: grey.png"


def test_mistakes_of_the_run_table_and_of_the_objects_are_told_at_once(lab):
    config = {
        "run": {"titel": "x", "seed": "one"},
        "blur": {"name": "deblurring.blurr"},
        "first": {"name": "lab.back", "params": {"gian": 1}},
    }
    with pytest.raises(ConfigError) as caught:
        planned(config, registry=lab)
    paths = [line.strip().partition(": ")[0] for line in str(caught.value).splitlines()[1:]]
    assert paths == ["run.titel", "run.seed", "blur.name", "first.params.gian"]
