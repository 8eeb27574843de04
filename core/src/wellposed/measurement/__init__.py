"""What was measured, by what physics, and (in simulations) what the truth was: one value, one file.

Readers return a :class:`Measurement` and reconstructors consume one. Saved as a single safetensors file,
it lets methods be compared on the same ``y``, the same ``A`` and the same noise, today and next year.
"""

from wellposed.measurement._measurement import MAX_BYTES, Measurement

__all__ = ["MAX_BYTES", "Measurement"]
