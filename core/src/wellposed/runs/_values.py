"""The values a run is made of: methods in, outcomes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import attrs
import torch
from torch import Tensor

from wellposed import registry as registries
from wellposed.errors import ParameterError
from wellposed.measurement import Measurement
from wellposed.registry import Registry
from wellposed.runs._facts import facts_of, versions_of
from wellposed.runs._greys import grey_window
from wellposed.runs._region import Region, seen_by
from wellposed.vectors import leaves

INPUT = "input"
"""The row of the measurement itself, which every method has to beat."""

_DEFAULT_METRICS = ("train.psnr", "train.ssim")


@attrs.frozen(eq=False)
class Method:
    """A reconstructor under a name.

    Parameters
    ----------
    label
        The name of its row, unique within a run.
    model
        ``x_hat = model(y, physics)``.
    name
        The registered name, where it has one.
    parameters
        What it was made with, as plain data.
    """

    label: str
    model: Any = attrs.field(repr=False)
    name: str | None = None
    parameters: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, name: str, /, registry: Registry | None = None, **parameters: Any) -> Self:
        """Return the registered reconstructor ``name`` made with ``parameters``."""
        registry = registries.default() if registry is None else registry
        require_kind(name, "reconstructor", registry)
        return cls(name, registry.create(name, **parameters), name, parameters)

    @property
    def iterations(self) -> int | None:
        """The most iterations it takes, where it says so."""
        for word in ("max_iterations", "iterations", "max_iter"):
            count = getattr(self.model, word, None)
            if type(count) is int:
                return count
        return None


def labelled(methods: Iterable[Method]) -> tuple[Method, ...]:
    """Tell methods of equal label apart by their parameters; refuse those that are the same twice."""
    listed = list(methods)
    labels = [m.label for m in listed]
    found = [attrs.evolve(m, label=_with_parameters(m)) if labels.count(m.label) > 1 else m for m in listed]
    names = [m.label for m in found]
    for name in names:
        if names.count(name) > 1 or name == INPUT:
            text = f"is given {names.count(name)} times" if name != INPUT else "is the measurement's own name"
            raise ParameterError(f"the method {name!r} {text}; give each a label of its own.")
    return tuple(found)


def _with_parameters(method: Method) -> str:
    listed = ",".join(f"{k}={v}" for k, v in method.parameters.items())
    return f"{method.label}:{listed}" if listed else method.label


def default_metrics(registry: Registry | None = None) -> dict[str, Any]:
    """Return PSNR and SSIM where they are installed: ``{"psnr": …, "ssim": …}``."""
    registry = registries.default() if registry is None else registry
    known = set(registry.names("metric"))
    return {name.partition(".")[2]: registry.create(name) for name in _DEFAULT_METRICS if name in known}


@attrs.frozen(eq=False)
class Outcome:
    """What one method gave.

    Attributes
    ----------
    method
        The method's label, or ``"input"``.
    image
        The reconstruction ``(B, …)`` on the CPU; ``None`` where the method failed.
    scores
        ``{metric: mean over the batch}``; ``None`` where a metric does not apply.
    seconds
        Wall-clock time of the method alone; ``None`` for the input.
    history
        ``{quantity: value per iteration}``, where the method reports its iterations.
    parameters
        What the method was made with.
    error
        Why there is no result, or no good one.
    """

    method: str
    image: Tensor | None = attrs.field(default=None, repr=False)
    scores: Mapping[str, float | None] = attrs.field(factory=dict)
    seconds: float | None = None
    history: Mapping[str, list[float]] = attrs.field(factory=dict, repr=False)
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    error: str | None = None

    @property
    def is_input(self) -> bool:
        """Whether this is the measurement, not a reconstruction."""
        return self.method == INPUT

    def row(self) -> dict[str, Any]:
        """Return the row of ``results.json``."""
        row: dict[str, Any] = {"method": self.method, **self.scores, "seconds": self.seconds}
        row["parameters"] = dict(self.parameters)
        return row if self.error is None else {**row, "error": self.error}


@attrs.frozen(eq=False)
class Run:
    """Methods to be compared on one measurement, and what came out so far.

    Parameters
    ----------
    title
        What is done, in a line.
    measurement
        ``y`` with its physics; with a reference, methods are scored against it.
    methods
        In the order of the table; equal names are told apart by their parameters.
    metrics
        ``{name: metric}``; PSNR and SSIM where pack ``train`` is installed, unless given.
    outcomes
        The input's, then one per method that has run.
    seed, config
        What made the measurement, kept for the record.
    """

    title: str
    measurement: Measurement
    methods: tuple[Method, ...] = attrs.field(converter=labelled)
    metrics: Mapping[str, Any] = attrs.field(factory=default_metrics)
    outcomes: tuple[Outcome, ...] = ()
    seed: int | None = None
    config: Mapping[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Check that there is something to reconstruct by."""
        if self.measurement.physics is None:
            raise ParameterError(
                "the measurement has no physics, so no method knows what to undo; give it one by "
                "measurement.replace(physics=…), or on the command line by --kernel or --physics."
            )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return attrs.evolve(self, **changes)

    @property
    def done(self) -> bool:
        """Whether every method has an outcome."""
        return {m.label for m in self.methods} <= {o.method for o in self.outcomes}

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes that are errors."""
        return tuple(o for o in self.outcomes if o.error is not None)

    @property
    def region(self) -> Region:
        """Where the images are compared."""
        image = self.measurement.reference
        if image is None:
            image = next((o.image for o in self.outcomes if not o.is_input and o.image is not None), None)
        return seen_by(self.measurement, image) or Region.known(self.measurement.reference)

    @property
    def reference(self) -> Tensor | None:
        """The truth on the :attr:`region`, on the CPU; real where it is a magnitude."""
        truth = self._truth
        return truth.abs() if truth is not None and self.magnitudes else truth

    @property
    def _truth(self) -> Tensor | None:
        truth = self.measurement.reference
        return self.region.crop(truth).cpu() if isinstance(truth, Tensor) else None

    @property
    def magnitudes(self) -> bool:
        """Whether the truth is a magnitude, which says nothing of the phase: then magnitudes are compared."""
        return bool(self.measurement.meta.get("reference_is_magnitude", False))

    def saved(self, outcome: Outcome) -> Tensor | None:
        """Return all of the image of ``outcome`` that the data show, compared or not."""
        region = seen_by(self.measurement, outcome.image)
        return outcome.image if region is None or outcome.image is None else region.crop(outcome.image)

    def shown(self, outcome: Outcome) -> Tensor | None:
        """Return the picture of ``outcome`` on the :attr:`region`."""
        whole = getattr(self.measurement.reference, "shape", None)
        if outcome.image is None or (outcome.is_input and outcome.image.shape != whole):
            return outcome.image
        return self.region.crop(outcome.image)

    @property
    def greys(self) -> tuple[float, float]:
        """The values that pictures of this run show as black and white, one pair for all."""
        results = [o.image for o in self.outcomes if not o.is_input and o.image is not None]
        shown = results or [o.image for o in self.outcomes if o.image is not None]
        return grey_window(self._truth, shown, self.measurement.physics)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table, one plain mapping per outcome."""
        return [outcome.row() for outcome in self.outcomes]

    def facts(self) -> dict[str, Any]:
        """Return what was measured and how: texts, numbers, and tensors that are small pictures."""
        return facts_of(self)

    def versions(self) -> dict[str, str]:
        """Return ``{distribution: version}`` of what made the outcomes."""
        return versions_of(self)


def require_kind(name: str, kind: str, registry: Registry) -> None:
    """Raise :class:`ParameterError` unless the component ``name`` is of ``kind``."""
    found = registry.component(name, kind)
    if found.kind != kind:
        listed = ", ".join(registry.names(kind)) or "none is installed"
        raise ParameterError(f"{name} is a {found.kind}, and a {kind} is expected: {listed}.")


def picture_of_input(measurement: Measurement) -> Tensor | None:
    """Return ``y`` where it is a picture, else its back-projection; ``None`` where there is neither.

    The back-projection is scaled to explain ``y`` best, so that it has the units of an image: line integrals
    summed over all views are thousands of times larger.
    """
    truth, y = measurement.reference, measurement.y
    shown = y if truth is None else truth
    if isinstance(y, Tensor) and y.ndim >= 4 and seen_by(measurement, shown) is not None:
        return y.detach().cpu()
    adjoint = getattr(measurement.physics, "A_adjoint", None)
    if adjoint is None or len(leaves(y)) == 0:
        return None
    with torch.no_grad():
        back = adjoint(y)
        if not isinstance(back, Tensor):
            return None
        return (back * _best_scale(measurement.physics, y, back)).detach().cpu()


def _best_scale(physics: Any, y: Any, back: Tensor) -> float:
    """Return argmin over α of ‖y − αAA*y‖, the step of steepest descent from zero; 1 where A is unknown."""
    forward = getattr(physics, "A", None)
    if forward is None:
        return 1.0
    explained = sum(float(part.abs().square().sum()) for part in leaves(forward(back)))
    return float(back.abs().square().sum()) / explained if explained > 0 else 1.0
