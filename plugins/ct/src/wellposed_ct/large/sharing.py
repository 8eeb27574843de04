"""Independent tasks over the ranks of ``torch.distributed``, over Dask workers, or one after another.

A task writes its own part of a file that all processes see, so what is written does not depend on who does
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import torch.distributed as dist

__all__ = ["is_first", "share", "spread", "wait"]

T = TypeVar("T")


def share(items: Sequence[T]) -> list[T]:
    """Return the items of this rank: every n-th of n ranks; all of them without ``torch.distributed``."""
    if not _is_distributed():
        return list(items)
    return list(items)[dist.get_rank() :: dist.get_world_size()]


def spread(work: Callable[[T], Any], items: Sequence[T], client: Any = None) -> None:
    """Run ``work(item)`` for every item, once among all processes, and return when all are done.

    Parameters
    ----------
    work
        A function that can be pickled where ``client`` is given.
    items
        What to run it on; the same sequence on all ranks.
    client
        A ``dask.distributed.Client``, or anything else with its ``map`` and ``gather``; or the name of one of
        Dask's own schedulers, ``processes`` or ``threads``. Without one, the ranks of ``torch.distributed``
        share the items where it is initialised.
    """
    if isinstance(client, str):
        dask: Any = import_module("dask")  # its types are partial
        dask.compute(*[dask.delayed(work)(item) for item in items], scheduler=client)
        return
    if client is not None:
        client.gather(client.map(work, list(items), pure=False))
        return
    for item in share(items):
        work(item)
    wait()


def wait() -> None:
    """Wait for all ranks."""
    if _is_distributed():
        dist.barrier()


def is_first() -> bool:
    """Whether this is the first rank, or the only process."""
    return not _is_distributed() or dist.get_rank() == 0


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()
