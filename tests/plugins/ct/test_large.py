"""Slabs and slices give the result of the whole, within a memory limit, and over two processes."""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_ct import FBP, FDK, SIRT, ConeBeam, ConeGeometry, ParallelBeam, ball
from wellposed_ct.large import fdk_slabs, reconstruct_slices, share, sirt_slabs, slab_ranges, spread

ANGLES = np.arange(12) * 2 * math.pi / 12
SCAN = ConeGeometry(ANGLES, (20, 17, 16), 100.0, 150.0, (30, 28), 1.5, plane_mm=1.0)


def projections(scan=SCAN):
    return ball(5.0, at_mm=(1.0, 2.0, 3.0)).projections(scan)[0, 0].float().numpy()


UPSIDE_DOWN = SCAN.as_vectors().replace(vectors=SCAN.vectors() * np.repeat([1, -1], [9, 3]))


@pytest.mark.parametrize(
    ("scan", "memory"),
    [(SCAN, 3.2e5), (SCAN.replace(rotation=(0.02, 0.03, 0.0)), 5.6e5), (UPSIDE_DOWN, 3.2e5)],
    ids=["upright", "rotated", "upside down"],
)
def test_fdk_by_slabs_is_fdk(tmp_path, scan, memory):
    y = projections(scan)
    fdk_slabs(y, scan, tmp_path / "x.npy", memory, FDK("hann"))
    assert scan != SCAN or len(slab_ranges(scan, memory)) > 1
    want = FDK("hann")(torch.from_numpy(y)[None, None], ConeBeam.from_geometry(scan))
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), want[0, 0], atol=2e-5)


def test_sirt_by_slabs_is_sirt(tmp_path):
    scan = SCAN.replace(pitch_mm=4.0)
    y = projections(scan)
    np.save(tmp_path / "y.npy", y)
    sirt_slabs(tmp_path / "y.npy", scan, tmp_path / "x.npy", iterations=4, memory_bytes=3.5e5)
    want = SIRT(4)(torch.from_numpy(y)[None, None], ConeBeam.from_geometry(scan))
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), want[0, 0], atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npy", "y.npy"]


LIMITED = """
import resource, sys
import numpy as np, torch
from wellposed_ct import FDK, ConeBeam, ConeGeometry
from wellposed_ct.large import fdk_slabs, sirt_slabs, slab_ranges
torch.set_num_threads(1)

def scan(n):
    panel = (5 * n, 2 * n)
    return ConeGeometry(np.arange(6) * np.pi / 3, (*panel, 2 * n), 600.0, 900.0, panel, 1.5, 1.0)

def y(g):
    return np.ones((g.views, *g.detector), np.float32)

for run in (fdk_slabs, sirt_slabs):
    run(y(scan(4)), scan(4), sys.argv[1] + "/small.npy")
g = scan(80)
data = y(g)
held = int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + 36_000_000, held + 36_000_000))
assert 4 * 400 * 160 * 160 > 36_000_000 and len(slab_ranges(g, 24e6)) > 1
fdk_slabs(data, g, sys.argv[1] + "/fdk.npy", memory_bytes=24e6)
sirt_slabs(data, g, sys.argv[1] + "/sirt.npy", iterations=1, memory_bytes=24e6)
try:
    FDK()(torch.from_numpy(data)[None, None], ConeBeam.from_geometry(g))
except (MemoryError, RuntimeError) as error:
    print("whole:", type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA and /proc are those of Linux")
def test_a_volume_larger_than_memory_is_reconstructed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("whole:")
    assert float(np.load(tmp_path / "sirt.npy", mmap_mode="r")[200, 80, 80]) > 0


RANK = """
import sys
import numpy as np, torch.distributed as dist
from wellposed_ct.large import fdk_slabs, reconstruct_slices, sirt_slabs
from wellposed_ct import FBP
sys.path.insert(0, sys.argv[1])
from common import SCAN, FLAT
folder, rank = sys.argv[2], int(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
fdk_slabs(folder + "/y.npy", SCAN, folder + "/fdk.npy", 3.2e5)
sirt_slabs(folder + "/y.npy", SCAN, folder + "/sirt.npy", iterations=3, memory_bytes=3.5e5)
reconstruct_slices(folder + "/flat.npy", FLAT, FBP(), folder + "/slices.npy", each=2)
dist.destroy_process_group()
"""
COMMON = """
import numpy as np
from wellposed_ct import ConeGeometry, ParallelBeam
SCAN = ConeGeometry(np.arange(12) * np.pi / 6, (20, 17, 16), 100.0, 150.0, (30, 28), 1.5, plane_mm=1.0)
FLAT = ParallelBeam(np.arange(9) * 0.35, (1, 12, 13), 20)
"""


def test_two_ranks_give_the_result_of_one(tmp_path):
    y = projections()
    flat = ParallelBeam(np.arange(9) * 0.35, (1, 12, 13), 20)
    stack = flat.range.randn(7, torch.Generator().manual_seed(0))[:, 0].numpy()
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "flat.npy", stack)
    (tmp_path / "common.py").write_text(COMMON)
    command = [sys.executable, "-c", RANK, str(tmp_path), str(tmp_path)]
    ranks = [subprocess.Popen([*command, str(r)], stderr=subprocess.PIPE, text=True) for r in range(2)]
    errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors
    fdk_slabs(y, SCAN, tmp_path / "one.npy", 3.2e5)
    np.testing.assert_array_equal(np.load(tmp_path / "fdk.npy"), np.load(tmp_path / "one.npy"))
    sirt_slabs(y, SCAN, tmp_path / "one.npy", iterations=3, memory_bytes=3.5e5)
    np.testing.assert_allclose(np.load(tmp_path / "sirt.npy"), np.load(tmp_path / "one.npy"), atol=1e-6)
    want = FBP()(torch.from_numpy(stack)[:, None], flat)[:, 0]
    np.testing.assert_allclose(np.load(tmp_path / "slices.npy"), want, atol=1e-5)


class Pool:
    """What ``dask.distributed.Client`` has, over processes."""

    def __init__(self, pool):
        self.pool = pool

    def map(self, work, items, pure):
        return [self.pool.submit(work, item) for item in items]

    def gather(self, futures):
        return [future.result() for future in futures]


def test_two_workers_give_the_result_of_one(tmp_path):
    dask = pytest.importorskip("dask", reason="dask is not installed")
    np.save(tmp_path / "y.npy", projections())
    with dask.config.set(num_workers=2):
        fdk_slabs(tmp_path / "y.npy", SCAN, tmp_path / "two.npy", 3.2e5, client="processes")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        fdk_slabs(tmp_path / "y.npy", SCAN, tmp_path / "pool.npy", 3.2e5, client=Pool(pool))
    fdk_slabs(tmp_path / "y.npy", SCAN, tmp_path / "one.npy", 3.2e5)
    for other in ("two", "pool"):
        np.testing.assert_array_equal(np.load(tmp_path / f"{other}.npy"), np.load(tmp_path / "one.npy"))


def test_sharing_without_processes():
    done = []
    assert share([1, 2, 3]) == [1, 2, 3]
    spread(done.append, [3, 1])
    assert done == [3, 1]


def test_what_does_not_fit_is_told(tmp_path):
    with pytest.raises(
        ParameterError, match=r"memory_bytes = 1e\+05 is less than the 2.43e\+05 that a single slice"
    ):
        fdk_slabs(projections(), SCAN, tmp_path / "x.npy", 1e5)
    with pytest.raises(
        ParameterError, match=r"memory_bytes = 1e\+03 is less than the .* single slice and view"
    ):
        sirt_slabs(projections(), SCAN, tmp_path / "x.npy", memory_bytes=1e3)
    with pytest.raises(ParameterError, match=r"projections have shape \(11, 30, 28\), but the scan has"):
        fdk_slabs(projections()[1:], SCAN, tmp_path / "x.npy")
    with pytest.raises(ParameterError, match=r"iterations = 0 must be ≥ 1"):
        sirt_slabs(projections(), SCAN, tmp_path / "x.npy", iterations=0)
    with pytest.raises(SpaceError, match=r"sinograms have shape \(3, 4, 5\), but this physics sees"):
        reconstruct_slices(np.zeros((3, 4, 5)), ParallelBeam([0.0], (1, 4, 4), 5), FBP(), tmp_path / "x.npy")
