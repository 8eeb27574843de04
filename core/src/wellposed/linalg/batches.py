"""A parameter per sample, and data of another batch: torch's error becomes a sentence.

An operator cannot know from a parameter's shape whether its first axis counts samples, and asking at every
call would cost more than many an operator. So the question is put once torch has refused, by trying.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.vectors import leaves, map_vector


def refuse_batch(
    error: RuntimeError, parameters: Mapping[str, Tensor], apply: Callable[[Any], Any], given: Any
) -> None:
    """Raise :class:`SpaceError` if ``apply`` fails on ``given`` because a parameter is for another batch.

    That is so where the sizes do not match, and as many copies of one sample as the parameter has do.
    """
    if "match" not in str(error):
        return
    batch = leaves(given)[0].shape[0]
    for name, value in parameters.items():
        other = value.shape[0] if value.ndim else 1
        if other not in (1, batch) and _works(apply, given, other):
            raise SpaceError(
                f"the data are a batch of {batch}, but {name} of shape {tuple(value.shape)} is for a batch "
                f"of {other}; give one for all, or one per sample."
            ) from error


def _works(apply: Callable[[Any], Any], given: Any, batch: int) -> bool:
    try:
        apply(map_vector(lambda t: t[:1].detach().expand(batch, *t.shape[1:]), given))
    except Exception:  # whatever it is, it is no matter of the batch
        return False
    return True
