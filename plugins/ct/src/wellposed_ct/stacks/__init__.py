"""Stacks of slices larger than memory: read lazily, reconstructed by chunks, resumed after a kill.

Rows of a parallel-beam detector are slices that know nothing of each other, so any number of them is done at
a time, and a finished slice is never touched again.
"""

from wellposed_ct.files.volumes import FORMATS, publish
from wellposed_ct.stacks.memory import bytes_per_row, parse_bytes, rows_at_once
from wellposed_ct.stacks.reconstruction import Plan, reconstruct_rows, reconstruct_stack
from wellposed_ct.stacks.work import Work

__all__ = [
    "FORMATS",
    "Plan",
    "Work",
    "bytes_per_row",
    "parse_bytes",
    "publish",
    "reconstruct_rows",
    "reconstruct_stack",
    "rows_at_once",
]
