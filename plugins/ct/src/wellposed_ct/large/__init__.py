"""Scans larger than memory, or than one machine."""

from wellposed_ct.large.arrays import create, opened
from wellposed_ct.large.sharing import share, spread
from wellposed_ct.large.sirt import sirt_slabs
from wellposed_ct.large.slabs import fdk_slabs, slab_bytes, slab_ranges
from wellposed_ct.large.slices import reconstruct_slices

__all__ = [
    "create",
    "fdk_slabs",
    "opened",
    "reconstruct_slices",
    "share",
    "sirt_slabs",
    "slab_bytes",
    "slab_ranges",
    "spread",
]
