"""From configurations to objects: what they mean, and everything that is wrong said at once."""

import json

import pytest
import torch

from wellposed import Space, compose
from wellposed.config import Problem, dump_toml, load_config, save_config
from wellposed.errors import ConfigError, OutputExistsError
from wellposed.spaces import ProductSpace

CONFIG = {
    "method": {
        "name": "lab.chain",
        "params": {"parts": ["@kernel", "@other"], "table": {"a": ["@kernel"], "b": 1}},
    },
    "kernel": {
        "name": "lab.kernel",
        "params": {"weights": [[0, 1], [2, 3]], "scale": 2, "tags": ["@@x", "y"]},
    },
    "other": {"name": "lab.kernel", "params": {"weights": [True, False]}},
}
TOML = """
[kernel]
name = "lab.kernel"
params.weights = [[0, 1], [2, 3]]

[method]
name = "lab.chain"
params = {parts = ["@kernel"]}
"""
YAML = """
kernel: {name: lab.kernel, params: {weights: [[0, 1], [2, 3]]}}
method:
  name: lab.chain
  params:
    parts: ["@kernel"]
"""


def refused(config, lab):
    with pytest.raises(ConfigError) as caught:
        compose(config, lab)
    return str(caught.value)


def test_references_are_the_objects_themselves(lab):
    problem = compose(CONFIG, lab)
    assert problem.method.parts == [problem.kernel, problem.other]
    assert problem.method.parts[0] is problem.kernel
    assert problem.method.table["a"][0] is problem.kernel
    assert problem.method.table["b"] == 1


def test_values(lab):
    problem = compose(CONFIG, lab)
    assert problem.kernel.tags == ["@x", "y"]
    assert problem.kernel.scale == 2
    torch.testing.assert_close(problem.kernel.weights, torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    assert problem.other.weights.dtype == torch.bool


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ({"space": [1, "*", 8], "dtype": "float64"}, Space((1, None, 8), torch.float64)),
        ({"space": [3]}, Space((3,))),
        ({"spaces": [{"space": [3]}, {"space": [4]}]}, ProductSpace((Space((3,)), Space((4,))))),
    ],
)
def test_spaces(lab, literal, value):
    assert compose({"a": {"name": "lab.chain", "params": {"space": literal}}}, lab).a.space == value


def test_tensors_of_a_dtype(lab):
    def tensor(**literal):
        return compose({"a": {"name": "lab.chain", "params": {"parts": literal}}}, lab).a.parts

    assert torch.equal(tensor(tensor=[1, 2], dtype="int64"), torch.tensor([1, 2]))
    assert torch.equal(tensor(tensor=[[1, 2]], dtype="complex64"), torch.tensor([1 + 2j]))
    assert torch.equal(tensor(tensor=[0.1], dtype="float64"), torch.tensor([0.1], dtype=torch.float64))
    assert tensor(dtype="bfloat16") is torch.bfloat16


def test_a_problem_is_a_mapping(lab):
    problem = compose(CONFIG, lab)
    assert list(problem) == ["method", "kernel", "other"]
    assert len(problem) == 3
    assert problem["kernel"] is problem.kernel
    assert repr(problem) == "Problem(method=lab.chain, kernel=lab.kernel, other=lab.kernel)"
    assert "kernel" in dir(problem)
    with pytest.raises(AttributeError, match="the problem has no 'kernal'; it has: method, kernel, other"):
        _ = problem.kernal
    assert problem.versions["wellposed"]


def test_the_config_of_a_problem_is_a_copy(lab):
    problem = compose(CONFIG, lab)
    problem.config["kernel"]["params"]["scale"] = 7
    assert problem.config["kernel"]["params"]["scale"] == 2


def test_nothing_at_all_is_a_problem_of_nothing(lab):
    assert dict(compose({}, lab)) == {}


def test_the_callers_config_is_left_alone(lab):
    before = json.dumps(CONFIG)
    compose(CONFIG, lab)
    assert json.dumps(CONFIG) == before


@pytest.mark.parametrize(("suffix", "text"), [(".toml", TOML), (".yaml", YAML), (".yml", YAML)])
def test_files(lab, tmp_path, suffix, text):
    path = tmp_path / f"problem{suffix}"
    path.write_text(text)
    for given in (path, str(path)):
        problem = compose(given, lab)
        assert problem.method.parts[0] is problem.kernel


def test_json_and_toml_are_written_and_read_back(lab, tmp_path):
    config = compose(CONFIG, lab).config
    for name in ("a.toml", "a.json"):
        save_config(config, tmp_path / name)
        assert load_config(tmp_path / name) == config
        with pytest.raises(OutputExistsError, match="exists already and is left as it is"):
            save_config(config, tmp_path / name)
        save_config(config, tmp_path / name, overwrite=True)
    with pytest.raises(ConfigError, match=r"a configuration is written to \.toml or \.json"):
        save_config(config, tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match=r"TOML has no NoneType; leave the key out, or save as .json"):
        dump_toml({"a": {"name": "lab.chain", "params": {"parts": None}}})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"a = [", r"a\.toml is not valid TOML: "),
        ("a.toml", b"\xff\xfe", r"is not valid TOML: .*utf-8"),
        ("a.toml", b"a=" + b"[" * 100_000, r"is not valid TOML"),
        ("a.yaml", b"a: [", r"a\.yaml is not valid YAML: "),
        (
            "a.yaml",
            b"a: !!python/object/apply:os.system ['true']",
            r"is not valid YAML: .*could not determine",
        ),
        ("a.yaml", b"- 1", r"a\.yaml holds a list; a table of named objects is expected"),
        ("a.json", b"{", r"is not valid JSON"),
        ("a.ini", b"", r"a configuration ends in \.toml, \.yaml, \.yml or \.json"),
    ],
)
def test_damaged_files(lab, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        compose(path, lab)


def test_missing_and_huge_files(lab, tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml cannot be read: No such file"):
        compose(tmp_path / "nothing.toml", lab)
    with open(tmp_path / "huge.toml", "wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(ConfigError, match=r"huge\.toml is larger than 16 MiB"):
        compose(tmp_path / "huge.toml", lab)


def test_yaml_without_pyyaml(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("{}")
    with pytest.raises(ConfigError, match=r'YAML files need PyYAML: pip install "wellposed\[yaml\]"'):
        load_config(tmp_path / "a.yaml")


def test_yaml_that_would_grow_without_bound(lab, tmp_path):
    lines = ["a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="holds more than 1000000 values"):
        compose(tmp_path / "bomb.yaml", lab)
    (tmp_path / "loop.yaml").write_text("a: &a [*a]")
    with pytest.raises(ConfigError, match="is nested deeper than 32 levels"):
        compose(tmp_path / "loop.yaml", lab)


def test_all_problems_at_once(lab):
    text = refused(
        {
            "kernel": {"nme": "lab.kernel", "name": "lab.kernl"},
            "blur": {"name": "lab.kernel", "params": {"wights": [1], "scale": "@kernal"}},
            "method": {"name": "lab.chain", "params": {"parts": ["@blurr", {"x": "@nowhere"}]}},
            "number": 3,
            "table": {"params": [1]},
            "wellposed": {"version": {}},
        },
        lab,
    )
    for line in (
        "the configuration has 11 problems:",
        "  wellposed.version: unknown key. Did you mean 'versions'?",
        "  kernel.nme: unknown key; an object has 'name' and 'params'. Did you mean 'name'?",
        "  kernel.name: There is no component 'lab.kernl'. Did you mean 'lab.kernel'?",
        "  blur.params.wights: lab.kernel has no parameter 'wights'; it takes weights, scale=1.0, tags=None. "
        "Did you mean 'weights'",
        "  blur.params.weights: lab.kernel needs the parameter 'weights'",
        "  blur.params.scale: refers to '@kernal', which is not there. Did you mean 'kernel'?",
        "  method.params.parts[0]: refers to '@blurr', which is not there. Did you mean 'blur'",
        "  method.params.parts[1].x: refers to '@nowhere', which is not there.",
        "  number: is 3; an object is a table {name = '…', params = {…}}.",
        "  table.params: is [1]; a table of parameters is expected.",
        "  table.name: is missing; the name of a component is expected.",
    ):
        assert line in text, text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], r"\(top\): is a list; a table of named objects is expected"),
        ({"a": {"name": 3}}, r"a.name: is 3; the name of a component is expected"),
        ({"a b": {"name": "lab.chain"}}, r"a b: a key is letters, digits, '_' and '-'"),
        ({"wellposed": 1}, r"wellposed: is reserved for the versions"),
        (
            {"wellposed": {"versions": [1]}},
            r"wellposed.versions: a table {distribution = version}",
        ),
        ({"a": {"name": "mri.multicoil"}}, r'a.name: .*pip install "wellposed\[mri\]"'),
        ({"a": {1: 2}}, r"a: has the key 1 \(int\); keys are texts"),
        ({3: 2}, r"has the key 3 \(int\); keys are texts"),
        (
            {"a": {"name": "lab.chain", "params": {"parts": {1, 2}}}},
            r"a.params.parts: is a set; a value is",
        ),
        ({"a": {"name": "lab.chain", "params": {"parts": object}}}, r"a.params.parts: is a type; a value is"),
        ({"a": {"name": "lab.chain", "params": {"parts": "@a"}}}, r"a: refers to itself: a → a\."),
    ],
)
def test_refusals(lab, config, message):
    if "mri" in str(config):
        lab = lab.isolated()
        lab.disabled = {}
    with pytest.raises(ConfigError, match=message):
        compose(config, lab)


def test_circles(lab):
    def chain(*others):
        return {"name": "lab.chain", "params": {"parts": [f"@{other}" for other in others]}}

    text = refused(
        {"a": chain("b"), "b": chain("c"), "c": chain("b"), "d": chain("e"), "e": chain("d", "a")}, lab
    )
    assert "b: refers to itself: b → c → b." in text
    assert "d: refers to itself: d → e → d." in text


def test_what_constructors_refuse_is_reported_together(lab):
    text = refused(
        {
            "a": {"name": "lab.kernel", "params": {"weights": [1], "scale": -1}},
            "b": {"name": "lab.kernel", "params": {"weights": [1], "scale": -2}},
            "after": {"name": "lab.chain", "params": {"parts": ["@a"]}},
        },
        lab,
    )
    assert "a: lab.kernel refuses its parameters: scale=-1 must not be negative." in text
    assert "b: lab.kernel refuses its parameters: scale=-2 must not be negative." in text
    assert "after" not in text


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ({"tensor": [[1], [1, 2]]}, "a tensor is nested lists of numbers of equal lengths; "),
        ({"tensor": ["a"]}, "a tensor is nested lists of numbers"),
        ({"tensor": [1, 2, 3], "dtype": "complex64"}, r"with \[real, imaginary\] pairs innermost"),
        ({"tensor": [1], "dtype": "float23"}, "'float23' is not a dtype. Did you mean 'float32'"),
        ({"dtype": 3}, "3 is not a dtype"),
        ({"space": 3}, "a list of sizes is expected, with '\\*' for a free axis"),
        ({"space": [1.5]}, "a list of sizes is expected"),
        ({"space": [-1]}, "has a negative size"),
        ({"spaces": 3}, "a list of spaces is expected"),
        ({"spaces": [3]}, "3 is not a space; write"),
    ],
)
def test_wrong_literals(lab, literal, message):
    with pytest.raises(ConfigError, match=message):
        compose({"a": {"name": "lab.chain", "params": {"parts": [literal]}}}, lab)


def test_other_versions_are_mentioned(lab):
    config = {"a": {"name": "lab.chain"}, "wellposed": {"versions": {"wellposed": "0.0.7", "gone": "1"}}}
    with pytest.warns(UserWarning, match=r"was made with wellposed 0\.0\.7 \(now .*\); results may differ"):
        problem = compose(config, lab)
    assert problem.versions["wellposed"] != "0.0.7"


def test_versions_of_packs_are_recorded(fakes):
    fakes.good("aa", version="3.1")
    config = {"a": {"name": "aa.thing", "params": {"numerator": 1}}}
    assert compose(config, fakes.discover()).versions["wellposed-aa"] == "3.1"


def test_the_default_registry_is_asked(lab):
    with pytest.raises(ConfigError, match=r"There is no component 'core.no_such_thing_zzz'"):
        compose({"a": {"name": "core.no_such_thing_zzz"}})
    assert isinstance(compose({}), Problem)
