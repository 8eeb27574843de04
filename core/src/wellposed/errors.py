"""Every exception that wellposed raises on purpose.

One root lets a caller catch all of ours; each child also inherits the builtin that a caller would
expect, so code that never heard of wellposed still handles it. A message carries both values (what was
expected, what was seen), the cause, and the fix.
"""


class WellposedError(Exception):
    """Root of every error raised on purpose by wellposed and its packs."""


class SpaceError(WellposedError, ValueError):
    """A tensor, or another operator's space, does not fit the space that it meets."""


class DtypeError(WellposedError, TypeError):
    """A tensor has another dtype than the operator; nothing is converted silently."""


class ParameterError(WellposedError, ValueError):
    """A constructor or function argument has an impossible value."""


class UnknownParameterError(WellposedError, TypeError):
    """An override names a parameter that the operator does not have."""


class ImmutableError(WellposedError, AttributeError):
    """Someone rebinds an attribute of an immutable object; ``replace`` is the way."""


class StructureError(WellposedError, ValueError):
    """Declared structure (evidence) contradicts the operator that it is declared of."""


class UnsuitableError(StructureError):
    """A method needs something of a physics (complex data, rays, a time axis) that it does not have."""


class RegistryError(WellposedError, LookupError):
    """A component or kind is missing, or its pack failed to load."""


class ConfigError(WellposedError, ValueError):
    """A configuration has problems; the message lists all of them with their paths."""


class FileFormatError(WellposedError, ValueError):
    """A file is damaged, truncated, oversized, or not what its reader expects."""


class OutputError(WellposedError, OSError):
    """An output file cannot be written where it was asked for."""


class OutputExistsError(OutputError, FileExistsError):
    """An output file exists already, and nobody asked to overwrite it."""


class ConvergenceError(WellposedError, ArithmeticError):
    """A solver met non-finite numbers, or a result was required that it did not reach."""


class ConformanceError(WellposedError, AssertionError):
    """A component failed its conformance checks."""
