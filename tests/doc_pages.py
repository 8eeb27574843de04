"""Read a Markdown page the way its readers do: from the top, doing what it says.

Blocks, by the language of their fence:

- ``python``: run, in one namespace per page; a ``text`` block right after it is what it prints.
- ``{code-block} LANG`` with a ``:caption: PATH``: a file that the reader saves.
- ``console`` after ``<!-- run -->``: lines after ``$`` are run; what stands below is printed.

A comment ``<!-- slow -->`` anywhere marks the page slow, ``<!-- not run: REASON -->`` spares the next block.
In expected output ``...`` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[1]
SLOW = "<!-- slow -->"

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`]*)$")
_COMMENT = re.compile(r"^<!-- (.*?) -->$")


@attrs.frozen
class Block:
    """A fenced block: its language, text and first line, with its options and the comment before it."""

    language: str
    text: str
    line: int
    comment: str = ""
    options: dict[str, str] = attrs.field(factory=dict)
    adjacent: bool = False
    """Whether nothing but blank lines separates it from the block before."""


@attrs.frozen
class Step:
    """One thing a reader does: ``python``, ``file`` or ``console``, and what it should print."""

    kind: str
    text: str
    line: int
    expected: str | None = None
    path: str = ""


def pages() -> list[Path]:
    """Return every page with something to do on it."""
    found = [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]
    found += [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    seen = (p for p in found if "_build" not in p.parts and ".venv" not in p.parts and p.is_file())
    return sorted(p for p in seen if steps(p))


def is_slow(page: Path) -> bool:
    """Whether the page says that it takes long."""
    return SLOW in page.read_text(encoding="utf-8")


def steps(page: Path) -> list[Step]:
    """Return what a reader of ``page`` does, in order."""
    found: list[Step] = []
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.comment.startswith("not run: "):
            continue
        if "caption" in block.options:
            found.append(Step("file", block.text, block.line, path=block.options["caption"].strip("`")))
        elif block.language == "python":
            found.append(Step("python", block.text, block.line))
        elif block.language == "text" and block.adjacent and found and found[-1].kind == "python":
            found[-1] = attrs.evolve(found[-1], expected=block.text)
        elif block.language == "console" and block.comment == "run":
            found.extend(_commands(block))
    return found


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of Markdown ``text``; blocks within blocks stay text."""
    lines = text.splitlines()
    i, adjacent, comment = 0, False, ""
    while i < len(lines):
        opening = _FENCE.match(lines[i])
        if opening is None:
            if lines[i].strip():
                adjacent = False
                remark = _COMMENT.match(lines[i].strip())
                comment = remark[1] if remark else ""
            i += 1
            continue
        end = next(j for j in range(i + 1, len(lines)) if lines[j].rstrip() == opening["fence"])
        language, body, first = opening["info"].strip(), lines[i + 1 : end], i + 2
        options: dict[str, str] = {}
        if language.startswith("{"):
            language = language.rpartition(" ")[2]
            while body and (option := re.match(r"^:(\w+): *(.*)$", body[0])):
                options[option[1]] = option[2]
                body, first = body[1:], first + 1
            while body and not body[0].strip():
                body, first = body[1:], first + 1
        yield Block(language, "\n".join(body) + "\n", first, comment, options, adjacent)
        i, adjacent, comment = end + 1, True, ""


def _commands(block: Block) -> Iterator[Step]:
    """Yield the commands of a console block, each with the output below it (none: not compared)."""
    command, line, printed = "", block.line, []
    for number, row in enumerate(block.text.splitlines(), block.line):
        if row.startswith("$ "):
            if command:
                yield Step("console", command, line, "\n".join(printed) if printed else None)
            command, line, printed = row[2:], number, []
        elif command.endswith("\\"):
            command = command[:-1] + row.strip()
        else:
            printed.append(row)
    yield Step("console", command, line, "\n".join(printed) if printed else None)
