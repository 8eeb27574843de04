"""One bad pack never breaks another: each way of being wrong, next to a pack that is right."""

import sys

import pytest

from wellposed._version import __version__
from wellposed.errors import RegistryError
from wellposed.registry import Registry


def only_failure(registry):
    assert len(registry.failures) == 1, registry.failures
    return registry.failures[0]


def test_a_good_pack_is_found(fakes):
    fakes.good("aa", requires=["wellposed>=0.1,<0.2", "numpy"])
    registry = fakes.discover()
    assert registry.failures == ()
    assert [pack.name for pack in registry.packs] == ["core", "aa"]
    assert registry.components(pack="aa")[0].name == "aa.thing"
    pack = registry.pack("aa")
    assert (pack.dist, pack.version) == ("wellposed-aa", "1.0")


def test_packs_are_sorted_whatever_the_path_order(fakes):
    for name in ("cc", "aa", "bb"):
        fakes.good(name)
    assert [pack.name for pack in fakes.discover().packs] == ["core", "aa", "bb", "cc"]


def test_broken_import(fakes):
    fakes.good("aa")
    fakes.add("bb", "import no_such_module_at_all")
    registry = fakes.discover()
    failure = only_failure(registry)
    assert (failure.pack, failure.dist, failure.version, failure.stage) == (
        "bb",
        "wellposed-bb",
        "1.0",
        "import",
    )
    assert isinstance(failure.error, ModuleNotFoundError)
    assert failure.cause == "ModuleNotFoundError: No module named 'no_such_module_at_all'"
    assert "WELLPOSED_DISABLE_PLUGINS=bb" in failure.fix
    assert "aa.thing" in registry.names()
    with pytest.raises(
        RegistryError, match=r"'bb.x' is not available: pack 'bb' .*failed at import"
    ) as caught:
        registry.get("bb.x")
    assert caught.value.__cause__ is failure.error
    with pytest.raises(RegistryError, match=r"pack 'bb'.*failed at import.*no_such_module_at_all"):
        registry.pack("bb")


def test_a_pack_that_exits_while_imported(fakes):
    fakes.good("aa")
    fakes.add("bb", "raise SystemExit(3)")
    registry = fakes.discover()
    assert only_failure(registry).stage == "import"
    assert "aa.thing" in registry.names()


def test_missing_plugin_module(fakes):
    fakes.add("bb", entry_points="[wellposed.plugins]\nbb = no_such_plugin_module\n")
    assert only_failure(fakes.discover()).stage == "import"


@pytest.mark.parametrize(
    "line", ["wellposed>=99", "wellposed<0.1", "Wellposed==0.0.1 ; python_version > '3'"]
)
def test_wrong_api_range_is_not_even_imported(fakes, line):
    fakes.add("bb", "raise AssertionError('imported')", requires=[line])
    failure = only_failure(fakes.discover())
    assert failure.stage == "requirements"
    with pytest.raises(
        RegistryError, match=rf"wellposed-bb 1.0 needs wellposed.*but wellposed {__version__} is installed"
    ):
        raise failure.error
    assert failure.fix == "install versions that fit: pip install --upgrade wellposed wellposed-bb"


def test_ranges_of_extras_and_other_platforms_do_not_count(fakes):
    fakes.good("aa", requires=["wellposed>=99; extra == 'next'", "wellposed>=99; sys_platform == 'plan9'"])
    assert fakes.discover().failures == ()


def test_unreadable_requirement(fakes):
    fakes.good("aa", requires=["wellposed >>> 3"])
    assert only_failure(fakes.discover()).stage == "requirements"


def test_two_distributions_of_one_pack_name_are_both_out(fakes):
    fakes.good("aa")
    fakes.good("bb", dist="first-bb")
    fakes.good("bb", dist="second-bb", version="2.0")
    registry = fakes.discover()
    assert {failure.dist for failure in registry.failures} == {"first-bb", "second-bb"}
    assert {failure.stage for failure in registry.failures} == {"duplicate"}
    assert registry.names() == [name for name in registry.names() if not name.startswith("bb.")]
    with pytest.raises(RegistryError, match=r"first-bb 1.0 and second-bb 2.0 both claim the pack name 'bb'"):
        registry.get("bb.thing")


def test_the_same_distribution_twice_on_the_path_counts_once(fakes, tmp_path, monkeypatch):
    fakes.good("aa")
    other = type(fakes)(tmp_path / "behind")
    other.folder.mkdir()
    other.good("aa", dist="Wellposed_aa", version="0.9")
    monkeypatch.syspath_prepend(str(fakes.folder))
    sys.path.append(str(other.folder))
    registry = fakes.discover()
    sys.path.remove(str(other.folder))
    assert registry.failures == ()
    assert registry.pack("aa").version == "1.0"


def test_nobody_takes_the_name_core(fakes):
    fakes.add("core", "raise AssertionError", dist="impostor")
    registry = fakes.discover()
    failure = only_failure(registry)
    assert (failure.dist, failure.stage) == ("impostor", "duplicate")
    with pytest.raises(
        RegistryError, match=r"the pack name 'core' belongs to wellposed; impostor may not use it"
    ):
        raise failure.error
    assert registry.pack("core").dist == "wellposed"


def test_component_outside_its_prefix(fakes, source):
    fakes.add("aa", source("mri.thing"))
    registry = fakes.discover()
    failure = only_failure(registry)
    assert (failure.stage, failure.item) == ("components", "mri.thing")
    with pytest.raises(
        RegistryError, match=r"'mri.thing' lies outside its pack; names of pack 'aa' start with 'aa\.'"
    ):
        raise failure.error
    assert "mri.thing" not in registry.names()
    with pytest.raises(RegistryError, match=r"'mri.thing' is not available: 'mri.thing' of pack 'aa'"):
        registry.get("mri.thing")


RECORDS = """
from wellposed.plugins import Component, Kind, hookimpl

def metric(name, **changes):
    fields = {{"kind": "metric", "name": name, "target": "fractions:Fraction", "summary": "A."}}
    return Component(**fields | changes)

@hookimpl
def components():
    yield metric("aa.fine")
    {}
"""


@pytest.mark.parametrize(
    ("line", "item", "message"),
    [
        (
            "yield 'aa.text'",
            "'aa.text'",
            "the hook components yields str 'aa.text'; expected Component records",
        ),
        ("yield Kind('aa', 'A kind.')", None, "yields Kind Kind.*expected Component records"),
        (
            "yield metric('aa.two'); yield metric('aa.two')",
            "aa.two",
            "'aa.two' is yielded 2 times; names are unique",
        ),
        (
            "yield metric('aa.odd', kind='metrik')",
            "aa.odd",
            "kind 'metrik', which no loaded pack defines.*'metric'",
        ),
    ],
)
def test_one_wrong_record_leaves_the_others(fakes, line, item, message):
    fakes.add("aa", RECORDS.format(line))
    registry = fakes.discover()
    failure = only_failure(registry)
    assert failure.stage == "components"
    assert item in (None, failure.item)
    with pytest.raises(RegistryError, match=message):
        raise failure.error
    assert [c.name for c in registry.components(pack="aa")] == ["aa.fine"]


@pytest.mark.parametrize(
    "line", ["raise ValueError('no')", "yield metric('no dots')", "yield metric('aa.b', nonsense=1)"]
)
def test_a_hook_that_raises_costs_the_pack(fakes, line):
    fakes.good("bb")
    fakes.add("aa", RECORDS.format(line))
    registry = fakes.discover()
    failure = only_failure(registry)
    assert (failure.pack, failure.stage, failure.item) == ("aa", "components", None)
    assert "bb.thing" in registry.names()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "@hookimpl\ndef components(kind): return []",
            r"Argument\(s\) {'kind'} are declared in the hookimpl but",
        ),
        ("@hookimpl\ndef componets(): return []", "unknown hook 'componets'"),
        (
            "def components(): return []",
            "implements no hook; mark its functions with wellposed.plugins.hookimpl",
        ),
    ],
)
def test_wrong_hooks(fakes, code, message):
    fakes.good("bb")
    fakes.add("aa", "from wellposed.plugins import hookimpl\n" + code)
    registry = fakes.discover()
    failure = only_failure(registry)
    assert failure.stage == "hooks"
    with pytest.raises(type(failure.error), match=message):
        raise failure.error
    assert "bb.thing" in registry.names()


def test_damaged_entry_points_of_one_distribution(fakes):
    fakes.good("aa")
    fakes.add("bb", entry_points="[wellposed.plugins]\nthis line has no equals sign\n")
    registry = fakes.discover()
    assert only_failure(registry).stage == "metadata"
    assert "aa.thing" in registry.names()


def test_distribution_without_a_name(fakes):
    fakes.add("bb", version="3")
    (fakes.folder / "wellposed_bb-3.dist-info" / "METADATA").write_text("")
    failure = only_failure(fakes.discover())
    assert failure.stage == "metadata"
    with pytest.raises(RegistryError, match=r"has no Name or Version in its METADATA"):
        raise failure.error


def test_switches(fakes):
    for name in ("aa", "bb", "cc"):
        fakes.good(name)
    chosen = Registry.discover({"WELLPOSED_PLUGINS": "aa, bb"})
    assert [pack.name for pack in chosen.packs] == ["core", "aa", "bb"]
    assert chosen.disabled["cc"] == "WELLPOSED_PLUGINS=aa, bb"
    refused = fakes.discover(WELLPOSED_DISABLE_PLUGINS="bb")
    assert [pack.name for pack in refused.packs] == ["core", "aa", "cc"]
    with pytest.raises(
        RegistryError, match=r"'bb.thing' .*installed, but WELLPOSED_DISABLE_PLUGINS=bb keeps it out"
    ):
        refused.get("bb.thing")
    nothing = Registry.discover({"WELLPOSED_PLUGINS": "", "WELLPOSED_DISABLE_PLUGINS": "core"})
    assert [pack.name for pack in nothing.packs] == ["core"]


def test_a_disabled_pack_is_not_imported(fakes):
    fakes.add("bb", "raise AssertionError('imported')")
    assert fakes.discover(WELLPOSED_DISABLE_PLUGINS="bb").failures == ()


def test_strict(fakes):
    fakes.good("aa")
    assert fakes.discover(WELLPOSED_STRICT_PLUGINS="1").failures == ()
    fakes.add("bb", "import no_such_module_at_all")
    assert fakes.discover(WELLPOSED_STRICT_PLUGINS="0").failures
    with pytest.raises(RegistryError, match=r"WELLPOSED_STRICT_PLUGINS is set, and pack 'bb'") as caught:
        fakes.discover(WELLPOSED_STRICT_PLUGINS="1")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_kinds_of_packs(fakes, source):
    kind = "from wellposed.plugins import Kind, hookimpl\n\n"
    kind += "@hookimpl\ndef kinds():\n    yield Kind({!r}, 'Ours.')\n"
    fakes.add("aa", source("aa.thing", kind="gadget"))
    fakes.add("bb", kind.format("gadget"))
    fakes.add("cc", kind.format("physics"))
    registry = fakes.discover()
    assert registry.names("gadget") == ["aa.thing"]
    failure = only_failure(registry)
    assert (failure.pack, failure.item) == ("cc", "physics")
    with pytest.raises(
        RegistryError, match=r"the kind 'physics' is already defined by another pack; rename it"
    ):
        raise failure.error


def test_the_package_around_the_plugin_is_not_run(fakes, source):
    package = fakes.folder / "fake_heavy"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('the package ran')")
    (package / "_plugin.py").write_text(source("aa.thing"))
    (package / "_bad.py").write_text("import no_such_module_at_all")
    fakes.add("aa", entry_points="[wellposed.plugins]\naa = fake_heavy._plugin\n")
    fakes.add("bb", entry_points="[wellposed.plugins]\nbb = fake_heavy._bad\n")
    fakes.add("cc", entry_points="[wellposed.plugins]\ncc = fake_heavy._absent\n")
    registry = fakes.discover()
    assert registry.names("metric")[0] == "aa.thing"
    assert [(failure.pack, failure.stage) for failure in registry.failures] == [
        ("bb", "import"),
        ("cc", "import"),
    ]
    assert "fake_heavy._plugin" in sys.modules
    assert "fake_heavy._bad" not in sys.modules


def test_a_plugin_may_be_an_object_in_a_module(fakes, source):
    fakes.add("aa", entry_points="[wellposed.plugins]\naa = fake_object:Plugin.inner\n")
    (fakes.folder / "fake_object.py").write_text(
        "import types\n" + source("aa.thing") + "class Plugin:\n    inner = types.SimpleNamespace()\n"
        "Plugin.inner.components = components\n"
    )
    assert fakes.discover().names("metric")[0] == "aa.thing"
