"""Benchmarks against named peers: ``python -m bench GROUP`` (``make bench GROUP=core``).

A case times two callables that were shown to compute the same thing, in turns within one process, and
becomes one row of ``bench/results/<group>.json``; a page in ``docs/benchmarks`` is drawn from them. Groups
are the modules of :mod:`bench.groups`; each has a function ``cases()``.
"""
