"""``wellposed demo`` at its own size, as a stranger runs it."""

import json
import os
import subprocess
import sys

import pytest

METHODS = [
    "deblurring.inverse",
    "deblurring.wiener",
    "deblurring.richardson_lucy",
    "optim.wavelet",
    "optim.tv",
    "optim.pnp",
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from wellposed.cli import main; sys.exit(main(['demo']))"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "wellposed-demo", done


def test_the_table_shows_every_method(demo):
    _, done = demo
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines if line and line[0] in ("input", *METHODS)] == ["input", *METHODS]
    assert lines[-1] == ["wellposed-demo/report.html"]
    assert done.stderr == ""


def test_regularisation_wins(demo):
    folder, _ = demo
    data = json.loads((folder / "results.json").read_text())
    rows = {row["method"]: row for row in data["rows"]}
    assert list(rows) == ["input", *METHODS]
    assert rows["optim.tv"]["psnr"] >= rows["input"]["psnr"] + 4
    assert rows["optim.pnp"]["psnr"] >= rows["optim.tv"]["psnr"]
    assert all(rows[name]["ssim"] is not None and rows[name]["seconds"] > 0 for name in METHODS)
    assert rows["input"]["seconds"] is None
    assert data["finished"]
    assert data["seed"] == 0
    assert data["config"]["image"]["name"] == "viz.photograph"


def test_everything_is_written(demo):
    folder, _ = demo
    data = json.loads((folder / "results.json").read_text())
    assert all((folder / name).stat().st_size > 0 for name in data["files"])
    pictures = {f"pictures/{name}.png" for name in ("input", "reference", *METHODS)}
    assert {"report.html", "comparison.png", "errors.png", "convergence.png", *pictures} <= set(data["files"])
    assert sum(p.is_file() for p in folder.rglob("*")) == len(data["files"])
    page = (folder / "report.html").read_text()
    assert all(name in page for name in METHODS)
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_results_are_left_alone(demo):
    folder, _ = demo
    before = (folder / "results.json").read_bytes()
    code = "import sys; from wellposed.cli import main; sys.exit(main(['demo']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder.parent, capture_output=True, text=True)
    assert done.returncode == 4
    assert "--force" in done.stderr
    assert (folder / "results.json").read_bytes() == before
