"""Which numbers of a report are marked as the best."""

from wellposed_viz.entries import Entry
from wellposed_viz.report.table import rows


def test_a_time_is_the_best_only_among_several():
    import torch

    image = torch.zeros(1, 4, 4)
    one = Entry("a", image, psnr=20.0, seconds=1.0)
    two = Entry("b", image, psnr=21.0, seconds=0.5)
    assert rows([one])[0].best == {"psnr"}
    assert [row.best for row in rows([one, two])] == [set(), {"psnr", "seconds"}]
