"""simulate, reconstruct, compare and run as a user types them, on files such as users have."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from wellposed import Measurement, registry
from wellposed.cli import main

Image = pytest.importorskip("PIL.Image", reason="pictures need pack viz")
for pack in ("deblurring", "optim", "train", "viz"):
    if all(p.name != pack for p in registry.default().packs):
        pytest.skip(f"the main job needs pack {pack}", allow_module_level=True)

EXPOSURE, ORIENTATION = 0x829A, 0x0112


@pytest.fixture
def wellposed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = main([str(a) for a in args])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def scene(height=40, width=48, channels=3):
    """Blocks and a ramp, (H, W, C) in [0, 1]."""
    rows, columns = np.mgrid[:height, :width]
    blocks = ((rows // 8 + columns // 12) % 2) * 0.5 + 0.2 + 0.2 * columns / width
    return np.stack([np.roll(blocks, 3 * c, axis=1) for c in range(channels)], axis=-1)


@pytest.fixture
def kernel(tmp_path):
    """An asymmetric kernel as a picture: a turned one is another."""
    values = np.zeros((5, 5))
    values[0, 0], values[2, 2], values[2, 4] = 0.5, 1.0, 0.25
    path = tmp_path / "kernel.png"
    Image.fromarray((values * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def measured(wellposed, kernel, tmp_path):
    """A measurement file and the blurred photo that belongs to it."""
    Image.fromarray((scene() * 255).astype(np.uint8)).save(tmp_path / "sharp.png")
    code, _, err = wellposed(
        "simulate", "sharp.png", "--kernel", kernel, "--noise-param", "sigma=0.005",
        *("--seed", 1, "-o", "m.safetensors", "--picture", "blurred.png"),
    )  # fmt: skip
    assert (code, err) == (0, "")
    return tmp_path / "m.safetensors"


def test_simulate(measured, wellposed, tmp_path):
    kept = Measurement.load(measured)
    assert kept.reference.shape == (1, 3, 40, 48)
    assert kept.y.shape == (1, 3, 36, 44)
    assert kept.meta["source"] == "sharp.png"
    difference = kept.y - kept.physics.A(kept.reference)
    assert float(difference.std()) == pytest.approx(0.005, rel=0.1)
    picture = np.asarray(opened(tmp_path / "blurred.png")) / 255
    np.testing.assert_allclose(picture, kept.y[0].permute(1, 2, 0).clamp(0, 1).numpy(), atol=0.6 / 255)
    code, _, err = wellposed("simulate", "sharp.png", "--kernel", "kernel.png", "-o", "m.safetensors")
    assert code == 4
    assert "m.safetensors exists already" in err
    assert "--force" in err


def test_simulate_by_generator_and_physics(measured, wellposed):
    args = ("simulate", "sharp.png", "--generator", "deblurring.motion", "--generator-param", "size=9")
    for seed in (1, 1, 2):
        assert wellposed(*args, "--seed", seed, "-o", f"g{seed}.safetensors", "--force")[0] == 0
    one, two = (Measurement.load(f"g{seed}.safetensors") for seed in (1, 2))
    assert one.physics.operator.kernel.shape == (1, 1, 9, 9)
    assert not torch.equal(one.physics.operator.kernel, two.physics.operator.kernel)
    code, out, _ = wellposed(
        "simulate",
        "sharp.png",
        "--physics",
        "core.identity",
        "--noise",
        "none",
        "-o",
        "i.safetensors",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["y"] == [1, 3, 40, 48]
    exact = Measurement.load("i.safetensors")
    assert torch.equal(exact.y, exact.reference)


def opened(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.copy()


def psnr(path, truth):
    picture = np.asarray(opened(path)) / 255.0
    return -10 * np.log10(np.mean((picture - truth) ** 2))


def test_reconstruct_a_photo(measured, wellposed, tmp_path, kernel):
    args = ("reconstruct", "blurred.png", "--kernel", kernel, "--method", "optim.tv", "-o", "out.png")
    code, out, _ = wellposed(*args)
    assert code == 0
    assert out.startswith("out.png: optim.tv in ")
    sharp = scene()[2:-2, 2:-2]
    assert psnr("out.png", sharp) > psnr("blurred.png", sharp) + 6
    assert opened("out.png").size == (44, 36)
    before = (tmp_path / "out.png").read_bytes()
    code, _, err = wellposed(*args)
    assert code == 4
    assert "out.png exists already and is left as it is" in err
    assert (tmp_path / "out.png").read_bytes() == before
    assert wellposed(*args, "--force", "--flip-kernel")[0] == 0
    assert psnr("out.png", sharp) < psnr("blurred.png", sharp)


def test_a_report_after_a_failure_needs_neither_force_nor_a_resume_that_is_not_there(
    measured, wellposed, tmp_path
):
    args = ("reconstruct", "blurred.png", "--kernel", "kernel.png", "-o", "out.png", "--report", "r")
    code, _, err = wellposed(*args, "-m", "optim.pgd", "--param", "step=1e9", "--param", "max_iterations=40")
    assert (code, "failed" in err) == (1, True)
    method = ("-m", "optim.tv", "--param", "max_iterations=2")
    assert wellposed(*args, *method)[0] == 0
    code, _, err = wellposed(*args, *method, "-o", "other.png")
    assert code == 4
    assert "r is not empty and is left as it is; give another folder, or --force to replace" in err
    assert "--resume" not in err
    assert wellposed(*args, *method, "--force")[0] == 0


@pytest.mark.parametrize(("method", "need"), [("mri.sense", "complex data"), ("ct.fbp", "parallel rays")])
def test_a_method_of_another_field_is_refused_with_those_that_fit(
    measured, wellposed, tmp_path, method, need
):
    pytest.importorskip(f"wellposed_{method[: method.index('.')]}", reason="the pack is not installed")
    code, _, err = wellposed("reconstruct", measured, "-m", method, "-o", "out.png")
    assert code == 2
    assert err.startswith(f"Error: {method} needs {need}")
    assert "which Convolution does not have; methods that fit: " in err
    assert "optim.fista" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("boundary", ["reflect", "replicate", "zero", "circular"])
def test_every_boundary_keeps_the_size(measured, wellposed, kernel, boundary):
    args = ("--param", "max_iterations=5", "--boundary", boundary, "-o", f"{boundary}.png")
    assert wellposed("reconstruct", "blurred.png", "--kernel", kernel, "-m", "optim.tv", *args)[0] == 0
    assert opened(f"{boundary}.png").size == (44, 36)


def test_reconstruct_a_measurement(measured, wellposed):
    code, out, _ = wellposed(
        "reconstruct",
        measured,
        "-m",
        "deblurring.wiener",
        "--param",
        "strength=2",
        "-o",
        "x.safetensors",
        "--json",
    )
    assert code == 0
    row = json.loads(out)
    assert row["method"] == "deblurring.wiener"
    assert row["parameters"] == {"strength": 2}
    assert row["psnr"] > 20
    assert Measurement.load("x.safetensors").y.shape == (1, 3, 36, 44)


def test_sixteen_bits_alpha_and_metadata_survive(wellposed, kernel, tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = (scene(channels=4) * 65535).astype(np.uint16)
    pixels[..., 3] = np.arange(48) * 1000
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    args = ("--kernel", kernel, "-m", "optim.tv", "--param", "max_iterations=3", "-o", "deep_out.png")
    assert wellposed("reconstruct", "deep.png", *args)[0] == 0
    found = imagecodecs.png_decode((tmp_path / "deep_out.png").read_bytes())
    assert (found.dtype, found.shape) == (np.uint16, pixels.shape)
    np.testing.assert_array_equal(found[..., 3], pixels[..., 3])
    assert len(np.unique(found[..., 0])) > 256


def test_a_rotated_photo_comes_out_upright_with_its_exif(wellposed, kernel):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn by 90° to show
    exif.get_ifd(0x8769)[EXPOSURE] = 0.5
    picture = Image.fromarray((scene() * 255).astype(np.uint8))
    picture.save("turned.jpg", exif=exif, quality=95, dpi=(300, 300))
    args = ("--kernel", kernel, "-m", "optim.tv", "--param", "max_iterations=3", "-o", "upright.jpg")
    assert wellposed("reconstruct", "turned.jpg", *args)[0] == 0
    with Image.open("upright.jpg") as found:
        assert found.size == (40, 48)
        assert found.getexif().get(ORIENTATION, 1) == 1
        assert float(found.getexif().get_ifd(0x8769)[EXPOSURE]) == 0.5
        assert found.info["dpi"] == (300, 300)


def test_grey_stays_grey(wellposed, kernel):
    Image.fromarray((scene(channels=1)[..., 0] * 255).astype(np.uint8)).save("grey.png")
    args = ("--kernel", kernel, "-m", "deblurring.wiener", "-o", "grey_out.png")
    assert wellposed("reconstruct", "grey.png", *args)[0] == 0
    assert opened("grey_out.png").mode == "L"


METHOD = ("-m", "optim.tv", "-o", "out.png")
REFUSALS = {
    "coloured kernel": (
        ("kernel.png", "--kernel", "blurred.png", *METHOD),
        4,
        "Error: blurred.png: is coloured, and a kernel is one grey image; convert it to grey.",
    ),
    "kernel larger than the image": (
        ("kernel.png", "--kernel", "wide.npy", *METHOD),
        2,
        "Error: the kernel has 3 × 9 pixels and the image 5 × 5: a kernel larger than the image cannot be "
        "undone; crop the kernel's black border, or check which file is which.",
    ),
    "NaN in the kernel": (
        ("blurred.png", "--kernel", "nan.npy", *METHOD),
        4,
        "Error: nan.npy: some values are NaN or infinite; repair the kernel.",
    ),
    "NaN in the photo": (
        ("nan.tif", "--kernel", "kernel.png", *METHOD),
        4,
        "Error: nan.tif: some pixels are NaN or infinite; repair the image first.",
    ),
    "NaN in the measurement": (
        ("nan.safetensors", *METHOD),
        4,
        "Error: nan.safetensors: 1 of 16 values are NaN or infinite; repair the data first.",
    ),
    "no image": (
        ("fake.png", "--kernel", "kernel.png", *METHOD),
        4,
        "Error: fake.png: is not an image that can be read; PNG, JPEG, TIFF, BMP, WEBP files can.",
    ),
    "absent": (
        ("absent.png", "--kernel", "kernel.png", *METHOD),
        4,
        "Error: absent.png: cannot be opened (No such file or directory); check the name.",
    ),
    "unknown ending": (
        ("notes.txt", "--kernel", "kernel.png", *METHOD),
        4,
        "Error: notes.txt: no reader for '.txt'",
    ),
    "unknown output": (
        ("blurred.png", "--kernel", "kernel.png", "-m", "optim.tv", "-o", "out.gif"),
        2,
        "Error: Cannot write out.gif: no writer for '.gif'; use one of .safetensors, ",
    ),
    "absent folder": (
        ("blurred.png", "--kernel", "kernel.png", "-m", "optim.tv", "-o", "absent/out.png"),
        4,
        "the folder ",
    ),
    "no physics": (
        ("blurred.png", *METHOD),
        2,
        "Error: blurred.png does not say what made it; give --kernel",
    ),
    "two physics": (
        ("blurred.png", "--kernel", "kernel.png", "--physics", "core.identity", *METHOD),
        2,
        "Error: --kernel stands for --physics deblurring.blur; give one of them.",
    ),
    "typo in the method": (
        ("blurred.png", "--kernel", "kernel.png", "-m", "optim.tw", "-o", "out.png"),
        3,
        "Error: There is no component 'optim.tw'. Did you mean 'optim.tv'",
    ),
    "typo in a parameter": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "wait=1"),
        2,
        "Error: optim.tv has no parameter 'wait'",
    ),
    "no key": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "weight"),
        2,
        "Error: --param 'weight': key=value is expected, such as weight=0.01.",
    ),
    "twice": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "weight=1", "--param", "weight=2"),
        2,
        "Error: --param 'weight' is given twice.",
    ),
    "a number that is none": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "weight=abc"),
        2,
        "Error: optim.tv takes float or Tensor or None for 'weight', not 'abc'.",
    ),
    "a number that is not a number": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "weight=NaN"),
        2,
        "Error: weight = nan, but it must be ≥ 0.",
    ),
    "a count that is none": (
        ("blurred.png", "--kernel", "kernel.png", *METHOD, "--param", "max_iterations=abc"),
        2,
        "Error: optim.tv takes int for 'max_iterations', not 'abc'.",
    ),
    "a count of another method": (
        (
            *("blurred.png", "--kernel", "kernel.png", "-m", "deblurring.richardson_lucy", "-o", "out.png"),
            *("--param", "iterations=abc"),
        ),
        2,
        "Error: deblurring.richardson_lucy takes int for 'iterations', not 'abc'.",
    ),
    "a matrix that is none": (
        ("blurred.png", "--physics", "core.matrix", "--physics-param", "matrix=3", *METHOD),
        2,
        "core.matrix refuses matrix=3",
    ),
    "a text for an object": (
        (
            *("blurred.png", "--kernel", "kernel.png", "-m", "optim.pnp", "-o", "out.png"),
            *("--param", "denoiser=optim.tv_denoiser"),
        ),
        2,
        "Error: optim.pnp takes Denoiser or None for 'denoiser', not 'optim.tv_denoiser'. "
        "An object is referred to by '@' and its name.",
    ),
    "an object that is not there": (
        (
            *("blurred.png", "--kernel", "kernel.png", "-m", "optim.pnp", "-o", "out.png"),
            *("--param", "denoiser=@optim.tv_denoser"),
        ),
        3,
        "Error: There is no component 'optim.tv_denoser'. Did you mean 'optim.tv_denoiser'",
    ),
    "no reconstructor": (
        ("blurred.png", "--kernel", "kernel.png", "-m", "train.psnr", "-o", "out.png"),
        2,
        "Error: train.psnr is a metric, and a reconstructor is expected: ",
    ),
    "not its shape": (
        ("blurred.png", "--physics", "core.convolution", "--physics-param", "kernel=[[1,1]]", *METHOD),
        2,
        "give the size of the unknown image: --physics-param domain='[C, H, W]'.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_say_what_is_wrong(measured, wellposed, tmp_path, case):
    np.save("wide.npy", np.ones((3, 9)))
    np.save("nan.npy", np.array([[1.0, np.nan]]))
    holes = np.ones((8, 8), dtype=np.float32)
    holes[3, 3] = np.nan
    pytest.importorskip("tifffile").imwrite("nan.tif", holes)
    y = torch.ones(1, 1, 4, 4)
    y[0, 0, 1, 1] = torch.nan
    Measurement(y, registry.create("core.identity", domain=(1, 4, 4))).save("nan.safetensors")
    (tmp_path / "fake.png").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    args, code, message = REFUSALS[case]
    found, out, err = wellposed("reconstruct", *args)
    assert message in err
    assert out == ""
    assert found == code
    assert "Traceback" not in err
    assert not (tmp_path / "out.png").exists()
    assert not list(tmp_path.glob(".*.partial"))


def test_an_object_is_named_by_an_at_sign():
    from wellposed.cli._params import create_method
    from wellposed_optim import TVDenoiser

    method = create_method("optim.pnp:denoiser=@optim.tv_denoiser,iterations=2", {}, registry.default())
    assert isinstance(method.model.denoiser, TVDenoiser)
    assert method.label == "optim.pnp"


def test_compare(measured, wellposed, tmp_path):
    methods = (
        "-m",
        "optim.tv:max_iterations=20",
        "-m",
        "optim.tv:max_iterations=5,weight=1e-3",
        "-m",
        "deblurring.wiener",
    )
    code, out, _ = wellposed("compare", measured, *methods, "-o", "cmp", "--title", "Three ways")
    assert code == 0
    assert "Three ways" in out
    assert "PSNR (dB)" in out
    assert "cmp/report.html" in out
    data = json.loads((tmp_path / "cmp" / "results.json").read_text())
    assert data["finished"]
    assert [row["method"] for row in data["rows"]] == [
        "input",
        "optim.tv:max_iterations=20",
        "optim.tv:max_iterations=5,weight=0.001",
        "deblurring.wiener",
    ]
    assert data["rows"][2]["parameters"] == {"max_iterations": 5, "weight": 0.001}
    assert data["rows"][1]["psnr"] > data["rows"][0]["psnr"] + 4
    assert data["versions"]["wellposed-optim"]
    for name in data["files"]:
        assert (tmp_path / "cmp" / name).stat().st_size > 0
    assert {"report.html", "comparison.png", "errors.png", "convergence.png"} <= set(data["files"])
    page = (tmp_path / "cmp" / "report.html").read_text()
    assert "Three ways" in page
    assert "optim.tv:max_iterations=20" in page


def test_compare_reports_a_method_that_fails(measured, wellposed, tmp_path):
    methods = ("-m", "optim.tv:weight=[1, 2]", "-m", "deblurring.wiener")
    code, out, _ = wellposed("compare", measured, *methods, "-o", "cmp", "--json")
    assert code == 1
    rows = json.loads(out)["rows"]
    assert "error" in rows[1]
    assert rows[2]["psnr"] > 20
    assert "Methods that failed" in (tmp_path / "cmp" / "report.html").read_text()


def test_compare_a_photo_with_and_without_reference(measured, wellposed, kernel):
    Image.fromarray((scene()[2:-2, 2:-2] * 255).astype(np.uint8)).save("cropped.png")
    args = ("compare", "blurred.png", "--kernel", kernel, "-m", "deblurring.wiener", "--json", "-o")
    scores = {}
    for name, more in (
        ("none", ()),
        ("same", ("--reference", "cropped.png")),
        ("large", ("--reference", "sharp.png")),
    ):
        code, out, _ = wellposed(*args, name, *more)
        assert code == 0
        scores[name] = [row["psnr"] for row in json.loads(out)["rows"]]
    assert scores["none"] == [None, None]
    assert scores["same"] == pytest.approx(scores["large"])
    assert scores["same"][1] > scores["same"][0]
    code, _, err = wellposed(*args, "odd", "--reference", kernel)
    assert code == 2
    assert (
        "the reference has shape (1, 5, 5); the data have (3, 36, 44) and the unknown image (3, 40, 48)"
        in err
    )


CONFIG = """
[run]
title = "Small"
[image]
name = "viz.photograph"
params = {name = "camera", size = 48}
[blur]
name = "deblurring.blur"
params.kernel = [[0.25, 0.5, 0.25]]
[grain]
name = "core.gaussian"
params.sigma = 0.01
[wiener]
name = "deblurring.wiener"
[tv]
name = "optim.tv"
params.max_iterations = 10
"""


def test_run(wellposed, tmp_path):
    (tmp_path / "small.toml").write_text(CONFIG)
    code, out, _ = wellposed("run", "small.toml")
    assert code == 0
    assert "Small" in out
    data = json.loads((tmp_path / "small-results" / "results.json").read_text())
    assert [row["method"] for row in data["rows"]] == ["input", "deblurring.wiener", "optim.tv"]
    assert data["config"]["tv"]["params"] == {"max_iterations": 10}
    assert data["seed"] == 0
    code, _, err = wellposed("run", "small.toml")
    assert code == 4
    assert "small-results is not empty" in err
    code, out, _ = wellposed("run", "small.toml", "--resume", "--json")
    assert code == 0
    kept = json.loads(out)["rows"]
    assert kept == data["rows"]
    assert wellposed("run", "small.toml", "--force", "--resume")[0] == 2
    code, _, err = wellposed("run", "absent.toml")
    assert code == 4
    assert "absent.toml cannot be read" in err


SLOW = """
import sys, time
from wellposed_optim.algorithms.base import Algorithm
plain = Algorithm.solve
def slow(self, *args, **kwargs):
    if self.max_iterations == 10:
        print("started", flush=True)
        time.sleep(60)
    return plain(self, *args, **kwargs)
Algorithm.solve = slow
from wellposed.cli import main
sys.argv[1:] = ["run", "small.toml", "-o", "out"]
sys.exit(main())
"""


def test_ctrl_c_leaves_what_a_resumed_run_finishes(wellposed, tmp_path):
    (tmp_path / "small.toml").write_text(CONFIG)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        "1 of 2 methods are done and kept in out; go on with:\n  wellposed run small.toml -o out --resume"
        in err
    )
    assert "Traceback" not in err
    assert not json.loads((tmp_path / "out" / "results.json").read_text())["finished"]
    assert not list(tmp_path.rglob("*.partial"))

    assert wellposed("run", "small.toml", "-o", "out", "--resume")[0] == 0
    assert wellposed("run", "small.toml", "-o", "whole")[0] == 0
    resumed, whole = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("out", "whole"))
    for one, other in zip(resumed["rows"], whole["rows"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    for name in whole["files"]:
        if name.endswith(".png") or name.startswith("pictures"):
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
