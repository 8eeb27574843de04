"""The command line, ``wellposed``: one file a command, each imported when it runs.

``wellposed --help`` and ``wellposed list`` import neither torch nor any pack's code; commands of packs are
found by records like components are, and a broken one breaks nobody else's.
"""

from __future__ import annotations

from wellposed.cli._main import main

__all__ = ["main"]
