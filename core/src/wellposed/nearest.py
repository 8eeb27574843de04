"""Nearest names for error messages: a typo deserves the right word, not a list to search."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return up to ``n`` known names close to ``name``, best first."""
    return difflib.get_close_matches(name, list(known), n=n, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x' or 'y'?"``, or an empty string when nothing is close."""
    close = nearest(name, known)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
