"""Other libraries as independent truths in tests; absent ones skip the test and say why."""

from __future__ import annotations

from types import ModuleType

import pytest
from bench.peers import deepinv


def import_deepinv() -> ModuleType:
    """Return deepinv, or skip the calling test with the reason."""
    try:
        return deepinv()
    except Exception as error:  # whatever its own dependencies raise
        pytest.skip(f"deepinv cannot be imported: {error!r}")
