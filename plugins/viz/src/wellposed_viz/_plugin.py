"""What this pack offers: the only module that discovery imports."""

from __future__ import annotations
