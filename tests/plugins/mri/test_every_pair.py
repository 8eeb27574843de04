"""Every reconstructor on every physics: an image that explains the data better than none, or one sentence."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError, UnsuitableError
from wellposed.operators import LinearOperator
from wellposed_mri import (
    GRAPPA,
    LLR,
    POCS,
    RSS,
    SAKE,
    SENSE,
    TV,
    CartesianMRI,
    DynamicMRI,
    DynamicNonCartesianMRI,
    Gridding,
    Homodyne,
    KTLowRank,
    L1Wavelet,
    LPlusS,
    MotionMRI,
    MotionNonCartesianMRI,
    MultiCoilMRI,
    MultiSliceNonCartesianMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    PlugAndPlay,
    ReadoutOversampling,
    SimultaneousMultiSliceMRI,
    SPIRiT,
    StackMRI,
    SubspaceMRI,
    SubspaceNonCartesianMRI,
    ZeroFilled,
    birdcage_maps,
    radial,
)
from wellposed_mri.encoding.traits import sampled, seen, time_axis
from wellposed_mri.reconstruction.outer_noise import noise_deviation
from wellposed_optim.denoisers import WaveletDenoiser

N, D, T = 16, 4, 3


def columns(every=2, offset=0):
    mask = (torch.arange(N) % every == offset % every).float()
    mask[N // 2 - 3 : N // 2 + 3] = 1
    return mask


def physics():
    maps, volume = birdcage_maps(4, (N, N)), birdcage_maps(4, (D, N, N))
    two = torch.stack([maps, 0.3 * maps.flip(-1)])[None]
    frames = torch.stack([columns(2, t) for t in range(T)])[:, None]
    spokes, films = radial(20, 2 * N, N), radial(12 * T, 2 * N, N).reshape(T, 12, 2 * N, 2)
    field, times = torch.linspace(-20, 20, N).expand(N, N), torch.linspace(0, 0.005, 2 * N)
    basis = torch.linalg.qr(torch.linspace(1, 2, T)[:, None] ** torch.tensor([0.0, 1]))[0].to(maps.dtype)
    shots = torch.stack([(torch.arange(N) % 2 == s).float() for s in range(2)])[:, None]
    one = MultiCoilMRI(maps, columns())
    return {
        "cartesian": CartesianMRI(columns().expand(N, N)),
        "multicoil": one,
        "partial": MultiCoilMRI(maps, (torch.arange(N) >= 4).float()),
        "two_sets": MultiCoilMRI(two, columns()),
        "volume": MultiCoilMRI(volume, columns(), dims=3),
        "dynamic": DynamicMRI(maps, frames),
        "dynamic_volume": DynamicMRI(volume, frames[:, None], dims=3),
        "noncartesian": NonCartesianMRI(maps, spokes),
        "dynamic_noncartesian": DynamicNonCartesianMRI(maps, films),
        "stack": StackMRI(volume, spokes),
        "offresonance": OffResonanceMRI(maps, spokes, field, times),
        "motion": MotionMRI(maps, shots, torch.tensor([0.0, 0.1]), torch.tensor([[0.0, 0], [1, -1]])),
        "motion_volume": MotionMRI(volume, shots[:, None], torch.full((2, 3), 0.1), torch.ones(2, 3), 3),
        "motion_noncartesian": MotionNonCartesianMRI(
            maps, spokes.reshape(2, 10, 2 * N, 2), torch.tensor([0.0, 0.1]), torch.tensor([[0.0, 0], [1, -1]])
        ),
        "subspace_noncartesian": SubspaceNonCartesianMRI(maps, basis, films),
        "sms_noncartesian": MultiSliceNonCartesianMRI(torch.stack([maps, 1j * maps.flip(-1)], 1), spokes),
        "subspace": SubspaceMRI(maps, basis, frames),
        "sms": SimultaneousMultiSliceMRI(torch.stack([maps, 1j * maps.flip(-1)], 1), None, columns()),
        "oversampled": ReadoutOversampling(one.range, 2, -2) @ one,
        "scaled": 2 * one,
    }


PHYSICS = physics()
METHODS = {
    "zero_filled": ZeroFilled(),
    "rss": RSS(),
    "gridding": Gridding(),
    "sense": SENSE(),
    "sense_automatic": SENSE(),
    "grappa": GRAPPA(),
    "spirit": SPIRiT(kernel=3),
    "pocs": POCS(),
    "homodyne": Homodyne(),
    "sake": SAKE(kernel=3, max_iterations=10),
    "l1_wavelet": L1Wavelet(levels=2, max_iterations=20),
    "tv": TV(max_iterations=10),
    "llr": LLR(block=4, max_iterations=20),
    "kt_low_rank": KTLowRank(max_iterations=20),
    "l_plus_s": LPlusS(max_iterations=20),
    "pnp": PlugAndPlay(WaveletDenoiser(), iterations=3),
}
FILMS = {"dynamic", "dynamic_volume", "dynamic_noncartesian"}
GRID = {"cartesian", "multicoil", "partial", "volume"}
ALWAYS = {"zero_filled", "sense", "sense_automatic", "l1_wavelet", "tv", "pnp"}
RADIAL = {
    "noncartesian",
    "dynamic_noncartesian",
    "stack",
    "offresonance",
    "motion_noncartesian",
    "subspace_noncartesian",
    "sms_noncartesian",
}
COIL_IMAGES = {"cartesian", "multicoil", "partial", "volume", "dynamic", "dynamic_volume", "noncartesian"}


def refusal(method, name):
    """Return the sentence that is due, or ``None`` where an image is."""
    if method in ALWAYS:
        return None
    if method == "rss":
        return None if name in COIL_IMAGES else "needs coils|not 2 sets"
    if method == "gridding":
        return None if name in RADIAL else "needs a trajectory"
    if method in {"llr", "kt_low_rank", "l_plus_s"}:
        return None if name in FILMS else "needs films"
    if name in FILMS:
        return "needs k-space of one image at rest"
    if name == "two_sets":
        return "2 sets|no partial Fourier|one partial axis"
    if name not in GRID:
        return "one image at rest on a Cartesian grid"
    if method in {"pocs", "homodyne"}:
        return None if name == "partial" else "no partial Fourier"
    return None


def scan(op):
    """Smooth images and a little noise where something is sampled."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.linspace(-1, 1, N)
    blob = torch.exp(-4 * (grid[:, None].square() + (grid - 0.1).square()))
    x = blob.to(torch.complex64).expand(2, *op.domain.shape) * torch.tensor([1.0, 2]).reshape(
        2, *(1,) * len(op.domain.shape)
    )
    y = op(x)
    noise = 1e-3 * torch.randn(y.shape, dtype=y.dtype, generator=generator)
    return x, y + noise * (y != 0)


@pytest.mark.parametrize("name", list(PHYSICS))
@pytest.mark.parametrize("method", list(METHODS))
def test_an_image_that_explains_the_data_or_a_sentence(method, name):
    op, run = PHYSICS[name], METHODS[method]
    x, y = scan(op)
    sentence = refusal(method, name)
    if sentence is not None:
        with pytest.raises((ParameterError, SpaceError, UnsuitableError), match=sentence):
            run(y, op)
        return
    found = run(y, op)
    assert found.shape == x.shape
    if method == "rss":
        return
    scale = (found.conj() * x).sum().real / found.abs().square().sum()  # A*y and gridding have another scale
    factor = scale if method in {"zero_filled", "gridding"} else 1.0
    assert float((op(factor * found) - y).norm()) < 0.6 * float(y.norm())


def test_the_noise_behind_a_readout_filter_is_measured_not_its_missing_lines():
    """What is not sampled is exactly zero, and no sample of noise."""
    op = PHYSICS["oversampled"]
    _, y = scan(op)
    noise = 0.1 * torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(3))
    y = y + noise * (y != 0)
    torch.testing.assert_close(noise_deviation(y, op), torch.full((2,), 0.1), rtol=0.3, atol=0)
    # the same for a physics of which nothing is known: only its data tell
    stranger = torch.nn.Module()
    stranger.range = op.range
    torch.testing.assert_close(noise_deviation(y, stranger), torch.full((2,), 0.1), rtol=0.3, atol=0)


def test_compositions_answer_by_the_factor_that_is_concerned():
    film, one = PHYSICS["dynamic"], PHYSICS["multicoil"]
    assert time_axis(2 * film) == 2
    assert time_axis(one) is None
    assert time_axis(PHYSICS["subspace"]) is None
    lines = sampled(PHYSICS["oversampled"])
    assert torch.equal(lines.expand(1, 1, 2 * N, N)[0, 0, 5], columns().bool())
    assert sampled(PHYSICS["noncartesian"]) is None


def test_slices_that_coils_do_not_see_are_told_apart():
    maps = birdcage_maps(4, (N, N))[:, None].repeat(1, 2, 1, 1)
    maps[:, 1, :, :5] = 0
    where = seen(SimultaneousMultiSliceMRI(maps))
    assert where.shape == (1, 2, N, N)
    assert bool(where[0, 0].all())
    assert not bool(where[0, 1, :, :5].any())
    assert bool(where[0, 1, :, 5:].all())


@pytest.mark.parametrize("method", [POCS(), Homodyne()], ids=["pocs", "homodyne"])
def test_every_second_line_is_no_partial_fourier(method):
    op = PHYSICS["multicoil"]
    with pytest.raises(ParameterError, match=r"no partial Fourier: along axis -1 it samples 5 separate runs"):
        method(scan(op)[1], op)


def test_strangers_answer_for_operators_of_their_own():
    """Unknown physics is refused; registered, it is a film like any other."""

    class Halved(LinearOperator):
        def __init__(self, film):
            super().__init__(film.domain, film.range)
            self.film = film

        def _forward(self, x):
            return 0.5 * self.film._forward(x)

        def _adjoint(self, y):
            return 0.5 * self.film._adjoint(y)

    op = Halved(PHYSICS["dynamic"])
    x, y = scan(op)
    with pytest.raises(UnsuitableError, match=r"LLR needs films, .* which Halved does not have"):
        METHODS["llr"](y, op)
    with pytest.raises(
        UnsuitableError, match="GRAPPA needs k-space of one image at rest on a Cartesian grid"
    ):
        METHODS["grappa"](y, op)
    time_axis.register(Halved, lambda op: 2)
    found = METHODS["llr"](y, op)
    assert float((op(found) - y).norm()) < 0.6 * float(y.norm())
    assert found.shape == x.shape
