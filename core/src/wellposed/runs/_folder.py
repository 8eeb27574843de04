"""The folder of a run: every outcome as soon as it is there, so that an interrupted run can go on.

``reconstructions/NAME.safetensors`` holds an image in full precision with how it was made, ``results.json``
the table. A file belongs to a run if its fingerprint (of the measurement, the method and the versions) does.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from wellposed.atomic import write_text
from wellposed.errors import (
    FileFormatError,
    OutputError,
    OutputExistsError,
    ParameterError,
    RegistryError,
)
from wellposed.measurement import Measurement
from wellposed.runs._values import Method, Outcome, Run
from wellposed.vectors import leaves

RESULTS = "results.json"
MEASUREMENT = "measurement.safetensors"


class RunFolder:
    """Where a run is written.

    Parameters
    ----------
    path
        The folder; it is made where its parent exists.
    resume
        Whether finished methods are taken from it.

    Attributes
    ----------
    files
        What this run wrote, relative to the folder.
    saved
        The methods that are done.
    """

    def __init__(self, path: str | PathLike[str], *, resume: bool = False) -> None:
        self.path = Path(path)
        self.resume = resume
        self.files: list[str] = []
        self.saved: list[str] = []

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        resume: bool = False,
        resumable: bool = True,
    ) -> Self:
        """Return the folder, made if need be; earlier results are kept, replaced or refused.

        Raises
        ------
        OutputExistsError
            The folder is not empty, and neither ``overwrite`` nor ``resume`` is set; ``resume`` is offered
            where the caller is ``resumable``.
        OutputError
            It is a file, or its parent does not exist.
        """
        folder = cls(path, resume=resume)
        where = folder.path
        if where.exists() and not where.is_dir():
            raise OutputError(f"{where} is a file; give the name of a folder.")
        if not where.parent.is_dir():
            raise OutputError(f"Cannot make {where}: the folder {where.parent} does not exist; create it.")
        if not overwrite and not resume and where.is_dir() and any(where.iterdir()):
            ways = (
                "another folder, --force to replace earlier results, or --resume to finish an interrupted run"
            )
            if not resumable:
                ways = "another folder, or --force to replace earlier results"
            raise OutputExistsError(f"{where} is not empty and is left as it is; give {ways}.")
        where.mkdir(exist_ok=True)
        if overwrite and not resume:
            folder._remove_earlier()
        return folder

    def _remove_earlier(self) -> None:
        """Remove what an earlier run says it wrote here, and nothing else."""
        try:
            names = json.loads((self.path / RESULTS).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        for name in names if isinstance(names, list) else ():
            target = self.path / str(name)
            if target.is_file() and target.resolve().is_relative_to(self.path.resolve()):
                target.unlink()

    def begin(self, run: Run) -> Run:
        """Save the measurement, so that others can compare on it, and return ``run`` on what was saved.

        A resumed run goes on with the measurement of the interrupted one where they agree: simulated twice,
        the last bits may differ (an FFT's rounding depends on where in memory the data lie). A physics that
        cannot be saved, a stranger's without a name, leaves no file.
        """
        path = self.path / MEASUREMENT
        if self.resume and (kept := _loaded(path)) is not None and _agree(kept, run.measurement):
            run = run.replace(measurement=kept)
        else:
            try:
                run.measurement.save(path, overwrite=True)
            except ParameterError:
                return run
        self.wrote([MEASUREMENT])
        return run

    def load(self, run: Run, method: Method) -> Outcome | None:
        """Return the outcome that an earlier run left for ``method``; ``None`` where there is none."""
        path = self.path / image_name(method)
        if not self.resume:
            return None
        kept = _loaded(path)
        meta = {} if kept is None else kept.meta
        if (
            kept is None
            or not isinstance(kept.y, Tensor)
            or meta.get("fingerprint") != fingerprint(run, method)
        ):
            return None
        scores, history, seconds = meta["scores"], meta["history"], meta["seconds"]
        return Outcome(method.label, kept.y, scores, seconds, history, dict(method.parameters), meta["error"])

    def save(self, run: Run, method: Method, outcome: Outcome, *, write_image: bool = True) -> None:
        """Save what ``method`` gave, and the table so far."""
        if outcome.image is not None:
            name = image_name(method)
            if write_image:
                (self.path / name).parent.mkdir(exist_ok=True)
                _kept(run, method, outcome).save(self.path / name, overwrite=True)
            self.wrote([name])
        self.saved.append(method.label)
        self.write_results(run)

    def wrote(self, names: Iterable[str]) -> None:
        """Remember files as this run's own."""
        self.files = list(dict.fromkeys([*self.files, *names]))

    def write_results(self, run: Run) -> None:
        """Write ``results.json``."""
        data = {
            "title": run.title,
            "finished": run.done,
            "rows": run.rows(),
            "greys": run.greys,
            "seed": run.seed,
            "versions": run.versions(),
            "threads": torch.get_num_threads(),
            "config": dict(run.config),
            "files": [*self.files, RESULTS],
        }
        text = json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self.path / RESULTS, text + "\n", overwrite=True)


def image_name(method: Method) -> str:
    """Return where the image of ``method`` lies in the folder."""
    return f"reconstructions/{file_word(method.label)}.safetensors"


def file_word(label: str) -> str:
    """Return ``label`` as a file's name; one that had to be changed carries a digest of the original."""
    word = re.sub(r"[^\w.=,+-]+", "-", label).strip(".-")
    if word == label and len(word) <= 80:
        return word
    return f"{word[:80]}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _loaded(path: Path) -> Measurement | None:
    """Return the measurement in ``path``; ``None`` where there is none, or none that can be trusted."""
    try:
        return Measurement.load(path)
    except (FileFormatError, RegistryError, OSError):
        return None


def _agree(one: Measurement, other: Measurement) -> bool:
    if repr(one.physics) != repr(other.physics):
        return False
    pairs = list(zip(_tensors(one), _tensors(other), strict=False))
    same_count = len(pairs) == len(list(_tensors(one))) == len(list(_tensors(other)))
    return same_count and all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in pairs
    )


def _kept(run: Run, method: Method, outcome: Outcome) -> Measurement:
    assert outcome.image is not None
    history = {name: [float(v) for v in values] for name, values in outcome.history.items()}
    meta = {
        "method": method.label,
        "fingerprint": fingerprint(run, method),
        "scores": dict(outcome.scores),
        "seconds": outcome.seconds,
        "history": history,
        "error": outcome.error,
    }
    return Measurement(outcome.image, meta=meta)


def fingerprint(run: Run, method: Method) -> str:
    """Return a digest of all that the outcome of ``method`` depends on."""
    digest = hashlib.sha256()
    words = (
        method.name,
        sorted(method.parameters.items()),
        sorted(run.metrics),
        sorted(run.versions().items()),
    )
    digest.update(repr((*words, repr(run.measurement.physics))).encode())
    for tensor in _tensors(run.measurement):
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update((torch.view_as_real(tensor) if tensor.is_complex() else tensor).numpy().tobytes())
    return digest.hexdigest()


def _tensors(measurement: Measurement) -> Iterator[Tensor]:
    reference, physics = measurement.reference, measurement.physics
    state = physics.state_dict().values() if isinstance(physics, torch.nn.Module) else ()
    for tensor in (*leaves(measurement.y), *(() if reference is None else leaves(reference)), *state):
        yield tensor.detach().cpu().resolve_conj().contiguous()


def plain(value: Any) -> Any:
    """Return ``value`` as JSON holds it: numbers that are not finite become ``null``, the strange text."""
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if isinstance(value, Tensor):
        return plain(value.detach().cpu().tolist()) if value.numel() <= 4096 else str(tuple(value.shape))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else repr(value)
