"""The entry point: run a command, turn what it raises into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from wellposed._version import __version__
from wellposed.cli._exit import INTERRUPTED, OK, code_of
from wellposed.cli._group import Commands
from wellposed.cli._output import examples
from wellposed.errors import OutputExistsError, WellposedError

_EXAMPLES = examples(
    "wellposed list physics",
    "wellposed describe deblurring.blur",
    "wellposed check deblurring",
    "wellposed doctor",
)
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


@click.command(cls=Commands, epilog=_EXAMPLES, context_settings=_HELP_NAMES)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="wellposed")
def wellposed(debug: bool) -> None:
    """Imaging inverse problems: find, run, compare and check methods."""


def main(args: Sequence[str] | None = None) -> int:
    """Run ``wellposed ARGS`` and return the exit code."""
    args = list(sys.argv[1:] if args is None else args)
    # OpenMP threads that spin while they wait make a busy machine ten times slower; read when torch loads
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    debug = "--debug" in args[:1]
    try:
        with _sentences():
            code = wellposed.main(args=args, prog_name="wellposed", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (WellposedError, OSError) as error:
        if isinstance(error, OSError) and error.filename is None and not isinstance(error, WellposedError):
            raise
        if debug:
            traceback.print_exc()
        click.echo(f"Error: {_sentence(error)}", err=True)
        return code_of(error)
    return code if isinstance(code, int) else OK


@contextmanager
def _sentences() -> Iterator[None]:
    """Let warnings of ours appear as sentences, without the place in the source that raised them."""
    usual = warnings.formatwarning

    def plain(message: Any, category: type[Warning], *where: Any, **more: Any) -> str:
        ours = issubclass(category, UserWarning)
        return f"Warning: {message}\n" if ours else usual(message, category, *where, **more)

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _sentence(error: WellposedError | OSError) -> str:
    if isinstance(error, OSError) and not isinstance(error, WellposedError):
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, OutputExistsError):  # the library names its parameter; here it is an option
        return str(error).replace("overwrite=True", "--force")
    return str(error)
