"""The reader of pages reads them as described."""

from __future__ import annotations

from doc_pages import ROOT, blocks, pages, steps

PAGE = """
Words.

```python
print(1)
```

```text
1
```

Words between.

```text
not compared
```

````{code-block} toml
:caption: a/b.toml

x = 1
````

<!-- not run: needs a scanner -->
```python
scan()
```

```console
$ wellposed not-marked
```

<!-- run -->
```console
$ wellposed plugins \\
    --json
anything ...
$ wellposed list
```
"""


def test_blocks_become_steps(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    found = [(s.kind, s.text, s.expected, s.path) for s in steps(page)]
    assert found == [
        ("python", "print(1)\n", "1\n", ""),
        ("file", "x = 1\n", None, "a/b.toml"),
        ("console", "wellposed plugins --json", "anything ...", ""),
        ("console", "wellposed list", None, ""),
    ]


def test_lines_are_counted_from_the_top():
    python = next(b for b in blocks(PAGE) if b.language == "python")
    assert PAGE.splitlines()[python.line - 1] == "print(1)"


def test_every_readme_is_read():
    assert ROOT / "README.md" in pages()
    packs = {p.parent for p in ROOT.glob("*/*/pyproject.toml")}
    assert packs <= {p.parent for p in pages()}, "a pack's README shows how it is used"
