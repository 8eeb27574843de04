"""Exit codes, which scripts rely on; ``wellposed --help`` lists them."""

from __future__ import annotations

from wellposed.errors import (
    ConfigError,
    FileFormatError,
    OutputError,
    ParameterError,
    RegistryError,
    UnknownParameterError,
    UnsuitableError,
    WellposedError,
)

OK = 0
FAILED = 1
USAGE = 2
MISSING = 3
BAD_FILE = 4
INTERRUPTED = 130

MEANINGS = {
    OK: "success",
    FAILED: "a check or a run failed",
    USAGE: "wrong arguments",
    MISSING: "a component or pack is missing or broken",
    BAD_FILE: "a file is missing, damaged, wrong, or in the way",
    INTERRUPTED: "interrupted by Ctrl-C",
}


def code_of(error: BaseException) -> int:
    """Return the exit code for an error that ends a command."""
    if isinstance(error, RegistryError):
        return MISSING
    if isinstance(error, ConfigError | FileFormatError | OutputError):
        return BAD_FILE
    if isinstance(error, ParameterError | UnknownParameterError | UnsuitableError):
        return USAGE
    if isinstance(error, WellposedError):
        return FAILED
    return BAD_FILE if isinstance(error, OSError) and error.filename is not None else FAILED
