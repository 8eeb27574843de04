"""Echo-planar raw files, simulated sample by sample: ramps, delays between the directions, navigators."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from wellposed.cli import main
from wellposed.errors import FileFormatError
from wellposed_mri import HDF5Reader, birdcage_maps, centred_fft, shepp_logan

ismrmrd = pytest.importorskip("ismrmrd", reason="writes the raw files")

SIZE, COILS = 48, 4
HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>48</x><y>48</y><z>1</z></matrixSize>
<fieldOfView_mm><x>240</x><y>240</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>48</x><y>48</y><z>1</z></matrixSize>
<fieldOfView_mm><x>240</x><y>240</y><z>5</z></fieldOfView_mm></reconSpace>
<trajectory>epi</trajectory>{description}</encoding></ismrmrdHeader>"""
RAMPS = (
    "<trajectoryDescription><identifier>ConventionalEPI</identifier>"
    + "".join(
        f"<userParameterLong><name>{name}</name><value>{value}</value></userParameterLong>"
        for name, value in (("etl", 48), ("rampUpTime", 100), ("flatTopTime", 300), ("rampDownTime", 140))
    )
    + "<userParameterDouble><name>dwellTime</name><value>5.0</value></userParameterDouble>"
    "</trajectoryDescription>"
)


def swing(samples, dwell=5.0, up=100.0, flat=300.0, down=140.0):
    """Integrate the gradient in small steps: k at the middle of every dwell, -24 to 24 over the readout."""
    fine = 0.001
    t = np.arange(0, up + flat + down, fine) + fine / 2
    gradient = np.minimum(np.minimum(t / up, 1), (up + flat + down - t) / down)
    area = np.concatenate([[0], np.cumsum(gradient) * fine])
    start = (up + flat + down - samples * dwell) / 2
    when = start + (np.arange(samples) + 0.5) * dwell
    ends = np.interp([start, start + samples * dwell], np.arange(len(area)) * fine, area)
    k = np.interp(when, np.arange(len(area)) * fine, area) - area[-1] / 2
    return k * SIZE / (ends[1] - ends[0])


@pytest.fixture(scope="module")
def images():
    image = shepp_logan().image(SIZE).to(torch.complex64)
    return (birdcage_maps(COILS, (SIZE, SIZE)) * image).numpy()


def scan(path, images, k, *, ramps, delay=0.0, offset=0.0, navigators=3, flyback=False, slices=1):
    """Write a scan whose samples lie at ``k - delay`` (forward) and ``delay - k`` (backward).

    ``offset`` is a phase in radians that backward readouts have besides.
    """
    x = np.arange(SIZE) - SIZE // 2
    rows = np.exp(-2j * np.pi * np.outer(x, x) / SIZE) / np.sqrt(SIZE)

    def readout(ky, backward, scale):
        places = -(k - delay) if backward else k - delay
        wave = np.exp(-2j * np.pi * np.outer(x, places) / SIZE) / np.sqrt(SIZE)
        line = scale * np.einsum("y,cyx,xs->cs", rows[ky], images, wave)
        return line * np.exp(1j * offset * backward)

    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=True) as file:
        file.write_xml_header(HEADER.format(description=RAMPS if ramps else "").encode())

        def add(ky, backward, number, *flags):
            data = readout(ky, backward, number + 1)
            found = ismrmrd.Acquisition.from_array(np.ascontiguousarray(data).astype(np.complex64))
            found.center_sample = len(k) // 2
            found.idx.kspace_encode_step_1, found.idx.slice = ky, number
            for flag in (*flags, *([ismrmrd.ACQ_IS_REVERSE] if backward else [])):
                found.set_flag(flag)
            file.append_acquisition(found)

        for number in range(slices):
            for i in range(navigators):
                add(SIZE // 2, i % 2 == 1, number, ismrmrd.ACQ_IS_PHASECORR_DATA)
            for ky in range(SIZE):
                add(ky, ky % 2 == 1 and not flyback, number)
    return path


def error(found, images):
    wanted = centred_fft(torch.from_numpy(images))
    return float((found - wanted).norm() / wanted.norm())


EVEN = np.arange(SIZE) - SIZE // 2


def test_backward_readouts_are_turned(tmp_path, images):
    path = scan(tmp_path / "a.h5", images, EVEN, ramps=False)
    found = HDF5Reader(maps="none", whiten=False).read(path)
    assert error(found.y[0], images) < 1e-5
    assert found.meta["ghost_correction"] is True
    plain = HDF5Reader(maps="none", ghost_correction=False).read(path)
    assert error(plain.y[0], images) < 1e-5
    assert plain.meta["ghost_correction"] is False


@pytest.mark.parametrize("ramps", [False, True])
@pytest.mark.parametrize(("delay", "offset"), [(0.7, 0.0), (0.0, 1.2), (-0.4, -3.1)])
def test_delays_and_offsets_leave_no_ghost(tmp_path, images, delay, offset, ramps):
    """A delay is a shift of k against the direction of the readout; navigators tell it and the offset."""
    k = swing(100) if ramps else EVEN
    path = scan(tmp_path / "a.h5", images, k, ramps=ramps, delay=delay, offset=offset, slices=2)
    plain = HDF5Reader(maps="none", whiten=False, ghost_correction=False).read(path).y
    found = HDF5Reader(maps="none", whiten=False).read(path).y
    for number in range(2):
        assert error(found[number], (number + 1) * images) < 2e-3
        assert error(plain[number], (number + 1) * images) > 0.1


def test_samples_on_ramps_come_onto_the_grid(tmp_path, images):
    k = swing(100)
    assert abs(k[0] + 24) < 0.3
    assert abs(k[-1] - 24) < 0.3
    assert np.diff(k).max() > 2 * np.diff(k).min()
    path = scan(tmp_path / "a.h5", images, k, ramps=True, navigators=0)
    found = HDF5Reader(maps="none", whiten=False, ghost_correction=False).read(path)
    assert error(found.y[0], images) < 1e-3


def test_an_oversampled_readout_may_be_sparse_on_its_flat_top(tmp_path, images, monkeypatch):
    """Twice the field of view, and steps of up to 1.3 of its inverse: the image's own half is told."""
    wide = HEADER.replace("<x>48</x>", "<x>96</x>", 1).replace("<x>240</x>", "<x>480</x>", 1)
    monkeypatch.setitem(globals(), "HEADER", wide)
    k = swing(88)  # -24 to 24 over the image's field of view, -48 to 48 over the encoded one
    assert 1.05 < 2 * np.diff(k).max() < 2
    path = scan(tmp_path / "a.h5", images, k, ramps=True, delay=0.3, offset=0.5)
    found = HDF5Reader(maps="none", whiten=False).read(path).y[0]
    wanted = centred_fft(torch.from_numpy(images))
    # the same samples, told by an orthonormal transform of twice as many columns, are of larger images
    assert float((found / 2**0.5 - wanted).norm() / wanted.norm()) < 1e-2


def test_in_one_direction_nothing_is_corrected(tmp_path, images):
    """A flyback scan has no backward readouts, and needs no navigators."""
    path = scan(tmp_path / "a.h5", images, EVEN, ramps=False, navigators=0, flyback=True)
    found = HDF5Reader(maps="none").read(path)
    assert error(found.y[0], images) < 1e-5
    assert found.meta["ghost_correction"] is False


def test_what_is_missing_is_said(tmp_path, images):
    path = scan(tmp_path / "a.h5", images, EVEN, ramps=False, navigators=0)
    with pytest.raises(FileFormatError, match=r"no navigators of both.*ghost_correction=false"):
        HDF5Reader().read(path)
    path = scan(tmp_path / "one.h5", images, EVEN, ramps=False, navigators=1)
    with pytest.raises(FileFormatError, match=r"no navigators of both"):
        HDF5Reader().read(path)
    path = scan(tmp_path / "b.h5", images, swing(100), ramps=False)
    with pytest.raises(FileFormatError, match=r"48 columns.*100 samples, and no trajectoryDescription"):
        HDF5Reader().read(path)
    path = scan(tmp_path / "c.h5", images, swing(107), ramps=True)
    assert error(HDF5Reader(maps="none").read(path).y[0], images) < 1e-3
    path = scan(tmp_path / "d.h5", images, np.linspace(-24, 24, 120), ramps=True)
    with pytest.raises(FileFormatError, match=r"120 samples of 5 µs do not fit a gradient of 100 \+ 300"):
        HDF5Reader().read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "RAMPS", RAMPS.replace("5.0", "nan"))
        path = scan(tmp_path / "n.h5", images, swing(100), ramps=True)
    with pytest.raises(FileFormatError, match="100 samples of nan µs do not fit"):
        HDF5Reader().read(path)
    path = scan(tmp_path / "e.h5", images, np.linspace(-24, 24, 40), ramps=True)
    with pytest.raises(FileFormatError, match=r"up to 1\.2/FOV apart, so 48 columns of 48 cannot"):
        HDF5Reader().read(path)


def test_from_the_command_line(tmp_path, images, capsys):
    path = scan(tmp_path / "a.h5", images, swing(100), ramps=True, delay=0.5, offset=0.3)
    assert main(["mri", "info", str(path)]) == 0
    assert re.search(r"trajectory +epi\n(.*\n)*navigators +3\n", capsys.readouterr().out)
    assert main(["reconstruct", str(path), "-m", "mri.sense", "-o", str(tmp_path / "a.npy")]) == 0
    found = np.abs(np.load(tmp_path / "a.npy"))[0, 0]
    wanted = np.linalg.norm(images, axis=0)
    assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)
