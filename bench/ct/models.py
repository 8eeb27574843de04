"""Fans, Siddon's projector, strips and Fourier slices on a 512 × 512 image, float32.

ASTRA's ``line`` is Siddon's projector, its ``strip`` ours. Rows called ``exact`` state as accuracy the error
of our sinogram of the Shepp–Logan head against its exact line integrals: the head itself, not its pixels, so
that the image's resolution is part of it and projectors that model pixels alike come out alike.
"""

from __future__ import annotations

import math
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.ct.parallel import FAN, SIZE, VIEWS, _run_astra, angles

RADIUS = SIZE * 0.47
THEIRS = {"joseph": "linear", "siddon": "line", "strip": "strip"}


def cases() -> list[Case]:
    """Return every model against ASTRA's, and Fourier slices against Joseph."""
    version = metadata.version("astra-toolbox")
    found = []
    for threads, batch in ((1, 1), (2, 8)):
        for back in (False, True):
            found.append(
                Case(
                    f"ct fan: 1024 bins, batch {batch}, {'A*' if back else 'A'}, {_threads(threads)}, ASTRA",
                    "FanBeam", f"ASTRA {version} CPU line_fanflat",
                    partial(_fan, "joseph", back, batch), 1 / 10 if threads == 2 else None,
                    tolerance=0.05, threads=threads, note="the peer weighs pixels by lengths (line model)",
                )
            )  # fmt: skip
    for model in ("siddon", "strip"):
        for beam, prepare in (("parallel", _parallel), ("fan", _fan)):
            theirs = THEIRS[model] + ("_fanflat" if beam == "fan" else "")
            for back in (False, True):
                name = f"ct {model}: {beam}, {'A*' if back else 'A'}, 2 threads, ASTRA"
                peer = f"ASTRA {version} CPU {theirs}"
                loose = model == "strip" and beam == "fan"
                found.append(
                    Case(
                        name, f"{beam} beam, model={model}", peer, partial(prepare, model, back, 1), 1.0,
                        threads=2, tolerance=0.01 if loose else 1e-3,
                        note="strips of a fan are normalised a little differently" if loose else "",
                    )
                )  # fmt: skip
    for views in (180, 720, 2880):
        for back in (False, True):
            found.append(
                Case(
                    f"ct fourier: {views} views, {'A*' if back else 'A'}, 2 threads", "FourierSlice",
                    "our ParallelBeam", partial(_fourier, views, back), threads=2, tolerance=0.1,
                    note="finufft with accuracy 1e-4, against our own Joseph's",
                )
            )  # fmt: skip
    for model in (*THEIRS, "fourier"):
        found.append(
            Case(
                f"ct exact: parallel, A, {model}", model, f"ASTRA {version} CPU linear",
                partial(_exact, model), threads=2, tolerance=0.05,
                note="accuracy: our error against exact line integrals",
            )
        )  # fmt: skip
    return found


def _threads(n: int) -> str:
    return "1 thread" if n == 1 else f"{n} threads"


def _scan(views: int = VIEWS) -> Any:
    from wellposed_ct import ParallelGeometry

    return ParallelGeometry(np.arange(views) * math.pi / views, (SIZE, SIZE), SIZE)


def _head(scan: Any, batch: int = 1) -> Tensor:
    from wellposed_ct import shepp_logan

    x = shepp_logan(RADIUS).image(scan, 2).float()
    return torch.cat([x * (1 + i / 8) for i in range(batch)])


def _against_astra(op: Any, back: bool, batch: int, projections: Any, theirs: str) -> Sides:
    data = _head(op.geometry, batch)
    data = op.A(data) if back else data
    ours, peer = op.A_adjoint if back else op.A, _run_astra(projections, theirs, data, back)
    return Sides(lambda: ours(data), peer, relative(ours(data), peer()))


def _parallel(model: str, back: bool, batch: int) -> Sides:
    import astra

    from wellposed_ct import ParallelBeam

    op = ParallelBeam.from_geometry(_scan()).replace(model=model)
    projections = astra.create_proj_geom("parallel", 1.0, SIZE, angles())
    return _against_astra(op, back, batch, projections, THEIRS[model])


def _fan(model: str, back: bool, batch: int) -> Sides:
    import astra

    from wellposed_ct import FanBeam

    turn = np.arange(VIEWS) * 2 * math.pi / VIEWS
    op = FanBeam(torch.from_numpy(turn), (1, SIZE, SIZE), pixel_mm=1.0, model=model, **FAN)
    source, detector = FAN["source_axis_mm"], FAN["source_detector_mm"]
    lengths = (FAN["detector_mm"], FAN["detectors"])
    projections = astra.create_proj_geom("fanflat", *lengths, turn, source, detector - source)
    theirs = {"joseph": "line", "siddon": "line", "strip": "strip"}[model]
    return _against_astra(op, back, batch, projections, f"{theirs}_fanflat")


def _fourier(views: int, back: bool) -> Sides:
    from wellposed_ct import FourierSlice, ParallelBeam

    scan = _scan(views)
    peer, op = ParallelBeam.from_geometry(scan), FourierSlice.from_geometry(scan).replace(accuracy=1e-4)
    data = peer.A(_head(scan)) if back else _head(scan)
    ours, theirs = (op.A_adjoint, peer.A_adjoint) if back else (op.A, peer.A)
    return Sides(lambda: ours(data), lambda: theirs(data), relative(ours(data), theirs(data)))


def _exact(model: str) -> Sides:
    import astra

    from wellposed_ct import FourierSlice, ParallelBeam, shepp_logan

    scan = _scan()
    x, exact = _head(scan), shepp_logan(RADIUS).sinogram(scan).float()
    if model == "fourier":
        op: Any = FourierSlice.from_geometry(scan)
    else:
        op = ParallelBeam.from_geometry(scan).replace(model=model)
    projections = astra.create_proj_geom("parallel", 1.0, SIZE, angles())
    peer = _run_astra(projections, "linear", x, back=False)
    return Sides(lambda: op.A(x), peer, relative(op.A(x), exact))
