from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace

import attrs
import pytest
import torch

from wellposed.spaces import Space
from wellposed.structure import AdjointAccuracy, FourierDiagonal, NormBound
from wellposed_viz import operator_html, result_html


class Blur(torch.nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.register_buffer("kernel", kernel)
        self.register_buffer("level", torch.tensor(0.1))
        self.domain = Space((1, None, 20), torch.float32)
        self.range = Space((1, 16, 20))

    def __repr__(self):
        return "Crop @ Blur(<kernel>)"

    def evidence(self):
        return (FourierDiagonal(torch.ones(4)), NormBound(1.0, tight=True), AdjointAccuracy(0.1, "<fast>"))


@attrs.frozen(eq=False)
class Solution:
    x: torch.Tensor
    iterations: int
    residual: torch.Tensor
    reason: str
    _private: int = 0


def text_of(html):
    texts, parser = [], HTMLParser(convert_charrefs=True)
    parser.handle_data = texts.append
    parser.feed(html)
    return texts


def test_an_operator_shows_its_algebra_spaces_evidence_and_kernel():
    html = operator_html(Blur(torch.rand(1, 1, 5, 5)))
    said = text_of(html)
    assert "Crop @ Blur(<kernel>)" in said
    assert "(B, 1, *, 20) float32 → (B, 1, 16, 20)" in said
    assert "FourierDiagonal(dims=(-2, -1), half=False)" in said
    assert "NormBound(bound=1, tight=True)" in said
    assert "AdjointAccuracy(accuracy=0.1, reason=<fast>)" in said
    assert "kernel (1, 1, 5, 5) float32" in said
    assert html.count("data:image/png") == 1


def test_a_strangers_operator_gets_a_card_too():
    class Broken:
        def __repr__(self):
            raise RuntimeError

        def evidence(self):
            raise RuntimeError

    assert text_of(operator_html(Broken())) == ["Broken (its repr raised RuntimeError)"]
    assert text_of(operator_html(SimpleNamespace(domain="<R>")))[-1] == "<R> → any"


def test_parameters_that_are_no_images_are_listed_by_shape():
    html = operator_html(Blur(torch.rand(1, 7, 5, 5)))
    assert "kernel (1, 7, 5, 5) float32" in text_of(html)
    assert "<img" not in html


@pytest.mark.parametrize("shape", [(2048, 2048), (8, 1)])
def test_large_and_flat_parameters_are_left_out(shape):
    assert "kernel (" not in operator_html(Blur(torch.zeros(shape)))


def test_a_result_shows_its_image_and_its_numbers():
    said = text_of(result_html(Solution(torch.rand(1, 1, 8, 8), 12, torch.tensor([0.5]), "<b>done</b>")))
    assert said[0] == "Solution"
    for text in ("iterations", "12", "residual", "[0.5]", "reason", "<b>done</b>", "(1, 1, 8, 8) float32"):
        assert text in said
    assert "_private" not in said


def test_a_tensor_shows_itself_and_says_why_where_it_cannot():
    assert "(1, 3, 8, 8) float32" in text_of(result_html(torch.rand(1, 3, 8, 8)))
    assert "<img" in result_html(torch.randn(1, 1, 4, 4, dtype=torch.complex64), window=None)
    assert "cannot be shown" in "".join(text_of(result_html(torch.zeros(1, 2, 3, 4, 5))))


def test_objects_of_the_core_draw_themselves():
    from wellposed.operators import CircularConvolution
    from wellposed.solvers import cg

    blur = CircularConvolution(torch.ones(3, 3) / 9, (1, 8, 8))
    html = (2 * blur)._repr_html_()
    assert "2 * CircularConvolution" in html
    assert "FourierDiagonal" in html
    assert "<img" in cg(blur.gram + 0.1 * blur.gram, torch.rand(1, 1, 8, 8), max_iter=5)._repr_html_()


def test_a_card_that_fails_or_does_not_know_falls_back(monkeypatch):
    import wellposed.notebook

    def broken(name):
        raise RuntimeError("no pictures today")

    assert wellposed.notebook.card(object()) is None
    monkeypatch.setattr(wellposed.notebook.registry, "create", broken)
    assert wellposed.notebook.card(Blur(torch.ones(3, 3))) is None
