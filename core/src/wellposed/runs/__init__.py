"""Runs: several methods on one measurement, timed, scored, and written where a crash loses little.

>>> from wellposed.runs import Method, Run, execute
>>> methods = [Method.of("optim.tv"), Method.of("deblurring.wiener")]  # doctest: +SKIP
>>> run = Run("Motion blur", measurement, methods)  # doctest: +SKIP
>>> done = execute(run)  # doctest: +SKIP
>>> done.rows()[0]  # doctest: +SKIP
{'method': 'input', 'psnr': 18.15, 'ssim': 0.456, 'seconds': None, 'parameters': {}}

The one idea: *a run is a value*. :func:`execute` takes a run without outcomes and returns one with them, and
everything that people see (the table, ``results.json``, the report) is a function of that value. Methods and
metrics come from the registry; this module knows none by name but its default metrics.

Seconds are those of the method alone. Where a method reports its iterations (``solve(…, callback=…)``), the
clock stands still while the run records them, so history costs no method its place in the table.
"""

from __future__ import annotations

from wellposed.runs._config import planned
from wellposed.runs._execute import execute
from wellposed.runs._folder import RunFolder
from wellposed.runs._greys import middle
from wellposed.runs._listener import Listener
from wellposed.runs._region import Region
from wellposed.runs._reports import write_reports
from wellposed.runs._simulate import simulate
from wellposed.runs._values import Method, Outcome, Run, default_metrics

__all__ = [
    "Listener",
    "Method",
    "Outcome",
    "Region",
    "Run",
    "RunFolder",
    "default_metrics",
    "execute",
    "middle",
    "planned",
    "simulate",
    "write_reports",
]
