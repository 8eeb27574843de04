"""The registry as a value: look up, create, describe, and say clearly what is not there."""

import pytest

import wellposed
from wellposed import registry as module
from wellposed.errors import ParameterError, RegistryError, UnknownParameterError
from wellposed.plugins import Component, Kind, hookimpl
from wellposed.registry import KNOWN, Registry
from wellposed.registry._diagnose import target_failures


class Blur:
    """Blur with a kernel.

    More to read.
    """

    def __init__(self, kernel, sigma=1.0, *, padding="circular"):
        if sigma < 0:
            raise ParameterError(f"sigma={sigma} must not be negative.")
        self.kernel, self.sigma, self.padding = kernel, sigma, padding


def record(name="lab.blur", **changes):
    fields = {"kind": "physics", "name": name, "target": "fractions:Fraction", "summary": "Blur things."}
    return Component(**fields | changes)


@pytest.fixture
def lab():
    return Registry.discover({"WELLPOSED_PLUGINS": ""}).isolated().add(record(), target=Blur)


def test_names_get_create(lab):
    assert "lab.blur" in lab.names("physics")
    assert "lab.blur" not in lab.names("noise")
    assert lab.get("lab.blur") is Blur
    assert lab.create("lab.blur", kernel=3).kernel == 3


def test_create_by_target(lab):
    lab.add(record("lab.fraction"))
    assert lab.create("lab.fraction", numerator=1, denominator=2) == 0.5


def test_a_parameter_may_be_called_name(lab):
    lab.add(record("lab.named"), target=lambda name: name)
    assert lab.create("lab.named", name="x") == "x"


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"kernal": 3},
            UnknownParameterError,
            r"lab.blur has no parameter 'kernal'; it takes kernel, sigma=1.0, .* Did you mean 'kernel'",
        ),
        ({}, ParameterError, r"lab.blur needs the parameter 'kernel'; it takes kernel, sigma=1.0"),
        ({"kernel": 1, "sigma": -1}, ParameterError, r"sigma=-1 must not be negative"),
    ],
)
def test_create_refuses_in_a_sentence(lab, params, error, message):
    with pytest.raises(error, match=message):
        lab.create("lab.blur", **params)


def test_an_error_of_the_constructor_says_which_component(lab):
    with pytest.raises(ParameterError) as caught:
        lab.create("lab.blur", kernel=1, sigma=-1)
    assert "while creating 'lab.blur'" in caught.value.__notes__


def test_open_ended_factories_take_anything(lab):
    lab.add(record("lab.open"), target=lambda **rest: rest)
    assert lab.create("lab.open", anything=1) == {"anything": 1}
    lab.add(record("lab.opaque"), target=dict)
    assert lab.create("lab.opaque", a=1) == {"a": 1}


def test_describe(lab):
    found = lab.describe("lab.blur")
    assert found.signature == "(kernel, sigma=1.0, *, padding='circular')"
    assert (found.doc, found.summary, found.pack, found.kind) == (
        "Blur with a kernel.", "Blur things.", "lab", "physics",
    )  # fmt: skip
    assert found.as_dict()["target"] == "fractions:Fraction"


def test_describe_what_has_no_signature(lab):
    lab.add(record("lab.opaque"), target=dict)
    assert lab.describe("lab.opaque").signature == "(…)"


def test_describe_names_the_distribution(fakes):
    fakes.good("aa")
    found = fakes.discover().describe("aa.thing")
    assert (found.pack, found.dist, found.version) == ("aa", "wellposed-aa", "1.0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lab.blurr", r"There is no component 'lab.blurr'. Did you mean 'lab.blur'"),
        ("blur", r"There is no component 'blur'. Did you mean 'lab.blur'"),
        ("optics.blur", r"There is no component 'optics.blur'. Did you mean 'lab.blur'"),
        ("zzz.qqq", r"There is no component 'zzz.qqq'. `wellposed list` shows all."),
        (
            "mri.multicoil",
            r"'mri.multicoil' is not available: .*not installed: pip install \"wellposed\[mri\]\"",
        ),
    ],
)
def test_missing_component(lab, name, message):
    lab.disabled = {}
    with pytest.raises(RegistryError, match=message):
        lab.get(name)


def test_every_pack_of_ours_has_its_install_line():
    registry = Registry()
    assert set(KNOWN) == {
        "optim", "nets", "train", "deblurring", "sensing", "mri", "ct", "unrolled", "gan", "diffusion", "viz",
    }  # fmt: skip
    for pack in KNOWN:
        with pytest.raises(RegistryError, match=rf'pip install "wellposed\[{pack}\]"'):
            registry.pack(pack)


def test_missing_kind_and_pack(lab):
    with pytest.raises(
        RegistryError, match=r"There is no kind 'phisics'; kinds: card, dataset, .*Did you mean 'physics'"
    ):
        lab.names("phisics")
    with pytest.raises(RegistryError, match=r"There is no pack 'cor'; loaded: core. Did you mean 'core'"):
        lab.components(pack="cor")
    assert lab.components(pack="lab")[0].name == "lab.blur"


def test_missing_target_is_found_on_use_and_by_the_doctor(fakes, source):
    fakes.add("aa", source("aa.gone", target="fractions:NoSuchThing"))
    fakes.add("bb", source("bb.gone", target="fake_nowhere.deep:Thing"))
    fakes.add("cc", source("cc.data", target="sys:path"))
    fakes.good("dd")
    registry = fakes.discover()
    assert registry.failures == ()
    with pytest.raises(
        RegistryError, match=r"'aa.gone' of pack 'aa' .*cannot be imported from fractions:NoSuchThing"
    ):
        registry.get("aa.gone")
    failures = {failure.item: failure for failure in target_failures(registry) if failure.pack != "core"}
    assert sorted(failures) == ["aa.gone", "bb.gone", "cc.data"]
    assert {failure.stage for failure in failures.values()} == {"target"}
    assert "sys:path is a list, which cannot be called" in failures["cc.data"].cause


def test_the_default_does_not_change():
    with pytest.raises(
        RegistryError, match=r"'lab.blur' cannot be added: a discovered registry does not change"
    ):
        module.default().add(record())
    with pytest.raises(RegistryError, match=r"'lab' cannot be added"):
        module.default().add_pack("lab", object())


def test_isolated_copies_are_independent(lab):
    copy = lab.isolated().add(record("lab.other"))
    assert "lab.other" in copy.names()
    assert "lab.other" not in lab.names()
    with pytest.raises(RegistryError, match=r"'lab.other' is already registered"):
        copy.add(record("lab.other"))
    with pytest.raises(RegistryError, match=r"is of kind 'gizmo', which no loaded pack defines"):
        copy.add(record("lab.gizmo", kind="gizmo"))
    copy.add(Kind("gizmo", "A gizmo.")).add(record("lab.gizmo", kind="gizmo"))
    assert copy.names("gizmo") == ["lab.gizmo"]


def test_readers_are_chosen_by_suffix(lab):
    lab.add(record("lab.gz", kind="reader", suffixes=(".nii.gz",)))
    lab.add(record("lab.any", kind="reader", suffixes=(".gz", ".nii")))
    assert lab.for_file("reader", "scan.NII.gz") == ["lab.gz", "lab.any"]
    assert lab.for_file("reader", "scan.nii") == ["lab.any"]
    assert lab.for_file("reader", "scan.png") == []


def test_packs_in_process(lab):
    class Pack:
        @hookimpl
        def components(self):
            yield record("own.blur")

    assert "own.blur" in lab.add_pack("own", Pack()).names()
    assert lab.pack_of("own.blur").dist == "(in process)"
    with pytest.raises(RegistryError, match=r"The pack 'own' is already loaded"):
        lab.add_pack("own", Pack())
    with pytest.raises(RegistryError, match=r"'own.blur' lies outside its pack"):
        lab.isolated().add_pack("other", Pack())


def test_an_observer_does_not_spoil_a_run(lab):
    heard = []

    class Grumpy:
        @hookimpl
        def on_run_start(self, run):
            raise ValueError("not today")

    class Keen:
        @hookimpl
        def on_run_start(self, run):
            heard.append(run)

    packs = lab.isolated().add_pack("grumpy", Grumpy()).add_pack("keen", Keen())
    with pytest.warns(RuntimeWarning, match=r"pack 'grumpy' .*raised in on_run_start: ValueError: not today"):
        packs.emit("on_run_start", run="demo")
    assert heard == ["demo"]


def test_module_functions_ask_the_default():
    assert module.default() is module.default()
    assert module.names() == module.default().names()
    assert module.kinds() == module.default().kinds()
    assert module.components() == module.default().components()
    assert module.failures() == module.default().failures
    assert module.for_file("reader", "x.nothing") == []
    assert module.isolated().names() == module.names()
    with pytest.raises(RegistryError, match=r"There is no component"):
        module.get("core.no_such_thing_here_zzz")
    with pytest.raises(RegistryError, match=r"There is no component"):
        module.create("core.no_such_thing_here_zzz")
    with pytest.raises(RegistryError, match=r"There is no component"):
        module.describe("core.no_such_thing_here_zzz")


def test_refresh_discovers_again():
    before = module.default()
    assert module.refresh() is not before
    assert module.default() is not before


def test_kinds_of_the_core():
    names = [kind.name for kind in Registry.discover({"WELLPOSED_PLUGINS": ""}).kinds()]
    assert names == sorted(
        ["physics", "noise", "denoiser", "reconstructor", "loss", "metric", "transform", "dataset", "reader",
         "writer", "generator", "card"]
    )  # fmt: skip


def test_everything_installed_here_loads():
    assert module.failures() == ()
    assert target_failures(module.default()) == []


def test_lazy_names_are_what_type_checkers_see():
    import ast
    from pathlib import Path

    tree = ast.parse(Path(wellposed.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == set(wellposed.__all__) - {"__version__"}
    for name in wellposed.__all__:
        assert getattr(wellposed, name) is not None
        assert name in dir(wellposed)
    with pytest.raises(AttributeError, match=r"module 'wellposed' has no attribute 'nonsense'"):
        _ = wellposed.nonsense


def test_signatures_are_read_through_a_metaclass_and_shown_without_quotes(lab):
    class Meta(type):
        def __call__(cls, *args, **kwargs):
            return super().__call__(*args, **kwargs)

    class Wrapped(metaclass=Meta):
        def __init__(self, size: "int", mode: "str | None" = None) -> "None":
            self.size = size

    lab.add(record("lab.wrapped"), target=Wrapped)
    assert lab.describe("lab.wrapped").signature == "(size: int, mode: str | None = None)"
    with pytest.raises(
        UnknownParameterError, match=r"lab.wrapped has no parameter 'sise'.*Did you mean 'size'"
    ):
        lab.create("lab.wrapped", sise=3)
