"""What ``run``, ``demo`` and ``compare`` share: carry a run out in a folder, and say where things are."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from wellposed import registry as registries
from wellposed.cli._exit import FAILED, OK
from wellposed.cli._output import print_json
from wellposed.cli._progress import progress
from wellposed.cli._scores import print_scores
from wellposed.runs import Run, RunFolder, execute, write_reports
from wellposed.runs._folder import plain


def carry_out(run: Run, where: Path, *, force: bool, resume: bool, as_json: bool) -> int:
    """Execute ``run`` into the folder ``where``; return the exit code."""
    registry = registries.default()
    folder = RunFolder.open(where, overwrite=force, resume=resume)
    run = folder.begin(run)
    try:
        with progress() as listener:
            run = execute(run, folder=folder, listener=listener, registry=registry)
        pages = write_reports(run, folder, registry)
    except KeyboardInterrupt:
        click.echo(
            f"\n{len(folder.saved)} of {len(run.methods)} methods are done and kept in {where}; "
            f"go on with:\n  {again()}",
            err=True,
        )
        raise
    if as_json:
        print_json(plain({"rows": run.rows(), "folder": str(where), "files": folder.files}))
    else:
        print_scores(run)
        click.echo(f"\n{pages[0] if pages else where / 'results.json'}")
    return FAILED if run.failed else OK


def again() -> str:
    """Return the command that was typed, as one that resumes."""
    words = [word for word in sys.argv[1:] if word not in ("--force", "--resume")]
    return shlex.join(["wellposed", *words, "--resume"])


def exclusive(force: bool, resume: bool) -> None:
    """Refuse ``--force`` together with ``--resume``."""
    if force and resume:
        raise click.UsageError("--force replaces earlier results and --resume keeps them; give one of them.")
