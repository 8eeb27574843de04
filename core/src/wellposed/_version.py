"""The version, in the one place that costs nothing to read; core/pyproject.toml takes it from here."""

__version__ = "0.1.0"
