"""``check``: one call that says whether a component keeps its promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from wellposed.errors import ParameterError
from wellposed.random import mix
from wellposed.spaces import AnySpace, ProductSpace, Space
from wellposed.testing.construct import CONSTRUCTS, examples_of, not_constructed, require_hypothesis
from wellposed.testing.engine import describe, expect, merge, run
from wellposed.testing.example import Example
from wellposed.testing.kinds import kind_of
from wellposed.testing.report import Report, Result
from wellposed.testing.table import kind_checks

if TYPE_CHECKING:
    from wellposed.plugins import Component
    from wellposed.registry import Registry


def check(
    obj: Any,
    *,
    domain: AnySpace | Sequence[int] | None = None,
    kind: str | None = None,
    physics: Any = None,
    seed: int = 0,
    checks: Sequence[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    max_examples: int = 4,
) -> Report:
    """Check a component, ours or a stranger's, and return what was found.

    Parameters
    ----------
    obj
        The component, or the name of a registered one, which is then built from its examples.
    domain
        The space of its inputs, for objects that do not know it; small, odd and non-square shapes are
        best. Given, it is the only one used. A bare shape such as ``(1, 6, 7)`` means double precision.
    kind
        ``"physics"``, ``"denoiser"``, …; told by the object's shape when left out.
    physics
        What a reconstructor or loss is tried on; the kit has a small one of its own.
    seed
        Everything random derives from it.
    checks
        Names of the checks to run (with those they rest on); all of them when left out.
    expected_failures
        ``{check: reason}`` of known failures. Strict: one that passes is a failure.
    registry
        Where a name is looked up; the process default when left out.
    max_examples
        How many examples of a registered component are drawn.

    Returns
    -------
    Report
        ``report.ok``, ``report.results``; prints readably; ``report.raise_for_failures()`` for tests.

    Raises
    ------
    ParameterError
        The kind cannot be told, a check does not exist, or ``domain`` is neither space nor shape.
    RegistryError
        There is no component of this name.

    Examples
    --------
    >>> import torch, wellposed
    >>> class Double:
    ...     def A(self, x): return 2 * x
    ...     def A_adjoint(self, y): return y
    >>> report = check(Double(), domain=wellposed.Space((1, 6, 7), torch.float64))
    >>> report["adjoint"].message.partition(" (")[0]
    'A_adjoint is not the adjoint of A: scaled by 0.5'
    """
    if isinstance(obj, str):
        return _check_name(obj, seed, checks, expected_failures, registry, max_examples)
    kind = kind or kind_of(obj)
    domain = None if domain is None else _space(domain)
    example = Example({}, domain, physics, expected_failures or {})
    results, where = _check_object(obj, kind, example, seed, checks, registry)
    given = "" if domain is None else f", domain={_code(domain)}"
    line = f"wellposed.testing.check(obj{given}, kind={kind!r}, seed={seed}, checks=[{{!r}}])"
    results = [_with_reproduce(r, line.format(r.check)) for r in results]
    return Report(type(obj).__name__, kind, results, seed, where)


def _space(domain: AnySpace | Sequence[int]) -> AnySpace:
    if isinstance(domain, Space | ProductSpace):
        return domain
    if isinstance(domain, tuple | list) and all(type(n) is int for n in domain):
        return Space(domain, torch.float64)
    raise ParameterError(
        f"domain={domain!r:.60} is no space; pass wellposed.Space((1, 6, 7), torch.float64), or the shape "
        "(1, 6, 7) of one sample."
    )


def _check_object(
    obj: Any, kind: str, example: Example, seed: int, wanted: Sequence[str] | None, registry: Registry | None
) -> tuple[list[Result], str]:
    table = kind_checks(kind, registry)
    case = table.case(obj, example.domain, example.physics, seed)
    results = expect(run(case, table.checks, wanted), example.expected_failures)
    where = example.domain or case.__dict__.get("domain")
    return results, "" if where is None else str(where)


def _check_name(
    name: str,
    seed: int,
    wanted: Sequence[str] | None,
    expected: Mapping[str, str] | None,
    registry: Registry | None,
    max_examples: int,
) -> Report:
    from wellposed import registry as registries

    source = registry or registries.default()
    record = source.component(name)
    runs = []
    where = ""
    known = expected if expected is not None else record.known_failures
    for i, example in enumerate(_examples(record, seed, source, max_examples)):
        if isinstance(example, Exception):
            runs.append(("", not_constructed(record, example, wanted, source)))
            continue
        at = mix(seed, i) if i else seed
        results, where = _check_example(record, example, at, wanted, source)
        runs.append((describe(example.arguments), results))
    merged = expect(merge(runs), {k: v for k, v in known.items() if wanted is None or k in wanted})
    line = f"wellposed check {name} --seed {seed} --check "
    results = [_with_reproduce(r, line + r.check) for r in merged]
    return Report(name, record.kind, results, seed, where if len(runs) == 1 else f"{len(runs)} examples")


def _examples(record: Component, seed: int, registry: Registry, n: int) -> Sequence[Example | Exception]:
    """Return examples of a component, or what stops it from having any."""
    if record.examples is not None:
        require_hypothesis("checking a component by its name")
    try:
        return examples_of(record.name, seed, registry, n)
    except Exception as error:  # an examples function is a stranger's code, and a finding when it raises
        return [error]


def _check_example(
    record: Component, example: Example, seed: int, wanted: Sequence[str] | None, registry: Registry
) -> tuple[list[Result], str]:
    try:
        obj = registry.create(record.name, **example.arguments)
    except Exception as error:  # and so is a constructor
        return not_constructed(record, error, wanted, registry), ""
    plain = Example({}, example.domain, example.physics, dict(example.expected_failures))
    others = None if wanted is None else [name for name in wanted if name != CONSTRUCTS]
    results, where = _check_object(obj, record.kind, plain, seed, others, registry)
    made = [Result(CONSTRUCTS, "passed")] if wanted is None or CONSTRUCTS in wanted else []
    return made + results, where


def _with_reproduce(result: Result, line: str) -> Result:
    reproduce = line if result.status == "failed" else ""
    return Result(result.check, result.status, result.message, reproduce, result.seconds)


def _code(space: AnySpace) -> str:
    if isinstance(space, ProductSpace):
        return f"wellposed.ProductSpace([{', '.join(map(_code, space.spaces))}])"
    assert isinstance(space, Space)
    return f"wellposed.Space({space.shape}, {space.dtype})"
