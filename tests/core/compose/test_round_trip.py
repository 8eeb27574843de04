"""``to_config ∘ compose`` is the identity, for configurations and for objects made by hand."""

import tomllib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wellposed import Space, compose, to_config
from wellposed.config import dump_toml
from wellposed.errors import ConfigError
from wellposed.spaces import ProductSpace

_scalars = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: text.replace("@", "@@"))
)
# A table of the key "space", say, stands for something else.
_words = st.text(st.characters(codec="utf-8"), max_size=5).filter(lambda word: word not in ("space", "dtype"))
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)
_keys = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True).filter(lambda key: key != "wellposed")


@st.composite
def configs(draw):
    keys = draw(st.lists(_keys, unique=True, max_size=4))
    config = {}
    for i, key in enumerate(keys):
        config[key] = {"name": "lab.chain"}
        if i:
            others = draw(st.sets(st.sampled_from(keys[:i])))
            config[key]["params"] = {
                "parts": draw(_values),
                "table": [f"@{other}" for other in sorted(others)],
            }
    return config


@given(config=configs())
def test_configurations(lab, config):
    problem = compose(config, lab)
    written = to_config(problem)
    versions = {"wellposed": {"versions": problem.versions}}
    assert written == config | versions
    assert to_config(compose(written, lab)) == written
    assert list(compose(written, lab)) == list(config)


@given(config=configs())
def test_toml(config):
    assert tomllib.loads(dump_toml(config)) == config


TENSORS = [
    torch.arange(6.0).reshape(2, 3),
    torch.tensor([0.1, float("inf")], dtype=torch.float64),
    torch.tensor(3),
    torch.tensor([True, False]),
    torch.tensor([1 + 2j, -1j], dtype=torch.complex128),
    torch.tensor([[1j]]).conj(),
    torch.zeros(2, 0),
    torch.tensor([0.1], dtype=torch.bfloat16),
]


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda t: f"{str(t.dtype)[6:]}{list(t.shape)}")
def test_tensors(lab, classes, tensor):
    made = {"k": classes["Kernel"](tensor)}
    again = compose(to_config(made, lab), lab)
    assert again.k == made["k"]
    assert tomllib.loads(dump_toml(to_config(made, lab))) == to_config(made, lab)


def test_objects_made_by_hand(lab, classes):
    kernel = classes["Kernel"](torch.tensor([0.5]), scale=2.0, tags=["@x"])
    inner = classes["Chain"](parts=[kernel], dtype=torch.float64)
    space = ProductSpace([Space((1, None), torch.float32), Space((2,))])
    chain = classes["Chain"](parts=(inner, kernel), table={"a": [inner]}, space=space)
    config = to_config({"chain": chain, "kernel": kernel}, lab)
    assert list(config) == ["chain", "kernel", "chain_parts", "wellposed"]
    assert config["chain"]["params"]["parts"] == ["@chain_parts", "@kernel"]
    assert config["kernel"]["params"]["tags"] == ["@@x"]
    assert "dtype" not in config["chain"]["params"]
    again = compose(config, lab)
    assert again.chain == chain
    assert again.chain.parts[0] is again.chain.table["a"][0]
    assert to_config(dict(again), lab) == config


def test_what_cannot_be_written(lab, classes):
    with pytest.raises(ConfigError, match="a: Fraction is no registered component"):
        to_config({"a": __import__("fractions").Fraction(1, 2)}, lab)
    with pytest.raises(ConfigError, match="a: Forgetful does not keep its argument 'value' as an attribute"):
        to_config({"a": classes["Forgetful"](1)}, lab)
    with pytest.raises(ConfigError, match=r"a.params.parts: a function has no form in a configuration"):
        to_config({"a": classes["Chain"](parts=lambda: 1)}, lab)
    with pytest.raises(ConfigError, match=r"a.params.weights: a tensor of 250000 numbers is too big"):
        to_config({"a": classes["Kernel"](torch.zeros(500, 500))}, lab)


def test_components_of_the_core():
    config = {
        "blur": {
            "name": "core.circular_convolution",
            "params": {
                "kernel": [[[[0.25, 0.75]]]],
                "domain": {"space": [1, 4, 4], "dtype": "float32"},
            },
        },
        "noise": {"name": "core.gaussian", "params": {"sigma": 0.5}},
    }
    problem = compose(config)
    x = torch.ones(1, 1, 4, 4)
    torch.testing.assert_close(problem.blur(x), x)
    written = to_config(dict(problem))
    again = compose(written)
    assert to_config(dict(again)) == written
    torch.testing.assert_close(again.blur.kernel, problem.blur.kernel)
