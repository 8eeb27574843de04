"""NumPy and MATLAB files, written by NumPy, SciPy and h5py."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri import (
    SENSE,
    ArrayReader,
    BARTReader,
    CartesianMRI,
    MultiCoilMRI,
    NonCartesianMRI,
    birdcage_maps,
    radial,
    shepp_logan,
    to_bart,
    to_cycles_per_pixel,
    write_cfl,
)
from wellposed_mri.files.facts import describe


@pytest.fixture
def kspace(head):
    return head[2][0].numpy()


def test_npy_and_npz(tmp_path, kspace):
    np.save(tmp_path / "a.npy", kspace)
    found = ArrayReader().read(tmp_path / "a.npy")
    assert isinstance(found.physics, MultiCoilMRI)
    assert torch.equal(found.y[0], torch.from_numpy(kspace))
    np.save(tmp_path / "one.npy", kspace[0])
    assert isinstance(ArrayReader().read(tmp_path / "one.npy").physics, CartesianMRI)
    mask = np.arange(64) % 2 == 0
    maps = birdcage_maps(8, (64, 64)).numpy()
    np.savez(tmp_path / "a.npz", ksp=kspace * mask, mask=mask, smaps=maps, other=np.ones(3))
    found = ArrayReader().read(tmp_path / "a.npz")
    assert torch.equal(found.physics.mask.flatten(), torch.from_numpy(mask).float())
    assert torch.equal(found.physics.maps, torch.from_numpy(maps)[None])


@pytest.mark.parametrize("version", ["old", "7.3"])
def test_matlab_of_both_kinds(tmp_path, kspace, version):
    """MATLAB's (rows, columns, coils), and its mask that is a row."""
    path, last = tmp_path / "a.mat", np.moveaxis(kspace, 0, -1)
    mask = (np.arange(64) % 2 == 0).astype(float)[None]
    if version == "old":
        savemat(path, {"Data": last, "mask": mask, "note": "hello"})
    else:
        with h5py.File(path, "w") as file:
            pairs = np.empty(last.T.shape, dtype=[("real", "f4"), ("imag", "f4")])
            pairs["real"], pairs["imag"] = last.T.real, last.T.imag
            file["Data"], file["mask"] = pairs, mask.T
    found = ArrayReader(axes="hwc", maps="rss").read(path)
    torch.testing.assert_close(found.y[0], torch.from_numpy(kspace))
    assert torch.equal(found.physics.mask.flatten(), torch.from_numpy(mask[0]).float())
    assert describe(path)["k-space"] == "Data"


def test_an_fft_s_order_is_turned(tmp_path, kspace):
    np.save(tmp_path / "a.npy", np.fft.ifftshift(kspace, (1, 2)))
    torch.testing.assert_close(
        ArrayReader(centred=False).read(tmp_path / "a.npy").y[0], torch.from_numpy(kspace)
    )


def test_data_along_a_trajectory(tmp_path):
    spokes = radial(61, 64, 32)
    physics = NonCartesianMRI(birdcage_maps(4, (32, 32)), spokes)
    image = shepp_logan().image(32).to(torch.complex64)[None, None]
    y = physics(image)
    points = to_cycles_per_pixel(spokes, (32, 32)).numpy()
    np.savez(tmp_path / "a.npz", kspace=y[0].numpy(), traj=points)
    with pytest.raises(FileFormatError, match=r"pass shape=\[rows, columns\]"):
        ArrayReader().read(tmp_path / "a.npz")
    found = ArrayReader(shape=[32, 32]).read(tmp_path / "a.npz")
    assert found.meta["trajectory_unit"] == "cycles/pixel"
    torch.testing.assert_close(found.physics.trajectory, spokes, rtol=1e-4, atol=1e-4)
    x = SENSE(1e-3)(found.y, found.physics)
    assert float((x.abs() - image.abs()).norm() / image.norm()) < 0.2
    np.savez(tmp_path / "b.npz", kspace=y[0].movedim(0, -1).numpy(), traj=points)
    with pytest.raises(FileFormatError, match=r"\(61, 64, 4\) read as 'csm'.*trajectory has \(61, 64\)"):
        ArrayReader(shape=(32, 32)).read(tmp_path / "b.npz")
    assert torch.equal(ArrayReader(shape=(32, 32), axes="smc").read(tmp_path / "b.npz").y, y)
    np.savez(tmp_path / "c.npz", kspace=y[0].numpy(), traj=points.transpose(2, 0, 1))
    with pytest.raises(FileFormatError, match=r"trajectory 'traj' has shape .*the coordinates"):
        ArrayReader(shape=(32, 32)).read(tmp_path / "c.npz")


def test_bart_along_a_trajectory_and_with_its_maps(tmp_path):
    spokes, maps = radial(21, 32, 16), birdcage_maps(3, (16, 16))
    physics = NonCartesianMRI(maps, spokes)
    y = physics(shepp_logan().image(16).to(torch.complex64)[None, None])
    write_cfl(tmp_path / "k", y[0].permute(2, 1, 0)[None])
    write_cfl(tmp_path / "t", to_bart(spokes).to(torch.complex64))
    write_cfl(tmp_path / "s", maps.permute(2, 1, 0).unsqueeze(2))
    reader = BARTReader(trajectory=str(tmp_path / "t"), sensitivities=str(tmp_path / "s"))
    found = reader.read(tmp_path / "k.cfl")
    assert torch.equal(found.y, y)
    torch.testing.assert_close(found.physics(physics.A_adjoint(y)), physics(physics.A_adjoint(y)))
    with pytest.raises(FileFormatError, match=r"trajectory='NAME.cfl' and shape"):
        BARTReader().read(tmp_path / "k.cfl")
    with pytest.raises(FileFormatError, match=r"do not fit the trajectory \(3, 32, 21\)"):
        BARTReader(trajectory=str(tmp_path / "t"), shape=(16, 16)).read(tmp_path / "s.cfl")


def test_what_does_not_fit_is_told_with_its_names(tmp_path, kspace):
    path = tmp_path / "a.npz"
    np.savez(path, first=kspace, second=kspace[0])
    with pytest.raises(FileFormatError, match=r"holds first \(8, 64, 64\), second \(64, 64\).*kspace='NAME'"):
        ArrayReader().read(path)
    with pytest.raises(FileFormatError, match=r"no array 'third' for kspace; it holds first"):
        ArrayReader(kspace="third").read(path)
    assert ArrayReader(kspace="second").read(path).y.shape == (1, 1, 64, 64)
    with pytest.raises(FileFormatError, match=r"shape \(8, 64, 64\) has 3 axes.*'hw' names 2"):
        ArrayReader(kspace="first", axes="hw").read(path)
    with pytest.raises(ParameterError, match=r"axes = 'hwq'.*c coils"):
        ArrayReader(axes="hwq")
    np.save(tmp_path / "last.npy", np.moveaxis(kspace, 0, -1)[:, :, :8])
    with pytest.raises(FileFormatError, match=r"64 coils of 64×8 pixels; \(B, coils, …\).*movedim"):
        ArrayReader().read(tmp_path / "last.npy")
    np.savez(tmp_path / "m.npz", kspace=kspace, mask=np.ones(63))
    with pytest.raises(FileFormatError, match=r"mask of shape \(63,\) does not broadcast.*\(1, 8, 64, 64\)"):
        ArrayReader().read(tmp_path / "m.npz")
    np.save(tmp_path / "pairs.npy", np.stack([kspace.real, kspace.imag], -1))
    with pytest.raises(FileFormatError, match=r"real and imaginary parts seem to be its last axis"):
        ArrayReader().read(tmp_path / "pairs.npy")
    np.save(tmp_path / "real.npy", kspace.real)
    with pytest.raises(FileFormatError, match=r"is float32, but k-space and coil maps are complex"):
        ArrayReader().read(tmp_path / "real.npy")
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="Python objects"):
        ArrayReader().read(tmp_path / "object.npy")
    with pytest.raises(FileFormatError, match="at most"):
        ArrayReader(max_bytes=1000).read(path.with_name("last.npy"))
