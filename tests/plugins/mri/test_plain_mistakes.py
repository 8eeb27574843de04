from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import ArrayReader, BARTReader, HDF5Reader
from wellposed_mri.nufft.plans import Plans


@pytest.mark.parametrize(
    ("reader", "name"), [(HDF5Reader, "a.h5"), (BARTReader, "a.cfl"), (ArrayReader, "a.npy")]
)
def test_missing_files_are_named(reader, name, tmp_path):
    """As Python's own errors do: by this the command line knows that a file is at fault."""
    with pytest.raises(FileNotFoundError, match="No such file") as found:
        reader().read(tmp_path / name)
    assert found.value.filename == str(tmp_path / name)


def test_data_elsewhere_are_asked_to_move():
    x = torch.empty(1, 4, 4, dtype=torch.complex64, device="meta")
    with pytest.raises(
        ParameterError, match=r"data are on meta, but the trajectory is on cpu; .* physics.to\(.meta.\)"
    ):
        Plans((4, 4), 1e-6).to_points(x, torch.zeros(3, 2))
