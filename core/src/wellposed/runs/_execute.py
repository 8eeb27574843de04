"""Carry out a run: each method by itself, so that one that fails costs the others nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed import registry as registries
from wellposed.errors import WellposedError
from wellposed.registry import Registry
from wellposed.runs._folder import RunFolder
from wellposed.runs._listener import Listener
from wellposed.runs._recording import Recorder, Stopwatch, device_of, reports_iterations, warm_up
from wellposed.runs._region import Region
from wellposed.runs._values import INPUT, Method, Outcome, Run, picture_of_input


def execute(
    run: Run,
    *,
    folder: RunFolder | None = None,
    listener: Listener | None = None,
    history: bool = True,
    registry: Registry | None = None,
) -> Run:
    """Return ``run`` with the outcome of every method.

    Packs hear of it by the ``on_run_start``, ``on_method_start``, ``on_method_done`` and ``on_run_done``
    hooks. A method that raises is recorded with its error, and the next one begins.

    Parameters
    ----------
    run
        What to do. Outcomes that it has already are kept and not computed again.
    folder
        Where each outcome is saved as soon as it is there; outcomes that an interrupted run left in it are
        taken from it.
    listener
        Hears of every step, a progress bar for example.
    history
        Whether to record what iterations reach, with the clock stopped; without, they are only counted.
    registry
        Whose packs hear the events; the process default when ``None``.
    """
    registry = registries.default() if registry is None else registry
    listener = Listener() if listener is None else listener
    error: BaseException | None = None
    if not any(o.is_input for o in run.outcomes):
        run = run.replace(outcomes=(_input(run), *run.outcomes))
    registry.emit("on_run_start", run=run)
    listener.run_starts(run)
    try:
        for method in run.methods:
            if all(o.method != method.label for o in run.outcomes):
                run = _one(run, method, folder, listener, history, registry)
        return run
    except BaseException as caught:
        error = caught
        raise
    finally:
        registry.emit("on_run_done", run=run, error=error)


def _one(
    run: Run, method: Method, folder: RunFolder | None, listener: Listener, history: bool, registry: Registry
) -> Run:
    registry.emit("on_method_start", run=run, method=method.label)
    listener.method_starts(method, method.iterations)
    outcome = None if folder is None else folder.load(run, method)
    resumed = outcome is not None
    if outcome is None:
        outcome = attempt(run, method, listener, history)
    run = run.replace(outcomes=(*run.outcomes, outcome))
    if folder is not None:
        folder.save(run, method, outcome, write_image=not resumed)
    listener.method_ends(method, outcome, resumed)
    registry.emit("on_method_done", run=run, method=method.label, result=outcome)
    return run


def attempt(run: Run, method: Method, listener: Listener, history: bool = True) -> Outcome:
    """Return what ``method`` gives, or its error."""
    base = Outcome(method.label, parameters=dict(method.parameters))
    watch = Stopwatch(device_of(run.measurement))
    recorder = _recorder(run, method, watch, listener) if history else None
    try:
        with torch.no_grad():
            warm_up(run.measurement)
            image = _call(run, method, watch, recorder, listener)
    except Exception as error:  # a stranger's method: anything comes, and it must not stop the others
        return attrs.evolve(base, error=_sentence(error))
    found = {} if recorder is None else recorder.history
    if not isinstance(image, Tensor):
        return attrs.evolve(base, error=f"returned a {type(image).__name__}, and an image is expected.")
    image = image.detach().cpu()
    outcome = attrs.evolve(base, image=image, seconds=watch.seconds, history=found, error=_flaw(run, image))
    return attrs.evolve(outcome, scores=score(run, image))


def _call(run: Run, method: Method, watch: Stopwatch, recorder: Recorder | None, listener: Listener) -> Any:
    y, physics = run.measurement.y, run.measurement.physics
    if not reports_iterations(method.model):
        with watch:
            return method.model(y, physics)

    def count(iteration: int, _: Tensor) -> None:
        listener.iteration(method, iteration)

    with watch:
        return method.model.solve(y, physics, callback=count if recorder is None else recorder).x


def _recorder(run: Run, method: Method, watch: Stopwatch, listener: Listener) -> Recorder:
    name = next(iter(run.metrics), None)

    def value(x: Tensor) -> float | None:
        return score(run, x.detach().cpu()).get(name or "")

    named = None if name is None or run.measurement.reference is None else (name.upper(), value)
    return Recorder(method.model, run.measurement, watch, lambda k: listener.iteration(method, k), named)


def score(run: Run, image: Tensor) -> dict[str, float | None]:
    """Return every metric of ``image`` on the region of comparison, averaged over the batch.

    A metric that refuses (SSIM of complex images, say) gives ``None``; without a reference there is none.
    """
    truth = run.measurement.reference
    if not isinstance(truth, Tensor) or image.shape != truth.shape:
        return dict.fromkeys(run.metrics)
    region = run.region
    image, truth = region.crop(image), region.crop(truth).cpu()
    if run.magnitudes:
        image, truth = image.abs(), truth.abs()
    return _scores(run.metrics, image, truth)


def _scores(metrics: Mapping[str, Any], image: Tensor, truth: Tensor) -> dict[str, float | None]:
    return {name: _score(metric, image, truth) for name, metric in metrics.items()}


def _score(metric: Any, image: Tensor, truth: Tensor) -> float | None:
    try:
        with torch.no_grad():
            return float(metric(image, truth).mean())
    except WellposedError:
        return None


def _input(run: Run) -> Outcome:
    image, truth = picture_of_input(run.measurement), run.measurement.reference
    scores: dict[str, float | None] = dict.fromkeys(run.metrics)
    region = Region.between(truth, image)
    if image is not None and isinstance(truth, Tensor) and region is not None:
        scores = _scores(run.metrics, image, region.crop(truth).cpu())
    elif image is not None and run.magnitudes:
        scores = score(run, image)
    return Outcome(INPUT, image, scores)


def _flaw(run: Run, image: Tensor) -> str | None:
    bad = int((~torch.isfinite(image)).sum())
    if bad:
        return f"{bad} of {image.numel()} values of the result are NaN or infinite."
    truth = run.measurement.reference
    if isinstance(truth, Tensor) and image.shape != truth.shape:
        return f"the result has shape {tuple(image.shape)}, and the reference {tuple(truth.shape)}."
    return None


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, WellposedError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
