"""The report knows encodings by what they answer, a stranger's too, and compositions by their factors."""

from __future__ import annotations

import torch

from wellposed import LinearOperator, Measurement
from wellposed.operators import Identity
from wellposed.runs import Method, Run, execute
from wellposed.spaces import Space
from wellposed_mri import CartesianMRI, ReadoutOversampling
from wellposed_mri.encoding.recognised import is_encoding
from wellposed_mri.encoding.traits import sampled
from wellposed_mri.report import images, sampling

SPACE = Space((1, 16, 16), torch.complex64)


class _Lines(LinearOperator):
    """A stranger's: it keeps some rows."""

    def __init__(self, rows):
        super().__init__(SPACE, SPACE)
        self.register_value("rows", rows)

    def _forward(self, x):
        return self.rows[:, None] * x

    _adjoint = _forward


class _Answering(_Lines):
    """The same, for which somebody has answered."""


@sampled.register
def _(op: _Answering):
    return (op.rows != 0)[None, None, :, None]


ROWS = (torch.arange(16) % 2 == 0).float()


def run_of(physics):
    x = torch.ones(1, *physics.domain.shape, dtype=torch.complex64)
    measurement = Measurement(physics(x), physics, reference=x)
    return execute(Run("Test", measurement, [Method.of("mri.zero_filled")]))


def test_strangers_are_known_by_their_answers():
    assert not is_encoding(_Lines(ROWS))
    assert is_encoding(_Answering(ROWS))
    assert images(run_of(_Lines(ROWS))) == ""
    assert "magnitude" in images(run_of(_Answering(ROWS)))
    assert "acceleration 2" in sampling(run_of(_Answering(ROWS)))


def test_compositions_by_their_factors():
    assert not is_encoding(2.0 * Identity(SPACE))
    assert is_encoding(2.0 * CartesianMRI(torch.ones(16, 16)))
    long = ReadoutOversampling((1, 16, 16), 2.0, -2) @ CartesianMRI(ROWS, (16, 16))
    assert is_encoding(long)
    assert "acceleration 2" in sampling(run_of(long))
