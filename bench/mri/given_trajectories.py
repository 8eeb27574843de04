"""Trajectories of others: how right a NUFFT along them is, and how like their density weights ours are.

Not a race but a check, printed: ``python -m bench.mri.given_trajectories [FOLDER]``, the folder of the files
``traj_*`` being the argument or ``$WELLPOSED_DATA/mri``.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SIZE, ROWS = 256, 500


def given(folder: Path) -> dict[str, tuple[Tensor, Tensor | None]]:
    """Return trajectories ``(shots, samples, 2)`` in cycles/FOV of 256 pixels, with weights where given."""
    from wellposed_mri import from_cycles_per_pixel

    found: dict[str, tuple[Tensor, Tensor | None]] = {}
    spokes = np.load(folder / "traj_radial_96x512.npy", allow_pickle=False)
    found["radial 96 × 512"] = torch.from_numpy(spokes), None
    with np.load(folder / "traj_fmrilab_radial_spiral.npz", allow_pickle=False) as file:
        for name, key in (("radial 315 × 200", "kRadial2D"), ("spiral 60 × 720", "kSpiral2D")):
            k = torch.from_numpy(file[f"{key}_k"]).transpose(0, 1).contiguous()
            weights = torch.from_numpy(file[f"{key}_w"]).T.contiguous()
            found[name] = from_cycles_per_pixel(k, (SIZE, SIZE)), weights
    return found


def errors(trajectory: Tensor) -> tuple[float, float, float]:
    """Return the errors of A and A* against explicit sums, and the adjoint defect."""
    from wellposed_mri import NonCartesianMRI

    generator = torch.Generator().manual_seed(0)
    op = NonCartesianMRI(torch.ones(1, SIZE, SIZE, dtype=torch.complex64), trajectory, 1e-5)
    x = torch.randn(1, 1, SIZE, SIZE, dtype=torch.complex64, generator=generator)
    some = torch.randperm(trajectory.shape[:-1].numel(), generator=generator)[:ROWS]
    j = torch.arange(SIZE, dtype=torch.float64) - SIZE // 2
    turns = trajectory.double().reshape(-1, 2)[some, :, None] * j / SIZE
    rows, columns = torch.exp(-2j * math.pi * turns).unbind(1)
    want = torch.einsum("mh,mw,hw->m", rows, columns, x[0, 0].to(torch.complex128)) / SIZE
    forward = relative(op(x).reshape(-1)[some], want)
    y = torch.zeros(trajectory.shape[:-1].numel(), dtype=torch.complex64)
    y[some] = torch.randn(len(some), dtype=torch.complex64, generator=generator)
    data = y.reshape(1, 1, *trajectory.shape[:-1])
    want = torch.einsum("mh,mw,m->hw", rows.conj(), columns.conj(), y[some].to(torch.complex128)) / SIZE
    back = op.A_adjoint(data)
    products = (op(x).conj() * data).sum(), (x.conj() * back).sum()
    defect = abs(products[0] - products[1]) / (op(x).norm() * data.norm())
    return forward, relative(back[0, 0], want), float(defect)


def relative(a: Tensor, b: Tensor) -> float:
    """Return ‖a − b‖ / ‖b‖."""
    return float((a - b).norm() / b.norm())


def correlation(a: Tensor, b: Tensor) -> float:
    """Return the cosine between two sets of weights."""
    a, b = a.double().flatten(), b.double().flatten()
    return float(a @ b / (a.norm() * b.norm()))


def round_trip(trajectory: Tensor, weights: Tensor) -> float:
    """Return the error of the weighted adjoint for exact k-space, against the best image on a disc of it."""
    from wellposed_mri import CartesianMRI, NonCartesianMRI, cartesian, shepp_logan

    phantom = shepp_logan()
    op = NonCartesianMRI(torch.ones(1, SIZE, SIZE, dtype=torch.complex64), trajectory)
    y = phantom.kspace(trajectory, SIZE).to(torch.complex64)[None, None]
    image = op.A_adjoint(y * weights.float())[0, 0]
    disc = (cartesian((SIZE, SIZE)).norm(dim=-1) <= float(trajectory.norm(dim=-1).max())).float()
    want = CartesianMRI(disc).A_adjoint(phantom.cartesian(SIZE).to(torch.complex64)[None, None])[0, 0]
    scale = (image.conj() * want).sum() / image.abs().square().sum()
    return relative(scale * image, want)


def main(folder: Path) -> None:
    """Print the table."""
    from wellposed_mri import pipe_menon, voronoi

    for name, (trajectory, weights) in given(folder).items():
        forward, back, defect = errors(trajectory)
        print(f"{name}: A {forward:.1e}, A* {back:.1e} of the explicit sum; adjoint defect {defect:.1e}")
        ours = {
            "Voronoi": voronoi(trajectory, (SIZE, SIZE)),
            "Pipe–Menon": pipe_menon(trajectory, (SIZE, SIZE)),
        }
        for kind, w in (ours | ({} if weights is None else {"given": weights})).items():
            alike = "" if weights is None else f", cosine to the given weights {correlation(w, weights):.4f}"
            print(f"  {kind} weights: gridding error {round_trip(trajectory, w):.3f}{alike}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ["WELLPOSED_DATA"]) / "mri")
