"""``wellposed new pack``: a complete pack of one's own, from the template that ships with the core."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from wellposed._version import __version__
from wellposed.cli._output import examples
from wellposed.errors import OutputExistsError, ParameterError
from wellposed.registry import KNOWN

TEMPLATE = Path(__file__).with_name("template")
_OWN = ("core", "testing", "all", "algebra", "plugins", "wellposed")
_REQUIRED = ("torch", "numpy", "scipy", "attrs", "pluggy", "packaging", "safetensors", "click", "rich")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@click.group("new")
def command() -> None:
    """Start something of your own."""


@command.command(
    "pack", epilog=examples("wellposed new pack tilt", "wellposed new pack tilt --dir ~/src/tilt")
)
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Where; ./wellposed-NAME when not given."
)
def new_pack(name: str, folder: Path | None) -> None:
    """Write the pack NAME: an operator, a method, their tests, README, licence and CI.

    It installs, passes `wellposed check NAME` and its own tests as it is; replace the two components by
    yours. An existing folder is never touched.
    """
    folder = Path(f"wellposed-{name.replace('_', '-')}") if folder is None else folder
    write_pack(name, folder)
    click.echo(
        f"{folder} is a pack. Next:\n\n"
        f'  pip install -e "{folder}[test]"\n'
        f"  wellposed check {name}\n"
        f"  pytest {folder}"
    )


def write_pack(name: str, folder: Path) -> None:
    """Render the template into ``folder``, which appears whole or not at all.

    Raises
    ------
    ParameterError
        ``name`` is no lower-case identifier or a word of Python, or belongs to wellposed or what it needs.
    OutputExistsError
        ``folder`` exists.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"{name!r} cannot name a pack; use lower-case words such as 'tilt' or 'tilt_series'."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ParameterError(f"{name!r} is a word of Python and cannot name a pack; 'my_{name}' could.")
    if name in _REQUIRED:
        raise ParameterError(f"{name!r} is a package that wellposed needs; choose another, 'my_{name}' say.")
    if name in (*_OWN, *KNOWN):
        raise ParameterError(f"The pack name {name!r} belongs to wellposed; choose another, 'my_{name}' say.")
    if folder.exists():
        raise OutputExistsError(f"{folder} exists already and is left as it is; choose another --dir.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        for path, text in render(name):
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def render(name: str) -> Iterator[tuple[str, str]]:
    """Yield ``(path, text)`` of every file of the pack ``name``, sorted by path."""
    major, minor, *_ = __version__.split(".")
    words = {
        "{{pack}}": name,
        "{{dist}}": f"wellposed-{name.replace('_', '-')}",
        "{{range}}": f">={major}.{minor},<{major}.{int(minor) + 1}",
    }
    for source in sorted(TEMPLATE.rglob("*.tmpl")):
        path = source.relative_to(TEMPLATE).as_posix().removesuffix(".tmpl")
        text = source.read_text(encoding="utf-8")
        for token, word in words.items():
            path, text = path.replace(token, word), text.replace(token, word)
        yield path, text
