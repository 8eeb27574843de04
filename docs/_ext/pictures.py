"""Pictures of the documentation are made by its own snippets, anew in every build.

A page that says ``<!-- pictures -->`` is executed, and the PNG files that it saves appear as
``gallery/_generated/<folder>-<page>/<file>.png``.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

MARK = "<!-- pictures -->"


def _make(app):
    sys.path.insert(0, str(app.srcdir.parent / "tests"))
    from doc_pages import steps

    for page in sorted(Path(app.srcdir).rglob("*.md")):
        if MARK in page.read_text(encoding="utf-8"):
            name = "-".join(page.relative_to(app.srcdir).with_suffix("").parts)
            folder = Path(app.srcdir) / "gallery/_generated" / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _execute(steps(page), page, folder)


def _execute(steps, page, folder):
    import torch

    os.environ["MPLBACKEND"] = "agg"
    torch.manual_seed(0)
    namespace = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        for step in steps:
            if step.kind == "file":
                Path(step.path).parent.mkdir(parents=True, exist_ok=True)
                Path(step.path).write_text(step.text, encoding="utf-8")
            elif step.kind == "python":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile("\n" * (step.line - 1) + step.text, str(page), "exec"), namespace)
        for picture in Path(scratch).glob("*.png"):
            shutil.copy(picture, folder)


def setup(app):
    app.connect("builder-inited", _make)
    return {"parallel_read_safe": True}
