"""``wellposed new pack``: what it writes installs, passes ``wellposed check``, and passes its own tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wellposed.cli import main
from wellposed.cli.new import render, write_pack
from wellposed.errors import OutputExistsError, ParameterError

ROOT = Path(__file__).parents[3]


def test_the_template_in_contrib_is_the_template():
    folder = ROOT / "contrib/template"
    tracked = {path: text for path, text in render("template")}
    for path, text in tracked.items():
        assert (folder / path).read_text(encoding="utf-8") == text, (
            f"contrib/template/{path} differs; write it anew: "
            "rm -r contrib/template && wellposed new pack template --dir contrib/template"
        )
    kept = {".py", ".toml", ".md", ".yml", ".typed"}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in kept}
    assert there <= set(tracked)


def test_every_token_is_replaced():
    for path, text in render("tilt_series"):
        assert "{{" not in path.replace("${{", "")
        assert "{{pack" not in text
        assert "{{dist" not in text
        assert "{{range" not in text


def test_the_range_admits_this_version():
    from packaging.specifiers import SpecifierSet

    from wellposed import __version__

    project = dict(render("tilt"))["pyproject.toml"]
    range_ = project.split('"wellposed[testing]')[1].split('"')[0]
    assert __version__ in SpecifierSet(range_)


@pytest.mark.parametrize("name", ["Tilt", "tilt-series", "2d", "_x", "a__b", "", "a b", "../x"])
def test_names_that_cannot_be(tmp_path, name):
    with pytest.raises(ParameterError, match=r"cannot name a pack; use lower-case words such as 'tilt'"):
        write_pack(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["class", "match"])
def test_words_of_python_name_no_pack(tmp_path, name):
    with pytest.raises(ParameterError, match=rf"'{name}' is a word of Python and cannot name a pack"):
        write_pack(name, tmp_path / "new")


def test_names_of_what_is_needed_are_taken(tmp_path):
    with pytest.raises(ParameterError, match=r"'torch' is a package that wellposed needs; choose another"):
        write_pack("torch", tmp_path / "new")


@pytest.mark.parametrize("name", ["core", "mri", "viz", "algebra"])
def test_names_that_are_taken(tmp_path, name):
    with pytest.raises(ParameterError, match=rf"The pack name '{name}' belongs to wellposed; choose another"):
        write_pack(name, tmp_path / "new")


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("precious")
    for place in (tmp_path, tmp_path / "mine"):
        with pytest.raises(OutputExistsError, match="exists already and is left as it is; choose"):
            write_pack("tilt", place)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("wellposed.cli.new.render", lambda name: iter([("a", "text"), ("b", None)]))
    with pytest.raises(TypeError):
        write_pack("tilt", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "pack", "tilt_series"]) == 0
    assert (tmp_path / "wellposed-tilt-series/src/wellposed_tilt_series/_plugin.py").is_file()
    assert "wellposed check tilt_series" in capsys.readouterr().out
    assert main(["new", "pack", "tilt_series"]) == 4
    assert main(["new", "pack", "tilt_series", "--dir", "deep/er"]) == 0
    assert (tmp_path / "deep/er/.github/workflows/test.yml").is_file()
    assert main(["new", "pack", "Tilt"]) == 2


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A new pack, installed by pip with no network into a folder of its own; returns (pack, environment)."""
    folder = tmp_path_factory.mktemp("pack")
    write_pack("tilt_series", folder / "pack")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    pip += ["--disable-pip-version-check", "--target", str(folder / "site"), str(folder / "pack")]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    environment = {**os.environ, "PYTHONPATH": str(folder / "site"), "WELLPOSED_PLUGINS": "tilt_series"}
    return folder / "pack", {**environment, "WELLPOSED_STRICT_PLUGINS": "1", "OMP_NUM_THREADS": "1"}


def run(command, installed):
    folder, environment = installed
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_it_passes_its_checks(installed):
    script = "import sys; from wellposed.cli import main; sys.exit(main(['check', 'tilt_series']))"
    done = run([sys.executable, "-W", "error", "-c", script], installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tilt_series.binning" in done.stdout
    assert "tilt_series.tikhonov" in done.stdout


def test_it_passes_its_own_tests(installed):
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_it_is_typed_and_tidy(installed):
    folder, _ = installed
    done = run([sys.executable, "-m", "ruff", "check", "--no-cache", str(folder)], installed)
    assert done.returncode == 0, done.stdout
