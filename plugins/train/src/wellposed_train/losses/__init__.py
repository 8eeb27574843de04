"""Losses ``loss(x_hat, x, y, physics, model)`` → ``(B,)``, supervised and self-supervised.

Every loss states what the conformance kit verifies and what a trainer may rely on:

``uses``
    The arguments that it reads; the others may be ``None`` (a trainer need not load or compute them).
``zero_at_truth``
    Whether it vanishes when ``x_hat = x``, ``y = A(x)`` and ``model`` inverts ``A``.
``unbiased``
    Whether its expectation over noisy ``y`` is the mean squared error of ``A(x_hat)`` against ``A(x)``.

Random losses take a keyword ``generator``; sample ``i`` then draws from a stream of its own, derived from
one seed of that generator, so values do not depend on how samples share a batch. Without a generator
torch's default one is used.
"""
