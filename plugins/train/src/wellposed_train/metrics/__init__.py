"""Full-reference metrics ``metric(x_hat, x)`` → ``(B,)``.

Every metric states what the conformance kit verifies: ``higher_is_better``; ``symmetric``, whether
``metric(a, b) = metric(b, a)``; and ``perfect``, its value at ``x_hat = x``.
"""
