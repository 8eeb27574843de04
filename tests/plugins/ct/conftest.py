"""What tests of projectors share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def same_on_threads():
    """Assert that calls return the very same bits on one, two and five threads."""

    def assert_same(*calls: Callable[[], Tensor]) -> None:
        before, results = torch.get_num_threads(), []
        try:
            for threads in (1, 2, 5):
                torch.set_num_threads(threads)
                results.append([call() for call in calls])
        finally:
            torch.set_num_threads(before)
        for others in results[1:]:
            assert all(map(torch.equal, others, results[0]))

    return assert_same
