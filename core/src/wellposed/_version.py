"""The version, where reading it costs nothing; a packaging test compares core/pyproject.toml with it."""

__version__ = "0.1.0"
