"""One library serves every x86-64 processor, a cache on a shared home too: wide code is behind a question.

What is compiled for AVX-512 must not be reachable by others. A function template that two namespaces share is
the classic leak: the linker keeps one copy of it, and which one is chance.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess

import pytest

from wellposed.native import find_compiler
from wellposed_ct.projectors import native

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="about x86-64"),
    pytest.mark.skipif(find_compiler() is None or shutil.which("objdump") is None, reason="needs binutils"),
]
WIDE = re.compile(r"%zmm|%k[0-7]\b")
NARROW = re.compile(r"%ymm")


@pytest.fixture(scope="module")
def functions():
    """``{demangled name: instructions}`` of the library."""
    path = native.CODE.cached(find_compiler())
    if not path.exists():
        native.CODE.build(path, find_compiler())
    text = subprocess.run(
        ["objdump", "-d", "-C", "--no-show-raw-insn", str(path)], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = {}
    for part in text.split("\n\n"):
        head, _, body = part.partition("\n")
        if name := re.match(r"[0-9a-f]+ <(.*)>:$", head):
            found[name[1]] = found.get(name[1], "") + body
    return found


def test_code_for_avx512_is_in_its_own_namespace(functions):
    wide = [name for name, body in functions.items() if WIDE.search(body)]
    assert any("avx512::" in name for name in wide)
    assert [name for name in wide if "avx512::" not in name] == []


def test_code_for_avx2_is_in_its_own_namespace(functions):
    middling = [name for name, body in functions.items() if NARROW.search(body)]
    own = ("avx2::", "avx512::")
    assert any("avx2::" in name for name in middling)
    assert [name for name in middling if not any(word in name for word in own)] == []
