"""Every snippet of the README, the documentation and the packs' READMEs does what its page says."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import shlex
import subprocess
import sys
import sysconfig
import types
from pathlib import Path

import pytest
import torch
from doc_pages import ROOT, Step, is_slow, pages, steps

from wellposed.testing import table

COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)), marks=[pytest.mark.slow] if is_slow(page) else [])
    for page in pages()
]


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(table, "_added", dict(table._added))  # checks that a page registers stay there
    torch.manual_seed(0)
    module = types.ModuleType("__main__")  # a real one: what a page defines can be pickled
    monkeypatch.setitem(sys.modules, "__main__", module)
    for step in steps(page):
        where = f"{page.relative_to(ROOT)}, line {step.line}"
        printed = _do(step, page, vars(module), tmp_path)
        if step.expected is not None:
            _compare(step.expected, printed, where)


def _do(step: Step, page: Path, namespace: dict[str, object], folder: Path) -> str:
    if step.kind == "file":
        target = folder / step.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(step.text, encoding="utf-8")
        return ""
    if step.kind == "console":
        return _run(step, page, folder)
    # blank lines put the block where it stands on the page, so that tracebacks point there
    code = compile("\n" * (step.line - 1) + step.text, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, namespace)
    return out.getvalue()


def _run(step: Step, page: Path, folder: Path) -> str:
    """Run one command; packs are installed into a folder of the test's own."""
    site = folder / ".site"
    program, *arguments = shlex.split(step.text)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--upgrade", "--target", str(site)]
    programs = {
        "wellposed": [sys.executable, "-m", "wellposed.cli"],
        "python": [sys.executable],
        "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        "pip": install,
        "mkdir": ["mkdir"],
    }
    scripts = Path(sysconfig.get_path("scripts")) / program
    command = [str(scripts)] if program == "wellposed" and scripts.exists() else programs[program]
    if program == "pip":
        arguments = [f"./{a.partition('[')[0]}" for a in arguments if a not in ("install", "-e")]
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, (
        f"{page.relative_to(ROOT)}, line {step.line}: `{step.text}` exits with {done.returncode}\n"
        f"{done.stdout}{done.stderr}"
    )
    return done.stdout


def _compare(expected: str, printed: str, where: str) -> None:
    if not doctest.OutputChecker().check_output(expected, printed, COMPARE):
        pytest.fail(f"{where} prints\n{printed}\nand the page says\n{expected}", pytrace=False)
