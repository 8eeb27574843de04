"""What an iteration costs beyond its tensor operations: tiny systems, against bare loops and deepinv.

The bare loops compute the same iterates and look at nothing: no stopping rule, no safeguards.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.machine import versions
from bench.peers import deepinv, deepinv_version

ITERATIONS = 100
LIMIT = 15e-3
"""ms per iteration."""
NOTE = (
    f"per iteration of {ITERATIONS}, the start of the solve included; 64 unknowns, float64; condition 1e10, "
    "so rounding separates the iterates"
)


def cases() -> list[Case]:
    """Return CG and LSQR for one sample and for a batch, and CG against deepinv."""
    bare = f"bare torch {versions()['torch']} loop"
    found = []
    for batch in (1, 8):
        for name, prepare in (("cg", _cg), ("lsqr", _lsqr)):
            found.append(
                Case(
                    f"solver overhead: {name}, batch {batch}", f"solvers.{name}", bare,
                    lambda prepare=prepare, batch=batch: prepare(batch),
                    excess_target_ms=LIMIT, note=NOTE, tolerance=2e-2,
                )
            )  # fmt: skip
        found.append(
            Case(
                f"solver overhead: cg, batch {batch}, deepinv", "solvers.cg",
                f"{deepinv_version()} conjugate_gradient",
                lambda batch=batch: _cg_deepinv(batch), target=1.0, note=NOTE, tolerance=2e-2,
            )
        )  # fmt: skip
    return found


def _system(batch: int) -> tuple[Tensor, Tensor]:
    # Conditioned so badly that no rule stops before the last iteration.
    d = torch.logspace(0, 10, 64, dtype=torch.float64).reshape(1, 8, 8)
    g = torch.Generator().manual_seed(0)
    return d, torch.randn(batch, 1, 8, 8, dtype=torch.float64, generator=g)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)


def _bare_cg(d: Tensor, b: Tensor) -> Tensor:
    x, r = torch.zeros_like(b), b.clone()
    p, rr = r.clone(), _dot(r, r)
    for _ in range(ITERATIONS):
        q = d * p
        step = rr / _dot(p, q)
        x = x + step * p
        r = r - step * q
        old, rr = rr, _dot(r, r)
        p = r + (rr / old) * p
    return x


def _cg(batch: int) -> Sides:
    from wellposed.operators import Multiply
    from wellposed.solvers import cg

    d, b = _system(batch)
    op = Multiply(d)
    solution = cg(op, b, tol=0, max_iter=ITERATIONS)
    _require_all(solution.iterations)
    return Sides(
        lambda: cg(op, b, tol=0, max_iter=ITERATIONS),
        lambda: _bare_cg(d, b),
        relative(solution.x, _bare_cg(d, b)),
        ITERATIONS,
    )


def _cg_deepinv(batch: int) -> Sides:
    from wellposed.operators import Multiply
    from wellposed.solvers import cg

    deepinv()
    from deepinv.optim.linear import conjugate_gradient

    d, b = _system(batch)
    op = Multiply(d)

    def peer() -> Tensor:
        found: Tensor = conjugate_gradient(lambda v: d * v, b, max_iter=ITERATIONS, tol=0, eps=0)
        return found

    solution = cg(op, b, tol=0, max_iter=ITERATIONS)
    _require_all(solution.iterations)
    return Sides(
        lambda: cg(op, b, tol=0, max_iter=ITERATIONS), peer, relative(solution.x, peer()), ITERATIONS
    )


def _bare_lsqr(d: Tensor, b: Tensor) -> Tensor:
    beta = _dot(b, b).sqrt()
    u = b / beta
    v = d * u
    alpha = _dot(v, v).sqrt()
    v = v / alpha
    x, w, phi, rho = torch.zeros_like(v), v, beta, alpha
    for _ in range(ITERATIONS):
        u = d * v - alpha * u
        beta = _dot(u, u).sqrt()
        u = u / beta
        v = d * u - beta * v
        alpha = _dot(v, v).sqrt()
        v = v / alpha
        size = torch.hypot(rho, beta)
        c, s = rho / size, beta / size
        x = x + (c * phi / size) * w
        w = v - (s * alpha / size) * w
        rho, phi = -c * alpha, s * phi
    return x


def _lsqr(batch: int) -> Sides:
    from wellposed.operators import Multiply
    from wellposed.solvers import lsqr

    d, b = _system(batch)
    op = Multiply(d)
    solution = lsqr(op, b, tol=0, max_iter=ITERATIONS)
    _require_all(solution.iterations)
    return Sides(
        lambda: lsqr(op, b, tol=0, max_iter=ITERATIONS),
        lambda: _bare_lsqr(d, b),
        relative(solution.x, _bare_lsqr(d, b)),
        ITERATIONS,
    )


def _require_all(iterations: Tensor) -> None:
    if not bool((iterations == ITERATIONS).all()):
        raise SystemExit(f"a solver made {iterations.tolist()} iterations instead of {ITERATIONS}")
