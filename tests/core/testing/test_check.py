"""The engine: what is asked, what is reported, and what a run leaves behind."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from zoo.wrong_habits import CountsItsCalls, HoldsALambda
from zoo.wrong_methods import BackProject, Shrink
from zoo.wrong_operators import ScaledAdjoint, Tilt

import wellposed
from wellposed import Space, registry
from wellposed.errors import ConformanceError, ParameterError, RegistryError
from wellposed.plugins import Component, Kind
from wellposed.testing import Case, Check, Example, Failure, Skip, check, register_checks

DOMAIN = Space((1, 6, 7), torch.float64)


def test_a_report_reads_well():
    report = check(ScaledAdjoint(), domain=DOMAIN, seed=5)
    assert not report.ok
    assert report.failed == {"adjoint"}
    text = str(report)
    assert text.startswith("ScaledAdjoint (physics) on (B, 1, 6, 7) float64: ")
    assert "FAILED adjoint: A_adjoint is not the adjoint of A: scaled by 2" in text
    assert "skipped, not run, since adjoint failed: " in text
    assert "<code>adjoint</code>" in report._repr_html_()
    with pytest.raises(ConformanceError, match=r"scaled by 2"):
        report.raise_for_failures()
    with pytest.raises(KeyError, match=r"no result of a check 'adjiont'"):
        report["adjiont"]
    assert {r.status for r in report.results} == {"passed", "failed", "skipped"}


def test_the_reproducing_line_reproduces():
    obj = ScaledAdjoint()
    result = check(obj, domain=DOMAIN, seed=5)["adjoint"]
    again = eval(result.reproduce, {"wellposed": wellposed, "torch": torch, "obj": obj})
    assert again.failed == {"adjoint"}
    assert again["adjoint"].message == result.message


def test_the_same_seed_gives_the_same_report_and_another_seed_other_probes():
    messages = [check(ScaledAdjoint(), domain=DOMAIN, seed=s)["adjoint"].message for s in (1, 1)]
    assert messages[0] == messages[1]


def test_only_some_checks():
    report = check(Tilt(), domain=DOMAIN, checks=["adjoint"])
    assert [r.check for r in report.results] == ["adjoint"]
    spoilt = check(CountsItsCalls(), domain=DOMAIN, checks=["adjoint"])
    assert [r.check for r in spoilt.results] == ["history", "adjoint"]
    with pytest.raises(ParameterError, match=r"no check 'adjiont'.*adjoint"):
        check(Tilt(), domain=DOMAIN, checks=["adjiont"])


def test_known_failures_are_strict():
    known = check(ScaledAdjoint(), domain=DOMAIN, expected_failures={"adjoint": "scaled on purpose"})
    assert known.ok
    assert known["adjoint"].status == "expected"
    assert "known failure adjoint: scaled on purpose [" in str(known)
    healed = check(Tilt(), domain=DOMAIN, expected_failures={"adjoint": "scaled on purpose"})
    assert "known failure (scaled on purpose), but it is passed; drop" in healed["adjoint"].message
    silent = check(ScaledAdjoint(), domain=DOMAIN, expected_failures={"adjoint": " "})
    assert "without a reason" in silent["adjoint"].message
    with pytest.raises(ParameterError, match=r"'adjiont', which is no check"):
        check(Tilt(), domain=DOMAIN, expected_failures={"adjiont": "typo"})


def test_a_run_changes_neither_the_object_nor_the_global_random_states():
    counter = CountsItsCalls()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    check(counter, domain=DOMAIN)
    assert counter._calls == 0
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert states[2] == random.getstate()


def test_kinds_are_told_by_shape():
    from wellposed.testing.kinds import kind_of

    class Psnr:
        def __call__(self, x_hat, x):
            return x

    class Net(nn.Module):
        def forward(self, x, sigma):
            return x

    assert kind_of(Tilt()) == "physics"
    assert kind_of(wellposed.noise.Gaussian(0.1)) == "noise"
    assert kind_of(wellposed.transforms.Flips()) == "transform"
    assert (kind_of(Psnr()), kind_of(Net()), kind_of(BackProject())) == (
        "metric",
        "denoiser",
        "reconstructor",
    )
    assert (kind_of(lambda x_hat, x, y, physics, model: x), kind_of([1])) == ("loss", "dataset")
    with pytest.raises(ParameterError, match=r"cannot tell what kind .* kind='reconstructor'"):
        kind_of(lambda a, b: a)
    with pytest.raises(ParameterError, match=r"cannot tell what kind"):
        kind_of(3)


def test_a_domain_that_nobody_knows_is_asked_for():
    class Picky:
        def A(self, x):
            return x.reshape(len(x), 17, 3)

    assert "give it one: check(obj, domain=" in check(Picky())["evaluates"].message


def test_free_axes_and_dtypes_are_filled():
    class Free(Tilt):
        domain = Space((None, 4, None))

    assert check(Free()).where == "(B, 5, 4, 6) float64"


def test_names_and_examples_that_do_not_exist():
    mine = registry.isolated().add(
        Component(
            kind="denoiser",
            name="zoo.shrink",
            target="zoo.wrong_methods:Shrink",
            summary="Shrink.",
            examples="zoo.registered:no_such_examples",
        )
    )
    report = check("zoo.shrink", registry=mine)
    assert report.failed == {"constructs"}
    assert "examples of 'zoo.shrink' cannot be imported" in report["constructs"].message
    with pytest.raises(RegistryError, match=r"zoo.shrimk"):
        check("zoo.shrimk", registry=mine)


def test_registered_names_are_built_from_their_examples():
    mine = registry.isolated()
    for name in ("rightly", "wrongly"):
        mine.add(
            Component(
                kind="physics",
                name=f"zoo.{name}",
                target=f"zoo.registered:{name}",
                summary="Scale.",
                examples="zoo.registered:examples",
            )
        )
    report = check("zoo.rightly", registry=mine, max_examples=3)
    assert report.ok, str(report)
    assert report.where == "3 examples"
    wrong = check("zoo.wrongly", registry=mine)
    assert wrong.failed == {"adjoint"}
    assert "[with factor=" in wrong["adjoint"].message
    assert wrong["adjoint"].reproduce == "wellposed check zoo.wrongly --seed 0 --check adjoint"


def test_known_failures_of_a_registered_component():
    mine = registry.isolated().add(
        Component(
            kind="physics",
            name="zoo.wrongly",
            target="zoo.registered:wrongly",
            summary="Scale.",
            examples="zoo.registered:examples",
            known_failures={"adjoint": "the adjoint is scaled"},
        )
    )
    assert check("zoo.wrongly", registry=mine)["adjoint"].status == "expected"


def test_examples_wrap_plain_dicts():
    assert Example.of({"a": 1}).arguments == {"a": 1}
    example = Example({}, domain=DOMAIN)
    assert Example.of(example) is example


def test_a_pack_adds_checks_and_kinds():
    def even(case: Case) -> None:
        """Is an even number."""
        if case.component % 2:
            raise Failure(f"{case.component} is odd")

    def positive(case: Case) -> None:
        """Is positive."""
        if case.component == 0:
            raise Skip("zero")

    register_checks("number", [Check("even", even)])
    register_checks("number", [Check("positive", positive, after=("even",))])
    assert check(4, kind="number").ok
    assert check(3, kind="number")["even"].message == "3 is odd"
    assert check(3, kind="number")["positive"].message == "not run, since even failed"
    assert check(0, kind="number")["positive"].status == "skipped"
    with pytest.raises(
        ParameterError, match=r"no checks are known for the kind 'numbr'.*number.*register_checks"
    ):
        check(4, kind="numbr")


def test_a_kind_names_its_checks():
    mine = registry.isolated().add(Kind("letter", "A letter.", checks="zoo.registered:LETTER"))
    assert check(["a"], kind="letter", registry=mine)["short"].ok
    assert check(["a", "b"], kind="letter", registry=mine).failed == {"short"}


def test_a_kind_without_checks_is_still_copied_and_pickled():
    mine = registry.isolated().add(Kind("thing", "A thing."))
    assert [r.check for r in check(3, kind="thing", registry=mine).results] == ["copies", "pickles"]
    assert check(HoldsALambda(), kind="thing", registry=mine).failed == {"pickles"}


def test_whatever_a_component_raises_is_a_finding():
    class Explosive(Shrink):
        def __call__(self, x, sigma):
            raise RuntimeError("boom")

    assert check(Explosive(), kind="denoiser")["evaluates"].message == "it raises RuntimeError: boom"


def test_an_object_is_checked_without_hypothesis_or_pytest():
    code = (
        "import sys, torch, wellposed.testing as t\n"
        "class Twice:\n"
        "    def A(self, x): return 2 * x\n"
        "    def A_adjoint(self, y): return 2 * y\n"
        "assert t.check(Twice()).ok\n"
        "assert not {'hypothesis', 'pytest'} & set(sys.modules), 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_domain_may_be_a_bare_shape():
    assert check(Tilt(), domain=(1, 6, 7)).where == "(B, 1, 6, 7) float64"
    with pytest.raises(ParameterError, match=r"domain='small' is no space; pass wellposed.Space"):
        check(Tilt(), domain="small")
    with pytest.raises(ParameterError, match=r"domain=\(1, None\) is no space"):
        check(Tilt(), domain=(1, None))


def test_what_is_defined_locally_is_not_asked_to_pickle():
    class Local(Tilt):
        pass

    for obj in (Local(), lambda x, sigma: x):
        report = check(obj, domain=DOMAIN, checks=["pickles"])
        assert report["pickles"].status == "skipped"
        assert "is defined locally and cannot be imported" in report["pickles"].message


def test_functions_of_a_notebook_are_not_asked_to_pickle():
    script = """
import torch
from wellposed.operators import LinearFunction
from wellposed.testing import check
report = check(LinearFunction(lambda x: 2 * x, (1, 4, 5)))
assert report.ok, str(report)
assert report["pickles"].status == "skipped", str(report)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_keyword_arguments_of_a_stranger_mean_is_its_own():
    class Open(Tilt):
        def A(self, x, **options):
            return super().A(x)

    report = check(Open(), domain=DOMAIN)
    assert report.ok, str(report)
    assert "what its **kwargs mean is its own" in report["unknown_override"].message
