"""Runs as values: scoring, isolation, events, history, and folders that survive an interruption."""

import json
import math

import pytest
import torch

from wellposed import Measurement, registry
from wellposed.errors import OutputError, OutputExistsError, ParameterError, RegistryError
from wellposed.forward import ForwardModel
from wellposed.noise import Gaussian
from wellposed.operators import Convolution
from wellposed.plugins import hookimpl
from wellposed.runs import Listener, Method, Region, Run, RunFolder, execute, simulate, write_reports
from wellposed.runs._folder import file_word, plain


class Blind:
    """Ignores the physics and returns the picture it was made with."""

    def __init__(self, image):
        self.image = image

    def __call__(self, y, physics):
        return self.image


class Iterative:
    """Halves its distance to ``goal`` in each iteration, and offers ``solve`` as optim's algorithms do."""

    max_iterations = 4

    def __init__(self, goal):
        self.goal, self.calls = goal, 0

    def solve(self, y, physics, *, callback=None):
        self.calls += 1
        x = torch.zeros_like(self.goal)
        for k in range(1, self.max_iterations + 1):
            x = x + (self.goal - x) / 2
            if callback is not None:
                callback(k, x)
        return type("Result", (), {"x": x})()

    def objective(self, x, y, physics):
        return (x - self.goal).square().flatten(1).sum(1)

    def __call__(self, y, physics):
        return self.solve(y, physics).x


def fails(y, physics):
    raise ArithmeticError("the matrix is singular")


def mse(x_hat, x):
    return (x_hat - x).square().flatten(1).mean(1)


mse.higher_is_better = False


@pytest.fixture
def truth():
    return torch.rand(1, 1, 12, 13, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def measurement(truth):
    kernel = torch.rand(4, 5, generator=torch.Generator().manual_seed(1))
    return simulate(
        truth, Convolution(kernel / kernel.sum(), (1, 12, 13)), noise=Gaussian(sigma=0.01), seed=3
    )


@pytest.fixture
def run(measurement, truth):
    def make(*methods, **fields):
        return Run("A test", measurement, methods, {"mse": mse}, **fields)

    return make


def test_the_input_and_every_method_are_scored_on_what_was_measured(run, truth, measurement):
    off = truth.clone()
    off[..., :1, :] += 100  # a row that the 9 × 9 measurement does not see
    done = execute(run(Method("off", Blind(off)), Method("far", Blind(truth + 0.5))))
    # kernel 4 × 5: three rows are missing, the smaller half at the top; four columns, two on each side
    seen = truth[..., 1:-2, 2:-2]
    assert measurement.y.shape == seen.shape
    assert done.region.margins == ((1, 2), (2, 2))
    assert [o.method for o in done.outcomes] == ["input", "off", "far"]
    assert done.outcomes[0].scores["mse"] == pytest.approx(float((measurement.y - seen).square().mean()))
    assert done.outcomes[1].scores["mse"] == 0
    assert done.outcomes[2].scores["mse"] == pytest.approx(0.25)
    assert torch.equal(done.reference, seen)
    assert torch.equal(done.shown(done.outcomes[1]), seen)
    assert done.facts()["Compared on"] == "the 9 × 9 pixels that were measured, of 12 × 13 reconstructed"
    assert done.done
    assert not done.failed


def test_a_region_is_aligned_with_a_valid_convolution():
    for size in (1, 2, 3, 4, 5, 6):
        x = torch.rand(1, 1, 11, 12)
        spike = torch.zeros(size, size)
        spike[size // 2, size // 2] = 1
        y = Convolution(spike, (1, 11, 12), "valid")(x)
        torch.testing.assert_close(Region.between(x, y).crop(x), y)


@pytest.mark.parametrize(
    ("image", "measured"),
    [
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 5, 4)),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4)),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 16)),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.complex64)),
        (torch.zeros(1, 1, 4, 4), (torch.zeros(1, 1, 4, 4),)),
        (None, torch.zeros(1, 1, 4, 4)),
    ],
)
def test_what_is_no_picture_of_the_image_has_no_region(image, measured):
    assert Region.between(image, measured) is None


def test_a_whole_region_says_so():
    x = torch.zeros(1, 3, 5, 6)
    region = Region.between(x, x)
    assert region.whole
    assert region.sentence(x) == "the whole image, 5 × 6 pixels"


def test_a_method_that_fails_costs_the_others_nothing(run, truth):
    bad = truth.clone()
    bad[0, 0, 0, :3] = math.nan
    methods = {
        "breaks": fails,
        "nan": Blind(bad),
        "text": Blind("no image"),
        "small": Blind(truth[..., 1:]),
        "good": Blind(truth),
    }
    done = execute(run(*(Method(label, model) for label, model in methods.items())))
    errors = {o.method: o.error for o in done.outcomes}
    assert errors == {
        "input": None,
        "breaks": "ArithmeticError: the matrix is singular",
        "nan": "3 of 156 values of the result are NaN or infinite.",
        "text": "returned a str, and an image is expected.",
        "small": "the result has shape (1, 1, 12, 12), and the reference (1, 1, 12, 13).",
        "good": None,
    }
    assert done.outcomes[-1].scores == {"mse": 0.0}
    assert [o.method for o in done.failed] == ["breaks", "nan", "text", "small"]
    assert done.rows()[1] == {
        "method": "breaks",
        "seconds": None,
        "parameters": {},
        "error": "ArithmeticError: the matrix is singular",
    }


def test_a_metric_that_refuses_leaves_its_cell_empty(measurement, truth):
    def picky(x_hat, x):
        raise ParameterError("too small")

    done = execute(Run("A test", measurement, [Method("a", Blind(truth))], {"picky": picky, "mse": mse}))
    assert done.outcomes[1].scores == {"picky": None, "mse": 0.0}


def test_without_a_reference_nothing_is_scored(measurement, truth):
    done = execute(
        Run("A test", measurement.replace(reference=None), [Method("a", Blind(truth))], {"mse": mse})
    )
    assert [o.scores for o in done.outcomes] == [{"mse": None}, {"mse": None}]
    assert done.reference is None
    assert done.shown(done.outcomes[1]).shape == measurement.y.shape


def test_iterations_are_recorded_and_told(run, truth):
    heard = []

    class Ear(Listener):
        def method_starts(self, method, iterations):
            heard.append((method.label, iterations))

        def iteration(self, method, count):
            heard.append(count)

        def method_ends(self, method, outcome, resumed):
            heard.append((outcome.method, resumed))

    model = Iterative(truth)
    done = execute(run(Method("halving", model)), listener=Ear())
    history = done.outcomes[1].history
    assert heard == [("halving", 4), 1, 2, 3, 4, ("halving", False)]
    assert model.calls == 1
    assert history["objective"] == pytest.approx([float(truth.square().sum()) / 4**k for k in (1, 2, 3, 4)])
    assert math.isnan(history["relative change"][0])
    assert history["relative change"][1:] == pytest.approx([(0.5**k) / (1 - 0.5**k) for k in (2, 3, 4)])
    assert history["MSE"][-1] == pytest.approx(done.outcomes[1].scores["mse"])
    assert execute(run(Method("halving", model)), history=False).outcomes[1].history == {}


def test_the_clock_rests_while_iterations_are_looked_at(run, truth, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("wellposed.runs._recording.time.perf_counter", lambda: now[0])

    class Working(Iterative):
        def solve(self, y, physics, *, callback=None):
            def counted(k, x):
                now[0] += 1.0  # the method's own second
                callback(k, x)

            return super().solve(y, physics, callback=counted)

        def objective(self, x, y, physics):
            now[0] += 1000.0
            return super().objective(x, y, physics)

    assert execute(run(Method("working", Working(truth)))).outcomes[1].seconds == 4.0


def test_an_objective_that_is_not_known_is_left_out(run, truth):
    class Implicit(Iterative):
        def objective(self, x, y, physics):
            raise ParameterError("known by its prox only")

    history = execute(run(Method("implicit", Implicit(truth)))).outcomes[1].history
    assert sorted(history) == ["MSE", "relative change"]


def test_packs_hear_of_a_run(run, truth):
    heard = []

    class Pack:
        @hookimpl
        def on_run_start(self, run):
            heard.append(("run", run.title))

        @hookimpl
        def on_method_start(self, run, method):
            heard.append(("start", method))

        @hookimpl
        def on_method_done(self, run, method, result):
            heard.append(("done", method, result.error, len(run.outcomes)))

        @hookimpl
        def on_run_done(self, run, error):
            heard.append(("end", error))

    known = registry.isolated().add_pack("ear", Pack())
    execute(run(Method("a", Blind(truth)), Method("b", fails)), registry=known)
    assert heard == [
        ("run", "A test"),
        ("start", "a"),
        ("done", "a", None, 2),
        ("start", "b"),
        ("done", "b", "ArithmeticError: the matrix is singular", 3),
        ("end", None),
    ]


def test_methods_of_one_name_are_told_apart(run, truth):
    a, b = (Method("m", Blind(truth), parameters={"weight": w}) for w in (1, 2))
    assert [m.label for m in run(a, b).methods] == ["m:weight=1", "m:weight=2"]
    with pytest.raises(ParameterError, match=r"the method 'm:weight=1' is given 2 times; give each a label"):
        run(a, a)
    with pytest.raises(ParameterError, match=r"the method 'input' is the measurement's own name"):
        run(Method("input", Blind(truth)))


def test_a_run_needs_physics(measurement):
    with pytest.raises(ParameterError, match=r"has no physics, so no method knows what to undo"):
        Run("A test", measurement.replace(physics=None), [])


def test_methods_are_reconstructors():
    with pytest.raises(ParameterError, match=r"core\.gaussian is a noise, and a reconstructor is expected"):
        Method.of("core.gaussian")
    with pytest.raises(RegistryError, match=r"There is no component 'core\.gauss'"):
        Method.of("core.gauss")


def test_simulation_keeps_noise_and_parameters_apart(truth):
    class Kernels:
        def step(self, batch_size, generator):
            return {"kernel": torch.rand(3, 3, generator=generator)}

    physics = Convolution(torch.ones(1, 1), (1, 12, 13), "reflect")
    noise = Gaussian(sigma=0.1)
    plain_noise = simulate(truth, physics, noise=noise, seed=1)
    drawn = simulate(truth, physics, noise=noise, generator=Kernels(), seed=1)
    clean = drawn.physics.A(truth)
    torch.testing.assert_close(plain_noise.y - truth, drawn.y - clean)
    assert drawn.physics.operator.kernel.shape == (3, 3)
    assert not torch.equal(simulate(truth, physics, noise=noise, seed=2).y, plain_noise.y)
    torch.testing.assert_close(simulate(truth, physics).y, truth)
    with pytest.raises(ParameterError, match=r"the physics has its own noise, Gaussian\(sigma=0\.1\)"):
        simulate(truth, ForwardModel(physics, noise), noise=noise)


def test_an_interrupted_run_goes_on_where_it_stopped(run, truth, tmp_path):
    def interrupted(y, physics):
        raise KeyboardInterrupt

    first, second = Iterative(truth), Iterative(truth + 1)
    folder = RunFolder.open(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        execute(run(Method("a", first), Method("b", interrupted)), folder=folder)
    assert folder.saved == ["a"]
    half = json.loads((tmp_path / "out" / "results.json").read_text())
    assert not half["finished"]
    assert [row["method"] for row in half["rows"]] == ["input", "a"]

    resumed = execute(
        run(Method("a", first), Method("b", second)), folder=RunFolder.open(tmp_path / "out", resume=True)
    )
    assert (first.calls, second.calls) == (1, 1)
    whole = execute(run(Method("a", first), Method("b", second)))
    for one, other in zip(resumed.outcomes, whole.outcomes, strict=True):
        assert torch.equal(one.image, other.image)
        assert (one.method, one.scores) == (other.method, other.scores)
        assert one.history.keys() == other.history.keys()
    assert json.loads((tmp_path / "out" / "results.json").read_text())["finished"]


def test_what_belongs_to_another_problem_is_computed_again(run, truth, tmp_path, measurement):
    model = Iterative(truth)
    where = tmp_path / "out"
    execute(run(Method("a", model)), folder=RunFolder.open(where))
    other = Run("A test", measurement.replace(y=measurement.y + 1), [Method("a", model)], {"mse": mse})
    execute(other, folder=RunFolder.open(where, resume=True))
    assert model.calls == 2
    execute(run(Method("a", model, parameters={"k": 1})), folder=RunFolder.open(where, resume=True))
    assert model.calls == 3
    (where / "reconstructions" / "a.safetensors").write_bytes(b"damaged")
    execute(run(Method("a", model)), folder=RunFolder.open(where, resume=True))
    assert model.calls == 4


def test_a_resumed_run_goes_on_with_the_same_data(run, truth, tmp_path, measurement):
    model = Iterative(truth)
    where = tmp_path / "out"

    def again(y):
        folder = RunFolder.open(where, resume=True)
        begun = folder.begin(Run("A test", measurement.replace(y=y), [Method("a", model)], {"mse": mse}))
        return execute(begun, folder=folder).measurement.y

    again(measurement.y)
    rounded = measurement.y * (1 + 1e-7)
    assert not torch.equal(rounded, measurement.y)
    assert torch.equal(again(rounded), measurement.y)
    assert model.calls == 1
    assert torch.equal(again(measurement.y + 1), measurement.y + 1)
    assert model.calls == 2


def test_a_folder_is_neither_overwritten_nor_invented(run, truth, tmp_path):
    where = tmp_path / "out"
    done = execute(run(Method("old", Blind(truth))), folder=RunFolder.open(where))
    (where / "notes.txt").write_text("mine")
    with pytest.raises(
        OutputExistsError, match=r"out is not empty and is left as it is; .*--force .*--resume"
    ):
        RunFolder.open(where)
    with pytest.raises(OutputError, match=r"the folder .*absent does not exist; create it"):
        RunFolder.open(tmp_path / "absent" / "out")
    with pytest.raises(OutputError, match=r"notes.txt is a file; give the name of a folder"):
        RunFolder.open(where / "notes.txt")
    assert done.done
    folder = RunFolder.open(where, overwrite=True)
    execute(run(Method("new", Blind(truth))), folder=folder)
    assert sorted(p.name for p in (where / "reconstructions").iterdir()) == ["new.safetensors"]
    assert (where / "notes.txt").read_text() == "mine"


def test_the_measurement_is_kept_for_others(run, truth, tmp_path):
    folder = RunFolder.open(tmp_path / "out")
    folder.begin(run(Method("a", Blind(truth))))
    kept = Measurement.load(tmp_path / "out" / "measurement.safetensors")
    assert torch.equal(kept.reference, truth)
    assert kept.physics.noise.sigma == pytest.approx(0.01)


def test_reports_are_written_and_a_broken_one_is_a_warning(run, truth, tmp_path):
    from wellposed.plugins import Component, Kind

    class Page:
        def __call__(self, run, folder, overwrite):
            (folder / "page.txt").write_text(run.title)
            return [folder / "page.txt"]

    def broken():
        raise RuntimeError("no ink")

    known = registry.isolated()
    if all(kind.name != "report" for kind in known.kinds()):
        known.add(Kind("report", "Pages."))
    known.add(Component("report", "lab.page", "__main__:page", "A page."), target=Page)
    known.add(Component("report", "lab.broken", "__main__:broken", "None."), target=broken)
    folder = RunFolder.open(tmp_path / "out")
    done = execute(run(Method("a", Blind(truth))), folder=folder)
    with pytest.warns(UserWarning, match=r"the report lab.broken failed: RuntimeError: no ink"):
        pages = write_reports(done, folder, known)
    assert tmp_path / "out" / "page.txt" in pages
    listed = json.loads((tmp_path / "out" / "results.json").read_text())["files"]
    assert "page.txt" in listed
    assert "pictures/a.png" in listed


def test_results_are_plain_json():
    data = plain({"a": math.inf, "b": (1, torch.tensor([1.0, math.nan])), "c": object, 1: True})
    assert data == {"a": None, "b": [1, [1.0, None]], "c": "<class 'object'>", "1": True}
    assert plain(torch.zeros(100, 100)) == "(100, 100)"


def test_file_names_are_safe_and_distinct():
    assert file_word("optim.tv:weight=1") != file_word("optim.tv-weight=1") == "optim.tv-weight=1"
    assert "/" not in file_word("../../etc/passwd")
    assert len(file_word("x" * 500)) < 100
