"""Settings every test shares."""

from __future__ import annotations

import os

# two cores are shared by the test workers; more threads than one apiece only fight over them
os.environ.setdefault("OMP_NUM_THREADS", "1")
