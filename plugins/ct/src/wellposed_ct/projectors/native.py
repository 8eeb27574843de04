"""The compiled projectors: one library of all the C++ beside this file.

A wheel may bring it (``hatch_build.py``); otherwise it is compiled at first use, see :mod:`wellposed.native`.
"""

from __future__ import annotations

from pathlib import Path

from wellposed.native import Native, NativeCode

__all__ = ["CODE", "LEVELS", "native"]

FOLDER = Path(__file__).parent
CODE = NativeCode(
    "ct",
    [FOLDER / "joseph.cpp", *sorted(set(FOLDER.glob("*.cpp")) - {FOLDER / "joseph.cpp"})],
    sorted(FOLDER.glob("*.hpp")),
    version="wellposed_ct_interface",
    interface=7,
    slowdown="some 50 times slower",
)
INSTRUCTIONS = ("portable code", "AVX2 with FMA", "AVX-512")

LEVELS = {"auto": 2, "avx2": 1, "portable": 0}
"""The best instruction set that a backend allows, as the kernels count them."""


def native() -> Native:
    """Return the compiled projectors, or why there are none; the status names their instruction set."""
    found = CODE.load()
    if found.library is None:
        return found
    best = INSTRUCTIONS[found.library.wellposed_ct_instructions()]
    return Native(found.library, f"{found.status}; {best}")
