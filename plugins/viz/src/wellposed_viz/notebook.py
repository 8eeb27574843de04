"""How operators and results look in a notebook: small HTML, inline styles, no script.

Works by looked-up attributes, so that operators of any origin get a card; what an object does not have is
left out, and nothing here raises: a representation must never be what breaks a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from markupsafe import Markup, escape
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed_viz.pixels import Window, data_uri, png, shared_window, to_pixels

_CARD = (
    "display:inline-block;max-width:100%;padding:10px 14px;border:1px solid rgba(128,128,128,.35);"
    "border-radius:8px;font:13px/1.5 system-ui,sans-serif"
)
_MUTED = "opacity:.65"
_CHIP = (
    "display:inline-block;margin:2px 6px 2px 0;padding:0 8px;"
    "border:1px solid rgba(128,128,128,.35);border-radius:9px"
)
_HEADING = Markup('<div style="font-weight:600;font-family:ui-monospace,monospace">{}</div>')
_NOTE = Markup('<div style="{}">{}</div>')
_THUMBNAIL = "height:72px;min-width:24px;image-rendering:pixelated;border-radius:4px;background:#000"
_PICTURE = "max-width:min(100%,384px);min-width:96px;border-radius:4px;display:block"
_LARGEST_THUMBNAIL = 256 * 256  # parameters beyond this are data, not something to recognise at a glance


class Card:
    """The notebook card of anything that this pack can draw; ``None`` for the rest."""

    def __call__(self, obj: Any) -> str | None:
        """Return HTML for operators (objects with a domain and a range) and for results with an image."""
        if hasattr(obj, "domain") and hasattr(obj, "range"):
            return operator_html(obj)
        return result_html(obj) if isinstance(getattr(obj, "x", None), Tensor) else None


def operator_html(op: Any) -> str:
    """Return a card for an operator: its algebra, ``domain → range``, evidence and small parameters.

    Takes any object; uses ``repr``, ``domain``, ``range``, ``evidence()``, ``named_buffers()`` and
    ``named_parameters()`` where they exist.
    """
    parts = [_HEADING.format(_repr(op))]
    domain, codomain = getattr(op, "domain", None), getattr(op, "range", None)
    if domain is not None or codomain is not None:
        line = Markup('<div style="{}">{} → {}</div>')
        parts.append(line.format(_MUTED, _or_any(domain), _or_any(codomain)))
    facts = [Markup('<span style="{}">{}</span>').format(_CHIP, _fact(e)) for e in _evidence(op)]
    if facts:
        parts.append(Markup("<div>{}</div>").format(Markup("").join(facts)))
    thumbnails = [_captioned(name, tensor) for name, tensor in _small_images(op)]
    if thumbnails:
        row = Markup('<div style="display:flex;flex-wrap:wrap;gap:10px;margin-top:6px">{}</div>')
        parts.append(row.format(Markup("").join(thumbnails)))
    return _card(parts)


def result_html(result: Any, *, window: Window | None = (0.0, 1.0)) -> str:
    """Return a card for an image tensor, or for a result that has one in ``x`` (or ``y``).

    The other public attributes of the result (iterations, residual, reason, …) appear as a list.
    ``window=None`` scales to the image's own values.
    """
    if isinstance(result, Tensor):
        return _card([_image(result, window), _NOTE.format(_MUTED, _shape(result))])
    image = next((v for name in ("x", "y") if isinstance(v := getattr(result, name, None), Tensor)), None)
    rows = [
        Markup('<tr><td style="{}">{}</td><td>{}</td></tr>').format(_MUTED, name, _value(value))
        for name, value in _attributes(result)
    ]
    parts = [_HEADING.format(type(result).__name__)]
    if image is not None:
        parts.append(_image(image, window))
    parts.append(Markup("<table>{}</table>").format(Markup("").join(rows)))
    return _card(parts)


def _card(parts: list[Markup]) -> str:
    return str(Markup('<div style="{}">{}</div>').format(_CARD, Markup("").join(parts)))


def _repr(op: Any) -> str:
    try:
        return repr(op)
    except Exception as error:
        return f"{type(op).__name__} (its repr raised {type(error).__name__})"


def _or_any(space: Any) -> str:
    return "any" if space is None else str(space)


def _evidence(op: Any) -> tuple[Any, ...]:
    try:
        return tuple(op.evidence())
    except Exception:  # not an operator of ours, or one whose evidence needs a shape
        return ()


def _fact(evidence: Any) -> str:
    numbers = [
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in _attributes(evidence)
        if isinstance(value, bool | int | float | str | tuple)
    ]
    return f"{type(evidence).__name__}({', '.join(numbers)})" if numbers else type(evidence).__name__


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    slots = getattr(type(thing), "__slots__", ())
    names = [*getattr(thing, "__dict__", {}), *([slots] if isinstance(slots, str) else slots)]
    fields = [field.name for field in getattr(type(thing), "__attrs_attrs__", ())]
    for name in dict.fromkeys(fields or names):
        if not name.startswith("_") and hasattr(thing, name):
            yield name, getattr(thing, name)


def _small_images(op: Any) -> Iterator[tuple[str, Tensor]]:
    if not isinstance(op, torch.nn.Module):
        return
    for name, tensor in (*op.named_buffers(), *op.named_parameters()):
        last = tensor.shape[-2:]
        name = name.rpartition(".")[2]  # where in the algebra it sits, the repr says
        if tensor.ndim in (2, 3, 4) and min(last) > 1 and last.numel() <= _LARGEST_THUMBNAIL:
            yield name, tensor


def _captioned(name: str, tensor: Tensor) -> Markup:
    figure = Markup('<div><img alt="{}" style="{}" src="{}"><div style="{}">{} {}</div></div>')
    try:
        source = data_uri(png(to_pixels(tensor, window=shared_window([tensor], quantile=1.0))))
    except SpaceError:
        return Markup('<div style="{}">{} {}</div>').format(_MUTED, name, _shape(tensor))
    return figure.format(name, _THUMBNAIL, source, _MUTED, name, _shape(tensor))


def _image(image: Tensor, window: Window | None) -> Markup:
    try:
        shown = shared_window([image]) if window is None else window
        source = data_uri(png(to_pixels(image, window=shown)))
    except SpaceError as error:
        return _NOTE.format(_MUTED, error)
    return Markup('<img alt="result" style="{}" src="{}">').format(_PICTURE, source)


def _shape(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _value(value: Any) -> Markup:
    if isinstance(value, Tensor):
        text = _shape(value) if value.numel() > 4 else str(value.tolist())
    else:
        text = str(value)
    return escape(text if len(text) <= 200 else text[:199] + "…")
