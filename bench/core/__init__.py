"""The cases of the group ``core``, one module per section."""
