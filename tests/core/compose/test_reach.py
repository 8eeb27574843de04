"""A configuration reaches nothing but the registry, whatever is written into it."""

import contextlib
import sys
import threading

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wellposed import compose
from wellposed.config import load_config
from wellposed.errors import ConfigError

WATCHED = {"import", "exec", "compile", "open", "os.system", "os.exec", "subprocess.Popen", "socket.connect"}
_watch = threading.local()


def _hook(event, arguments):
    if event in WATCHED and getattr(_watch, "events", None) is not None:
        _watch.events.append((event, arguments))


sys.addaudithook(_hook)  # cannot be removed again, so it listens only while a list is there


@pytest.fixture(autouse=True)
def everything_is_imported(lab):
    compose({"a": {"name": "lab.kernel", "params": {"weights": [[1.0]]}}}, lab)
    for config in ({"a": 1}, {"a": {"name": "x.y", "params": {"tensor": ["a"]}}}):
        with pytest.raises(ConfigError):
            compose(config, lab)


def watched(config, lab):
    _watch.events = []
    with contextlib.suppress(ConfigError):
        compose(config, lab)
    events, _watch.events = _watch.events, None
    return events


HOSTILE = [
    "os:system", "os.system", "builtins:eval", "__import__", "lab.kernel:__class__", "lab.kernel.__init__",
    "subprocess:Popen", "core.__class__", "fractions:Fraction", "@", "@@", "@a.__class__", "@a", "@wellposed",
    "!!python/object/apply:os.system", "${HOME}", "{0.__class__}", "%(x)s", "file:///etc/passwd", "lab.chain",
    "lab.kernel", "../../etc/passwd", "\x00", "lab.", ".", "",
]  # fmt: skip
_texts = st.sampled_from(HOSTILE) | st.text(max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "params", "parts", "weights", "tensor", "dtype", "space", "__class__"])
            | _texts,
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)
_entries = st.fixed_dictionaries(
    {"name": _texts}, optional={"params": _values, "target": _texts, "import": _texts, "__reduce__": _values}
)
_configs = st.dictionaries(st.sampled_from(["a", "b", "wellposed"]) | _texts, _entries | _values, max_size=3)


@settings(max_examples=400)
@given(config=_configs)
def test_nothing_is_imported_opened_or_run(lab, config):
    assert watched(config, lab) == []


@settings(max_examples=100)
@given(config=_configs | _values)
def test_nothing_but_config_errors(lab, config):
    with contextlib.suppress(ConfigError):
        compose(config, lab)


@pytest.mark.parametrize("name", [text for text in HOSTILE if text not in ("lab.kernel", "lab.chain")])
def test_hostile_names(lab, name):
    assert watched({"a": {"name": name}}, lab) == []
    with pytest.raises(ConfigError, match=r"a\.name"):
        compose({"a": {"name": name}}, lab)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch {}']",
        "a: !!python/object/new:subprocess.Popen [['touch', '{}']]",
        "a: !!python/module:os",
        "a: !!python/name:os.system",
    ],
)
def test_hostile_yaml(lab, tmp_path, text):
    path, mark = tmp_path / "a.yaml", tmp_path / "mark"
    path.write_text(text.format(mark))
    with pytest.raises(ConfigError, match="is not valid YAML"):
        load_config(path)
    assert not mark.exists()
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)
