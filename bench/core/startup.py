"""How long it takes until a name can be listed or a first image blurred, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from bench.case import Case, Sides
from bench.machine import versions
from bench.peers import deepinv_version

_PEAK = """
import sys
line = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
sys.stderr.write(line)
"""

BARE = "pass"
IMPORT = "import wellposed"
LIST = "from wellposed.cli import main; main(['list', 'physics'])"
TORCH = "import torch; torch.zeros(1, 1, 64, 64) + 1"
FIRST = """
import wellposed, torch
physics = wellposed.registry.create('deblurring.blur', kernel=torch.ones(5, 5) / 25,
    domain=(1, 64, 64), boundary='reflect')
physics(torch.zeros(1, 1, 64, 64))
"""
DEEPINV = """
from bench.peers import deepinv
dinv = deepinv()
import torch
physics = dinv.physics.Blur(torch.ones(1, 1, 5, 5) / 25, padding='reflect')
physics(torch.zeros(1, 1, 64, 64))
"""


def cases() -> list[Case]:
    """Return the imports, the listing and the first use of a physics."""
    torch, python = f"import torch {versions()['torch']}", "bare Python"
    note = "process start to exit; MiB is the process's peak"
    rows: tuple[tuple[str, str, str, str, float | None, float | None], ...] = (
        ("import wellposed", IMPORT, python, BARE, None, 150.0),
        ("wellposed list physics", LIST, python, BARE, None, 150.0),
        ("first physics used, torch", FIRST, torch, TORCH, None, 100.0),
        ("first physics used, deepinv", FIRST, f"{deepinv_version()} Blur", DEEPINV, 1.0, None),
    )
    return [
        Case(
            f"start-up: {name}", name.partition(",")[0], peer,
            lambda ours=ours, bare=bare: Sides(process(ours), process(bare), 0.0),
            target=target, excess_target_ms=limit, note=note, external=True,
        )
        for name, ours, peer, bare, target, limit in rows
    ]  # fmt: skip


def process(code: str) -> Callable[[], tuple[float, float]]:
    """Return a call that runs ``code`` in a fresh interpreter and gives (seconds, peak MiB)."""

    def run() -> tuple[float, float]:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code + _PEAK], capture_output=True, text=True, check=True
        )
        took = time.perf_counter() - start
        peak = next(line for line in reversed(done.stderr.splitlines()) if line.startswith("VmHWM"))
        return took, float(peak.split()[1]) / 1024

    return run
