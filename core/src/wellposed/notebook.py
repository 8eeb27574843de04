"""How objects look in a notebook: drawn by whichever installed pack offers a *card*.

The core knows no HTML. ``obj._repr_html_()`` asks the registry for components of kind ``card`` (the viz pack
has one) and returns the first answer; without one, notebooks fall back to ``repr``.
"""

from __future__ import annotations

from typing import Any

from wellposed import registry


def card(obj: Any) -> str | None:
    """Return HTML for ``obj`` from the first card that knows it, or ``None``.

    A representation must never be what breaks a cell, so a card that fails counts as one that has nothing
    to say; ``wellposed doctor`` tells why.
    """
    for name in registry.names("card"):
        try:
            html: str | None = registry.create(name)(obj)
        except Exception:
            continue
        if html is not None:
            return html
    return None
