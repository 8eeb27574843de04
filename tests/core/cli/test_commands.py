"""The command line as a script sees it: what it prints where, and its exit codes."""

import json
import os
import subprocess
import sys

import click
import pytest

from wellposed import registry as registry_module
from wellposed.cli import main
from wellposed.cli._exit import MEANINGS, code_of
from wellposed.cli._table import BUILTIN
from wellposed.errors import (
    ConfigError,
    ConvergenceError,
    FileFormatError,
    OutputExistsError,
    ParameterError,
    RegistryError,
)
from wellposed.plugins import Command
from wellposed.registry._targets import resolve

COMMANDS = """
from wellposed.plugins import Command, hookimpl

@hookimpl
def commands():
    {}
"""


@pytest.fixture
def wellposed(fakes, monkeypatch, capsys):
    """Run a command against the fake packs alone; returns (exit code, stdout, stderr)."""

    def run(*args):
        monkeypatch.setattr(registry_module, "_default", fakes.discover())
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("name", BUILTIN)
def test_every_command_has_help_with_an_example(wellposed, name):
    code, out, _ = wellposed(name, *(["pack"] if name == "new" else []), "--help")
    assert code == 0
    assert "Examples:" in out
    assert f"  wellposed {name}" in out


def test_help_names_commands_and_exit_codes(wellposed):
    code, out, _ = wellposed("--help")
    assert code == 0
    for name, record in BUILTIN.items():
        assert f"  {name} " in out
        assert isinstance(resolve(record.target), click.Command)
    for number, meaning in MEANINGS.items():
        assert f"  {number}" in out
        assert meaning in out


def test_version(wellposed):
    assert wellposed("--version")[:2] == (0, f"wellposed, version {__import__('wellposed').__version__}\n")


def test_list(wellposed, fakes):
    fakes.good("aa")
    code, out, err = wellposed("list")
    assert (code, err) == (0, "")
    assert "aa.thing" in out
    assert json.loads(wellposed("list", "metric", "--pack", "aa", "--json")[1]) == [
        {"name": "aa.thing", "kind": "metric", "summary": "A thing.", "target": "fractions:Fraction"}
    ]
    assert "aa.thing" not in wellposed("list", "noise")[1]
    code, out, err = wellposed("list", "metrics")
    assert (code, out) == (3, "")
    assert err.startswith("Error: There is no kind 'metrics'; kinds: ")
    assert "Did you mean 'metric'" in err


def test_list_mentions_what_is_broken(wellposed, fakes):
    fakes.good("aa")
    fakes.add("bb", "import no_such_module_at_all")
    code, out, err = wellposed("list")
    assert code == 0
    assert "aa.thing" in out
    assert err == "1 pack problem(s): `wellposed doctor` says what and why.\n"


def test_describe(wellposed, fakes):
    fakes.good("aa")
    code, out, _ = wellposed("describe", "aa.thing")
    assert code == 0
    for text in (
        "aa.thing (metric): A thing.",
        "aa.thing(numerator=0, denominator=None",
        "From: wellposed-aa 1.0",
    ):
        assert text in out
    data = json.loads(wellposed("describe", "aa.thing", "--json")[1])
    assert (data["name"], data["dist"], data["version"]) == ("aa.thing", "wellposed-aa", "1.0")
    code, _, err = wellposed("describe", "aa.thin")
    assert (code, err) == (3, "Error: There is no component 'aa.thin'. Did you mean 'aa.thing'?\n")


def test_plugins(wellposed, fakes):
    fakes.good("aa")
    fakes.add("bb", "import no_such_module_at_all")
    code, out, _ = wellposed("plugins")
    assert code == 0
    assert "wellposed-aa 1.0" in out
    assert "failed at import" in out
    assert "Not installed: " in out
    data = json.loads(wellposed("plugins", "--json")[1])
    assert {"name": "aa", "dist": "wellposed-aa", "version": "1.0", "components": ["aa.thing"]} in data[
        "packs"
    ]
    failure = data["failures"][0]
    assert (failure["pack"], failure["stage"], failure["item"]) == ("bb", "import", None)
    assert failure["cause"] == "ModuleNotFoundError: No module named 'no_such_module_at_all'"


def test_doctor(wellposed, fakes, source):
    fakes.good("aa")
    fakes.add("bb", "import no_such_module_at_all")
    fakes.add("cc", source("cc.gone", target="fractions:NoSuchThing"))
    fakes.add("dd", COMMANDS.format("yield Command('list', 'a:b', 'Mine.')"))
    code, out, _ = wellposed("doctor")
    assert code == 1
    assert "✗ pack 'bb' (wellposed-bb 1.0) failed at import: ModuleNotFoundError" in out
    assert "fix: install what it misses" in out
    data = json.loads(wellposed("doctor", "--json")[1])
    assert not data["ok"]
    causes = [(failure["item"], failure["cause"]) for failure in data["failures"]]
    assert ("cc.gone", "AttributeError: module 'fractions' has no attribute 'NoSuchThing'") in causes
    assert ("list", "RegistryError: `wellposed list` is built in; rename it.") in causes
    assert data["environment"]["torch"]
    assert data["environment"]["devices"].startswith("cpu (")
    assert "hypothesis" in data["optional"]


def test_doctor_finds_nothing_where_nothing_is_wrong(wellposed, fakes, monkeypatch):
    fakes.good("aa")
    monkeypatch.setattr("wellposed.cli.doctor.target_failures", lambda found: [])
    code, out, _ = wellposed("doctor")
    assert code == 0
    assert "Everything that is installed loads." in out


def test_doctor_finds_a_practitioners_installation_sound():
    """Without ``wellposed[testing]``, whose absence only the kit would notice."""
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from wellposed.cli import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Everything that is installed loads." in done.stdout


def test_doctor_names_missing_dependencies(wellposed, monkeypatch):
    monkeypatch.setattr("wellposed.cli.doctor._REQUIRED", ("torch", "no-such-distribution"))
    monkeypatch.setitem(sys.modules, "torch", None)
    data = json.loads(wellposed("doctor", "--json")[1])
    assert "no-such-distribution" in [failure["item"] for failure in data["failures"]]
    assert data["environment"]["devices"].startswith("torch cannot be imported")


def test_wrong_usage(wellposed):
    code, _, err = wellposed("lst")
    assert code == 2
    assert "There is no command 'lst'. Did you mean 'list'" in err
    code, _, err = wellposed("list", "--nonsense")
    assert code == 2
    assert "No such option" in err
    code, _, err = wellposed("train")
    assert (code, err) == (
        3,
        "Error: The command 'train' comes with pack 'train': pip install \"wellposed[train]\"\n",
    )


def test_commands_of_packs(wellposed, fakes):
    fakes.add("aa", COMMANDS.format("yield Command('greet', 'fake_greeting:greet', 'Say hello.')"))
    greeting = (
        "import click\n@click.command()\n@click.argument('who')\ndef greet(who):\n    print('hello', who)\n"
    )
    (fakes.folder / "fake_greeting.py").write_text(greeting)
    fakes.add("bb", COMMANDS.format("yield Command('broken', 'fake_nowhere:command', 'Break.')"))
    fakes.add("cc", COMMANDS.format("yield Command('odd', 'fractions:Fraction', 'No command.')"))
    fakes.add("dd", COMMANDS.format("yield Command('greet', 'fake_other:greet', 'Say hello too.')"))
    fakes.add("ee", COMMANDS.format("yield Command('list', 'fake_other:list', 'Take over.')"))
    code, out, _ = wellposed("--help")
    assert code == 0
    assert "fake_greeting" not in sys.modules
    for text in ("Commands of packs", "Say hello.", "Break."):
        assert text in out
    assert "Take over." not in out
    assert wellposed("greet", "world")[:2] == (0, "hello world\n")
    code, _, err = wellposed("broken", "--any", "thing")
    assert code == 3
    assert (
        "Error: The command 'broken' cannot be imported from fake_nowhere:command: ModuleNotFoundError" in err
    )
    code, _, err = wellposed("odd", "--help")
    assert code == 3
    assert "fractions:Fraction is a ABCMeta, not a click.Command" in err
    failure = registry_module.default().failures[0]
    assert (failure.pack, failure.item) == ("dd", "greet")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RegistryError("x"), 3),
        (ConfigError("x"), 4),
        (FileFormatError("x"), 4),
        (OutputExistsError("x"), 4),
        (FileNotFoundError(2, "No such file or directory", "photo.png"), 4),
        (ParameterError("x"), 2),
        (ConvergenceError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(wellposed, monkeypatch, error, code):
    def fail():
        raise error

    monkeypatch.setitem(BUILTIN, "fail", Command("fail", "fake_failing:command", "Fail."))
    module = type(sys)("fake_failing")
    module.command = click.Command("fail", callback=fail)
    monkeypatch.setitem(sys.modules, "fake_failing", module)
    seen, _, err = wellposed("fail")
    assert seen == code
    assert code in (code_of(error), 130)
    assert "Traceback" not in err
    assert err.strip() in ("Error: x", "Error: photo.png: No such file or directory.", "Interrupted.")
    if code != 130:
        seen, _, err = wellposed("--debug", "fail")
        assert seen == code
        assert "Traceback" in err


def test_a_bug_is_not_hidden(wellposed, monkeypatch):
    monkeypatch.setattr("wellposed.cli.list_components.print_table", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wellposed("list")


def test_check(wellposed, fakes, monkeypatch):
    from wellposed.testing import Report, Result

    fakes.good("aa")
    results = {"ok": "passed", "adjoint": "failed"}

    def check(name, *, seed, checks):
        assert (seed, checks) == (7, None)
        made = [Result(word, status, "it is wrong", "a line") for word, status in results.items()]
        return Report(name, "metric", made, seed)

    monkeypatch.setattr("wellposed.testing.check", check)
    code, out, _ = wellposed("check", "aa.thing", "--seed", "7")
    assert code == 1
    assert "it is wrong" in out
    code, out, _ = wellposed("check", "aa", "--seed", "7", "--json")
    assert code == 1
    [report] = json.loads(out)
    assert (report["component"], report["ok"]) == ("aa.thing", False)
    assert report["results"][1] == {
        "check": "adjoint", "ok": False, "status": "failed", "message": "it is wrong", "reproduce": "a line",
    }  # fmt: skip
    results["adjoint"] = "passed"
    assert wellposed("check", "aa", "--seed", "7")[0] == 0


def test_check_what_is_not_there(wellposed, fakes, monkeypatch):
    fakes.add("aa", COMMANDS.format("return []"))
    assert wellposed("check", "aa")[::2] == (3, "Error: Pack 'aa' has no components to check.\n")
    code, _, err = wellposed("check", "zz")
    assert (code, err.startswith("Error: There is no pack 'zz'; loaded: core, aa.")) == (3, True)
    code, _, err = wellposed("check", "aa.nothing")
    assert code == 3
    assert wellposed("check")[0] == 2


def test_a_closed_pipe_is_met_with_silence():
    script = "import sys; from wellposed.cli import main; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.stderr == ""


def test_shell_completion():
    script = "import sys; from wellposed.cli import main; sys.exit(main())"
    words = {"_WELLPOSED_COMPLETE": "bash_complete", "COMP_WORDS": "wellposed do", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **words}, capture_output=True, text=True
    )
    assert done.stdout == "plain,doctor\n"


def test_describe_gives_the_reference(monkeypatch, capsys):
    from wellposed.plugins import Component

    lab = registry_module.isolated().add(
        Component("metric", "lab.x", "fractions:Fraction", "X.", reference="Euclid, Elements VII")
    )
    monkeypatch.setattr(registry_module, "_default", lab)
    assert main(["describe", "lab.x"]) == 0
    assert "Reference: Euclid, Elements VII" in capsys.readouterr().out


def test_list_says_that_there_is_nothing(wellposed, fakes):
    fakes.good("aa")
    assert wellposed("list", "noise", "--pack", "aa")[1] == (
        "There are no components of kind 'noise' in pack 'aa'.\n"
    )


def test_a_switch_that_names_an_unknown_pack_is_a_problem(wellposed, monkeypatch, fakes, capsys):
    fakes.good("optik")
    found = registry_module.Registry.discover({"WELLPOSED_PLUGINS": "optim_"})
    monkeypatch.setattr(registry_module, "_default", found)
    assert main(["list", "noise"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("WELLPOSED_PLUGINS names 'optim_', a pack that is unknown: ")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "WELLPOSED_PLUGINS names 'optim_', a pack that is unknown: no installed distribution" in out
    assert "fix: install the pack, or correct WELLPOSED_PLUGINS" in out


def test_the_doctor_works_where_problems_are_errors(monkeypatch, fakes, capsys):
    fakes.add("bb", "import no_such_module_at_all")
    monkeypatch.setenv("WELLPOSED_PLUGINS", "bb")
    monkeypatch.setenv("WELLPOSED_STRICT_PLUGINS", "1")
    monkeypatch.setattr(registry_module, "_default", None)
    assert main(["list"]) == 3
    assert "WELLPOSED_STRICT_PLUGINS is set, and pack 'bb'" in capsys.readouterr().err
    assert main(["doctor"]) == 1
    assert "✗ pack 'bb' (wellposed-bb 1.0) failed at import" in capsys.readouterr().out
