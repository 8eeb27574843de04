"""Joseph's projectors on a 512 × 512 image, parallel beam (360 views) and fan beam, float32.

The agreement is that of the two results; ASTRA's linear projector is Joseph's method too, and so is its
matrix. deepinv and scikit-image rotate the image: they agree to a few per cent, and their adjoints are none
of their forward maps, so that only the forward maps are compared with them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache, partial
from importlib import metadata
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.peers import deepinv, deepinv_version

SIZE, VIEWS = 512, 360
FAN = {"source_axis_mm": 1000.0, "source_detector_mm": 1500.0, "detectors": 1024, "detector_mm": 1.2}


def cases() -> list[Case]:
    """Return batch 1 and 8, forward and adjoint, one thread and two."""
    astra = f"ASTRA {metadata.version('astra-toolbox')} CPU linear"
    found = []
    for threads in (1, 2):
        for batch, forward, adjoint in ((1, 1 / 20, 1 / 15), (8, 1 / 22, 1 / 16)):
            for back, target in ((False, forward), (True, adjoint)):
                found.append(
                    Case(
                        f"ct parallel: batch {batch}, {'A*' if back else 'A'}, {_threads(threads)}, ASTRA",
                        "ParallelBeam",
                        astra,
                        partial(_astra, batch, back),
                        target if threads == 2 else None,
                        threads=threads,
                        note="ASTRA's CPU code uses one thread",
                    )
                )
    for batch in (1, 8):
        for back in (False, True):
            name = f"ct parallel: batch {batch}, {'A*' if back else 'A'}, 2 threads, matrix"
            found.append(
                Case(name, "ParallelBeam", "SciPy CSR", partial(_matrix, batch, back), 1.0, threads=2)
            )
    found.append(
        Case(
            "ct parallel: batch 1, A, 2 threads, deepinv", "ParallelBeam", f"{deepinv_version()} Tomography",
            _deepinv, 1 / 50, threads=2, tolerance=0.05, note="the peer rotates the image",
        )
    )  # fmt: skip
    found.append(
        Case(
            "ct parallel: batch 1, A, 2 threads, scikit-image", "ParallelBeam",
            f"scikit-image {metadata.version('scikit-image')} radon", _skimage, 1 / 50, threads=2,
            tolerance=0.05,
            note="the peer rotates the image",
        )
    )  # fmt: skip
    for back in (False, True):
        name = f"ct fan: 1024 bins, {'A*' if back else 'A'}, 2 threads, ASTRA"
        found.append(
            Case(
                name, "FanBeam", f"{astra.rpartition(' ')[0]} line_fanflat", partial(_astra_fan, back),
                1 / 10, threads=2, tolerance=0.05, note="the peer weighs pixels by lengths (line model)",
            )
        )  # fmt: skip
    return found


def _threads(n: int) -> str:
    return "1 thread" if n == 1 else f"{n} threads"


@cache
def angles() -> np.ndarray:
    """Return half a turn, radians."""
    return np.arange(VIEWS) * math.pi / VIEWS


@cache
def operator() -> Any:
    """Return our projector."""
    from wellposed_ct import ParallelBeam

    return ParallelBeam(torch.from_numpy(angles()), (1, SIZE, SIZE), SIZE)


@cache
def images(batch: int) -> Tensor:
    """Return the modified Shepp–Logan head, a little brighter from sample to sample."""
    from wellposed_ct import shepp_logan

    x = shepp_logan(SIZE * 0.47).image(operator().geometry, 2).float()
    return torch.cat([x * (1 + i / 8) for i in range(batch)])


def sinograms(batch: int, op: Any) -> Tensor:
    """Return their sinograms."""
    return op.A(images(batch))


def _sides(ours: Callable[[Tensor], Tensor], peer: Callable[[], Tensor], data: Tensor) -> Sides:
    return Sides(lambda: ours(data), peer, relative(ours(data), peer()))


def _astra(batch: int, back: bool) -> Sides:
    op = operator()
    data = sinograms(batch, op) if back else images(batch)
    import astra

    projections = astra.create_proj_geom("parallel", 1.0, SIZE, angles())
    return _sides(op.A_adjoint if back else op.A, _run_astra(projections, "linear", data, back), data)


def _astra_fan(back: bool) -> Sides:
    from wellposed_ct import FanBeam

    turn = np.arange(VIEWS) * 2 * math.pi / VIEWS
    op = FanBeam(torch.from_numpy(turn), (1, SIZE, SIZE), pixel_mm=1.0, **FAN)
    data = sinograms(1, op) if back else images(1)
    import astra

    origin, detector = FAN["source_axis_mm"], FAN["source_detector_mm"]
    projections = astra.create_proj_geom(
        "fanflat", FAN["detector_mm"], FAN["detectors"], turn, origin, detector - origin
    )
    return _sides(op.A_adjoint if back else op.A, _run_astra(projections, "line_fanflat", data, back), data)


def _run_astra(projections: Any, model: str, data: Tensor, back: bool) -> Callable[[], Tensor]:
    """Return ASTRA's run on all samples in turn; its arrays are made before, and nothing is copied."""
    import astra

    volume = astra.create_vol_geom(SIZE, SIZE)
    projector = astra.create_projector(model, projections, volume)
    shape = (SIZE, SIZE) if back else (VIEWS, projections["DetectorCount"])
    out = np.zeros((len(data), *shape), np.float32)
    runs = []
    for source, target in zip(data[:, 0].contiguous().numpy(), out, strict=True):
        first, second = (target, source) if back else (source, target)
        keys = (
            astra.data2d.link("-vol", volume, first),
            astra.data2d.link("-sino", projections, second),
        )
        setting = astra.astra_dict("BP" if back else "FP")
        setting["ProjectorId"] = projector
        setting["ProjectionDataId"] = keys[1]
        setting["ReconstructionDataId" if back else "VolumeDataId"] = keys[0]
        runs.append(astra.algorithm.create(setting))

    def run() -> Tensor:
        for algorithm in runs:
            astra.algorithm.run(algorithm)
        return torch.from_numpy(out)[:, None]

    return run


@cache
def _sparse() -> Any:
    import astra

    projections = astra.create_proj_geom("parallel", 1.0, SIZE, angles())
    projector = astra.create_projector("linear", projections, astra.create_vol_geom(SIZE, SIZE))
    return astra.matrix.get(astra.projector.matrix(projector)).tocsr().astype(np.float32)


def _matrix(batch: int, back: bool) -> Sides:
    op = operator()
    data = sinograms(batch, op) if back else images(batch)
    matrix = _sparse().T.tocsr() if back else _sparse()
    flat = np.ascontiguousarray(data.reshape(batch, -1).numpy().T)
    shape = (-1, 1, *((SIZE, SIZE) if back else (VIEWS, SIZE)))
    return _sides(
        op.A_adjoint if back else op.A, lambda: torch.from_numpy((matrix @ flat).T).reshape(shape), data
    )


def _deepinv() -> Sides:
    op, x = operator(), images(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        degrees = torch.from_numpy(np.rad2deg(angles())).float()
        peer = deepinv().physics.Tomography(degrees, img_width=SIZE, circle=True, normalize=False)
    ours = lambda: op.A(x)  # noqa: E731
    return Sides(ours, lambda: peer.A(x), relative(ours(), peer.A(x).mT))


def _skimage() -> Sides:
    from skimage.transform import radon

    # scikit-image turns about pixel n // 2
    op = operator().replace(axis_mm=0.5, centre_mm=(-0.5, 0.5))
    x = images(1)
    array, degrees = x[0, 0].double().numpy(), np.rad2deg(angles())
    peer = lambda: radon(array, degrees, circle=True)  # noqa: E731
    return Sides(
        lambda: op.A(x), peer, relative(op.A(x), torch.from_numpy(peer().T.copy())[None, None].float())
    )
