from __future__ import annotations

import sys
from pathlib import Path

# The helpers of these tests (train_doubles) and of all tests (peers) are plain modules beside them, and
# pytest's importlib mode does not put their folders on the path.
for folder in (Path(__file__).parent, Path(__file__).parents[2]):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
